"""
Server-side apply: a document states what its author wants of an object, and the server works out what to change.

What is stated is laid over the live object; what the author stated last time and does not state any more goes, unless somebody else owns
it; and changing what somebody else owns is a conflict unless it is forced (reference kubernetes-api.md 3.5).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from solovirt.machinery.errors import BadRequest, Cause, Conflict, PlainError
from solovirt.machinery.patch import fields, fieldset, managers, shape, typed
from solovirt.machinery.patch.fieldset import FieldSet
from solovirt.machinery.patch.managers import Manager
from solovirt.machinery.patch.shape import Shape
from solovirt.machinery.patch.values import copied
from solovirt.machinery.resource import Document

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
KUBECTL = "kubectl"
"""The manager whose applies take over what it had applied on the client's side."""

_ENVELOPE = ("apiVersion", "kind")


def refuse_untyped(config: Document, *, schema: Mapping[str, Any], api_version: str, kind: str) -> None:
    """Raise BadRequest if *config* brings managedFields, PlainError if it does not fit the schema, naming it as it names itself."""
    given = config.get("metadata")
    metadata = given if isinstance(given, dict) else {}
    if metadata.get("managedFields") is not None:
        raise BadRequest("metadata.managedFields must be nil")
    if problems := typed.check(config, shape.of_object(schema)):
        where = "/".join(one if isinstance(one, str) else "" for one in map(metadata.get, ("namespace", "name")))
        group_version = api_version if "/" in api_version else f"/{api_version}"
        raise PlainError(
            f"failed to create typed patch object ({where}; {group_version}, Kind={kind}): {typed.explained(problems)}"
        )


def apply(
    live: Document | None,
    config: Document,
    *,
    manager: str,
    force: bool,
    api_version: str,
    subresource: str,
    now: str,
    schema: Mapping[str, Any],
    kind: str,
    status_subresource: bool = True,
    in_version: fields.InVersion | None = None,
    checked: bool = False,
) -> Document:
    """
    What *live* (None: nothing yet) becomes when *manager* applies *config*, as a new document with its managedFields.

    *schema* is the structural schema of the whole object. *status_subresource* says that the status is changed through its subresource alone:
    then `status` in *config* is passed over, and on the subresource all else is. A result equal to *live*, managedFields
    included, means that nothing changes. *in_version* is as for `fields.track_update`. *checked* says that `refuse_untyped` had nothing against
    *config* as it came.

    Raises BadRequest if the document brings managedFields, PlainError if the schema does not know it, Conflict if others own what
    it would change and *force* is not set.
    """
    root = shape.of_object(schema)
    if not checked:
        refuse_untyped(config, schema=schema, api_version=api_version, kind=kind)
    applier = Manager(manager, managers.APPLY, api_version, subresource)
    entries = _entries(live, applier, root, now)
    before = _without_entries(live)
    stated = _without_reset_fields(config, subresource, status_subresource=status_subresource)
    applied = _Application(before, stated, applier, root, entries, in_version)
    if not force and (conflicts := applied.conflicts()):
        if manager == KUBECTL:
            conflicts = _not_applied_before(conflicts, before, api_version, root)
        if conflicts:
            raise _conflict(conflicts)
    out = applied.result
    if manager == KUBECTL:
        _renew_last_applied(out, config)
    out["metadata"]["managedFields"] = applied.entries_after(now)
    return out


def _entries(live: Document | None, applier: Manager, root: Shape, now: str) -> list[Document]:
    """The live object's entries. If it has none, everything in it belongs to whoever wrote it before the first apply."""
    if live is None:
        return []
    entries = live["metadata"].get("managedFields") or []
    if entries:
        return list(entries)
    before = Manager(managers.BEFORE_FIRST_APPLY, managers.UPDATE, applier.api_version, applier.subresource)
    there = fields.added_fields(live, root)
    return [before.entry(there, now)] if there else []


def _without_entries(live: Document | None) -> Document:
    """*live* less its entries, which are large and written anew. Shares the rest with it."""
    if live is None:
        return {}
    return {**live, "metadata": {name: value for name, value in live["metadata"].items() if name != "managedFields"}}


def _without_reset_fields(config: Document, subresource: str, *, status_subresource: bool) -> Document:
    """*config* less what the endpoint does not change."""
    if subresource == "status":
        metadata = config.get("metadata") or {}
        # Preconditions hold on every endpoint.
        kept = {name: metadata[name] for name in ("name", "namespace", "uid", "resourceVersion") if name in metadata}
        out = {name: config[name] for name in (*_ENVELOPE, "status") if name in config}
        out["metadata"] = kept
        return out
    if status_subresource:
        return {name: value for name, value in config.items() if name != "status"}
    return config


class _Application:
    """One document applied to one object: what comes of it, and what that does to the owners of fields."""

    def __init__(
        self,
        live: Document,
        stated: Document,
        applier: Manager,
        root: Shape,
        entries: Sequence[Document],
        in_version: fields.InVersion | None,
    ) -> None:
        self._live, self._root, self._applier = live, root, applier
        self._in_version = in_version
        self._config = stated
        self._mine = next((entry for entry in entries if applier.owns(entry)), None)
        self._others = [entry for entry in entries if entry is not self._mine]
        self._stated = fields.stated_fields(stated, root)
        self.result = self._pruned(typed.merged(live, stated, root))
        self.result.setdefault("metadata", {})
        self._changed, self._removed = fields.changed_fields(live, self.result, root)
        # What changed, by the names of other versions; None for versions that are no more.
        self._taken: dict[str, FieldSet | None] = {
            applier.api_version: fieldset.union(self._changed or {}, self._removed or {})
        }

    def _taken_in(self, api_version: str) -> FieldSet | None:
        if self._in_version is None:
            return self._taken[self._applier.api_version]
        if api_version not in self._taken:
            self._taken[api_version] = fields.taken_by(self._in_version, self._live, self.result)(api_version)
        return self._taken[api_version]

    def _pruned(self, merged: Document) -> Document:
        """*merged* less what the applier stated last time, does not state now, and nobody else owns."""
        mine = self._mine or {}
        last, version = mine.get("fieldsV1"), mine.get("apiVersion")
        if not last:
            return merged
        if self._in_version is None or version == self._applier.api_version:
            return self._pruned_in(merged, last, self._stated, self._root)
        # What was stated last is named as in the version of then, and so it is looked for there.
        found = self._in_version(str(version), [merged, self._config])
        if found is None:
            return merged
        (there, config), schema = found
        root = shape.of_object(schema)
        pruned = self._pruned_in(there, last, fields.stated_fields(config, root), root)
        if pruned is there:
            return merged
        back = self._in_version(self._applier.api_version, [pruned])
        return merged if back is None else back[0][0]

    def _pruned_in(self, merged: Document, last: FieldSet, stated: FieldSet, root: Shape) -> Document:
        if fieldset.is_empty(fieldset.difference(last, stated)):
            return merged
        before = self._named(last, root)
        owned = stated
        for entry in self._others:
            owned = fieldset.union(owned, entry.get("fieldsV1") or {})
        everything = self._named(fields.stated_fields(merged, root), root)
        # First all that was stated last time goes, with what is in it ...
        rest = self._named(fields.stated_fields(typed.without(merged, before, root), root), root)
        # ... then comes back what has an owner, and what nobody owns but was not the applier's either.
        gone = fieldset.difference(everything, fieldset.union(rest, self._named(owned, root)))
        kept = typed.without(merged, gone, root)
        lost = fieldset.difference(everything, self._named(fields.stated_fields(kept, root), root))
        pruned: Document = typed.without(merged, fieldset.intersection(lost, before), root)
        return pruned

    @staticmethod
    def _named(found: FieldSet, root: Shape) -> FieldSet:
        out = typed.with_named_fields(found, root)
        if "f:metadata" in out:
            # Metadata holds the name and stays, whatever becomes of the rest of it.
            out["f:metadata"] = {name: node for name, node in out["f:metadata"].items() if name != "."}
        return out

    def conflicts(self) -> list[tuple[Document, str, FieldSet]]:
        """The fields of others that would change: entry, path and the field as a set, sorted by manager."""
        out: list[tuple[Document, str, FieldSet]] = []
        for entry in sorted(self._others, key=managers.described):
            changed = self._changed or {}
            if self._in_version is not None and entry["apiVersion"] != self._applier.api_version:
                changed = self._taken_in(entry["apiVersion"]) or {}
            both = fieldset.intersection(entry.get("fieldsV1") or {}, changed)
            out += [(entry, path, field) for path, field in fieldset.members(both)]
        return out

    def entries_after(self, now: str) -> list[Document]:
        """The entries when the result is stored."""
        out = []
        for entry in self._others:
            taken = self._taken_in(entry["apiVersion"])
            left = None if taken is None else managers.without(entry, taken)
            if left is not None:
                out.append(left)
        if self._stated:
            out.append(self._entry(now))
        return managers.in_order(managers.capped(out))

    def _entry(self, now: str) -> Document:
        mine = self._mine
        if mine is None or self._changed or self._removed:
            return self._applier.entry(self._stated, now)
        same = mine["fieldsV1"] == self._stated
        return self._applier.entry(self._stated, mine.get("time") if same else now)


def _conflict(conflicts: Sequence[tuple[Document, str, FieldSet]]) -> Conflict:
    causes = [
        Cause(f"conflict with {managers.described(entry)}", "FieldManagerConflict", path)
        for entry, path, _ in conflicts
    ]
    details = {"causes": [cause.document() for cause in causes]}
    if len(conflicts) == 1:
        text = f"Apply failed with 1 conflict: {causes[0].message}: {causes[0].field}"
        return Conflict(text, details=details)
    by_manager: dict[str, list[str]] = {}
    for entry, path, _ in conflicts:
        by_manager.setdefault(managers.described(entry), []).append(f"- {path}")
    lines = [line for name, found in by_manager.items() for line in (f"conflicts with {name}:", *found)]
    return Conflict(f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines), details=details)


def _not_applied_before(
    conflicts: list[tuple[Document, str, FieldSet]], live: Document, api_version: str, root: Shape
) -> list[tuple[Document, str, FieldSet]]:
    """*conflicts* less those over fields that kubectl applied on the client's side and that still have that value."""
    annotation = (live.get("metadata", {}).get("annotations") or {}).get(LAST_APPLIED)
    try:
        applied = json.loads(annotation or "")
    except ValueError:
        return conflicts
    if not isinstance(applied, dict) or applied.get("apiVersion") != api_version or typed.check(applied, root):
        return conflicts
    changed, removed = fields.changed_fields(applied, live, root)
    mine = fields.stated_fields(applied, root)
    mine = fieldset.difference(mine, fieldset.union(changed or {}, removed or {}))
    return [one for one in conflicts if fieldset.difference(one[2], mine)]


def _renew_last_applied(out: Document, config: Document) -> None:
    """Keep kubectl's annotation up to date, if the object has it, for those who go on with client-side apply."""
    annotations = out["metadata"].get("annotations")
    if not annotations or not annotations.get(LAST_APPLIED):
        return
    stated = copied(config)
    (stated["metadata"].get("annotations") or {}).pop(LAST_APPLIED, None)
    text = json.dumps(stated, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    annotations[LAST_APPLIED] = text + "\n"
