"""Every verb on every resource: `Verbs` is the `Api` that HTTP handlers and controllers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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

    async def get(self, target: Target, *, resource_version: str = "") -> Record:
        return await listing.get(self._store, target, resource_version)

    async def list(self, target: Target, options: ListOptions) -> Listed:
        return await listing.list_objects(self._store, target, options)

    async def create(self, target: Target, document: Document, caller: Caller) -> Stored:
        return await create.create(self._pipeline, self._store, target, document, caller)

    async def update(self, target: Target, document: Document, caller: Caller) -> Stored:
        return await update.update(self._pipeline, self._store, target, document, caller)

    async def patch(
        self, target: Target, type: PatchType, patch: Any, caller: Caller, *, force: bool = False
    ) -> Stored:
        return await patching.patch(self._pipeline, self._store, target, type, patch, caller, force=force)

    async def edit(self, target: Target, edit: Edit, caller: Caller) -> Stored:
        return await patching.edit(self._pipeline, self._store, target, edit, caller)

    async def delete(self, target: Target, options: DeleteOptions, caller: Caller) -> Stored:
        return await delete.delete(self._pipeline, self._store, target, options, caller)

    async def delete_collection(
        self, target: Target, selection: ListOptions, options: DeleteOptions, caller: Caller
    ) -> Sequence[Stored]:
        selected = await listing.list_objects(self._store, target, selection)
        return await delete.delete_all(self._pipeline, self._store, target, selected.records, options, caller)
