"""
The reconciler of DataVolumes (reference cdi.md 4.1).

One pass: find out where the content comes from, make the claim or take one over, and, once it is bound, ask the engine how far the transfer is
and write that down, on the claim first and then in the status. The engine is asked anew each time, so a restart goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from solovirt.controllers.data_volume import claim as claims
from solovirt.controllers.data_volume import clone_source, transfer
from solovirt.controllers.data_volume import status as statuses
from solovirt.controllers.data_volume.filling import LOOK_AGAIN, Filled, Filling, Order, is_bound, is_of_data_volume
from solovirt.controllers.data_volume.status import Event, Situation
from solovirt.kinds.cdi import adoption, names
from solovirt.kinds.cdi.references import ReferenceRefused, resolved
from solovirt.kinds.cdi.rendering import ClaimNotValid, Storage, claim_spec
from solovirt.machinery.control.protocol import DONE, Result, Source, Tools
from solovirt.machinery.errors import AlreadyExists, Forbidden
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.verbs.protocol import Edit
from solovirt.volumes.protocol import Operation

_FINAL = ("Succeeded", "Failed")


class DataVolumeController:
    """Makes DataVolumes' claims and has them filled."""

    name: ClassVar[str] = "datavolume-import-controller"
    resource: ClassVar[GroupResource] = names.DATA_VOLUMES

    def __init__(self, tools: Tools, filling: Filling) -> None:
        self._tools = tools
        self._objects = tools.objects
        self._filling = filling
        self.sources: Sequence[Source] = (Source(names.PERSISTENT_VOLUME_CLAIMS, _keys_of_claim),)

    async def reconcile(self, key: ObjectKey) -> Result:
        data_volume = self._objects.get(names.DATA_VOLUMES, key)
        if data_volume is None or data_volume["metadata"].get("deletionTimestamp"):
            claim = self._objects.get(names.PERSISTENT_VOLUME_CLAIMS, key)
            if claim is not None and is_of_data_volume(claim):
                await self._filling.forget(claim)
            return DONE
        source = self._source(data_volume)
        if source is None:
            # The DataSource is missing or not ready: nobody handles the DataVolume until it is (reference cdi.md 10).
            return Result(again_after=LOOK_AGAIN)
        operation = transfer.operation_of(source)
        claim = self._objects.get(names.PERSISTENT_VOLUME_CLAIMS, key)
        labels = self._labels_of_source(data_volume, source, claim)
        if labels or names.USE_POPULATOR not in (data_volume["metadata"].get("annotations") or {}):
            noted = await self._objects.edit(names.DATA_VOLUMES, key, _noting(labels))
            if noted is None:
                return DONE
            data_volume = noted
        trouble: Event | None = None
        if claim is None:
            claim, trouble = await self._make_claim(data_volume, source)
            if claim is None:
                await self._write(Situation(data_volume, None, operation, source, self._now(), trouble=trouble))
                return Result(again_after=LOOK_AGAIN)
        elif claim["metadata"].get("deletionTimestamp"):
            message = f'Resource "{key.name}" marked for deletion'
            self._tools.recorder.event(data_volume, "Warning", "ErrResourceMarkedForDeletion", message)
            return DONE
        elif not _controls(data_volume, claim):
            claim = await self._take_over(data_volume, claim)
            if claim is None:
                return Result(again_after=LOOK_AGAIN)
        return await self._fill(data_volume, claim, source, operation)

    # Where the content comes from

    def _source(self, data_volume: Document) -> Mapping[str, Any] | None:
        """The source, a sourceRef resolved; empty for external population, None if it cannot be told yet."""
        spec = data_volume["spec"]
        reference = spec.get("sourceRef")
        if reference is None:
            source: Mapping[str, Any] = spec.get("source") or {}
            return source
        key = ObjectKey(reference.get("namespace") or data_volume["metadata"]["namespace"], reference.get("name", ""))
        found = self._objects.get(names.DATA_SOURCES, key)
        try:
            of_found = resolved(found or {}, lambda other: self._objects.get(names.DATA_SOURCES, other))
        except ReferenceRefused:
            return None
        # A source without a namespace is in its DataSource's.
        return {kind: {"namespace": key.namespace, **given} for kind, given in of_found.items()} or None

    def _labels_of_source(
        self, data_volume: Document, source: Mapping[str, Any], claim: Document | None
    ) -> dict[str, str]:
        """
        The instance type and preference that the source says machines should have, unless the DataVolume says something itself.

        An image from a registry says so on the claim that it was imported into (reference cdi.md 6.4).
        """
        if any(label in names.DEFAULT_INSTANCETYPE_LABELS for label in data_volume["metadata"].get("labels") or ()):
            return {}
        origin = claim if "registry" in source else self._filling.clone_source(source)[0]
        labels = ((origin or {}).get("metadata") or {}).get("labels") or {}
        return {label: labels[label] for label in names.DEFAULT_INSTANCETYPE_LABELS if label in labels}

    # The claim

    async def _make_claim(
        self, data_volume: Document, source: Mapping[str, Any]
    ) -> tuple[Document | None, Event | None]:
        if names.PRE_POPULATED in (data_volume["metadata"].get("annotations") or {}):
            return None, None
        origin, trouble = self._filling.clone_source(source)
        if trouble is not None and "storage" not in ((data_volume["spec"].get("pvc") or {}).get("resources") or {}):
            return None, trouble
        if origin is not None:
            compared = clone_source.mismatch if "pvc" in source else clone_source.snapshot_mismatch
            if (wrong := compared(origin, data_volume)) is not None:
                return None, wrong
        try:
            spec = claim_spec(data_volume, source, self._storage(origin))
        except ClaimNotValid as error:
            return None, Event("Warning", "ErrClaimNotValid", str(error))
        try:
            made = await self._objects.create(names.PERSISTENT_VOLUME_CLAIMS, claims.claim(data_volume, spec, source))
        except AlreadyExists:
            return None, None
        except Forbidden as error:
            if "exceeded quota:" in error.message:
                return None, Event("Warning", "ErrExceededQuota", error.message)
            raise
        return made, None

    def _storage(self, origin: Document | None) -> Storage:
        classes = list(self._objects.list(names.STORAGE_CLASSES))
        profiles = {one["metadata"]["name"]: one for one in self._objects.list(names.STORAGE_PROFILES)}
        return Storage(classes, profiles, self._config(), origin)

    async def _take_over(self, data_volume: Document, claim: Document) -> Document | None:
        """Adopt a claim that somebody else made, if that is allowed; None after an event if it is not."""
        if _needs_work(data_volume, claim, self._config()) or any(
            owner.get("controller") for owner in claim["metadata"].get("ownerReferences") or ()
        ):
            name = claim["metadata"]["name"]
            message = f'Resource "{name}" already exists and is not managed by DataVolume'
            self._tools.recorder.event(data_volume, "Warning", "ErrResourceExists", message)
            return None

        def own(document: Document) -> None:
            document["metadata"].setdefault("ownerReferences", []).append(claims.owner_reference(data_volume))

        return await self._objects.edit(names.PERSISTENT_VOLUME_CLAIMS, _key(claim), own)

    # The transfer

    async def _fill(
        self, data_volume: Document, claim: Document, source: Mapping[str, Any], operation: Operation | None
    ) -> Result:
        needs_work = _needs_work(data_volume, claim, self._config())
        is_done = ((data_volume.get("status") or {}).get("phase")) in _FINAL
        filled = Filled(claim)
        if operation is not None and needs_work and not is_done and is_bound(claim):
            order = Order(
                source,
                operation,
                content_type=data_volume["spec"].get("contentType") or "kubevirt",
                preallocation=data_volume["spec"].get("preallocation"),
                options=data_volume["metadata"].get("annotations"),
            )
            filled = await self._filling.advance(claim, order)
            if filled.hindrance is not None:
                self._tell(operation, data_volume, filled.hindrance)
        situation = Situation(
            data_volume=data_volume,
            claim=filled.claim,
            operation=operation,
            source=source,
            now=self._now(),
            waits_for_consumer=self._waits_for_consumer(filled.claim),
            needs_work=needs_work,
            percent=filled.progress.percent if filled.progress is not None else None,
            trouble=filled.trouble,
            keeps_phase=is_done,
        )
        await self._write(situation)
        if is_done:
            await self._note_population(data_volume, filled.claim)
        if filled.trouble is not None:
            return Result(again_after=LOOK_AGAIN)
        return Result(again_after=filled.progress.look_again if filled.progress is not None else None)

    async def _note_population(self, data_volume: Document, claim: Document) -> None:
        """
        Carry out what annotations ask for that are about claims filled elsewhere, such as restored ones (reference cdi.md 4.5).

        `populatedFor` of a DataVolume gets to its claim once that is filled; a claim that has it is noted on the DataVolume as pre-populated.
        """
        name = data_volume["metadata"]["name"]
        of_data_volume = data_volume["metadata"].get("annotations") or {}
        of_claim = claim["metadata"].get("annotations") or {}
        delayed = of_data_volume.get(names.POPULATED_FOR)
        if delayed and of_claim.get(names.POPULATED_FOR) != delayed:
            said = {names.POPULATED_FOR: delayed}
            await self._objects.edit(names.PERSISTENT_VOLUME_CLAIMS, _key(claim), lambda one: _annotate(one, said))
        elif (
            of_claim.get(names.POPULATED_FOR) == name and is_bound(claim) and names.PRE_POPULATED not in of_data_volume
        ):
            said = {names.PRE_POPULATED: name}
            await self._objects.edit(names.DATA_VOLUMES, _key(data_volume), lambda one: _annotate(one, said))

    def _tell(self, operation: Operation | None, data_volume: Document, event: Event) -> None:
        self._filling.recorder(operation).event(data_volume, event.type, event.reason, event.message)

    def _waits_for_consumer(self, claim: Document) -> bool:
        class_name = claim["spec"].get("storageClassName")
        if not class_name or is_bound(claim):
            return False
        of_claim = self._objects.get(names.STORAGE_CLASSES, ObjectKey("", class_name))
        return (of_claim or {}).get("volumeBindingMode") == "WaitForFirstConsumer"

    # The status

    async def _write(self, situation: Situation) -> None:
        outcome = statuses.outcome(situation)
        data_volume = situation.data_volume
        if outcome.status != data_volume.get("status"):

            def write(document: Document) -> None:
                document["status"] = outcome.status

            await self._objects.edit(names.DATA_VOLUMES, _key(data_volume), write, status=True)
        for event in outcome.events:
            self._tell(situation.operation, data_volume, event)

    def _config(self) -> Document | None:
        return self._objects.get(names.CDI_CONFIGS, ObjectKey("", "config"))

    def _now(self) -> datetime:
        return self._tools.clock.now()


def _key(document: Document) -> ObjectKey:
    return ObjectKey(document["metadata"]["namespace"], document["metadata"]["name"])


def _controls(data_volume: Document, claim: Document) -> bool:
    owners = claim["metadata"].get("ownerReferences") or ()
    return any(owner.get("controller") and owner.get("uid") == data_volume["metadata"]["uid"] for owner in owners)


def _needs_work(data_volume: Document, claim: Document, config: Document | None) -> bool:
    """Whether the claim is still to be filled (reference cdi.md 4.2 and 4.5)."""
    annotations = claim["metadata"].get("annotations") or {}
    if annotations.get(names.POPULATED_FOR) == data_volume["metadata"]["name"]:
        return False
    if annotations.get(names.CREATED_FOR_DATA_VOLUME) == data_volume["metadata"]["uid"]:
        return True
    return not adoption.is_allowed(data_volume, config)


def _annotate(document: Document, said: Mapping[str, str]) -> None:
    document["metadata"].setdefault("annotations", {}).update(said)


def _noting(labels: Mapping[str, str]) -> Edit:
    """Note on a DataVolume that its claim is filled without a populator, and *labels*."""

    def note(data_volume: Document) -> None:
        metadata = data_volume["metadata"]
        metadata.setdefault("annotations", {}).setdefault(names.USE_POPULATOR, "false")
        if labels:
            metadata["labels"] = {**labels, **(metadata.get("labels") or {})}

    return note


def _keys_of_claim(claim: Document) -> Iterable[ObjectKey]:
    """The DataVolume of a claim has its name; a claim that nobody controls may be one that it waits for."""
    owners = claim["metadata"].get("ownerReferences") or ()
    controller = next((owner for owner in owners if owner.get("controller")), None)
    if controller is None or controller.get("kind") == "DataVolume":
        yield _key(claim)
