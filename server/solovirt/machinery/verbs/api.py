"""Every verb on every resource: `Verbs` is the `Api` that HTTP handlers and controllers share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from solovirt.machinery import selectors
from solovirt.machinery.admission import Reviewer
from solovirt.machinery.clock import Clock
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document
from solovirt.machinery.schema.protocol import Schemas
from solovirt.machinery.store.protocol import Record, Store
from solovirt.machinery.verbs import create, delete, listing, patching, update
from solovirt.machinery.verbs.pipeline import Pipeline
from solovirt.machinery.verbs.protocol import (
    Caller,
    DeleteOptions,
    Edit,
    Listed,
    ListOptions,
    PatchType,
    Stored,
    Target,
)


class Verbs:
    """Implements `protocol.Api` over a store. Documents handed in are its own from then on: they are changed."""

    def __init__(self, registry: Registry, store: Store, schemas: Schemas, clock: Clock) -> None:
        self._store = store
        self._pipeline = Pipeline(registry, schemas, clock)

    def reviewed_by(self, reviewer: Reviewer | None) -> None:
        """Have writes admitted by *reviewer* too, from now on."""
        self._pipeline.reviewer = reviewer

    async def get(self, target: Target, *, resource_version: str = "") -> Record:
        record = await listing.get(self._store, target, resource_version)
        if target.resource.as_stored:
            return record
        return (await self.converted(target, [record]))[0]

    async def list(self, target: Target, options: ListOptions) -> Listed:
        resource = target.resource
        if resource.as_stored:
            return await listing.list_objects(self._store, target, options)
        if resource.conversion is None and not (options.field_selector and resource.selectable_fields):
            # What is selected on does not depend on schemas, so that the store can select, and make pages.
            listed = await listing.list_objects(self._store, target, options)
            return replace(listed, records=await self.converted(target, listed.records))
        return await self._list_converted(target, options)

    async def _list_converted(self, target: Target, options: ListOptions) -> Listed:
        """What is selected on is what the version asked for says, so it is made first; there are no pages of a selection then."""
        labels = selectors.parse_labels(options.label_selector)
        fields = selectors.parse_fields(options.field_selector, target.resource)
        selective = not labels.empty or not fields.empty
        if selective:
            options = replace(options, label_selector="", field_selector="", limit=0)
        listed = await listing.list_objects(self._store, target, options)
        records = await self.converted(target, listed.records)
        if selective:
            records = [one for one in records if labels.matches(one.index.labels) and fields.matches(one)]
        return replace(listed, records=records)

    async def converted(self, target: Target, records: Sequence[Record]) -> Sequence[Record]:
        return await self._pipeline.converted(records, target)

    async def _shown(self, target: Target, stored: Stored) -> Stored:
        if target.resource.as_stored:
            return stored
        return replace(stored, record=(await self.converted(target, [stored.record]))[0])

    async def create(self, target: Target, document: Document, caller: Caller) -> Stored:
        return await self._shown(target, await create.create(self._pipeline, self._store, target, document, caller))

    async def update(self, target: Target, document: Document, caller: Caller) -> Stored:
        return await self._shown(target, await update.update(self._pipeline, self._store, target, document, caller))

    async def patch(
        self, target: Target, type: PatchType, patch: Any, caller: Caller, *, force: bool = False
    ) -> Stored:
        return await self._shown(
            target, await patching.patch(self._pipeline, self._store, target, type, patch, caller, force=force)
        )

    async def edit(self, target: Target, edit: Edit, caller: Caller) -> Stored:
        return await self._shown(target, await patching.edit(self._pipeline, self._store, target, edit, caller))

    async def delete(self, target: Target, options: DeleteOptions, caller: Caller) -> Stored:
        return await self._shown(target, await delete.delete(self._pipeline, self._store, target, options, caller))

    async def delete_collection(
        self, target: Target, selection: ListOptions, options: DeleteOptions, caller: Caller
    ) -> Sequence[Stored]:
        selected = await self.list(target, selection)
        stored = await delete.delete_all(self._pipeline, self._store, target, selected.records, options, caller)
        if target.resource.as_stored:
            return stored
        shown = await self.converted(target, [one.record for one in stored])
        return [replace(one, record=record) for one, record in zip(stored, shown, strict=True)]
