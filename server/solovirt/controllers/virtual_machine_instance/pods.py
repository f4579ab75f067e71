"""Launcher pods as the reconciler handles them: make one, keep its status, let it go. All of it does nothing if they are switched off."""

from __future__ import annotations

from collections.abc import Callable

from solovirt.controllers.virtual_machine_instance import launcher_pod
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.machinery.control.protocol import Tools
from solovirt.machinery.errors import AlreadyExists, StatusError
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.runtime.protocol import Guest, GuestState, Runtime

_FINAL_PHASES = ("Succeeded", "Failed")


class PodRefused(Exception):
    """The pod can't be made (a quota, a namespace that goes); the text says why."""


class LauncherPods:
    """The pods of all instances."""

    def __init__(self, tools: Tools, runtime: Runtime, *, enabled: bool, cluster: Callable[[], Cluster]) -> None:
        self._objects = tools.objects
        self._recorder = tools.recorder
        self._clock = tools.clock
        self._runtime = runtime
        self._enabled = enabled
        self._cluster = cluster
        self._hosts: dict[str, str] = {}

    def find(self, instance: Document) -> Document | None:
        """The instance's pod, if there is one that is its own."""
        if not self._enabled:
            return None
        pod = self._objects.get(core.PODS, launcher_pod.key_of(instance))
        if pod is None:
            return None
        owners = pod["metadata"].get("ownerReferences") or ()
        return pod if any(owner["uid"] == instance["metadata"]["uid"] for owner in owners) else None

    def is_going(self, instance: Document, pod: Document | None, guest: Guest | None) -> bool:
        """Whether somebody took the pod away from under a guest: then the guest has to go too."""
        if not self._enabled:
            return False
        if pod is not None:
            return bool(pod["metadata"].get("deletionTimestamp"))
        # Before the pod was seen once its absence means nothing.
        return guest is not None and bool((instance.get("status") or {}).get("activePods"))

    def was_removed(self, instance: Document, pod: Document | None) -> bool:
        """Whether the pod of an instance that waits for a node is gone: the phase Scheduling is written after the pod was made."""
        return self._enabled and pod is None and (instance.get("status") or {}).get("phase") == "Scheduling"

    async def ensure_waiting(self, instance: Document, message: str) -> Document | None:
        """A pod on no node, which says why. Raises PodRefused."""
        if not self._enabled:
            return None
        now = self._clock.now()

        def status(document: Document) -> Document:
            return launcher_pod.waiting_status(document, now=now, message=message)

        pod = self.find(instance) or await self._create(instance, None, status)
        return await self._write(pod, status)

    async def ensure_running(self, instance: Document, guest: Guest) -> Document | None:
        """A pod on the guest's node, running, and ready unless there is a probe that has to say so. Raises PodRefused."""
        if not self._enabled:
            return None
        status = await self._running(guest, ready=instance["spec"].get("readinessProbe") is None)
        pod = self.find(instance) or await self._create(instance, guest.node, status)
        if not pod["spec"].get("nodeName"):
            pod = await self._bind(pod, guest.node)
        return await self._write(pod, status)

    async def mirror(self, pod: Document | None, guest: Guest, *, ready: bool) -> Document | None:
        """The pod of a running guest, whose container is *ready*; the pod is not while the guest is paused."""
        if pod is None or guest.state not in (GuestState.RUNNING, GuestState.PAUSED):
            return pod
        return await self._write(pod, await self._running(guest, ready=ready))

    async def _running(self, guest: Guest, *, ready: bool) -> Callable[[Document], Document]:
        """What makes the status of a pod on the guest's node."""
        host = await self._host(guest.node)
        addresses = next((one.addresses for one in guest.interfaces if one.addresses), ())
        paused = guest.state is GuestState.PAUSED
        now = self._clock.now()
        return lambda document: launcher_pod.running_status(
            document, now=now, host_address=host, addresses=addresses, paused=paused, ready=ready
        )

    async def delete(self, instance: Document, pod: Document | None) -> None:
        """Let the pod go, with its grace; it is gone when the guest has ended."""
        if pod is None or pod["metadata"].get("deletionTimestamp"):
            return
        key, uid = launcher_pod.key_of(instance), pod["metadata"]["uid"]
        if await self._objects.delete(core.PODS, key, uid=uid):
            self._recorder.event(instance, "Normal", "SuccessfulDelete", f"Deleted virtual machine pod {key.name}")

    async def finish(self, instance: Document, *, succeeded: bool) -> None:
        """The guest has ended: so has the pod, and it goes with its instance."""
        pod = self.find(instance)
        if pod is None or pod["metadata"].get("deletionTimestamp"):
            return
        if instance["metadata"].get("deletionTimestamp"):
            await self.delete(instance, pod)
        elif (pod.get("status") or {}).get("phase") not in _FINAL_PHASES:
            now = self._clock.now()
            await self._write(pod, lambda document: launcher_pod.final_status(document, now=now, succeeded=succeeded))

    async def _create(
        self, instance: Document, node: str | None, make_status: Callable[[Document], Document]
    ) -> Document:
        """Make the pod as the scheduler and the kubelet would leave it: what lies between takes no time here."""
        document = launcher_pod.build(instance, node, cluster=self._cluster())
        document["status"] = make_status(document)
        try:
            pod = await self._objects.create(core.PODS, document, with_status=True)
        except AlreadyExists:
            found = self.find(instance)
            if found is None:
                raise PodRefused(f"a pod {document['metadata']['name']} of somebody else is there already") from None
            return found
        except StatusError as error:
            raise PodRefused(error.message) from error
        name = pod["metadata"]["name"]
        self._recorder.event(instance, "Normal", "SuccessfulCreate", f"Created virtual machine pod {name}")
        return pod

    async def _bind(self, pod: Document, node: str) -> Document:
        def bind(document: Document) -> None:
            document["spec"]["nodeName"] = node
            document["metadata"].setdefault("labels", {})[launcher_pod.NODE_NAME_LABEL] = node

        return await self._objects.edit(core.PODS, _key(pod), bind, subresource="binding") or pod

    async def _write(self, pod: Document, make: Callable[[Document], Document]) -> Document:
        """Write the status that *make* derives from a pod, unless that is what it has."""
        if make(pod) == (pod.get("status") or {}):
            return pod

        def edit(document: Document) -> None:
            document["status"] = make(document)

        return await self._objects.edit(core.PODS, _key(pod), edit, status=True) or pod

    async def _host(self, node: str) -> str:
        if node not in self._hosts:
            self._hosts = {one.name: one.address for one in await self._runtime.nodes()}
        return self._hosts.get(node, "")


def _key(pod: Document) -> ObjectKey:
    return ObjectKey(pod["metadata"]["namespace"], pod["metadata"]["name"])
