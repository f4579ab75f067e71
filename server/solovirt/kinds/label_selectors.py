"""What a `metav1.LabelSelector` in an object must be like (k8s.io/apimachinery, ValidateLabelSelector)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from solovirt.machinery import names
from solovirt.machinery.errors import FieldError, forbidden_field, invalid, required

_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def validate(selector: Mapping[str, Any] | None, path: str) -> Iterator[FieldError]:
    """Everything wrong with *selector*, which is at *path*; a missing one is right."""
    if selector is None:
        return
    for key, value in (selector.get("matchLabels") or {}).items():
        yield from (invalid(f"{path}.matchLabels", key, text) for text in names.qualified_name(key))
        yield from (invalid(f"{path}.matchLabels", value, text) for text in names.label_value(value or ""))
    for index, one in enumerate(selector.get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{index}]"
        key, operator, values = one.get("key") or "", one.get("operator") or "", one.get("values") or []
        if operator in ("In", "NotIn") and not values:
            yield required(f"{where}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        elif operator in ("Exists", "DoesNotExist") and values:
            yield forbidden_field(
                f"{where}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            )
        elif operator not in _OPERATORS:
            yield invalid(f"{where}.operator", operator, "not a valid selector operator")
        yield from (invalid(f"{where}.key", key, text) for text in names.qualified_name(key))
        for at, value in enumerate(values):
            yield from (invalid(f"{where}.values[{at}]", value, text) for text in names.label_value(value or ""))
