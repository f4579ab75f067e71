"""What a preference requires of a machine (reference kubevirt-flavor.md 6.3)."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds.instancetype.names import CLUSTER_INSTANCETYPES, CLUSTER_PREFERENCES
from tests.kinds.instancetype.conftest import machine

CPU = "spec.template.spec.domain.cpu"
BY_TYPE = "insufficient CPU resources of 2 vCPU provided by instance type, preference requires 3 vCPU"


def by_vm(provided: int, shown: str) -> str:
    text = f"insufficient CPU resources of {provided} vCPU provided by VirtualMachine, "
    return f"{text}preference requires 4 vCPU provided as {shown}"


def preferring(topology: str, across: str | None = None) -> dict[str, Any]:
    spread = {"spreadOptions": {"across": across}} if across else {}
    return {
        "requirements": {"cpu": {"guest": 4}},
        "cpu": {"preferredCPUTopology": topology, **spread},
    }


def cpu(sockets: int = 1, cores: int = 1, threads: int = 1) -> dict[str, Any]:
    part = {"sockets": sockets, "cores": cores, "threads": threads}
    return {"domain": {"devices": {}, "cpu": part, "memory": {"guest": "2Gi"}}}


def memory(guest: str | None) -> dict[str, Any]:
    return {"domain": {"devices": {}, "memory": {"guest": guest} if guest else {}}}


@pytest.mark.parametrize(
    ("preference", "instancetype", "template", "field", "error"),
    [
        pytest.param({"requirements": {"cpu": {"guest": 3}}}, True, {}, "spec.instancetype", BY_TYPE, id="cpu"),
        pytest.param({"requirements": {"cpu": {"guest": 2}}}, True, {}, None, None, id="enough cpu"),
        pytest.param(
            {"requirements": {"memory": {"guest": "2048Mi"}}},
            True,
            {},
            "spec.instancetype",
            "insufficient Memory resources of 1Gi provided by instance type, preference requires 2Gi",
            id="memory",
        ),
        pytest.param({"requirements": {"memory": {"guest": "1Gi"}}}, True, {}, None, None, id="enough memory"),
        pytest.param(
            {"requirements": {"memory": {"guest": "2Gi"}}},
            False,
            memory("512Mi"),
            "spec.template.spec.domain.memory",
            "insufficient Memory resources of 512Mi provided by VirtualMachine, preference requires 2Gi",
            id="memory of the VM",
        ),
        pytest.param(
            {"requirements": {"memory": {"guest": "2Gi"}}},
            False,
            memory(None),
            "spec.template.spec.domain.memory",
            "insufficient Memory resources of 0 provided by VirtualMachine, preference requires 2Gi",
            id="no memory",
        ),
        *(
            pytest.param(preferring(name), False, cpu(2, 2, 2), f"{CPU}.{name}", by_vm(2, name), id=name)
            for name in ("sockets", "cores", "threads")
        ),
        pytest.param(preferring("preferCores"), False, cpu(cores=4), None, None, id="enough cores"),
        pytest.param(
            preferring("any"),
            False,
            cpu(3),
            f"{CPU}.cores, {CPU}.sockets, {CPU}.threads",
            by_vm(3, "cores, sockets and threads"),
            id="any",
        ),
        pytest.param(preferring("any"), False, cpu(2, 2), None, None, id="enough of any"),
        pytest.param(
            preferring("spread"), False, cpu(1, 2, 4), f"{CPU}.sockets, {CPU}.cores", by_vm(2, "SocketsCores"), id="sc"
        ),
        pytest.param(
            preferring("spread", "CoresThreads"),
            False,
            cpu(4, 1, 2),
            f"{CPU}.cores, {CPU}.threads",
            by_vm(2, "CoresThreads"),
            id="ct",
        ),
        pytest.param(
            preferring("spread", "SocketsCoresThreads"),
            False,
            cpu(1, 1, 3),
            f"{CPU}.sockets, {CPU}.cores, {CPU}.threads",
            by_vm(3, "SocketsCoresThreads"),
            id="sct",
        ),
        pytest.param(
            {"requirements": {"architecture": "arm64"}},
            False,
            cpu(),
            "spec.template.spec.architecture",
            "preference requires architecture arm64 but amd64 is being requested",
            id="architecture",
        ),
        pytest.param({"requirements": {"architecture": "amd64"}}, False, cpu(), None, None, id="same architecture"),
    ],
)
def test_requirements_are_held_against_the_machine(gate, preference, instancetype, template, field, error):
    """rule 51"""
    gate.put(CLUSTER_PREFERENCES, "p", spec=preference)
    gate.put(CLUSTER_INSTANCETYPES, "small", spec={"cpu": {"guest": 2}, "memory": {"guest": "1Gi"}})
    spec: dict[str, Any] = {"preference": {"name": "p"}, "template": template}
    if instancetype:
        spec["instancetype"] = {"name": "small"}
    if error is None:
        gate.vm(**spec)
        return
    webhook, causes = gate.refusal("VirtualMachine", machine(**spec))
    assert webhook == "virtualmachine-validator.kubevirt.io"
    assert causes == [("NotFound", field, f"failure checking preference requirements: {error}")]


def test_a_vm_without_cpu_gets_one_before_it_is_measured(gate):
    """rule 51: the defaults come first, so that the text for no CPU at all is for templates that nobody defaulted."""
    gate.put(CLUSTER_PREFERENCES, "p", spec={"requirements": {"cpu": {"guest": 2}}})
    _, causes = gate.refusal("VirtualMachine", machine(preference={"name": "p"}))
    assert [field for _, field, _ in causes] == [f"{CPU}.sockets"]
