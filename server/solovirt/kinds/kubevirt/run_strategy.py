"""The run strategy of a VirtualMachine, whichever of the two fields says it (reference kubevirt-vm.md 2)."""

from __future__ import annotations

from enum import StrEnum

from solovirt.machinery.resource import Document


class RunStrategy(StrEnum):
    """`spec.runStrategy`, or what `spec.running` amounts to."""

    ALWAYS = "Always"
    HALTED = "Halted"
    MANUAL = "Manual"
    RERUN_ON_FAILURE = "RerunOnFailure"
    ONCE = "Once"
    WAIT_AS_RECEIVER = "WaitAsReceiver"


def effective(spec: Document) -> RunStrategy:
    """The strategy of a VM's spec; *running* counts as Always or Halted, and with neither set the VM is Halted."""
    running = spec.get("running")
    if running is not None:
        return RunStrategy.ALWAYS if running else RunStrategy.HALTED
    try:
        return RunStrategy(spec.get("runStrategy") or RunStrategy.HALTED)
    except ValueError:
        # Admission refuses unknown strategies; one that got in otherwise must not start anything.
        return RunStrategy.HALTED
