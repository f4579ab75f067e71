"""What the subresources.kubevirt.io group serves (reference kubevirt-subresources.md 1)."""

from __future__ import annotations

from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Resource, Scope, Subresource, Version

GROUP = "subresources.kubevirt.io"
_VERSIONS = (Version("v1"), Version("v1alpha3", storage=False))


def _acting(name: str, *, listed: bool = True) -> Subresource:
    """A PUT that acts; discovery shows neither its kind nor its verbs, and KubeVirt does not tell of all of them."""
    return Subresource(name, ("update",), "", listed=listed)


def _telling(name: str, *, listed: bool = True) -> Subresource:
    """A GET that answers with something computed, or that becomes a stream. KubeVirt does not tell of all of them."""
    return Subresource(name, ("get",), "", listed=listed)


def _about(name: str) -> Resource:
    """A GET about the installation as a whole; discovery does not tell of it (reference 6)."""
    return Resource(
        group=GROUP,
        kind="",
        plural=name,
        singular="",
        scope=Scope.CLUSTER,
        versions=_VERSIONS,
        behaviour=Behaviour(),
        verbs=("list",),
        has_generation=False,
        virtual=True,
        listed=False,
    )


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
        subresources=(
            _acting("start"),
            _acting("stop"),
            _acting("restart"),
            _telling("expand-spec"),
            _telling("objectgraph"),
            _acting("evacuate/cancel"),
            _telling("portforward", listed=False),
            *(_acting(f"{verb}volume", listed=False) for verb in ("add", "remove")),
            *(_acting(name, listed=False) for name in ("memorydump", "removememorydump")),
        ),
        has_generation=False,
    ),
    Resource(
        group=GROUP,
        kind="",
        plural="virtualmachineinstances",
        singular="",
        scope=Scope.NAMESPACED,
        versions=_VERSIONS,
        behaviour=Behaviour(),
        verbs=(),
        subresources=(
            *(_telling(name) for name in ("vnc", "vnc/screenshot", "console", "portforward")),
            *(_acting(name) for name in ("backup", "redefine-checkpoint")),
            *(_acting(name) for name in ("pause", "unpause", "freeze", "unfreeze", "reset", "softreboot")),
            *(_telling(name) for name in ("guestosinfo", "userlist", "filesystemlist")),
            *(_acting(f"{verb}volume") for verb in ("add", "remove")),
            *(_telling(f"sev/{name}") for name in ("fetchcertchain", "querylaunchmeasurement")),
            *(_acting(f"sev/{name}") for name in ("setupsession", "injectlaunchsecret")),
            _telling("objectgraph"),
            _acting("evacuate/cancel"),
            *(_telling(name, listed=False) for name in ("usbredir", "vsock")),
        ),
        has_generation=False,
    ),
    _about("version"),
    _about("guestfs"),
    _about("healthz"),
)
