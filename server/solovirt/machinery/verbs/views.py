"""
A kind whose objects are another's: `ViewApi` takes and gives documents under the view's names, and reads and writes them under the stored kind's.

All that differs is what top-level fields are called (`Resource.view`), in documents, in patches and in managedFields alike. Complaints keep
the stored kind's field names, as Kubernetes' do, which validates both kinds as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from solovirt.machinery.errors import BadRequest, StatusError
from solovirt.machinery.resource import Document, Resource
from solovirt.machinery.store import encoding
from solovirt.machinery.store.protocol import Record
from solovirt.machinery.verbs.protocol import (
    Api,
    Caller,
    DeleteOptions,
    Edit,
    FieldValidation,
    Listed,
    ListOptions,
    PatchType,
    Stored,
    Target,
)


class Renaming:
    """Between the names of *resource*, which is a view, and those of the kind that is stored."""

    def __init__(self, resource: Resource) -> None:
        view = resource.view
        if view is None:
            raise ValueError(f"{resource.group_resource} is no view")
        self.resource = resource
        # The stored kind under the view's rules: how documents are validated depends on the API that they come by.
        self.stored = replace(view.of, behaviour=resource.behaviour, selectable_fields=resource.selectable_fields)
        self._version = resource.storage_version.name
        self._stored_version = view.of.storage_version.name
        self._inward = dict(view.renamed)
        self._outward = {stored: shown for shown, stored in view.renamed.items()}
        self._foreign = frozenset(self._outward) - frozenset(self._inward)

    def target(self, target: Target) -> Target:
        return replace(target, resource=self.stored, version=self._stored_version)

    def unknown(self, value: Any) -> list[str]:
        """The fields that only the stored kind has, which are not this one's to set."""
        return [key for key in value if key in self._foreign] if isinstance(value, dict) else []

    def inward(self, document: Document) -> Document:
        """A document, whole or part of one, under the stored kind's names."""
        out = {self._inward.get(key, key): value for key, value in document.items() if key not in self._foreign}
        for field, value, own in (
            ("apiVersion", self.resource.api_version(self._version), self.stored.api_version(self._stored_version)),
            ("kind", self.resource.kind, self.stored.kind),
        ):
            if out.get(field) == value:
                out[field] = own
        _manage(out, self._inward, out.get("apiVersion"))
        return out

    def patch(self, type: PatchType, patch: Any) -> Any:
        if type is PatchType.JSON:
            return [self._operation(one) for one in patch] if isinstance(patch, list) else patch
        return self.inward(patch) if isinstance(patch, dict) else patch

    def _operation(self, operation: Any) -> Any:
        if not isinstance(operation, dict):
            return operation
        out = dict(operation)
        for field in ("path", "from"):
            path = out.get(field)
            if isinstance(path, str) and path.startswith("/"):
                first, slash, rest = path[1:].partition("/")
                # What only the stored kind has is as good as not there: no document has an empty field.
                name = "" if first in self._foreign else self._inward.get(first, first)
                out[field] = f"/{name}{slash}{rest}"
            elif path == "" and isinstance(out.get("value"), dict):
                out["value"] = self.inward(out["value"])
        return out

    def shown(self, record: Record) -> Record:
        """The record under the view's names."""
        document = record.document("", "")
        out = {self._outward.get(key, key): value for key, value in document.items()}
        _manage(out, self._outward, self.resource.api_version(self._version))
        return replace(record, body=encoding.encode(out).body(record.revision))

    def refusal(self, error: StatusError) -> StatusError:
        """The error about one of the view's objects."""
        details = error.details
        kind = details.get("kind") if details else None
        if details is not None and kind in (self.stored.plural, self.stored.kind):
            group = self.resource.group
            qualified = f"{kind}.{self.stored.group}" if self.stored.group else str(kind)
            error.message = error.message.replace(f'{qualified} "', f'{kind}.{group} "', 1)
            shown = {key: details[key] for key in details if key in ("name", "uid")}
            error.details = {**shown, "group": group, **details, **({"group": group} if "group" in details else {})}
        return error


def _manage(document: Document, names: dict[str, str], api_version: Any) -> None:
    """Put metadata.managedFields under other names too."""
    metadata = document.get("metadata")
    entries = metadata.get("managedFields") if isinstance(metadata, dict) else None
    if not isinstance(entries, list) or not isinstance(metadata, dict):
        return
    keys = {f"f:{old}": f"f:{new}" for old, new in names.items()}
    renamed = []
    for entry in entries:
        if isinstance(entry, dict) and isinstance(fields := entry.get("fieldsV1"), dict):
            told = {keys.get(key, key): value for key, value in fields.items()}
            entry = {**entry, "apiVersion": api_version or entry.get("apiVersion"), "fieldsV1": told}  # noqa: PLW2901 - the copy takes its place
        renamed.append(entry)
    document["metadata"] = {**metadata, "managedFields": renamed}


class ViewApi:
    """The verbs on a view's objects (an `Api`)."""

    def __init__(self, api: Api, renaming: Renaming) -> None:
        self._api = api
        self._renaming = renaming

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except StatusError as error:
            raise self._renaming.refusal(error) from error.__cause__

    def _shown(self, stored: Stored) -> Stored:
        return replace(stored, record=self._renaming.shown(stored.record))

    def _note_unknown(self, document: Any, caller: Caller) -> None:
        unknown = [f'unknown field "{field}"' for field in self._renaming.unknown(document)]
        if not unknown or caller.field_validation is FieldValidation.IGNORE:
            return
        if caller.field_validation is FieldValidation.STRICT:
            kind, version = self._renaming.resource.kind, self._renaming.resource.storage_version.name
            problem = f"strict decoding error: {', '.join(unknown)}"
            raise BadRequest(f'{kind} in version "{version}" cannot be handled as a {kind}: {problem}')
        caller.warnings.extend(unknown)

    async def get(self, target: Target, *, resource_version: str = "") -> Record:
        with self._refusals():
            record = await self._api.get(self._renaming.target(target), resource_version=resource_version)
        return self._renaming.shown(record)

    async def list(self, target: Target, options: ListOptions) -> Listed:
        with self._refusals():
            listed = await self._api.list(self._renaming.target(target), options)
        return replace(listed, records=[self._renaming.shown(record) for record in listed.records])

    async def converted(self, target: Target, records: Sequence[Record]) -> Sequence[Record]:
        return await self._api.converted(self._renaming.target(target), records)

    async def create(self, target: Target, document: Document, caller: Caller) -> Stored:
        self._note_unknown(document, caller)
        with self._refusals():
            inward = self._renaming.inward(document)
            return self._shown(await self._api.create(self._renaming.target(target), inward, caller))

    async def update(self, target: Target, document: Document, caller: Caller) -> Stored:
        self._note_unknown(document, caller)
        with self._refusals():
            inward = self._renaming.inward(document)
            return self._shown(await self._api.update(self._renaming.target(target), inward, caller))

    async def patch(
        self, target: Target, type: PatchType, patch: Any, caller: Caller, *, force: bool = False
    ) -> Stored:
        self._note_unknown(patch, caller)
        with self._refusals():
            inward = self._renaming.patch(type, patch)
            stored = await self._api.patch(self._renaming.target(target), type, inward, caller, force=force)
        return self._shown(stored)

    async def edit(self, target: Target, edit: Edit, caller: Caller) -> Stored:
        """As the protocol says; *edit* sees the stored kind's names."""
        with self._refusals():
            return self._shown(await self._api.edit(self._renaming.target(target), edit, caller))

    async def delete(self, target: Target, options: DeleteOptions, caller: Caller) -> Stored:
        with self._refusals():
            return self._shown(await self._api.delete(self._renaming.target(target), options, caller))

    async def delete_collection(
        self, target: Target, selection: ListOptions, options: DeleteOptions, caller: Caller
    ) -> Sequence[Stored]:
        with self._refusals():
            target = self._renaming.target(target)
            deleted = await self._api.delete_collection(target, selection, options, caller)
        return [self._shown(one) for one in deleted]
