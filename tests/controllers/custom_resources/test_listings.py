"""What a KubeVirt cluster lists of definitions and API services (reference kubernetes-api.md 5, 7)."""

from __future__ import annotations

import json

from solovirt.kinds.apiextensions.behaviour import installed
from tests.controllers.custom_resources.conftest import DEFINITIONS, a_definition
from tests.kinds.schema_facts import facts

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


async def test_the_servers_own_kinds_are_listed_as_definitions(server):
    listed = await server.get(DEFINITIONS)
    names = {one["metadata"]["name"] for one in listed["items"]}
    assert names == installed()
    assert {"virtualmachines.kubevirt.io", "datavolumes.cdi.kubevirt.io"} <= names
    assert names & set(facts("crds")) == names - {
        "network-attachment-definitions.k8s.cni.cncf.io",
        "virtualmachineclusterflavors.flavor.kubevirt.io",
        "virtualmachineflavors.flavor.kubevirt.io",
        # Neither KubeVirt's nor CDI's, but of the snapshotter that a cluster has beside them.
        "volumesnapshotclasses.snapshot.storage.k8s.io",
        "volumesnapshotcontents.snapshot.storage.k8s.io",
        "volumesnapshots.snapshot.storage.k8s.io",
    }


async def test_a_definition_of_the_servers_own_is_the_one_of_kubevirt(server):
    definition = await server.get(f"{DEFINITIONS}/virtualmachineinstancereplicasets.kubevirt.io")
    theirs = facts("crds")["virtualmachineinstancereplicasets.kubevirt.io"]
    spec = definition["spec"]
    assert (spec["group"], spec["scope"]) == (theirs["group"], theirs["scope"])
    assert {key: spec["names"][key] for key in theirs["names"]} == theirs["names"]
    assert [one["name"] for one in spec["versions"]] == [one["name"] for one in theirs["versions"]]
    assert spec["versions"][0]["subresources"] == theirs["versions"][0]["subresources"]
    assert {one["type"] for one in definition["status"]["conditions"]} == {"NamesAccepted", "Established"}
    assert definition["status"]["storedVersions"] == ["v1"]
    schema = spec["versions"][0]["schema"]["openAPIV3Schema"]
    assert schema["properties"]["metadata"] == {"type": "object"}
    assert schema["properties"]["spec"]["properties"]["replicas"]["type"] == "integer"


async def test_definitions_of_the_servers_own_stay_as_they_are(server):
    path = f"{DEFINITIONS}/virtualmachines.kubevirt.io"
    before = await server.get(path)
    answer = await server("PATCH", path, {"spec": {"versions": []}, "metadata": {"labels": {"a": "b"}}})
    assert answer.status == 200
    assert answer.body["spec"] == before["spec"]
    assert answer.body["metadata"]["labels"] == {"a": "b"}
    assert "this definition belongs to the server" in answer.warnings[0]
    assert (await server("DELETE", path)).status == 403
    again = a_definition(plural="virtualmachines", kind="VirtualMachine")
    again["metadata"]["name"], again["spec"]["group"] = "virtualmachines.kubevirt.io", "kubevirt.io"
    assert (await server("POST", DEFINITIONS, again)).body["reason"] == "AlreadyExists"
    # And after a restart they are found as they were.
    await server.restart()
    assert (await server.get(path))["metadata"]["uid"] == before["metadata"]["uid"]


async def test_definitions_are_printed_with_the_time_of_their_creation(server):
    table = await server.get(DEFINITIONS, Accept=TABLE)
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Created At"]
    assert len(table["rows"]) == len(installed())


async def test_a_users_own_definition_does_not_bring_the_servers(server):
    """They are large, and made only when somebody looks."""
    await server.define(a_definition())
    kinds = [
        record.key.name for record in server.plane.store.now.list(("apiextensions.k8s.io", "customresourcedefinitions"))
    ]
    assert kinds == ["widgets.example.com"]


async def test_every_version_is_an_api_service(server):
    listed = {one["metadata"]["name"]: one for one in (await server.get(SERVICES))["items"]}
    groups = (await server.get("/apis"))["groups"]
    assert set(listed) == {"v1."} | {
        f"{one['version']}.{group['name']}" for group in groups for one in group["versions"]
    }
    core = listed["v1."]
    assert core["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "onstart"}
    (condition,) = core["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"], condition["message"]) == (
        *("Available", "True", "Local", "Local APIServices are always available"),
    )
    assert listed["v1.kubevirt.io"]["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "true"}
    assert listed["v1.subresources.kubevirt.io"]["spec"]["service"]["name"] == "virt-api"


async def test_api_services_come_and_go_with_kinds(server):
    await server.get(SERVICES)
    await server.define(a_definition())
    table = await server.get(SERVICES, Accept=TABLE)
    cells = {row["cells"][0]: row["cells"][1:3] for row in table["rows"]}
    assert cells["v1.example.com"] == ["Local", "True"]
    assert cells["v1.subresources.kubevirt.io"] == ["kubevirt/virt-api", "True"]
    await server("DELETE", f"{DEFINITIONS}/widgets.example.com")
    await server.settle()
    assert (await server("GET", f"{SERVICES}/v1.example.com")).status == 404


async def test_networks_can_be_defined(server):
    """NetworkAttachmentDefinition (reference kubernetes-api.md 7)."""
    path = "/apis/k8s.cni.cncf.io/v1/namespaces/default/network-attachment-definitions"
    config = json.dumps({"cniVersion": "0.3.1", "type": "bridge"})
    network = {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": "a"},
        "spec": {"config": config},
    }
    assert (await server("POST", path, network)).status == 201
    assert (await server.get(f"{path}/a"))["spec"] == {"config": config}
    resources = (await server.get("/apis/k8s.cni.cncf.io/v1"))["resources"]
    assert resources[0]["shortNames"] == ["net-attach-def"]
