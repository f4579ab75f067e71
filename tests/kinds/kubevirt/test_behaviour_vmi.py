import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solovirt.kinds.kubevirt import instance_defaults
from solovirt.kinds.kubevirt.behaviour_vmi import VirtualMachineInstanceBehaviour
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.kinds.kubevirt.resources import RESOURCES
from solovirt.machinery.admission import Admission, Operation
from solovirt.machinery.auth.identity import User
from solovirt.machinery.errors import StatusError, required
from solovirt.machinery.resource import ObjectKey
from tests.kinds.kubevirt.admitted import Documents

FIELDS = [
    "domain",
    "devices",
    "disks",
    "interfaces",
    "networks",
    "volumes",
    "name",
    "cpu",
    "memory",
    "guest",
    "resources",
    "requests",
    "limits",
    "features",
    "hyperv",
    "synic",
    "firmware",
    "machine",
    "inputs",
    "watchdog",
    "cdrom",
    "livenessProbe",
    "containerDisk",
    "image",
    "hugepages",
    "pageSize",
    "sockets",
    "cores",
    "phase",
]
USER = User("jane")
CONTROLLER = User("system:serviceaccount:kubevirt:kubevirt-controller")
RESOURCE = next(resource for resource in RESOURCES if resource.kind == "VirtualMachineInstance")
BEHAVIOUR = VirtualMachineInstanceBehaviour()


def admission(operation=Operation.CREATE, user=USER) -> Admission:
    return Admission(
        operation, RESOURCE, "v1", ObjectKey("default", "vmi"), user, Documents(), datetime(2026, 1, 1, tzinfo=UTC)
    )


def instance(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstance",
        "metadata": {"name": "vmi", "namespace": "default"},
        "spec": {"domain": {"devices": {}, "memory": {"guest": "1Gi"}}, **spec},
    }


def created(obj: dict[str, Any], user=USER) -> dict[str, Any]:
    BEHAVIOUR.mutate(obj, None, admission(user=user))
    BEHAVIOUR.validate_create(obj, admission(user=user))
    return obj


def test_a_bare_instance_gets_its_defaults():
    """kubevirt-vm.md 6.2 and 6.3."""
    spec = created(instance())["spec"]
    uuid = spec["domain"]["firmware"].pop("uuid")
    assert len(uuid) == 36
    assert spec == {
        "architecture": "amd64",
        "evictionStrategy": "None",
        "networks": [{"name": "default", "pod": {}}],
        "domain": {
            "machine": {"type": "q35"},
            "firmware": {},
            "features": {"acpi": {"enabled": True}},
            "memory": {"guest": "1Gi", "maxGuest": "4Gi"},
            "cpu": {"cores": 1, "sockets": 1, "threads": 1, "model": "host-model", "maxSockets": 4},
            "devices": {"interfaces": [{"name": "default", "bridge": {}}]},
        },
    }


def test_a_new_instance_starts_pending_with_its_sizes_in_the_status():
    """kubevirt-vm.md 6.2, rows finalizer and status."""
    vmi = created(instance())
    assert vmi["metadata"]["finalizers"] == ["kubevirt.io/foregroundDeleteVirtualMachine"]
    assert vmi["status"] == {
        "phase": "Pending",
        "phaseTransitionTimestamps": [{"phase": "Pending", "phaseTransitionTimestamp": "2026-01-01T00:00:00Z"}],
        "runtimeUser": 107,
        "guestOSInfo": {},
        "memory": {"guestAtBoot": "1Gi", "guestCurrent": "1Gi", "guestRequested": "1Gi"},
        "currentCPUTopology": {"cores": 1, "sockets": 1, "threads": 1},
    }


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ({"resources": {"limits": {"cpu": "1500m"}}}, {"cores": 1, "sockets": 2, "threads": 1}),
        ({"resources": {"requests": {"cpu": 3}}}, {"cores": 1, "sockets": 3, "threads": 1}),
        ({"cpu": {"cores": 2}}, {"cores": 2, "sockets": 1, "threads": 1}),
    ],
)
def test_the_topology_follows_limits_then_requests(domain, expected):
    """kubevirt-vm.md 6.2, row cpu."""
    vmi = instance()
    vmi["spec"]["domain"].update(domain)
    assert created(vmi)["status"]["currentCPUTopology"] == expected


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("quay.io/x/fedora", "Always"),
        ("registry:5000/fedora", "Always"),
        ("fedora:latest", "Always"),
        ("fedora:41", "IfNotPresent"),
        ("fedora@sha256:" + "0" * 64, "IfNotPresent"),
    ],
)
def test_an_image_that_may_change_is_always_pulled(image, policy):
    """kubevirt-vm.md 6.2, row containerDisk.imagePullPolicy."""
    assert instance_defaults.pull_policy(image) == policy


def test_every_volume_gets_a_disk_and_every_disk_a_bus():
    """kubevirt-vm.md 6.2, rows disk per volume, disk device, bus, cdrom."""
    vmi = instance(
        volumes=[
            {"name": "root", "dataVolume": {"name": "root"}},
            {"name": "iso", "persistentVolumeClaim": {"claimName": "iso"}},
            {"name": "extra", "emptyDisk": {"capacity": "1Gi"}},
        ]
    )
    vmi["spec"]["domain"]["devices"]["disks"] = [
        {"name": "root", "disk": {"bus": "virtio"}},
        {"name": "iso", "cdrom": {}},
    ]
    assert created(vmi)["spec"]["domain"]["devices"]["disks"] == [
        {"name": "root", "disk": {"bus": "virtio"}},
        {"name": "iso", "cdrom": {"bus": "sata", "readonly": True, "tray": "closed"}},
        {"name": "extra", "disk": {"bus": "sata"}},
    ]


def test_hyperv_features_bring_what_they_need():
    """kubevirt-validation.md rule 193; kubevirt-vm.md 6.2, row features."""
    vmi = instance()
    vmi["spec"]["domain"]["features"] = {"hyperv": {"synictimer": {}, "spinlocks": {}}}
    assert created(vmi)["spec"]["domain"]["features"]["hyperv"] == {
        "synictimer": {"enabled": True},
        "synic": {"enabled": True},
        "vpindex": {"enabled": True},
        "spinlocks": {"enabled": True, "spinlocks": 4096},
    }


def test_a_masquerade_cluster_adds_a_masquerade_interface():
    """kubevirt-vm.md 6.3."""
    spec: dict[str, Any] = {"domain": {"devices": {}}}
    instance_defaults.default_spec(spec, cluster=Cluster(network_interface="masquerade"))
    assert spec["domain"]["devices"]["interfaces"] == [{"name": "default", "masquerade": {}}]


def test_without_the_pod_interface_no_network_is_added():
    """kubevirt-vm.md 6.3."""
    spec: dict[str, Any] = {"domain": {"devices": {"autoattachPodInterface": False}}}
    instance_defaults.default_spec(spec)
    assert "networks" not in spec


def refusal(function, *arguments) -> dict[str, Any]:
    with pytest.raises(StatusError) as caught:
        function(*arguments)
    return caught.value.status()


def test_an_instance_without_memory_is_denied():
    """kubevirt-validation.md rule 192: a cause without field."""
    vmi = instance()
    del vmi["spec"]["domain"]["memory"]
    status = refusal(created, vmi)
    text = (
        "no memory requested, at least one of 'spec.domain.memory.guest', 'spec.domain.memory.hugepages.pageSize' "
        "or 'spec.domain.resources.requests.memory' must be set"
    )
    assert (status["code"], status["reason"]) == (422, "Invalid")
    webhook = "virtualmachineinstances-create-validator.kubevirt.io"
    assert status["message"] == f'admission webhook "{webhook}" denied the request: {text}'
    assert status["details"] == {"causes": [{"reason": "FieldValueRequired", "message": text}]}


def test_users_may_not_set_reserved_labels():
    """kubevirt-validation.md rule 66."""
    vmi = instance()
    vmi["metadata"]["labels"] = {"kubevirt.io/nodeName": "node01"}
    (cause,) = refusal(created, copy.deepcopy(vmi))["details"]["causes"]
    assert cause == {
        "reason": "FieldValueNotSupported",
        "message": "creation of the following reserved kubevirt.io/ labels on a VMI object is prohibited",
        "field": "metadata.labels",
    }
    created(vmi, user=CONTROLLER)


def test_users_may_not_change_the_spec():
    """kubevirt-validation.md rule 201."""
    old = created(instance())
    new = copy.deepcopy(old)
    new["spec"]["hostname"] = "other"
    (cause,) = refusal(BEHAVIOUR.validate_update, new, old, admission(Operation.UPDATE))["details"]["causes"]
    assert cause == {"reason": "FieldValueNotSupported", "message": "update of VMI object is restricted"}
    BEHAVIOUR.validate_update(new, old, admission(Operation.UPDATE, CONTROLLER))


def test_users_may_not_touch_reserved_labels_of_a_running_instance():
    """kubevirt-validation.md rule 202."""
    old = created(instance())
    old["metadata"]["labels"] = {"kubevirt.io/nodeName": "node01", "mine": "1"}
    new = copy.deepcopy(old)
    new["metadata"]["labels"] = {"mine": "2"}
    (cause,) = refusal(BEHAVIOUR.validate_update, new, old, admission(Operation.UPDATE))["details"]["causes"]
    assert cause["message"] == (
        "modification of the following reserved kubevirt.io/ labels on a VMI object is prohibited"
    )
    new["metadata"]["labels"]["kubevirt.io/nodeName"] = "node01"
    BEHAVIOUR.validate_update(new, old, admission(Operation.UPDATE))


def test_a_users_change_of_the_status_is_put_back():
    """kubevirt-validation.md 7: silently."""
    old = created(instance())
    new = copy.deepcopy(old)
    new["status"] = {"phase": "Succeeded"}
    BEHAVIOUR.mutate(new, old, admission(Operation.UPDATE))
    assert new["status"] == old["status"]


def test_kubevirts_own_parts_write_the_status():
    """kubevirt-vm.md 1.1: the VMI has no status subresource."""
    old = created(instance())
    new = copy.deepcopy(old)
    new["status"]["phase"] = "Running"
    BEHAVIOUR.mutate(new, old, admission(Operation.UPDATE, CONTROLLER))
    assert new["status"]["phase"] == "Running"


@pytest.mark.parametrize(
    ("section", "field", "message"),
    [("cpu", "maxSockets", "CPU topology maxSockets changed"), ("memory", "maxGuest", "Memory maxGuest changed")],
)
def test_not_even_kubevirt_changes_the_hotplug_bounds(section, field, message):
    """kubevirt-validation.md rule 203."""
    old = created(instance())
    new = copy.deepcopy(old)
    new["spec"]["domain"][section][field] = 9
    causes = refusal(BEHAVIOUR.validate_update, new, old, admission(Operation.UPDATE, CONTROLLER))["details"]["causes"]
    assert causes == [{"reason": "FieldValueInvalid", "message": message}]


@pytest.mark.parametrize(
    "spec",
    [
        None,
        "text",
        {},
        {"domain": "text"},
        {"domain": {}},
        {"domain": {"devices": "text"}},
        {"domain": {"devices": {"disks": "text"}}},
        {"domain": {"devices": {}, "cpu": {"sockets": "two"}}},
        {"domain": {"devices": {}, "memory": "1Gi"}},
        {"domain": {"devices": {}}, "volumes": ["text"]},
        {"domain": {"devices": {}, "features": {"hyperv": {"synic": 1}}}},
    ],
)
def test_a_malformed_instance_is_left_to_the_schema(spec):
    """kubevirt-validation.md 2: the schema answers, and defaulting neither falls over nor fills in what is required."""
    vmi = {"metadata": {"name": "vmi", "namespace": "default"}, "spec": copy.deepcopy(spec)}
    BEHAVIOUR.mutate(vmi, None, admission())
    assert vmi["spec"] == spec or "cpu" in vmi["spec"]["domain"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=20,
)


# Making up documents is what takes long on a busy machine.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(spec=JSON, domain=JSON, devices=JSON, status=JSON)
def test_no_shape_of_an_instance_upsets_defaulting(spec, domain, devices, status):
    vmi = {"metadata": {"name": "vmi", "namespace": "default"}, "spec": spec, "status": status}
    if isinstance(spec, dict):
        vmi["spec"] = {**spec, "domain": {**domain, "devices": devices} if isinstance(domain, dict) else domain}
    BEHAVIOUR.mutate(vmi, None, admission())


def test_the_mutating_webhook_words_what_the_schema_found():
    """kubevirt-validation.md 2, webhook schema check: 422 with causes that have a message alone."""
    refused = BEHAVIOUR.refuse_malformed({}, [required("spec.domain")], admission())
    assert refused is not None
    status = refused.status()
    text = "spec.domain in body is required"
    webhook = "virtualmachineinstances-mutator.kubevirt.io"
    assert status["message"] == f'admission webhook "{webhook}" denied the request: {text}'
    assert (status["code"], status["details"]) == (422, {"causes": [{"message": text}]})
