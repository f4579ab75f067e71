"""
What is no HTTP, or hardly, is answered or hung up on: nothing is logged as an error of the server's, no answer is a 500, and whoever comes
next is served. Watches and websockets that go wrong in the middle leave nothing behind.
"""

from __future__ import annotations

import contextlib
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.conftest import SECONDS, Target
from tests.fuzz.strategies import Request, raw_requests

pytestmark = [
    # One server for all of them.
    pytest.mark.xdist_group("fuzz"),
    # The server is in another thread, and may draw random numbers while a request is made up here.
    pytest.mark.filterwarnings("ignore:Do not use the `random` module"),
]
quickly = settings(deadline=None, suppress_health_check=list(HealthCheck))


def send(target: Target, raw: bytes) -> bytes:
    """Send *raw*, say that there is no more, and read what comes until the server hangs up or a stream begins."""
    with socket.create_connection(target.address, timeout=SECONDS) as connection:
        out = b""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                out += part
                if b"chunked" in out:
                    break
        return out


def check(target: Target, raw: bytes) -> None:
    answer = send(target, raw)
    assert not answer or answer.startswith(b"HTTP/1."), (raw, answer)
    assert b"HTTP/1.1 500" not in answer, (raw, answer)
    healthy, body = target.ask(Request("GET", "/readyz"))
    assert (healthy.status, body) == (200, b"ok")
    assert target.complaints.taken() == [], raw


@given(raw=raw_requests())
@settings(quickly, max_examples=100)
def test_bytes_that_are_hardly_http_harm_nobody(target: Target, raw: bytes) -> None:
    check(target, raw)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@given(raw=raw_requests())
@settings(quickly, max_examples=20_000)
def test_very_many_bytes_that_are_hardly_http_harm_nobody(target: Target, raw: bytes) -> None:
    check(target, raw)


_UPGRADE = (
    b"GET /api/v1/namespaces/default/configmaps?watch=1%b HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@given(frames=st.binary(max_size=60))
@settings(quickly, max_examples=30)
def test_a_websocket_that_is_sent_nonsense_is_closed(target: Target, frames: bytes) -> None:
    with socket.create_connection(target.address, timeout=SECONDS) as connection:
        connection.sendall(_UPGRADE % b"&labelSelector=none" + frames)
        assert connection.recv(4096).startswith(b"HTTP/1.1 101 ")
    healthy, _ = target.ask(Request("GET", "/readyz"))
    assert healthy.status == 200
    assert target.complaints.taken() == [], frames
