"""VirtualMachineInstanceReplicaSets at the door (reference kubevirt-validation.md 8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from solovirt.kinds.kubevirt import configuration, denial
from solovirt.kinds.kubevirt.rules import instance
from solovirt.machinery import selectors
from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.errors import BadRequest, Cause

if TYPE_CHECKING:
    from solovirt.machinery.errors import FieldError
    from solovirt.machinery.resource import Document

VALIDATOR = "virtualmachinereplicaset-validator.kubevirt.io"


class ReplicaSetBehaviour(Behaviour):
    """Admission of replica sets. Their template is checked as it is, without the defaults that instances get."""

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        self._validate(obj, admission)
        return ()

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        if not admission.subresource:
            self._validate(obj, admission)
        return ()

    def _validate(self, obj: Document, admission: Admission) -> None:
        spec, template = obj["spec"], obj["spec"].get("template")
        if template is None:
            # Rule 209.
            raise denial.deny(VALIDATOR, [denial.required("spec.template", "missing virtual machine template.")])
        cluster = configuration.in_force(admission.lookup)
        causes = [
            *instance.check(template.get("spec"), "spec.template.spec", cluster=cluster),
            *_check_selector(spec.get("selector"), (template.get("metadata") or {}).get("labels") or {}),
        ]
        if causes:
            raise denial.deny(VALIDATOR, causes)


def _check_selector(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> Iterator[Cause]:
    """Rule 210."""
    try:
        if not selectors.from_label_selector(selector).matches(labels):
            yield denial.invalid("spec.selector", "selector does not match labels.")
    except BadRequest as error:
        yield denial.invalid("spec.selector", error.message)
