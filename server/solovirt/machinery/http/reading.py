"""
get and list, and how a record becomes an answer.

The plain answer is the stored bytes behind a prefix. Lists are joined in slices and large ones streamed, so that no list holds the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aiohttp import web

from solovirt.machinery.errors import NotAcceptable
from solovirt.machinery.http import negotiation, options, streaming, tables
from solovirt.machinery.http.endpoints import list_meta
from solovirt.machinery.http.negotiation import Shape, Wanted

if TYPE_CHECKING:
    from solovirt.machinery.http.endpoints import Endpoint
    from solovirt.machinery.http.exchange import Exchange
    from solovirt.machinery.http.paths import ResourcePath
    from solovirt.machinery.http.server import ApiServer
    from solovirt.machinery.store.protocol import Record
    from solovirt.machinery.verbs.protocol import Listed

_AT_ONCE = 262144
"""Lists of fewer bytes are sent whole."""
_SLICE_BYTES = 1 << 20
_SLICE_ROWS = 250
_OFF_LOOP = 65536
"""Re-encoding (YAML, pretty) of more bytes than this is done in a thread."""


async def get(server: ApiServer, request: Exchange, endpoint: Endpoint, path: ResourcePath) -> web.StreamResponse:
    wanted = request.wanted()
    version = options.first(request.query, "resourceVersion") if request.query else ""
    target = endpoint.target(path.namespace, path.name, path.subresource)
    record = await endpoint.api(server.api).get(target, resource_version=version)
    return single(server, request, endpoint, record, wanted)


def single(
    server: ApiServer, request: Exchange, endpoint: Endpoint, record: Record, wanted: Wanted, status: int = 200
) -> web.StreamResponse:
    """Answer with one object in the form that is wanted."""
    if wanted.plain and not request.pretty:
        return request.answer(endpoint.prefix + record.body, status)
    return request.shaped(_shaped(server, request, endpoint, record, wanted), wanted, status)


def _shaped(server: ApiServer, request: Exchange, endpoint: Endpoint, record: Record, wanted: Wanted) -> bytes:
    if wanted.shape is Shape.OBJECT:
        return endpoint.prefix + record.body
    if wanted.shape is Shape.PARTIAL:
        return tables.partial(record, tables.partial_prefix(wanted.meta_version))
    if wanted.shape is Shape.PARTIAL_LIST:
        raise NotAcceptable(
            "you requested PartialObjectMetadataList, but the requested object is not a list "
            f"({_go_type(endpoint, endpoint.resource.kind)})"
        )
    include = tables.Include.parse(options.first(request.query, "includeObject"))
    now = server.clock.now().timestamp()
    row = endpoint.table.row(record, tables.RowForm(endpoint.prefix, include, wanted.meta_version), now)
    metadata = b'{"resourceVersion":"%d"}' % record.revision
    return tables.head(metadata, endpoint.table.definitions, wanted.meta_version) + row + tables.TAIL


def _go_type(endpoint: Endpoint, kind: str) -> str:
    if endpoint.built_in:
        return f"*{endpoint.version.name}.{kind}"
    return "*unstructured.UnstructuredList" if kind.endswith("List") else "*unstructured.Unstructured"


async def list_(server: ApiServer, request: Exchange, endpoint: Endpoint, path: ResourcePath) -> web.StreamResponse:
    wanted = request.wanted()
    selection = options.list_options(request.query)
    # Looked at before the list is made: a bad parameter must not cost one.
    include = (
        tables.Include.parse(options.first(request.query, "includeObject")) if wanted.shape is Shape.TABLE else None
    )
    if wanted.shape is Shape.PARTIAL:
        kind = _go_type(endpoint, endpoint.resource.list_kind_name)
        raise NotAcceptable(f"you requested PartialObjectMetadata, but the requested object is a list ({kind})")
    listed = await endpoint.api(server.api).list(endpoint.target(path.namespace), selection)
    if include is not None:
        form = tables.RowForm(endpoint.prefix, include, wanted.meta_version)
        pieces = _table(server, endpoint, listed, form, wanted)
    elif wanted.shape is Shape.PARTIAL_LIST:
        pieces = _partials(listed, wanted)
    else:
        metadata = endpoint.list_metadata(listed.revision, listed.continue_token, listed.remaining)
        return await objects(request, endpoint, listed.records, metadata, wanted)
    return await _answer(request, pieces, wanted, None if len(listed.records) > _SLICE_ROWS else 0)


async def objects(
    request: Exchange, endpoint: Endpoint, records: Sequence[Record], metadata: bytes, wanted: Wanted
) -> web.StreamResponse:
    """Answer with a list of whole objects."""
    prefix = endpoint.item_prefix
    head, tail = endpoint.envelope.head(metadata), endpoint.envelope.tail(metadata)
    length = len(head) + len(tail) + sum([len(record.body) for record in records])
    length += len(records) * (len(prefix) + 1) - bool(records)
    return await _answer(request, _joined(records, prefix, head, tail), wanted, length)


def _joined(records: Sequence[Record], prefix: bytes, head: bytes, tail: bytes) -> Iterator[bytes]:
    separator = b"," + prefix
    piece, size = [], 0
    lead = head + prefix if records else head
    for record in records:
        piece.append(record.body)
        size += len(record.body)
        if size >= _SLICE_BYTES:
            yield lead + separator.join(piece)
            piece, size, lead = [], 0, separator
    yield (lead + separator.join(piece) if piece else head if not records else b"") + tail


def _table(
    server: ApiServer, endpoint: Endpoint, listed: Listed, form: tables.RowForm, wanted: Wanted
) -> Iterator[bytes]:
    now = server.clock.now().timestamp()
    layout, records = endpoint.table, listed.records
    metadata = list_meta(listed.revision, listed.continue_token, listed.remaining)
    lead = tables.head(metadata, layout.definitions, wanted.meta_version)
    for start in range(0, len(records), _SLICE_ROWS):
        yield lead + b",".join([layout.row(record, form, now) for record in records[start : start + _SLICE_ROWS]])
        lead = b","
    yield tables.TAIL if records else lead + tables.TAIL


def _partials(listed: Listed, wanted: Wanted) -> Iterator[bytes]:
    records, metadata = listed.records, list_meta(listed.revision, listed.continue_token, listed.remaining)
    prefix = tables.partial_prefix(wanted.meta_version)
    lead = b'{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/%b","metadata":%b,"items":[' % (
        wanted.meta_version.encode(),
        metadata,
    )
    for start in range(0, len(records), _SLICE_ROWS):
        yield lead + b",".join([tables.partial(record, prefix) for record in records[start : start + _SLICE_ROWS]])
        lead = b","
    yield b"]}" if records else lead + b"]}"


async def _answer(request: Exchange, pieces: Iterator[bytes], wanted: Wanted, length: int | None) -> web.StreamResponse:
    """Send *pieces*: at once if they are few, re-encoded if that is wanted. *length* None stands for large and unknown."""
    if wanted.media_type != negotiation.JSON or wanted.pretty or request.pretty:
        body = b"".join(pieces)
        if len(body) > _OFF_LOOP:
            return await asyncio.to_thread(request.shaped, body, wanted)
        return request.shaped(body, wanted)
    if length is not None and length <= _AT_ONCE:
        return request.answer(b"".join(pieces))
    return await streaming.send(request, pieces, length)
