"""Accept headers of real clients (reference kubernetes-api.md 5, 9)."""

from __future__ import annotations

import pytest

from solovirt.machinery.errors import NotAcceptable
from solovirt.machinery.http.negotiation import PLAIN, READ, Shape, Wanted, negotiate

TABLE = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/*",
        "application/json",
        "application/json, */*",
        "application/vnd.kubernetes.protobuf,application/json",
        "application/json;as=Table;v=v9;g=meta.k8s.io,application/json",
        "application/json;stream=watch",
        "text/html,application/json;q=0.9",
    ],
)
def test_most_clients_get_plain_json(accept):
    assert negotiate(accept, READ) is PLAIN


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (TABLE, Wanted("application/json", Shape.TABLE, "v1")),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io", Wanted("application/json", Shape.TABLE, "v1beta1")),
        (
            (
                "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,"
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
            ),
            Wanted("application/json", Shape.PARTIAL_LIST, "v1"),
        ),
        ("application/yaml", Wanted("application/yaml")),
        ("application/json;q=0.1,application/yaml", Wanted("application/yaml")),
    ],
)
def test_the_first_form_that_can_be_made_is_taken(accept, wanted):
    assert negotiate(accept, READ) == wanted


@pytest.mark.parametrize(
    "accept",
    [
        "application/vnd.kubernetes.protobuf",
        "text/html",
        "application/json;as=Table;v=v9;g=meta.k8s.io",
        "application/json;q=0",
    ],
)
def test_nothing_acceptable_is_said_with_what_is(accept):
    with pytest.raises(NotAcceptable) as refusal:
        negotiate(accept, READ)
    assert refusal.value.message == (
        "only the following media types are accepted: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    )
