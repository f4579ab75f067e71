"""expand-spec and expand-vm-spec (reference kubevirt-subresources.md 3.9)."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds.instancetype.names import CLUSTER_INSTANCETYPES, CLUSTER_PREFERENCES, INSTANCETYPES
from solovirt.kinds.kubevirt import names
from tests.subresources.conftest import KEY

SMALL: dict[str, Any] = {"cpu": {"guest": 2}, "memory": {"guest": "1Gi"}}
CORES: dict[str, Any] = {"cpu": {"preferredCPUTopology": "cores"}, "devices": {"preferredDiskBus": "virtio"}}
ROOT = "/apis/subresources.kubevirt.io/{}/namespaces/default"
TEMPLATE = {
    "spec": {
        "domain": {"devices": {}},
        "volumes": [{"name": "root", "containerDisk": {"image": "quay.io/containerdisks/fedora"}}],
    }
}
NAMED = {"instancetype": {"name": "small"}, "preference": {"name": "cores"}}
UNREADABLE = "Can not unmarshal Request body to struct, error: "
MISSING = 'virtualmachineclusterinstancetypes.instancetype.kubevirt.io "small" not found'
CONFLICT = "VM field(s) spec.template.spec.domain.memory.guest conflicts with selected instance type"


def machine(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": "vm"},
        "spec": {"runStrategy": "Halted", "template": TEMPLATE, **spec},
    }


async def put(door, resource, name: str, spec: dict[str, Any]) -> None:
    namespace = {"namespace": "default"} if resource == INSTANCETYPES else {}
    await door.user.create(resource, {"metadata": {"name": name, **namespace}, "spec": spec})


@pytest.fixture
async def library(door):
    await put(door, CLUSTER_INSTANCETYPES, "small", SMALL)
    await put(door, CLUSTER_PREFERENCES, "cores", CORES)


async def stored(door, version: str = "v1", name: str = "vm") -> Any:
    return await door.ask("GET", f"{ROOT.format(version)}/virtualmachines/{name}/expand-spec")


async def given(door, body: Any, version: str = "v1") -> Any:
    return await door.ask("PUT", f"{ROOT.format(version)}/expand-vm-spec", body, **{"Content-Type": "application/json"})


def check(vm: dict[str, Any]) -> None:
    """What the library makes of the template, with the defaults that a template gets."""
    assert (vm["apiVersion"], vm["kind"]) == ("kubevirt.io/v1", "VirtualMachine")
    assert not {"instancetype", "preference"} & vm["spec"].keys()
    assert not {"instancetypeRef", "preferenceRef"} & (vm.get("status") or {}).keys()
    spec = vm["spec"]["template"]["spec"]
    domain = spec["domain"]
    assert domain["cpu"] == {"sockets": 1, "cores": 2, "threads": 1}
    assert domain["memory"] == {"guest": "1Gi"}
    assert domain["devices"]["disks"] == [{"name": "root", "disk": {"bus": "virtio"}}]
    assert domain["devices"]["interfaces"] == [{"name": "default", "bridge": {}}]
    assert spec["networks"] == [{"name": "default", "pod": {}}]
    assert spec["architecture"] == "amd64"
    assert spec["volumes"][0]["containerDisk"]["imagePullPolicy"] == "Always"


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("version", ["v1", "v1alpha3"])
async def test_a_stored_vm_is_shown_expanded_and_stays_as_it_is(door, version):
    reference = {"name": "small", "controllerRevisionRef": {"name": "gone"}}
    await door.vm(None, template=TEMPLATE, runStrategy="Halted", **NAMED)
    before = door.get()
    reply = await stored(door, version)
    assert reply.status == 200
    check(reply.json)
    assert reply.json["metadata"]["uid"] == before["metadata"]["uid"]
    assert door.get() == before
    # A revision in the status goes before what is live.
    await door.system.edit(
        names.VIRTUAL_MACHINES, KEY, lambda vm: vm.update(status={"instancetypeRef": reference}), status=True
    )
    missing = await stored(door, version)
    assert missing.json["message"] == 'Internal error occurred: controllerrevisions.apps "gone" not found'


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("version", ["v1", "v1alpha3"])
async def test_a_given_vm_is_shown_expanded_and_not_stored(door, version):
    reply = await given(door, machine(**NAMED), version)
    assert reply.status == 200
    check(reply.json)
    assert reply.json["metadata"] == {"name": "vm", "namespace": "default"}
    assert door.user.get(names.VIRTUAL_MACHINES, KEY) is None


async def test_a_vm_without_matchers_stays_as_it_is(door):
    """No defaults then."""
    await door.vm(runStrategy="Halted")
    assert (await stored(door)).json == door.get()
    vm = machine()
    assert (await given(door, vm)).json == {**vm, "metadata": {"name": "vm", "namespace": "default"}}


async def test_namespaced_ones_are_those_of_the_request(door):
    await put(door, INSTANCETYPES, "small", SMALL)
    matcher = {"name": "small", "kind": "VirtualMachineInstancetype"}
    reply = await given(door, machine(instancetype=matcher))
    assert reply.json["spec"]["template"]["spec"]["domain"]["cpu"]["sockets"] == 2


async def test_a_vm_that_is_not_there_is_not_found(door):
    reply = await stored(door)
    assert (reply.status, reply.json["message"]) == (404, 'virtualmachine.kubevirt.io "vm" not found')


async def test_what_cannot_be_expanded_is_an_internal_error_for_a_stored_vm(door):
    template = {"spec": {"domain": {"devices": {}, "memory": {"guest": "1Gi"}}}}
    await door.vm(runStrategy="Halted", template=template, instancetype={"name": "small"})
    for text in (MISSING, CONFLICT):
        reply = await stored(door)
        assert (reply.status, reply.json["reason"]) == (500, "InternalError")
        assert reply.json["message"] == f"Internal error occurred: {text}"
        if text is MISSING:
            await put(door, CLUSTER_INSTANCETYPES, "small", SMALL)


async def test_what_cannot_be_expanded_is_a_bad_request_for_a_given_vm(door):
    template = {"spec": {"domain": {"devices": {}, "memory": {"guest": "1Gi"}}}}
    for text in (MISSING, CONFLICT):
        reply = await given(door, machine(template=template, instancetype={"name": "small"}))
        assert (reply.status, reply.json["reason"], reply.json["message"]) == (400, "BadRequest", text)
        if text is MISSING:
            await put(door, CLUSTER_INSTANCETYPES, "small", SMALL)


async def test_conflicts_are_listed_together(door):
    await put(door, CLUSTER_INSTANCETYPES, "small", SMALL)
    template = {"spec": {"domain": {"devices": {}, "cpu": {"cores": 1}, "memory": {"guest": "1Gi"}}}}
    reply = await given(door, machine(template=template, instancetype={"name": "small"}))
    paths = "spec.template.spec.domain.cpu.cores, spec.template.spec.domain.memory.guest"
    assert reply.json["message"] == f"VM field(s) {paths} conflicts with selected instance type"


@pytest.mark.parametrize(
    ("body", "causes"),
    [
        ({"metadata": {}}, ["spec in body is required"]),
        ({}, ["spec in body is required"]),
        (
            {**machine(), "shape": 1, "spec": {"template": {"spec": {}}, "size": 2}},
            [
                ".shape in body is a forbidden property",
                "spec.template.spec.domain in body is required",
                "spec.size in body is a forbidden property",
            ],
        ),
        (
            machine(running="yes"),
            ['spec.running in body must be of type boolean: "string"'],
        ),
        (
            machine(template={"spec": {"domain": {"devices": {"disks": [{"bus": "x"}]}}}}),
            [
                "spec.template.spec.domain.devices.disks.0.name in body is required",
                "spec.template.spec.domain.devices.disks.0.bus in body is a forbidden property",
            ],
        ),
    ],
)
async def test_a_body_that_is_no_vm_is_told_field_by_field(door, body, causes):
    reply = await given(door, body)
    assert reply.status == 400
    status = reply.json
    assert (status["reason"], status["message"]) == ("BadRequest", "Object is not a valid VirtualMachine")
    assert [one["message"] for one in status["details"]["causes"]] == causes
    assert all(list(one) == ["message"] for one in status["details"]["causes"])


async def test_a_status_may_contain_anything(door):
    vm = {**machine(), "status": {"whatever": 1}}
    assert (await given(door, vm)).status == 200


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "empty request body"),
        (b"{", f"{UNREADABLE}unexpected end of JSON input"),
        (
            b"[]",
            f"{UNREADABLE}json: cannot unmarshal array into Go value of type map[string]interface {{}}",
        ),
        ({**machine(), "metadata": {"namespace": "other"}}, "VM namespace must be empty or default"),
        (
            {**machine(), "metadata": {"name": 1}},
            f"{UNREADABLE}json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string",
        ),
    ],
)
async def test_a_body_that_cannot_be_read_is_a_bad_request(door, body, text):
    reply = await given(door, body)
    assert (reply.status, reply.json["reason"], reply.json["message"]) == (400, "BadRequest", text)


async def test_the_namespace_may_be_named_in_the_body(door):
    assert (await given(door, {**machine(), "metadata": {"namespace": "default"}})).status == 200


async def test_only_these_verbs_are_served(door):
    await door.vm(runStrategy="Halted")
    for method in ("PUT", "POST"):
        assert (await door.ask(method, f"{ROOT.format('v1')}/virtualmachines/vm/expand-spec", {})).status == 405
    for method in ("GET", "POST", "DELETE"):
        assert (await door.ask(method, f"{ROOT.format('v1')}/expand-vm-spec")).status == 405
    assert (await door.ask("PUT", f"{ROOT.format('v1')}/expand-vm-spec/vm", machine())).status == 405


@pytest.mark.parametrize("version", ["v1", "v1alpha3"])
async def test_discovery_shows_names_alone(door, version):
    """Section 1."""
    listed = (await door.ask("GET", f"/apis/subresources.kubevirt.io/{version}")).json["resources"]
    shown = {one["name"]: one for one in listed}
    for name in ("expand-vm-spec", "virtualmachines/expand-spec", "virtualmachines/start"):
        assert shown[name] == {"name": name, "singularName": "", "namespaced": True, "kind": "", "verbs": []}
    assert listed[0]["name"] == "expand-vm-spec"
