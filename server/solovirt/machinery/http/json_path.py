r"""
The JSONPath that printer columns use.

`.a.b`, `['a.b']`, `.a\.b`, `[0]`, `[-1]`, `[*]`, `[?(@.type=='Ready')].status` (reference kubernetes-api.md 5). A path is compiled once into
steps; an expression that cannot be compiled finds nothing, as a column whose path leads nowhere prints blank.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Step = Callable[[Any], Iterator[Any]]

_FIELD = re.compile(r"(?:\\.|[^.\[\]\\])+")
_INDEX = re.compile(r"-?[0-9]+")
_SLICE = re.compile(r"(-?[0-9]*):(-?[0-9]*)")
_FILTER = re.compile(r"\?\(\s*@(?P<path>[^=!<>]*?)\s*(?:(?P<op>==|!=|<=|>=|<|>)\s*(?P<value>.+?)\s*)?\)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class JsonPath:
    """A compiled path. `fields` are its leading plain field names; `simple` says that there is nothing after them."""

    __slots__ = ("_steps", "fields", "simple")

    def __init__(self, text: str) -> None:
        self.fields: tuple[str, ...] = ()
        self.simple = False
        try:
            parsed = _parse(text)
        except ValueError:
            self._steps: Sequence[Step] | None = None
            return
        names = []
        for step in parsed:
            if not isinstance(step, str):
                break
            names.append(step)
        self.fields = tuple(names)
        self.simple = len(names) == len(parsed)
        self._steps = [_field(step) if isinstance(step, str) else step for step in parsed]

    def first(self, document: Any) -> Any:
        """The first value found, None if there is none."""
        if self.simple:
            for name in self.fields:
                if not isinstance(document, dict) or (document := document.get(name)) is None:
                    return None
            return document
        return next(self.find(document), None)

    def find(self, document: Any) -> Iterator[Any]:
        """All values found, in document order."""
        if self._steps is None:
            return iter(())
        found = iter((document,))
        for step in self._steps:
            found = _flat(step, found)
        return found


def _flat(step: Step, values: Iterator[Any]) -> Iterator[Any]:
    for value in values:
        yield from step(value)


def _field(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _everything(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _index(at: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= at < len(value):
            yield value[at]

    return step


def _slice(start: str, stop: str) -> Step:
    bounds = slice(int(start) if start else None, int(stop) if stop else None)

    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from value[bounds]

    return step


def _filter(path: JsonPath, compare: Callable[[Any, Any], bool] | None, wanted: Any) -> Step:
    def matches(item: Any) -> bool:
        for found in path.find(item):
            if compare is None:
                return True
            try:
                return compare(found, wanted)
            except TypeError:
                return False
        return False

    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from (item for item in value if matches(item))
        elif isinstance(value, dict) and matches(value):
            yield value

    return step


def _parse(text: str) -> list[str | Step]:
    text = text.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    text = text.removeprefix("$")
    steps: list[str | Step] = []
    at = 0
    while at < len(text):
        if text[at] == "[":
            end = _closing(text, at)
            steps.append(_bracket(text[at + 1 : end].strip()))
            at = end + 1
            continue
        if text[at] == ".":
            at += 1
            if at == len(text) or text[at] == "[":
                continue
        elif at > 0:
            raise ValueError(text)
        if text[at] == "*":
            steps.append(_everything)
            at += 1
            continue
        found = _FIELD.match(text, at)
        if found is None:
            raise ValueError(text)
        steps.append(re.sub(r"\\(.)", r"\1", found.group()))
        at = found.end()
    return steps


def _closing(text: str, start: int) -> int:
    """Where the bracket that opens at *start* closes; quotes and nested brackets are skipped."""
    depth, quote = 0, ""
    for at in range(start, len(text)):
        char = text[at]
        if quote:
            if char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char == "[":
            depth += 1
        elif char == "]":
            depth -= 1
            if depth == 0:
                return at
    raise ValueError(text)


def _bracket(inner: str) -> str | Step:
    if inner == "*":
        return _everything
    if inner[:1] in ("'", '"') and inner[-1:] == inner[:1]:
        return inner[1:-1]
    if _INDEX.fullmatch(inner):
        return _index(int(inner))
    if found := _SLICE.fullmatch(inner):
        return _slice(*found.groups())
    if found := _FILTER.fullmatch(inner):
        compare = _COMPARE[found["op"]] if found["op"] else None
        return _filter(JsonPath(found["path"]), compare, _literal(found["value"]) if compare else None)
    raise ValueError(inner)


def _literal(text: str) -> Any:
    if text[:1] in ("'", '"') and text[-1:] == text[:1]:
        return text[1:-1]
    return json.loads(text)
