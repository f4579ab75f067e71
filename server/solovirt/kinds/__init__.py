"""
The kinds that Solovirt serves, one package for each API group.

A package holds the group's declarations (`resources`), its field models (`models`, imported only when a kind is first used) and what its
kinds do while they are written (`behaviour`). Its `RESOURCES` are what it serves.

Modules of models do without `from __future__ import annotations`: pydantic would have to evaluate every annotation from its text, which
makes importing them a third slower.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from solovirt.machinery.resource import Resource

# The order of groups in discovery, which settles ambiguous short names: Kubernetes' own by their priority, then the others by name
# (reference kubernetes-api.md 1.1).
_PACKAGES = (
    "core",
    "apps",
    "authentication",
    "authorization",
    "autoscaling",
    "batch",
    "networking",
    "policy",
    "rbac",
    "storage",
    "scheduling",
    "coordination",
    "discovery",
    "events",
    "admissionregistration",
    "apiextensions",
    "apiregistration",
    "cdi",
    "clone",
    "cni",
    "export",
    "instancetype",
    "kubevirt",
    "migrations",
    "pool",
    "snapshot",
    "volume_snapshots",
    "subresources",
    "upload",
    # Last, so that the short names vmf and vmcf mean what they mean in KubeVirt today: instancetypes.
    "flavor",
)


def builtin() -> tuple[Resource, ...]:
    """Every kind that ships with Solovirt, in the order of discovery."""
    out: list[Resource] = []
    for package in _PACKAGES:
        out += importlib.import_module(f"solovirt.kinds.{package}").RESOURCES
    return tuple(out)
