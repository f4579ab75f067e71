"""VirtualMachineInstancePresets at the door (reference kubevirt-validation.md 8). What they do to instances is in `presets`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from solovirt.kinds.kubevirt import denial
from solovirt.machinery.admission import Admission, Behaviour

if TYPE_CHECKING:
    from solovirt.machinery.errors import FieldError
    from solovirt.machinery.resource import Document

VALIDATOR = "virtualmachinepreset-validator.kubevirt.io"


class PresetBehaviour(Behaviour):
    """Admission of presets."""

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        _validate(obj)
        return ()

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        _validate(obj)
        return ()


def _validate(obj: Document) -> None:
    """Rule 218."""
    if (obj.get("spec") or {}).get("domain") is None:
        raise denial.deny(VALIDATOR, [denial.required("spec.domain", "missing domain.")])
