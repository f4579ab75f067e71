"""
Volumes whose claims have gone, and volumes that nobody claimed (reference kubernetes-api.md 7).

A free volume is Available; one whose claim was deleted is Released, and deleted with reclaim policy Delete. Its protection finalizer stays
as long as it is bound. When a volume is gone, so are its bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from solovirt.controllers.persistent_volume_claim import drop_finalizer
from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.cdi.sizes import overhead, usable
from solovirt.kinds.core import names
from solovirt.machinery import quantity
from solovirt.machinery.clock import timestamp
from solovirt.machinery.control.protocol import DONE, Result, Source, Tools
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.volumes.protocol import Growing, Volumes


class PersistentVolumeController:
    """See the module."""

    name: ClassVar[str] = "persistentvolume-controller"
    resource: ClassVar[GroupResource] = names.PERSISTENT_VOLUMES

    def __init__(self, tools: Tools, *, volumes: Volumes | None = None) -> None:
        """*volumes* keeps the bytes, which go when their volume does."""
        self._objects = tools.objects
        self._clock = tools.clock
        self._volumes = volumes
        self.sources: Sequence[Source] = (Source(names.PERSISTENT_VOLUME_CLAIMS, _volume_of_claim),)

    async def reconcile(self, key: ObjectKey) -> Result:
        volume = self._objects.get(names.PERSISTENT_VOLUMES, key)
        if volume is None:
            if self._volumes is not None:
                await self._volumes.remove(key.name)
            return DONE
        phase = self._phase(volume)
        metadata = volume["metadata"]
        if metadata.get("deletionTimestamp"):
            if phase != "Bound" and names.PV_PROTECTION_FINALIZER in metadata.get("finalizers", ()):
                await self._objects.edit(
                    names.PERSISTENT_VOLUMES, key, lambda obj: drop_finalizer(obj, names.PV_PROTECTION_FINALIZER)
                )
            return DONE
        if phase is not None and (volume.get("status") or {}).get("phase") != phase:
            now = timestamp(self._clock.now())

            def say(obj: Document) -> None:
                obj["status"] = {**(obj.get("status") or {}), "phase": phase, "lastPhaseTransitionTime": now}

            await self._objects.edit(names.PERSISTENT_VOLUMES, key, say, status=True)
        if phase == "Bound":
            await self._grow(volume)
        if phase == "Released" and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
            await self._objects.delete(names.PERSISTENT_VOLUMES, key, uid=metadata["uid"])
        return DONE

    async def _grow(self, volume: Document) -> None:
        """Have the disk follow a claim that became larger; a file system's overhead is not the disk's (reference cdi.md 6.1)."""
        if not isinstance(self._volumes, Growing):
            return
        size = quantity.whole((volume["spec"].get("capacity") or {}).get("storage"))
        if volume["spec"].get("volumeMode", "Filesystem") == "Filesystem":
            config = self._objects.get(cdi.CDI_CONFIGS, ObjectKey("", "config"))
            size = usable(size, overhead(config, volume["spec"].get("storageClassName") or ""))
        await self._volumes.grow(volume["metadata"]["name"], size)

    def _phase(self, volume: Document) -> str | None:
        """What the volume's phase should be; None if that is the claim's to say, which is not bound yet."""
        reference = volume["spec"].get("claimRef")
        if reference is None:
            return "Available"
        if not reference.get("uid"):
            # Reserved for a claim that may come.
            return "Available"
        claim = self._objects.get(
            names.PERSISTENT_VOLUME_CLAIMS, ObjectKey(reference.get("namespace", ""), reference.get("name", ""))
        )
        if claim is None or claim["metadata"]["uid"] != reference["uid"]:
            return "Released"
        return "Bound" if claim["spec"].get("volumeName") == volume["metadata"]["name"] else None


def _volume_of_claim(claim: Document) -> Iterable[ObjectKey]:
    name = claim["spec"].get("volumeName")
    return (ObjectKey("", name),) if name else ()
