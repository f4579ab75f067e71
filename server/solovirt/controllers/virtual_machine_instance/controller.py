"""
The reconciler of VirtualMachineInstances (reference kubevirt-vm.md 9): KubeVirt's virt-controller and virt-handler in one.

Each pass looks at the instance, its volumes, its guest and its launcher pod, does the one thing that is missing, and writes what it saw. What is
done to a guest is idempotent and comes before it is recorded, so a server that is killed in between finds the guest and goes on from
there. Orderly ends are recorded before the guest is removed, because afterwards nobody could tell how it ended.

To keep writes few, what happens at one instant is written in one edit: a guest that runs as soon as it is started takes its
instance through Scheduling, Scheduled and Running in one write, with an entry in phaseTransitionTimestamps for each. One that takes its
time to boot is seen in each phase.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from solovirt.controllers.metrics.transitions import PhaseTransitions
from solovirt.controllers.virtual_machine_instance import (
    attachment_pod,
    failures,
    interfaces,
    launcher_pod,
    live_update,
    phase_events,
    receiving,
    status,
    volumes,
)
from solovirt.controllers.virtual_machine_instance.guest_spec import GuestSpecs
from solovirt.controllers.virtual_machine_instance.placement import Placement, Unschedulable
from solovirt.controllers.virtual_machine_instance.plugging import Plugging
from solovirt.controllers.virtual_machine_instance.pods import LauncherPods, PodRefused
from solovirt.controllers.virtual_machine_instance.probes import Probes
from solovirt.controllers.virtual_machine_instance.status import Observation, Trouble
from solovirt.controllers.virtual_machine_instance.vsock import ContextIds
from solovirt.controllers.virtual_machine_instance.waiting import Waiting
from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import configuration, names
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.machinery.clock import parse_timestamp
from solovirt.machinery.control.protocol import DONE, Recorder, Result, Source, Tools
from solovirt.machinery.patch.values import copied
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.runtime.protocol import Guest, GuestError, GuestId, GuestState, Runtime
from solovirt.volumes.protocol import Volumes

logger = logging.getLogger("solovirt.instances")

_LOOK_AGAIN = timedelta(seconds=30)
"""When to try again what is waited for, if nothing wakes the instance before."""
_SHORTEST_RETRY, _LONGEST_RETRY = timedelta(seconds=1), timedelta(minutes=5)
_OBSERVED_VERSIONS = (names.LATEST_OBSERVED_API_VERSION_ANNOTATION, names.STORAGE_OBSERVED_API_VERSION_ANNOTATION)


class VirtualMachineInstanceController:
    """
    Keeps a guest for each VirtualMachineInstance, and tells in its status how the guest fares.

    Events of pods and volumes come from this controller's own recorder, those of the guest from *handler*, the node agent's. Without
    *pods* no launcher pods are made; everything else is the same.
    """

    name: ClassVar[str] = "virtualmachine-controller"
    resource: ClassVar[GroupResource] = names.VIRTUAL_MACHINE_INSTANCES

    def __init__(
        self,
        tools: Tools,
        runtime: Runtime,
        *,
        handler: Recorder,
        probes: Probes,
        transitions: PhaseTransitions,
        launcher_pods: bool = True,
        volumes: Volumes | None = None,
    ) -> None:
        self._specs = GuestSpecs(tools.objects, runtime, volumes)
        self._objects = tools.objects
        self._clock = tools.clock
        self._recorder = tools.recorder
        self._handler = handler
        self._probes = probes
        self._transitions = transitions
        self._runtime = runtime
        self._configuration = configuration.Current(tools.objects)
        self._pods = LauncherPods(tools, runtime, enabled=launcher_pods, cluster=self._configuration)
        self._placement = Placement(tools.objects, cluster=self._configuration)
        self._plugging = Plugging(tools, runtime, self._specs, cluster=self._configuration)
        self._context_ids = ContextIds(tools.objects)
        self._waiting = Waiting()
        # Which guest was last seen for a key: an instance that is gone takes its uid with it, and a successor has another. Guests that
        # went unseen are found by `GuestEvents` when it starts.
        self._guests: dict[ObjectKey, GuestId] = {}
        self.sources: Sequence[Source] = (
            Source(names.VIRTUAL_MACHINE_INSTANCES, self._keys_of_instance),
            Source(core.PERSISTENT_VOLUME_CLAIMS, self._keys_of_volume),
            Source(cdi.DATA_VOLUMES, self._keys_of_volume),
            Source(core.NODES, self._keys_of_node),
            Source(core.PODS, _keys_of_pod),
        )

    @property
    def _cluster(self) -> Cluster:
        return self._configuration()

    # -- what wakes whom

    def _keys_of_instance(self, instance: Document) -> Iterable[ObjectKey]:
        # One that has ended leaves room for those that found none.
        return self._waiting.for_room() if status.is_final(instance) else ()

    def _keys_of_volume(self, volume: Document) -> Iterable[ObjectKey]:
        return self._waiting.for_volume(volume["metadata"]["namespace"], volume["metadata"]["name"])

    def _keys_of_node(self, node: Document) -> Iterable[ObjectKey]:
        self._placement.forget_nodes()
        return self._waiting.for_room()

    # -- one pass

    async def reconcile(self, key: ObjectKey) -> Result:
        instance = self._objects.get(names.VIRTUAL_MACHINE_INSTANCES, key)
        await self._remove_predecessor(key, instance)
        self._waiting.stop(key)
        if instance is None:
            self._placement.release(key)
            return DONE
        self._placement.note(instance)
        guest_id = GuestId(instance["metadata"]["uid"])
        guest = await self._runtime.find_guest(guest_id)
        if guest is not None:
            self._guests[key] = guest_id
        if status.is_final(instance):
            return await self._clean_up(instance, guest)
        pod = self._pods.find(instance)
        if instance["metadata"].get("deletionTimestamp") or self._pods.is_going(instance, pod, guest):
            return await self._stop(instance, guest, pod)
        if guest is None:
            if status.phase_of(instance) == "Running" or self._pods.was_removed(instance, pod):
                return await self._end_lost(instance, pod)
            return await self._start(instance, pod)
        return await self._follow(instance, guest, pod)

    async def _remove_predecessor(self, key: ObjectKey, instance: Document | None) -> None:
        """A guest whose instance is gone, perhaps with another of the same name in its place."""
        known = self._guests.get(key)
        if known is not None and (instance is None or instance["metadata"]["uid"] != known):
            self._probes.forget(known)
            await self._runtime.remove(known)
            del self._guests[key]
            self._placement.release(key)

    # -- starting

    async def _start(self, instance: Document, pod: Document | None) -> Result:
        if await receiving.waits(self._objects, instance, self._clock.now()):
            return DONE
        behind = volumes.look(self._objects, instance)
        if not behind.ready:
            return await self._wait_for_volumes(instance, behind)
        try:
            node = (instance.get("status") or {}).get("nodeName") or self._placement.find(instance)
        except Unschedulable as error:
            return await self._wait_for_room(instance, behind, str(error))
        try:
            instance = await self._context_ids.ensure(instance)
            guest = await self._define(instance, node)
        except GuestError as error:
            self._placement.release(_key(instance))
            return await self._fail_to_sync(instance, Observation(self._clock.now(), volumes=behind), error)
        return await self._follow(instance, guest, pod, behind=behind)

    async def _define(self, instance: Document, node: str) -> Guest:
        key, guest_id = _key(instance), GuestId(instance["metadata"]["uid"])
        self._guests[key] = guest_id
        await self._runtime.define(await self._specs.build(instance, node))
        guest = await self._runtime.find_guest(guest_id)
        if guest is None:
            raise GuestError("the guest vanished as soon as it was defined")
        return guest

    async def _wait_for_volumes(self, instance: Document, behind: volumes.Volumes) -> Result:
        namespace = instance["metadata"]["namespace"]
        trouble, kind = None, "Normal"
        if behind.failed is not None:
            name, volume = behind.failed
            trouble, kind = (
                Trouble("FailedDataVolumeImport", f"DataVolume {name} for volume {volume} failed"),
                "Warning",
            )
        elif behind.missing is not None:
            text = f"PVC {namespace}/{behind.missing} does not exist, waiting for it to appear"
            trouble = Trouble("FailedPvcNotFound", text)
        if trouble is not None and (status.condition(instance, "Synchronized") or {}).get("message") != trouble.message:
            self._recorder.event(instance, kind, trouble.reason, trouble.message)
        for claim in behind.waiting_for_consumer:
            await self._select_node(instance, claim)
        seen = Observation(
            self._clock.now(), volumes=behind, trouble=trouble, lost=behind.failed is not None, cluster=self._cluster
        )
        await self._write(instance, seen)
        self._waiting.begin_for_volumes(_key(instance), behind.awaited)
        return Result(_LOOK_AGAIN)

    async def _select_node(self, instance: Document, claim: str) -> None:
        """Tell the provisioner of a claim that waits for its consumer where that will be, as kube-scheduler does."""
        try:
            node = self._placement.find(instance)
        except Unschedulable:
            return

        def select(document: Document) -> None:
            annotations = document["metadata"].setdefault("annotations", {})
            annotations.setdefault(core.SELECTED_NODE_ANNOTATION, node)

        key = ObjectKey(instance["metadata"]["namespace"], claim)
        present = self._objects.get(core.PERSISTENT_VOLUME_CLAIMS, key)
        annotations = ((present or {}).get("metadata") or {}).get("annotations") or {}
        if core.SELECTED_NODE_ANNOTATION not in annotations:
            await self._objects.edit(core.PERSISTENT_VOLUME_CLAIMS, key, select)

    async def _wait_for_room(self, instance: Document, behind: volumes.Volumes, message: str) -> Result:
        now = self._clock.now()
        try:
            pod = await self._pods.ensure_waiting(instance, message)
        except PodRefused as error:
            return await self._fail_to_make_pod(instance, behind, error)
        seen = Observation(now, volumes=behind, pod=pod, scheduled=True, unschedulable=message, cluster=self._cluster)
        await self._write(instance, seen)
        self._waiting.begin_for_room(_key(instance))
        return Result(_LOOK_AGAIN)

    async def _fail_to_make_pod(self, instance: Document, behind: volumes.Volumes, error: PodRefused) -> Result:
        trouble = Trouble("FailedCreate", f"failed to create virtual machine pod: {error}")
        if (status.condition(instance, "Synchronized") or {}).get("message") != trouble.message:
            self._recorder.event(instance, "Warning", "FailedCreate", f"Error creating pod: {error}")
        seen = Observation(self._clock.now(), volumes=behind, trouble=trouble, cluster=self._cluster)
        await self._write(instance, seen)
        return self._try_again(_key(instance))

    async def _fail_to_sync(self, instance: Document, seen: Observation, error: GuestError) -> Result:
        told = failures.told(instance, error)
        is_news = (status.condition(instance, "Synchronized") or {}).get("message") != told.trouble.message
        await self._write(instance, replace(seen, trouble=told.trouble, cluster=self._cluster))
        if is_news:
            self._handler.event(instance, told.type, told.reason, told.message)
        return self._try_again(_key(instance))

    def _try_again(self, key: ObjectKey) -> Result:
        """
        Back off after a failure that its owner sees in a condition: wait for as long as it has lasted already.

        That doubles the waits without remembering how many there were, within bounds.
        """
        instance = self._objects.get(names.VIRTUAL_MACHINE_INSTANCES, key)
        since = (status.condition(instance or {}, "Synchronized") or {}).get("lastTransitionTime")
        now = self._clock.now()
        lasted = now - parse_timestamp(since) if since else timedelta(0)
        return Result(min(max(lasted, _SHORTEST_RETRY), _LONGEST_RETRY))

    # -- running

    async def _follow(
        self, instance: Document, guest: Guest, pod: Document | None, *, behind: volumes.Volumes | None = None
    ) -> Result:
        """The guest is there: start it if it is not started, and tell what it does."""
        if guest.state is GuestState.UNKNOWN:
            # Its node announces it when it is back.
            await self._write(instance, self._seen(instance, guest, pod))
            return DONE
        if behind is None:
            behind = volumes.look(self._objects, instance)
        self._placement.take(instance, guest.node)
        if status.phase_of(instance) != "Running":
            try:
                pod = await self._pods.ensure_running(instance, guest)
            except PodRefused as error:
                return await self._fail_to_make_pod(instance, behind, error)
        verdict = self._probes.of(instance, guest, pod)
        if not verdict.alive:
            self._probes.condemn(guest.id)
            await self._runtime.destroy(guest.id)
            guest = await self._runtime.find_guest(guest.id) or guest
        if status.phase_of(instance) == "Running":
            pod = await self._pods.mirror(pod, guest, ready=verdict.ready)
        if guest.state is GuestState.DEFINED:
            try:
                await self._runtime.boot(guest.id)
            except GuestError as error:
                seen = Observation(self._clock.now(), guest=guest, scheduled=True, pod=pod, volumes=behind)
                return await self._fail_to_sync(instance, seen, error)
            guest = await self._runtime.find_guest(guest.id) or guest
            if status.phase_of(instance) == "Pending" and guest.state is GuestState.DEFINED:
                instance = await self._show_scheduling(instance, pod, behind)
        seen = Observation(
            self._clock.now(),
            guest=guest,
            ready=self._probes.of(instance, guest, pod).ready,
            scheduled=True,
            pod=pod,
            volumes=behind,
            cluster=self._cluster,
        )
        if status.phase_of(instance) == "Running" and guest.state in (GuestState.RUNNING, GuestState.PAUSED):
            return await self._adapt(instance, guest, seen)
        await self._write(instance, seen)
        return DONE

    async def _adapt(self, instance: Document, guest: Guest, seen: Observation) -> Result:
        """Let a running guest take on what its instance's spec has come to ask for, and tell how far that is."""
        refused = False
        try:
            if await live_update.carry_out(self._runtime, instance, guest, seen.cluster):
                guest = await self._runtime.find_guest(guest.id) or guest
        except live_update.Refused as error:
            self._handler.event(instance, "Warning", str(error), error.what)
            refused = True
        plugged = await self._plugging.step(instance, seen.volumes, guest, seen.pod)
        seen = replace(seen, guest=plugged.guest, plugged=plugged.statuses, resize_refused=refused)
        if plugged.refused:
            seen = replace(seen, trouble=Trouble("FailedCreate", f"Error creating attachment pod {plugged.refused}"))
        for by_handler, reason, message in plugged.told:
            (self._handler if by_handler else self._recorder).event(instance, "Normal", reason, message)
        if plugged.error:
            return await self._fail_to_sync(instance, seen, GuestError(plugged.error))
        await self._write(instance, seen)
        # What keeps a change of size from happening may be in the configuration, whose changes do not come here.
        is_waiting = live_update.is_due(instance) or interfaces.is_due(instance)
        if not plugged.statuses:
            return Result(_LOOK_AGAIN) if is_waiting else DONE
        for claim in seen.volumes.waiting_for_consumer:
            await self._select_node(instance, claim)
        self._waiting.begin_for_volumes(_key(instance), seen.volumes.awaited)
        return Result(_LOOK_AGAIN) if seen.volumes.awaited or is_waiting or plugged.refused else DONE

    async def _show_scheduling(self, instance: Document, pod: Document | None, behind: volumes.Volumes) -> Document:
        """
        Write the phase in which the pod is there and the guest is not, for those who watch; returns the instance as it then is.

        What takes time shall be seen in each of its phases. A guest that runs at once goes through them in one write.
        """
        seen = Observation(self._clock.now(), scheduled=True, pod=pod, volumes=behind, cluster=self._cluster)
        await self._write(instance, seen)
        return self._objects.get(names.VIRTUAL_MACHINE_INSTANCES, _key(instance)) or instance

    async def _end_lost(self, instance: Document, pod: Document | None) -> Result:
        """The runtime knows nothing of a guest that ran, or the pod of one that was to run is gone."""
        logger.warning("the guest of instance %s, or its pod, is gone", _key(instance))
        await self._write(instance, self._seen(instance, None, pod, lost=True))
        return DONE

    # -- ending

    async def _stop(self, instance: Document, guest: Guest | None, pod: Document | None) -> Result:
        if guest is None:
            await self._write(instance, self._seen(instance, None, pod, lost=True, terminating=True))
            return DONE
        first = (status.condition(instance, "Ready") or {}).get("reason") != "PodTerminating"
        grace = launcher_pod.grace_seconds(instance)
        await self._runtime.shut_down(guest.id, grace_seconds=grace)
        if first and grace:
            self._handler.event(instance, "Normal", "ShuttingDown", "Signaled Graceful Shutdown")
        await self._pods.delete(instance, pod)
        guest = await self._runtime.find_guest(guest.id)
        lost = guest is None
        await self._write(instance, self._seen(instance, guest, pod, lost=lost, terminating=True))
        return DONE

    def _seen(
        self,
        instance: Document,
        guest: Guest | None,
        pod: Document | None,
        *,
        lost: bool = False,
        terminating: bool = False,
    ) -> Observation:
        return Observation(
            self._clock.now(),
            guest=guest,
            pod=pod,
            scheduled=True,
            lost=lost,
            terminating=terminating,
            volumes=volumes.look(self._objects, instance),
            cluster=self._cluster,
        )

    async def _clean_up(self, instance: Document, guest: Guest | None) -> Result:
        """How it ended is recorded; let go of what it had."""
        key = _key(instance)
        self._probes.forget(GuestId(instance["metadata"]["uid"]))
        if guest is not None:
            await self._runtime.remove(guest.id)
            if guest.reason == "destroyed":
                self._handler.event(instance, "Normal", "Deleted", "VirtualMachineInstance stopping")
            self._handler.event(instance, "Normal", "Deleted", "Signaled Deletion")
        self._guests.pop(key, None)
        await self._pods.finish(instance, succeeded=status.phase_of(instance) == "Succeeded")
        finalizers = instance["metadata"].get("finalizers") or ()
        if instance["metadata"].get("deletionTimestamp") and names.VMI_FOREGROUND_FINALIZER in finalizers:
            owned = self._has_owner(instance)
            await self._objects.edit(
                names.VIRTUAL_MACHINE_INSTANCES, key, lambda document: _let_go(document, has_owner=owned)
            )
        return DONE

    def _has_owner(self, instance: Document) -> bool:
        """Whether the VirtualMachine that the instance was made for is still there."""
        for owner in instance["metadata"].get("ownerReferences") or ():
            if owner.get("controller") and owner["kind"] == "VirtualMachine":
                key = ObjectKey(instance["metadata"]["namespace"], owner["name"])
                machine = self._objects.get(names.VIRTUAL_MACHINES, key)
                return machine is not None and machine["metadata"]["uid"] == owner["uid"]
        return False

    # -- writing

    async def _write(self, instance: Document, seen: Observation) -> None:
        """Bring the stored instance up to what was seen, with the events that belong to the change."""
        if not status.transitions(status.phase_of(instance), seen):
            # Most passes find nothing new; a copy is cheaper than a write that turns out to change nothing.
            draft = _draft(instance)
            _apply(draft, seen)
            if draft == instance:
                return
        uid = instance["metadata"]["uid"]
        passed: list[str] = []
        before = ""

        def edit(document: Document) -> None:
            nonlocal before
            before = status.phase_of(document)
            passed.clear()
            if document["metadata"]["uid"] != uid:
                return
            before = status.phase_of(document)
            # One that comes into sight again has not been started again.
            news = status.transitions(before, seen)
            passed.extend(one for one in news if not (before == "Unknown" and one == "Running"))
            _apply(document, seen)

        written = await self._objects.edit(names.VIRTUAL_MACHINE_INSTANCES, _key(instance), edit)
        if written is None or written["metadata"]["uid"] != uid:
            return
        self._placement.note(written)
        self._transitions.passed(written, before, passed)
        phase_events.tell(
            self._handler, written, seen, passed, was_paused=status.condition(instance, "Paused") is not None
        )


def _draft(instance: Document) -> Document:
    """A copy that `_apply` may change. It shares the spec, which is most of an instance and is left alone."""
    metadata = dict(instance["metadata"])
    for field in ("labels", "annotations"):
        if field in metadata:
            metadata[field] = dict(metadata[field])
    return {**instance, "metadata": metadata, "status": copied(instance.get("status") or {})}


def _apply(document: Document, seen: Observation) -> None:
    annotations = document["metadata"].setdefault("annotations", {})
    for name in _OBSERVED_VERSIONS:
        annotations[name] = "v1"
    status.apply(document, seen)


def _let_go(document: Document, *, has_owner: bool) -> None:
    """Take the finalizers off: the VM controller's stays for it, if there is a VM."""
    metadata = document["metadata"]
    done = {names.VMI_FOREGROUND_FINALIZER}
    if not has_owner:
        done.add(names.VM_CONTROLLER_FINALIZER)
    metadata["finalizers"] = [one for one in metadata.get("finalizers") or () if one not in done]
    if not metadata["finalizers"]:
        del metadata["finalizers"]


def _key(instance: Document) -> ObjectKey:
    return ObjectKey(instance["metadata"]["namespace"], instance["metadata"]["name"])


def _keys_of_pod(pod: Document) -> Iterable[ObjectKey]:
    metadata = pod["metadata"]
    if (name := (metadata.get("annotations") or {}).get(attachment_pod.OWNER_NAME_ANNOTATION)) is not None:
        return [ObjectKey(metadata["namespace"], name)]
    return [
        ObjectKey(metadata["namespace"], owner["name"])
        for owner in metadata.get("ownerReferences") or ()
        if owner["kind"] == "VirtualMachineInstance" and owner["apiVersion"].startswith(f"{names.GROUP}/")
    ]
