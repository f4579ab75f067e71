"""Metrics about migrations: names, labels and help as in KubeVirt 1.9."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from solovirt.controllers.metrics.lookup import Snapshot
from solovirt.kinds.kubevirt import names
from solovirt.machinery.exposition import Family

_COUNTED = {"": "unset", "Pending": "pending", "Scheduling": "scheduling"}
_ENDED = {"Succeeded": "succeeded", "Failed": "failed"}
_HELP = {
    "pending": "Number of current pending migrations.",
    "scheduling": "Number of current scheduling migrations.",
    "unset": "Number of current unset migrations. These are pending items the virt-controller hasn't processed yet from "
    "the queue.",
    "running": "Number of current running migrations.",
}


def families(snapshot: Snapshot) -> Iterator[Family]:
    ended = {
        phase: Family(f"kubevirt_vmi_migration_{word}", f"Indicates if the VMI migration {word}.", ("vmi", "vmim", "namespace"))
        for phase, word in _ENDED.items()
    }  # fmt: skip
    counted: Counter[str] = Counter()
    for migration in snapshot.documents(names.VIRTUAL_MACHINE_INSTANCE_MIGRATIONS):
        metadata, phase = migration["metadata"], (migration.get("status") or {}).get("phase") or ""
        if phase in ended:
            ended[phase].add((migration["spec"].get("vmiName") or "", metadata["name"], metadata["namespace"]), 1)
        else:
            # Whatever comes between being scheduled and the end is running.
            counted[_COUNTED.get(phase, "running")] += 1
    for word, told in _HELP.items():
        family = Family(f"kubevirt_vmi_migrations_in_{word}_phase", told)
        family.add((), counted[word])
        yield family
    yield from ended.values()
