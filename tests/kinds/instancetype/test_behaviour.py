"""Admission of instance types and preferences themselves (reference kubevirt-validation.md 11 and 12)."""

from __future__ import annotations

from typing import Any

import pytest

INSTANCETYPES = ("VirtualMachineInstancetype", "VirtualMachineClusterInstancetype")
PREFERENCES = ("VirtualMachinePreference", "VirtualMachineClusterPreference")
GROUP = "instancetype.kubevirt.io"


def instancetype(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "one"}, "spec": {"cpu": {"guest": 1}, "memory": {"guest": "1Gi"}, **spec}}


def preference(**cpu: Any) -> dict[str, Any]:
    return {"metadata": {"name": "one"}, "spec": {"cpu": cpu}}


@pytest.mark.parametrize("kind", INSTANCETYPES)
def test_overcommitted_memory_is_no_huge_pages(gate, kind):
    """rule 253"""
    spec = {"guest": "1Gi", "overcommitPercent": 10, "hugepages": {"pageSize": "2Mi"}}
    webhook, causes = gate.refusal(kind, instancetype(memory=spec))
    assert webhook == f"{kind.lower()}-validator.{GROUP}"
    text = "spec.memory.overcommitPercent and spec.memory.hugepages should not be requested together."
    assert causes == [("Invalid", "spec.memory.overcommitPercent", text)]


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_percentage_is_one(gate, percent):
    """rule 252; behind the schema's bound, which clients meet first"""
    memory = {"guest": "1Gi", "overcommitPercent": percent}
    _, causes = gate.refusal("VirtualMachineInstancetype", instancetype(memory=memory))
    text = f"spec.memory.overcommitPercent '{percent}': must be in range between 0 and 100."
    assert causes == [("Invalid", "spec.memory.overcommitPercent", text)]


@pytest.mark.parametrize("kind", INSTANCETYPES)
def test_launch_security_warns_that_it_is_deprecated(gate, kind):
    """Section 12."""
    for old in (None, instancetype()):
        gate.warnings.clear()
        gate.admit(kind, instancetype(launchSecurity={"sev": {}}), old)
        text = "launchSecurity is deprecated and will be removed in a future release. Use preference instead."
        assert gate.warnings == [text]


@pytest.mark.parametrize("kind", PREFERENCES)
def test_topologies_are_known(gate, kind):
    """rule 254"""
    for topology in ("sockets", "cores", "threads", "spread", "any"):
        gate.admit(kind, preference(preferredCPUTopology=topology))
    assert gate.warnings == []
    webhook, causes = gate.refusal(kind, preference(preferredCPUTopology="dies"))
    assert webhook == f"{kind.lower()}-validator.{GROUP}"
    assert causes == [("Invalid", "spec.cpu.preferredCPUTopology", "unknown preferredCPUTopology dies")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("preferSockets", "sockets"),
        ("preferCores", "cores"),
        ("preferThreads", "threads"),
        ("preferSpread", "spread"),
        ("preferAny", "any"),
    ],
)
def test_old_spellings_of_topologies_warn(gate, old, new):
    """Section 12."""
    gate.admit("VirtualMachinePreference", preference(preferredCPUTopology=old))
    text = f"PreferredCPUTopology {old} is deprecated for removal in a future release, please use {new} instead"
    assert gate.warnings == [text]


@pytest.mark.parametrize(
    ("cpu", "expected"),
    [
        ({"spreadOptions": {"across": "Dies"}}, ("across", "across Dies is not supported")),
        (
            {"spreadOptions": {"across": "CoresThreads", "ratio": 3}},
            (
                "ratio",
                "only a ratio of 2 (1 core 2 threads) is allowed when spreading vCPUs over cores and threads",
            ),
        ),
        ({"spreadOptions": {"across": "CoresThreads", "ratio": 2}}, None),
        ({"spreadOptions": {"across": "CoresThreads"}}, None),
        ({"spreadOptions": {"across": "SocketsCores", "ratio": 3}}, None),
        ({"spreadOptions": {"across": "SocketsCoresThreads", "ratio": 4}}, None),
    ],
)
@pytest.mark.parametrize("topology", ["spread", "preferSpread"])
def test_spreads_are_possible(gate, topology, cpu, expected):
    """rule 255"""
    document = preference(preferredCPUTopology=topology, **cpu)
    if expected is None:
        gate.admit("VirtualMachinePreference", document)
        return
    field, text = expected
    _, causes = gate.refusal("VirtualMachinePreference", document)
    assert causes == [("Invalid", f"spec.cpu.spreadOptions.{field}", text)]


def test_spread_options_say_nothing_for_another_topology(gate):
    """rule 255"""
    gate.admit("VirtualMachinePreference", preference(preferredCPUTopology="cores", spreadOptions={"across": "Dies"}))
    gate.admit("VirtualMachinePreference", preference(spreadOptions={"across": "Dies"}))
