"""ClusterRoles with an aggregationRule: their rules are those of the roles they select (reference kubernetes-api.md 6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from solovirt.kinds.rbac import aggregation, names
from solovirt.machinery.control.protocol import DONE, Result, Source, TerminalError, Tools
from solovirt.machinery.control.relation import Relation
from solovirt.machinery.errors import BadRequest
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.selectors import LabelSelector
from solovirt.machinery.store.protocol import Store

_GATHERS = "gathers"


class ClusterRoleAggregationController:
    """Puts the rules together whenever a role changes."""

    name: ClassVar[str] = "clusterrole-aggregation-controller"
    resource: ClassVar[GroupResource] = names.CLUSTER_ROLES

    def __init__(self, tools: Tools, *, store: Store, registry: Registry) -> None:
        self._objects = tools.objects
        self._store = store
        self._gathering = Relation(
            store, registry, names.CLUSTER_ROLES, lambda role: (_GATHERS,) if role.get("aggregationRule") else ()
        )
        self.sources: Sequence[Source] = (Source(names.CLUSTER_ROLES, self._keys),)

    def _keys(self, _: Document) -> Iterable[ObjectKey]:
        # Any role may have come into a selection or left one.
        return self._gathering.find("", _GATHERS)

    async def reconcile(self, key: ObjectKey) -> Result:
        role = self._objects.get(names.CLUSTER_ROLES, key)
        if role is None or role["metadata"].get("deletionTimestamp"):
            return DONE
        try:
            wanted = aggregation.selectors(role)
        except BadRequest as error:
            raise TerminalError(error.message) from None
        if not wanted:
            return DONE
        rules = aggregation.gathered(role, self._selected(wanted))
        if rules != (role.get("rules") or []):

            def write(document: Document) -> None:
                document["rules"] = rules

            await self._objects.edit(names.CLUSTER_ROLES, key, write)
        return DONE

    def _selected(self, wanted: Sequence[LabelSelector]) -> Iterable[Document]:
        for record in list(self._store.now.list(names.CLUSTER_ROLES)):
            if any(one.matches(record.index.labels) for one in wanted):
                found = self._objects.get(names.CLUSTER_ROLES, record.key)
                if found is not None:
                    yield found
