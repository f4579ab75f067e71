"""What virt-handler tells of an instance in Events (reference kubevirt-vm.md 10)."""

from __future__ import annotations

from collections.abc import Sequence

from solovirt.controllers.virtual_machine_instance import status
from solovirt.controllers.virtual_machine_instance.status import Observation
from solovirt.machinery.control.protocol import Recorder
from solovirt.machinery.resource import Document
from solovirt.runtime.protocol import GuestState


def tell(recorder: Recorder, instance: Document, seen: Observation, passed: Sequence[str], *, was_paused: bool) -> None:
    """Record what has happened to *instance*, which has just gone through the phases *passed*, because of what was *seen*."""
    event = recorder.event
    if "Scheduled" in passed:
        event(instance, "Normal", "Created", "VirtualMachineInstance defined.")
    if "Running" in passed:
        event(instance, "Normal", "Started", "VirtualMachineInstance started.")
        migratable = status.condition(instance, "LiveMigratable") or {}
        if instance["spec"].get("evictionStrategy") == "LiveMigrate" and migratable.get("status") == "False":
            text = f"EvictionStrategy is set but vmi is not migratable; {migratable.get('message', '')}"
            event(instance, "Warning", "Migrated", text)
    is_paused = status.condition(instance, "Paused") is not None
    if is_paused and not was_paused:
        event(instance, "Normal", "Paused", "VirtualMachineInstance paused")
    if was_paused and not is_paused and seen.guest is not None and seen.guest.state is GuestState.RUNNING:
        event(instance, "Normal", "Unpaused", "VirtualMachineInstance unpaused")
    if "Succeeded" in passed:
        event(instance, "Normal", "Stopped", "The VirtualMachineInstance was shut down.")
    if "Failed" in passed and (seen.guest is not None or (seen.lost and not seen.terminating)):
        if seen.guest is not None and seen.guest.started_at is None and seen.guest.reason:
            event(instance, "Warning", "SyncFailed", seen.guest.reason)
        event(instance, "Warning", "Stopped", "The VirtualMachineInstance crashed.")
