"""One request and what has become known of it, and the ways to answer it."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from solovirt.machinery.auth.identity import ANONYMOUS, User
from solovirt.machinery.http import negotiation, options, paths
from solovirt.machinery.http.negotiation import Wanted
from solovirt.machinery.uids import random_uid
from solovirt.machinery.verbs.protocol import Caller

if TYPE_CHECKING:
    from solovirt.machinery.http.options import Query, WriteOptions

GZIP_ABOVE = 131072
"""Answers of more bytes than this are compressed for clients that accept it."""
_AUDIT_ID = re.compile(r"[\x21-\x7e]{1,64}")


class Exchange:
    """A request on its way through the server."""

    __slots__ = (
        "accept",
        "http",
        "id",
        "known",
        "method",
        "path",
        "query",
        "raw_query",
        "resource",
        "subresource",
        "user",
        "verb",
        "warnings",
    )

    def __init__(self, http: web.Request) -> None:
        self.http = http
        self.method = http.method
        raw = http.raw_path
        if raw[:1] != "/":
            # The absolute form, which proxies send.
            raw = http.rel_url.raw_path_qs
        self.path, _, self.raw_query = raw.partition("?")
        self.query: Query = options.parse(self.raw_query) if self.raw_query else options.NOTHING
        headers = http.headers
        self.accept = headers.get("Accept", "")
        given = headers.get("Audit-Id")
        self.id = given if given and _AUDIT_ID.fullmatch(given) else random_uid()
        self.user: User = ANONYMOUS
        self.verb = ""
        self.resource: paths.ResourcePath | None = None
        self.known = False
        """The path leads to something that is served."""
        self.subresource = ""
        self.warnings: list[str] = []

    @property
    def watching(self) -> bool:
        return bool(self.query) and bool(options.flag(self.query, "watch"))

    @property
    def pretty(self) -> bool:
        return bool(self.query) and options.first(self.query, "pretty") in ("1", "true")

    def wanted(self, shapes: frozenset[negotiation.Shape] = negotiation.READ) -> Wanted:
        """The form that the client asks for. Raises NotAcceptable."""
        return negotiation.negotiate(self.accept, shapes)

    def caller(self, write: WriteOptions, duplicates: tuple[str, ...] = ()) -> Caller:
        manager = write.manager or options.default_manager(self.http.headers.get("User-Agent", ""))
        return Caller(
            self.user,
            manager,
            write.dry_run,
            write.field_validation,
            self.id,
            self.warnings,
            duplicate_fields=duplicates,
        )

    def headers(self, content_type: str) -> dict[str, str]:
        return {"Audit-Id": self.id, "Cache-Control": "no-cache, private", "Content-Type": content_type}

    def answer(self, body: bytes, status: int = 200, content_type: str = negotiation.JSON) -> web.Response:
        """Answer with these bytes."""
        return web.Response(body=body, status=status, headers=self.headers(content_type))

    def not_modified(self) -> web.Response:
        """
        Answer that the client has it already.

        Without a Content-Type: caches put the headers of this answer in the place of those they have, and a client that then reads JSON for
        the aggregated discovery's type takes it for another document.
        """
        response = self.answer(b"", 304)
        del response.headers["Content-Type"]
        return response

    def text(self, body: str | bytes, status: int = 200) -> web.Response:
        return self.answer(body.encode() if isinstance(body, str) else body, status, "text/plain; charset=utf-8")

    def document(self, document: Any, status: int = 200) -> web.Response:
        """Answer with a JSON document, in the form that the client accepts."""
        return self.shaped(orjson.dumps(document), self.wanted(negotiation.DATA), status)

    def shaped(self, body: bytes, wanted: Wanted, status: int = 200) -> web.Response:
        """Answer with JSON *body* in the encoding that is *wanted*."""
        if wanted.media_type == negotiation.YAML:
            return self.answer(to_yaml(body), status, negotiation.YAML)
        if wanted.pretty or self.pretty:
            body = indented(body)
        return self.answer(body, status)

    @property
    def accepts_gzip(self) -> bool:
        return "gzip" in self.http.headers.get("Accept-Encoding", "")


def indented(body: bytes) -> bytes:
    """A JSON body as `?pretty` shows it."""
    value = orjson.loads(body)
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        # A list of objects that are as deep as they may be is deeper than orjson writes.
        return json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n"


def to_yaml(body: bytes) -> bytes:
    """A JSON body as YAML, keys in alphabetical order as Go writes them."""
    import yaml

    try:
        text: str = yaml.dump(
            orjson.loads(body),
            Dumper=yaml.CSafeDumper,
            default_flow_style=False,
            sort_keys=True,
            allow_unicode=True,
            width=1 << 20,
        )
    except RecursionError:
        # JSON is YAML too, and indenting by some hundred levels would help nobody to read it.
        return body
    return text.encode()


def compress(body: bytes) -> bytes:
    """Gzip as an API server does it: at the fastest level."""
    return gzip.compress(body, 1, mtime=0)
