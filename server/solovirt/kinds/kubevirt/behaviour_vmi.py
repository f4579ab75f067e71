"""
The life cycle of a VirtualMachineInstance at the door: KubeVirt's mutating and validating webhooks for it.

An instance has no status subresource. What keeps users from writing its status is the mutating webhook, which puts the old one back; what keeps
them from changing a running spec is the validating one (reference kubevirt-vm.md 1.1 and 6.2, kubevirt-validation.md 5 to 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import orjson

from solovirt.kinds.kubevirt import denial, instance_defaults, names, quantity, schema_check
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.kinds.kubevirt.rules import creation, instance, metadata
from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.clock import timestamp

if TYPE_CHECKING:
    from solovirt.machinery.errors import Cause, FieldError, StatusError
    from solovirt.machinery.resource import Document

MUTATOR = "virtualmachineinstances-mutator.kubevirt.io"
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
        try:
            self._complete(obj, admission)
        except (AttributeError, KeyError, TypeError, ValueError):
            # Something in it is of a wrong type, or missing, and the structural schema is about to say what. Should
            # the schema find nothing, `validate_create` meets the same exception again and lets it out.
            return

    def _complete(self, obj: Document, admission: Admission) -> None:
        """Write defaults, finalizer and the first status into a new instance: all of it, or nothing if it raises."""
        if "devices" not in obj["spec"]["domain"]:
            # Required, so not ours to add.
            return
        spec = orjson.loads(orjson.dumps(obj["spec"]))
        instance_defaults.default_spec(spec, cluster=self._cluster)
        status = _first_status(obj, spec, timestamp(admission.now))
        finalizers = list(obj["metadata"].get("finalizers") or ())
        if names.VMI_FOREGROUND_FINALIZER not in finalizers:
            finalizers.append(names.VMI_FOREGROUND_FINALIZER)
        obj["metadata"]["finalizers"] = finalizers
        obj["spec"], obj["status"] = spec, status

    def refuse_malformed(self, obj: Document, errors: Sequence[FieldError], admission: Admission) -> StatusError | None:
        return schema_check.refusal(MUTATOR, errors)

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        if "phase" not in (obj.get("status") or {}):
            self._complete(obj, admission)
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


def _first_status(obj: Document, spec: Document, now: str) -> Document:
    """The status at creation: submitted fields other than these are kept (reference kubevirt-validation.md 7)."""
    status: Document = dict(obj.get("status") or {})
    status["phase"] = "Pending"
    begun = {"phase": "Pending", "phaseTransitionTimestamp": now}
    status["phaseTransitionTimestamps"] = [*(status.get("phaseTransitionTimestamps") or ()), begun]
    status.setdefault("guestOSInfo", {})
    status["runtimeUser"] = NON_ROOT_USER
    guest = (spec["domain"].get("memory") or {}).get("guest")
    if guest is not None:
        try:
            shown = quantity.text(guest)
        except quantity.QuantityError:
            # The structural schema is about to say so.
            shown = str(guest)
        status["memory"] = {"guestAtBoot": shown, "guestCurrent": shown, "guestRequested": shown}
    cpu = spec["domain"]["cpu"]
    status["currentCPUTopology"] = {part: cpu[part] for part in ("cores", "sockets", "threads")}
    return status


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
