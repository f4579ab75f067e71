"""evacuate/cancel: an instance that was to leave its node stays (reference kubevirt-subresources.md 3.9)."""

from __future__ import annotations

from collections.abc import Callable

from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.errors import BadRequest, InternalError, NotFound, StatusError
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.machinery.verbs.protocol import Answer, SubresourceRequest
from solovirt.subresources import options as bodies
from solovirt.subresources.guest_commands import DONE
from solovirt.subresources.instances import INSTANCES, MACHINES, Instances

_DRAIN_TAINT = "kubevirt.io/drain"
_EFFECT = "NoSchedule"
# What the API server says of a JSON patch whose test fails.
_REJECTED = "the server rejected our request due to an error in our request"


def install(
    registry: Registry, instances: Instances, objects: Callable[[], Objects], cluster: Callable[[], Cluster]
) -> None:
    """Answer it for machines and instances from now on; *objects* writes for virt-api."""
    evacuations = _Evacuations(instances, objects, cluster)
    registry.handle(INSTANCES, "evacuate/cancel", evacuations.cancel_for_instance)
    registry.handle(MACHINES, "evacuate/cancel", evacuations.cancel_for_machine)


class _Evacuations:
    def __init__(self, instances: Instances, objects: Callable[[], Objects], cluster: Callable[[], Cluster]) -> None:
        self._instances = instances
        self._objects = objects
        self._cluster = cluster

    async def cancel_for_instance(self, request: SubresourceRequest) -> Answer:
        return await self._cancel(request, self._instances.instance(request.target.key))

    async def cancel_for_machine(self, request: SubresourceRequest) -> Answer:
        return await self._cancel(request, self._instances.instance_of_machine(request.target.key))

    async def _cancel(self, request: SubresourceRequest, instance: Document) -> Answer:
        status = instance.get("status") or {}
        evacuated = status.get("evacuationNodeName") or ""
        self._check_node(evacuated or status.get("nodeName") or "")
        if not evacuated:
            return DONE
        given = await bodies.body(request)
        if given is None:
            raise BadRequest("No body")
        if given.get("evacuationNodeName") != evacuated:
            raise InternalError.of(_REJECTED)
        if given.get("dryRun"):
            return DONE

        def edit(document: Document) -> None:
            if (document.get("status") or {}).get("evacuationNodeName") == evacuated:
                del document["status"]["evacuationNodeName"]

        metadata = instance["metadata"]
        key = ObjectKey(metadata["namespace"], metadata["name"])
        try:
            await self._objects().edit(names.VIRTUAL_MACHINE_INSTANCES, key, edit)
        except StatusError as error:
            raise InternalError.of(error.message) from error
        return DONE

    def _check_node(self, name: str) -> None:
        """Raises BadRequest for a node that is being drained in the old way, which cancelling could not stop."""
        taint = self._cluster().migrations.get("nodeDrainTaintKey") or _DRAIN_TAINT
        node = self._objects().get(core.NODES, ObjectKey("", name))
        if node is None:
            raise InternalError.of(NotFound.of(core.NODES, name).message)
        for one in (node.get("spec") or {}).get("taints") or ():
            if one["key"] == taint and one["effect"] == _EFFECT:
                raise BadRequest(f'Node "{name}" has NodeDrainTaintKey "{taint}:{_EFFECT}"')
