"""
Rules in CEL while their definition is written: are they expressions, of the right types, and not too expensive
(k8s.io/apiextensions-apiserver, pkg/apiserver/schema/cel and pkg/apis/apiextensions/validation).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from solovirt.machinery.errors import FieldError, FieldErrorType, forbidden_field, invalid
from solovirt.machinery.schema.rules import cost, declared, engine, syntax
from solovirt.machinery.schema.rules.checker import Checked

RULES = "x-kubernetes-validations"
_MOST_TOLD = 4


class Spot(NamedTuple):
    """Where rules are in a schema: how many values of it an object can have (None: any number), and where old values can't be told apart."""

    schema: Mapping[str, Any]
    path: str
    root: bool = False
    cardinality: int | None = 1
    uncorrelated: str = ""


class Total:
    """What all rules of a schema cost together."""

    def __init__(self) -> None:
        self.sum = 0
        self._dear: list[tuple[int, str]] = []

    def add(self, path: str, amount: int) -> None:
        self.sum = min(self.sum + amount, cost.MOST)
        if amount >= cost.SCHEMA_LIMIT // 100:
            self._dear = sorted([*self._dear, (amount, path)], key=lambda one: -one[0])[:_MOST_TOLD]

    def errors(self, path: str) -> Iterator[FieldError]:
        if self.sum <= cost.SCHEMA_LIMIT:
            return
        for _, where in self._dear:
            text = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"
            yield forbidden_field(where, text)
        what = f"{RULES} estimated rule cost total for entire OpenAPIv3 schema"
        yield forbidden_field(path, _exceeds(what, self.sum, cost.SCHEMA_LIMIT))


def _exceeds(what: str, amount: int, limit: int) -> str:
    factor = amount / limit
    told = "more than 100x" if factor > 100 else f"{factor:f}x" if factor < 1.5 else f"{factor:.1f}x"
    return (
        f"{what} exceeds budget by factor of {told} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where "
        "arrays, maps, and strings are declared)"
    )


def check(spot: Spot, total: Total) -> Iterator[FieldError]:
    """Everything wrong with the rules right at *spot*."""
    own = declared.of(spot.schema, root=spot.root)
    if own is None:
        text = (
            f"internal error: failed to construct type information for {RULES} rules: unable to convert structural schema to CEL "
            "declarations"
        )
        yield FieldError(FieldErrorType.INTERNAL, f"{spot.path}.{RULES}", detail=text)
        return
    for index, rule in enumerate(spot.schema.get(RULES) or ()):
        path = f"{spot.path}.{RULES}[{index}]"
        source = rule.get("rule") or ""
        if source.strip():
            yield from _check(rule, path, spot, own, total)


def _check(rule: Mapping[str, Any], path: str, spot: Spot, own: declared.Type, total: Total) -> Iterator[FieldError]:
    optional = rule.get("optionalOldSelf")
    compiled = _compiled(rule["rule"])
    if isinstance(compiled, str):
        yield invalid(f"{path}.rule", dict(rule), f"compilation failed: {compiled}")
        return
    checked = _checked(rule["rule"], own, optional=bool(optional))
    problems = checked if isinstance(checked, str) else _told(rule["rule"], checked)
    if problems or isinstance(checked, str):
        yield invalid(f"{path}.rule", dict(rule), f"compilation failed: {problems}")
        return
    if checked.result.kind not in ("bool", "!error!"):
        yield invalid(f"{path}.rule", dict(rule), "cel expression must evaluate to a bool")
        return
    yield from _affordable(f"{path}.rule", "estimated rule cost", checked, spot, own, total)
    if text := rule.get("messageExpression"):
        yield from _message(rule, text, path, own, total, optional=bool(optional))
    if "oldSelf" in compiled.variables:
        if spot.uncorrelated:
            text = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {spot.uncorrelated}"
            yield invalid(f"{path}.rule", rule["rule"], text)
    elif optional is not None:
        yield invalid(f"{path}.optionalOldSelf", optional, "may not be set if oldSelf is not used in rule")


def _message(
    rule: Mapping[str, Any], text: str, path: str, own: declared.Type, total: Total, *, optional: bool
) -> Iterator[FieldError]:
    where = f"{path}.messageExpression"
    compiled = _compiled(text)
    if isinstance(compiled, str):
        yield invalid(where, dict(rule), f"messageExpression compilation failed: {compiled}")
        return
    checked = _checked(text, own, optional=optional)
    told = checked if isinstance(checked, str) else _told(text, checked)
    if told or isinstance(checked, str):
        yield invalid(where, dict(rule), f"messageExpression compilation failed: {told}")
    elif checked.result.kind not in ("string", "!error!"):
        yield invalid(where, dict(rule), "messageExpression must evaluate to a string")
    else:
        amount = _cost(checked, own)
        total.add(where, amount)
        if amount > cost.RULE_LIMIT:
            yield forbidden_field(where, _exceeds("estimated messageExpression cost", amount, cost.RULE_LIMIT))


def _affordable(
    path: str, what: str, checked: Checked, spot: Spot, own: declared.Type, total: Total
) -> Iterator[FieldError]:
    times = spot.cardinality
    if times is None:
        times = declared.LARGEST_REQUEST // (own.least + 1)
    amount = min(_cost(checked, own) * times, cost.MOST)
    total.add(path, amount)
    if amount > cost.RULE_LIMIT:
        yield forbidden_field(path, _exceeds(what, amount, cost.RULE_LIMIT))


def _compiled(source: str) -> engine.Expression | str:
    """The expression, or why it is none."""
    try:
        return engine.Expression(source)
    except engine.CompileError as error:
        return str(error)


def _checked(source: str, own: declared.Type, *, optional: bool) -> Checked | str:
    """The expression with its types; or why it is none, if it uses syntax whose cost can't be told."""
    try:
        tree = syntax.parse(source)
        return Checked(tree, {"self": own, "oldSelf": declared.optional_of(own) if optional else own})
    except syntax.Unparsed as error:
        return engine.located(source, 0, f"Syntax error: {error}")
    except RecursionError:
        return engine.located(source, 0, f"Syntax error: {syntax.TOO_DEEP}")


def _cost(checked: Checked, own: declared.Type) -> int:
    try:
        return cost.Cost(checked, cost.declared_sizes(own)).total
    except RecursionError:
        return cost.MOST


def _told(source: str, checked: Checked) -> str:
    """All problems of an expression, as cel-go lists them."""
    return "\n".join(engine.located(source, at, text) for at, text in checked.problems)
