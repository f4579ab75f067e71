"""
CEL expressions as trees.

The interpreter tells nothing of what it has parsed, and types and costs have to be known before a rule is accepted. So expressions are parsed here once more;
what the interpreter has refused never comes here. Every node knows where in the source cel-go would point at it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

TOO_DEEP = "expression recursion limit exceeded"


class Unparsed(Exception):
    """The expression uses syntax that is not known here."""


@dataclass(slots=True, eq=False)
class Node:
    """
    One node. *kind* is const, ident, select, call, list, map or macro.

    *name* is that of an identifier, field, function or macro; *value* that of a constant; *target* the operand of a selection, call of a method, or macro;
    *args* are what is called with, contained (keys and values by turns in a map), or a macro's expressions, whose variable is *variable*.
    """

    kind: str
    at: int
    name: str = ""
    value: Any = None
    target: Node | None = None
    args: list[Node] = field(default_factory=list)
    variable: str = ""
    optional: bool = False


_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
    |(?P<string>[rR]?[bB]?[rR]?(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
    |(?P<number>0x[0-9a-fA-F]+u?|(?:\d+\.\d+|\d+(?=[eE])|\.\d+)(?:[eE][+-]?\d+)?|\d+[uU]?)
    |(?P<ident>[A-Za-z_]\w*|`[^`]+`)
    |(?P<op>\|\||&&|==|!=|<=|>=|[-+*/%<>!?:.,()\[\]{}])
    """,
    re.VERBOSE | re.DOTALL,
)
_RELATIONS = {"==": "_==_", "!=": "_!=_", "<": "_<_", "<=": "_<=_", ">": "_>_", ">=": "_>=_", "in": "@in"}
_SUMS = {"+": "_+_", "-": "_-_"}
_PRODUCTS = {"*": "_*_", "/": "_/_", "%": "_%_"}
_MACROS = {
    "all": (2,),
    "exists": (2,),
    "exists_one": (2,),
    "existsOne": (2,),
    "map": (2, 3),
    "filter": (2,),
    "optMap": (2,),
}
_CONSTANTS = {"true": True, "false": False, "null": None}
# A level takes a dozen calls here, and the interpreter's own parser goes no deeper than 96.
_DEEPEST = 100


def parse(source: str) -> Node:
    """The tree of an expression. Raises Unparsed."""
    try:
        return _Parser(source).whole()
    except RecursionError:
        raise Unparsed(TOO_DEEP) from None


def _tokens(source: str) -> Iterator[tuple[str, str, int]]:
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise Unparsed(source[at : at + 10])
        if match.lastgroup != "space":
            yield match.lastgroup or "", match.group(), at
        at = match.end()
    yield "end", "", len(source)


class _Parser:
    def __init__(self, source: str) -> None:
        self._tokens = list(_tokens(source))
        self._next = 0
        self._depth = 0

    def whole(self) -> Node:
        out = self._expression()
        if self._kind() != "end":
            raise Unparsed(self._text())
        return out

    def _kind(self) -> str:
        return self._tokens[self._next][0]

    def _text(self) -> str:
        return self._tokens[self._next][1]

    def _take(self) -> tuple[str, int]:
        _, text, at = self._tokens[self._next]
        self._next += 1
        return text, at

    def _is(self, *texts: str) -> bool:
        kind, text, _ = self._tokens[self._next]
        return text in texts and (kind == "op" or text == "in")

    def _expect(self, text: str) -> int:
        if not self._is(text):
            raise Unparsed(f"{text} missing before {self._text()}")
        return self._take()[1]

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Unparsed(TOO_DEEP)
        out = self._logical("||", "_||_", lambda: self._logical("&&", "_&&_", self._relation))
        if self._is("?"):
            _, at = self._take()
            then = self._logical("||", "_||_", lambda: self._logical("&&", "_&&_", self._relation))
            self._expect(":")
            out = Node("call", at, "_?_:_", args=[out, then, self._expression()])
        self._depth -= 1
        return out

    def _logical(self, operator: str, name: str, below: Any) -> Node:
        terms: list[Node] = [below()]
        places: list[int] = []
        while self._is(operator):
            places.append(self._take()[1])
            terms.append(below())
        return _balanced(name, terms, places)

    def _relation(self) -> Node:
        return self._chain(_RELATIONS, lambda: self._chain(_SUMS, lambda: self._chain(_PRODUCTS, self._unary)))

    def _chain(self, operators: dict[str, str], below: Any) -> Node:
        out: Node = below()
        while self._is(*operators):
            text, at = self._take()
            out = Node("call", at, operators[text], args=[out, below()])
        return out

    def _unary(self) -> Node:
        if not self._is("!", "-"):
            return self._member()
        text, at = self._take()
        count = 1
        while self._is(text):
            self._take()
            count += 1
        operand = self._member()
        if text == "-" and operand.kind == "const" and isinstance(operand.value, int | float) and count == 1:
            return Node("const", at, value=-operand.value)
        return operand if count % 2 == 0 else Node("call", at, "!_" if text == "!" else "-_", args=[operand])

    def _member(self) -> Node:
        out = self._primary()
        while self._is(".", "["):
            text, at = self._take()
            optional = self._is("?")
            if optional:
                self._take()
            if text == "[":
                index = self._expression()
                self._expect("]")
                out = Node("call", at, "_[?_]" if optional else "_[_]", args=[out, index])
                continue
            if self._kind() != "ident":
                raise Unparsed(self._text())
            name = self._take()[0].strip("`")
            if self._is("(") and not optional:
                opening = self._take()[1]
                out = _called(name, opening, out, self._arguments(")"))
            else:
                out = Node("select", at, name, target=out, optional=optional)
        return out

    def _arguments(self, closing: str) -> list[Node]:
        out: list[Node] = []
        while not self._is(closing):
            out.append(self._expression())
            if not self._is(","):
                break
            self._take()
        self._expect(closing)
        return out

    def _primary(self) -> Node:
        kind = self._kind()
        text, at = self._take()
        if kind == "number":
            return Node("const", at, value=_number(text))
        if kind == "string":
            return Node("const", at, value=_string(text))
        if kind == "ident" and text in _CONSTANTS:
            return Node("const", at, value=_CONSTANTS[text])
        if kind == "ident":
            if self._is("("):
                opening = self._take()[1]
                return _called(text, opening, None, self._arguments(")"))
            return Node("ident", at, text)
        if text == "(":
            out = self._expression()
            self._expect(")")
            return out
        if text == "[":
            return Node("list", at, args=self._arguments("]"))
        if text == "{":
            return Node("map", at, args=self._entries())
        raise Unparsed(text)

    def _entries(self) -> list[Node]:
        out: list[Node] = []
        while not self._is("}"):
            out.append(self._expression())
            self._expect(":")
            out.append(self._expression())
            if not self._is(","):
                break
            self._take()
        self._expect("}")
        return out


def _balanced(name: str, terms: list[Node], places: list[int]) -> Node:
    """*terms* joined by the operator *name*, as flat a tree as can be, which is how cel-go joins them."""
    if not places:
        return terms[0]
    middle = len(places) // 2
    left = _balanced(name, terms[: middle + 1], places[:middle])
    right = _balanced(name, terms[middle + 1 :], places[middle + 1 :])
    return Node("call", places[middle], name, args=[left, right])


def _called(name: str, at: int, target: Node | None, args: list[Node]) -> Node:
    if target is not None and len(args) in _MACROS.get(name, ()) and args[0].kind == "ident":
        return Node("macro", at, name, target=target, args=args[1:], variable=args[0].name)
    if target is None and name == "has" and len(args) == 1 and args[0].kind == "select":
        return Node("macro", at, name, target=args[0])
    return Node("call", at, name, target=target, args=args)


class Unsigned(int):
    """A number that was written with a u."""


def _number(text: str) -> int | float:
    unsigned = text[-1] in "uU"
    digits = text.rstrip("uU")
    if digits.startswith("0x"):
        return Unsigned(int(digits, 16)) if unsigned else int(digits, 16)
    if any(one in digits for one in ".eE"):
        return float(digits)
    return Unsigned(int(digits)) if unsigned else int(digits)


def _string(text: str) -> str | bytes:
    prefix = text[: len(text) - len(text.lstrip("rRbB"))].lower()
    body = text[len(prefix) :]
    quotes = 3 if body[:3] in ("'''", '"""') else 1
    inner = body[quotes:-quotes]
    if "r" not in prefix:
        # Only its length counts, and an escape is one character.
        inner = re.sub(
            r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", _unescaped, inner, flags=re.DOTALL
        )
    return inner.encode() if "b" in prefix else inner


def _unescaped(match: re.Match[str]) -> str:
    simple = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
    return simple.get(match.group()[1], match.group()[1] if len(match.group()) == 2 else "x")
