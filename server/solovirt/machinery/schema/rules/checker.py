"""
Types of expressions, found before they are evaluated, and what is wrong with them in the words of cel-go's type checker.

Names of objects' types are made up anew with each definition in Kubernetes (`selfType1234.spec`); here they are without the number.
"""

from __future__ import annotations

from collections.abc import Mapping

from solovirt.machinery.schema.rules import syntax
from solovirt.machinery.schema.rules.declared import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    ERROR,
    INT,
    NULL,
    STRING,
    UINT,
    Type,
    list_of,
    map_of,
    optional_of,
)
from solovirt.machinery.schema.rules.overloads import Overload, table

_LOOSE = ("dyn", "!error!")
_TYPE_NAMES = (
    "int",
    "uint",
    "double",
    "bool",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "timestamp",
    "duration",
)
# What null is a value of, beside itself.
_NULLABLE = (
    "object",
    "timestamp",
    "duration",
    "optional",
    "kubernetes.URL",
    "kubernetes.Quantity",
    "net.IP",
    "net.CIDR",
)


class Checked:
    """An expression whose types are known: *problems* are positions and texts, *result* is the type of the whole."""

    def __init__(self, root: syntax.Node, variables: Mapping[str, Type]) -> None:
        self.root = root
        self.types: dict[int, Type] = {}
        self.overloads: dict[int, list[Overload]] = {}
        self.names: dict[int, str] = {}
        self.problems: list[tuple[int, str]] = []
        self._scopes: list[dict[str, Type]] = [dict(variables)]
        self.result = self._of(root)
        self.problems.sort(key=lambda one: one[0])

    def _of(self, node: syntax.Node) -> Type:
        found: Type = getattr(self, f"_{node.kind}")(node)
        self.types[id(node)] = found
        return found

    def _problem(self, node: syntax.Node, text: str) -> Type:
        self.problems.append((node.at, text))
        return ERROR

    def _variable(self, name: str) -> Type | None:
        return next((scope[name] for scope in reversed(self._scopes) if name in scope), None)

    def _const(self, node: syntax.Node) -> Type:
        value = node.value
        if value is None:
            return NULL
        if isinstance(value, bool):
            return BOOL
        if isinstance(value, syntax.Unsigned):
            return UINT
        kinds = {int: INT, float: DOUBLE, str: STRING, bytes: BYTES}
        return kinds[type(value)]

    def _ident(self, node: syntax.Node) -> Type:
        found = self._variable(node.name)
        if found is not None:
            return found
        if node.name in _TYPE_NAMES:
            return Type("type", Type(node.name))
        return self._problem(node, f"undeclared reference to '{node.name}' (in container '')")

    def _select(self, node: syntax.Node) -> Type:
        assert node.target is not None, "of something"
        target = self._of(node.target)
        wraps = node.optional
        if target.kind == "optional":
            target, wraps = target.element or DYN, True
        found = self._field(node, target)
        return optional_of(found) if wraps and found is not ERROR else found

    def _field(self, node: syntax.Node, target: Type) -> Type:
        if target.kind in _LOOSE:
            return DYN if target.kind == "dyn" else ERROR
        if target.kind == "map":
            return target.element or DYN
        if target.kind != "object":
            return self._problem(node, f"type '{target}' does not support field selection")
        found = target.fields.get(node.name)
        return found if found is not None else self._problem(node, f"undefined field '{node.name}'")

    def _list(self, node: syntax.Node) -> Type:
        found = [self._of(one) for one in node.args]
        return list_of(_joined(found), len(found))

    def _map(self, node: syntax.Node) -> Type:
        found = [self._of(one) for one in node.args]
        return map_of(_joined(found[::2]), _joined(found[1::2]), len(found) // 2)

    def _macro(self, node: syntax.Node) -> Type:
        assert node.target is not None, "of something"
        target = self._of(node.target)
        if node.name == "has":
            return BOOL if target is not ERROR else ERROR
        item = self._ranged(node, target)
        self._scopes.append({node.variable: item})
        found = [self._of(one) for one in node.args]
        self._scopes.pop()
        if node.name == "optMap":
            return optional_of(found[0])
        # Conditions are arguments of && and the like.
        tests = found if node.name != "map" else found[:-1]
        for one, test in zip(node.args, tests, strict=False):
            if test.kind not in ("bool", *_LOOSE):
                operator = {"all": "_&&_", "exists": "_||_"}.get(node.name, "_?_:_")
                others = f"bool, {test}" if operator != "_?_:_" else f"{test}, int, int"
                self._problem(one, f"found no matching overload for '{operator}' applied to '({others})'")
        if node.name == "map":
            return list_of(found[-1])
        return list_of(item) if node.name == "filter" else BOOL

    def _ranged(self, node: syntax.Node, target: Type) -> Type:
        if node.name == "optMap":
            return target.element or DYN
        if target.kind == "list":
            return target.element or DYN
        if target.kind == "map":
            return target.key or DYN
        if target.kind in _LOOSE:
            return target
        assert node.target is not None, "of something"
        return self._problem(
            node.target,
            f"expression of type '{target}' cannot be range of a comprehension (must be list, map, or dynamic)",
        )

    def _call(self, node: syntax.Node) -> Type:
        name, target = node.name, node.target
        if target is not None and target.kind == "ident" and self._variable(target.name) is None:
            if f"{target.name}.{name}" not in table():
                return self._problem(target, f"undeclared reference to '{target.name}' (in container '')")
            name, target = f"{target.name}.{name}", None
        self.names[id(node)] = name
        of = None if target is None else self._of(target)
        args = [self._of(one) for one in node.args]
        known = table().get(name)
        if known is None:
            # The interpreter knows it; what it makes of its arguments shows when it is evaluated.
            return DYN
        if any(one is ERROR for one in (*args, of)):
            return ERROR
        return self._resolved(node, name, known, of, args)

    def _resolved(
        self, node: syntax.Node, name: str, known: tuple[Overload, ...], of: Type | None, args: list[Type]
    ) -> Type:
        results: list[Type] = []
        fitting = self.overloads.setdefault(id(node), [])
        for overload in known:
            if (overload.target is None) != (of is None) or len(overload.args) != len(args):
                continue
            bound: dict[str, Type] = {}
            wanted = [*([] if overload.target is None else [overload.target]), *overload.args]
            given = [*([] if of is None else [of]), *args]
            if all(_fits(one, two, bound) for one, two in zip(wanted, given, strict=True)):
                fitting.append(overload)
                results.append(_substituted(overload.result, bound))
        if not results:
            listed = ", ".join(str(one) for one in args)
            shown = f"({listed})" if of is None else f"{of}.({listed})"
            return self._problem(node, f"found no matching overload for '{name}' applied to '{shown}'")
        return results[0] if all(_same(one, results[0]) for one in results) else DYN


def _joined(found: list[Type]) -> Type:
    """What a list of all these holds."""
    if not found or any(not _same(one, found[0]) for one in found):
        return DYN
    return found[0]


def _same(one: Type, other: Type) -> bool:
    if one is other:
        return True
    if one.kind != other.kind:
        return False
    if one.kind == "object":
        return one.label == other.label
    parts = [(one.element, other.element), (one.key, other.key)]
    return all((a is None) == (b is None) and (a is None or b is None or _same(a, b)) for a, b in parts)


def _fits(wanted: Type, given: Type, bound: dict[str, Type]) -> bool:
    """Whether a value of type *given* can be where *wanted* is; what parameters stand for is written into *bound*."""
    if given.kind in _LOOSE or wanted.kind == "dyn":
        if wanted.kind == "parameter":
            bound.setdefault(wanted.label, DYN)
        return True
    if wanted.kind == "parameter":
        known = bound.get(wanted.label)
        if known is None or known.kind == "dyn":
            bound[wanted.label] = given if known is None else known
            return True
        if known.kind == "null" and given.kind in _NULLABLE:
            bound[wanted.label] = given
            return True
        return _fits(known, given, bound)
    if given.kind == "null":
        return wanted.kind in ("null", *_NULLABLE)
    if wanted.kind != given.kind:
        return False
    if wanted.kind == "type":
        return True
    if wanted.kind == "object":
        return wanted.label == given.label
    pairs = [(wanted.element, given.element), (wanted.key, given.key)]
    return all(one is None or two is None or _fits(one, two, bound) for one, two in pairs)


def _substituted(result: Type, bound: Mapping[str, Type]) -> Type:
    if result.kind == "parameter":
        return bound.get(result.label, DYN)
    if result.element is None:
        return result
    element = _substituted(result.element, bound)
    key = None if result.key is None else _substituted(result.key, bound)
    return Type(result.kind, element, key)
