"""A control plane to be asked nonsense, one connection to it, and what it logs meanwhile."""

from __future__ import annotations

import http.client
import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from solovirt.testing import BackgroundControlPlane
from tests import documents
from tests.fuzz.strategies import Request, Subject
from tests.served import Kind, Served, listed

SECONDS = 20.0
"""A request that takes longer hangs."""


class Complaints(logging.Handler):
    """What is logged as an error: a request or a control loop that failed for a reason nobody foresaw."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def taken(self) -> list[str]:
        """What has come since this was asked before."""
        out, self.texts = self.texts, []
        return out

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


class Target:
    """The server under test."""

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        complaints: Complaints,
        served: Served,
        subjects: Sequence[Subject],
    ) -> None:
        self.connection = connection
        self.complaints = complaints
        self.served = served
        self.subjects = subjects

    @property
    def address(self) -> tuple[str, int]:
        return self.connection.host, self.connection.port

    def ask(self, request: Request) -> tuple[http.client.HTTPResponse, bytes]:
        """Send *request* and read the answer; of a watch only its head, as nobody knows when it ends."""
        self.connection.request(request.method, request.path, request.body, request.headers)
        answer = self.connection.getresponse()
        if answer.status == 200 and answer.chunked and request.method == "GET":
            self.connection.close()
            return answer, b""
        body = answer.read()
        if request.method == "DELETE" and answer.status < 300:
            self.restore(request.path)
        return answer, body

    def restore(self, path: str) -> None:
        """Create anew what was deleted below *path*, or there would soon be nothing left to ask about."""
        for subject in self.subjects:
            if path.startswith(subject.kind.collection):
                self.create(subject)

    def create(self, subject: Subject) -> int:
        self.connection.request("POST", subject.kind.collection, json.dumps(subject.document))
        answer = self.connection.getresponse()
        answer.read()
        return answer.status


def _json(connection: http.client.HTTPConnection, path: str) -> Any:
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (path, body)
    return json.loads(body)


def _kinds(connection: http.client.HTTPConnection) -> Iterator[Kind]:
    groups = _json(connection, "/apis")["groups"]
    for group, version in [("", "v1"), *((one["name"], two["version"]) for one in groups for two in one["versions"])]:
        path = f"/apis/{group}/{version}" if group else f"/api/{version}"
        for kind in listed(group, version, _json(connection, path)["resources"]):
            if "create" in kind.verbs:
                yield kind


@pytest.fixture(scope="session")
def target() -> Iterator[Target]:
    complaints = Complaints()
    root = logging.getLogger()
    root.addHandler(complaints)
    try:
        with BackgroundControlPlane(insecure_http=True) as control_plane:
            host, _, port = control_plane.url.removeprefix("http://").partition(":")
            connection = http.client.HTTPConnection(host, int(port), timeout=SECONDS)
            index = _json(connection, "/openapi/v3")["paths"]
            served = Served({path: _json(connection, one["serverRelativeURL"]) for path, one in index.items()})
            subjects = [
                Subject(kind, served.of(kind), documents.document(kind, served, "fuzzed"))
                for kind in _kinds(connection)
                if served.has(kind)
            ]
            made = Target(connection, complaints, served, subjects)
            for subject in subjects:
                made.create(subject)
            yield made
            connection.close()
    finally:
        root.removeHandler(complaints)
