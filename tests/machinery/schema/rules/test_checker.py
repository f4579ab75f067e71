"""Types of expressions, and what cel-go's checker says of wrong ones (google/cel-go, checker; Kubernetes: "Common Expression Language in Kubernetes")."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.machinery.schema.rules import declared, syntax
from solovirt.machinery.schema.rules.checker import Checked

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "min": {"type": "integer"},
        "max": {"type": "integer"},
        "ratio": {"type": "number"},
        "on": {"type": "boolean"},
        "name": {"type": "string"},
        "raw": {"type": "string", "format": "byte"},
        "at": {"type": "string", "format": "date-time"},
        "for": {"type": "string", "format": "duration"},
        "either": {"x-kubernetes-int-or-string": True},
        "list": {"type": "array", "items": {"type": "string"}},
        "numbers": {"type": "array", "items": {"type": "integer"}},
        "map": {"type": "object", "additionalProperties": {"type": "integer"}},
        "inner": {"type": "object", "properties": {"a-b": {"type": "string"}, "c": {"type": "integer"}}},
        "items": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        "whole": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
        "anything": {"x-kubernetes-preserve-unknown-fields": True},
    },
}


def checked(source: str, *, optional: bool = False) -> Checked:
    root = declared.of(SCHEMA, root=True)
    assert root is not None
    return Checked(syntax.parse(source), {"self": root, "oldSelf": declared.optional_of(root) if optional else root})


@pytest.mark.parametrize(
    "source",
    [
        # From Kubernetes' documentation of validation rules.
        "self.min <= self.max",
        "self.list.all(x, x.startsWith('a')) && size(self.list) < 5 && self.list.size() < 5",
        "has(self.name) ? self.name == 'x' : true",
        "'k' in self.map && self.map['k'] > 1 && self.map.all(k, k != 'x')",
        "self.numbers.exists_one(x, x == 1) && self.numbers.sum() > 3 && self.numbers.isSorted()",
        "self.list.map(x, x + '!').filter(y, y != 'b!').size() == 1 && self.list.join(',') == 'a'",
        "self.at > timestamp('2020-01-01T00:00:00Z') && self.at - oldSelf.at < duration('1h')",
        "self.inner.a__dash__b == 'x' && self.inner.c == 1",
        "type(self.either) == string ? self.either.startsWith('a') : self.either > 5",
        "self.either == 1 || self.either == '1'",
        "self.items.all(i, i.n > 0) && self.items[0].n == 1 && !(self.items == [])",
        "self.whole.kind == 'Pod' && self.whole.metadata.name == 'x' && self.metadata.name != ''",
        "self.name.matches('^a') && self.name.replace('a', 'b').lowerAscii() == self.name.find('x')",
        "quantity('1Gi').isGreaterThan(quantity('1Mi')) && isQuantity(self.name) && quantity('1').add(2).asInteger() == 3",
        "isURL(self.name) && url(self.name).getHost() == 'x' && url(self.name).getQuery()['a'] == ['b']",
        "ip(self.name).family() == 4 && isIP('x') && cidr('10.0.0.0/8').containsIP(self.name) && ip.isCanonical('::1')",
        "!format.dns1123Label().validate(self.name).hasValue() && format.named('x').hasValue()",
        "self.?name.orValue('') == '' && self.list[?0].orValue('x') == 'y'",
        "self.inner.?c.optMap(x, x + 1).orValue(0) == 1",
        "optional.of(1).hasValue() && optional.none().orValue(2) == 2",
        "sets.contains(self.list, ['a']) && sets.intersects(self.numbers, [1])",
        "self.ratio > 1 && self.ratio == 1.5 && double(self.min) == self.ratio && self.min < 1.5",
        "[1, 'a'].size() == 2 && {'a': 1}['a'] == 1 && dyn(self.name) == 1",
        "self.raw == b'abc' && string(self.min) == '1' && int('1') == 1 && uint(1) == 1u",
        "self.inner == oldSelf.inner && self.items[0] != null",
        "-self.min < 0 && !self.on && self.min % 2 == 0 && self.min - 1 != 0x1F",
        r"self.name == r'\d' || self.name == 'a\n\'b' || self.name == '''x''' // what is this",
    ],
)
def test_what_is_right(source: str) -> None:
    found = checked(source)
    assert found.problems == []
    assert found.result.kind == "bool"


def test_an_optional_old_value_is_an_optional() -> None:
    assert checked("oldSelf.hasValue() ? oldSelf.value().min == self.min : true", optional=True).problems == []
    assert checked("oldSelf.orValue(self).min == self.min && oldSelf.min.hasValue()", optional=True).problems == []
    (problem,) = checked("oldSelf.min == self.min", optional=True).problems
    assert problem == (12, "found no matching overload for '_==_' applied to '(optional_type(int), int)'")


@pytest.mark.parametrize(
    ("source", "problems"),
    [
        ("self.min == 'x'", [(9, "found no matching overload for '_==_' applied to '(int, string)'")]),
        ("self.nope", [(4, "undefined field 'nope'")]),
        ("self.anything.x", [(4, "undefined field 'anything'")]),
        ("self.name.x == 1", [(9, "type 'string' does not support field selection")]),
        ("self.name.startsWith(1)", [(20, "found no matching overload for 'startsWith' applied to 'string.(int)'")]),
        ("size(self.min) > 1", [(4, "found no matching overload for 'size' applied to '(int)'")]),
        ("self.min && true", [(9, "found no matching overload for '_&&_' applied to '(int, bool)'")]),
        (
            "self.on ? 1 : 'a'",
            [(8, "found no matching overload for '_?_:_' applied to '(bool, int, string)'")],
        ),
        (
            "self.name.all(x, true)",
            [(4, "expression of type 'string' cannot be range of a comprehension (must be list, map, or dynamic)")],
        ),
        ("self.list[0] > 1", [(13, "found no matching overload for '_>_' applied to '(string, int)'")]),
        ("self.map['a'] == 'x'", [(14, "found no matching overload for '_==_' applied to '(int, string)'")]),
        ("1 in self.list", [(2, "found no matching overload for '@in' applied to '(int, list(string))'")]),
        ("self.min == null", [(9, "found no matching overload for '_==_' applied to '(int, null)'")]),
        (
            "self.at == self.name",
            [(8, "found no matching overload for '_==_' applied to '(google.protobuf.Timestamp, string)'")],
        ),
        (
            "has(self.nope) || self.min > 'a'",
            [(8, "undefined field 'nope'"), (27, "found no matching overload for '_>_' applied to '(int, string)'")],
        ),
        ("unknown.thing(1)", [(0, "undeclared reference to 'unknown' (in container '')")]),
    ],
)
def test_what_is_wrong(source: str, problems: list[tuple[int, str]]) -> None:
    assert checked(source).problems == problems


@pytest.mark.parametrize("source", ["a +", "Pod{}", "(" * 300 + "1" + ")" * 300, "a ? b", "{1}", "'open"])
def test_what_cannot_be_read_is_told(source: str) -> None:
    with pytest.raises(syntax.Unparsed):
        syntax.parse(source)


def test_a_long_chain_of_conditions_is_no_deep_one() -> None:
    assert checked(" && ".join(["self.min > 1"] * 500)).problems == []
