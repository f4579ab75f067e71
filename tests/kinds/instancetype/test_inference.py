"""Instance types and preferences inferred from volumes (reference kubevirt-flavor.md 6.2)."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds.cdi import names as cdi
from solovirt.machinery.errors import StatusError
from tests.kinds.instancetype.conftest import MUTATOR, machine

GROUP = "instancetype.kubevirt.io"
LABELS = {
    f"{GROUP}/default-instancetype": "u1.small",
    f"{GROUP}/default-instancetype-kind": "VirtualMachineClusterInstancetype",
    f"{GROUP}/default-preference": "fedora",
}
CLAIM = {"pvc": {"name": "golden", "namespace": "images"}}
SNAPSHOT = {"snapshot": {"name": "golden", "namespace": "images"}}
REFERENCE = {"kind": "DataSource", "name": "fedora", "namespace": "images"}
MISSING_LABEL = f"unable to find required {GROUP}/default-instancetype label on the volume"
UNSUPPORTED_SOURCE = "unable to infer defaults from DataVolumeSpec as DataVolumeSource is not supported"


def on(source: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"template": {"volumes": [{"name": "root", **source}]}, **spec}


def on_template(**spec: Any) -> dict[str, Any]:
    template = {"metadata": {"name": "disk", "labels": {"a": "b"}}, "spec": {"storage": {}, **spec}}
    return on({"dataVolume": {"name": "disk"}}, dataVolumeTemplates=[template])


PVC = {"persistentVolumeClaim": {"claimName": "disk"}}
DV = {"dataVolume": {"name": "disk"}}

WAYS = [
    pytest.param(on(PVC), [(cdi.PERSISTENT_VOLUME_CLAIMS, "disk", "ns")], id="claim"),
    pytest.param(on(DV), [(cdi.DATA_VOLUMES, "disk", "ns")], id="data volume"),
    pytest.param(on(DV), [(cdi.PERSISTENT_VOLUME_CLAIMS, "disk", "ns")], id="collected data volume"),
    pytest.param(
        on(DV),
        [(cdi.DATA_VOLUMES, "disk", "ns", {"source": CLAIM}), (cdi.PERSISTENT_VOLUME_CLAIMS, "golden", "images")],
        id="data volume, claim",
    ),
    pytest.param(
        on(DV),
        [(cdi.DATA_VOLUMES, "disk", "ns", {"source": SNAPSHOT}), (cdi.VOLUME_SNAPSHOTS, "golden", "images")],
        id="data volume, snapshot",
    ),
    pytest.param(
        on(DV),
        [(cdi.DATA_VOLUMES, "disk", "ns", {"sourceRef": REFERENCE}), (cdi.DATA_SOURCES, "fedora", "images")],
        id="data volume, data source",
    ),
    pytest.param(
        on(DV),
        [
            (cdi.DATA_VOLUMES, "disk", "ns", {"sourceRef": REFERENCE}),
            (cdi.DATA_SOURCES, "fedora", "images", {"source": CLAIM}),
            (cdi.PERSISTENT_VOLUME_CLAIMS, "golden", "images"),
        ],
        id="data volume, data source, claim",
    ),
    pytest.param(
        on(DV),
        [
            (cdi.DATA_VOLUMES, "disk", "ns", {"sourceRef": REFERENCE}),
            (cdi.DATA_SOURCES, "fedora", "images", {"source": SNAPSHOT}),
            (cdi.VOLUME_SNAPSHOTS, "golden", "images"),
        ],
        id="data volume, data source, snapshot",
    ),
    pytest.param(on_template(source=CLAIM), [(cdi.PERSISTENT_VOLUME_CLAIMS, "golden", "images")], id="template, claim"),
    pytest.param(on_template(source=SNAPSHOT), [(cdi.VOLUME_SNAPSHOTS, "golden", "images")], id="template, snapshot"),
    pytest.param(
        on_template(sourceRef={"kind": "DataSource", "name": "fedora"}),
        [(cdi.DATA_SOURCES, "fedora", "ns")],
        id="template, data source beside it",
    ),
    pytest.param(
        on_template(sourceRef=REFERENCE),
        [
            (cdi.DATA_SOURCES, "fedora", "images", {"source": CLAIM}),
            (cdi.PERSISTENT_VOLUME_CLAIMS, "golden", "images"),
        ],
        id="template, data source, claim",
    ),
]


def put(gate, objects: list[tuple[Any, ...]], labels: dict[str, str]) -> None:
    """Put the objects there, the last of them with the labels."""
    for index, (resource, name, namespace, *spec) in enumerate(objects):
        last = index == len(objects) - 1
        gate.put(resource, name, namespace, spec=spec[0] if spec else {}, labels=labels if last else {"a": "b"})


@pytest.mark.parametrize(("spec", "objects"), WAYS)
def test_labels_are_followed_to_where_they_are(gate, spec, objects):
    put(gate, objects, LABELS)
    vm = gate.vm(**spec, instancetype={"inferFromVolume": "root"}, preference={"inferFromVolume": "root"})
    assert vm["spec"]["instancetype"] == {"name": "u1.small", "kind": "VirtualMachineClusterInstancetype"}
    assert vm["spec"]["preference"] == {"name": "fedora"}


def failure(gate, **spec: Any) -> str:
    """What the refusal says: 400 without reason, causes or details."""
    with pytest.raises(StatusError) as raised:
        gate.vm(**spec)
    status = raised.value.status()
    assert status["code"] == 400
    assert "reason" not in status
    assert "details" not in status
    prefix = f'admission webhook "{MUTATOR}" denied the request: '
    assert status["message"].startswith(prefix)
    return str(status["message"].removeprefix(prefix))


FAILURES = [
    (
        on({"emptyDisk": {"capacity": "1Gi"}}),
        [],
        "unable to infer defaults from volume root as type is not supported",
        True,
    ),
    (on(PVC), [(cdi.PERSISTENT_VOLUME_CLAIMS, "disk", "ns")], MISSING_LABEL, True),
    (on_template(source={"blank": {}}), [], UNSUPPORTED_SOURCE, True),
    (on(DV), [(cdi.DATA_VOLUMES, "disk", "ns", {"source": {"http": {}}})], UNSUPPORTED_SOURCE, True),
    (
        on_template(sourceRef={"kind": "Image", "name": "x"}),
        [],
        "unable to infer defaults from DataVolumeSourceRef as Kind Image is not supported",
        True,
    ),
    (
        on_template(sourceRef=REFERENCE),
        [(cdi.DATA_SOURCES, "fedora", "images", {"source": {}})],
        "unable to infer defaults from DataSource that doesn't provide DataVolumeSourcePVC or DataVolumeSourceSnapshot",
        True,
    ),
    ({}, [], "unable to find volume root to infer defaults", False),
    (on(PVC), [], 'persistentvolumeclaims "disk" not found', False),
    (on(DV), [], 'persistentvolumeclaims "disk" not found', False),
    (on_template(source=CLAIM), [], 'persistentvolumeclaims "golden" not found', False),
    (on_template(source=SNAPSHOT), [], 'volumesnapshots.snapshot.storage.k8s.io "golden" not found', False),
    (on_template(sourceRef=REFERENCE), [], 'datasources.cdi.kubevirt.io "fedora" not found', False),
]


@pytest.mark.parametrize("policy", [None, "Reject", "Ignore"])
@pytest.mark.parametrize(("spec", "objects", "text", "ignorable"), FAILURES)
def test_a_failure_is_refused_or_ignored(gate, policy, spec, objects, text, ignorable):
    """rule 48"""
    put(gate, objects, {})
    matcher = {"inferFromVolume": "root", **({"inferFromVolumeFailurePolicy": policy} if policy else {})}
    if policy == "Ignore" and ignorable:
        assert "instancetype" not in gate.vm(**spec, instancetype=matcher)["spec"]
        preference = gate.vm(**spec, preference=matcher)["spec"]
        assert "preference" not in preference
    else:
        assert failure(gate, **spec, instancetype=matcher) == text
        assert failure(gate, **spec, preference=matcher) == text.replace("default-instancetype", "default-preference")


def test_a_tolerant_matcher_that_succeeds_clears_the_templates_memory(gate):
    """Section 6.2: what was there in case of failure would now conflict."""
    put(gate, [(cdi.PERSISTENT_VOLUME_CLAIMS, "disk", "ns")], LABELS)
    spec = on(PVC)
    spec["template"]["domain"] = {"devices": {}, "memory": {"guest": "1Gi"}}
    for policy, kept in (("Reject", {"guest": "1Gi"}), ("Ignore", None)):
        matcher = {"inferFromVolume": "root", "inferFromVolumeFailurePolicy": policy}
        vm = gate.vm(**spec, instancetype=matcher)
        assert vm["spec"]["template"]["spec"]["domain"].get("memory") == kept
    vm = gate.vm(**spec, preference=matcher)
    assert vm["spec"]["template"]["spec"]["domain"]["memory"] == {"guest": "1Gi"}


def test_an_update_infers_too(gate):
    put(gate, [(cdi.PERSISTENT_VOLUME_CLAIMS, "disk", "ns")], LABELS)
    vm = gate.vm(machine(**on(PVC)), **on(PVC), instancetype={"inferFromVolume": "root"})
    assert vm["spec"]["instancetype"]["name"] == "u1.small"
