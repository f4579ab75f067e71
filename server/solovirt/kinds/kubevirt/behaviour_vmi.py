"""
The life cycle of a VirtualMachineInstance at the door: KubeVirt's mutating and validating webhooks for it.

An instance has no status subresource. What keeps users from writing its status is the mutating webhook, which puts the old one back; what keeps
them from changing a running spec is the validating one (reference kubevirt-vm.md 1.1 and 6.2, kubevirt-validation.md 5 to 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import orjson

from solovirt.kinds.kubevirt import (
    configuration,
    denial,
    instance_changes,
    instance_defaults,
    names,
    presets,
    schema_check,
)
from solovirt.kinds.kubevirt.rules import creation, instance, metadata
from solovirt.machinery import quantity
from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.clock import timestamp

if TYPE_CHECKING:
    from solovirt.machinery.errors import FieldError, StatusError
    from solovirt.machinery.resource import Document

MUTATOR = "virtualmachineinstances-mutator.kubevirt.io"
CREATE_WEBHOOK = "virtualmachineinstances-create-validator.kubevirt.io"
UPDATE_WEBHOOK = "virtualmachineinstances-update-validator.kubevirt.io"

NON_ROOT_USER = 107
"""The user that guests run as: qemu's."""


class VirtualMachineInstanceBehaviour(Behaviour):
    """Admission of VirtualMachineInstances under the configuration in force."""

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        if old is not None:
            if not metadata.is_kubevirt_account(admission.user, cluster=configuration.in_force(admission.lookup)):
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
        applied = presets.apply(spec["domain"], obj["metadata"], admission, webhook=MUTATOR)
        instance_defaults.default_spec(spec, cluster=configuration.in_force(admission.lookup))
        status = _first_status(obj, spec, timestamp(admission.now))
        finalizers = list(obj["metadata"].get("finalizers") or ())
        if names.VMI_FOREGROUND_FINALIZER not in finalizers:
            finalizers.append(names.VMI_FOREGROUND_FINALIZER)
        obj["metadata"]["finalizers"] = finalizers
        if applied:
            obj["metadata"]["annotations"] = {**(obj["metadata"].get("annotations") or {}), **applied}
        obj["spec"], obj["status"] = spec, status

    def refuse_malformed(self, obj: Document, errors: Sequence[FieldError], admission: Admission) -> StatusError | None:
        return schema_check.refusal(MUTATOR, errors)

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        if "phase" not in (obj.get("status") or {}):
            self._complete(obj, admission)
        spec, cluster = obj["spec"], configuration.in_force(admission.lookup)
        before_all, discontinued = instance.check_discontinued(spec, "spec", cluster=cluster)
        causes = [
            *before_all,
            *metadata.check(obj.get("metadata"), "metadata", user=admission.user, cluster=cluster),
            *instance.check(spec, "spec", cluster=cluster),
            *discontinued,
            *creation.check(spec),
        ]
        if causes:
            raise denial.deny(CREATE_WEBHOOK, causes)
        return ()

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        cluster = configuration.in_force(admission.lookup)
        causes = instance_changes.check(obj, old, admission.user, cluster=cluster)
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
