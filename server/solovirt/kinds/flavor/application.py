"""
Flavors, applied to the instance that a VirtualMachine describes (reference kubevirt-flavor.md 3.4 and 4, as of v0.53).

Admission applies a flavor to a copy of the template, so that the rules see its CPU; a start applies it to the instance just before that is
created. Both read the live flavor: nothing of it is stored with the VM.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

from solovirt.machinery.resource import Document, GroupResource, ObjectKey

GROUP = "flavor.kubevirt.io"
FLAVORS = GroupResource(GROUP, "virtualmachineflavors")
CLUSTER_FLAVORS = GroupResource(GROUP, "virtualmachineclusterflavors")

NAME_ANNOTATION = "kubevirt.io/flavor-name"
CLUSTER_NAME_ANNOTATION = "kubevirt.io/cluster-flavor-name"

CONFLICT_PATH = "spec.domain.cpu"
"""The field of an instance that a flavor and a template may both want to fill."""

_KINDS = {
    "": CLUSTER_FLAVORS,
    "virtualmachineflavor": FLAVORS,
    "virtualmachineflavors": FLAVORS,
    "virtualmachineclusterflavor": CLUSTER_FLAVORS,
    "virtualmachineclusterflavors": CLUSTER_FLAVORS,
}

Get = Callable[[GroupResource, ObjectKey], Document | None]
"""Looks an object up: `LookUp.get` in admission, `Objects.get` in a controller."""


class FlavorNotFound(LookupError):
    """The matcher names no flavor that exists; the text is what KubeVirt says."""


class FlavorConflict(ValueError):
    """The template sets what the flavor would fill."""

    def __init__(self, paths: tuple[str, ...] = (CONFLICT_PATH,)) -> None:
        super().__init__(f"VMI conflicts with flavor spec in fields: [{' '.join(paths)}]")
        self.paths = paths


@dataclass(frozen=True, slots=True)
class Flavor:
    """A flavor that was found: which kind it is of, its name and its spec."""

    resource: GroupResource
    name: str
    spec: Document

    @property
    def annotation(self) -> tuple[str, str]:
        """The annotation by which an instance names its flavor."""
        return (NAME_ANNOTATION if self.resource == FLAVORS else CLUSTER_NAME_ANNOTATION, self.name)


def find(matcher: Document, namespace: str, get: Get) -> Flavor:
    """
    The flavor that `spec.flavor` of a VM in *namespace* names.

    The kind may be singular or plural and in any case; without one it is the cluster's. Raises FlavorNotFound.
    """
    kind = matcher.get("kind") or ""
    name = matcher.get("name") or ""
    resource = _KINDS.get(kind.lower())
    if resource is None:
        raise FlavorNotFound(f"got unexpected kind in FlavorMatcher: {kind}")
    key = ObjectKey(namespace if resource == FLAVORS else "", name)
    found = get(resource, key)
    if found is None:
        singular = resource.plural.removesuffix("s")
        raise FlavorNotFound(f'{singular}.{GROUP} "{key}" not found')
    return Flavor(resource, name, found.get("spec") or {})


def apply(flavor: Flavor, instance_spec: Document) -> None:
    """
    Fill *instance_spec* (of an instance, or of a VM's template) from the flavor, in place.

    The CPU is taken whole or not at all. Raises FlavorConflict if the spec says anything about the CPU already; nothing is changed then.
    """
    cpu = flavor.spec.get("cpu")
    if cpu is None:
        return
    domain = instance_spec.setdefault("domain", {})
    if domain.get("cpu") is not None:
        raise FlavorConflict
    domain["cpu"] = copy.deepcopy(cpu)
