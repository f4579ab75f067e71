"""
Regular expressions of schemas, with the meaning they have in Go.

Go's regexp and Rust's regex are both RE2's grandchildren: same syntax, linear time, `$` means the end of the text. So patterns run on the
engine inside pydantic-core; only the Perl classes differ, which are Unicode in Rust and ASCII in Go.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from pydantic_core import CoreConfig, SchemaError, SchemaValidator, core_schema

_ASCII = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}


def translate(pattern: str) -> str:
    r"""Rewrite `\d`, `\w`, `\s` and their opposites to the ASCII classes that they are in Go: `\d+` becomes `[0-9]+`."""
    if "\\" not in pattern:
        return pattern
    out: list[str] = []
    in_class = False
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if character == "\\" and position + 1 < len(pattern):
            escaped = pattern[position + 1]
            position += 2
            if (members := _ASCII.get(escaped.lower())) is None:
                out.append("\\" + escaped)
            elif escaped.islower():
                out.append(members if in_class else f"[{members}]")
            else:
                out.append(f"[^{members}]")
            continue
        if character == "[" and not in_class:
            in_class = True
            # A bracket right after the opening (or its negation) is a member, not the end.
            for lead in ("[^]", "[]"):
                if pattern.startswith(lead, position):
                    out.append(lead[:-1] + "\\]")
                    position += len(lead)
                    break
            else:
                out.append(character)
                position += 1
            continue
        if character == "]":
            in_class = False
        out.append(character)
        position += 1
    return "".join(out)


def string_schema(
    pattern: str, *, min_length: int | None = None, max_length: int | None = None
) -> core_schema.StringSchema:
    """A strict string that *pattern* is found in. Raises ValueError if no engine understands it."""
    translated = translate(pattern)
    # Rust limits the compiled size; Python's engine takes what is left.
    engines: tuple[tuple[Literal["rust-regex", "python-re"], str], ...] = (
        ("rust-regex", translated),
        ("python-re", translated.replace(r"\z", r"\Z")),
    )
    for engine, text in engines:
        schema = core_schema.str_schema(
            strict=True, pattern=text, regex_engine=engine, min_length=min_length, max_length=max_length
        )
        try:
            SchemaValidator(schema)
        except SchemaError:
            continue
        return schema
    raise ValueError(f"not a regular expression: {pattern}")


@lru_cache(maxsize=1024)
def _validator(pattern: str) -> SchemaValidator:
    return SchemaValidator(string_schema(pattern), CoreConfig(strict=True))


def matches(pattern: str, value: str) -> bool:
    """Whether *pattern* is found in *value*. Raises ValueError if it is not a regular expression."""
    return _validator(pattern).isinstance_python(value)
