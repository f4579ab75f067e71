r"""
The JSONPath that printer columns use.

`.a.b`, `['a.b']`, `.a\.b`, `[0]`, `[-1]`, `[*]`, `[?(@.type=='Ready')].status` (reference kubernetes-api.md 5). A path is compiled once into
steps; an expression that cannot be compiled finds nothing, as a column whose path leads nowhere prints blank.
"""

from __future__ import annotations

import itertools
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


def is_path(text: str) -> bool:
    """Whether *text* can be compiled."""
    try:
        _parse(text)
    except ValueError:
        return False
    return True


class JsonPath:
    """A compiled path. `fields` are its leading plain field names."""

    __slots__ = ("_steps", "fields", "first")

    def __init__(self, text: str) -> None:
        self.fields: tuple[str, ...] = ()
        self._steps: Sequence[Step] | None = None
        self.first: Callable[[Any], Any] = _nothing
        """Gives the first value found in a document, None if there is none."""
        try:
            parsed = _parse(text)
        except ValueError:
            return
        self._steps = [_field(step) if isinstance(step, str) else step for step in parsed]
        names = list(itertools.takewhile(lambda step: isinstance(step, str), parsed))
        self.fields = tuple(name for name in names if isinstance(name, str))
        rest = parsed[len(names) :]
        if not rest:
            self.first = _walk(self.fields)
        elif isinstance(rest[0], _Pick) and all(isinstance(step, str) for step in rest[1:]):
            self.first = _picked(
                _walk(self.fields), rest[0], _walk([step for step in rest[1:] if isinstance(step, str)])
            )
        else:
            self.first = lambda document: next(self.find(document), None)

    def find(self, document: Any) -> Iterator[Any]:
        """All values found, in document order."""
        if self._steps is None:
            return iter(())
        found = iter((document,))
        for step in self._steps:
            found = _flat(step, found)
        return found


def _nothing(_: Any) -> None:
    return None


def _walk(names: Sequence[str]) -> Callable[[Any], Any]:
    """Follows plain field names; None where there is nothing."""

    def walk(value: Any) -> Any:
        for name in names:
            if not isinstance(value, dict) or (value := value.get(name)) is None:
                return None
        return value

    return walk


def _picked(before: Callable[[Any], Any], pick: _Pick, after: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The commonest path with a filter, `.status.conditions[?(@.type=='Ready')].status`, without generators."""
    key, wanted = pick.key, pick.wanted

    def first(document: Any) -> Any:
        items = before(document)
        if isinstance(items, list):
            for item in items:
                if isinstance(item, dict) and item.get(key) == wanted and (found := after(item)) is not None:
                    return found
        return None

    return first


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


class _Pick:
    """The items of a list whose field *key* is *wanted*."""

    __slots__ = ("key", "wanted")

    def __init__(self, key: str, wanted: str) -> None:
        self.key = key
        self.wanted = wanted

    def __call__(self, value: Any) -> Iterator[Any]:
        items = value if isinstance(value, list) else [value]
        return (item for item in items if isinstance(item, dict) and item.get(self.key) == self.wanted)


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
        path, wanted = JsonPath(found["path"]), _literal(found["value"]) if compare else None
        if (
            found["op"] == "=="
            and isinstance(wanted, str)
            and found["path"] == f".{'.'.join(path.fields)}"
            and len(path.fields) == 1
        ):
            return _Pick(path.fields[0], wanted)
        return _filter(path, compare, wanted)
    raise ValueError(inner)


def _literal(text: str) -> Any:
    if text[:1] in ("'", '"') and text[-1:] == text[:1]:
        return text[1:-1]
    return json.loads(text)
