"""
The rules of a schema, found once and evaluated for each document.

What is kept of the schema is the part that leads to rules, so that a document without the fields they are about costs a few look-ups. Texts:
reference kubernetes-api.md 4.1, "CEL rule"; section 7 for transition rules and ratcheting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from solovirt.machinery.errors import NO_VALUE, FieldError, FieldErrorType
from solovirt.machinery.resource import Document
from solovirt.machinery.schema.rules import cost, engine, values
from solovirt.machinery.schema.validation import MISSING, ROOT, correlate


class Rule:
    """One entry of x-kubernetes-validations. Raises CompileError if it can't be evaluated."""

    def __init__(self, declared: Mapping[str, Any], schema: Mapping[str, Any], *, root: bool = False) -> None:
        self._schema, self._root = schema, root
        self._estimate: cost.Estimate | None = None
        self.expression = engine.Expression(declared["rule"])
        text = declared.get("messageExpression")
        self.message_expression = engine.Expression(text) if text else None
        self._message = (declared.get("message") or "").strip()
        self._source = declared["rule"].strip()
        self.type = FieldErrorType(declared.get("reason") or FieldErrorType.INVALID)
        self.field = field_suffix(declared.get("fieldPath") or "")
        self.optional_old = bool(declared.get("optionalOldSelf"))
        self.is_transition = "oldSelf" in self.expression.variables

    @property
    def shown(self) -> str:
        """What the rule is called where it could not be evaluated."""
        return self._message or self._source

    @property
    def functions(self) -> dict[str, Any]:
        more = {} if self.message_expression is None else self.message_expression.functions
        return {**self.expression.functions, **more}

    @property
    def estimate(self) -> cost.Estimate:
        """What it costs to evaluate."""
        if self._estimate is None:
            source = self.expression.source
            self._estimate = cost.Estimate(source, self._schema, root=self._root, optional_old=self.optional_old)
        return self._estimate

    def check(self, environment: Any, path: str) -> FieldError | None:
        """What is wrong, if anything is."""
        shown = self.shown
        try:
            held = self.expression.evaluate(environment)
        except engine.EvaluationError as error:
            if str(error).startswith("no such overload"):
                detail = f"'{error}': call arguments did not match a supported operator, function or macro signature for rule: {shown}"
            else:
                detail = f"{error} evaluating rule: {shown}"
            return FieldError(FieldErrorType.INVALID, path, NO_VALUE, detail)
        if held is True:
            return None
        detail = self._expressed(environment) or self._message or f"failed rule: {self._source}"
        return FieldError(
            self.type, f"{path}{self.field}" if path != ROOT else self.field[1:] or path, NO_VALUE, detail
        )

    def _expressed(self, environment: Any) -> str:
        """What messageExpression says; nothing if it fails or says nothing, and then the next best message is taken."""
        if self.message_expression is None:
            return ""
        try:
            text = self.message_expression.evaluate(environment)
        except engine.EvaluationError:
            return ""
        return text.strip() if isinstance(text, str) and "\n" not in text.strip() else ""


class _TooDear(Exception):
    """No more rules are evaluated for this object."""

    def __init__(self, error: FieldError) -> None:
        super().__init__(error.detail)
        self.error = error


class _Budget:
    """What may still be spent on one object: one value must not hold up everybody else."""

    def __init__(self) -> None:
        self._left = cost.OBJECT_LIMIT

    def spend(self, rule: Rule, value: Any, old: Any, path: str) -> None:
        """Raises _TooDear unless *rule* can be afforded on *value*."""
        amount = rule.estimate.of(value, old)
        if amount > cost.CALL_LIMIT:
            text = (
                "'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for "
                f"rule: {rule.shown}"
            )
            raise _TooDear(FieldError(FieldErrorType.INVALID, path, NO_VALUE, text))
        self._left -= amount
        if self._left < 0:
            text = "validation failed due to running out of cost budget, no further validation rules will be run"
            raise _TooDear(FieldError(FieldErrorType.INVALID, path, NO_VALUE, text))


class Node:
    """A place in the schema that has rules, or leads to some."""

    __slots__ = ("_functions", "_optional_old", "convert", "items", "properties", "rules", "schema", "values")

    def __init__(
        self,
        schema: Mapping[str, Any],
        rules: list[Rule],
        properties: Mapping[str, Node],
        items: Node | None,
        values_: Node | None,
    ) -> None:
        self.schema = schema
        self.rules = rules
        self.properties = properties
        self.items = items
        self.values = values_
        self.convert = values.converter(schema) if rules else None
        self._functions: dict[str, Any] = {}
        for rule in rules:
            self._functions.update(rule.functions)
        self._optional_old = any(rule.optional_old for rule in rules)

    def concerns(self, value: Any) -> bool:
        """Whether a rule may have something to say of *value* or what is in it."""
        if self.rules:
            return True
        if type(value) is dict:
            if self.values is not None:
                return True
            properties = self.properties
            for key, child in value.items():
                if (node := properties.get(key)) is not None and node.concerns(child):
                    return True
        elif type(value) is list and self.items is not None:
            return any(map(self.items.concerns, value))
        return False

    def check(self, value: Any, path: str, old: Any, budget: _Budget) -> Iterator[FieldError]:
        """Everything wrong at and below *value*. Raises _TooDear."""
        if self.rules and value is not None:
            yield from self._own(value, path, old, budget)
        if isinstance(value, dict):
            before = old if isinstance(old, dict) else {}
            prefix = f"{path}." if path != ROOT else ""
            for key, child in value.items():
                if (node := self.properties.get(key)) is not None:
                    yield from node.check(child, prefix + key, before.get(key, MISSING), budget)
                elif self.values is not None and key not in (self.schema.get("properties") or {}):
                    yield from self.values.check(child, f"{path}[{key}]", before.get(key, MISSING), budget)
        elif isinstance(value, list) and self.items is not None:
            find = correlate(self.schema, old)
            for index, child in enumerate(value):
                yield from self.items.check(child, f"{path}[{index}]", find(child), budget)

    def _own(self, value: Any, path: str, old: Any, budget: _Budget) -> Iterator[FieldError]:
        known = old is not MISSING
        unchanged = known and value == old
        due = [rule for rule in self.rules if (known or rule.optional_old if rule.is_transition else not unchanged)]
        if not due:
            return
        convert = self.convert or (lambda one: one)
        shown = {"self": convert(value)}
        before = convert(old) if known and old is not None else None
        plain = optional = None
        for rule in due:
            budget.spend(rule, value, old if known else None, path)
            if rule.is_transition and rule.optional_old:
                if optional is None:
                    wrapped = engine.optional(before, present=known)
                    optional = engine.environment({**shown, "oldSelf": wrapped}, self._functions)
                found = rule.check(optional, path)
            else:
                if plain is None:
                    plain = engine.environment({**shown, "oldSelf": before} if known else shown, self._functions)
                found = rule.check(plain, path)
            if found is not None:
                yield found


def build(schema: Mapping[str, Any]) -> Node | None:
    """The rules of *schema*; None if there are none anywhere. Raises CompileError."""
    return _build(schema, (), root=True)


def _build(schema: Any, above: tuple[int, ...], *, root: bool = False) -> Node | None:
    if not isinstance(schema, Mapping) or id(schema) in above:
        return None
    above = (*above, id(schema))
    properties = {
        name: node
        for name, child in (schema.get("properties") or {}).items()
        if (node := _build(child, above)) is not None
    }
    items = _build(schema.get("items"), above)
    other = _build(schema.get("additionalProperties"), above)
    root = root or bool(schema.get("x-kubernetes-embedded-resource"))
    rules = [Rule(one, schema, root=root) for one in schema.get("x-kubernetes-validations") or ()]
    if not (properties or items or other or rules):
        return None
    return Node(schema, rules, properties, items, other)


def check(rules: Node, document: Document, old: Document | None) -> Sequence[FieldError]:
    """What *rules* find wrong with a whole object; *old* is what it was before, None for a new one."""
    out: list[FieldError] = []
    if not rules.concerns(document):
        # As with most documents: told without a path or an old value being looked up.
        return out
    try:
        for error in rules.check(_root_value(document), ROOT, MISSING if old is None else _root_value(old), _Budget()):
            out.append(error)  # noqa: PERF402 - what was found before the budget is spent counts too
    except _TooDear as dear:
        out.append(dear.error)
    return out


def _root_value(document: Document) -> Document:
    """What rules at the root of an object see: of metadata only the name."""
    meta = document.get("metadata") or {}
    seen = {key: meta[key] for key in ("name", "generateName") if key in meta}
    return {**document, "metadata": seen}


def field_suffix(path: str) -> str:
    """A rule's fieldPath, as it is appended to the path of its value: `.a.b`, `['a-b']` becomes `[a-b]`."""
    out = ""
    for match in engine.FIELD_STEP.finditer(path):
        out += f".{match.group(1)}" if match.group(1) else f"[{match.group(2)}]"
    return out
