"""
GET of one object and of many (reference kubernetes-api.md 2.2, 2.3).

Lists are selected on what the index holds; nothing is parsed. A limited list is a walk over one state: the continue token names its
revision and the last key, and the store tells the state as it was then.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import bisect
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from solovirt.machinery import errors, revisions, selectors
from solovirt.machinery.errors import BadRequest, Expired, NotFound, Timeout
from solovirt.machinery.resource import ObjectKey
from solovirt.machinery.store.protocol import Record, Store, View
from solovirt.machinery.verbs.protocol import Listed, ListOptions, Target

# How long a read waits for a version that has not been reached yet.
_PATIENCE_SECONDS = 3.0
# How many objects are held against selectors until others have their turn: a few milliseconds' worth.
_BETWEEN_TURNS = 10_000
_TOKEN_VERSION = "meta.k8s.io/v1"  # noqa: S105 - a format's name
_EXPIRED_TOKEN = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue "  # noqa: S105
    "parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token "
    "results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and "
    "now may show up in the list."
)


async def get(store: Store, target: Target, resource_version: str) -> Record:
    """The object, at least as new as *resource_version* asks for."""
    view = await _view(store, resource_version)
    record = view.get(target.resource.group_resource, target.key)
    if record is None:
        raise NotFound.of(target.resource.group_resource, target.name)
    return record


async def list_objects(store: Store, target: Target, options: ListOptions) -> Listed:
    """The objects that *options* select, in key order."""
    labels = selectors.parse_labels(options.label_selector)
    fields = selectors.parse_fields(options.field_selector, target.resource)
    start: ObjectKey | None = None
    if options.continue_token:
        revision, start, records = await _continued(store, target, options)
    else:
        revision, records = await _state(store, target, options)
    # From "0" the answer comes whole, whatever the limit (reference kubernetes-api.md 2.3).
    limit = 0 if options.resource_version == "0" and not options.continue_token else options.limit
    selective = not labels.empty or not fields.empty
    if start is not None:
        records = records[bisect.bisect_right(records, start, key=lambda record: record.key) :]
    if selective:
        records = await _selected(records, labels, fields)
    if not limit or len(records) <= limit:
        return Listed(records, revision)
    page = records[:limit]
    token = _Token(revision, page[-1].key).encode(namespaced=bool(target.namespace))
    return Listed(page, revision, token, None if selective else len(records) - limit)


async def _selected(
    records: Sequence[Record], labels: selectors.LabelSelector, fields: selectors.FieldSelector
) -> Sequence[Record]:
    """Those of *records*, a state that does not change any more, which are selected; the event loop gets its turns meanwhile."""
    selected: list[Record] = []
    for start in range(0, len(records), _BETWEEN_TURNS):
        if start:
            await asyncio.sleep(0)
        some = records[start : start + _BETWEEN_TURNS]
        selected += [record for record in some if labels.matches(record.index.labels) and fields.matches(record)]
    return selected


async def _view(store: Store, resource_version: str) -> View:
    """The present state, as new as asked for. Raises BadRequest, Timeout."""
    if not resource_version:
        return await store.fresh()
    if resource_version != "0":
        await _reach(store, parse_version(resource_version))
    return store.now


def parse_version(text: str) -> int:
    """Read a resourceVersion. Raises BadRequest with Go's text."""
    try:
        return revisions.parse(text)
    except revisions.NoRevision as error:
        raise BadRequest(
            f"invalid resource version: resourceVersion: Invalid value: {errors.go_quoted(text)}: {error}"
        ) from None


async def _reach(store: Store, revision: int) -> None:
    if store.now.revision >= revision:
        return
    await store.fresh()
    if not await store.wait_for(revision, _PATIENCE_SECONDS):
        raise Timeout.resource_version_too_large(revision, store.now.revision)


async def _state(store: Store, target: Target, options: ListOptions) -> tuple[int, Sequence[Record]]:
    """The state to list, by resourceVersion and resourceVersionMatch."""
    asked, match = options.resource_version, options.resource_version_match
    resource = target.resource.group_resource
    exact = match == "Exact" or (not match and options.limit > 0 and asked not in ("", "0"))
    if exact:
        revision = parse_version(asked)
        await _reach(store, revision)
        return revision, _within(await store.at(resource, revision), target)
    view = await _view(store, asked)
    return view.revision, list(view.list(resource, target.namespace or None))


async def _continued(store: Store, target: Target, options: ListOptions) -> tuple[int, ObjectKey, Sequence[Record]]:
    if options.resource_version not in ("", "0"):
        raise BadRequest("specifying resource version is not allowed when using continue")
    token = _Token.decode(options.continue_token, target)
    resource = target.resource.group_resource
    if token.revision < 0:
        view = await store.fresh()
        return view.revision, token.start, list(view.list(resource, target.namespace or None))
    try:
        await _reach(store, token.revision)
        records = await store.at(resource, token.revision)
    except Expired as error:
        # -1 says: go on from here with the state of then, consistent or not.
        fresh = _Token(-1, token.start).encode(namespaced=bool(target.namespace))
        raise Expired(_EXPIRED_TOKEN, continue_token=fresh) from error
    return token.revision, token.start, _within(records, target)


def _within(records: Sequence[Record], target: Target) -> Sequence[Record]:
    if not target.namespace:
        return records
    first = bisect.bisect_left(records, ObjectKey(target.namespace, ""), key=lambda record: record.key)
    last = bisect.bisect_left(records, ObjectKey(target.namespace + "\0", ""), key=lambda record: record.key)
    return records[first:last]


@dataclass(frozen=True, slots=True)
class _Token:
    """Where a limited list goes on: after *start*, in the state of *revision*."""

    revision: int
    start: ObjectKey

    def encode(self, *, namespaced: bool) -> str:
        """The token of a list within one namespace (*namespaced*) or of everything. Upstream's form: the key is relative to the list's."""
        parts = [self.start.name] if namespaced or not self.start.namespace else list(self.start)
        text = json.dumps(
            {"v": _TOKEN_VERSION, "rv": self.revision, "start": f"{'/'.join(parts)}\0"}, separators=(",", ":")
        )
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str, target: Target) -> _Token:
        """Raises BadRequest."""
        try:
            raw: Any = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (binascii.Error, ValueError) as error:
            raise BadRequest(f"invalid continue token: continue key is not valid: {error}") from error
        if not isinstance(raw, dict) or raw.get("v") != _TOKEN_VERSION:
            version = raw.get("v") if isinstance(raw, dict) else raw
            raise BadRequest(
                f"invalid continue token: continue key is not valid: server does not recognize this encoded version {version!r}"
            )
        revision, start = raw.get("rv"), raw.get("start")
        if (
            not isinstance(revision, int)
            or isinstance(revision, bool)
            or not isinstance(start, str)
            or not start
            or not revision
        ):
            raise BadRequest(
                "invalid continue token: continue key is not valid: incorrect encoded start resourceVersion"
            )
        key = start.lstrip("/").rstrip("\0")
        namespace, slash, name = key.partition("/")
        if not slash:
            namespace, name = target.namespace, key
        return cls(revision, ObjectKey(namespace, name))
