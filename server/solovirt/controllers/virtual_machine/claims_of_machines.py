"""
Which VirtualMachines a claim or a class of volumes concerns, for what their status tells of volumes (reference kubevirt-vm.md 4).

Kept in memory, because it only says whom to wake: each reconcile enters anew what its machine's template names, and every machine is
reconciled when a server starts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from solovirt.machinery.resource import Document, ObjectKey

_SOURCES = {"persistentVolumeClaim": "claimName", "memoryDump": "claimName", "dataVolume": "name"}


class ClaimsOfMachines:
    """Keys of machines by the claims behind their volumes."""

    def __init__(self) -> None:
        self._machines: defaultdict[ObjectKey, set[ObjectKey]] = defaultdict(set)
        self._claims: dict[ObjectKey, frozenset[ObjectKey]] = {}

    def note(self, key: ObjectKey, vm: Document | None) -> None:
        """*vm*, None if it is gone, is being looked at."""
        claims = frozenset(_claims_of(vm)) if vm is not None else frozenset()
        before = self._claims.get(key, frozenset())
        if claims == before:
            return
        for claim in before - claims:
            self._machines[claim].discard(key)
            if not self._machines[claim]:
                del self._machines[claim]
        for claim in claims - before:
            self._machines[claim].add(key)
        if claims:
            self._claims[key] = claims
        else:
            del self._claims[key]

    def of_claim(self, claim: Document) -> Iterable[ObjectKey]:
        """The machines with a volume on *claim*."""
        metadata = claim["metadata"]
        return sorted(self._machines.get(ObjectKey(metadata["namespace"], metadata["name"]), ()))

    def of_class(self, _: Document) -> Iterable[ObjectKey]:
        """The machines with volumes that a class of storage or of snapshots may concern: all that have claims."""
        return list(self._claims)


def _claims_of(vm: Document) -> Iterable[ObjectKey]:
    for volume in vm["spec"]["template"]["spec"].get("volumes") or ():
        for kind, field in _SOURCES.items():
            if name := (volume.get(kind) or {}).get(field):
                yield ObjectKey(vm["metadata"]["namespace"], name)
