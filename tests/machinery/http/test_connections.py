"""Clients that speak no HTTP are answered 400 and are no error of the server's."""

from __future__ import annotations

import asyncio
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
