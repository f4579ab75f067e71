"""
The KubeVirt CR: an installation that is complete as soon as it is asked for.

There is nothing to deploy, so every KubeVirt CR, ours and those that a user's manifest brings, is `Deployed` at once and stays so when it is
edited. Clients wait for that (`kubectl wait --for=condition=Available`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from solovirt.kinds.kubevirt import bootstrap, names
from solovirt.machinery.control.protocol import DONE, Result, Source, Tools
from solovirt.machinery.resource import Document, GroupResource, ObjectKey


class KubeVirtController:
    """Keeps the status of KubeVirt CRs."""

    name: ClassVar[str] = "kubevirt-controller"
    resource: ClassVar[GroupResource] = names.KUBEVIRTS
    sources: Sequence[Source] = ()

    def __init__(self, tools: Tools) -> None:
        self._objects = tools.objects
        self._clock = tools.clock

    async def reconcile(self, key: ObjectKey) -> Result:
        found = self._objects.get(names.KUBEVIRTS, key)
        if found is None or found["metadata"].get("deletionTimestamp"):
            return DONE
        status = bootstrap.kubevirt_status(found, self._clock.now())
        if status != found.get("status"):

            def write(document: Document) -> None:
                document["status"] = status

            await self._objects.edit(names.KUBEVIRTS, key, write, status=True)
        return DONE
