"""
The life cycle of a VirtualMachineInstance at the door: KubeVirt's mutating and validating webhooks for it.

An instance has no status subresource. What keeps users from writing its status is the mutating webhook, which puts the old one back; what keeps
them from changing a running spec is the validating one (reference kubevirt-vm.md 1.1 and 6.2, kubevirt-validation.md 5 to 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from solovirt.kinds.kubevirt import denial, instance_defaults, names, quantity
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.kinds.kubevirt.rules import creation, instance, metadata
from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.clock import timestamp

if TYPE_CHECKING:
    from solovirt.machinery.errors import Cause, FieldError
    from solovirt.machinery.resource import Document

CREATE_WEBHOOK = "virtualmachineinstances-create-validator.kubevirt.io"
UPDATE_WEBHOOK = "virtualmachineinstances-update-validator.kubevirt.io"

NON_ROOT_USER = 107
"""The user that guests run as: qemu's."""


class VirtualMachineInstanceBehaviour(Behaviour):
    """Admission of VirtualMachineInstances under the configuration *cluster*."""

    def __init__(self, cluster: Cluster = STANDARD) -> None:
        self._cluster = cluster

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        if old is not None:
            if not metadata.is_kubevirt_account(admission.user, cluster=self._cluster):
                _put_back_status(obj, old)
            return
        instance_defaults.default_spec(obj.setdefault("spec", {}), cluster=self._cluster)
        finalizers = obj.setdefault("metadata", {}).setdefault("finalizers", [])
        if names.VMI_FOREGROUND_FINALIZER not in finalizers:
            finalizers.append(names.VMI_FOREGROUND_FINALIZER)
        _begin_status(obj, timestamp(admission.now))

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        spec = obj["spec"]
        causes = [
            *metadata.check(obj.get("metadata"), "metadata", user=admission.user, cluster=self._cluster),
            *instance.check(spec, "spec", cluster=self._cluster, creating=True),
            *creation.check(spec),
        ]
        if causes:
            raise denial.deny(CREATE_WEBHOOK, causes)
        return ()

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        trusted = metadata.is_kubevirt_account(admission.user, cluster=self._cluster)
        causes: list[Cause] = []
        if obj.get("spec") != old.get("spec"):
            if trusted:
                causes += _check_trusted_change(obj["spec"], old["spec"])
            else:
                causes.append(denial.not_supported(None, "update of VMI object is restricted"))
        if not trusted and not causes:
            causes += metadata.check_change(obj.get("metadata") or {}, old.get("metadata") or {})
        if causes:
            raise denial.deny(UPDATE_WEBHOOK, causes)
        return ()


def _put_back_status(obj: Document, old: Document) -> None:
    if "status" in old:
        obj["status"] = old["status"]
    else:
        obj.pop("status", None)


def _begin_status(obj: Document, now: str) -> None:
    """What the webhook writes at creation; other submitted status fields are kept (reference kubevirt-validation.md 7)."""
    status = obj.setdefault("status", {})
    status["phase"] = "Pending"
    transitions = status.setdefault("phaseTransitionTimestamps", [])
    transitions.append({"phase": "Pending", "phaseTransitionTimestamp": now})
    status.setdefault("guestOSInfo", {})
    status["runtimeUser"] = NON_ROOT_USER
    domain = obj["spec"]["domain"]
    guest = (domain.get("memory") or {}).get("guest")
    if guest is not None:
        try:
            shown = quantity.text(guest)
        except quantity.QuantityError:
            # Not a quantity: structural validation is about to say so.
            shown = str(guest)
        status["memory"] = {"guestAtBoot": shown, "guestCurrent": shown, "guestRequested": shown}
    cpu = domain["cpu"]
    status["currentCPUTopology"] = {part: cpu[part] for part in ("cores", "sockets", "threads")}


def _check_trusted_change(new: Document, old: Document) -> list[Cause]:
    """Rule 203: what KubeVirt's own parts may not change either."""
    causes = []
    sockets = [((spec.get("domain") or {}).get("cpu") or {}).get("maxSockets") for spec in (new, old)]
    if sockets[0] != sockets[1]:
        causes.append(denial.invalid(None, "CPU topology maxSockets changed"))
    guest = [((spec.get("domain") or {}).get("memory") or {}).get("maxGuest") for spec in (new, old)]
    if guest[0] != guest[1]:
        causes.append(denial.invalid(None, "Memory maxGuest changed"))
    return causes
