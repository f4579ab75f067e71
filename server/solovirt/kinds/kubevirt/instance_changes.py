"""
What may change in an instance that exists (reference kubevirt-validation.md 7).

Users may change nothing in a spec. KubeVirt's own parts may: processors, memory and volumes that are plugged in or out. A node's virt-handler may do
even that only to the instances of its node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from solovirt.kinds.kubevirt import denial
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.kinds.kubevirt.rules import hotplug, metadata
from solovirt.machinery import quantity
from solovirt.machinery.auth.identity import User
from solovirt.machinery.errors import Cause
from solovirt.machinery.resource import Document

NODE_NAME = "authentication.kubernetes.io/node-name"
"""In a user's extra information: the node whose virt-handler it is."""


def check(new: Document, old: Document, user: User, *, cluster: Cluster) -> list[Cause]:
    """Rules 201 to 208: the first that finds something answers alone."""
    return next((causes for causes in _stages(new, old, user, cluster) if causes), [])


def _stages(new: Document, old: Document, user: User, cluster: Cluster) -> Iterator[list[Cause]]:
    trusted = metadata.is_kubevirt_account(user, cluster=cluster)
    if trusted and cluster.has("NodeRestriction") and metadata.is_handler(user, cluster=cluster):
        yield _check_node(new, old, user)
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    if spec != before:
        if not trusted:
            yield [denial.not_supported(None, "update of VMI object is restricted")]
        status = old.get("status") or {}
        yield _check_sizes(spec, before)
        moved = {"migratedVolumes": (new.get("status") or {}).get("migratedVolumes")}
        if _plugged(spec) != _plugged(before):
            yield hotplug.check_change(spec, before, {**status, **moved}, cluster=cluster)
        yield hotplug.check_utility_volumes(spec, before, status, cluster=cluster)
    if not trusted:
        yield metadata.check_change(new.get("metadata") or {}, old.get("metadata") or {})


def _plugged(spec: Mapping[str, Any]) -> tuple[Any, ...]:
    devices = (spec.get("domain") or {}).get("devices") or {}
    return spec.get("volumes"), devices.get("disks"), devices.get("filesystems")


def _check_node(new: Document, old: Document, user: User) -> list[Cause]:
    """Rule 208."""
    node = next(iter(user.extra.get(NODE_NAME) or ()), None)
    if node is None:
        text = "Node restriction failed, virt-handler service account is missing node name"
        return [denial.invalid(None, text)]
    before, after = old.get("status") or {}, new.get("status") or {}
    target = (before.get("migrationState") or {}).get("targetNode") or ""
    if node not in {before.get("nodeName") or "", target} - {""}:
        return [denial.invalid(None, "Node restriction, virt-handler is only allowed to modify VMIs it owns")]
    if not target and (after.get("migrationState") or {}).get("targetNode"):
        return [denial.invalid(None, "Node restriction, virt-handler is not allowed to set target node")]
    return []


def _check_sizes(new: Mapping[str, Any], old: Mapping[str, Any]) -> list[Cause]:
    """Rule 203: how far processors and memory can grow is decided once."""
    sockets = [((spec.get("domain") or {}).get("cpu") or {}).get("maxSockets") or 0 for spec in (new, old)]
    if sockets[0] != sockets[1]:
        return [denial.invalid(None, "CPU topology maxSockets changed")]
    guest = [((spec.get("domain") or {}).get("memory") or {}).get("maxGuest") for spec in (new, old)]
    if None not in guest and quantity.number(guest[0]) != quantity.number(guest[1]):
        return [denial.invalid(None, "Memory maxGuest changed")]
    return []
