"""Tables and partial metadata (reference kubernetes-api.md 5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance import example
from tests.conformance.conftest import Client, Space
from tests.conformance.statuses import bad_request, check

pytestmark = pytest.mark.asyncio(loop_scope="module")

KUBECTL = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)
PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


async def test_a_table(client: Client, space: Space, examples):
    """§5 fields"""
    made = await client.made(space.vms, example.vm("a", mode="a", vols=[{"name": "x"}]))
    await client.made(space.vms, example.vm("b"))
    reply = await client("GET", f"{space.vms}?limit=1", Accept=KUBECTL)
    assert reply.headers["Content-Type"] == "application/json"
    table = reply.json
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert table["metadata"].keys() == {"resourceVersion", "continue", "remainingItemCount"}
    path = "Custom resource definition column (in JSONPath format): "
    first, *columns = table["columnDefinitions"]
    assert {key: first[key] for key in ("name", "type", "format", "priority")} == {
        "name": "Name",
        "type": "string",
        "format": "name",
        "priority": 0,
    }
    told = [(one["name"], one["type"], one["priority"], one["description"]) for one in columns]
    assert told == [
        ("Cpu", "integer", 0, f"{path}.spec.cpu"),
        ("Mode", "string", 1, f"{path}.spec.mode"),
        ("Vols", "string", 0, f"{path}.spec.vols"),
        ("Ready", "boolean", 0, f"{path}.status.ready"),
        ("Since", "date", 0, f"{path}.status.since"),
        ("Cond", "string", 0, "Is it?"),
    ]
    (row,) = table["rows"]
    assert row["cells"] == ["a", 1, "a", '[{"name":"x"}]', None, None, None]
    expected = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made["metadata"]}
    assert row["object"] == expected


async def test_cells_by_their_types(client: Client, space: Space, examples):
    """§5 column types"""
    await client.made(space.vms, example.vm("a"))

    async def cells(status) -> Any:
        await client("PATCH", f"{space.vms}/a/status", {"status": None}, Content_Type="application/merge-patch+json")
        await client.merged(f"{space.vms}/a/status", {"status": status})
        (row,) = (await client.get(f"{space.vms}/a", Accept=KUBECTL))["rows"]
        return row["cells"][4:]

    ready = {"type": "Ready", "status": "True"}
    other = {"type": "Other", "status": "False"}
    assert await cells({"ready": True, "conditions": [other, ready]}) == [True, None, "True"]
    assert await cells({"ready": "x", "since": "nonsense", "conditions": []}) == [None, "<invalid>", None]
    (since,) = {(await cells({"since": "2001-01-01T00:00:00Z"}))[1]}
    assert since.endswith("y")


async def test_what_a_row_holds(client: Client, space: Space, examples):
    """§5 rows[].object, includeObject"""
    made = await client.made(space.vms, example.vm("a"))
    for query, expected in (
        ("", {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made["metadata"]}),
        ("Metadata", {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made["metadata"]}),
        ("Object", made),
        ("None", None),
    ):
        table = await client.get(f"{space.vms}?includeObject={query}", Accept=KUBECTL)
        assert table["rows"][0]["object"] == expected
    reply = await client("GET", f"{space.vms}?includeObject=Bad", Accept=KUBECTL)
    check(
        reply,
        bad_request(
            "Unable to convert to Table as requested: includeObject: Invalid value: \"Bad\": must be 'Metadata', 'Object', "
            "'None', or empty"
        ),
    )


async def test_one_object_is_a_table_of_one_row(client: Client, space: Space):
    """§5 single get; errors are Status as usual"""
    await client.made(space.maps, {"metadata": {"name": "a"}, "data": {"x": "y"}})
    table = await client.get(f"{space.maps}/a", Accept=KUBECTL)
    assert [one["name"] for one in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    (row,) = table["rows"]
    assert row["cells"][:2] == ["a", 1]
    reply = await client("GET", f"{space.maps}/b", Accept=KUBECTL)
    assert (reply.status, reply.json["kind"]) == (404, "Status")


async def test_the_version_of_tables_is_that_asked_for(client: Client, space: Space):
    """§5 apiVersion; clauses that can't be met"""
    beta = "application/json;as=Table;v=v1beta1;g=meta.k8s.io"
    assert (await client.get(space.maps, Accept=beta))["apiVersion"] == "meta.k8s.io/v1beta1"
    nonsense = "application/json;as=Table;v=v9;g=meta.k8s.io"
    assert (await client("GET", space.maps, Accept=nonsense)).status == 406
    assert (await client.get(space.maps, Accept=f"{nonsense},application/json"))["kind"] == "ConfigMapList"


async def test_metadata_alone(client: Client, space: Space, examples):
    """§5 PartialObjectMetadata on get, create; PartialObjectMetadataList on list; mismatched 406"""
    made = await client.made(space.vms, example.vm("a"))
    expected = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made["metadata"]}
    assert await client.get(f"{space.vms}/a", Accept=PARTIAL) == expected
    listed = await client.get(space.vms, Accept=PARTIAL_LIST)
    assert (listed["kind"], listed["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    assert listed["metadata"]["resourceVersion"]
    assert [one["metadata"] for one in listed["items"]] == [made["metadata"]]
    created = await client.made(space.vms, example.vm("b"), Accept=PARTIAL)
    assert created.keys() == {"kind", "apiVersion", "metadata"}
    reply = await client("GET", space.vms, Accept=PARTIAL)
    assert (reply.status, reply.json["reason"]) == (406, "NotAcceptable")
    assert reply.message.startswith("you requested PartialObjectMetadata, but the requested object is a list (")


async def test_a_kind_without_columns_shows_its_age(client: Client, space: Space):
    """§5 CRD columns: with none declared Age is added"""
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "bares.example.net"},
        "spec": {
            "group": "example.net",
            "scope": "Namespaced",
            "names": {"plural": "bares", "kind": "Bare"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
            ],
        },
    }
    await client.made(example.DEFINITIONS, definition)
    path = space.of("example.net", "bares")
    await client.until(path, lambda reply: reply.status == 200)
    table = await client.get(path, Accept=KUBECTL)
    assert [(one["name"], one["type"]) for one in table["columnDefinitions"]] == [("Name", "string"), ("Age", "date")]


COLUMNS = {
    "/api/v1/namespaces": "Name Status Age",
    "/api/v1/nodes": "Name Status Roles Age Version Internal-IP* External-IP* OS-Image* Kernel-Version* Container-Runtime*",
    "/api/v1/pods": "Name Ready Status Restarts Age IP* Node* Nominated_Node* Readiness_Gates*",
    "/api/v1/services": "Name Type Cluster-IP External-IP Port(s) Age Selector*",
    "/api/v1/configmaps": "Name Data Age",
    "/api/v1/secrets": "Name Type Data Age",
    "/api/v1/persistentvolumeclaims": "Name Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass Age VolumeMode*",
    "/api/v1/persistentvolumes": "Name Capacity Access_Modes Reclaim_Policy Status Claim StorageClass VolumeAttributesClass Reason Age VolumeMode*",
    "/apis/storage.k8s.io/v1/storageclasses": "Name Provisioner ReclaimPolicy VolumeBindingMode AllowVolumeExpansion Age",
    "/api/v1/events": "Last_Seen Type Reason Object Subobject* Source* Message First_Seen* Count* Name*",
    "/apis/coordination.k8s.io/v1/leases": "Name Holder Age",
    "/apis/apps/v1/controllerrevisions": "Name Controller Revision Age",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions": "Name Created_At",
    "/apis/rbac.authorization.k8s.io/v1/roles": "Name Created_At",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles": "Name Created_At",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings": "Name Role Age Users* Groups* ServiceAccounts*",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings": "Name Role Age Users* Groups* ServiceAccounts*",
    "/apis/apiregistration.k8s.io/v1/apiservices": "Name Service Available Age",
    "/apis/scheduling.k8s.io/v1/priorityclasses": "Name Value Global-Default Age PreemptionPolicy",
    "/api/v1/resourcequotas": "Name Request Limit Age",
    "/apis/policy/v1/poddisruptionbudgets": "Name Min_Available Max_Unavailable Allowed_Disruptions Age",
    "/apis/apps/v1/deployments": "Name Ready Up-to-date Available Age Containers* Images* Selector*",
    "/apis/batch/v1/jobs": "Name Status Completions Duration Age Containers* Images* Selector*",
    "/api/v1/limitranges": "Name Created_At",
    "/apis/networking.k8s.io/v1/networkpolicies": "Name Pod-Selector Age",
    "/apis/discovery.k8s.io/v1/endpointslices": "Name AddressType Ports Endpoints Age",
}


@pytest.mark.parametrize("path", COLUMNS)
async def test_columns_of_built_in_kinds(client: Client, path):
    """§5 built-in columns; `*` = priority 1"""
    table = await client.get(path, Accept=KUBECTL)
    told = [one["name"].replace(" ", "_") + ("*" if one["priority"] else "") for one in table["columnDefinitions"]]
    assert told == COLUMNS[path].split()
    for row in table["rows"]:
        assert len(row["cells"]) == len(told)


async def test_no_table_has_a_cell_too_few(client: Client, kinds):
    """§5 cells: one per column"""
    for kind in kinds.values():
        if "list" in kind.verbs:
            table = await client.get(f"{kind.root}/{kind.plural}", Accept=KUBECTL)
            assert table["kind"] == "Table", kind
            assert all(len(row["cells"]) == len(table["columnDefinitions"]) for row in table["rows"])
