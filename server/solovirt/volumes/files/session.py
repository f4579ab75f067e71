"""The HTTP client that everything is fetched with."""

from __future__ import annotations

import aiohttp

from solovirt.volumes.files.limits import Limits

_READ_BUFFER = 256 * 1024


def session(limits: Limits) -> aiohttp.ClientSession:
    """A new client session; the caller closes it."""
    return aiohttp.ClientSession(
        # The stream is kept as it is served: compressions are the image's, and its checksum is over them.
        auto_decompress=False,
        trust_env=True,
        read_bufsize=_READ_BUFFER,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_seconds, sock_read=limits.stall_seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
    )
