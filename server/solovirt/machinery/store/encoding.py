"""
The stored form of an object: JSON bytes with a slot for the resourceVersion.

An object is encoded once, when it is written. What is kept starts after `apiVersion` and `kind`, so that another API version, or a list item
without either, is another prefix before the same bytes; and it is split where the resourceVersion goes, because that is known only
at commit. Everything that is sent is these bytes, joined.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from solovirt.machinery.resource import Document

_METADATA = b'"metadata":'
_SLOT = b'"resourceVersion":"'
_MARK = b',"apiVersion":"'
# A group is a DNS subdomain, a version a label.
_LONGEST_MARK = len(_MARK) + 253 + 1 + 63 + 2


class Encoded(NamedTuple):
    """An object's JSON without `apiVersion` and `kind` and without its opening brace: *head*, resourceVersion, *tail*."""

    head: bytes
    tail: bytes

    def body(self, revision: int) -> bytes:
        """`"metadata":{…},"spec":…}` with the resourceVersion in place."""
        return b"%b%d%b" % (self.head, revision, self.tail)

    def unversioned(self) -> bytes:
        """The same without a resourceVersion: what a dry run shows of an object that is not stored."""
        head, tail = self.head[: -len(_SLOT)], self.tail[1:]
        if head.endswith(b","):
            head = head[:-1]
        else:
            tail = tail.removeprefix(b",")
        return head + tail


def encode(document: Document, *, marked: str = "") -> Encoded:
    """
    Encode *document*; its apiVersion, kind and metadata.resourceVersion are left out. Raises TypeError on what is not JSON.

    With *marked*, an apiVersion, the body says at its end that it is in this version.
    """
    metadata: dict[str, Any] = dict(document.get("metadata") or {})
    metadata.pop("resourceVersion", None)
    # Wire order is alphabetical, as a CustomResourceDefinition's objects have it: of metadata only uid comes after resourceVersion.
    after = {key: metadata.pop(key) for key in ("selfLink", "uid") if key in metadata}
    head = orjson.dumps(metadata, option=orjson.OPT_SORT_KEYS)[:-1]
    if len(head) > 1:
        head += b","
    tail = b'"'
    if after:
        tail += b"," + orjson.dumps(after)[1:-1]
    rest = {key: value for key, value in document.items() if key not in ("apiVersion", "kind", "metadata")}
    tail += b"}}" if not rest else b"}," + orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)[1:]
    if marked:
        tail = tail[:-1] + _MARK + marked.encode() + b'"}'
    return Encoded(_METADATA + head + _SLOT, tail)


def version_of(body: bytes) -> tuple[str, bytes]:
    """The apiVersion that *body* is marked with, `""` if it is not, and the body without the mark."""
    at = body.rfind(_MARK)
    # Only at the top level is a field followed by the last brace, and nothing of the client's is called apiVersion there.
    if at < 0 or body.find(b'"', at + len(_MARK)) != len(body) - 2 or not body.endswith(b'"}'):
        return "", body
    return body[at + len(_MARK) : -2].decode(), body[:at] + b"}"


def is_marked(body: bytes) -> bool:
    """Whether *body* says which version it is in."""
    return version_of(body[-_LONGEST_MARK:])[0] != ""


def prefix(api_version: str, kind: str) -> bytes:
    """What goes before `body` to make it a whole document of this apiVersion."""
    return b'{"apiVersion":' + orjson.dumps(api_version) + b',"kind":' + orjson.dumps(kind) + b","


BARE_PREFIX = b"{"
"""The prefix of a list item without apiVersion and kind."""
