"""
Garbage collection: objects go when all their owners are gone (reference kubernetes-api.md 3.4).

Each object is looked at from two sides. As a dependent it goes if none of the owners that it names exists (an owner counts only under its
own uid, kind and name, in the dependent's namespace or in none). As an owner that is being deleted it waits, if asked to: for
its blocking dependents to go (finalizer `foregroundDeletion`) or for its dependents to be cut loose (`orphan`).

The questions are answered from the store's indexes, where owners are known by uid; a document is parsed only when an
object with owners was created, lost an owner, or has an owner that waits.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, ClassVar, NamedTuple

from solovirt.kinds.core import names
from solovirt.machinery.control.protocol import DONE, ObjectRef, Result, Tools
from solovirt.machinery.errors import Conflict
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, ObjectKey, Resource
from solovirt.machinery.store.protocol import Event, EventType, Record, Store, View

logger = logging.getLogger("solovirt.control")

_BACKGROUND, _FOREGROUND, _ORPHAN = "Background", "Foreground", "Orphan"
_AT_ONCE = Result(timedelta(0))
_KIND_NOT_SERVED = timedelta(minutes=1)
"""When to look again at an object whose owner is of a kind that nobody serves; it may come back."""


class _Owners(NamedTuple):
    """An object's owner references, by what became of the owners."""

    solid: list[Document]
    waiting: list[Document]
    """Owners that are being deleted and wait for their dependents."""
    absent: list[Document]
    unknown: list[Document]
    """References that can't be judged: of a kind that is not served, or from outside any namespace to something inside."""


class GarbageCollector:
    """See the module."""

    name: ClassVar[str] = "garbage-collector-controller"

    def __init__(self, tools: Tools, *, store: Store, registry: Registry) -> None:
        self._objects = tools.objects
        self._recorder = tools.recorder
        self._store = store
        self._registry = registry
        # Owners that wait for their dependents, so that a dependent's end finds its way to them without being parsed.
        self._waiting: dict[str, ObjectRef] = {}

    # -- what needs a look

    def survey(self) -> Iterator[ObjectRef]:
        """Everything that waits for its dependents, and everything with an owner that is not where it should be."""
        view = self._store.now
        self._waiting = {}
        namespaces: dict[str, str] = {}
        owned: list[Record] = []
        for record in self._all(view):
            namespaces[record.index.uid] = record.key.namespace
            if record.index.owners:
                owned.append(record)
            if _held_by_collector(record):
                self._remember(record)
                yield ObjectRef(record.resource, record.key)
        for record in owned:
            fits = (namespaces.get(uid) in ("", record.key.namespace) for uid in record.index.owners)
            if not all(fits) or any(uid in self._waiting for uid in record.index.owners):
                yield ObjectRef(record.resource, record.key)

    def wake(self, event: Event) -> Iterable[ObjectRef]:
        """Who is concerned: the object, the owners that wait for it, the dependents that it leaves or pulls along."""
        record, previous = event.record, event.previous
        index = record.index
        owners = index.owners
        refs = []
        if event.type is EventType.REMOVE:
            self._waiting.pop(index.uid, None)
            refs += self._dependents(index.uid)
        else:
            if owners and (previous is None or previous.index.owners != owners):
                refs.append(ObjectRef(record.resource, record.key))
            if index.deleting and _held_by_collector(record):
                refs.append(ObjectRef(record.resource, record.key))
                if self._remember(record):
                    refs += self._dependents(index.uid)
            if previous is not None and previous.index.owners:
                owners = (*owners, *previous.index.owners)
        if owners and self._waiting:
            refs += [self._waiting[uid] for uid in owners if uid in self._waiting]
        return refs

    def _remember(self, record: Record) -> bool:
        """Note an owner that waits in the foreground; whether it is new."""
        if names.FOREGROUND_FINALIZER not in record.index.finalizers or record.index.uid in self._waiting:
            return False
        self._waiting[record.index.uid] = ObjectRef(record.resource, record.key)
        return True

    def _dependents(self, uid: str) -> list[ObjectRef]:
        return [ObjectRef(one.resource, one.key) for one in self._store.now.owned_by(uid)]

    def _all(self, view: View) -> Iterator[Record]:
        for resource in self._registry:
            if not resource.virtual:
                yield from view.list(resource.group_resource)

    # -- what is done

    async def reconcile_object(self, ref: ObjectRef) -> Result:
        record = self._store.now.get(ref.resource, ref.key)
        declared = self._registry.get(ref.resource)
        if record is None or declared is None:
            return DONE
        if record.index.deleting:
            # What is on its way out already is not deleted again, whatever became of its owners.
            if names.ORPHAN_FINALIZER in record.index.finalizers:
                await self._cut_loose(record)
            elif names.FOREGROUND_FINALIZER in record.index.finalizers:
                await self._let_go_when_alone(record)
            return DONE
        if not record.index.owners:
            return DONE
        return await self._judge(record, declared)

    async def _cut_loose(self, owner: Record) -> None:
        """Strip the owner from its dependents, then let it go."""
        uid = owner.index.uid
        for dependent in self._store.now.owned_by(uid):
            await self._objects.edit(dependent.resource, dependent.key, lambda obj: _drop_references(obj, {uid}))
        await self._drop_finalizer(owner, names.ORPHAN_FINALIZER)

    async def _let_go_when_alone(self, owner: Record) -> None:
        """Take the finalizer off an owner that nothing blocks any more; its dependents are judged by themselves."""
        if not any(self._blocks(dependent, owner.index.uid) for dependent in self._store.now.owned_by(owner.index.uid)):
            await self._drop_finalizer(owner, names.FOREGROUND_FINALIZER)

    def _blocks(self, dependent: Record, uid: str) -> bool:
        document = self._parse(dependent)
        return document is not None and any(
            reference["uid"] == uid and reference.get("blockOwnerDeletion") for reference in _references(document)
        )

    async def _drop_finalizer(self, owner: Record, finalizer: str) -> None:
        uid = owner.index.uid

        def drop(obj: Document) -> None:
            metadata = obj["metadata"]
            if metadata["uid"] == uid:
                _replace(metadata, "finalizers", [one for one in metadata.get("finalizers") or () if one != finalizer])

        await self._objects.edit(owner.resource, owner.key, drop)

    async def _judge(self, record: Record, declared: Resource) -> Result:
        """Keep, trim or delete an object according to its owners."""
        document = self._parse(record)
        if document is None:
            return DONE
        owners = self._sort_out(document, declared)
        if owners.unknown:
            # Nothing is deleted on a guess.
            return Result(_KIND_NOT_SERVED)
        if owners.solid:
            gone = {reference["uid"] for reference in (*owners.absent, *owners.waiting)}
            if gone:
                await self._objects.edit(record.resource, record.key, lambda obj: _drop_references(obj, gone))
            return DONE
        dependents = self._store.now.owned_by(record.index.uid)
        if owners.waiting and dependents:
            await self._unblock_circle(record, owners, dependents)
            propagation = _FOREGROUND
        elif names.ORPHAN_FINALIZER in record.index.finalizers:
            propagation = _ORPHAN
        elif names.FOREGROUND_FINALIZER in record.index.finalizers:
            propagation = _FOREGROUND
        else:
            propagation = _BACKGROUND
        # At the version that was judged: a reference to a live owner may have been added meanwhile.
        try:
            await self._objects.delete(
                record.resource,
                record.key,
                uid=record.index.uid,
                propagation=propagation,
                revision=record.revision,
            )
        except Conflict:
            return _AT_ONCE
        return DONE

    async def _unblock_circle(self, record: Record, owners: _Owners, dependents: Iterable[Record]) -> None:
        """If a dependent of this object waits for its own dependents, they could wait for each other for ever."""
        if not any(one.index.uid in self._waiting for one in dependents):
            return
        waiting = {reference["uid"] for reference in owners.waiting}

        def unblock(obj: Document) -> None:
            for reference in _references(obj):
                if reference["uid"] in waiting:
                    reference["blockOwnerDeletion"] = False

        await self._objects.edit(record.resource, record.key, unblock)

    def _sort_out(self, document: Document, declared: Resource) -> _Owners:
        owners = _Owners([], [], [], [])
        view = self._store.now
        namespace = document["metadata"].get("namespace", "")
        for reference in _references(document):
            group = reference["apiVersion"].rpartition("/")[0]
            kind = self._registry.by_kind(group, reference["kind"])
            if kind is None:
                owners.unknown.append(reference)
                continue
            if kind.namespaced and not declared.namespaced:
                self._complain(document, reference, namespace)
                # Kubernetes neither deletes such an object nor looks at it again.
                owners.solid.append(reference)
                continue
            key = ObjectKey(namespace if kind.namespaced else "", reference["name"])
            owner = view.get(kind.group_resource, key)
            if owner is None or owner.index.uid != reference["uid"]:
                if self._is_elsewhere(kind, reference):
                    self._complain(document, reference, namespace)
                owners.absent.append(reference)
            elif owner.index.deleting and names.FOREGROUND_FINALIZER in owner.index.finalizers:
                owners.waiting.append(reference)
            else:
                owners.solid.append(reference)
        return owners

    def _is_elsewhere(self, kind: Resource, reference: Document) -> bool:
        """Whether the owner lives, but in another namespace."""
        if not kind.namespaced:
            return False
        view = self._store.now
        for namespace in view.list(names.NAMESPACES):
            found = view.get(kind.group_resource, ObjectKey(namespace.key.name, reference["name"]))
            if found is not None and found.index.uid == reference["uid"]:
                return True
        return False

    def _complain(self, document: Document, reference: Document, namespace: str) -> None:
        owner = (
            f"[{reference['apiVersion']}/{reference['kind']}, namespace: {namespace}, "
            f"name: {reference['name']}, uid: {reference['uid']}]"
        )
        self._recorder.event(
            document,
            "Warning",
            "OwnerRefInvalidNamespace",
            f'ownerRef {owner} does not exist in namespace "{namespace}"',
        )

    def _parse(self, record: Record) -> Document | None:
        declared = self._registry.get(record.resource)
        if declared is None:
            return None
        return record.document(declared.api_version(declared.storage_version.name), declared.kind)


def _held_by_collector(record: Record) -> bool:
    finalizers = record.index.finalizers
    return record.index.deleting and (names.FOREGROUND_FINALIZER in finalizers or names.ORPHAN_FINALIZER in finalizers)


def _references(document: Document) -> list[dict[str, Any]]:
    return document["metadata"].get("ownerReferences") or []


def _drop_references(obj: Document, uids: set[str]) -> None:
    _replace(obj["metadata"], "ownerReferences", [one for one in _references(obj) if one["uid"] not in uids])


def _replace(metadata: dict[str, Any], field: str, items: list[Any]) -> None:
    if items:
        metadata[field] = items
    else:
        metadata.pop(field, None)
