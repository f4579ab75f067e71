"""
What rules cost at most. The figures are those of Kubernetes' own test of its estimate (k8s.io/apiextensions-apiserver, pkg/apiserver/schema/cel,
TestCostEstimation): without limits in the schema, and with all of them set to one number.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from solovirt.machinery.schema.rules import cost, declared, syntax, tree
from solovirt.machinery.schema.rules.checker import Checked

LIMIT = cost.RULE_LIMIT


def estimated(schema: dict[str, Any], rule: str) -> int:
    root = declared.of(schema)
    assert root is not None
    checked = Checked(syntax.parse(rule), {"self": root, "oldSelf": root})
    assert checked.problems == []
    return cost.Cost(checked, cost.declared_sizes(root)).total


def scalar(kind: str) -> dict[str, Any]:
    if kind == "int-or-string":
        return {"x-kubernetes-int-or-string": True}
    if kind in ("duration", "date", "date-time", "byte"):
        return {"type": "string", "format": kind}
    return {"type": kind}


def array(items: dict[str, Any] | str, most: int | None) -> dict[str, Any]:
    made = scalar(items) if isinstance(items, str) else items
    return {"type": "array", "items": made, **({} if most is None else {"maxItems": most})}


def a_map(values: dict[str, Any] | str, most: int | None) -> dict[str, Any]:
    made = scalar(values) if isinstance(values, str) else values
    return {"type": "object", "additionalProperties": made, **({} if most is None else {"maxProperties": most})}


def text(most: int | None, **more: Any) -> dict[str, Any]:
    return {"type": "string", **more, **({} if most is None else {"maxLength": most})}


OBJECT = {
    "type": "object",
    "required": ["required"],
    "properties": {"required": {"type": "string"}, "optional": {"type": "string"}},
}


CASES: list[tuple[Any, str, int, int, int]] = [
    (lambda most: array("number", most), "self.all(x, true)", 4718591, 10, 32),
    (lambda most: array("string", most), "self.all(x, true)", 3145727, 20, 62),
    (lambda most: array("boolean", most), "self.all(x, true)", 1887437, 5, 17),
    (lambda most: array(array("number", most), most), "self.all(x, true)", 3145727, 100, 302),
    (lambda most: a_map("number", most), "self.all(x, true)", 1348169, 10, 32),
    (lambda most: a_map("string", most), "self.all(x, true)", 1179647, 3, 11),
    (lambda most: a_map("boolean", most), "self.all(x, true)", 943718, 100, 302),
    (text, "self.contains('test')", 314574, 10, 5),
    (text, "self.startsWith('test')", 2, 15, 2),
    (text, "self.endsWith('test')", 2, 30, 2),
    (text, 'size(self + "hello") > size("hello")', 314578, 4, 7),
    (lambda most: array("number", most), "self[1] == 0.0", 2, 5000, 2),
    (lambda most: array("string", most), "self[1] == self[1]", 314577, 8, 314577),
    (lambda most: array("number", most), "self.all(x, self.all(y, true))", 0, 10, 352),
    (lambda most: array("number", most), "self.all(x, self.all(y, self.all(z, true)))", 0, 10, 3552),
    (text, 'self.matches("x")', 314574, 50, 22),
    (text, '"".matches("(((((((((())))))))))[0-9]")', 7, 10, 7),
    (text, 'self.matches("")', 1, 100, 1),
    (lambda most: a_map(text(most), most), "self.all(x, x.contains(self[x]))", 2752507, 10, 72),
    (lambda most: array("number", most), "self[3] == 0.0", 2, 0, 2),
    (lambda most: a_map("number", most), 'self["x"] == 0.0', 2, 0, 2),
    (text, 'self == "x"', 2, 0, 1),
    (lambda most: text(most, format="byte"), 'self == b"x"', 2, 0, 1),
    (lambda most: array("number", most), "self.all(x, x == 0.0)", 6291454, 3 * 1024 * 2048, 25165826),
    (lambda most: array(a_map(OBJECT, most), most), 'self.all(x, x["y"].required == "z")', 7340027, 10, 72),
    (lambda most: array(a_map(OBJECT, most), None), 'self.all(x, x["y"].required == "z")', 7340027, 10, 7340027),
    (lambda most: array("int-or-string", most), "self.all(x, true)", 4718591, 10, 32),
    (lambda most: array("int-or-string", most), "self[0] == 5", 3, 10, 3),
    (lambda most: array("boolean", most), "self[0] == false", 2, 25, 2),
    (lambda most: array(OBJECT, most), "self[0] == null", 2, 422, 2),
    (lambda most: array(array("number", most), most), "self[0][0] == -1.0", 3, 51, 3),
    (lambda most: array(a_map("number", None), most), "self.all(x, x.y == 25.2)", 6291452, 12, 74),
    (lambda most: array(a_map("number", None), most), "self[0].x > 2.0", 4, 3000, 4),
    (lambda most: array("duration", most), "self.all(x, true)", 2359295, 5, 17),
    (lambda most: array("duration", most), "self[0].getHours() == 2", 4, 525, 4),
    (lambda most: array("date", most), "self.all(x, true)", 725936, 15, 47),
    (lambda most: array("date", most), "self[2].getDayOfMonth() == 13", 4, 42, 4),
    (lambda most: array("date-time", most), "self.all(x, true)", 428963, 25, 77),
    (lambda most: array("date-time", most), "self[2].getMinutes() == 45", 4, 99, 4),
    (lambda most: a_map("int-or-string", most), "self.all(x, true)", 1348169, 15, 47),
    (lambda most: a_map(OBJECT, most), "self.all(x, true)", 428963, 20, 62),
    (lambda most: a_map(a_map("number", None), most), "self.all(x, true)", 1179647, 10, 32),
    (lambda most: a_map(array("number", None), most), "self.all(x, true)", 1179647, 25, 77),
    (lambda most: a_map("duration", most), "self.all(x, true)", 1048577, 5, 17),
    (lambda most: a_map("date", most), "self.all(x, true)", 524288, 10, 32),
    (lambda most: a_map("date-time", most), "self.all(x, true)", 349526, 25, 77),
    (text, "self.find('[0-9]+') == ''", 629147, 10, 11),
    (lambda most: array(text(most), most), "self.join(' ') == 'aa bb'", 329853068905, 10, 43),
    (lambda most: array(text(most), most), "self.isSorted() == true", 329854432052, 10, 52),
    (
        lambda most: {
            "type": "object",
            "properties": {"str": text(most), "before": text(2), "after": text(4)},
        },
        "self.str.replace(self.before, self.after) == 'does not matter'",
        629154,
        4,
        12,
    ),
    (
        lambda most: {"type": "object", "properties": {"str": text(most), "separator": text(most)}},
        "self.str.split(self.separator) == []",
        629160,
        10,
        22,
    ),
    (text, "self.lowerAscii() == 'lower!'", 314575, 10, 6),
    (lambda most: a_map("integer", most), "oldSelf.size() == self.size()", 5, 10, 5),
    (lambda most: a_map("date-time", most), 'self["a"] == self["b"]', 8, 7, 8),
    (lambda most: a_map("duration", most), 'self["c"] == self["d"]', 8, 42, 8),
    (lambda most: text(most, enum=["A", "B", "C", "LongValue"]), "self.contains('A')", 2, 1000, 401),
    (
        lambda most: {"x-kubernetes-int-or-string": True, **({} if most is None else {"maxLength": most})},
        "isQuantity(self)",
        314574,
        20,
        9,
    ),
]


@pytest.mark.parametrize(("schema", "rule", "without", "most", "limited"), CASES)
def test_a_rule_costs_what_kubernetes_says_that_it_costs(
    schema: Any, rule: str, without: int, most: int, limited: int
) -> None:
    unlimited = estimated(schema(None), rule)
    # Zero stands for more than is ever accepted.
    assert unlimited == without if without else unlimited > LIMIT
    assert estimated(schema(most), rule) == limited


@pytest.mark.parametrize(
    ("rule", "most"),
    [
        # Lists that the expression itself makes have sizes too.
        ("['a', 'b'].all(x, self.startsWith(x))", 100),
        ("['a', 'bc'].map(x, x + 'd').exists(y, y.contains('d'))", 200),
        ("[1, 2].filter(x, x > 1).size() == 1", 100),
    ],
)
def test_constants_cost_little(rule: str, most: int) -> None:
    assert estimated({"type": "string", "maxLength": 10}, rule) < most


def test_a_rule_that_would_take_too_long_on_a_value_is_not_evaluated() -> None:
    """Kubernetes' texts: pkg/apiserver/schema/cel/validation.go. It says so at once, whatever the rule would have found."""
    rule = "self.all(a, self.all(b, self.all(c, a + b + c >= 0)))"
    items = {"type": "array", "items": {"type": "integer"}, "x-kubernetes-validations": [{"rule": rule}]}
    rules = tree.build({"type": "object", "properties": {"spec": items}})
    assert rules is not None
    assert tree.check(rules, {"metadata": {}, "spec": [1, 2, 3]}, None) == []
    started = time.process_time()
    (found,) = tree.check(rules, {"metadata": {}, "spec": [1] * 5_000}, None)
    assert time.process_time() - started < 1
    assert str(found) == (
        "spec: Invalid value: 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call "
        f"cost exceeds limit for rule: {rule}"
    )


def test_all_rules_for_an_object_have_one_budget() -> None:
    rule = "self.all(a, self.all(b, a + b >= 0))"
    items = {"type": "array", "items": {"type": "integer"}, "x-kubernetes-validations": [{"rule": rule}]}
    rules = tree.build({"type": "object", "properties": {f"f{number}": items for number in range(30)}})
    assert rules is not None
    found = tree.check(rules, {"metadata": {}, **{f"f{number}": [1] * 300 for number in range(30)}}, None)
    assert [one.detail for one in found] == [
        "validation failed due to running out of cost budget, no further validation rules will be run"
    ]
