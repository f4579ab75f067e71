"""backup and redefine-checkpoint of an instance (reference kubevirt-subresources.md 4): refused, as nothing tracks changed blocks."""

from __future__ import annotations

from solovirt.machinery.registry import Registry
from solovirt.machinery.verbs.protocol import Answer, SubresourceRequest
from solovirt.subresources.instances import INSTANCES, Instances, conflict, phase, refused_by_node

_TRACKED = "Enabled"


def install(registry: Registry, instances: Instances) -> None:
    """Answer both from now on."""

    async def refuse(request: SubresourceRequest) -> Answer:
        instance = instances.instance(request.target.key)
        if phase(instance) != "Running":
            raise conflict(instance, "VM is not running")
        tracking = (instance.get("status") or {}).get("changedBlockTracking") or {}
        if tracking.get("state") != _TRACKED:
            raise conflict(instance, "ChangedBlockTracking is not enabled")
        raise refused_by_node("this runtime makes no backups")

    registry.handle(INSTANCES, "backup", refuse)
    registry.handle(INSTANCES, "redefine-checkpoint", refuse)
