"""Warning headers (reference kubernetes-api.md 9): what a client is told beside its answer."""

from __future__ import annotations

from collections.abc import Iterable

_TOTAL = 4096
_EACH = 256
_ESCAPES = {ord('"'): '\\"', ord("\\"): "\\\\"}


def encode(texts: Iterable[str]) -> list[str]:
    """
    Values of the Warning headers for *texts*, each once.

    Over 4096 characters in all, every text is cut to 256, and what is then still beyond the limit is dropped.
    """
    distinct = list(dict.fromkeys(_printable(text) for text in texts))
    if sum(len(text) for text in distinct) > _TOTAL:
        distinct = [text[:_EACH] for text in distinct]
    out, total = [], 0
    for text in distinct:
        total += len(text)
        if total > _TOTAL:
            break
        out.append(f'299 - "{text.translate(_ESCAPES)}"')
    return out


def _printable(text: str) -> str:
    # A control character would end the header; a client would see another one.
    return "".join(char if char.isprintable() else " " for char in text)
