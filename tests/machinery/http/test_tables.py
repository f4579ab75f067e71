"""Tables and partial objects (reference kubernetes-api.md 5)."""

from __future__ import annotations

from datetime import timedelta

import pytest

VMS = "/apis/example.com/v1/namespaces/default/vms"
TABLE = {
    "Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
}
PARTIAL = {"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"}
PARTIAL_LIST = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}


async def make(client, name="a", metadata=None, **rest):
    document = {
        "apiVersion": "example.com/v1",
        "kind": "VM",
        "metadata": {"name": name, **(metadata or {})},
        "spec": {"cpu": 2},
        **rest,
    }
    reply = await client("POST", VMS, document)
    assert reply.status == 201, reply.body
    return reply.json


async def test_a_list_becomes_a_table(client, clock):
    created = await make(client)
    await clock.advance(timedelta(minutes=5))
    reply = await client.get(VMS, headers=TABLE)
    assert reply.headers["Content-Type"] == "application/json"
    table = reply.json
    assert list(table) == ["kind", "apiVersion", "metadata", "columnDefinitions", "rows"]
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert table["metadata"] == {"resourceVersion": created["metadata"]["resourceVersion"]}
    assert [(one["name"], one["type"], one["format"], one["priority"]) for one in table["columnDefinitions"]] == [
        ("Name", "string", "name", 0),
        ("Age", "date", "", 0),
        ("Phase", "string", "", 0),
        ("Ready", "string", "", 0),
        ("CPU", "integer", "", 1),
    ]
    assert table["columnDefinitions"][2]["description"] == (
        "Custom resource definition column (in JSONPath format): .status.phase"
    )
    assert table["rows"] == [
        {
            "cells": ["a", "5m", None, None, 2],
            "object": {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": created["metadata"],
            },
        }
    ]


async def test_a_single_object_becomes_a_table_of_one_row(client):
    created = await make(client)
    table = (await client.get(f"{VMS}/a", headers=TABLE)).json
    assert [row["cells"][0] for row in table["rows"]] == ["a"]
    assert table["metadata"] == {"resourceVersion": created["metadata"]["resourceVersion"]}


async def test_the_requested_version_is_answered(client):
    table = (await client.get(VMS, headers={"Accept": "application/json;as=Table;v=v1beta1;g=meta.k8s.io"})).json
    assert table["apiVersion"] == "meta.k8s.io/v1beta1"
    assert table["rows"] == []


async def test_the_object_of_a_row_can_be_chosen(client):
    created = await make(client)
    rows = (await client.get(f"{VMS}?includeObject=Object", headers=TABLE)).json["rows"]
    assert rows[0]["object"] == created
    rows = (await client.get(f"{VMS}?includeObject=None", headers=TABLE)).json["rows"]
    assert rows[0]["object"] is None
    reply = await client.get(f"{VMS}?includeObject=Bad", headers=TABLE)
    assert reply.status == 400
    assert reply.message == (
        'Unable to convert to Table as requested: includeObject: Invalid value: "Bad": '
        "must be 'Metadata', 'Object', 'None', or empty"
    )


async def test_cells_computed_from_the_document(client):
    body = {"metadata": {"name": "c"}, "data": {"a": "1", "b": "2"}}
    await client("POST", "/api/v1/namespaces/default/configmaps", body)
    table = (await client.get("/api/v1/namespaces/default/configmaps", headers=TABLE)).json
    assert [one["name"] for one in table["columnDefinitions"]] == ["Name", "Data"]
    assert table["rows"][0]["cells"] == ["c", 2]


@pytest.mark.parametrize(
    "metadata",
    [
        {"annotations": {"creationTimestamp": "2020-01-01T00:00:00Z", "uid": "x", "resourceVersion": "1"}},
        {"annotations": {"note": '"creationTimestamp":"2020-01-01T00:00:00Z"},{"resourceVersion":"1","uid":"x"}'}},
        {
            "ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": "u"}],
            "labels": {"creationTimestamp": "a"},
        },
    ],
)
async def test_metadata_that_looks_like_the_end_of_metadata_does_not_mislead(client, metadata):
    created = await make(client, metadata=metadata, status={"phase": "Running"})
    row = (await client.get(VMS, headers=TABLE)).json["rows"][0]
    assert row["cells"][:2] == ["a", "0s"]
    assert row["object"]["metadata"] == created["metadata"]


async def test_partial_metadata_of_one_and_of_many(client):
    created = await make(client)
    one = (await client.get(f"{VMS}/a", headers=PARTIAL)).json
    expected = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": created["metadata"]}
    assert one == expected
    many = (await client.get(VMS, headers=PARTIAL_LIST)).json
    assert many["kind"] == "PartialObjectMetadataList"
    assert many["items"] == [expected]


async def test_partial_metadata_of_the_wrong_number_is_refused(client):
    reply = await client.get(VMS, headers=PARTIAL)
    assert reply.status == 406
    assert reply.message.startswith("you requested PartialObjectMetadata, but the requested object is a list (")


async def test_more_rows_than_one_piece(client):
    for number in range(260):
        await make(client, f"a{number:03}")
    table = (await client.get(VMS, headers=TABLE)).json
    assert [row["cells"][0] for row in table["rows"]] == [f"a{number:03}" for number in range(260)]
    assert len((await client.get(VMS, headers=PARTIAL_LIST)).json["items"]) == 260
