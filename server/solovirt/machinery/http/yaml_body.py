"""
YAML bodies, read as an API server reads them: into JSON.

Built from libyaml's events rather than by PyYAML's constructors: dates stay strings, sexagesimal numbers are none, keys become strings, a key that
occurs twice is noted, and neither depth nor aliases can make a small body large.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from solovirt.machinery import errors

MAX_DEPTH = 250
MAX_NODES = 1_000_000

_NULL = re.compile(r"|~|null|Null|NULL")
_TRUE = re.compile(r"y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON")
_FALSE = re.compile(r"n|N|no|No|NO|false|False|FALSE|off|Off|OFF")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_PREFIXED = re.compile(r"([-+]?)0(?:b([01_]+)|o?([0-7_]+)|x([0-9a-fA-F_]+))")
_UNWRITABLE = re.compile(r"([-+]?)\.(inf|Inf|INF|nan|NaN|NAN)")
_GO_FLOATS = {"i": "{sign}Inf", "n": "NaN"}
# As many as a number of 64 bits has in base 2, with its sign.
_MOST_DIGITS = 65
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


class YamlError(ValueError):
    """The text is no YAML that could be JSON; the message is go-yaml's, as near as can be told."""


class Parsed:
    """A document and what was noted while it was read."""

    __slots__ = ("duplicates", "value")

    def __init__(self, value: Any, duplicates: list[str]) -> None:
        self.value = value
        self.duplicates = duplicates
        """What go-yaml says of each key that was set twice: `line 6: key "cpu" already set in map`."""


def parse(body: bytes) -> Parsed:
    """Read the first document of *body*. Raises YamlError."""
    reader = _Reader()
    try:
        text = body.decode()
        value = reader.document(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise YamlError(f"yaml: {line}{error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise YamlError(f"yaml: {error}") from None
    return Parsed(value, reader.duplicates)


def scalar(text: str) -> Any:
    """A plain scalar by its looks."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _DECIMAL.fullmatch(text):
        return _integer(text, text.replace("_", ""), 10)
    if found := _PREFIXED.fullmatch(text):
        sign, binary, octal, hexadecimal = found.groups()
        digits, base = (binary, 2) if binary else (octal, 8) if octal else (hexadecimal, 16)
        if digits := digits.replace("_", ""):
            return _integer(text, sign + digits, base)
    if _FLOAT.fullmatch(text):
        return _float(text)
    if match := _UNWRITABLE.fullmatch(text):
        raise YamlError(f"json: unsupported value: {_GO_FLOATS[match[2][:1].lower()].format(sign=match[1] or '+')}")
    return text


def _integer(text: str, digits: str, base: int) -> Any:
    """A number of 64 bits; one that needs more is a float, and the text itself where that is infinite, as in Go."""
    if len(digits) <= _MOST_DIGITS and -(1 << 63) <= (number := int(digits, base)) < 1 << 64:
        return number
    return _float(digits) if base == 10 else text


def _float(text: str) -> Any:
    number = float(text)
    return number if math.isfinite(number) else text


_TAGGED: dict[str, Callable[[str], Any]] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:int": scalar,
    "tag:yaml.org,2002:float": lambda text: _float(str(scalar(text))),
    "tag:yaml.org,2002:bool": scalar,
    "tag:yaml.org,2002:null": lambda _: None,
}


class _Reader:
    def __init__(self) -> None:
        self.duplicates: list[str] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = 0

    def document(self, events: Iterator[Any]) -> Any:
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                return self._value(events, next(events), 0)
        return None

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise YamlError("yaml: document contains excessive aliasing")

    def _value(self, events: Iterator[Any], event: Any, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise YamlError(f"yaml: unknown anchor '{event.anchor}' referenced")
            value, weight = self._anchors[event.anchor]
            self._count(weight)
            return value
        if depth > MAX_DEPTH:
            raise YamlError("yaml: exceeded max depth")
        before = self._nodes
        self._count(1)
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = []
            while not isinstance(item := next(events), yaml.SequenceEndEvent):
                value.append(self._value(events, item, depth + 1))
        else:
            value = self._mapping(events, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._nodes - before)
        return value

    def _mapping(self, events: Iterator[Any], depth: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        merged: list[Any] = []
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            plain = isinstance(event, yaml.ScalarEvent) and event.implicit[0]
            name = _key(self._value(events, event, depth + 1))
            start = next(events)
            item = self._value(events, start, depth + 1)
            if name == "<<" and plain:
                merged += item if isinstance(item, list) else [item]
                continue
            if name in value:
                line = start.start_mark.line + 1
                self.duplicates.append(f"line {line}: key {errors.go_value(name)} already set in map")
            value[name] = item
        for mapping in merged:
            if not isinstance(mapping, dict):
                raise YamlError("yaml: map merge requires map or sequence of maps as the value")
            for name, item in mapping.items():
                value.setdefault(name, item)
        return value

    def _scalar(self, event: Any) -> Any:
        if event.implicit[0]:
            return scalar(event.value)
        if event.tag in (None, "!") or event.implicit[1]:
            return event.value
        try:
            return _TAGGED[event.tag](event.value)
        except KeyError:
            return event.value
        except (TypeError, ValueError):
            raise YamlError(f"yaml: cannot decode {event.tag} `{event.value}`") from None


def _key(key: Any) -> str:
    """A mapping's key as JSON can hold it."""
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int | float):
        return str(key)
    if key is None:
        return "null"
    raise YamlError("yaml: invalid map key")
