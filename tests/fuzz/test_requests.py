"""
Whatever is sent, the answer is HTTP with a Status that says what is wrong: no dropped connection, nothing that hangs, no 500 but those that a real
API server gives too (reference kubernetes-api.md: 2.3 unparsable resourceVersion, 3.2 resourceVersion on create, 3.5 apply's typed
errors, 3.6 strategic merge directives).
"""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.conftest import Target
from tests.fuzz.strategies import Request, requests

# What the reference lets a real API server answer 500 to.
KNOWN_500 = (
    "resourceVersion should not be set on objects to be created",
    "strconv.ParseUint: parsing",
    "failed to create typed patch object",
    "does not contain declared merge key",
    "unknown patch type: ",
    "doesn't match $setElementOrder list",
    "list element types are not identical",
    "cannot merge lists without merge key",
    "merging lists cannot yet be specified in the patch",
    "expected a map[string]interface {}, but received a",
    "resourceVersion: Invalid value: ",
    # A scale of an object without replicas: k8s.io/apiextensions-apiserver, pkg/registry/customresource/etcd.go, ScaleREST.Get.
    "the spec replicas field ",
    # A configuration that a request made up, of a webhook that is not there.
    'failed calling webhook "',
    "etcdserver: request is too large",
)


def check(target: Target, request: Request) -> None:
    answer, body = target.ask(request)
    if answer.status >= 500 and answer.status != 504 and body:
        assert any(known in body.decode() for known in KNOWN_500), (request, body)
    if answer.status >= 400 and body.startswith(b"{"):
        status = json.loads(body)
        assert (status["kind"], status["status"], status["code"]) == ("Status", "Failure", answer.status)
        assert status["message"], (request, body)
    elif body and answer.headers.get_content_type() == "application/json":
        json.loads(body)
    assert target.complaints.taken() == [], request


pytestmark = [
    # One server for all of them.
    pytest.mark.xdist_group("fuzz"),
    # The server is in another thread, and may draw random numbers while a request is made up here.
    pytest.mark.filterwarnings("ignore:Do not use the `random` module"),
]
quickly = settings(deadline=None, suppress_health_check=list(HealthCheck))


@given(data=st.data())
@settings(quickly, max_examples=200)
def test_every_request_gets_an_answer_that_says_what_is_wrong(target: Target, data: st.DataObject) -> None:
    check(target, data.draw(requests(target.served, target.subjects)))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@given(data=st.data())
@settings(quickly, max_examples=100_000)
def test_very_many_requests_get_an_answer(target: Target, data: st.DataObject) -> None:
    check(target, data.draw(requests(target.served, target.subjects)))
