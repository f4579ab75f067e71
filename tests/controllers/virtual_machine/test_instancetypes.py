"""Instance types and preferences of machines that start and run (reference kubevirt-flavor.md 6.3 and 6.4)."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.kinds.instancetype.names import (
    CLUSTER_INSTANCETYPES,
    CLUSTER_PREFERENCES,
    INSTANCETYPES,
    PREFERENCES,
)
from solovirt.kinds.kubevirt import names
from solovirt.machinery.resource import GroupResource, ObjectKey
from tests.controllers.conftest import World, machine

SMALL: dict[str, Any] = {"cpu": {"guest": 2}, "memory": {"guest": "1Gi"}}
FEDORA: dict[str, Any] = {
    "devices": {
        "preferredDiskBus": "virtio",
        "preferredInterfaceModel": "e1000",
        "preferredAutoattachInputDevice": True,
    },
    "cpu": {"preferredCPUTopology": "cores"},
    "annotations": {"os": "fedora"},
    "preferredTerminationGracePeriodSeconds": 5,
}
TEMPLATE: dict[str, Any] = {
    "spec": {
        "domain": {"devices": {}},
        "volumes": [{"name": "root", "containerDisk": {"image": "quay.io/containerdisks/fedora:41"}}],
    }
}


def sized(**spec: Any) -> dict[str, Any]:
    return machine(**{"runStrategy": "Always", "template": TEMPLATE, "instancetype": {"name": "small"}, **spec})


async def put(world: World, resource: GroupResource, spec: dict[str, Any], name: str = "small") -> dict[str, Any]:
    namespace = {"namespace": "default"} if resource in (INSTANCETYPES, PREFERENCES) else {}
    return await world.create(resource, {"metadata": {"name": name, **namespace, "labels": {"a": "b"}}, "spec": spec})


async def change(world: World, resource: GroupResource, **spec: Any) -> None:
    await world.user.edit(resource, ObjectKey("", "small"), lambda one: one["spec"].update(spec))
    await world.manager.settle()


async def restart(world: World) -> None:
    await world.instance_is("Running")
    await world.instance_is("Succeeded")


def revisions(world: World) -> list[dict[str, Any]]:
    """All revisions but those of starts."""
    found = world.user.list(names.CONTROLLER_REVISIONS, "default")
    return [one for one in found if not one["metadata"]["name"].startswith("revision-start-vm-")]


def failure(world: World) -> tuple[str, str] | None:
    for one in world.the_vm()["status"]["conditions"]:
        if one["type"] == "Failure":
            return one["reason"], one["message"]
    return None


def topology(world: World) -> tuple[int, int, int]:
    cpu = world.the_instance()["spec"]["domain"]["cpu"]
    return cpu["sockets"], cpu["cores"], cpu["threads"]


async def set_policy(world: World, policy: str) -> None:
    def edit(document: dict[str, Any]) -> None:
        configuration = document["spec"].setdefault("configuration", {})
        configuration["instancetype"] = {"referencePolicy": policy}

    installation = next(iter(world.user.list(names.KUBEVIRTS)))
    key = ObjectKey(installation["metadata"]["namespace"], installation["metadata"]["name"])
    await world.system.edit(names.KUBEVIRTS, key, edit)


async def test_an_instance_is_made_with_instance_type_and_preference(world):
    await put(world, CLUSTER_INSTANCETYPES, SMALL)
    await put(world, CLUSTER_PREFERENCES, FEDORA)
    await world.vm(sized(preference={"name": "small"}))
    instance = world.the_instance()
    domain, devices = instance["spec"]["domain"], instance["spec"]["domain"]["devices"]
    assert topology(world) == (1, 2, 1)
    assert domain["memory"]["guest"] == "1Gi"
    assert instance["spec"]["terminationGracePeriodSeconds"] == 5
    # The preference is for what is added unasked, too (kubevirt-vm.md 5: auto-attach preferences first, then defaults).
    assert devices["disks"] == [{"name": "root", "disk": {"bus": "virtio"}}]
    assert devices["interfaces"] == [{"name": "default", "bridge": {}, "model": "e1000"}]
    assert [one["name"] for one in devices["inputs"]] == ["default-0"]
    annotations = instance["metadata"]["annotations"]
    assert annotations["os"] == "fedora"
    assert annotations["kubevirt.io/cluster-instancetype-name"] == "small"
    assert annotations["kubevirt.io/cluster-preference-name"] == "small"
    assert instance["status"]["currentCPUTopology"] == {"sockets": 1, "cores": 2, "threads": 1}
    assert instance["status"]["memory"]["guestAtBoot"] == "1Gi"
    # Nothing of it is written into the VM.
    assert world.the_vm()["spec"]["template"]["spec"]["domain"]["devices"] == {}


async def test_namespaced_ones_are_named_so(world):
    await put(world, INSTANCETYPES, SMALL)
    await put(world, PREFERENCES, {})
    await world.vm(
        sized(
            instancetype={"name": "small", "kind": "VirtualMachineInstancetype"},
            preference={"name": "small", "kind": "virtualmachinepreferences"},
        )
    )
    annotations = world.the_instance()["metadata"]["annotations"]
    assert annotations["kubevirt.io/instancetype-name"] == "small"
    assert annotations["kubevirt.io/preference-name"] == "small"


async def test_a_vm_keeps_what_it_first_met_as_controller_revisions(world):
    """Section 6.4; the VM need not run for it."""
    size = await put(world, CLUSTER_INSTANCETYPES, SMALL)
    taste = await put(world, CLUSTER_PREFERENCES, FEDORA)
    await world.vm(sized(runStrategy="Halted", preference={"name": "small", "kind": "VirtualMachineClusterPreference"}))
    vm = world.the_vm()
    expected = {}
    for made, kind in ((size, "VirtualMachineClusterInstancetype"), (taste, "VirtualMachineClusterPreference")):
        name = f"vm-small-v1beta1-{made['metadata']['uid']}-1"
        expected[kind] = name
        kept = world.get(names.CONTROLLER_REVISIONS, name)
        assert kept is not None
        assert kept["metadata"]["labels"] == {
            "instancetype.kubevirt.io/object-generation": "1",
            "instancetype.kubevirt.io/object-kind": kind,
            "instancetype.kubevirt.io/object-name": "small",
            "instancetype.kubevirt.io/object-uid": made["metadata"]["uid"],
            "instancetype.kubevirt.io/object-version": "v1beta1",
        }
        (owner,) = kept["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("VirtualMachine", vm["metadata"]["uid"], True)
        data = kept["data"]
        assert (data["apiVersion"], data["kind"]) == ("instancetype.kubevirt.io/v1beta1", kind)
        assert data["spec"] == made["spec"]
        assert data["metadata"]["uid"] == made["metadata"]["uid"]
        assert not {"labels", "annotations", "finalizers", "ownerReferences", "managedFields"} & data["metadata"].keys()
    assert vm["status"]["instancetypeRef"] == {
        "name": "small",
        "controllerRevisionRef": {"name": expected["VirtualMachineClusterInstancetype"]},
    }
    assert vm["status"]["preferenceRef"] == {
        "name": "small",
        "kind": "VirtualMachineClusterPreference",
        "controllerRevisionRef": {"name": expected["VirtualMachineClusterPreference"]},
    }
    assert world.instance() is None


async def test_a_change_or_the_end_of_an_instance_type_does_not_reach_vms_that_met_it(world):
    """kubevirt-validation.md 11, end."""
    await put(world, CLUSTER_INSTANCETYPES, SMALL)
    await world.vm(sized())
    await change(world, CLUSTER_INSTANCETYPES, cpu={"guest": 4})
    await restart(world)
    assert topology(world) == (2, 1, 1)
    await world.user.delete(CLUSTER_INSTANCETYPES, ObjectKey("", "small"))
    await restart(world)
    assert topology(world) == (2, 1, 1)
    assert failure(world) is None


@pytest.mark.parametrize("how", ["name", "kind"])
async def test_another_matcher_makes_another_revision_that_the_next_start_uses(world, how):
    """Section 6.4: changing name or kind clears the reference."""
    await put(world, CLUSTER_INSTANCETYPES, SMALL)
    larger = {**SMALL, "cpu": {"guest": 4}}
    await put(
        world, CLUSTER_INSTANCETYPES if how == "name" else INSTANCETYPES, larger, "large" if how == "name" else "small"
    )
    await world.vm(sized())
    await world.instance_is("Running")
    before = world.the_vm()["status"]["instancetypeRef"]
    matcher = {"name": "large"} if how == "name" else {"name": "small", "kind": "VirtualMachineInstancetype"}
    await world.edit(names.VIRTUAL_MACHINES, "vm", instancetype=matcher)
    after = world.the_vm()["status"]["instancetypeRef"]
    assert {**after, **matcher} == after
    assert after["controllerRevisionRef"] != before["controllerRevisionRef"]
    assert len(revisions(world)) == 2
    # What can be plugged into a running instance is (kubevirt-vm.md 8).
    assert topology(world) == (4, 1, 1)
    await world.instance_is("Succeeded")
    assert topology(world) == (4, 1, 1)


async def test_a_running_vm_with_another_instance_type_needs_a_restart(world):
    """kubevirt-vm.md 8: start and now are compared after expansion."""
    await put(world, CLUSTER_INSTANCETYPES, SMALL)
    await put(world, CLUSTER_INSTANCETYPES, {**SMALL, "ioThreadsPolicy": "auto"}, "threaded")
    await put(world, CLUSTER_INSTANCETYPES, SMALL, "twin")
    await world.vm(sized())
    await world.instance_is("Running")

    def restart_required() -> list[str]:
        conditions = world.the_vm()["status"]["conditions"]
        return [one["message"] for one in conditions if one["type"] == "RestartRequired"]

    assert restart_required() == []
    await world.edit(names.VIRTUAL_MACHINES, "vm", instancetype={"name": "twin"})
    assert restart_required() == []
    await world.edit(names.VIRTUAL_MACHINES, "vm", instancetype={"name": "threaded"})
    assert restart_required() == ["a non-live-updatable field was changed in the template spec"]
    await world.instance_is("Succeeded")
    await world.instance_is("Running")
    assert restart_required() == []


async def test_the_start_revision_insists_on_what_was_used(world):
    await put(world, CLUSTER_INSTANCETYPES, SMALL)
    await world.vm(sized())
    name = world.the_instance()["status"]["virtualMachineRevisionName"]
    kept = world.get(names.CONTROLLER_REVISIONS, name)
    reference = world.the_vm()["status"]["instancetypeRef"]["controllerRevisionRef"]["name"]
    assert kept["data"]["spec"]["instancetype"] == {"name": "small", "revisionName": reference}
    assert "revisionName" not in world.the_vm()["spec"]["instancetype"]


async def test_a_revision_in_the_matcher_wins(world):
    """Section 6.4: it is only an input, and nothing is stored beside it."""
    await put(world, CLUSTER_INSTANCETYPES, SMALL)
    data = {"apiVersion": "instancetype.kubevirt.io/v1beta1", "kind": "VirtualMachineClusterInstancetype"}
    spec = {**SMALL, "cpu": {"guest": 3}}
    await world.create(
        names.CONTROLLER_REVISIONS,
        {"metadata": {"name": "mine", "namespace": "default"}, "data": {**data, "spec": spec}, "revision": 0},
    )
    await world.vm(sized(instancetype={"name": "small", "revisionName": "mine"}))
    assert topology(world) == (3, 1, 1)
    assert world.the_vm()["status"]["instancetypeRef"]["controllerRevisionRef"] == {"name": "mine"}
    assert [one["metadata"]["name"] for one in revisions(world)] == ["mine"]


@pytest.mark.parametrize(
    ("spec", "reason", "message"),
    [
        (
            {},
            "FailedFindInstancetype",
            'virtualmachineclusterinstancetypes.instancetype.kubevirt.io "small" not found',
        ),
        (
            {"instancetype": {"name": "small", "kind": "Size"}},
            "FailedFindInstancetype",
            "got unexpected kind in InstancetypeMatcher: Size",
        ),
        (
            {"instancetype": {"name": "small", "revisionName": "r"}},
            "FailedFindInstancetype",
            'controllerrevisions.apps "r" not found',
        ),
        (
            {"instancetype": None, "preference": {"name": "p", "kind": "VirtualMachinePreference"}},
            "FailedFindPreference",
            'virtualmachinepreferences.instancetype.kubevirt.io "p" not found',
        ),
    ],
)
async def test_what_is_missing_is_told_and_nothing_starts(world, spec, reason, message):
    """Section 6.3, end."""
    await world.vm(sized(**spec))
    assert failure(world) == (reason, message)
    assert world.instance() is None
    assert world.word() == "Stopped"
    assert world.events() == []


async def test_a_vm_starts_when_its_instance_type_appears(world):
    await world.vm(sized())
    assert failure(world) is not None
    await put(world, CLUSTER_INSTANCETYPES, SMALL)
    await world.advance(5)
    assert failure(world) is None
    assert topology(world) == (2, 1, 1)


async def test_an_instance_type_that_conflicts_by_now_is_not_stored(world):
    """It appeared after the VM was admitted."""
    template = {"spec": {"domain": {"devices": {}, "cpu": {"cores": 1}, "memory": {"guest": "1Gi"}}}}
    await world.vm(sized(template=template))
    await put(world, CLUSTER_INSTANCETYPES, SMALL)
    await world.advance(5)
    paths = "spec.template.spec.domain.cpu.cores, spec.template.spec.domain.memory.guest"
    why = f"VM field(s) {paths} conflicts with selected instance type"
    text = f"error encountered while storing instancetype.kubevirt.io controllerRevisions: {why}"
    assert failure(world) == ("FailedCreate", text)
    assert ("Warning", "FailedCreate", text) in world.events()
    assert (world.instance(), revisions(world)) == (None, [])


async def test_a_revision_of_that_name_with_other_data_is_told(world):
    size = await put(world, CLUSTER_INSTANCETYPES, SMALL)
    name = f"vm-small-v1beta1-{size['metadata']['uid']}-1"
    data = {**{key: size[key] for key in ("apiVersion", "kind")}, "spec": {**SMALL, "cpu": {"guest": 9}}}
    await world.create(
        names.CONTROLLER_REVISIONS, {"metadata": {"name": name, "namespace": "default"}, "data": data, "revision": 0}
    )
    await world.vm(sized())
    why = f"found existing ControllerRevision with unexpected data: {name}"
    text = f"error encountered while storing instancetype.kubevirt.io controllerRevisions: {why}"
    assert failure(world) == ("FailedCreate", text)


async def test_a_revision_of_that_name_with_the_same_data_is_taken(world):
    """As after a crash between its creation and the note in the status."""
    size = await put(world, CLUSTER_INSTANCETYPES, SMALL)
    name = f"vm-small-v1beta1-{size['metadata']['uid']}-1"
    data = {key: size[key] for key in ("apiVersion", "kind", "spec")}
    await world.create(
        names.CONTROLLER_REVISIONS, {"metadata": {"name": name, "namespace": "default"}, "data": data, "revision": 0}
    )
    await world.vm(sized())
    assert world.the_vm()["status"]["instancetypeRef"]["controllerRevisionRef"] == {"name": name}
    assert topology(world) == (2, 1, 1)


async def test_a_start_that_conflicts_is_told(world):
    """Section 6.3: the revision that a matcher insists on may be anything."""
    data = {"apiVersion": "instancetype.kubevirt.io/v1beta1", "kind": "VirtualMachineClusterInstancetype"}
    template = {"spec": {"domain": {"devices": {}, "memory": {"guest": "1Gi"}}}}
    await world.vm(sized(template=template, instancetype={"name": "small", "revisionName": "mine"}))
    await world.create(
        names.CONTROLLER_REVISIONS,
        {"metadata": {"name": "mine", "namespace": "default"}, "data": {**data, "spec": SMALL}, "revision": 0},
    )
    await world.advance(5)
    why = "VMI conflicts with instancetype spec in fields: [spec.domain.memory.guest]"
    assert failure(world) == ("FailedCreate", f"Failure while starting VMI: {why}")
    text = f"Error creating virtual machine instance: Failed to apply instancetype: {why}"
    assert ("Warning", "FailedCreate", text) in world.events()


async def test_revisions_go_with_the_vm(world):
    await put(world, CLUSTER_INSTANCETYPES, SMALL)
    await world.vm(sized(runStrategy="Halted"))
    (kept,) = revisions(world)
    assert kept["metadata"]["ownerReferences"][0]["uid"] == world.the_vm()["metadata"]["uid"]


# Reference policies


async def test_expand_writes_them_out(world):
    await set_policy(world, "expand")
    await put(world, CLUSTER_INSTANCETYPES, SMALL)
    await put(world, CLUSTER_PREFERENCES, FEDORA)
    await world.vm(sized(preference={"name": "small"}))
    vm = world.the_vm()
    assert not {"instancetype", "preference"} & vm["spec"].keys()
    assert not {"instancetypeRef", "preferenceRef"} & vm["status"].keys()
    template = vm["spec"]["template"]
    assert template["metadata"]["annotations"] == {"os": "fedora"}
    cpu = template["spec"]["domain"]["cpu"]
    assert (cpu["sockets"], cpu["cores"], cpu["threads"]) == (1, 2, 1)
    assert template["spec"]["domain"]["memory"] == {"guest": "1Gi"}
    assert template["spec"]["domain"]["devices"]["disks"] == [{"name": "root", "disk": {"bus": "virtio"}}]
    assert revisions(world) == []
    assert topology(world) == (1, 2, 1)
    assert "kubevirt.io/cluster-instancetype-name" not in world.the_instance()["metadata"]["annotations"]


@pytest.mark.parametrize("policy", ["expand", "expandAll"])
async def test_what_is_stored_stays_unless_all_is_to_be_expanded(world, policy):
    await put(world, CLUSTER_INSTANCETYPES, SMALL)
    await world.vm(sized(runStrategy="Halted"))
    assert len(revisions(world)) == 1
    # What is written out is the revision, not what became of the instance type.
    await change(world, CLUSTER_INSTANCETYPES, cpu={"guest": 4})
    await set_policy(world, policy)
    await world.edit(names.VIRTUAL_MACHINES, "vm", runStrategy="Always")
    assert topology(world) == (2, 1, 1)
    vm = world.the_vm()
    if policy == "expand":
        assert (len(revisions(world)), vm["spec"]["instancetype"]) == (1, {"name": "small"})
    else:
        assert (revisions(world), "instancetype" in vm["spec"]) == ([], False)
        assert "instancetypeRef" not in vm["status"]


async def test_an_expansion_that_was_cut_short_is_finished(world):
    """The spec was written, then the server was killed."""
    await put(world, CLUSTER_INSTANCETYPES, SMALL)
    await world.vm(sized(runStrategy="Halted"))
    await set_policy(world, "expandAll")
    domain = {"devices": {}, "cpu": {"sockets": 2}, "memory": {"guest": "1Gi"}}
    await world.edit(names.VIRTUAL_MACHINES, "vm", instancetype=None, template={"spec": {"domain": domain}})
    assert revisions(world) == []
    assert "instancetypeRef" not in world.the_vm()["status"]


async def test_an_expansion_that_conflicts_is_told(world):
    await set_policy(world, "expand")
    template = {"spec": {"domain": {"devices": {}, "memory": {"guest": "1Gi"}}}}
    await world.vm(sized(template=template))
    await put(world, CLUSTER_INSTANCETYPES, SMALL)
    await world.advance(5)
    why = "VM field(s) spec.template.spec.domain.memory.guest conflicts with selected instance type"
    text = f"unsupported error: error encountered while expanding into VirtualMachine: {why}"
    assert failure(world) == ("UnsupportedSyncError", text)


# Inference


LABELS = {
    "instancetype.kubevirt.io/default-instancetype": "small",
    "instancetype.kubevirt.io/default-preference": "small",
}


@pytest.mark.parametrize("labelled", ["claim", "data volume", "data source"])
async def test_what_suits_a_disk_is_inferred_from_its_labels(world, labelled):
    """Section 6.2."""
    await put(world, CLUSTER_INSTANCETYPES, SMALL)
    await put(world, CLUSTER_PREFERENCES, FEDORA)
    if labelled == "claim":
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        metadata = {"name": "disk", "namespace": "default", "labels": LABELS}
        await world.create(core.PERSISTENT_VOLUME_CLAIMS, {"metadata": metadata, "spec": claim})
        source: dict[str, Any] = {"persistentVolumeClaim": {"claimName": "disk"}}
        templates: list[dict[str, Any]] = []
    else:
        source = {"dataVolume": {"name": "disk"}}
        storage = {"resources": {"requests": {"storage": "1Gi"}}}
        of: dict[str, Any] = {"source": {"blank": {}}}
        templates = []
        if labelled == "data source":
            of = {"sourceRef": {"kind": "DataSource", "name": "fedora"}}
            metadata = {"name": "fedora", "namespace": "default", "labels": LABELS}
            await world.create(cdi.DATA_SOURCES, {"metadata": metadata, "spec": {"source": {}}})
            templates = [{"metadata": {"name": "disk"}, "spec": {"storage": storage, **of}}]
        else:
            metadata = {"name": "disk", "namespace": "default", "labels": LABELS}
            await world.create(cdi.DATA_VOLUMES, {"metadata": metadata, "spec": {"storage": storage, **of}})
    template = {"spec": {"domain": {"devices": {}}, "volumes": [{"name": "root", **source}]}}
    infer = {"inferFromVolume": "root"}
    await world.vm(
        sized(
            runStrategy="Halted",
            instancetype=infer,
            preference=infer,
            template=template,
            dataVolumeTemplates=templates,
        )
    )
    vm = world.the_vm()
    assert (vm["spec"]["instancetype"], vm["spec"]["preference"]) == ({"name": "small"}, {"name": "small"})
    assert vm["status"]["instancetypeRef"]["name"] == "small"
    assert len(revisions(world)) == 2
