"""What the subresources.kubevirt.io group serves (reference kubevirt-subresources.md 1)."""

from __future__ import annotations

from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Resource, Scope, Subresource, Version

GROUP = "subresources.kubevirt.io"
_VERSIONS = (Version("v1"), Version("v1alpha3", storage=False))


def _acting(name: str) -> Subresource:
    """A PUT that acts; discovery shows neither its kind nor its verbs."""
    return Subresource(name, ("update",), "")


def _telling(name: str) -> Subresource:
    """A GET that answers with something computed."""
    return Subresource(name, ("get",), "")


RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="",
        plural="expand-vm-spec",
        singular="",
        scope=Scope.NAMESPACED,
        versions=_VERSIONS,
        behaviour=Behaviour(),
        verbs=("update",),
        has_generation=False,
        virtual=True,
    ),
    Resource(
        group=GROUP,
        kind="",
        plural="virtualmachines",
        singular="",
        scope=Scope.NAMESPACED,
        versions=_VERSIONS,
        behaviour=Behaviour(),
        verbs=(),
        subresources=(_acting("start"), _acting("stop"), _acting("restart"), _telling("expand-spec")),
        has_generation=False,
    ),
)
