"""Clients that speak no HTTP are answered 400 and are no error of the server's."""

from __future__ import annotations

import asyncio
import gzip
import logging

import pytest


async def said(http, raw):
    reader, writer = await asyncio.open_connection(http.raw.server.host, http.raw.server.port)
    writer.write(raw)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


@pytest.mark.parametrize(
    "raw", [b"\x16\x03\x01\x02\x00", b"GET /version HTTP/1.1\r\nHost: x\r\nGET\r\n\r\n", b"\r\n\r\nG\r\n"]
)
async def test_what_is_no_http_is_a_bad_request_and_no_error_in_the_log(http, raw, caplog):
    answer = await said(http, raw)
    assert answer.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
    assert [one for one in caplog.records if one.levelno > logging.INFO] == []


async def test_who_looks_for_it_finds_one_line_of_each(http, caplog):
    caplog.set_level(logging.INFO)
    await said(http, b"GET /version HTTP/1.1\r\nHost: x\r\nGET\r\n\r\n")
    (record,) = [one for one in caplog.records if one.name == "solovirt.http.connections"]
    assert record.getMessage().startswith("Error handling request from 127.0.0.1 (Invalid header token:")
    assert (record.levelno, record.exc_info) == (logging.INFO, None)
    assert "\n" not in record.getMessage()


async def test_a_body_in_broken_chunks_is_a_bad_request(http, caplog):
    head = b"POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin-token\r\n"
    answer = await said(http, head + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\nzz\r\n')
    assert answer.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
    assert [one for one in caplog.records if one.levelno > logging.INFO] == []


async def test_a_body_is_what_it_is_whatever_its_encoding_is_said_to_be(client):
    """Kubernetes' API server does not decompress bodies, so that what is no JSON is told so."""
    body = b'{"metadata":{"name":"a"}}'
    maps = "/api/v1/namespaces/default/configmaps"
    assert (await client("POST", maps, body, headers={"Content-Encoding": "gzip"})).status == 201
    reply = await client("POST", maps, gzip.compress(body), headers={"Content-Encoding": "gzip"})
    assert reply.status == 400
    assert "couldn't get version/kind; json parse error: invalid character '\\x1f'" in reply.message


async def test_a_head_of_a_long_list_leaves_the_connection_as_it_was(client):
    """The list is long enough to be sent piece by piece."""
    maps = "/api/v1/namespaces/default/configmaps"
    for name in ("a", "b"):
        body = {"metadata": {"name": name}, "data": {"x": "x" * 200_000}}
        assert (await client("POST", maps, body)).status == 201
    host, port = client.raw.server.host, client.raw.server.port
    reader, writer = await asyncio.open_connection(host, port)
    credentials = b"Host: x\r\nAuthorization: Bearer admin-token\r\n\r\n"
    for accept in (b"", b"Accept-Encoding: gzip\r\n"):
        writer.write(b"HEAD %b HTTP/1.1\r\n%b%b" % (maps.encode(), accept, credentials))
        writer.write(b"GET /version HTTP/1.1\r\n%b" % credentials)
        heads = [await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5) for _ in range(2)]
        assert [head[:15] for head in heads] == [b"HTTP/1.1 200 OK"] * 2
        length = next(int(line[15:]) for line in heads[1].split(b"\r\n") if line.startswith(b"Content-Length:"))
        assert b'"gitVersion"' in await reader.readexactly(length)
    writer.close()
