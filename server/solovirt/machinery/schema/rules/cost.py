"""
What evaluating an expression can cost at most, in cel-go's units: about one for each step.

Two sizes make the difference. With those that a schema allows, the cost decides whether a rule is accepted; with those of a value, whether it is
evaluated. Counted as cel-go counts (checker/cost.go) and Kubernetes' library of functions (k8s.io/apiserver, pkg/cel/library/cost.go), the largest case only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from solovirt.machinery.schema.rules import declared, syntax, values
from solovirt.machinery.schema.rules.checker import Checked
from solovirt.machinery.schema.rules.declared import Type

RULE_LIMIT = 10_000_000
"""The most that a rule may cost by its schema."""
SCHEMA_LIMIT = 100_000_000
"""The most that all rules of a schema may cost."""
CALL_LIMIT = 1_000_000
"""The most that one evaluation may cost."""
OBJECT_LIMIT = 10_000_000
"""The most that all evaluations for one object may cost."""

MOST = 2**64 - 1
# A rule that can't cost more than this by its schema is not looked at again.
_NOT_WORTH_IT = 10_000
Path = tuple[str, ...]
Sizes = Callable[[Path], int | None]
"""The largest size of what is at a path below a variable (`@items`, `@values` and `@keys` for the parts of lists and maps), None if it is not known."""

_ONE_SIZED = ("bool", "int", "uint", "double", "null", "timestamp", "duration")
_TRAVERSAL, _REGEX = 0.1, 0.25
_LONGEST_FORMAT = 128
_NOMINAL = frozenset(
    (
        *(
            "sign",
            "asInteger",
            "isInteger",
            "asApproximateFloat",
            "isGreaterThan",
            "isLessThan",
            "compareTo",
            "add",
            "sub",
        ),
        *("getScheme", "getHostname", "getHost", "getPort", "getEscapedPath", "getQuery", "format.named"),
        *(
            "masked",
            "prefixLength",
            "family",
            "isUnspecified",
            "isLoopback",
            "isLinkLocalMulticast",
            "isLinkLocalUnicast",
        ),
        "isGlobalUnicast",
    )
)
_PARSING = frozenset(["quantity", "isQuantity", "ip", "isIP", "cidr", "isCIDR"])
_KEEPING = frozenset(["lowerAscii", "upperAscii", "substring", "trim"])
_COMPARED = frozenset(["isSorted", "sum", "min", "max", "indexOf", "lastIndexOf"])
# Per item, beside the macro's own expressions.
_STEPS = {"all": 3, "exists": 4, "exists_one": 2, "existsOne": 2, "map": 12, "filter": 13}


def _plus(*costs: int) -> int:
    return min(sum(costs), MOST)


def _times(one: int, other: int) -> int:
    return min(one * other, MOST)


def _share(size: int, factor: float) -> int:
    return MOST if size >= MOST else min(math.ceil(size * factor), MOST)


def declared_sizes(root: Type) -> Sizes:
    """The sizes that a type allows of the values of `self` and `oldSelf`."""

    def size(path: Path) -> int | None:
        found: Type | None = root
        for step in path[1:]:
            if found is None:
                return None
            if step in ("@items", "@values"):
                found = found.element
            elif step == "@keys":
                found = found.key
            else:
                found = found.fields.get(step)
        return None if found is None else found.most

    return size


class Cost:
    """Computes the cost of one checked expression, whose variables have the sizes that *sizes* tells."""

    def __init__(self, checked: Checked, sizes: Sizes) -> None:
        self._checked = checked
        self._sizes = sizes
        self._paths: dict[int, Path] = {}
        self._known: dict[int, int] = {}
        # The largest item of lists that the expression itself makes.
        self._entries: dict[int, int] = {}
        self._scopes: list[dict[str, tuple[Path, int | None]]] = []
        self.total = self._cost(checked.root)

    # --- sizes

    def _type(self, node: syntax.Node) -> Type:
        return self._checked.types[id(node)]

    def _path(self, node: syntax.Node) -> Path:
        return self._paths.get(id(node), ())

    def _size(self, node: syntax.Node) -> int:
        known = self._known.get(id(node))
        if known is not None:
            return known
        if node.kind == "const":
            return len(node.value) if isinstance(node.value, str | bytes) else 1
        if node.kind in ("list", "map"):
            return len(node.args) // (2 if node.kind == "map" else 1)
        path = self._path(node)
        found = self._sizes(path) if path else None
        if found is not None:
            return found
        return 1 if self._type(node).kind in _ONE_SIZED else MOST

    def _element_size(self, node: syntax.Node) -> int:
        path = self._path(node)
        found = self._sizes((*path, "@items")) if path else self._entries.get(id(node))
        return MOST if found is None else found

    # --- costs

    def _cost(self, node: syntax.Node) -> int:
        cost: int = getattr(self, f"_{node.kind}")(node)
        return min(cost, MOST)

    def _const(self, node: syntax.Node) -> int:
        return 0

    def _ident(self, node: syntax.Node) -> int:
        scope = next((scope for scope in reversed(self._scopes) if node.name in scope), None)
        path, size = ((node.name,), None) if scope is None else scope[node.name]
        self._paths[id(node)] = path
        if size is not None:
            self._known[id(node)] = size
        return 1

    def _select(self, node: syntax.Node) -> int:
        assert node.target is not None, "of something"
        cost = self._cost(node.target)
        path = self._path(node.target)
        if path:
            self._paths[id(node)] = (*path, node.name)
        return cost + 1 if self._type(node.target).kind in ("map", "object", "optional") else cost

    def _list(self, node: syntax.Node) -> int:
        cost = 10 + sum(self._cost(one) for one in node.args)
        self._entries[id(node)] = max([self._size(one) for one in node.args], default=0)
        return cost

    def _map(self, node: syntax.Node) -> int:
        return 30 + sum(self._cost(one) for one in node.args)

    def _macro(self, node: syntax.Node) -> int:
        target = node.target
        assert target is not None, "of something"
        if node.name == "has":
            # The test itself is free, what leads to it is not.
            return self._cost(target.target) if target.target is not None else 0
        cost = self._cost(target)
        path = self._path(target)
        part = "@keys" if self._type(target).kind == "map" else "@items"
        self._scopes.append({node.variable: ((*path, part), None) if path else ((), self._entries.get(id(target)))})
        each = [self._cost(one) for one in node.args]
        self._scopes.pop()
        if node.name == "optMap":
            return _plus(cost, 1, *each)
        count = self._size(target)
        if node.name in ("map", "filter"):
            self._known[id(node)] = count
            self._entries[id(node)] = self._size(node.args[-1]) if node.name == "map" else self._element_size(target)
            cost += 10
        elif node.name in ("exists_one", "existsOne"):
            cost += 1
        else:
            self._known[id(node)] = 1
        return _plus(cost, 1, _times(count, _plus(_STEPS[node.name], *each)))

    def _call(self, node: syntax.Node) -> int:
        name = self._checked.names.get(id(node), node.name)
        args = node.args
        target = node.target if name == node.name else None
        costs = [self._cost(one) for one in args]
        before = 0 if target is None else self._cost(target)
        if name == "dyn":
            self._known[id(node)] = self._size(args[0])
            return costs[0] + 1
        if name in ("_&&_", "_||_"):
            return _plus(*costs)
        if name == "_?_:_":
            self._known[id(node)] = max(self._size(args[1]), self._size(args[2]))
            return _plus(costs[0], max(costs[1], costs[2]))
        if name in ("_[_]", "_[?_]") and (path := self._path(args[0])):
            part = {"list": "@items", "map": "@values"}.get(self._type(args[0]).kind)
            if part is not None:
                self._paths[id(node)] = (*path, part)
        return _plus(before, *costs, self._function(node, name, target, args))

    def _function(self, node: syntax.Node, name: str, target: syntax.Node | None, args: Sequence[syntax.Node]) -> int:
        if name in _NOMINAL:
            return 1
        if name in _PARSING and args:
            return _share(self._size(args[0]), _TRAVERSAL)
        if name in ("url", "isURL", "strings.quote", "bytes", "string", "ip.isCanonical") and args:
            return self._of_text(node, name, args[0])
        if name in ("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"):
            return self._comparison(name, args)
        if name == "_+_":
            return self._sum(node, args)
        if name == "@in" and self._type(args[1]).kind == "list":
            return self._size(args[1])
        if name == "validate" and args:
            return _share(_share(self._size(args[0]), _TRAVERSAL), _LONGEST_FORMAT * _REGEX)
        if name in ("matches", "find", "findAll"):
            return self._search(node, name, target, args)
        if target is not None:
            return self._method(node, name, target, args)
        return 1

    def _of_text(self, node: syntax.Node, name: str, text: syntax.Node) -> int:
        size = self._size(text)
        if name == "isURL" or (name == "string" and self._type(text).kind != "bytes"):
            return 1
        if name == "bytes" and self._type(text).kind != "string":
            return 1
        if name in ("url", "string"):
            self._known[id(node)] = size
        elif name == "bytes":
            self._known[id(node)] = _times(size, 4)
        elif name == "strings.quote":
            self._known[id(node)] = _plus(_times(size, 2), 2)
        return _share(size, _TRAVERSAL * (2 if name == "ip.isCanonical" else 1))

    def _comparison(self, name: str, args: Sequence[syntax.Node]) -> int:
        kinds = {self._type(one).kind for one in args}
        if name not in ("_==_", "_!=_") and not kinds & {"string", "bytes", "dyn"}:
            return 1
        if kinds <= {"net.IP", "net.CIDR", "kubernetes.Quantity"}:
            return 1
        return _share(min(self._size(one) for one in args), _TRAVERSAL)

    def _sum(self, node: syntax.Node, args: Sequence[syntax.Node]) -> int:
        kinds = {self._type(one).kind for one in args}
        if not kinds & {"string", "bytes", "list", "dyn"}:
            return 1
        size = _plus(*(self._size(one) for one in args))
        self._known[id(node)] = size
        if "list" in kinds:
            self._entries[id(node)] = max(self._element_size(one) for one in args)
            return 1
        return _share(size, _TRAVERSAL)

    def _search(self, node: syntax.Node, name: str, target: syntax.Node | None, args: Sequence[syntax.Node]) -> int:
        text, pattern = (args[0], args[1]) if target is None else (target, args[0])
        size = self._size(text)
        if name != "matches":
            self._known[id(node)] = size
        return _times(_share(_plus(size, 1), _TRAVERSAL), _share(self._size(pattern), _REGEX))

    def _method(self, node: syntax.Node, name: str, target: syntax.Node, args: Sequence[syntax.Node]) -> int:
        size = self._size(target)
        if name in _KEEPING:
            self._known[id(node)] = size
            return _share(size, _TRAVERSAL)
        if name in _COMPARED:
            return self._compared(target, size)
        match name:
            case "startsWith" | "endsWith":
                return _share(self._size(args[0]), _TRAVERSAL)
            case "contains":
                return _times(_share(size, _TRAVERSAL), _share(self._size(args[0]), _TRAVERSAL))
            case "split":
                self._known[id(node)] = size
                return _share(size, 2 * _TRAVERSAL)
            case "format":
                return _share(size, _TRAVERSAL)
            case "replace":
                return self._replaced(node, size, args)
            case "join":
                return self._joined(node, target, size, args)
            case "containsIP" | "containsCIDR":
                parsed = _share(self._size(args[0]), _TRAVERSAL) if self._type(args[0]).kind != "net.IP" else 0
                return _plus(4 if name == "containsIP" else 7, parsed)
        return 1

    def _compared(self, target: syntax.Node, size: int) -> int:
        of = self._type(target)
        if of.kind != "list":
            return _share(size, _TRAVERSAL)
        element = of.element.kind if of.element is not None else "dyn"
        each = 1 + (_share(self._element_size(target), _TRAVERSAL) if element in ("string", "bytes") else 0)
        return _times(size, each)

    def _replaced(self, node: syntax.Node, size: int, args: Sequence[syntax.Node]) -> int:
        least = self._size(args[0]) if args[0].kind == "const" else 0
        longest = self._size(args[1])
        if least == 0:
            result = _plus(_times(_plus(size, 1), longest), size)
        elif longest <= least:
            result = size
        else:
            result = _times(_share(size, 1 / least), longest)
        self._known[id(node)] = result
        return _share(size, 2 * _TRAVERSAL)

    def _joined(self, node: syntax.Node, target: syntax.Node, count: int, args: Sequence[syntax.Node]) -> int:
        size = _times(count, self._element_size(target))
        if args and count:
            size = _plus(size, _times(self._size(args[0]), count - 1))
        self._known[id(node)] = size
        return _share(size, _TRAVERSAL)


def actual_sizes(variables: Mapping[str, Any]) -> Sizes:
    """The sizes that values have: of what is at a path, the largest."""
    found: dict[Path, list[Any]] = {}

    def at(path: Path) -> list[Any]:
        known = found.get(path)
        if known is None:
            known = [variables.get(path[0])] if len(path) == 1 else _parts(at(path[:-1]), path[-1])
            found[path] = known
        return known

    return lambda path: max((_length(value) for value in at(path)), default=0)


def _parts(whole: list[Any], step: str) -> list[Any]:
    out: list[Any] = []
    for value in whole:
        if step == "@items":
            out += value if isinstance(value, list) else ()
        elif isinstance(value, dict):
            if step == "@keys":
                out += value
            elif step == "@values":
                out += value.values()
            elif step in value:
                out.append(value[step])
            else:
                out += [one for key, one in value.items() if values.escaped(key) == step]
    return out


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    return len(value) if isinstance(value, list | dict) else 0


class Estimate:
    """One expression on values of one schema, whose cost can be told before it is evaluated."""

    __slots__ = ("_checked", "most")

    def __init__(self, source: str, schema: Mapping[str, Any], *, root: bool, optional_old: bool) -> None:
        self._checked: Checked | None = None
        self.most = 0
        """What it can cost by the schema; 0 if that is not known."""
        own = declared.of(schema, root=root)
        if own is None:
            return
        try:
            tree = syntax.parse(source)
            checked = Checked(tree, {"self": own, "oldSelf": declared.optional_of(own) if optional_old else own})
            self.most = Cost(checked, declared_sizes(own)).total
            self._checked = checked
        except (syntax.Unparsed, RecursionError):
            return

    def of(self, value: Any, old: Any) -> int:
        """What it costs at most on *value*, whose predecessor is *old*. Asked only where the schema allows much: it takes its time too."""
        if self._checked is None or self.most <= _NOT_WORTH_IT:
            return self.most
        try:
            return min(self.most, Cost(self._checked, actual_sizes({"self": value, "oldSelf": old})).total)
        except RecursionError:
            return self.most
