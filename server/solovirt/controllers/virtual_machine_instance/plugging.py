"""Carries out what `hotplug` finds to be done: attachment pods, and the disks and dumps of the guest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from solovirt.controllers.virtual_machine_instance import attachment_pod, hotplug, interfaces
from solovirt.controllers.virtual_machine_instance.guest_spec import GuestSpecs
from solovirt.controllers.virtual_machine_instance.volumes import Volumes
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.machinery.control.protocol import Tools
from solovirt.machinery.errors import AlreadyExists, StatusError
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.runtime.protocol import Guest, GuestError, Runtime, SupportsHotplug, SupportsMemoryDump


class Plugged(NamedTuple):
    """How it went. *error* is what kept a disk from being plugged, in the runtime's words."""

    guest: Guest
    statuses: list[hotplug.Status]
    told: list[hotplug.Told]
    error: str = ""
    refused: str = ""
    """Why an attachment pod can't be made."""


class Plugging:
    """Moves the plugged volumes of running instances one step on."""

    def __init__(self, tools: Tools, runtime: Runtime, specs: GuestSpecs, *, cluster: Callable[[], Cluster]) -> None:
        self._specs = specs
        self._objects = tools.objects
        self._recorder = tools.recorder
        self._clock = tools.clock
        self._runtime = runtime
        self._cluster = cluster

    async def step(self, instance: Document, behind: Volumes, guest: Guest, launcher: Document | None) -> Plugged:
        """*launcher* is the instance's pod, None if no pods are made."""
        try:
            if await interfaces.carry_out(self._runtime, instance, guest, self._cluster()):
                guest = await self._runtime.find_guest(guest.id) or guest
        except GuestError as refusal:
            return Plugged(guest, [], [], str(refusal))
        situation = hotplug.Situation(instance, behind, guest, self._clock.now(), None)
        if not situation.wanted and not situation.known:
            return Plugged(guest, [], [])
        if launcher is not None:
            situation = replace(situation, pods=self._pods(launcher))
        situation, error = await self._carry_out(situation)
        deleted: Sequence[Document] = ()
        refused = ""
        if launcher is not None:
            try:
                await self._mount(situation, launcher)
            except StatusError as answer:
                refused = answer.message
            situation = replace(situation, pods=self._pods(launcher))
            deleted = await self._delete(situation)
        statuses, told = hotplug.statuses(situation, deleted)
        return Plugged(situation.guest, statuses, told, error, refused)

    def _pods(self, launcher: Document) -> list[Document]:
        return list(self._objects.owned_by(launcher["metadata"]["uid"], core.PODS))

    async def _carry_out(self, situation: hotplug.Situation) -> tuple[hotplug.Situation, str]:
        """Command the guest; returns the situation after it, and why a disk could not be plugged."""
        attach, detach, dump = (
            hotplug.to_attach(situation),
            hotplug.to_detach(situation),
            hotplug.to_dump(situation),
        )
        if not (attach or detach or dump):
            return situation, ""
        guest, error, failed = situation.guest.id, "", {}
        try:
            if attach or detach:
                if not isinstance(self._runtime, SupportsHotplug):
                    raise GuestError("the hypervisor can't plug disks into running guests")
                for name in detach:
                    await self._runtime.detach(guest, name)
                for disk in attach:
                    image = self._specs.image(situation.instance, disk["name"])
                    await self._runtime.attach(guest, disk, image)
        except GuestError as refusal:
            error = str(refusal)
        for name, file_name in dump:
            try:
                if not isinstance(self._runtime, SupportsMemoryDump):
                    raise GuestError("the hypervisor can't dump the memory of guests")
                await self._runtime.dump_memory(guest, self._specs.image(situation.instance, name), file_name)
            except GuestError as refusal:
                failed[name] = str(refusal)
        after = await self._runtime.find_guest(guest) or situation.guest
        return replace(situation, guest=after, failed_dumps=failed), error

    async def _mount(self, situation: hotplug.Situation, launcher: Document) -> None:
        """Make the pod that mounts everything that can be, if it is not there, and have it run. Raises StatusError."""
        if not situation.ready or not launcher["spec"].get("nodeName"):
            return
        made = hotplug.active_pod(situation) or await self._make(situation, launcher)
        if made is None or attachment_pod.is_ready(made):
            return
        now = self._clock.now()

        def run(document: Document) -> None:
            document["status"] = attachment_pod.status(document, launcher, now)

        key = ObjectKey(made["metadata"]["namespace"], made["metadata"]["name"])
        await self._objects.edit(core.PODS, key, run, status=True)

    async def _make(self, situation: hotplug.Situation, launcher: Document) -> Document | None:
        """The pod that mounts everything that can be; None if one of its name is still on its way out. Raises StatusError."""
        instance = situation.instance
        pod = attachment_pod.build(
            instance, launcher, situation.ready, situation.behind.claims, cluster=self._cluster()
        )
        try:
            made = await self._objects.create(core.PODS, pod)
        except AlreadyExists:
            return None
        except StatusError as error:
            self._recorder.event(instance, "Warning", "FailedCreate", f"Error creating attachment pod: {error.message}")
            raise
        name = made["metadata"]["name"]
        self._recorder.event(instance, "Normal", "SuccessfulCreate", f"Created attachment pod {name}")
        return made

    async def _delete(self, situation: hotplug.Situation) -> list[Document]:
        deleted = []
        for pod in hotplug.to_delete(situation):
            metadata = pod["metadata"]
            key = ObjectKey(metadata["namespace"], metadata["name"])
            if await self._objects.delete(core.PODS, key, uid=metadata["uid"], grace_seconds=0):
                text = f"Deleted attachment pod {key.name}"
                self._recorder.event(situation.instance, "Normal", "SuccessfulDelete", text)
                deleted.append(pod)
        return deleted
