"""
Claims that are filled: what is asked of the engine, and what is written on the claim of its answer.

CDI has controllers for single operations, which work on claims alone, by their annotations. Here both loops that have claims filled, that of
DataVolumes and that of claims without one, do it through `Filling`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from solovirt.controllers.data_volume import clone_source, transfer
from solovirt.controllers.data_volume.status import Event
from solovirt.kinds.cdi import names
from solovirt.kinds.cdi.sizes import overhead, usable
from solovirt.machinery import quantity
from solovirt.machinery.control.objects import NotServed
from solovirt.machinery.control.protocol import Recorder, Tools
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.volumes.protocol import Operation, Progress, TransferId, TransferRequest, Transfers, TransferState

LOOK_AGAIN = timedelta(seconds=10)
"""When to look again for something whose appearance wakes nobody: a clone's source, a DataSource, a storage class."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a claim is to be filled with."""

    source: Mapping[str, Any]
    """As a DataVolume's: one member, such as `http`, with its fields."""
    operation: Operation
    content_type: str = "kubevirt"
    preallocation: bool | None = None
    """None for what CDI's configuration says."""
    options: Mapping[str, str] | None = None
    """Annotations that engines may be steered by."""


@dataclass(frozen=True, slots=True)
class Filled:
    """How far it is."""

    claim: Document
    progress: Progress | None = None
    """None if nothing was asked for: the source is not there."""
    trouble: Event | None = None
    """Why not, as an event."""
    hindrance: Event | None = None
    """What a clone waits for, though its source is there."""


class Filling:
    """Has claims filled by *transfers*, and notes on them how far that is. *recorders* speak for CDI's controllers of single operations."""

    def __init__(self, tools: Tools, transfers: Transfers, recorders: Mapping[Operation, Recorder]) -> None:
        self._tools = tools
        self._objects = tools.objects
        self._transfers = transfers
        self._recorders = recorders

    def recorder(self, operation: Operation | None) -> Recorder:
        return self._tools.recorder if operation is None else self._recorders.get(operation, self._tools.recorder)

    async def advance(self, claim: Document, order: Order) -> Filled:
        """Ask for a bound claim to be filled, and write on it how far that is."""
        origin: Document | None = None
        if order.operation is Operation.CLONE:
            origin, trouble = self.clone_source(order.source)
            if trouble is not None:
                return Filled(claim, trouble=trouble)
            if origin is not None and not _is_running(claim):
                of_kind = clone_source.hindrance if "pvc" in order.source else clone_source.snapshot_hindrance
                hindrance = of_kind(self._objects, origin)
                if hindrance is not None:
                    waiting = Progress(TransferState.SCHEDULED, look_again=LOOK_AGAIN)
                    claim = await self._note(claim, order.operation, waiting, None)
                    return Filled(claim, waiting, hindrance=hindrance)
        progress = await self._ask(claim, order, origin)
        claim = await self._note(claim, order.operation, progress, self._now())
        return Filled(claim, progress)

    async def forget(self, claim: Document) -> None:
        """The claim is going: nobody waits for its transfer."""
        await self._transfers.forget(TransferId(claim["metadata"]["uid"]))

    def clone_source(self, source: Mapping[str, Any]) -> tuple[Document | None, Event | None]:
        """What is cloned, or why the clone can't begin."""
        for kind, resource in (("pvc", names.PERSISTENT_VOLUME_CLAIMS), ("snapshot", names.VOLUME_SNAPSHOTS)):
            if kind not in source:
                continue
            of_source = source[kind]
            try:
                found = self._objects.get(resource, ObjectKey(of_source["namespace"], of_source["name"]))
            except NotServed:
                found = None
            if found is None:
                missing = f"The source {kind} {of_source['name']} doesn't exist"
                return None, Event("Warning", "CloneWithoutSource", missing)
            return found, None
        return None, None

    async def _ask(self, claim: Document, order: Order, origin: Document | None) -> Progress:
        size = quantity.whole(((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage"))
        config = self._objects.get(names.CDI_CONFIGS, ObjectKey("", "config")) or {}
        disk_bytes = size
        if (claim["spec"].get("volumeMode") or "Filesystem") == "Filesystem":
            disk_bytes = usable(size, overhead(config, claim["spec"].get("storageClassName") or ""))
        preallocation = order.preallocation
        if preallocation is None:
            preallocation = (config.get("status") or {}).get("preallocation")
        request = TransferRequest(
            id=TransferId(claim["metadata"]["uid"]),
            operation=order.operation,
            namespace=claim["metadata"]["namespace"],
            claim=claim["metadata"]["name"],
            source=order.source,
            size_bytes=size,
            started=transfer.started(claim, self._now()),
            content_type=order.content_type,
            options=order.options or {},
            volume=claim["spec"].get("volumeName") or "",
            disk_bytes=disk_bytes,
            preallocate=bool(preallocation),
            origin=self._origin(order.source, origin),
        )
        return await self._transfers.ask(request)

    def _origin(self, source: Mapping[str, Any], origin: Document | None) -> str:
        """What the storage calls the volume or snapshot that is copied."""
        if origin is None:
            return ""
        if "snapshot" in source:
            return clone_source.handle(self._objects, origin)
        return str(origin["spec"].get("volumeName") or "")

    async def _note(
        self, claim: Document, operation: Operation, progress: Progress, since: datetime | None
    ) -> Document:
        """Write on the claim how far it is; what else CDI says about claims goes into events on it."""
        wanted = transfer.noted_as(claim, operation, progress, since)
        current = claim["metadata"].get("annotations") or {}
        labels = claim["metadata"].get("labels") or {}
        if current | wanted == current and {**progress.labels, **labels} == labels:
            return claim

        def note(document: Document) -> None:
            document["metadata"].setdefault("annotations", {}).update(wanted)
            # What the claim is labelled with already goes before what its source says.
            if progress.labels:
                document["metadata"]["labels"] = {**progress.labels, **(document["metadata"].get("labels") or {})}

        key = ObjectKey(claim["metadata"]["namespace"], claim["metadata"]["name"])
        noted = await self._objects.edit(names.PERSISTENT_VOLUME_CLAIMS, key, note)
        if noted is None:
            return claim
        self._tell_of_claim(noted, operation, progress, before=current)
        return noted

    def _tell_of_claim(
        self, claim: Document, operation: Operation, progress: Progress, *, before: Mapping[str, str]
    ) -> None:
        recorder = self.recorder(operation)
        has_failed = progress.state in (TransferState.RETRYING, TransferState.FAILED)
        told = before.get(names.RUNNING_MESSAGE)
        if has_failed and operation is Operation.IMPORT and told != transfer.simplified(progress.message):
            recorder.event(claim, "Warning", "ErrImportFailed", progress.message)
        if progress.state is TransferState.SUCCEEDED:
            reason, message = {
                Operation.IMPORT: ("ImportSucceeded", "Import Successful"),
                Operation.UPLOAD: ("UploadSucceeded", "Upload Successful"),
                Operation.CLONE: ("CloneSucceeded", "Clone Complete"),
            }[operation]
            recorder.event(claim, "Normal", reason, message)

    def _now(self) -> datetime:
        return self._tools.clock.now()


def is_bound(claim: Document) -> bool:
    return bool((claim.get("status") or {}).get("phase") == "Bound")


def is_of_data_volume(claim: Document) -> bool:
    """Whether a DataVolume made the claim or took it over."""
    owners = claim["metadata"].get("ownerReferences") or ()
    return any(owner.get("controller") and owner.get("kind") == "DataVolume" for owner in owners)


def _is_running(claim: Document) -> bool:
    return bool((claim["metadata"].get("annotations") or {}).get(names.POD_PHASE) == "Running")
