"""memorydump and removememorydump of machines: the request that their controller carries out (reference kubevirt-subresources.md 3.8)."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.kubevirt import names
from solovirt.machinery import quantity
from solovirt.machinery.errors import BadRequest, Conflict, InternalError, NotFound
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Store
from solovirt.machinery.verbs.protocol import Answer, Api, SubresourceRequest
from solovirt.subresources import options as bodies
from solovirt.subresources.instances import INSTANCE, MACHINE, MACHINES
from solovirt.subresources.virt_api import VirtApi
from solovirt.subresources.volume_plugging import NOT_ENABLED

_CLAIM = GroupResource(names.GROUP, "persistentvolumeclaim")
_ACCEPTED = Answer(202)
_FAILING = "unable to patch vm status"
_OVERHEAD_BYTES = 100 << 20
"""What a dump takes beside the guest's memory."""
_DEFAULT_FILESYSTEM_OVERHEAD = "0.055"
_ALIGNMENT = 1 << 20
_OVER = ("Completed", "Failed")


def install(registry: Registry, api: Api, store: Store) -> None:
    """Answer both from now on."""
    dumps = _Dumps(VirtApi(registry, api, store))
    registry.handle(MACHINES, "memorydump", dumps.request)
    registry.handle(MACHINES, "removememorydump", dumps.remove)


class _Dumps:
    def __init__(self, virt_api: VirtApi) -> None:
        self._virt_api = virt_api

    async def request(self, request: SubresourceRequest) -> Answer:
        """Ask for a dump of the running instance's memory. Raises BadRequest, NotFound, Conflict."""
        cluster = self._virt_api.cluster()
        if not (cluster.has("HotplugVolumes") or cluster.has("DeclarativeHotplugVolumes")):
            raise BadRequest(NOT_ENABLED)
        given = await bodies.body(request) or {}
        bodies.require_types(given, "VirtualMachineMemoryDumpRequest", claimName=str)
        machine = self._virt_api.machine(request.target.key)
        claim = self._claim_for(machine, str(given.get("claimName") or ""))
        instance = self._virt_api.instance(request.target.key)
        if (instance.get("status") or {}).get("phase") != "Running":
            raise Conflict.of(INSTANCE, request.target.key.name, "VMI is not running")
        self._check_claim(claim, instance)

        def edit(document: Document) -> None:
            phase = ((document.get("status") or {}).get("memoryDumpRequest") or {}).get("phase")
            if phase == "Dissociating":
                raise _refused(
                    machine, f"can't dump memory for pvc [{claim}] a remove memory dump request is in progress"
                )
            if phase is not None and phase not in _OVER:
                raise _refused(machine, f"memory dump request for pvc [{claim}] already in progress")
            document.setdefault("status", {})["memoryDumpRequest"] = {"claimName": claim, "phase": "Associating"}

        await self._write(request, machine, edit)
        return _ACCEPTED

    async def remove(self, request: SubresourceRequest) -> Answer:
        """Let go of the claim that dumps went to. Raises NotFound and Conflict."""
        machine = self._virt_api.machine(request.target.key)

        def edit(document: Document) -> None:
            status = document.setdefault("status", {})
            present = status.get("memoryDumpRequest")
            if present is None:
                name = document["metadata"]["name"]
                raise _refused(machine, f"can't remove memory dump association for vm {name}, no association found")
            claim = present["claimName"]
            if present.get("remove"):
                raise _refused(machine, f"memory dump remove request for pvc [{claim}] already exists")
            status["memoryDumpRequest"] = {"claimName": claim, "phase": "Dissociating", "remove": True}

        await self._write(request, machine, edit)
        return _ACCEPTED

    async def _write(self, request: SubresourceRequest, machine: Document, edit: Callable[[Document], None]) -> None:
        caller = self._virt_api.caller(request)
        await self._virt_api.edit(names.VIRTUAL_MACHINES, machine, edit, caller, failing=_FAILING, status=True)

    def _claim_for(self, machine: Document, asked: str) -> str:
        associated = ((machine.get("status") or {}).get("memoryDumpRequest") or {}).get("claimName")
        if not asked and associated is None:
            raise BadRequest("Memory dump requires claim name to be set")
        if asked and associated is not None and asked != associated:
            text = (
                f"can't request memory dump for pvc [{asked}] while pvc [{associated}] "
                "is still associated as the memory dump pvc"
            )
            raise _refused(machine, text)
        return asked or str(associated)

    def _check_claim(self, name: str, instance: Document) -> None:
        """Raise NotFound or Conflict unless the dump fits onto the claim's file system."""
        key = ObjectKey(instance["metadata"]["namespace"], name)
        claim = self._virt_api.find(names.PERSISTENT_VOLUME_CLAIMS, key)
        if claim is None:
            raise NotFound.of(_CLAIM, name)
        spec = claim.get("spec") or {}
        if spec.get("volumeMode") == "Block":
            raise Conflict.of(_CLAIM, name, "pvc should be filesystem pvc")
        if "ReadOnlyMany" in (spec.get("accessModes") or ()):
            raise Conflict.of(_CLAIM, name, "pvc access mode can't be read only")
        asked = quantity.number(((spec.get("resources") or {}).get("requests") or {}).get("storage"))
        # KubeVirt compares, and shows, thousands of bytes.
        thousands = -(-asked // 1000)
        needed, shown = self._needed(instance, spec.get("storageClassName"))
        if thousands * 1000 < needed:
            size = quantity.text(f"{thousands}k")
            raise Conflict.of(_CLAIM, name, f"pvc size [{size}] should be bigger then [{shown}]")

    def _needed(self, instance: Document, storage_class: str | None) -> tuple[int, str]:
        """Bytes that a dump of the instance takes on a file system, and how KubeVirt writes them. Raises InternalError."""
        resources = (instance["spec"]["domain"].get("resources") or {}).get("requests") or {}
        memory = resources.get("memory")
        size = _OVERHEAD_BYTES + quantity.whole(memory)
        with_overhead = (1 + Fraction(self._filesystem_overhead(storage_class))) * size
        needed = max(math.ceil(with_overhead / _ALIGNMENT), 1) * _ALIGNMENT
        is_binary = memory is not None and str(memory).endswith("i")
        return needed, quantity.binary_text(needed) if is_binary else quantity.text(str(needed))

    def _filesystem_overhead(self, storage_class: str | None) -> str:
        config = self._virt_api.find(cdi.CDI_CONFIGS, ObjectKey("", "config"))
        if config is None:
            return _DEFAULT_FILESYSTEM_OVERHEAD
        overhead = (config.get("status") or {}).get("filesystemOverhead")
        if overhead is None:
            raise InternalError.of("CDI config not initialized")
        by_class = overhead.get("storageClass") or {}
        return str(by_class.get(storage_class) or overhead.get("global") or "0")


def _refused(machine: Document, why: str) -> Conflict:
    return Conflict.of(MACHINE, machine["metadata"]["name"], why)
