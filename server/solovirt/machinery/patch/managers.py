"""
The entries of managedFields: one for each manager, operation, API version and subresource.

Entries are plain documents, as they are stored, and never changed: a new list is made of old entries and new ones
(reference kubernetes-api.md 3.5).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from solovirt.machinery.patch import fieldset
from solovirt.machinery.patch.fieldset import FieldSet
from solovirt.machinery.resource import Document

APPLY = "Apply"
UPDATE = "Update"
BEFORE_FIRST_APPLY = "before-first-apply"
ANCIENT_CHANGES = "ancient-changes"
MOST_UPDATERS = 10


class Manager(NamedTuple):
    """Whose an entry is. An applier keeps its entry when it goes over to another API version, an updater does not."""

    name: str
    operation: str
    api_version: str
    subresource: str

    def owns(self, entry: Document) -> bool:
        """Whether *entry* is this manager's."""
        return (
            entry.get("manager", "") == self.name
            and entry["operation"] == self.operation
            and entry.get("subresource", "") == self.subresource
            and (self.operation == APPLY or entry["apiVersion"] == self.api_version)
        )

    def entry(self, fields: FieldSet, time: str | None) -> Document:
        """The entry that says that these fields are this manager's."""
        out: Document = {
            "apiVersion": self.api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
            "manager": self.name,
            "operation": self.operation,
        }
        if self.subresource:
            out["subresource"] = self.subresource
        if time is not None:
            out["time"] = time
        return out


def described(entry: Document) -> str:
    """The owner of an entry as conflicts name it: `"m1"`, `"st" with subresource "status"`, `"curl" using example.com/v1`."""
    out = json.dumps(entry.get("manager", ""), ensure_ascii=False)
    if entry.get("subresource"):
        out += f" with subresource {json.dumps(entry['subresource'], ensure_ascii=False)}"
    if entry["operation"] == UPDATE:
        out += f" using {entry['apiVersion']}"
    return out


def are_well_formed(entries: Any) -> bool:
    """Whether a decoded JSON value is a list of entries that can be worked with."""
    return isinstance(entries, list) and all(
        isinstance(entry, dict)
        and entry.get("operation") in {APPLY, UPDATE}
        and entry.get("fieldsType") == "FieldsV1"
        and all(isinstance(entry.get(key, ""), str) for key in ("manager", "subresource"))
        and isinstance(entry.get("apiVersion"), str)
        and entry["apiVersion"] != ""
        and _is_time(entry.get("time"))
        and fieldset.is_well_formed(entry.get("fieldsV1", {}))
        for entry in entries
    )


def _is_time(value: Any) -> bool:
    if value is None:
        return True
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def without(entry: Document, fields: FieldSet) -> Document | None:
    """*entry* less some fields: itself if it has none of them, None if it has no others."""
    mine = entry.get("fieldsV1") or {}
    left = fieldset.difference(mine, fields)
    if left is mine and left:
        return entry
    return {**entry, "fieldsV1": left} if left else None


def after_update(
    entries: Sequence[Document],
    manager: Manager,
    *,
    changed: FieldSet,
    removed: FieldSet,
    now: str,
    taken_in: Callable[[str], FieldSet | None] | None = None,
) -> list[Document]:
    """
    The entries after *manager* has added or changed and removed some fields.

    *taken_in* tells the same fields by their names in another API version, None if there is no such version any more: its entries go.
    """
    if not changed and not removed:
        return list(entries)
    own = fieldset.union(changed, removed)
    out: list[Document] = []
    mine = changed
    for entry in entries:
        taken: FieldSet | None = own
        if taken_in is not None and entry["apiVersion"] != manager.api_version:
            taken = taken_in(entry["apiVersion"])
        if taken is None:
            continue
        if not manager.owns(entry):
            left = without(entry, taken)
        elif changed:
            kept = without(entry, removed)
            mine = fieldset.union(mine, kept["fieldsV1"]) if kept else mine
            left = None
        else:
            left = without(entry, removed)
        if left is not None:
            out.append(left)
    if changed:
        out.append(manager.entry(mine, now))
    return in_order(capped(out))


def in_order(entries: Iterable[Document]) -> list[Document]:
    """*entries* sorted: appliers before updaters, then by time, then by name."""
    return sorted(
        entries,
        key=lambda entry: (
            entry["operation"],
            entry.get("time") or "",
            entry.get("manager", ""),
            entry["apiVersion"],
            entry.get("subresource", ""),
        ),
    )


def capped(entries: list[Document]) -> list[Document]:
    """
    *entries* with at most ten updaters: the oldest of each API version become one, which no longer says who they were.

    A version of which there is only one among them keeps it.
    """
    updaters = sorted(
        (entry for entry in entries if entry["operation"] == UPDATE),
        key=lambda entry: (entry.get("time") or "", entry.get("manager", ""), entry["apiVersion"]),
    )
    surplus = len(updaters) - MOST_UPDATERS
    if surplus <= 0:
        return entries
    # An old bucket takes more in, wherever in time it stands.
    merged = {one["apiVersion"]: one for one in updaters if _is_bucket(one)}
    gone: list[Document] = []
    for entry in updaters:
        if surplus == 0:
            break
        version = entry["apiVersion"]
        first = merged.setdefault(version, entry)
        if entry is first or _is_bucket(entry):
            continue
        gone += [first, entry]
        fields = fieldset.union(first["fieldsV1"], entry["fieldsV1"])
        merged[version] = Manager(ANCIENT_CHANGES, UPDATE, version, "").entry(fields, entry.get("time"))
        surplus -= 1
    buckets = [entry for entry in merged.values() if not any(entry is one for one in updaters)]
    return [entry for entry in entries if not any(entry is one for one in gone)] + buckets


def _is_bucket(entry: Document) -> bool:
    return entry.get("manager") == ANCIENT_CHANGES and not entry.get("subresource")
