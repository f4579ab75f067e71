"""What may change in an instance that exists, and by whom (kubevirt-validation.md 7)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from solovirt.kinds.kubevirt.instance_changes import NODE_NAME, check
from solovirt.machinery.auth.identity import User
from tests.kinds.kubevirt.admitted import CONTROLLER, USER, cluster

HANDLER = "system:serviceaccount:kubevirt:kubevirt-handler"
CLAIM = {"persistentVolumeClaim": {"claimName": "c"}}


def instance() -> dict[str, Any]:
    """One with a disk that it started with and one that was plugged in."""
    return {
        "metadata": {"name": "it", "labels": {"kubevirt.io/nodeName": "node-0"}},
        "spec": {
            "domain": {
                "cpu": {"sockets": 1, "maxSockets": 4},
                "memory": {"guest": "1Gi", "maxGuest": "4Gi"},
                "devices": {
                    "disks": [{"name": "root", "disk": {"bus": "virtio"}}, {"name": "extra", "disk": {"bus": "scsi"}}]
                },
            },
            "volumes": [{"name": "root", **CLAIM}, {"name": "extra", **CLAIM}],
        },
        "status": {"nodeName": "node-0", "volumeStatus": [{"name": "root"}, {"name": "extra", "hotplugVolume": {}}]},
    }


def found(change: Any, *, user: User = CONTROLLER, gates: tuple[str, ...] = (), old: Any = None) -> list[Any]:
    old = instance() if old is None else old
    new = copy.deepcopy(old)
    change(new)
    causes = check(new, old, user, cluster=cluster(*gates))
    return [((cause.reason or "").removeprefix("FieldValue"), cause.field, cause.message) for cause in causes]


def plug(name: str, source: Any, disk: Any = None):
    def change(vmi):
        vmi["spec"]["volumes"].append({"name": name, **source})
        if disk is not None:
            vmi["spec"]["domain"]["devices"]["disks"].append({"name": name, **disk})

    return change


def at(path: str, value: Any):
    def change(vmi):
        *way, last = path.split(".")
        target = vmi["spec"]
        for step in way:
            target = target[int(step)] if isinstance(target, list) else target[step]
        if isinstance(target, list):
            target[int(last)] = value
        else:
            target[last] = value

    return change


def both(*changes):
    def change(vmi):
        for one in changes:
            one(vmi)

    return change


DISKS = "domain.devices.disks"
NEW_DISK = {"name": "new", "disk": {"bus": "scsi"}}
ROWS = [
    (203, at("domain.cpu.maxSockets", 8), "CPU topology maxSockets changed"),
    (203, at("domain.memory.maxGuest", "8Gi"), "Memory maxGuest changed"),
    (204, at("volumes", [{"name": "root", **CLAIM}]), "mismatch between volumes declared (1) and required (2)"),
    (204, both(at("volumes", [{"name": "extra", **CLAIM}]), at(DISKS, [{"name": "extra", "disk": {"bus": "scsi"}}])), "Number of permanent volumes has changed"),
    (205, at("volumes.0", {"name": "root", "emptyDisk": {"capacity": "1Gi"}}), "permanent volume root, changed"),
    (205, at(f"{DISKS}.0", {"name": "root", "disk": {"bus": "sata"}}), "permanent disk root, changed"),
    (206, at("volumes.1", {"name": "extra", "dataVolume": {"name": "d"}}), "hotplug volume extra, changed"),
    (206, at(f"{DISKS}.1", {"name": "extra", "disk": {"bus": "virtio"}}), "hotplug disk extra, changed"),
    (206, at(f"{DISKS}.1", NEW_DISK), "volume extra doesn't have a matching disk"),
    (206, plug("new", {"emptyDisk": {"capacity": "1Gi"}}, {"disk": {"bus": "scsi"}}), "volume new is not a PVC or DataVolume"),
    (206, both(plug("new", CLAIM), at(DISKS, [*instance()["spec"]["domain"]["devices"]["disks"], {"name": "odd", "disk": {}}])), "disk new does not exist"),
    (206, plug("new", CLAIM, {"disk": {"bus": "sata"}}), "Hotplug configuration for disk [new] requires bus to be 'scsi' or 'virtio'. [sata] is not permitted."),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "change", "message"), ROWS)
def test_kubevirts_own_parts_break_a_rule(rule, change, message):
    assert found(change) == [("Invalid", None, message)], rule


def test_a_permanent_volume_is_not_exchanged_for_another():
    """Rule 205: as many as before, but another one."""
    old = instance()
    old["status"]["volumeStatus"].append({"name": "other"})
    change = both(
        at("volumes.0", {"name": "other", **CLAIM}), at(f"{DISKS}.0", {"name": "other", "disk": {"bus": "virtio"}})
    )
    assert found(change, old=old) == [("Invalid", None, "permanent volume other, not found")]


@pytest.mark.parametrize(
    "change",
    [
        plug("new", CLAIM, {"disk": {"bus": "virtio"}}),
        plug("dump", {"memoryDump": {"claimName": "c"}}),
        both(at("volumes", [{"name": "root", **CLAIM}]), at(DISKS, [{"name": "root", "disk": {"bus": "virtio"}}])),
        at("domain.cpu.sockets", 2),
        lambda vmi: vmi["spec"]["domain"]["devices"]["disks"].append({"name": "tray", "cdrom": {"bus": "sata"}}),
    ],
)
def test_kubevirts_own_parts_plug_in_and_out(change):
    """Rules 204 to 206: a volume, a memory dump, an unplugged volume, a processor, an empty CD-ROM."""
    assert found(change) == []


def test_a_volume_that_migrates_may_change():
    """Rule 205."""

    def change(vmi):
        vmi["spec"]["volumes"][0] = {"name": "root", "persistentVolumeClaim": {"claimName": "elsewhere"}}
        vmi["status"]["migratedVolumes"] = [{"volumeName": "root"}]

    assert found(change) == []


def test_users_change_nothing_in_the_spec():
    """Rule 201."""
    expected = [("NotSupported", None, "update of VMI object is restricted")]
    assert found(at("domain.cpu.sockets", 2), user=USER) == expected


@pytest.mark.parametrize("labels", [{}, {"kubevirt.io/nodeName": "node-1"}])
def test_users_change_no_reserved_labels(labels):
    """Rule 202; other labels are theirs."""
    message = "modification of the following reserved kubevirt.io/ labels on a VMI object is prohibited"

    def change(vmi):
        vmi["metadata"]["labels"] = labels

    assert found(change, user=USER) == [("NotSupported", None, message)]
    assert found(change) == []
    assert found(lambda vmi: vmi["metadata"]["labels"].update(app="web"), user=USER) == []


def utility(*volumes):
    return at("utilityVolumes", list(volumes))


UTILITY = {"name": "u", "claimName": "c"}


@pytest.mark.parametrize(
    ("gates", "change", "expected"),
    [
        ((), utility(UTILITY), ("Invalid", "spec.utilityVolumes", "UtilityVolumes feature gate is not enabled")),
        (("UtilityVolumes",), utility({**UTILITY, "name": ""}), ("Required", "spec.utilityVolumes[0].name", "UtilityVolume 'name' must be set")),
        (("UtilityVolumes",), utility({"name": "u", "claimName": ""}), ("Required", "spec.utilityVolumes[0].claimName", "UtilityVolume PVC 'claimName' must be set")),
        (("UtilityVolumes",), utility(UTILITY, UTILITY), ("Duplicate", "spec.utilityVolumes[1].name", "spec.utilityVolumes[1] and spec.utilityVolumes[0] must not have the same Name.")),
        (("UtilityVolumes",), utility({**UTILITY, "name": "gone"}), ("Invalid", None, "utility volume gone cannot be a permanent volume, utility volumes must always be hotplug")),
        (("UtilityVolumes",), utility(UTILITY), None),
    ],
)  # fmt: skip
def test_utility_volumes(gates, change, expected):
    """Rule 207."""
    old = instance()
    old["status"]["volumeStatus"].append({"name": "gone"})
    assert found(change, gates=gates, old=old) == ([] if expected is None else [expected])


def test_a_utility_volume_stays_what_it_is():
    """Rule 207."""
    old = instance()
    old["spec"]["utilityVolumes"] = [UTILITY]
    change = utility({"name": "u", "claimName": "other"})
    assert found(change, gates=("UtilityVolumes",), old=old) == [("Invalid", None, "utility volume u has changed")]


def handler(*node: str) -> User:
    return User(HANDLER, extra={NODE_NAME: node} if node else {})


def aim(vmi):
    vmi["status"]["migrationState"] = {"targetNode": "node-1"}


@pytest.mark.parametrize(
    ("user", "change", "message"),
    [
        (handler("node-0"), lambda vmi: None, None),
        (handler("node-1"), lambda vmi: None, "Node restriction, virt-handler is only allowed to modify VMIs it owns"),
        (handler("node-0"), aim, "Node restriction, virt-handler is not allowed to set target node"),
        (handler(), lambda vmi: None, "Node restriction failed, virt-handler service account is missing node name"),
        (CONTROLLER, aim, None),
    ],
)
def test_a_nodes_handler_keeps_to_its_node(user, change, message):
    """Rule 208."""
    assert found(change, user=user) == ([] if message is None else [("Invalid", None, message)])


def test_the_node_that_an_instance_moves_to_may_change_it():
    """Rule 208."""
    old = instance()
    aim(old)
    assert found(lambda vmi: None, user=handler("node-1"), old=old) == []
