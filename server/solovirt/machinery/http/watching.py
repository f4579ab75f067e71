"""
Watch streams.

A watcher is a cursor into the store's events, a selection, and a way to write an event down. Lines are made once for each event and
form and kept with the event, so that all watchers of a kind share them; everything that waits for one watcher goes out in one write
(reference kubernetes-api.md 2.3, 2.5).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from solovirt.machinery import errors, revisions
from solovirt.machinery.errors import Expired, NotAcceptable, PlainError, StatusError, Timeout
from solovirt.machinery.http import failures, negotiation, streaming, tables
from solovirt.machinery.http.negotiation import Shape, Wanted
from solovirt.machinery.http.options import WatchOptions, first
from solovirt.machinery.store.protocol import Cursor, Event, EventType, Record

if TYPE_CHECKING:
    from solovirt.machinery.clock import Clock
    from solovirt.machinery.http.endpoints import Endpoint
    from solovirt.machinery.http.exchange import Exchange
    from solovirt.machinery.http.paths import ResourcePath
    from solovirt.machinery.http.server import ApiServer
    from solovirt.machinery.resource import GroupResource
    from solovirt.machinery.verbs.views import Renaming

BOOKMARK_SECONDS = 60.0
LAST_BOOKMARK_SECONDS = 2.0
"""How long before its end a watch gets a last bookmark."""
FUTURE_SECONDS = 3.0
"""How long a streaming list waits for a resourceVersion that is not there yet."""
_WRITE_BYTES = 1 << 20
_INITIAL_END = b'"annotations":{"k8s.io/initial-events-end":"true"},'

ADDED, MODIFIED, DELETED = b"ADDED", b"MODIFIED", b"DELETED"


class Watches:
    """All watches that are running, so that they can be counted and ended."""

    def __init__(self) -> None:
        self._cursors: dict[Cursor, GroupResource] = {}
        self.closed = False

    def __len__(self) -> int:
        return len(self._cursors)

    def add(self, cursor: Cursor, resource: GroupResource) -> None:
        self._cursors[cursor] = resource

    def end(self, resource: GroupResource) -> None:
        """End the watches of a resource that is not served any more, or not as it was."""
        for cursor in [cursor for cursor, of in self._cursors.items() if of == resource]:
            self.discard(cursor)

    def runs(self, cursor: Cursor) -> bool:
        """Whether nobody has ended the watch."""
        return cursor in self._cursors

    def discard(self, cursor: Cursor) -> None:
        self._cursors.pop(cursor, None)
        cursor.close()

    def close(self) -> None:
        """End every watch; each finishes its stream by itself."""
        self.closed = True
        for cursor in tuple(self._cursors):
            cursor.close()


class Selection:
    """Which objects a watcher sees."""

    __slots__ = ("_fields", "_labels", "_name", "_namespace", "everything")

    def __init__(self, endpoint: Endpoint, path: ResourcePath, options: WatchOptions) -> None:
        """Raises BadRequest for selectors that can't be read."""
        from solovirt.machinery import selectors

        self._namespace = path.namespace if endpoint.resource.namespaced else ""
        self._name = path.name
        self._labels = selectors.parse_labels(options.label_selector) if options.label_selector else None
        self._fields = (
            selectors.parse_fields(options.field_selector, endpoint.resource) if options.field_selector else None
        )
        self.everything = not (self._namespace or self._name or self._labels or self._fields)

    def includes(self, record: Record) -> bool:
        if self._namespace and record.key.namespace != self._namespace:
            return False
        if self._name and record.key.name != self._name:
            return False
        if self._labels is not None and not self._labels.matches(record.index.labels):
            return False
        return self._fields is None or self._fields.matches(record)


class Form:
    """How events are written down for one representation. *key* tells forms apart whose lines can't be shared."""

    key: Any = None

    def line(self, type_: bytes, record: Record) -> bytes:
        """One event, with its newline."""
        return b'{"type":"%b","object":%b}\n' % (type_, self.object(record))

    def object(self, record: Record) -> bytes:
        raise AssertionError

    def bookmark(self, revision: int, *, initial_end: bool) -> bytes:
        metadata = b'{%b"resourceVersion":"%d"}' % (_INITIAL_END if initial_end else b"", revision)
        return b'{"type":"BOOKMARK","object":%b}\n' % self.bookmark_object(metadata, revision)

    def bookmark_object(self, metadata: bytes, revision: int) -> bytes:
        raise AssertionError


class _Whole(Form):
    def __init__(self, endpoint: Endpoint) -> None:
        self.key = endpoint.api_version
        self._prefix = endpoint.prefix

    def line(self, type_: bytes, record: Record) -> bytes:
        return b'{"type":"%b","object":%b%b}\n' % (type_, self._prefix, record.body)

    def bookmark_object(self, metadata: bytes, revision: int) -> bytes:
        return b'%b"metadata":%b}' % (self._prefix, metadata)


class _Partial(Form):
    def __init__(self, wanted: Wanted) -> None:
        self.key = ("partial", wanted.meta_version)
        self._prefix = tables.partial_prefix(wanted.meta_version)

    def object(self, record: Record) -> bytes:
        return tables.partial(record, self._prefix)

    def bookmark_object(self, metadata: bytes, revision: int) -> bytes:
        return b'%b"metadata":%b}' % (self._prefix, metadata)


class _Table(Form):
    """One-row tables. Not shared: ages depend on when they are written, and the columns come with the first event of a stream only."""

    def __init__(self, endpoint: Endpoint, wanted: Wanted, include: tables.Include, clock: Clock) -> None:
        self._layout = endpoint.table
        self._row_form = tables.RowForm(endpoint.prefix, include, wanted.meta_version)
        self._version = wanted.meta_version
        self._clock = clock
        self._definitions = self._layout.definitions

    def _table(self, metadata: bytes, row: bytes) -> bytes:
        definitions, self._definitions = self._definitions, b"null"
        return tables.head(metadata, definitions, self._version) + row + tables.TAIL

    def object(self, record: Record) -> bytes:
        now = self._clock.now().timestamp()
        row = self._layout.row(record, self._row_form, now)
        return self._table(b'{"resourceVersion":"%d"}' % record.revision, row)

    def bookmark_object(self, metadata: bytes, revision: int) -> bytes:
        return self._table(b'{"resourceVersion":"%d"}' % revision, self._layout.bookmark_row(metadata, self._row_form))


class _Renamed(Form):
    """Events of a view, under its names."""

    def __init__(self, form: Form, renaming: Renaming) -> None:
        self.key = None if form.key is None else ("view", form.key)
        self._form = form
        self._renaming = renaming

    def line(self, type_: bytes, record: Record) -> bytes:
        return self._form.line(type_, self._renaming.shown(record))

    def bookmark_object(self, metadata: bytes, revision: int) -> bytes:
        return self._form.bookmark_object(metadata, revision)


class Writer:
    """Turns events into the lines that one watcher gets."""

    def __init__(self, selection: Selection, form: Form) -> None:
        self._selection = selection
        self.form = form
        # One tuple for each type, made beforehand: looking up a line that is there already is all that most watchers do.
        self._keys = {type_: (type_, form.key) for type_ in (ADDED, MODIFIED, DELETED)}

    def lines(self, events: Sequence[Event]) -> Iterator[bytes]:
        everything = self._selection.everything
        for event in events:
            record = event.record
            if everything:
                type_ = DELETED if event.type is EventType.REMOVE else ADDED if event.previous is None else MODIFIED
            else:
                selected = self._select(event)
                if selected is None:
                    continue
                type_, record = selected
            if self.form.key is None:
                yield self.form.line(type_, record)
                continue
            key = self._keys[type_]
            line = event.encoded.get(key)
            if line is None:
                line = event.encoded[key] = self.form.line(type_, record)
            yield line

    def _select(self, event: Event) -> tuple[bytes, Record] | None:
        """What the event is to this watcher: an object may enter or leave its selection. None if it is nothing."""
        previous = event.previous
        before = previous is not None and self._selection.includes(previous)
        if event.type is EventType.REMOVE:
            # What is deleted was what it was before, also if its last write changed the labels.
            seen = before if previous is not None else self._selection.includes(event.record)
            return (DELETED, event.record) if seen else None
        after = self._selection.includes(event.record)
        if after:
            return (MODIFIED if before else ADDED), event.record
        if before and previous is not None:
            return DELETED, tables.at_revision(previous, event.record.revision)
        return None


Send = Callable[[bytes], Awaitable[None]]


def _form(server: ApiServer, request: Exchange, endpoint: Endpoint) -> Form:
    form = _own_form(server, request, endpoint)
    return form if endpoint.renaming is None else _Renamed(form, endpoint.renaming)


def _own_form(server: ApiServer, request: Exchange, endpoint: Endpoint) -> Form:
    wanted = request.wanted()
    if wanted.media_type != negotiation.JSON:
        raise NotAcceptable(f"only the following media types are accepted: {negotiation.JSON};stream=watch")
    if wanted.shape is Shape.OBJECT:
        return _Whole(endpoint)
    if wanted.shape is Shape.TABLE:
        include = tables.Include.parse(first(request.query, "includeObject"))
        return _Table(endpoint, wanted, include, server.clock)
    return _Partial(wanted)


def _revision(text: str) -> int | None:
    """The resourceVersion to start after; None for none or 0, which both ask for the state first."""
    if text in ("", "0"):
        return None
    try:
        return revisions.parse(text)
    except revisions.NoRevision as error:
        quoted = errors.go_quoted(text)
        raise PlainError(f"resourceVersion: Invalid value: {quoted}: {error}") from None


class Start:
    """Where a stream begins: the objects that are sent first, and the cursor for what comes after them."""

    __slots__ = ("cursor", "records", "revision")

    def __init__(self, cursor: Cursor, records: Sequence[Record], revision: int) -> None:
        self.cursor = cursor
        self.records = records
        self.revision = revision


async def begin(
    server: ApiServer, endpoint: Endpoint, path: ResourcePath, selection: Selection, options: WatchOptions
) -> Start:
    """Find the start that *options* ask for (reference kubernetes-api.md 2.3). Raises Expired if it is gone."""
    resource = endpoint.stored.group_resource
    store = server.store
    since = _revision(options.resource_version)
    if since is not None and not options.send_initial_events:
        return Start(store.watch(resource, since), (), since)
    if since is not None and not await store.wait_for(since, FUTURE_SECONDS):
        raise Timeout.resource_version_too_large(since, store.now.revision)
    view = store.now if options.resource_version == "0" else await store.fresh()
    # From here to the cursor nothing waits, so no write can come between the state and the events.
    revision = view.revision
    records: Sequence[Record] = ()
    converts = not endpoint.resource.as_stored
    if options.send_initial_events is not False:
        namespace = path.namespace if endpoint.resource.namespaced else ""
        found = view.list(resource, namespace or None)
        everything = selection.everything or converts
        records = list(found) if everything else [one for one in found if selection.includes(one)]
    start = Start(store.watch(resource, revision), records, revision)
    if converts:
        try:
            shown = await server.api.converted(endpoint.target(path.namespace), records)
        except BaseException:
            start.cursor.close()
            raise
        start.records = [one for one in shown if selection.includes(one)]
    return start


async def watch(server: ApiServer, request: Exchange, endpoint: Endpoint, path: ResourcePath) -> web.StreamResponse:
    """Answer with a stream of events until the client leaves, its time is over or the server stops."""
    options = WatchOptions(request.query)
    form = _form(server, request, endpoint)
    selection = Selection(endpoint, path, options)
    start: Start | Expired
    try:
        start = await begin(server, endpoint, path, selection, options)
        server.watches.add(start.cursor, endpoint.resource.group_resource)
    except Expired as error:
        # Told in the stream, with status 200: that is where informers look for it.
        start = error
    try:
        return await _respond(request, _Stream(server, endpoint, options, Writer(selection, form), start))
    finally:
        if isinstance(start, Start):
            server.watches.discard(start.cursor)


class _Stream:
    """One running watch, whatever carries it."""

    def __init__(
        self,
        server: ApiServer,
        endpoint: Endpoint,
        options: WatchOptions,
        writer: Writer,
        start: Start | Expired,
    ) -> None:
        self._server = server
        self._endpoint = endpoint
        self._options = options
        self._writer = writer
        self._start = start
        self.ended = False

    def end(self) -> None:
        """Finish early: the client has said good-bye."""
        self.ended = True
        if isinstance(self._start, Start):
            self._start.cursor.close()

    async def run(self, send: Send) -> None:
        """Send lines until the end. *send* takes whole lines and waits until the client keeps up."""
        start = self._start
        if isinstance(start, Expired):
            await send(_error_line(start))
            return
        await self._initial(send, start)
        try:
            await self._live(send, start.cursor, start.revision)
        except StatusError as error:
            await send(_error_line(error))

    async def _initial(self, send: Send, start: Start) -> None:
        form = self._writer.form
        piece: list[bytes] = []
        size = 0
        for record in start.records:
            line = form.line(ADDED, record)
            piece.append(line)
            size += len(line)
            if size >= _WRITE_BYTES:
                await send(b"".join(piece))
                await asyncio.sleep(0)
                piece, size = [], 0
        if self._options.send_initial_events and self._options.allow_bookmarks:
            piece.append(form.bookmark(start.revision, initial_end=True))
        if piece:
            await send(b"".join(piece))
        # The state may be large; the stream may last an hour.
        start.records = ()

    async def _live(self, send: Send, cursor: Cursor, since: int) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self._options.timeout_seconds or random.uniform(1800, 3600))  # noqa: S311 - spreads load
        bookmark_at = _bookmark_after(loop.time(), deadline) if self._options.allow_bookmarks else deadline
        while not self.ended and not self._server.watches.closed:
            now = loop.time()
            # A closed cursor answers at once, and for ever.
            if now >= deadline or not self._server.watches.runs(cursor) or not self._served():
                return
            if now >= bookmark_at:
                if cursor.revision >= since:
                    await send(self._writer.form.bookmark(cursor.revision, initial_end=False))
                bookmark_at = _bookmark_after(now, deadline)
            events = await cursor.next(max(min(bookmark_at, deadline, now + BOOKMARK_SECONDS) - now, 0))
            if events and not self._endpoint.resource.as_stored:
                events = await self._converted(events)
            if events:
                await self._send(send, events)

    async def _send(self, send: Send, events: Sequence[Event]) -> None:
        piece: list[bytes] = []
        size = 0
        for line in self._writer.lines(events):
            piece.append(line)
            size += len(line)
            if size >= _WRITE_BYTES:
                await send(b"".join(piece))
                piece, size = [], 0
        if piece:
            await send(b"".join(piece))

    async def _converted(self, events: Sequence[Event]) -> Sequence[Event]:
        """*events* in the version that is watched. Raises StatusError, which ends the stream."""
        target = self._endpoint.target("")
        records = await self._server.api.converted(target, [event.record for event in events])
        known = [event.previous for event in events if event.previous is not None]
        previous = iter(await self._server.api.converted(target, known))
        shown = []
        for event, record in zip(events, records, strict=True):
            before = None if event.previous is None else next(previous)
            # Lines are shared by those who see what is stored; the form of today is not that of tomorrow.
            lines = event.encoded if record is event.record else {}
            shown.append(replace(event, record=record, previous=before, encoded=lines))
        return shown

    def _served(self) -> bool:
        """Whether the kind is still there: the watchers of a kind that goes are ended."""
        endpoint = self._endpoint
        found = self._server.endpoints.find(endpoint.resource.group, endpoint.version.name, endpoint.resource.plural)
        return found is not None


def _bookmark_after(now: float, deadline: float) -> float:
    """When the next bookmark is due: a minute on, but in time before the end; the deadline itself if that has passed."""
    last = deadline - LAST_BOOKMARK_SECONDS
    if now >= last:
        return deadline
    return min(now + BOOKMARK_SECONDS, last)


def _error_line(error: StatusError) -> bytes:
    return b'{"type":"ERROR","object":%b}\n' % failures.encode_status(error)


async def _respond(request: Exchange, stream: _Stream) -> web.StreamResponse:
    http = request.http
    if http.headers.get("Upgrade", "").lower() == "websocket":
        return await _websocket(http, stream)
    response = web.StreamResponse(headers=request.headers(negotiation.JSON))
    await response.prepare(http)

    async def send(data: bytes) -> None:
        await streaming.write(http, data)

    await stream.run(send)
    await response.write_eof()
    return response


async def _websocket(http: web.Request, stream: _Stream) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(http)

    async def send(data: bytes) -> None:
        for line in data.splitlines():
            await socket.send_str(line.decode())

    async def listen() -> None:
        # Nothing that a client says matters but that it leaves.
        async for _ in socket:
            pass
        stream.end()

    listener = asyncio.create_task(listen())
    try:
        await stream.run(send)
        await socket.close()
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
    return socket
