"""
Tables: what `kubectl get` prints (reference kubernetes-api.md 5).

A layout is compiled once for each version of a resource. Rows of a kind whose columns are JSONPaths are made without parsing the whole
object: metadata is cut out of the stored bytes as it stands, and the rest is parsed only if a column looks at it. Kinds with computed cells
get the parsed document.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from typing import Any

import orjson

from solovirt.machinery.errors import BadRequest, go_value
from solovirt.machinery.http.ages import age
from solovirt.machinery.http.json_path import JsonPath
from solovirt.machinery.resource import CellContext, Column, Document, Resource, Version
from solovirt.machinery.store.protocol import Record

_CREATED = ("metadata", "creationTimestamp")
_CREATED_KEY = b'"creationTimestamp":"'
_NAME_DESCRIPTION = "What the object is called, unique among its kind within the namespace."
_AGE_DESCRIPTION = "How long ago the object was created."


class Include(Enum):
    """How much of the object goes with its row."""

    NONE = "None"
    METADATA = "Metadata"
    OBJECT = "Object"

    @classmethod
    def parse(cls, text: str) -> Include:
        """Read `includeObject`. Raises BadRequest."""
        if not text:
            return cls.METADATA
        try:
            return cls(text)
        except ValueError:
            raise BadRequest(
                "Unable to convert to Table as requested: includeObject: Invalid value: "
                f"{go_value(text)}: must be 'Metadata', 'Object', 'None', or empty"
            ) from None


def metadata_end(record: Record) -> int:
    """
    Where the metadata of a stored body ends (after its closing brace).

    `encoding.encode` puts resourceVersion, selfLink and uid last, in this order, so the end is found by searching for the values known
    of the record. Should the text occur twice (an annotation named so), the whole is parsed and measured instead.
    """
    body = record.body
    pattern = b'"resourceVersion":"%d","uid":"%b"}' % (record.revision, record.index.uid.encode())
    at = body.find(pattern)
    if at < 0 or body.find(pattern, at + 1) >= 0:
        metadata = orjson.loads(b"{" + body)["metadata"]
        # The bytes were made by orjson from this very tree, keys in this order: encoding it again gives the same length.
        return len(b'"metadata":') + len(orjson.dumps(metadata))
    return at + len(pattern)


def at_revision(record: Record, revision: int) -> Record:
    """The same content under another resourceVersion: an object that leaves a selection is deleted there with the version of the change."""
    end = metadata_end(record)
    slot = b'"resourceVersion":"%d"' % record.revision
    at = record.body.rfind(slot, 0, end)
    body = record.body[:at] + b'"resourceVersion":"%d"' % revision + record.body[at + len(slot) :]
    return replace(record, revision=revision, body=body)


def partial(record: Record, prefix: bytes) -> bytes:
    """The object's PartialObjectMetadata; *prefix* opens it, with kind and apiVersion."""
    return prefix + record.body[: metadata_end(record)] + b"}"


def partial_prefix(meta_version: str) -> bytes:
    return b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/%b",' % meta_version.encode()


class RowForm:
    """How rows are to look: *prefix* makes a whole document of a record's body, *meta_version* is that of partial objects."""

    __slots__ = ("include", "partial", "prefix")

    def __init__(self, prefix: bytes, include: Include, meta_version: str) -> None:
        self.prefix = prefix
        self.include = include
        self.partial = partial_prefix(meta_version)


Cell = Callable[[Document, float], Any]


def _printed(value: Any) -> str:
    """A value as Go's JSONPath printer writes it: scalars as text, the rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:g}"
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _typed(kind: str) -> Callable[[Any, float], Any]:
    """How a value becomes a cell of a column of this type."""
    if kind == "date":
        return age
    if kind == "integer":
        return lambda value, _: int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if kind == "number":
        return lambda value, _: value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if kind == "boolean":
        return lambda value, _: value if isinstance(value, bool) else None
    return lambda value, _: _printed(value)


class _PathColumn:
    """A column given by a JSONPath."""

    __slots__ = ("_convert", "_first", "path")

    def __init__(self, path: JsonPath, kind: str) -> None:
        self.path = path
        self._first = path.first
        self._convert = _typed(kind)

    def __call__(self, document: Document, now: float) -> Any:
        value = self._first(document)
        return None if value is None else self._convert(value, now)


def _computed(cell: Callable[[Document, CellContext], Any]) -> Cell:
    return lambda document, now: cell(document, CellContext(now))


class Layout:
    """The columns of one version of a resource."""

    def __init__(self, resource: Resource, version: Version) -> None:
        columns = list(version.columns)
        if not columns:
            columns = [Column("Age", "date", json_path=".metadata.creationTimestamp", description=_AGE_DESCRIPTION)]
        if not any(column.name == "Name" for column in columns):
            columns.insert(0, Column("Name", json_path=".metadata.name", format="name", description=_NAME_DESCRIPTION))
        self.definitions = orjson.dumps([_definition(column) for column in columns])
        self._api_version = resource.api_version(version.name)
        self._kind = resource.kind
        self._object_prefix = b""
        self._width = len(columns)
        self._conditions = resource.row_conditions
        cells: list[Cell] = [
            _computed(column.cell)
            if column.cell is not None
            else _PathColumn(JsonPath(column.json_path or ""), column.type)
            for column in columns
        ]
        self._cells = cells
        paths = [cell.path.fields for cell in cells if isinstance(cell, _PathColumn)]
        # What the fast way can give a cell without parsing metadata: the name and the creation time.
        self._sliced = (
            len(paths) == len(cells)
            and resource.row_conditions is None
            and all(path[:1] and (path[0] != "metadata" or path in (("metadata", "name"), _CREATED)) for path in paths)
        )
        self._sections = frozenset(path[0] for path in paths if path and path[0] != "metadata")

    def row(self, record: Record, form: RowForm, now: float) -> bytes:
        """One encoded row; *now* is in seconds since the epoch."""
        body = record.body
        end = metadata_end(record) if self._sliced or form.include is Include.METADATA else 0
        document = (self._sliced_document(record, end) if self._sliced else None) or record.document(
            self._api_version, self._kind
        )
        cells = orjson.dumps([cell(document, now) for cell in self._cells])
        if self._conditions is not None and (conditions := self._conditions(document)):
            cells += b',"conditions":' + orjson.dumps(conditions)
        if form.include is Include.METADATA:
            return b'{"cells":%b,"object":%b%b}}' % (cells, form.partial, body[:end])
        if form.include is Include.OBJECT:
            return b'{"cells":%b,"object":%b%b}' % (cells, form.prefix, body)
        return b'{"cells":%b,"object":null}' % cells

    def _sliced_document(self, record: Record, end: int) -> Document | None:
        """As much of the document as the columns look at; None if the creation time can't be told from an annotation's name."""
        body = record.body
        at = body.find(_CREATED_KEY, 0, end)
        if at >= 0 and body.find(_CREATED_KEY, at + 1, end) >= 0:
            return None
        metadata: Document = {"name": record.key.name}
        if at >= 0:
            at += len(_CREATED_KEY)
            metadata["creationTimestamp"] = body[at : body.index(b'"', at)].decode()
        document: Document = {}
        if self._sections and body[end : end + 1] == b",":
            document = (
                _section(body, end, *self._sections)
                if len(self._sections) == 1
                else orjson.loads(b"{" + body[end + 1 :])
            )
        document["metadata"] = metadata
        return document

    def bookmark_row(self, metadata: bytes, form: RowForm) -> bytes:
        """The row of a bookmark: no cells, an object with *metadata*."""
        cells = orjson.dumps([None] * self._width)
        return b'{"cells":%b,"object":%b"metadata":%b}}' % (cells, form.partial, metadata)


def _section(body: bytes, end: int, name: str) -> Document:
    """
    The top-level field *name* of a stored body whose metadata ends at *end*; fields after it may come along.

    Usually it is `status`, a small part of the whole. What follows its last occurrence is a whole object, if and only if that is at the top
    level: deeper down there are more closing braces after it than the one that is opened here, and inside a string its quotes would be escaped.
    """
    at = body.rfind(b',"%b":{' % name.encode(), end)
    if at >= 0:
        try:
            found: Document = orjson.loads(b"{" + body[at + 1 :])
        except orjson.JSONDecodeError:
            pass
        else:
            return found
    rest: Document = orjson.loads(b"{" + body[end + 1 :])
    return rest


def _definition(column: Column) -> Document:
    description = column.description
    if not description and column.json_path:
        description = f"Custom resource definition column (in JSONPath format): {column.json_path}"
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": description,
        "priority": column.priority,
    }


def head(metadata: bytes, definitions: bytes, meta_version: str) -> bytes:
    """A Table up to its first row."""
    return b'{"kind":"Table","apiVersion":"meta.k8s.io/%b","metadata":%b,"columnDefinitions":%b,"rows":[' % (
        meta_version.encode(),
        metadata,
        definitions,
    )


TAIL = b"]}"
