"""
Label and field selectors: reading them and asking whether an object is selected.

Parsing follows Kubernetes' parser token by token, because clients see its complaints (reference kubernetes-api.md 2.4). A label selector is
compiled to one function over the labels, for a list asks it of every object.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from solovirt.machinery import errors, names
from solovirt.machinery.errors import BadRequest, FieldError
from solovirt.machinery.resource import Flavour, Resource

if TYPE_CHECKING:
    from solovirt.machinery.store.protocol import Record

Labels = Mapping[str, str]
Match = Callable[[Labels], bool]


class Operator(StrEnum):
    """How a requirement compares, as selectors write it."""

    EXISTS = "exists"
    ABSENT = "!"
    EQUALS = "="
    DOUBLE_EQUALS = "=="
    NOT_EQUALS = "!="
    IN = "in"
    NOT_IN = "notin"
    GREATER = ">"
    LESS = "<"


_BINARY = {one.value: one for one in Operator if one not in (Operator.EXISTS, Operator.ABSENT)}
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label. `str` gives it as a selector writes it."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        match self.operator:
            case Operator.EXISTS:
                return self.key
            case Operator.ABSENT:
                return f"!{self.key}"
            case Operator.IN | Operator.NOT_IN:
                return f"{self.key} {self.operator.value} ({','.join(sorted(self.values))})"
            case _:
                return f"{self.key}{self.operator.value}{self.values[0]}"


class LabelSelector:
    """
    Requirements on labels, all of which must hold; without any it selects everything.

    `matches(labels)` says whether an object with these labels is selected, `empty` whether everything is because nothing is required.
    """

    __slots__ = ("empty", "matches", "requirements")

    matches: Match
    empty: bool

    def __init__(self, requirements: Iterable[Requirement] = ()) -> None:
        self.requirements = tuple(requirements)
        self.matches = _all([_compile(one) for one in self.requirements])
        self.empty = not self.requirements

    def __str__(self) -> str:
        return ",".join(str(one) for one in self.requirements)


def _nothing(_labels: Labels) -> bool:
    return False


def _everything(_labels: Labels) -> bool:
    return True


def _all(matches: Sequence[Match]) -> Match:
    if not matches:
        return _everything
    if len(matches) == 1:
        return matches[0]
    return lambda labels: all(match(labels) for match in matches)


def _compile(requirement: Requirement) -> Match:
    key, values = requirement.key, frozenset(requirement.values)
    match requirement.operator:
        case Operator.EXISTS:
            return lambda labels: key in labels
        case Operator.ABSENT:
            return lambda labels: key not in labels
        case Operator.EQUALS | Operator.DOUBLE_EQUALS | Operator.IN:
            if len(values) == 1:
                (value,) = values
                return lambda labels: labels.get(key) == value
            return lambda labels: labels.get(key) in values
        case Operator.NOT_EQUALS | Operator.NOT_IN:
            # An object without the label has not got the value.
            return lambda labels: labels.get(key) not in values
        case Operator.GREATER | Operator.LESS:
            return _compare(key, int(requirement.values[0]), greater=requirement.operator is Operator.GREATER)


def _compare(key: str, bound: int, *, greater: bool) -> Match:
    def compare(labels: Labels) -> bool:
        number = _integer(labels.get(key, ""))
        return number is not None and (number > bound if greater else number < bound)

    return compare


def _integer(text: str) -> int | None:
    """A 64-bit integer as Go reads it, None if *text* is none."""
    if len(text) > names.MAX_LABEL or not _INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if number in _INT64 else None


def parse_labels(text: str) -> LabelSelector:
    """Read a label selector (`app=web,tier in (a,b),!old`). Raises BadRequest."""
    return LabelSelector(_Parser(text).parse()) if text else LabelSelector()


def _requirement(key: str, operator: Operator, values: Iterable[str] = ()) -> Requirement:
    """A requirement, checked. Raises BadRequest."""
    values = tuple(sorted(set(values)))
    found: list[FieldError] = []
    if wrong := names.qualified_name(key):
        found.append(errors.invalid("key", key, "; ".join(wrong)))
    if operator in (Operator.IN, Operator.NOT_IN) and not values:
        # Values are printed as Go prints an empty slice of strings in JSON.
        found.append(errors.invalid("values", [], "for 'in', 'notin' operators, values set can't be empty"))
    if operator in (Operator.EXISTS, Operator.ABSENT) and values:
        found.append(errors.invalid("values", list(values), "values set must be empty for exists and does not exist"))
    if operator in (Operator.GREATER, Operator.LESS) and _integer(values[0]) is None:
        found.append(errors.invalid("values[0]", values[0], "for 'Gt', 'Lt' operators, the value must be an integer"))
    for index, value in enumerate(values):
        if wrong := names.label_value(value):
            found.append(errors.invalid(f"values[{index}][{key}]", value, "; ".join(wrong)))
    if found:
        texts = list(dict.fromkeys(str(error) for error in found))
        raise BadRequest(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
    return Requirement(key, operator, values)


class _Token(StrEnum):
    END = "end of string"
    IDENTIFIER = "identifier"
    COMMA = ","
    OPEN = "("
    CLOSE = ")"
    NOT = "!"
    OPERATOR = "operator"


_SCAN = re.compile(r"[ \t\r\n]*(==|!=|[=!(),<>]|[^ \t\r\n=!(),<>]+|\Z)")
_SYMBOLS = {",": _Token.COMMA, "(": _Token.OPEN, ")": _Token.CLOSE, "!": _Token.NOT}


class _Parser:
    """
    Kubernetes' parser of label selectors, over the tokens of *text*.

    `in` and `notin` are operators only where an operator is expected, and identifiers elsewhere.
    """

    def __init__(self, text: str) -> None:
        self._tokens = [literal for literal in _SCAN.findall(text) if literal]
        self._position = 0

    def parse(self) -> list[Requirement]:
        out: list[Requirement] = []
        while True:
            token, literal = self._peek()
            if token is _Token.END:
                return out
            if token not in (_Token.IDENTIFIER, _Token.NOT):
                raise BadRequest(f"found '{literal}', expected: !, identifier, or 'end of string'")
            try:
                out.append(self._requirement())
            except BadRequest as error:
                raise BadRequest(f"unable to parse requirement: {error.message}") from None
            token, literal = self._next()
            if token is _Token.END:
                return out
            if token is not _Token.COMMA:
                raise BadRequest(f"found '{literal}', expected: ',' or 'end of string'")
            token, literal = self._peek()
            if token not in (_Token.IDENTIFIER, _Token.NOT):
                raise BadRequest(f"found '{literal}', expected: identifier after ','")

    def _peek(self) -> tuple[_Token, str]:
        if self._position >= len(self._tokens):
            return _Token.END, ""
        literal = self._tokens[self._position]
        token = _SYMBOLS.get(literal)
        if token is None:
            token = _Token.OPERATOR if literal[0] in "=!<>" else _Token.IDENTIFIER
        return token, literal

    def _next(self) -> tuple[_Token, str]:
        out = self._peek()
        self._position += 1
        return out

    def _requirement(self) -> Requirement:
        token, literal = self._next()
        absent = token is _Token.NOT
        if absent:
            token, literal = self._next()
        if token is not _Token.IDENTIFIER:
            raise BadRequest(f"found '{literal}', expected: identifier")
        key = literal
        if wrong := names.qualified_name(key):
            raise BadRequest(str(errors.invalid("<nil>", key, "; ".join(wrong))))
        if absent:
            return _requirement(key, Operator.ABSENT)
        if self._peek()[0] in (_Token.END, _Token.COMMA):
            return _requirement(key, Operator.EXISTS)
        _, literal = self._next()
        operator = _BINARY.get(literal)
        if operator is None:
            raise BadRequest(f"found '{literal}', expected: in, notin, =, ==, !=, gt, lt")
        values = self._set() if operator in (Operator.IN, Operator.NOT_IN) else self._value()
        return _requirement(key, operator, values)

    def _value(self) -> list[str]:
        token, literal = self._peek()
        if token in (_Token.END, _Token.COMMA):
            return [""]
        self._position += 1
        if token is not _Token.IDENTIFIER:
            raise BadRequest(f"found '{literal}', expected: identifier")
        return [literal]

    def _set(self) -> set[str]:
        token, literal = self._next()
        if token is not _Token.OPEN:
            raise BadRequest(f"found '{literal}' expected: '('")
        token, literal = self._peek()
        if token is _Token.CLOSE:
            self._position += 1
            return {""}
        if token not in (_Token.IDENTIFIER, _Token.COMMA):
            raise BadRequest(f"found '{literal}', expected: ',', ')' or identifier")
        out: set[str] = set()
        while True:
            token, literal = self._next()
            following, after = self._peek()
            if token is _Token.IDENTIFIER:
                out.add(literal)
                if following not in (_Token.COMMA, _Token.CLOSE):
                    raise BadRequest(f"found '{after}', expected: ',' or ')'")
            elif token is _Token.COMMA:
                # A comma with nothing before or after it stands beside an empty value.
                if not out or following in (_Token.COMMA, _Token.CLOSE):
                    out.add("")
            else:
                raise BadRequest(f"found '{literal}', expected: ',', or identifier")
            if following is _Token.CLOSE:
                self._position += 1
                return out


_OPERATORS = {
    "In": Operator.IN,
    "NotIn": Operator.NOT_IN,
    "Exists": Operator.EXISTS,
    "DoesNotExist": Operator.ABSENT,
}


def from_label_selector(document: Mapping[str, Any] | None) -> LabelSelector:
    """
    The selector that a `metav1.LabelSelector` object describes.

    As in Kubernetes an empty one selects everything and a missing one nothing. Raises BadRequest on bad keys, values and operators.
    """
    if document is None:
        out = LabelSelector()
        out.matches, out.empty = _nothing, False
        return out
    requirements = [
        _requirement(key, Operator.EQUALS, [value]) for key, value in (document.get("matchLabels") or {}).items()
    ]
    for expression in document.get("matchExpressions") or ():
        operator = _OPERATORS.get(expression.get("operator", ""))
        if operator is None:
            name = errors.go_value(expression.get("operator", ""))
            raise BadRequest(f"{name} is not a valid label selector operator")
        requirements.append(_requirement(expression.get("key", ""), operator, expression.get("values") or ()))
    return LabelSelector(requirements)


@dataclass(frozen=True, slots=True)
class FieldTerm:
    """One comparison of a field's value with a text."""

    field: str
    value: str
    equal: bool

    def __str__(self) -> str:
        value = re.sub(r"([\\,=])", r"\\\1", self.value)
        return f"{self.field}{'=' if self.equal else '!='}{value}"


class FieldSelector:
    """
    Comparisons of fields, all of which must hold; without any it selects everything.

    *zeros* are what fields that are not set compare as, by field, where that is not the empty text.
    *name* and *namespace* are the values that `metadata.name` and `metadata.namespace` must have, None if the selector leaves them open.
    """

    __slots__ = ("_tests", "name", "namespace", "terms")

    def __init__(
        self,
        terms: Iterable[FieldTerm] = (),
        selectable: Sequence[str] = (),
        zeros: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.terms = tuple(terms)
        self.name = self._value("metadata.name")
        self.namespace = self._value("metadata.namespace")
        self._tests = tuple(
            (_reader(term.field, selectable, zeros.get(term.field, "")), term.value, term.equal) for term in self.terms
        )

    def _value(self, field: str) -> str | None:
        return next((term.value for term in self.terms if term.field == field and term.equal), None)

    @property
    def empty(self) -> bool:
        return not self.terms

    def matches(self, record: Record) -> bool:
        """Whether the object is selected."""
        return all((read(record) == value) is equal for read, value, equal in self._tests)

    def __str__(self) -> str:
        return ",".join(str(term) for term in self.terms)


def _reader(field: str, selectable: Sequence[str], zero: str) -> Callable[[Record], str]:
    if field == "metadata.name":
        return lambda record: record.key.name
    if field == "metadata.namespace":
        return lambda record: record.key.namespace
    index = selectable.index(field)
    if zero:
        return lambda record: record.index.fields[index] or zero
    return lambda record: record.index.fields[index]


_TERM = re.compile(r"(.*?)(!=|==|=)(.*)", re.DOTALL)
_BETWEEN_TERMS = re.compile(r"((?:[^\\,]|\\.|\\\Z)*)(?:,|\Z)", re.DOTALL)


def parse_fields(text: str, resource: Resource) -> FieldSelector:
    """Read a field selector (`metadata.name=a,status.phase!=Running`) on objects of *resource*. Raises BadRequest."""
    if not text:
        return FieldSelector()
    terms: list[FieldTerm] = []
    for part in sorted(_BETWEEN_TERMS.findall(text)):
        if not part:
            continue
        match = _TERM.fullmatch(part)
        if match is None:
            raise BadRequest(f"invalid selector: '{text}'; can't understand '{part}'")
        field, operator, value = match.groups()
        terms.append(FieldTerm(field, _unescaped(value), operator != "!="))
    # A term that names nothing and compares it with nothing selects everything.
    terms = [term for term in terms if term.field or term.value]
    for term in terms:
        _check_field(term.field, resource)
    return FieldSelector(terms, tuple(resource.selectable_fields), resource.selectable_zeros)


def _unescaped(value: str) -> str:
    def character(match: re.Match[str]) -> str:
        sequence = match.group()
        if sequence[0] != "\\":
            raise BadRequest(f"invalid field selector: unescaped character in value: {ord(sequence)}")
        if sequence[1:] not in ("\\", ",", "="):
            raise BadRequest(f"invalid field selector: invalid escape sequence: {sequence}")
        return sequence[1:]

    return re.sub(r"\\.?|[,=]", character, value, flags=re.DOTALL)


def _check_field(field: str, resource: Resource) -> None:
    if field == "metadata.name" or (field in resource.selectable_fields and field not in resource.hidden_fields):
        return
    # Built-in kinds without fields of their own share one check, which takes metadata.namespace of cluster-scoped kinds too.
    common = resource.flavour is Flavour.BUILT_IN and not resource.selectable_fields
    if field == "metadata.namespace" and (common or resource.namespaced):
        return
    if common:
        raise BadRequest(
            f'{errors.go_value(field)} is not a known field selector: only "metadata.name", "metadata.namespace"'
        )
    raise BadRequest(f"field label not supported: {field}")
