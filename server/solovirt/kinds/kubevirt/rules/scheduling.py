"""
Rules on where an instance may run: affinity and spreading (reference kubevirt-validation.md 5.1, rule 97).

KubeVirt hands both to Kubernetes' pod validation and passes on what that says: all causes are of one type, and their texts begin with the path.
The paths of affinity leave `affinity` itself out, as KubeVirt's do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from solovirt.kinds.kubevirt import denial
from solovirt.machinery import errors, names
from solovirt.machinery.errors import Cause, FieldError

Spec = Mapping[str, Any]

_REQUIRED, _PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
_NAME_FIELD = "metadata.name"
_WEIGHTS = range(1, 101)
_SPREADING = ("DoNotSchedule", "ScheduleAnyway")
_POLICIES = ("Honor", "Ignore")


def check(spec: Spec, path: str) -> list[Cause]:
    """Rule 97."""
    affinity, constraints = spec.get("affinity"), spec.get("topologySpreadConstraints")
    if not affinity and not constraints:
        return []
    found = [
        *affinity_errors(affinity or {}, path),
        *_spreading(constraints or (), f"{path}.topologySpreadConstraints"),
    ]
    return [denial.invalid(error.field, str(error)) for error in found]


def affinity_errors(affinity: Spec, path: str) -> Iterator[FieldError]:
    """What Kubernetes says of the *affinity* at *path*."""
    if (node := affinity.get("nodeAffinity")) is not None:
        yield from _node_affinity(node, f"{path}.nodeAffinity")
    for kind in ("podAffinity", "podAntiAffinity"):
        if (pods := affinity.get(kind)) is not None:
            yield from _pod_affinity(pods, f"{path}.{kind}")


def _node_affinity(affinity: Spec, path: str) -> Iterator[FieldError]:
    if (wanted := affinity.get(_REQUIRED)) is not None:
        terms = wanted.get("nodeSelectorTerms") or ()
        field = f"{path}.{_REQUIRED}.nodeSelectorTerms"
        if not terms:
            yield errors.required(field, "must have at least one node selector term")
        for index, term in enumerate(terms):
            yield from _node_term(term, f"{field}[{index}]")
    for index, term in enumerate(affinity.get(_PREFERRED) or ()):
        field = f"{path}.{_PREFERRED}[{index}]"
        yield from _weight(term, field)
        yield from _node_term(term.get("preference") or {}, f"{field}.preference")


def _weight(term: Spec, path: str) -> Iterator[FieldError]:
    weight = term.get("weight") or 0
    if weight not in _WEIGHTS:
        yield errors.invalid(f"{path}.weight", weight, "must be in the range 1-100")


def _node_term(term: Spec, path: str) -> Iterator[FieldError]:
    for index, one in enumerate(term.get("matchExpressions") or ()):
        yield from _node_requirement(one, f"{path}.matchExpressions[{index}]")
    for index, one in enumerate(term.get("matchFields") or ()):
        yield from _node_field(one, f"{path}.matchFields[{index}]")


def _node_requirement(one: Spec, path: str) -> Iterator[FieldError]:
    operator, values = one.get("operator") or "", one.get("values") or ()
    if operator in ("Gt", "Lt"):
        if len(values) != 1:
            text = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            yield errors.required(f"{path}.values", text)
    else:
        yield from _set_operator(operator, values, path, "not a valid selector operator")
    yield from _label_key(one.get("key") or "", f"{path}.key")


def _set_operator(operator: str, values: Sequence[str], path: str, unknown: str) -> Iterator[FieldError]:
    if operator in ("In", "NotIn"):
        if not values:
            yield errors.required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield errors.forbidden_field(f"{path}.values", text)
    else:
        yield errors.invalid(f"{path}.operator", operator, unknown)


def _node_field(one: Spec, path: str) -> Iterator[FieldError]:
    operator, values, key = one.get("operator") or "", one.get("values") or (), one.get("key") or ""
    if operator not in ("In", "NotIn"):
        yield errors.invalid(f"{path}.operator", operator, "not a valid selector operator")
    elif len(values) != 1:
        text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        yield errors.required(f"{path}.values", text)
    if key != _NAME_FIELD:
        yield errors.invalid(f"{path}.key", key, "not a valid field selector key")
        return
    for index, value in enumerate(values):
        for text in names.subdomain(value):
            yield errors.invalid(f"{path}.values[{index}]", value, text)


def _label_key(key: str, path: str) -> Iterator[FieldError]:
    for text in names.qualified_name(key):
        yield errors.invalid(path, key, text)


def _pod_affinity(affinity: Spec, path: str) -> Iterator[FieldError]:
    for index, term in enumerate(affinity.get(_REQUIRED) or ()):
        yield from _pod_term(term, f"{path}.{_REQUIRED}[{index}]")
    for index, term in enumerate(affinity.get(_PREFERRED) or ()):
        field = f"{path}.{_PREFERRED}[{index}]"
        yield from _weight(term, field)
        yield from _pod_term(term.get("podAffinityTerm") or {}, f"{field}.podAffinityTerm")


def _pod_term(term: Spec, path: str) -> Iterator[FieldError]:
    yield from _label_selector(term.get("labelSelector"), f"{path}.labelSelector")
    yield from _label_selector(term.get("namespaceSelector"), f"{path}.namespaceSelector")
    for namespace in term.get("namespaces") or ():
        for text in names.label(namespace):
            yield errors.invalid(f"{path}.namespace", namespace, text)
    yield from _topology_key(term.get("topologyKey") or "", f"{path}.topologyKey")


def _topology_key(key: str, path: str) -> Iterator[FieldError]:
    if not key:
        yield errors.required(path, "can not be empty")
    yield from _label_key(key, path)


def _label_selector(selector: Spec | None, path: str) -> Iterator[FieldError]:
    if selector is None:
        return
    for key, value in (selector.get("matchLabels") or {}).items():
        yield from _label_key(key, f"{path}.matchLabels")
        for text in names.label_value(value):
            yield errors.invalid(f"{path}.matchLabels", value, text)
    for index, one in enumerate(selector.get("matchExpressions") or ()):
        field = f"{path}.matchExpressions[{index}]"
        values = one.get("values") or ()
        yield from _set_operator(one.get("operator") or "", values, field, "not a valid selector operator")
        yield from _label_key(one.get("key") or "", f"{field}.key")
        for at, value in enumerate(values):
            for text in names.label_value(value):
                yield errors.invalid(f"{field}.values[{at}]", value, text)


def _spreading(constraints: Sequence[Spec], path: str) -> Iterator[FieldError]:
    for index, constraint in enumerate(constraints):
        field = f"{path}[{index}]"
        skew, domains = constraint.get("maxSkew") or 0, constraint.get("minDomains")
        key, unsatisfiable = constraint.get("topologyKey") or "", constraint.get("whenUnsatisfiable") or ""
        if skew <= 0:
            yield errors.invalid(f"{field}.maxSkew", skew, "must be greater than zero")
        if not key:
            yield errors.required(f"{field}.topologyKey", "can not be empty")
        if unsatisfiable not in _SPREADING:
            yield errors.not_supported(f"{field}.whenUnsatisfiable", unsatisfiable, _SPREADING)
        if (key, unsatisfiable) in [
            (other.get("topologyKey") or "", other.get("whenUnsatisfiable") or "") for other in constraints[index + 1 :]
        ]:
            pair = f"{field}.{{topologyKey, whenUnsatisfiable}}"
            yield errors.duplicate(pair, f"{{{key}, {unsatisfiable}}}")
        if domains is not None and domains <= 0:
            yield errors.invalid(f"{field}.minDomains", domains, "must be greater than 0")
        if domains is not None and unsatisfiable != _SPREADING[0]:
            text = f"can only use minDomains if whenUnsatisfiable={_SPREADING[0]}, not {unsatisfiable}"
            yield errors.invalid(f"{field}.minDomains", domains, text)
        for policy in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if (value := constraint.get(policy)) is not None and value not in _POLICIES:
                yield errors.not_supported(f"{field}.{policy}", value, _POLICIES)
        yield from _label_selector(constraint.get("labelSelector"), f"{field}.labelSelector")
