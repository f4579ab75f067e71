"""
The status of a VirtualMachine, computed from what there is (reference kubevirt-vm.md 4).

`StatusReport` knows everything a reconcile found out; `write` merges it into the newest stored status, inside the writer, so that
a request that the start and stop endpoints queue at the same moment is not lost.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from solovirt.controllers.virtual_machine import (
    conditions,
    memory_dump,
    plugged_volumes,
    printable_status,
    run_strategy,
    start_failure,
)
from solovirt.controllers.virtual_machine.conditions import Failure
from solovirt.controllers.virtual_machine.printable_status import Situation
from solovirt.kinds.kubevirt import names
from solovirt.kinds.kubevirt.run_strategy import effective
from solovirt.machinery.patch.values import copied
from solovirt.machinery.resource import Document


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What a reconcile found; *instance* is the VM's own, as it is after the reconcile acted."""

    instance: Document | None
    now: datetime
    data_volumes: Sequence[Document] = ()
    claims: Sequence[Document] = ()
    failure: Failure | None = None
    restart_required: str | None = None
    volume_snapshots: Sequence[Document] = ()
    """Which volumes a snapshot could include."""
    draw: start_failure.Draw = random.randint

    def status_of(self, vm: Document) -> dict[str, Any]:
        """The whole status that *vm* should have."""
        status: dict[str, Any] = copied(vm.get("status") or {})
        vm = {**vm, "status": status}
        instance = self.instance
        _put(status, "created", instance is not None)
        _put(status, "ready", printable_status.condition(instance, "Ready").get("status") == "True")
        if _knows_strategy(vm, instance):
            status["runStrategy"] = effective(vm["spec"]).value
        _put(status, "startFailure", start_failure.after(vm, instance, self.now, draw=self.draw))
        _put(
            status,
            "stateChangeRequests",
            run_strategy.done_requests(status.get("stateChangeRequests") or [], instance),
        )
        _put(status, "volumeRequests", plugged_volumes.open_requests(vm))
        _put(status, "volumeSnapshotStatuses", list(self.volume_snapshots))
        _put(status, "memoryDumpRequest", memory_dump.updated(vm, instance))
        if instance is not None:
            _note_generations(status, vm, instance)
        status["conditions"] = conditions.conditions(
            vm, instance, now=self.now, failure=self.failure, why_restart=self.restart_required
        )
        status["printableStatus"] = printable_status.printable_status(
            Situation(vm, instance, self.now, self.data_volumes, self.claims)
        )
        return status

    def write(self, vm: Document) -> None:
        """Put the status into *vm*, the newest version of it."""
        vm["status"] = self.status_of(vm)


def _put(status: dict[str, Any], field: str, value: Any) -> None:
    """Set a field, or drop it if the value is what its absence means."""
    if value:
        status[field] = value
    else:
        status.pop(field, None)


def _knows_strategy(vm: Document, instance: Document | None) -> bool:
    """
    Whether `status.runStrategy` follows the spec now.

    It is first written when an instance was made. While a start is still pending it stays as it was: RerunOnFailure starts because the
    status differs from the spec, and a start that waits for DataVolumes or a back-off would be forgotten.
    """
    if instance is not None:
        return True
    is_pending = run_strategy.wish(vm, None).action is run_strategy.Action.START
    return bool((vm.get("status") or {}).get("runStrategy")) and not is_pending


def _note_generations(status: dict[str, Any], vm: Document, instance: Document) -> None:
    annotation = (instance["metadata"].get("annotations") or {}).get(names.VM_GENERATION_ANNOTATION)
    if annotation is not None and annotation.isdigit():
        status["observedGeneration"] = int(annotation)
        status["desiredGeneration"] = vm["metadata"].get("generation", 1)
