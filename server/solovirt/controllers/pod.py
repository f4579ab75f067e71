"""
The end of pods.

Pods are a facade: no kubelet runs them, so nobody would ever say that a deleted one has stopped. This loop does. A launcher pod stands
for the guest of its VirtualMachineInstance, and goes when that has ended (the instance is final or gone); any pod goes when its grace is
over by the clock. Pods that are on no node never get here, the API server removes them at once (`kinds/core/behaviour/pod.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from solovirt.kinds.core import names
from solovirt.kinds.kubevirt import names as kubevirt
from solovirt.machinery.clock import parse_timestamp
from solovirt.machinery.control.protocol import DONE, ObjectRef, Result, Tools
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.machinery.store.protocol import Event, Record, Store

_FINAL_PHASES = ("Succeeded", "Failed")


class PodController:
    """Removes terminating pods. It sees every event, so that those of instances need no parsing to find their pods."""

    name: ClassVar[str] = "pod-lifecycle-controller"

    def __init__(self, tools: Tools, *, store: Store) -> None:
        self._objects = tools.objects
        self._clock = tools.clock
        self._store = store

    def survey(self) -> Iterator[ObjectRef]:
        """The terminating pods."""
        return _terminating(self._store.now.list(names.PODS))

    def wake(self, event: Event) -> Iterable[ObjectRef]:
        """A terminating pod, and the terminating pods of an instance."""
        record = event.record
        if record.resource == names.PODS:
            return _terminating((record,))
        if record.resource == kubevirt.VIRTUAL_MACHINE_INSTANCES:
            return _terminating(self._store.now.owned_by(record.index.uid))
        return ()

    async def reconcile_object(self, ref: ObjectRef) -> Result:
        key = ref.key
        pod = self._objects.get(names.PODS, key)
        if pod is None:
            return DONE
        metadata = pod["metadata"]
        deadline = metadata.get("deletionTimestamp")
        if not deadline or not metadata.get("deletionGracePeriodSeconds"):
            return DONE
        left = parse_timestamp(deadline) - self._clock.now()
        if left.total_seconds() > 0 and not self._guest_is_gone(pod):
            return Result(left)
        await self._objects.delete(names.PODS, key, uid=metadata["uid"], grace_seconds=0)
        return DONE

    def _guest_is_gone(self, pod: Document) -> bool:
        metadata = pod["metadata"]
        for owner in metadata.get("ownerReferences") or ():
            if owner["kind"] == "VirtualMachineInstance" and owner["apiVersion"].startswith(f"{kubevirt.GROUP}/"):
                key = ObjectKey(metadata["namespace"], owner["name"])
                instance = self._objects.get(kubevirt.VIRTUAL_MACHINE_INSTANCES, key)
                return instance is None or instance["metadata"]["uid"] != owner["uid"] or _has_ended(instance)
        return False


def _terminating(records: Iterable[Record]) -> Iterator[ObjectRef]:
    for record in records:
        if record.resource == names.PODS and record.index.deleting:
            yield ObjectRef(record.resource, record.key)


def _has_ended(instance: Document) -> bool:
    return (instance.get("status") or {}).get("phase") in _FINAL_PHASES
