"""Names are accepted, definitions established, and what is deleted is emptied first (reference kubernetes-api.md 7, "CRD lifecycle")."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from solovirt.controllers.custom_resources.served import ServedDefinitions
from solovirt.kinds.apiextensions import names
from solovirt.kinds.apiextensions.behaviour import installed
from solovirt.machinery.clock import timestamp
from solovirt.machinery.control.protocol import DONE, Result, Source, Tools
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Store

# How often a definition that is being deleted looks for objects that are still there, held by finalizers.
_LOOK_AGAIN = timedelta(seconds=1)
_AT_ONCE = 64
_FIELDS = ("plural", "singular", "shortNames", "kind", "listKind", "categories")


def _rivals(definition: Document) -> Iterator[ObjectKey]:
    """Wakes those of the same group that wait for a name."""
    yield ObjectKey("", f"{definition['spec']['group']}*")


class DefinitionController:
    """See the module."""

    name: ClassVar[str] = "customresourcedefinition-controller"
    resource: ClassVar[GroupResource] = names.DEFINITIONS
    sources: Sequence[Source] = (Source(names.DEFINITIONS, keys=_rivals),)

    def __init__(self, tools: Tools, *, store: Store, registry: Registry, served: ServedDefinitions) -> None:
        self._objects = tools.objects
        self._clock = tools.clock
        self._store = store
        self._registry = registry
        self._served = served

    async def reconcile(self, key: ObjectKey) -> Result:
        if key.name.endswith("*"):
            # A name has come free, or has changed, in this group: whoever waits for it is looked at.
            for name in self._waiting(key.name[:-1]):
                await self._establish(ObjectKey("", name))
            return DONE
        definition = self._objects.get(names.DEFINITIONS, key)
        if definition is None or key.name in installed():
            return DONE
        if definition["metadata"].get("deletionTimestamp"):
            return await self._empty(key, definition)
        await self._establish(key)
        return DONE

    # --- coming

    async def _establish(self, key: ObjectKey) -> None:
        definition = self._objects.get(names.DEFINITIONS, key)
        if definition is None or definition["metadata"].get("deletionTimestamp"):
            return
        now = timestamp(self._clock.now())
        changed = self._decided(definition, now)
        if changed.get("status") == definition.get("status"):
            return
        if names.is_true(changed, names.ESTABLISHED):
            # Whoever reads that it is established may use it.
            self._served.serve(changed)

        def write(document: Document) -> None:
            document["status"] = self._decided(document, now)["status"]

        await self._objects.edit(names.DEFINITIONS, key, write, status=True)

    def _decided(self, definition: Document, now: str) -> Document:
        """*definition* with the status that it should have."""
        out = {**definition, "status": copy.deepcopy(definition.get("status") or {})}
        wanted = definition["spec"]["names"]
        accepted, conflict = self._accept(definition, wanted, out["status"].get("acceptedNames") or {})
        out["status"]["acceptedNames"] = accepted
        if conflict is None:
            names.set_condition(out, names.NAMES_ACCEPTED, "True", "NoConflicts", "no conflicts found", now)
            if not names.is_true(out, names.ESTABLISHED):
                text = "the initial names have been accepted"
                names.set_condition(out, names.ESTABLISHED, "True", "InitialNamesAccepted", text, now)
        else:
            names.set_condition(out, names.NAMES_ACCEPTED, "False", *conflict, now)
            if names.condition(out, names.ESTABLISHED) is None:
                text = "not all names are accepted"
                names.set_condition(out, names.ESTABLISHED, "False", "NotAccepted", text, now)
        if names.is_protected(definition["spec"]["group"]):
            _set_approval(out, now)
        return out

    def _accept(
        self, definition: Document, wanted: Document, before: Document
    ) -> tuple[Document, tuple[str, str] | None]:
        """The names that are accepted, and reason and message of the last conflict."""
        taken, kinds = self._taken(definition)
        accepted = {field: before[field] for field in _FIELDS if before.get(field)}
        conflict: tuple[str, str] | None = None
        for field, label in (("plural", "Plural"), ("singular", "Singular"), ("shortNames", "ShortNames")):
            value = wanted.get(field) or ([] if field == "shortNames" else "")
            clashes = [one for one in (value if isinstance(value, list) else [value]) if one in taken]
            if clashes:
                quoted = ", ".join(f'"{one}" is already in use' for one in clashes)
                conflict = (
                    f"{label}Conflict",
                    quoted if field != "shortNames" else f"[{quoted}]" if len(clashes) > 1 else quoted,
                )
            elif value:
                accepted[field] = value
            else:
                accepted.pop(field, None)
        for field, label in (("kind", "Kind"), ("listKind", "ListKind")):
            if wanted.get(field) in kinds:
                conflict = (f"{label}Conflict", f'"{wanted[field]}" is already in use')
            elif wanted.get(field):
                accepted[field] = wanted[field]
        if wanted.get("categories"):
            accepted["categories"] = wanted["categories"]
        else:
            accepted.pop("categories", None)
        accepted.setdefault("plural", "")
        accepted.setdefault("kind", "")
        return accepted, conflict

    def _taken(self, definition: Document) -> tuple[set[str], set[str]]:
        """Resource names and kinds that others of the group have."""
        group, own = definition["spec"]["group"], definition["metadata"]["name"]
        resources: set[str] = set()
        kinds: set[str] = set()
        for other in self._of_group(group):
            if other["metadata"]["name"] != own:
                has = (other.get("status") or {}).get("acceptedNames") or {}
                resources.update(
                    one for one in (has.get("plural"), has.get("singular"), *(has.get("shortNames") or ())) if one
                )
                kinds.update(one for one in (has.get("kind"), has.get("listKind")) if one)
        for declared in self._registry:
            if declared.group == group and f"{declared.plural}.{group}" in installed():
                resources.update((declared.plural, declared.singular, *declared.short_names))
                kinds.update((declared.kind, declared.list_kind_name))
        return resources, kinds

    def _of_group(self, group: str) -> Iterator[Document]:
        for record in list(self._store.now.list(names.DEFINITIONS)):
            if record.key.name.endswith(f".{group}") and record.key.name not in installed():
                definition = self._objects.get(names.DEFINITIONS, record.key)
                if definition is not None and definition["spec"]["group"] == group:
                    yield definition

    def _waiting(self, group: str) -> list[str]:
        return [
            definition["metadata"]["name"]
            for definition in self._of_group(group)
            if not names.is_true(definition, names.NAMES_ACCEPTED)
        ]

    # --- going

    async def _empty(self, key: ObjectKey, definition: Document) -> Result:
        if names.CLEANUP_FINALIZER not in (definition["metadata"].get("finalizers") or ()):
            return DONE
        spec = definition["spec"]
        resource = GroupResource(spec["group"], spec["names"]["plural"])
        if names.is_true(definition, names.ESTABLISHED) and self._registry.get(resource) is not None:
            await self._mark(key, "True", "InstanceDeletionInProgress", "CustomResource deletion is in progress")
            await self._delete_all(resource)
            if self._store.now.count(resource):
                return Result(_LOOK_AGAIN)
        await self._mark(key, "False", "InstanceDeletionCompleted", "removed all instances", done=True)
        return DONE

    async def _mark(self, key: ObjectKey, status: str, reason: str, message: str, *, done: bool = False) -> None:
        now = timestamp(self._clock.now())

        def write(document: Document) -> None:
            document["status"] = copy.deepcopy(document.get("status") or {})
            names.set_condition(document, names.TERMINATING, status, reason, message, now)

        if not done:
            await self._objects.edit(names.DEFINITIONS, key, write, status=True)
            return

        def let_go(document: Document) -> None:
            finalizers = document["metadata"].get("finalizers") or ()
            document["metadata"]["finalizers"] = [one for one in finalizers if one != names.CLEANUP_FINALIZER]

        await self._objects.edit(names.DEFINITIONS, key, write, status=True)
        await self._objects.edit(names.DEFINITIONS, key, let_go)

    async def _delete_all(self, resource: GroupResource) -> None:
        waiting = [record for record in self._store.now.list(resource) if not record.index.deleting]

        async def delete_some() -> None:
            while waiting:
                record = waiting.pop()
                await self._objects.delete(resource, record.key, uid=record.index.uid)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(_AT_ONCE, len(waiting))):
                group.create_task(delete_some())


def _set_approval(definition: Document, now: str) -> None:
    value = (definition["metadata"].get("annotations") or {}).get(names.APPROVED_ANNOTATION, "")
    decided: tuple[str, str, str]
    if value.startswith("unapproved"):
        decided = ("False", "UnapprovedAnnotation", f'not approved: "{value}"')
    else:
        decided = ("True", "ApprovedAnnotation", f"approved in {value}")
    names.set_condition(definition, names.API_APPROVED, *decided, now)


def established(spec: Document, now: str) -> dict[str, Any]:
    """The status of a definition that never had to be accepted."""
    definition: Document = {}
    names.set_condition(definition, names.NAMES_ACCEPTED, "True", "NoConflicts", "no conflicts found", now)
    text = "the initial names have been accepted"
    names.set_condition(definition, names.ESTABLISHED, "True", "InitialNamesAccepted", text, now)
    storage = next(one["name"] for one in spec["versions"] if one["storage"])
    return {**definition["status"], "acceptedNames": spec["names"], "storedVersions": [storage]}
