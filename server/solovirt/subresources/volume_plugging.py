"""
addvolume and removevolume of machines and instances (reference kubevirt-subresources.md 3.7).

Nothing is plugged here: the volume is written into the template or the instance, or, behind the gate HotplugVolumes, into the machine's
requests; controllers act on it.
"""

from __future__ import annotations

from typing import Any

from solovirt.kinds.kubevirt import names, volume_requests
from solovirt.machinery.errors import BadRequest, Conflict
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource
from solovirt.machinery.store.protocol import Store
from solovirt.machinery.verbs.protocol import Answer, Api, SubresourceRequest
from solovirt.subresources import options as bodies
from solovirt.subresources.instances import INSTANCE, INSTANCES, MACHINE, MACHINES
from solovirt.subresources.virt_api import VirtApi

_ACCEPTED = Answer(202)
_ADDED, _REMOVED = "addVolumeOptions", "removeVolumeOptions"
_SOURCES = {"dataVolume": "name", "persistentVolumeClaim": "claimName"}
NOT_ENABLED = "Enable DeclarativeHotplugVolumes or HotplugVolumes feature gate to use this API."


def install(registry: Registry, api: Api, store: Store) -> None:
    """Answer both for machines and instances from now on."""
    plugging = _Plugging(VirtApi(registry, api, store))
    registry.handle(MACHINES, "addvolume", plugging.add_to_machine)
    registry.handle(MACHINES, "removevolume", plugging.remove_from_machine)
    registry.handle(INSTANCES, "addvolume", plugging.add_to_instance)
    registry.handle(INSTANCES, "removevolume", plugging.remove_from_instance)


class _Plugging:
    def __init__(self, virt_api: VirtApi) -> None:
        self._virt_api = virt_api

    async def add_to_machine(self, request: SubresourceRequest) -> Answer:
        return await self._change_machine(request, await self._addition(request))

    async def remove_from_machine(self, request: SubresourceRequest) -> Answer:
        return await self._change_machine(request, await self._removal(request))

    async def add_to_instance(self, request: SubresourceRequest) -> Answer:
        return await self._change_instance(request, await self._addition(request))

    async def remove_from_instance(self, request: SubresourceRequest) -> Answer:
        return await self._change_instance(request, await self._removal(request))

    # -- what is asked for

    def _require_gate(self) -> None:
        cluster = self._virt_api.cluster()
        if not (cluster.has("HotplugVolumes") or cluster.has("DeclarativeHotplugVolumes")):
            raise BadRequest(NOT_ENABLED)

    async def _addition(self, request: SubresourceRequest) -> Document:
        self._require_gate()
        # A request that has no body is one with an empty body, and so one without a name.
        given = await bodies.body(request) or {}
        bodies.require_types(given, "AddVolumeOptions", name=str, disk="v1.Disk", volumeSource="v1.HotplugVolumeSource")
        if not given.get("name"):
            raise BadRequest("AddVolumeOptions requires name to be set")
        if given.get("disk") is None:
            raise BadRequest("AddVolumeOptions requires disk to not be nil")
        if given.get("volumeSource") is None:
            raise BadRequest("AddVolumeOptions requires VolumeSource to not be nil")
        options = {key: value for key, value in given.items() if key in ("name", "disk", "volumeSource", "dryRun")}
        options["disk"] = {**given["disk"], "name": given["name"]}
        source = {key: value for key, value in given["volumeSource"].items() if value is not None}
        for kind in _SOURCES:
            if source.get(kind) is not None:
                source[kind] = {**source[kind], "hotpluggable": True}
                break
        options["volumeSource"] = source
        return {_ADDED: options}

    async def _removal(self, request: SubresourceRequest) -> Document:
        self._require_gate()
        given = await bodies.body(request) or {}
        bodies.require_types(given, "RemoveVolumeOptions", name=str)
        if not given.get("name"):
            raise BadRequest("RemoveVolumeOptions requires name to be set")
        return {_REMOVED: {key: value for key, value in given.items() if key in ("name", "dryRun")}}

    # -- where it goes

    async def _change_machine(self, request: SubresourceRequest, change: Document) -> Answer:
        machine = self._virt_api.machine(request.target.key)
        is_requested = self._virt_api.cluster().has("HotplugVolumes")

        def edit(document: Document) -> None:
            template = document["spec"]["template"]["spec"]
            _verify(document, template, change, MACHINE)
            if is_requested:
                _queue(document, change)
            else:
                volume_requests.apply(template, change)

        await self._virt_api.edit(
            names.VIRTUAL_MACHINES,
            machine,
            edit,
            self._virt_api.caller(request, dry_run=_is_dry(change)),
            failing="unable to patch vm status" if is_requested else "unable to patch vm",
            status=is_requested,
        )
        return _ACCEPTED

    async def _change_instance(self, request: SubresourceRequest, change: Document) -> Answer:
        instance = self._virt_api.instance(request.target.key)
        metadata = instance["metadata"]
        if _is_of_machine(instance) and not self._virt_api.cluster().has("HotplugVolumes"):
            raise BadRequest(f"VMI {metadata['namespace']}/{metadata['name']} is owned by a VM")
        if (instance.get("status") or {}).get("phase") != "Running":
            raise Conflict.of(INSTANCE, metadata["name"], "VMI is not running")

        def edit(document: Document) -> None:
            _verify(document, document["spec"], change, INSTANCE)
            volume_requests.apply(document["spec"], change)

        await self._virt_api.edit(
            names.VIRTUAL_MACHINE_INSTANCES,
            instance,
            edit,
            self._virt_api.caller(request, dry_run=_is_dry(change)),
            failing="unable to patch vmi",
        )
        return _ACCEPTED


def _is_dry(change: Document) -> bool:
    """Whether nothing is to be stored; virt-api looks at the first word alone."""
    asked = next(iter(change.values())).get("dryRun") or ["no"]
    return bool(asked[0] == "All")


def _is_of_machine(instance: Document) -> bool:
    return any(
        owner.get("controller") and owner["kind"] == "VirtualMachine" and owner["apiVersion"] == names.API_VERSION
        for owner in instance["metadata"].get("ownerReferences") or ()
    )


def _verify(document: Document, spec: Document, change: Document, resource: GroupResource) -> None:
    """Raise Conflict where a volume is there already, or none that could be taken out."""

    def refuse(why: str) -> Conflict:
        return Conflict.of(resource, document["metadata"]["name"], why)

    volumes: list[Document] = spec.get("volumes") or []
    if (added := change.get(_ADDED)) is not None:
        name, source = added["name"], _source_of(added["volumeSource"])
        for volume in volumes:
            if volume["name"] == name:
                raise refuse(f"Unable to add volume [{name}] because volume with that name already exists")
            if _uses(volume, source):
                raise refuse(f"Unable to add volume source [{source}] because it already exists")
        return
    name = change[_REMOVED]["name"]
    found = next((volume for volume in volumes if volume["name"] == name or _uses(volume, name)), None)
    if found is None:
        raise refuse(f"Unable to remove volume [{name}] because it does not exist")
    if not any((found.get(kind) or {}).get("hotpluggable") for kind in _SOURCES):
        raise refuse(f"Unable to remove volume [{found['name']}] because it is not hotpluggable")


def _source_of(source: Document) -> str:
    return next((str(source[kind].get(field) or "") for kind, field in _SOURCES.items() if source.get(kind)), "")


def _uses(volume: Document, source: str) -> bool:
    return any(volume.get(kind) is not None and volume[kind].get(field) == source for kind, field in _SOURCES.items())


def _queue(machine: Document, change: Document) -> None:
    """Put the request into the machine's status. Raises Conflict where one of the volume's is there."""
    status: dict[str, Any] = machine.setdefault("status", {})
    queued: list[Document] = status.get("volumeRequests") or []
    name = next(iter(change.values()))["name"]

    def refuse(why: str) -> Conflict:
        return Conflict.of(MACHINE, machine["metadata"]["name"], why)

    if _ADDED in change:
        for one in queued:
            if (one.get(_ADDED) or {}).get("name") == name:
                raise refuse(f"add volume request for volume [{name}] already exists")
            if (one.get(_REMOVED) or {}).get("name") == name:
                raise refuse(
                    f"unable to add volume since a remove volume request for volume [{name}] "
                    "already exists and is still being processed"
                )
    else:
        # An addition that nobody has acted on is forgotten.
        queued = [one for one in queued if (one.get(_ADDED) or {}).get("name") != name]
        if any((one.get(_REMOVED) or {}).get("name") == name for one in queued):
            raise refuse(f"a remove volume request for volume [{name}] already exists and is still being processed")
    status["volumeRequests"] = [*queued, change]
