"""
The reconciler of VirtualMachines (reference kubevirt-vm.md 3.3).

One pass: adopt what has the VM's name, put the finalizer on, create DataVolumes, do what the run strategy wants, tell whether a restart is
needed, write the status if it changed, let go of an instance that has ended. What must survive a crash (the count of failed starts, a queued
restart) is in the status before the instance that it is about goes away.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from solovirt.controllers.virtual_machine import (
    data_volume_templates,
    instance_template,
    instancetypes,
    printable_status,
    run_strategy,
    start_failure,
    start_revision,
    volume_snapshots,
)
from solovirt.controllers.virtual_machine.claims_of_machines import ClaimsOfMachines
from solovirt.controllers.virtual_machine.conditions import SyncFailed
from solovirt.controllers.virtual_machine.run_strategy import Action, Wish
from solovirt.controllers.virtual_machine.status import StatusReport
from solovirt.controllers.virtual_machine.updating import Updating
from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.kinds.flavor import application as flavors
from solovirt.kinds.instancetype.application import Conflicts
from solovirt.kinds.instancetype.finding import CannotFind
from solovirt.kinds.kubevirt import configuration, names
from solovirt.kinds.kubevirt.run_strategy import RunStrategy, effective
from solovirt.machinery.clock import parse_timestamp
from solovirt.machinery.control.protocol import DONE, Result, Source, Tools
from solovirt.machinery.errors import StatusError
from solovirt.machinery.resource import Document, GroupResource, ObjectKey

_ORPHAN_FINALIZER = "orphan"
_LOOK_AGAIN = timedelta(seconds=10)
"""When to look at volumes again whose changes do not come here because the VM does not own them."""
_SHORTEST_RETRY, _LONGEST_RETRY = timedelta(seconds=1), timedelta(minutes=5)
_WAITS_FOR_VOLUMES = ("Provisioning", "WaitingForVolumeBinding", "DataVolumeError")


class VirtualMachineController:
    """Keeps each VirtualMachine's instance as its run strategy wants it."""

    name: ClassVar[str] = "virtualmachine-controller"
    resource: ClassVar[GroupResource] = names.VIRTUAL_MACHINES

    def __init__(self, tools: Tools, *, draw: start_failure.Draw = random.randint) -> None:
        self._tools = tools
        self._objects = tools.objects
        self._draw = draw
        self._cluster = configuration.Current(tools.objects)
        self._claims = ClaimsOfMachines()
        self._updating = Updating(tools.objects, tools.clock, self._cluster)
        self.sources: Sequence[Source] = (
            Source(names.VIRTUAL_MACHINE_INSTANCES, _keys_of_instance),
            Source(cdi.DATA_VOLUMES, _keys_of_owner),
            Source(core.PERSISTENT_VOLUME_CLAIMS, self._claims.of_claim),
            Source(core.STORAGE_CLASSES, self._claims.of_class),
            Source(volume_snapshots.SNAPSHOT_CLASSES, self._claims.of_class),
        )

    async def reconcile(self, key: ObjectKey) -> Result:
        vm = self._objects.get(names.VIRTUAL_MACHINES, key)
        self._claims.note(key, vm)
        if vm is None:
            return DONE
        if vm["metadata"].get("deletionTimestamp"):
            return await self._finish(vm)
        instance = await self._instance(vm)
        failure, wait = None, None
        try:
            synced = await self._sync_instancetype(vm)
            if synced is None:
                return DONE
            vm = synced
            wait = await self._act(vm, instance)
        except SyncFailed as error:
            failure = error
        word = await self._report(vm, instance, failure)
        if failure is not None:
            return self._try_again(key)
        return Result(again_after=wait or (_LOOK_AGAIN if word in _WAITS_FOR_VOLUMES else None))

    def _try_again(self, key: ObjectKey) -> Result:
        """
        Back off after a failure that its owner sees in the condition Failure: wait for as long as it has lasted already.

        That doubles the waits without remembering how many there were, within the bounds that client-go's queues have too.
        """
        now = self._tools.clock.now()
        condition = printable_status.condition(self._objects.get(names.VIRTUAL_MACHINES, key), "Failure")
        since = condition.get("lastTransitionTime")
        lasted = now - parse_timestamp(since) if since else timedelta(0)
        return Result(again_after=min(max(lasted, _SHORTEST_RETRY), _LONGEST_RETRY))

    # Ownership and preparation

    def _owned_instance(self, vm: Document, seen: Document | None = None) -> Document | None:
        """
        The instance of the VM's name if it is the VM's; another owner's is none of its business.

        *seen* is the instance as it was when somebody last looked.
        """
        if seen is not None:
            found = self._objects.newest(names.VIRTUAL_MACHINE_INSTANCES, seen)
        else:
            key = ObjectKey(vm["metadata"]["namespace"], vm["metadata"]["name"])
            found = self._objects.get(names.VIRTUAL_MACHINE_INSTANCES, key)
        owner = _controller_of(found)
        return found if owner is not None and owner.get("uid") == vm["metadata"]["uid"] else None

    async def _instance(self, vm: Document) -> Document | None:
        """The VM's instance; one of its name that nobody owns is adopted."""
        key = ObjectKey(vm["metadata"]["namespace"], vm["metadata"]["name"])
        found = self._objects.get(names.VIRTUAL_MACHINE_INSTANCES, key)
        if found is None:
            return None
        if (owner := _controller_of(found)) is not None:
            return found if owner.get("uid") == vm["metadata"]["uid"] else None
        if run_strategy.is_deleting(found):
            return None

        def own(document: Document) -> None:
            if _controller_of(document) is None:
                metadata = document["metadata"]
                metadata.setdefault("ownerReferences", []).append(instance_template.owner_reference(vm))

        await self._objects.edit(names.VIRTUAL_MACHINE_INSTANCES, key, own)
        return self._owned_instance(vm)

    async def _sync_instancetype(self, vm: Document) -> Document | None:
        """The VM with what its matchers name stored or written out; None if it is gone. Raises SyncFailed."""
        if not instancetypes.concern(vm):
            return vm
        try:
            return await instancetypes.sync(self._objects, vm, self._cluster())
        except instancetypes.NotSynced as error:
            if error.is_told:
                self._warn(vm, error.reason, error.message)
            raise SyncFailed(error.reason, error.message) from error

    # What the run strategy wants

    async def _act(self, vm: Document, instance: Document | None) -> timedelta | None:
        """
        Do what the VM wants of its instance, and bring that up to date; returns how long a start still has to wait.

        Raises SyncFailed.
        """
        wish = run_strategy.wish(vm, instance)
        is_ready = await self._sync_data_volumes(vm, starts=wish.action is Action.START)
        strategy = effective(vm["spec"])
        if not is_ready and strategy is not RunStrategy.HALTED and data_volume_templates.are_created_now(vm):
            # Nothing else is looked at before the disks are there.
            return None
        wait = await self._follow_wish(vm, instance, wish, are_volumes_ready=is_ready)
        if strategy is RunStrategy.WAIT_AS_RECEIVER and instance is not None:
            await self._receive(vm, instance)
        await self._updating.carry_out(vm, instance and self._owned_instance(vm, instance))
        return wait

    async def _follow_wish(
        self, vm: Document, instance: Document | None, wish: Wish, *, are_volumes_ready: bool
    ) -> timedelta | None:
        match wish.action:
            case Action.START:
                return await self._start_if_possible(vm, wish, are_volumes_ready=are_volumes_ready)
            case Action.STOP if instance is not None:
                await self._remember_before_stop(vm, instance, wish)
                await self._stop(vm, instance)
            case Action.SWITCH_ON:
                await self._switch_on(vm)
            case _ if instance is not None:
                await self._note_generation(vm, instance)
        return None

    async def _receive(self, vm: Document, instance: Document) -> None:
        """
        Wait for the instance that migrates here; when it has come, take up the strategy that the VM is to have then.

        Raises SyncFailed if the instance is none that waits.
        """
        if (instance["metadata"].get("annotations") or {}).get(names.MIGRATION_TARGET_ANNOTATION) == "true":
            return
        if not ((instance.get("status") or {}).get("migrationState") or {}).get("completed"):
            raise SyncFailed("FailedCreate", "Found non receiver VMI while VM is receiver")
        restored = (vm["metadata"].get("annotations") or {}).get(names.RESTORE_RUN_STRATEGY_ANNOTATION)

        def restore(document: Document) -> None:
            document["spec"]["runStrategy"] = restored

        if restored is not None:
            key = ObjectKey(vm["metadata"]["namespace"], vm["metadata"]["name"])
            await self._objects.edit(names.VIRTUAL_MACHINES, key, restore)

    async def _sync_data_volumes(self, vm: Document, *, starts: bool) -> bool:
        try:
            return await data_volume_templates.sync(self._tools, vm, starts=starts)
        except data_volume_templates.DataVolumeError as error:
            raise SyncFailed("FailedCreate", f"Error encountered while creating DataVolumes: {error}") from error

    async def _start_if_possible(self, vm: Document, wish: Wish, *, are_volumes_ready: bool) -> timedelta | None:
        if wish.waits_for_back_off and (left := start_failure.time_left(vm, self._tools.clock.now())) > timedelta(0):
            return left
        if not are_volumes_ready or printable_status.condition(vm, "ManualRecoveryRequired").get("status") == "True":
            return None
        await self._start(vm)
        return None

    async def _start(self, vm: Document) -> None:
        try:
            instance = instance_template.instance_of(vm, instancetypes.preference_of(vm, self._objects.get))
            if instancetypes.concern(vm):
                instancetypes.apply(vm, instance, self._objects.get, self._cluster())
        except (CannotFind, Conflicts) as error:
            why = (
                f"VMI conflicts with instancetype spec in fields: [{error.listed}]"
                if isinstance(error, Conflicts)
                else f"{error}"
            )
            self._warn(
                vm, "FailedCreate", f"Error creating virtual machine instance: Failed to apply instancetype: {why}"
            )
            raise SyncFailed("FailedCreate", f"Failure while starting VMI: {why}") from error
        try:
            self._apply_flavor(vm, instance)
        except (flavors.FlavorNotFound, flavors.FlavorConflict) as error:
            self._warn(vm, "FailedCreate", f"Error creating virtual machine instance: Failed to apply flavor: {error}")
            raise SyncFailed("FailedCreate", f"Failure while starting VMI: {error}") from error
        try:
            await start_revision.keep(self._objects, vm)
            instance["status"]["conditions"] = [instance_template.not_ready_yet(self._tools.clock.now())]
            await self._objects.add(names.VIRTUAL_MACHINE_INSTANCES, instance)
        except StatusError as error:
            self._warn(vm, "FailedCreate", f"Error creating virtual machine instance: {error.message}")
            raise SyncFailed("FailedCreate", f"Failure while starting VMI: {error.message}") from error
        name = vm["metadata"]["name"]
        self._tools.recorder.event(
            vm,
            "Normal",
            "SuccessfulCreate",
            f"Started the virtual machine by creating the new virtual machine instance {name}",
        )

    def _apply_flavor(self, vm: Document, instance: Document) -> None:
        matcher = vm["spec"].get("flavor")
        if matcher is None:
            return
        flavor = flavors.find(matcher, vm["metadata"]["namespace"], self._objects.get)
        flavors.apply(flavor, instance["spec"])
        annotation, name = flavor.annotation
        instance["metadata"]["annotations"][annotation] = name

    async def _remember_before_stop(self, vm: Document, instance: Document, wish: Wish) -> None:
        """Store what would be forgotten with the instance: that its start failed, that the VM is to run again."""
        failure = start_failure.after(vm, instance, self._tools.clock.now(), draw=self._draw)
        if failure == (vm.get("status") or {}).get("startFailure") and not wish.asks_to_start:
            return

        def remember(document: Document) -> None:
            status = document.setdefault("status", {})
            if failure is None:
                status.pop("startFailure", None)
            else:
                status["startFailure"] = failure
            if wish.asks_to_start and not run_strategy.is_asked_to_start(document):
                status.setdefault("stateChangeRequests", []).append({"action": "Start"})

        key = ObjectKey(vm["metadata"]["namespace"], vm["metadata"]["name"])
        await self._objects.edit(names.VIRTUAL_MACHINES, key, remember, status=True)

    async def _stop(self, vm: Document, instance: Document) -> None:
        key = ObjectKey(instance["metadata"]["namespace"], instance["metadata"]["name"])
        uid = instance["metadata"]["uid"]
        try:
            is_deleted = await self._objects.delete(names.VIRTUAL_MACHINE_INSTANCES, key, uid=uid)
        except StatusError as error:
            self._warn(vm, "FailedDelete", f"Error deleting virtual machine instance {key.name}: {error.message}")
            raise SyncFailed("FailedDelete", f"Failure attempting to delete VMI: {error.message}") from error
        if is_deleted:
            self._tools.recorder.event(
                vm,
                "Normal",
                "SuccessfulDelete",
                f"Stopped the virtual machine by deleting the virtual machine instance {uid}",
            )

    async def _switch_on(self, vm: Document) -> None:
        def switch_on(document: Document) -> None:
            spec = document["spec"]
            if spec.get("running") is not None:
                spec["running"] = True
            else:
                spec["runStrategy"] = RunStrategy.ALWAYS.value

        key = ObjectKey(vm["metadata"]["namespace"], vm["metadata"]["name"])
        await self._objects.edit(names.VIRTUAL_MACHINES, key, switch_on)

    # What runs compared with what is wanted

    async def _note_generation(self, vm: Document, instance: Document) -> None:
        """A change that did not touch the template needs no restart: let the instance say that it is up to date."""
        generation = str(vm["metadata"].get("generation", 1))
        if _generation_of(instance) == generation or run_strategy.is_final(instance):
            return
        started_with = start_revision.spec_of(self._objects, vm, instance)
        if started_with is None or started_with.get("template") != vm["spec"]["template"]:
            return

        def note(document: Document) -> None:
            document["metadata"].setdefault("annotations", {})[names.VM_GENERATION_ANNOTATION] = generation

        key = ObjectKey(instance["metadata"]["namespace"], instance["metadata"]["name"])
        await self._objects.edit(names.VIRTUAL_MACHINE_INSTANCES, key, note)

    # Status and the end

    async def _report(self, seen: Document, instance: Document | None, failure: SyncFailed | None) -> str:
        """
        Write the VM's status if it changed, and let go of an instance whose end it now tells; returns the printable one.

        The finalizer and the bookkeeping annotations of a new VM come with its first status. Should it be deleted before that, its
        instance goes with it as everything else that it owns.
        """
        vm = self._objects.newest(names.VIRTUAL_MACHINES, seen)
        if vm is None:
            return ""
        key = ObjectKey(vm["metadata"]["namespace"], vm["metadata"]["name"])
        instance = self._owned_instance(vm, instance)
        data_volumes, claims = data_volume_templates.used_by(vm, self._objects)
        report = StatusReport(
            instance=instance,
            now=self._tools.clock.now(),
            data_volumes=data_volumes,
            claims=claims,
            failure=failure.failure if failure is not None else None,
            volume_snapshots=volume_snapshots.statuses(vm, self._objects),
            restart_required=self._updating.restart_required(vm, instance),
            draw=self._draw,
        )
        status = report.status_of(vm)
        if not _is_prepared(vm):

            def prepare(document: Document) -> None:
                _make_prepared(document)
                report.write(document)

            await self._objects.change(names.VIRTUAL_MACHINES, key, prepare, with_status=True)
        elif status != vm.get("status"):
            await self._objects.change(names.VIRTUAL_MACHINES, key, report.write, status=True)
        await self._release(instance)
        return str(status["printableStatus"])

    async def _finish(self, vm: Document) -> Result:
        """Take a VM that is being deleted one step on: its instance first, then its own finalizer."""
        key = ObjectKey(vm["metadata"]["namespace"], vm["metadata"]["name"])
        instance = self._owned_instance(vm)
        if instance is None or _ORPHAN_FINALIZER in (vm["metadata"].get("finalizers") or ()):
            await self._objects.edit(names.VIRTUAL_MACHINES, key, _drop_finalizer)
            return DONE
        failure = None
        if not run_strategy.is_deleting(instance):
            try:
                await self._stop(vm, instance)
            except SyncFailed as error:
                failure = error
        await self._report(vm, instance, failure)
        return DONE if failure is None else self._try_again(key)

    async def _release(self, instance: Document | None) -> None:
        """Let an instance that has ended go; its end is in the VM's status by now."""
        if instance is None or not run_strategy.is_final(instance):
            return
        if names.VM_CONTROLLER_FINALIZER in (instance["metadata"].get("finalizers") or ()):
            key = ObjectKey(instance["metadata"]["namespace"], instance["metadata"]["name"])
            await self._objects.edit(names.VIRTUAL_MACHINE_INSTANCES, key, _drop_finalizer)

    def _warn(self, vm: Document, reason: str, message: str) -> None:
        self._tools.recorder.event(vm, "Warning", reason, message)


def _controller_of(document: Document | None) -> dict[str, Any] | None:
    owners = ((document or {}).get("metadata") or {}).get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def _keys_of_owner(document: Document) -> Iterable[ObjectKey]:
    owner = _controller_of(document)
    if owner is not None and owner.get("kind") == "VirtualMachine":
        yield ObjectKey(document["metadata"]["namespace"], owner["name"])


def _keys_of_instance(document: Document) -> Iterable[ObjectKey]:
    """The VM that owns the instance; for one that nobody owns, the VM that might adopt it."""
    if _controller_of(document) is None:
        return (ObjectKey(document["metadata"]["namespace"], document["metadata"]["name"]),)
    return _keys_of_owner(document)


def _generation_of(instance: Document) -> str | None:
    generation: str | None = (instance["metadata"].get("annotations") or {}).get(names.VM_GENERATION_ANNOTATION)
    return generation


_OBSERVED = (names.LATEST_OBSERVED_API_VERSION_ANNOTATION, names.STORAGE_OBSERVED_API_VERSION_ANNOTATION)


def _is_prepared(vm: Document) -> bool:
    annotations = vm["metadata"].get("annotations") or {}
    finalizers = vm["metadata"].get("finalizers") or ()
    if vm["metadata"].get("deletionTimestamp"):
        return True
    return names.VM_CONTROLLER_FINALIZER in finalizers and all(annotations.get(key) == "v1" for key in _OBSERVED)


def _make_prepared(vm: Document) -> None:
    metadata = vm["metadata"]
    if metadata.get("deletionTimestamp"):
        # It may have been deleted since it was looked at; a finalizer can't be added any more.
        return
    finalizers = metadata.setdefault("finalizers", [])
    if names.VM_CONTROLLER_FINALIZER not in finalizers:
        finalizers.append(names.VM_CONTROLLER_FINALIZER)
    metadata.setdefault("annotations", {}).update(dict.fromkeys(_OBSERVED, "v1"))


def _drop_finalizer(document: Document) -> None:
    finalizers = document["metadata"].get("finalizers") or []
    document["metadata"]["finalizers"] = [one for one in finalizers if one != names.VM_CONTROLLER_FINALIZER]
