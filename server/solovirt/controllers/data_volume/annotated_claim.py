"""
Claims that are filled without a DataVolume (reference cdi.md 4.4, 5.2 and 8.1).

Whoever annotates a claim as CDI's DataVolume controller would (`virtctl image-upload pvc` does; and the populators, for the claims they fill) has
it filled: the annotations name the source, and tell how far it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from solovirt.controllers.data_volume import transfer
from solovirt.controllers.data_volume.annotations import source_of
from solovirt.controllers.data_volume.filling import LOOK_AGAIN, Filling, Order, is_bound, is_of_data_volume
from solovirt.controllers.data_volume.status import Event
from solovirt.controllers.persistent_volume_claim import claims_of_pod
from solovirt.kinds.cdi import names
from solovirt.kinds.core import names as core
from solovirt.machinery.control.protocol import DONE, Result, Source, Tools
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.volumes.protocol import Operation

_ENDED = ("Succeeded", "Failed")
_IN_USE = {Operation.IMPORT: "ImportTargetInUse", Operation.UPLOAD: "UploadTargetInUse"}


class AnnotatedClaimController:
    """Has claims filled as their annotations say."""

    name: ClassVar[str] = "import-controller"
    resource: ClassVar[GroupResource] = names.PERSISTENT_VOLUME_CLAIMS

    def __init__(self, tools: Tools, filling: Filling) -> None:
        self._objects = tools.objects
        self._filling = filling
        self.sources: Sequence[Source] = ()

    async def reconcile(self, key: ObjectKey) -> Result:
        claim = self._objects.get(names.PERSISTENT_VOLUME_CLAIMS, key)
        if claim is None or is_of_data_volume(claim):
            return DONE
        annotations = claim["metadata"].get("annotations") or {}
        source = source_of(annotations)
        operation = transfer.operation_of(source)
        if operation is None or names.EXTERNAL_POPULATION in annotations:
            return DONE
        if claim["metadata"].get("deletionTimestamp"):
            await self._filling.forget(claim)
            return DONE
        is_done = annotations.get(names.POD_PHASE) == "Succeeded" or annotations.get(names.FATAL_ERROR) == "true"
        if is_done or not is_bound(claim):
            return DONE
        of_source = next(iter(source.values()))
        if operation is Operation.CLONE and (refusal := _refusal(claim, of_source["namespace"])):
            self._filling.recorder(operation).event(claim, *refusal)
            return DONE
        if names.POD_PHASE not in annotations and (pod := self._user(key)) is not None:
            if operation in _IN_USE:
                message = f"pod {key.namespace}/{pod} using PersistentVolumeClaim {key.name}"
                self._filling.recorder(operation).event(claim, "Warning", _IN_USE[operation], message)
            return Result(LOOK_AGAIN)
        order = Order(
            source,
            operation,
            content_type=annotations.get(names.CONTENT_TYPE) or "kubevirt",
            preallocation={"true": True, "false": False}.get(annotations.get(names.PREALLOCATION_REQUESTED, "")),
            options=annotations,
        )
        filled = await self._filling.advance(claim, order)
        told = filled.trouble or filled.hindrance
        if told is not None:
            self._filling.recorder(operation).event(claim, told.type, told.reason, told.message)
            return Result(LOOK_AGAIN)
        return Result(again_after=filled.progress.look_again if filled.progress is not None else None)

    def _user(self, key: ObjectKey) -> str | None:
        """A pod that uses the claim, which must be left alone then."""
        for pod in self._objects.list(core.PODS, key.namespace):
            if (pod.get("status") or {}).get("phase") not in _ENDED and key.name in claims_of_pod(pod):
                return str(pod["metadata"]["name"])
        return None


def _refusal(claim: Document, namespace: str) -> Event | None:
    """
    A claim that asks for a copy from another namespace must have been made by one who was allowed to (reference cdi.md 9.2).

    DataVolumes are asked at the door; a claim that anybody annotates shows no such leave.
    """
    if namespace == claim["metadata"]["namespace"]:
        return None
    return Event("Warning", "CloneValidationFailed", f"the clone from namespace {namespace} is not authorized")
