"""ResourceQuotas: their status says how much is used of what they bound (reference kubernetes-api.md 5, columns of resourcequotas)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import ClassVar

from solovirt.kinds.core import names, quota
from solovirt.machinery.control.protocol import DONE, ObjectRef, Result, Tools
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.machinery.store.protocol import Event, Record, Store, parse


class ResourceQuotaController:
    """Counts anew whenever something that a quota counts comes or goes. Where there is no quota it costs nothing."""

    name: ClassVar[str] = "resourcequota-controller"

    def __init__(self, tools: Tools, *, store: Store) -> None:
        self._objects = tools.objects
        self._store = store
        # What each quota bounds, by namespace.
        self._bounds: dict[str, dict[ObjectKey, frozenset[str]]] = defaultdict(dict)

    def survey(self) -> Iterator[ObjectRef]:
        """All quotas."""
        for record in list(self._store.now.list(names.RESOURCE_QUOTAS)):
            self._note(record)
            yield ObjectRef(names.RESOURCE_QUOTAS, record.key)

    def wake(self, event: Event) -> Iterable[ObjectRef]:
        """A quota that changed, and those of the namespace that count what changed."""
        record = event.record
        if record.resource == names.RESOURCE_QUOTAS:
            self._note(record)
        elif not self._bounds:
            return ()
        bounds = self._bounds.get(record.key.namespace)
        if not bounds:
            return ()
        return [
            ObjectRef(names.RESOURCE_QUOTAS, key)
            for key, hard in bounds.items()
            if record.resource == names.RESOURCE_QUOTAS or quota.concerns(hard, record.resource)
        ]

    def _note(self, record: Record) -> None:
        if self._store.now.get(names.RESOURCE_QUOTAS, record.key) is None:
            bounds = self._bounds.get(record.key.namespace, {})
            bounds.pop(record.key, None)
            if not bounds:
                self._bounds.pop(record.key.namespace, None)
        else:
            spec = parse(record, "v1", "ResourceQuota").get("spec") or {}
            self._bounds[record.key.namespace][record.key] = frozenset(spec.get("hard") or ())

    async def reconcile_object(self, ref: ObjectRef) -> Result:
        found = self._objects.get(ref.resource, ref.key)
        if found is None:
            return DONE
        hard = (found.get("spec") or {}).get("hard") or {}
        wanted = {"hard": hard, "used": quota.used(found, self._store.now)}
        if found.get("status") != wanted:

            def write(document: Document) -> None:
                document["status"] = wanted

            await self._objects.edit(ref.resource, ref.key, write, status=True)
        return DONE
