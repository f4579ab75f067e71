"""
A running instance brought up to date with its VirtualMachine (reference kubevirt-vm.md 3.3, 8 and 11).

Everything that can be changed without a restart: plugged volumes, a memory dump's volume, some annotations, processors, memory and where it may
run. In the order of KubeVirt's controller, and the first that fails ends the pass with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from solovirt.controllers.virtual_machine import (
    instance_template,
    live_update,
    memory_dump,
    plugged_interfaces,
    plugged_volumes,
    printable_status,
    restart_required,
    run_strategy,
    start_revision,
)
from solovirt.controllers.virtual_machine.conditions import SyncFailed
from solovirt.kinds.instancetype import expansion
from solovirt.kinds.instancetype.application import Conflicts
from solovirt.kinds.instancetype.finding import CannotFind
from solovirt.kinds.kubevirt import names
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.machinery.clock import Clock
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.errors import StatusError
from solovirt.machinery.resource import Document, ObjectKey

_DYNAMIC_ANNOTATIONS = (
    "descheduler.alpha.kubernetes.io/evict",
    "descheduler.alpha.kubernetes.io/prefer-no-eviction",
)
"""Of the template's annotations, those that the instance follows while it runs."""
_SKIP_HOOKS_ANNOTATION = "kubevirt.io/skip-backup-hooks"
"""Followed too, but on the VM itself."""
_INTERFACES_FAILED = "error encountered when trying to patch vmi"
_REQUESTS_FAILED = "Error encountered while handling volume hotplug requests"
_DECLARED_FAILED = "Error encountered while handling declarative hotplug volumes"
_DUMP_FAILED = "Error encountered while handling memory dump request"
_ANNOTATIONS_FAILED = "Error encountered while handling annotation and labels sync request"
_TEMPLATE_FAILED = "Error encountered when trying to update vm according to add volume and/or memory dump requests"


class Updating:
    """Writes into instances what their machines have come to say."""

    def __init__(self, objects: Objects, clock: Clock, cluster: Callable[[], Cluster]) -> None:
        self._objects = objects
        self._clock = clock
        self._cluster = cluster

    async def carry_out(self, vm: Document, instance: Document | None) -> None:
        """Bring *instance*, and what of the template follows from requests, up to date. Raises SyncFailed."""
        if not (vm["spec"]["template"]["spec"]["domain"].get("firmware") or {}).get("uuid"):
            vm = await self._persist_firmware(vm)
        if instance is not None and not run_strategy.is_deleting(instance):
            instance = await self._plug_interfaces(vm, instance)
            instance = await self._apply_requests(vm, instance)
            instance = await self._plug_declared(vm, instance)
        instance = await self._put_memory_dump(vm, instance)
        await self._annotate_claim(vm)
        if instance is not None and not run_strategy.is_deleting(instance):
            instance = await self._follow_annotations(vm, instance)
            await self._update_live(vm, instance)
        await self._write_template(vm, instance)

    def restart_required(self, vm: Document, instance: Document | None) -> str | None:
        """The message of the condition RestartRequired, None if the instance can have all that the template says."""
        if instance is None or run_strategy.is_deleting(instance) or _is_as_started(vm, instance):
            return None
        both = self._before_and_after(vm, instance)
        if isinstance(both, str | None):
            return both
        before, after = both
        cluster = self._cluster()
        message = restart_required.message(before, after, instance, live_update=cluster.live_update)
        if message is not None or not cluster.live_update:
            return message
        return live_update.plan(after["template"]["spec"], instance, cluster, self._clock.now()).restart

    def _before_and_after(self, vm: Document, instance: Document) -> tuple[Document, Document] | str | None:
        """The specs that the instance was started with and that it should have; the present message where that can't be told."""
        started_with = start_revision.spec_of(self._objects, vm, instance)
        if started_with is None:
            return None
        try:
            before = expansion.applied({"metadata": vm["metadata"], "spec": started_with}, self._objects.get)
            after = expansion.applied(vm, self._objects.get)
        except (CannotFind, Conflicts):
            message: str | None = printable_status.condition(vm, "RestartRequired").get("message")
            return message
        return before, after

    # -- one thing after the other

    async def _persist_firmware(self, vm: Document) -> Document:
        """Give a VM that stores no uuid the one that its instances have always had."""

        def persist(document: Document) -> None:
            domain = document["spec"]["template"]["spec"]["domain"]
            firmware = domain.get("firmware") or {}
            if not firmware.get("uuid"):
                domain["firmware"] = {**firmware, "uuid": instance_template.legacy_firmware_uuid(key.name)}

        key = _key(vm)
        try:
            return await self._objects.edit(names.VIRTUAL_MACHINES, key, persist) or vm
        except StatusError as error:
            text = f"error encountered when trying to patch VM firmware: {error.message}"
            raise SyncFailed("FirmwareUUIDError", text) from error

    async def _plug_interfaces(self, vm: Document, instance: Document) -> Document:
        if _is_as_started(vm, instance) or plugged_interfaces.of_instance(vm, instance) is None:
            return instance

        def plug(document: Document) -> None:
            if (devices := plugged_interfaces.of_instance(vm, document)) is not None:
                plugged_interfaces.put(document["spec"], devices)

        return await self._edit(instance, plug, "HotPlugNetworkInterfaceError", _INTERFACES_FAILED)

    async def _apply_requests(self, vm: Document, instance: Document) -> Document:
        if not plugged_volumes.would_change(vm, instance["spec"]):
            return instance
        if run_strategy.phase(instance) != "Running":
            name = instance["metadata"]["name"]
            kind = "virtualmachineinstance.kubevirt.io"
            text = f'Operation cannot be fulfilled on {kind} "{name}": VMI is not running'
            raise SyncFailed("HotPlugVolumeError", f"{_REQUESTS_FAILED}: {text}")

        def apply(document: Document) -> None:
            plugged_volumes.apply_requests(vm, document["spec"])

        return await self._edit(instance, apply, "HotPlugVolumeError", _REQUESTS_FAILED)

    async def _plug_declared(self, vm: Document, instance: Document) -> Document:
        if _is_as_started(vm, instance) or not plugged_volumes.are_declared(self._cluster()):
            return instance
        if plugged_volumes.declared(vm, instance) is None:
            return instance

        def plug(document: Document) -> None:
            if (devices := plugged_volumes.declared(vm, document)) is not None:
                plugged_volumes.put(document, devices)

        return await self._edit(instance, plug, "HotPlugVolumeError", _DECLARED_FAILED)

    async def _put_memory_dump(self, vm: Document, instance: Document | None) -> Document | None:
        wanted = memory_dump.wanted_in_instance(vm, instance)
        if wanted is None or instance is None:
            return instance
        claim = (memory_dump.request_of(vm) or {})["claimName"]
        if memory_dump.has_volume(instance["spec"], claim) == wanted:
            return instance
        change = memory_dump.add if wanted else memory_dump.drop
        return await self._edit(
            instance, lambda document: change(document["spec"], claim), "MemoryDumpError", _DUMP_FAILED
        )

    async def _annotate_claim(self, vm: Document) -> None:
        text = memory_dump.claim_annotation(vm)
        if text is None:
            return
        name = (memory_dump.request_of(vm) or {})["claimName"]
        key = ObjectKey(vm["metadata"]["namespace"], name)
        claim = self._objects.get(names.PERSISTENT_VOLUME_CLAIMS, key)
        if claim is None:
            why = f"Error when trying to update memory dump annotation, pvc {name} not found"
            raise SyncFailed("MemoryDumpError", f"{_DUMP_FAILED}: {why}")
        if (claim["metadata"].get("annotations") or {}).get(memory_dump.CLAIM_ANNOTATION) == text:
            return

        def annotate(document: Document) -> None:
            document["metadata"].setdefault("annotations", {})[memory_dump.CLAIM_ANNOTATION] = text

        await self._objects.edit(names.PERSISTENT_VOLUME_CLAIMS, key, annotate)

    async def _follow_annotations(self, vm: Document, instance: Document) -> Document:
        template = (vm["spec"]["template"].get("metadata") or {}).get("annotations") or {}
        wanted = {name: template.get(name) for name in _DYNAMIC_ANNOTATIONS}
        wanted[_SKIP_HOOKS_ANNOTATION] = (vm["metadata"].get("annotations") or {}).get(_SKIP_HOOKS_ANNOTATION)
        present = instance["metadata"].get("annotations") or {}
        if all(present.get(name) == value for name, value in wanted.items()):
            return instance

        def follow(document: Document) -> None:
            annotations = document["metadata"].setdefault("annotations", {})
            for name, value in wanted.items():
                if value is None:
                    annotations.pop(name, None)
                else:
                    annotations[name] = value

        return await self._edit(instance, follow, "AnnotationsLabelsChangeError", _ANNOTATIONS_FAILED)

    async def _update_live(self, vm: Document, instance: Document) -> None:
        cluster = self._cluster()
        if not cluster.live_update or _is_as_started(vm, instance):
            return
        both = self._before_and_after(vm, instance)
        if isinstance(both, str | None):
            return
        before, after = both
        if restart_required.message(before, after, instance, live_update=True) is not None:
            return
        plan = live_update.plan(after["template"]["spec"], instance, cluster, self._clock.now())
        if plan.changes:
            await self._take_on(instance, plan.changes)
        if plan.not_now is not None:
            raise SyncFailed(plan.not_now.reason, plan.not_now.message)

    async def _take_on(self, instance: Document, changes: Sequence[live_update.Change]) -> None:
        """All in one write. If that is refused, one by one, to tell which of them it is; those before it are made."""
        first, *others = changes

        def edit_all(document: Document) -> None:
            for change in changes:
                change.edit(document)

        try:
            await self._edit(instance, edit_all, first.reason, first.failed)
        except SyncFailed:
            if not others:
                raise
            for change in changes:
                await self._edit(instance, change.edit, change.reason, change.failed)

    async def _write_template(self, vm: Document, instance: Document | None) -> None:
        """Let the template show what was requested."""
        dumps = memory_dump.wanted_in_template(vm, instance)
        claim = (memory_dump.request_of(vm) or {}).get("claimName", "")
        template = vm["spec"]["template"]["spec"]
        is_dump_shown = dumps is None or memory_dump.has_volume(template, claim) == dumps
        change = memory_dump.add if dumps else memory_dump.drop
        are_gone = plugged_interfaces.of_template(vm, instance) is not None
        if is_dump_shown and not are_gone and not plugged_volumes.would_change(vm, template):
            return

        def write(document: Document) -> None:
            spec: dict[str, Any] = document["spec"]["template"]["spec"]
            plugged_volumes.apply_requests(document, spec)
            if not is_dump_shown:
                change(spec, claim)
            if (devices := plugged_interfaces.of_template(document, instance)) is not None:
                plugged_interfaces.put(spec, devices)

        try:
            await self._objects.edit(names.VIRTUAL_MACHINES, _key(vm), write)
        except StatusError as error:
            raise SyncFailed("FailedUpdateError", f"{_TEMPLATE_FAILED}: {error.message}") from error

    async def _edit(self, instance: Document, edit: Callable[[Document], None], reason: str, failed: str) -> Document:
        """Change the instance; returns it as it is then. Raises SyncFailed."""
        uid = instance["metadata"]["uid"]

        def edit_this(document: Document) -> None:
            if document["metadata"]["uid"] == uid:
                edit(document)

        try:
            return await self._objects.edit(names.VIRTUAL_MACHINE_INSTANCES, _key(instance), edit_this) or instance
        except StatusError as error:
            raise SyncFailed(reason, f"{failed}: {error.message}") from error


def _is_as_started(vm: Document, instance: Document) -> bool:
    """Whether the VM's spec has not been changed since the instance was started."""
    return (instance.get("status") or {}).get("virtualMachineRevisionName") == instance_template.revision_name(vm)


def _key(document: Document) -> ObjectKey:
    return ObjectKey(document["metadata"]["namespace"], document["metadata"]["name"])
