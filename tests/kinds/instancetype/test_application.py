"""Instance types on an instance's spec: what they fill, and what conflicts (reference kubevirt-flavor.md 6.3, rule 49)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from solovirt.kinds.instancetype import application
from solovirt.kinds.instancetype.names import CLUSTER_INSTANCETYPES

SMALL: dict[str, Any] = {"cpu": {"guest": 2}, "memory": {"guest": "1Gi"}}
D = "spec.template.spec.domain"


def filled(instancetype: dict[str, Any], spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """What *spec* becomes, with the metadata beside it."""
    spec = copy.deepcopy(spec) if spec is not None else {"domain": {"devices": {}}}
    application.apply(instancetype, None, spec, metadata, path="spec")
    return {**spec, "metadata": metadata}


def test_cpu_and_memory_are_always_filled():
    domain = filled(SMALL)["domain"]
    assert domain["cpu"] == {"sockets": 2, "cores": 1, "threads": 1}
    assert domain["memory"] == {"guest": "1Gi"}


CPU = {
    "guest": 4,
    "model": "Skylake-Server",
    "dedicatedCPUPlacement": True,
    "isolateEmulatorThread": True,
    "numa": {"guestMappingPassthrough": {}},
    "realtime": {"mask": "0-1"},
    "maxSockets": 8,
}


def test_all_of_the_cpu_is_filled_in_a_templates_spelling():
    """Section 6.1: the two spell dedicated placement differently."""
    assert filled({**SMALL, "cpu": CPU})["domain"]["cpu"] == {
        "sockets": 4,
        "cores": 1,
        "threads": 1,
        "model": "Skylake-Server",
        "dedicatedCpuPlacement": True,
        "isolateEmulatorThread": True,
        "numa": {"guestMappingPassthrough": {}},
        "realtime": {"mask": "0-1"},
        "maxSockets": 8,
    }


@pytest.mark.parametrize(
    ("guest", "percent", "request_"),
    [
        ("1Gi", 50, "512Mi"),
        ("2Gi", 25, "1536Mi"),
        ("1G", 50, "500M"),
        ("4Gi", 100, "0"),
    ],
)
def test_overcommitted_memory_asks_less_of_the_node(guest, percent, request_):
    domain = filled({**SMALL, "memory": {"guest": guest, "overcommitPercent": percent}})["domain"]
    assert domain["memory"] == {"guest": guest}
    assert domain["resources"] == {"requests": {"memory": request_}}


def test_the_rest_of_the_memory_is_filled():
    memory = {"guest": "1Gi", "hugepages": {"pageSize": "2Mi"}, "maxGuest": "4096Mi"}
    assert filled({**SMALL, "memory": memory})["domain"]["memory"] == {**memory, "maxGuest": "4Gi"}


@pytest.mark.parametrize(
    ("part", "where"),
    [
        ({"nodeSelector": {"disk": "fast"}}, ()),
        ({"schedulerName": "mine"}, ()),
        ({"ioThreadsPolicy": "auto"}, ("domain",)),
        ({"ioThreads": {"supplementalPoolThreadCount": 3}}, ("domain",)),
        ({"launchSecurity": {"sev": {}}}, ("domain",)),
        ({"gpus": [{"name": "g", "deviceName": "nvidia.com/x"}]}, ("domain", "devices")),
        ({"hostDevices": [{"name": "h", "deviceName": "intel.com/x"}]}, ("domain", "devices")),
        ({"annotations": {"a": "b"}}, ("metadata",)),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_the_rest_is_filled_in_its_place(part, where):
    found = filled({**SMALL, **part})
    for step in where:
        found = found[step]
    assert {**found, **part} == found


def test_annotations_join_those_that_are_there():
    found = filled({**SMALL, "annotations": {"a": "b", "same": "x"}}, annotations={"c": "d", "same": "x"})
    assert found["metadata"]["annotations"] == {"a": "b", "c": "d", "same": "x"}


def test_nothing_of_the_instance_type_is_shared():
    instancetype = {**SMALL, "nodeSelector": {"a": "b"}}
    found = filled(instancetype)
    found["nodeSelector"]["a"] = "c"
    assert instancetype["nodeSelector"] == {"a": "b"}


PARTS: dict[str, dict[str, Any]] = {
    "memory.hugepages": {"memory": {"hugepages": {"pageSize": "1Gi"}}},
    "memory.maxGuest": {"memory": {"maxGuest": "1Gi"}},
    "cpu.model": {"cpu": {"model": "x"}},
    "cpu.dedicatedCPUPlacement": {"cpu": {"dedicatedCpuPlacement": True}},
    "cpu.isolateEmulatorThread": {"cpu": {"isolateEmulatorThread": True}},
    "cpu.numa": {"cpu": {"numa": {}}},
    "cpu.realtime": {"cpu": {"realtime": {}}},
    "devices.gpus": {"devices": {"gpus": [{"name": "g", "deviceName": "x"}]}},
    "devices.hostDevices": {"devices": {"hostDevices": [{"name": "g", "deviceName": "x"}]}},
    "ioThreadsPolicy": {"ioThreadsPolicy": "shared"},
    "ioThreads.supplementalPoolThreadCount": {"ioThreads": {"supplementalPoolThreadCount": 2}},
    "launchSecurity": {"launchSecurity": {"snp": {}}},
}
"""What a template says of fields that an instance type need not fill, by their path."""
RESOURCES = {"cpu": "1", "memory": "1Gi"}
ALL = {
    "cpu": CPU,
    "memory": {"guest": "1Gi", "hugepages": {"pageSize": "2Mi"}, "maxGuest": "2Gi"},
    "gpus": [{"name": "g", "deviceName": "x"}],
    "hostDevices": [{"name": "h", "deviceName": "x"}],
    "ioThreads": {"supplementalPoolThreadCount": 1},
    "ioThreadsPolicy": "auto",
    "launchSecurity": {"sev": {}},
    "nodeSelector": {"a": "b"},
    "schedulerName": "mine",
    "annotations": {"a": "b"},
}


def in_domain(**domain: Any) -> dict[str, Any]:
    return {"domain": {"devices": {}, **domain}}


@pytest.mark.parametrize(
    ("instancetype", "spec", "paths"),
    [
        # Watched always.
        *(
            pytest.param(SMALL, in_domain(cpu={part: 1}), [f"{D}.cpu.{part}"], id=part)
            for part in ("sockets", "cores", "threads")
        ),
        *(
            pytest.param(SMALL, in_domain(resources={part: {what: "1"}}), [f"{D}.resources.{part}.{what}"], id=what)
            for part in ("requests", "limits")
            for what in ("cpu", "memory")
        ),
        pytest.param(SMALL, in_domain(memory={"guest": "1Gi"}), [f"{D}.memory.guest"], id="memory.guest"),
        # One cause for the memory at most, and all for the CPU, in this order.
        pytest.param(
            SMALL,
            in_domain(cpu={"cores": 1, "threads": 2}, resources={"requests": RESOURCES, "limits": RESOURCES}),
            [
                f"{D}.resources.requests.cpu",
                f"{D}.resources.limits.cpu",
                f"{D}.cpu.cores",
                f"{D}.cpu.threads",
                f"{D}.resources.requests.memory",
            ],
            id="resources",
        ),
        # Only if the instance type says it too.
        *(pytest.param(ALL, in_domain(**part), [f"{D}.{path}"], id=path) for path, part in PARTS.items()),
        pytest.param(ALL, {**in_domain(), "nodeSelector": {}}, ["spec.template.spec.nodeSelector"], id="nodeSelector"),
        pytest.param(
            ALL, {**in_domain(), "schedulerName": "x"}, ["spec.template.spec.schedulerName"], id="schedulerName"
        ),
    ],
)
def test_what_both_give_conflicts(gate, instancetype, spec, paths):
    """rule 49"""
    gate.put(CLUSTER_INSTANCETYPES, "small", spec=instancetype)
    webhook, causes = gate.refusal("VirtualMachine", vm_with(spec))
    assert webhook == "virtualmachine-validator.kubevirt.io"
    assert causes == [("Invalid", path, f"VM field(s) {path} conflicts with selected instance type") for path in paths]


def test_annotations_conflict_by_key_if_they_differ(gate):
    """rule 49"""
    gate.put(CLUSTER_INSTANCETYPES, "small", spec={**SMALL, "annotations": {"a": "b", "c": "d"}})
    vm = vm_with(in_domain())
    vm["spec"]["template"]["metadata"] = {"annotations": {"a": "x", "c": "d"}}
    text = "VM field(s) annotations.a conflicts with selected instance type"
    assert gate.refusal("VirtualMachine", vm)[1] == [("Invalid", "annotations.a", text)]


@pytest.mark.parametrize(
    "spec",
    [
        in_domain(cpu={"model": "x", "dedicatedCpuPlacement": True, "features": []}),
        in_domain(memory={"hugepages": {"pageSize": "2Mi"}, "maxGuest": "4Gi"}),
        in_domain(ioThreadsPolicy="auto"),
        {**in_domain(), "nodeSelector": {"a": "b"}, "schedulerName": "x"},
        in_domain(cpu={"sockets": 0}),
    ],
)
def test_what_the_instance_type_leaves_open_the_template_may_say(spec):
    """rule 49"""
    found = filled(SMALL, spec)
    assert found["domain"]["cpu"]["sockets"] == 2


def test_with_conflicts_nothing_is_filled():
    spec = in_domain(memory={"guest": "1Gi"})
    with pytest.raises(application.Conflicts) as raised:
        application.apply(SMALL, {"preferredSubdomain": "x"}, spec, {}, path="spec")
    assert spec == in_domain(memory={"guest": "1Gi"})
    assert raised.value.listed == "spec.domain.memory.guest"
    assert str(raised.value) == "VM field(s) spec.domain.memory.guest conflicts with selected instance type"


def vm_with(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {"name": "one", "namespace": "ns"},
        "spec": {"runStrategy": "Halted", "instancetype": {"name": "small"}, "template": {"spec": spec}},
    }
