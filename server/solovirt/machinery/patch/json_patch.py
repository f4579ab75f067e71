"""
JSON patch (RFC 6902) as Kubernetes applies it.

Beyond the RFC, `replace` of a missing key of an object adds it, negative indices count from the end of an array, and `test` and `copy` take a
missing key for null (reference kubernetes-api.md 3.6). An operation that fails fails the whole patch, and its author is not told which one it was.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from solovirt.machinery.errors import BadRequest, Invalid, RequestEntityTooLarge, go_value
from solovirt.machinery.patch.values import copied, same
from solovirt.machinery.resource import Document

MAX_OPERATIONS = 10_000

_FIELDS = ("op", "path", "from", "value")
_GO_TYPES = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}
_INDEX = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. *path* and *source* (the wire's `from`) are None where the patch gives none."""

    op: str
    path: str | None = None
    source: str | None = None
    value: Any = None
    unknown: tuple[str, ...] = ()
    """Names of members that no operation has."""


def parse(operations: Any) -> list[Operation]:
    """Read a decoded JSON patch. Raises BadRequest if it is none, RequestEntityTooLarge beyond 10,000 operations."""
    if operations is None:
        return []
    if not isinstance(operations, list):
        raise BadRequest(_cannot_decode(f"{_GO_TYPES[type(operations)]} into Go value of type []handlers.jsonPatchOp"))
    if len(operations) > MAX_OPERATIONS:
        raise RequestEntityTooLarge(
            "Request entity too large: The allowed maximum operations in a JSON patch is "
            f"{MAX_OPERATIONS}, got {len(operations)}"
        )
    return [_operation(one) for one in operations]


def _operation(operation: Any) -> Operation:
    if operation is None:
        return Operation("")
    if not isinstance(operation, dict):
        raise BadRequest(_cannot_decode(f"{_GO_TYPES[type(operation)]} into Go value of type handlers.jsonPatchOp"))
    for field in ("op", "path", "from"):
        value = operation.get(field)
        if value is not None and not isinstance(value, str):
            kind = _GO_TYPES[type(value)]
            raise BadRequest(_cannot_decode(f"{kind} into Go struct field jsonPatchOp.{field} of type string"))
    return Operation(
        operation.get("op") or "",
        operation.get("path"),
        operation.get("from"),
        operation.get("value"),
        tuple(sorted(key for key in operation if key not in _FIELDS)),
    )


def _cannot_decode(what: str) -> str:
    return f"error decoding patch: json: cannot unmarshal {what}"


def unknown_fields(operations: Sequence[Operation]) -> list[str]:
    """What a strict decoder complains of: members that no operation has (`json patch unknown field "[0].zip"`)."""
    return [
        f"json patch unknown field {go_value(f'[{index}].{name}')}"
        for index, operation in enumerate(operations)
        for name in operation.unknown
    ]


class _Failed(Exception):
    """An operation cannot be done. The text is for people who debug; clients get the same answer for all."""


def apply(document: Document, operations: Sequence[Operation]) -> Document:
    """
    What *document* becomes by *operations*, as a new document.

    Raises Invalid, in the words that Kubernetes has for it, if any operation fails; nothing is applied then.
    """
    return apply_to(copied(document), operations)


def apply_to(document: Document, operations: Sequence[Operation]) -> Document:
    """The same for a caller whose own the document is: it is changed, also by a patch that fails."""
    out: Any = document
    try:
        for operation in operations:
            out = _applied(out, operation)
        if not isinstance(out, dict):
            raise _Failed("the root is no object any more")
    except _Failed as failed:
        raise Invalid("the server rejected our request due to an error in our request", details={}) from failed
    return out


def _applied(root: Any, operation: Operation) -> Any:
    path = _required(operation.path, "path")
    match operation.op:
        case "add":
            _add(root, path, copied(operation.value))
        case "remove":
            _remove(root, path)
        case "replace":
            if not path:
                if not isinstance(operation.value, dict | list):
                    raise _Failed("the root can only be replaced by an object or array")
                return copied(operation.value)
            _replace(root, path, copied(operation.value))
        case "move":
            source = _required(operation.source, "from")
            moved = _get(root, source)
            _remove(root, source)
            _add(root, path, moved)
        case "copy":
            found = _get(root, _required(operation.source, "from"))
            _add(root, path, None if found is _ABSENT else copied(found))
        case "test":
            found = _get(root, path) if path else root
            if not same(None if found is _ABSENT else found, operation.value):
                raise _Failed("a test failed")
        case _:
            raise _Failed(f"no operation is called {operation.op!r}")
    return root


def _required(pointer: str | None, name: str) -> str:
    if pointer is None:
        raise _Failed(f"{name} is missing")
    return pointer


def _unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _container(root: Any, pointer: str) -> tuple[Any, str]:
    """The object or array that *pointer*'s last part is in, and that part. What comes before the first slash does not count."""
    _, *parts = pointer.split("/")
    if not parts:
        raise _Failed("the pointer has no part")
    found = root
    for part in parts[:-1]:
        found = _member(found, _unescaped(part))
        if not isinstance(found, dict | list):
            raise _Failed(f"{pointer} leads nowhere")
    return found, _unescaped(parts[-1])


def _index(part: str, length: int) -> int:
    """Place in an array of *length*, counted from its end if it is negative."""
    if not _INDEX.fullmatch(part):
        raise _Failed(f"{part!r} is no index")
    index = int(part)
    if index < 0:
        index += length
    if not 0 <= index < length:
        raise _Failed(f"index {part} is out of bounds")
    return index


def _member(container: Any, part: str) -> Any:
    if isinstance(container, dict):
        return container.get(part, _ABSENT)
    return container[_index(part, len(container))]


def _get(root: Any, pointer: str) -> Any:
    return _member(*_container(root, pointer))


def _add(root: Any, pointer: str, value: Any) -> None:
    container, part = _container(root, pointer)
    if isinstance(container, dict):
        container[part] = value
    elif part == "-":
        container.append(value)
    else:
        container.insert(_index(part, len(container) + 1), value)


def _remove(root: Any, pointer: str) -> None:
    container, part = _container(root, pointer)
    if isinstance(container, list):
        del container[_index(part, len(container))]
    elif container.pop(part, _ABSENT) is _ABSENT:
        raise _Failed(f"{pointer} is not there")


def _replace(root: Any, pointer: str, value: Any) -> None:
    container, part = _container(root, pointer)
    if isinstance(container, dict):
        container[part] = value
    else:
        container[_index(part, len(container))] = value
