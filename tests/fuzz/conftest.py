"""A control plane to be asked nonsense, one connection to it, and what it logs meanwhile."""

from __future__ import annotations

import http.client
import json
import logging
import time
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


_RULED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1, "default": 2},
                "names": {
                    "type": "array",
                    "maxItems": 5,
                    "x-kubernetes-list-type": "set",
                    "items": {"type": "string", "maxLength": 20},
                    "x-kubernetes-validations": [
                        {"rule": "self.all(x, x != 'bad')", "messageExpression": "'no ' + self[0]"}
                    ],
                },
                "parts": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["key"],
                    "items": {
                        "type": "object",
                        "required": ["key"],
                        "properties": {"key": {"type": "string"}, "value": {"x-kubernetes-int-or-string": True}},
                    },
                },
                "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "inner": {
                    "type": "object",
                    "x-kubernetes-embedded-resource": True,
                    "x-kubernetes-preserve-unknown-fields": True,
                },
                "one": {"type": "object", "properties": {"a": {"type": "string"}}, "oneOf": [{"required": ["a"]}]},
                "none": {"type": "string", "nullable": True, "format": "date-time"},
            },
            "x-kubernetes-validations": [
                {"rule": "self.size >= oldSelf.size", "reason": "FieldValueForbidden", "fieldPath": ".size"},
                {"rule": "!has(self.none) || self.none == null || self.size > 0"},
            ],
        },
        "status": {"type": "object", "properties": {"size": {"type": "integer"}, "selector": {"type": "string"}}},
    },
}
_SUBRESOURCES = {
    "status": {},
    "scale": {
        "specReplicasPath": ".spec.size",
        "statusReplicasPath": ".status.size",
        "labelSelectorPath": ".status.selector",
    },
}


def definition(plural: str, kind: str) -> dict[str, Any]:
    """A user's kind, of two versions that differ, with everything that a definition can have."""
    common = {"served": True, "schema": {"openAPIV3Schema": _RULED}}
    columns = [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}]
    versions = [
        {"name": "v1", "storage": True, "subresources": _SUBRESOURCES, "additionalPrinterColumns": columns, **common},
        {"name": "v2", "storage": False, "selectableFields": [{"jsonPath": ".spec.size"}], **common},
    ]
    names = {"plural": plural, "kind": kind, "shortNames": ["fz"], "categories": ["all"]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.fuzz.example.com"},
        "spec": {"group": "fuzz.example.com", "scope": "Namespaced", "names": names, "versions": versions},
    }


def _document(kind: Kind, served: Served) -> dict[str, Any]:
    if kind.plural == "customresourcedefinitions":
        # Its name is wrong, and the rest of it is looked at all the same.
        made = definition("others", "Other")
        made["metadata"]["name"] = "fuzzed"
        return made
    if kind.group == "fuzz.example.com":
        parts = [{"key": "a", "value": 1}, {"key": "b", "value": "x"}]
        spec = {"size": 1, "names": ["a", "b"], "parts": parts, "any": {"x": {"y": 1}}, "one": {"a": "b"}}
        return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "fuzzed"}, "spec": spec}
    return documents.document(kind, served, "fuzzed")


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


def _define(connection: http.client.HTTPConnection) -> None:
    """Have a user's kind served, too."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    connection.request("POST", path, json.dumps(definition("widgets", "Widget")))
    answer = connection.getresponse()
    assert answer.status == 201, answer.read()
    answer.read()
    name = f"{path}/widgets.fuzz.example.com"
    while not any(one["type"] == "Established" for one in _json(connection, name)["status"].get("conditions") or ()):
        time.sleep(0.01)


@pytest.fixture(scope="session")
def target() -> Iterator[Target]:
    complaints = Complaints()
    root = logging.getLogger()
    root.addHandler(complaints)
    try:
        with BackgroundControlPlane(insecure_http=True) as control_plane:
            host, _, port = control_plane.url.removeprefix("http://").partition(":")
            connection = http.client.HTTPConnection(host, int(port), timeout=SECONDS)
            _define(connection)
            index = _json(connection, "/openapi/v3")["paths"]
            served = Served({path: _json(connection, one["serverRelativeURL"]) for path, one in index.items()})
            subjects = [
                Subject(kind, served.of(kind), _document(kind, served))
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
