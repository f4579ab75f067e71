"""
Instances that wait for one of another cluster to migrate here (reference kubevirt-vm.md 3, WaitAsReceiver, and 9.1).

Nothing migrates from elsewhere, so such an instance only waits: it has neither pod nor guest, in the phase WaitingForSync.
"""

from __future__ import annotations

from datetime import datetime

from solovirt.kinds.kubevirt import names
from solovirt.machinery.clock import timestamp
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.resource import Document, ObjectKey

_PHASE = "WaitingForSync"


async def waits(objects: Objects, instance: Document, now: datetime) -> bool:
    """Whether *instance* waits, which it then says."""
    metadata = instance["metadata"]
    if (metadata.get("annotations") or {}).get(names.MIGRATION_TARGET_ANNOTATION) != "true":
        return False
    if (instance.get("status") or {}).get("phase") == _PHASE:
        return True

    def wait(document: Document) -> None:
        status = document.setdefault("status", {})
        if document["metadata"]["uid"] == metadata["uid"] and status.get("phase") != _PHASE:
            status["phase"] = _PHASE
            passed = status.setdefault("phaseTransitionTimestamps", [])
            passed.append({"phase": _PHASE, "phaseTransitionTimestamp": timestamp(now)})

    await objects.edit(names.VIRTUAL_MACHINE_INSTANCES, ObjectKey(metadata["namespace"], metadata["name"]), wait)
    return True
