"""
Namespaces on their way out: everything in them goes first (reference kubernetes-api.md 7).

A Terminating namespace accepts nothing new, so deleting what is there and looking again when something has gone ends. What stays
(finalizers, pods in their grace) is told in the namespace's conditions, in the words that kubectl users search for.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from solovirt.kinds.core import names
from solovirt.machinery.clock import Clock, timestamp
from solovirt.machinery.control.protocol import DONE, ObjectRef, Result, Tools
from solovirt.machinery.errors import StatusError
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.machinery.store.protocol import Event, EventType, Record, Store

_AT_ONCE = 64
"""How many deletes of one namespace are under way together; they share the store's commits."""


class _Condition(NamedTuple):
    type: str
    status: str
    reason: str
    message: str


_DISCOVERED = (
    _Condition(
        "NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered", "All resources successfully discovered"
    ),
    _Condition(
        "NamespaceDeletionGroupVersionParsingFailure",
        "False",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
)


class NamespaceController:
    """See the module."""

    name: ClassVar[str] = "namespace-controller"

    def __init__(self, tools: Tools, *, store: Store, registry: Registry) -> None:
        self._objects = tools.objects
        self._clock: Clock = tools.clock
        self._store = store
        self._registry = registry

    def survey(self) -> Iterator[ObjectRef]:
        """The namespaces that are being deleted."""
        for record in self._store.now.list(names.NAMESPACES):
            if record.index.deleting:
                yield ObjectRef(record.resource, record.key)

    def wake(self, event: Event) -> Iterable[ObjectRef]:
        """A namespace that begins to be deleted, and one that is being deleted whenever something in it went or lost a finalizer."""
        record = event.record
        if record.resource == names.NAMESPACES:
            return (ObjectRef(record.resource, record.key),) if record.index.deleting else ()
        if not record.key.namespace:
            return ()
        previous = event.previous
        if (
            event.type is EventType.PUT
            and previous is not None
            and previous.index.finalizers == record.index.finalizers
        ):
            return ()
        key = ObjectKey("", record.key.namespace)
        namespace = self._store.now.get(names.NAMESPACES, key)
        return (ObjectRef(names.NAMESPACES, key),) if namespace is not None and namespace.index.deleting else ()

    async def reconcile_object(self, ref: ObjectRef) -> Result:
        namespace = self._objects.get(names.NAMESPACES, ref.key)
        if namespace is None or not namespace["metadata"].get("deletionTimestamp"):
            return DONE
        if names.NAMESPACE_FINALIZER not in (namespace.get("spec") or {}).get("finalizers", ()):
            return DONE
        errors = await self._delete_content(ref.key.name)
        remaining = list(self._content(ref.key.name))
        if not remaining and not errors:
            await self._objects.edit(names.NAMESPACES, ref.key, _let_go, subresource="finalize")
            return DONE
        conditions = (*_DISCOVERED, *_content_conditions(remaining, errors))
        if _merged(namespace, conditions, now="") is not None:
            now = timestamp(self._clock.now())

            def report(obj: Document) -> None:
                if (merged := _merged(obj, conditions, now=now)) is not None:
                    obj.setdefault("status", {})["conditions"] = merged

            await self._objects.edit(names.NAMESPACES, ref.key, report, status=True)
        if errors:
            raise RuntimeError(f"namespace {ref.key.name}: {'; '.join(errors)}")
        return DONE

    def _content(self, namespace: str) -> Iterator[Record]:
        view = self._store.now
        for resource in self._registry:
            if resource.namespaced and not resource.virtual:
                yield from view.list(resource.group_resource, namespace)

    async def _delete_content(self, namespace: str) -> list[str]:
        """Delete what is not being deleted yet; the refusals in words."""
        waiting = [record for record in self._content(namespace) if not record.index.deleting]
        errors: list[str] = []

        async def delete_some() -> None:
            while waiting:
                record = waiting.pop()
                try:
                    await self._objects.delete(
                        record.resource, record.key, uid=record.index.uid, propagation="Background"
                    )
                except StatusError as error:
                    errors.append(str(error))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(_AT_ONCE, len(waiting))):
                group.create_task(delete_some())
        return sorted(errors)


def _let_go(obj: Document) -> None:
    finalizers = obj["spec"].get("finalizers") or ()
    obj["spec"]["finalizers"] = [one for one in finalizers if one != names.NAMESPACE_FINALIZER]


def _content_conditions(remaining: Iterable[Record], errors: list[str]) -> Iterator[_Condition]:
    if errors:
        text = f"Failed to delete all resource types, {len(errors)} remaining: {', '.join(errors)}"
        yield _Condition("NamespaceDeletionContentFailure", "True", "ContentDeletionFailed", text)
    else:
        text = "All content successfully deleted, may be waiting on finalization"
        yield _Condition("NamespaceDeletionContentFailure", "False", "ContentDeleted", text)
    resources: Counter[str] = Counter()
    finalizers: Counter[str] = Counter()
    for record in remaining:
        # Kubernetes prints resource.group, and the dot also where there is no group.
        resources[f"{record.resource.plural}.{record.resource.group}"] += 1
        finalizers.update(record.index.finalizers)
    if resources:
        text = f"Some resources are remaining: {_counted(resources, 'has %d resource instances')}"
        yield _Condition("NamespaceContentRemaining", "True", "SomeResourcesRemain", text)
    else:
        yield _Condition("NamespaceContentRemaining", "False", "ContentRemoved", "All content successfully removed")
    if finalizers:
        counted = _counted(finalizers, "in %d resource instances")
        text = f"Some content in the namespace has finalizers remaining: {counted}"
        yield _Condition("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", text)
    else:
        text = "All content-preserving finalizers finished"
        yield _Condition("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers", text)


def _counted(counts: Mapping[str, int], text: str) -> str:
    return ", ".join(f"{name} {text % count}" for name, count in sorted(counts.items()))


def _merged(namespace: Document, conditions: Iterable[_Condition], *, now: str) -> list[dict[str, Any]] | None:
    """The namespace's conditions with *conditions* in them; None if they are there already."""
    known = {one["type"]: one for one in (namespace.get("status") or {}).get("conditions") or ()}
    changed = False
    for condition in conditions:
        before = known.get(condition.type, {})
        if all(before.get(field) == value for field, value in condition._asdict().items()):
            continue
        changed = True
        since = before.get("lastTransitionTime") if before.get("status") == condition.status else None
        known[condition.type] = {**condition._asdict(), "lastTransitionTime": since or now}
    return list(known.values()) if changed else None
