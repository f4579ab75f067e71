"""Claims, volumes and their classes, by reference kubernetes-api.md 7."""

from __future__ import annotations

import pytest

from solovirt.kinds.core import names
from solovirt.machinery.errors import Forbidden

STORAGE = "storage.k8s.io"


def claim(**spec):
    return {
        "metadata": {"namespace": "n", "name": "c"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec},
    }


def volume(**spec):
    return {
        "metadata": {"name": "v"},
        "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/a"}, **spec},
    }


def storage_class(name="fast", *, default=False, since="2026-01-01T00:00:00Z", **fields):
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return {
        "metadata": {"name": name, "annotations": annotations, "creationTimestamp": since},
        "provisioner": "example.com/disks",
        **fields,
    }


@pytest.fixture
def claims(kind):
    return kind("persistentvolumeclaims")


def test_a_new_claim_is_pending_protected_and_a_filesystem(claims):
    made = claims.created(claim())
    assert made["status"] == {"phase": "Pending"}
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    assert made["spec"]["volumeMode"] == "Filesystem"
    assert "storageClassName" not in made["spec"]


def test_a_claim_without_class_takes_the_newest_default(claims, others):
    others.add(names.STORAGE_CLASSES, storage_class("old", default=True, since="2025-01-01T00:00:00Z"))
    others.add(names.STORAGE_CLASSES, storage_class("b", default=True))
    others.add(names.STORAGE_CLASSES, storage_class("a", default=True))
    others.add(names.STORAGE_CLASSES, storage_class("newer", since="2027-01-01T00:00:00Z"))
    assert claims.created(claim())["spec"]["storageClassName"] == "a"
    assert claims.created(claim(storageClassName=""))["spec"]["storageClassName"] == ""


def test_both_fields_for_the_source_agree(claims):
    source = {"kind": "PersistentVolumeClaim", "name": "golden"}
    assert claims.created(claim(dataSource=source))["spec"]["dataSourceRef"] == source
    assert claims.created(claim(dataSourceRef=source))["spec"]["dataSource"] == source
    assert "dataSource" not in claims.created(claim(dataSourceRef={**source, "namespace": "other"}))["spec"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"accessModes": []}, ["spec.accessModes: Required value: at least 1 access mode is required"]),
        (
            {"accessModes": ["Sometimes"]},
            [
                (
                    'spec.accessModes: Unsupported value: "Sometimes": supported values: "ReadOnlyMany", "ReadWriteMany", '
                    '"ReadWriteOnce", "ReadWriteOncePod"'
                )
            ],
        ),
        ({"resources": {}}, ["spec.resources[storage]: Required value"]),
        (
            {"resources": {"requests": {"storage": "0"}}},
            ['spec.resources[storage]: Invalid value: "0": must be greater than zero'],
        ),
    ],
)
def test_what_a_claim_must_have(claims, spec, expected):
    assert claims.create(claim(**spec))[1] == expected


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        (lambda spec: spec.update(volumeName="v"), True),
        (lambda spec: spec.update(storageClassName="fast"), True),
        (lambda spec: spec.update(accessModes=["ReadWriteMany"]), False),
        (lambda spec: spec["resources"]["requests"].update(storage="2Gi"), False),
    ],
)
def test_an_unbound_claim_can_only_be_bound(claims, change, allowed):
    _, errors = claims.update(claims.created(claim()), lambda obj: change(obj["spec"]))
    assert (errors == []) is allowed
    if errors:
        assert errors == [
            (
                "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName "
                "for bound claims"
            )
        ]


def test_a_bound_claim_grows_if_its_class_lets_it(claims, others):
    made = claims.created(claim(storageClassName="fast"))
    made["spec"]["volumeName"] = "v"
    made["status"] = {"phase": "Bound", "capacity": {"storage": "1Gi"}}

    def grow(obj):
        obj["spec"]["resources"]["requests"]["storage"] = "2Gi"

    with pytest.raises(Forbidden) as refusal:
        claims.update(made, grow)
    assert refusal.value.message == (
        'persistentvolumeclaims "c" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that '
        "provisions the pvc must support resize"
    )
    others.add(names.STORAGE_CLASSES, storage_class(allowVolumeExpansion=True))
    assert claims.update(made, grow)[1] == []


def test_a_bound_claim_does_not_shrink(claims):
    made = claims.created(claim())
    made["status"] = {"phase": "Bound", "capacity": {"storage": "1Gi"}}
    _, errors = claims.update(made, lambda obj: obj["spec"]["resources"]["requests"].update(storage="1Mi"))
    assert errors == ["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"]


def test_the_binding_of_a_claim_stays(claims):
    made = claims.created(claim(volumeName="v"))
    assert claims.update(made, lambda obj: obj["spec"].update(volumeName="w"))[1] != []


def test_a_new_volume_is_pending_protected_and_retained(kind):
    made = kind("persistentvolumes").created(volume())
    assert made["status"] == {"phase": "Pending"}
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pv-protection"]
    assert made["spec"]["persistentVolumeReclaimPolicy"] == "Retain"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"hostPath": None}, ["spec: Required value: must specify a volume type"]),
        (
            {"nfs": {"server": "a", "path": "/"}},
            ["spec.nfs: Forbidden: may not specify more than 1 volume type"],
        ),
        ({"capacity": {}}, ["spec.capacity: Required value"]),
        ({"accessModes": []}, ["spec.accessModes: Required value"]),
    ],
)
def test_what_a_volume_must_have(kind, spec, expected):
    assert kind("persistentvolumes").create(volume(**spec))[1] == expected


def test_the_source_of_a_volume_stays(kind):
    made = kind("persistentvolumes").created(volume())
    _, errors = kind("persistentvolumes").update(made, lambda obj: obj["spec"]["hostPath"].update(path="/b"))
    assert errors == ["spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation"]


def test_a_class_deletes_and_binds_at_once_by_default(kind):
    made = kind("storageclasses", STORAGE).created(storage_class())
    assert (made["reclaimPolicy"], made["volumeBindingMode"]) == ("Delete", "Immediate")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"provisioner": "other"}, "provisioner: Forbidden: updates to provisioner are forbidden."),
        ({"parameters": {"a": "b"}}, "parameters: Forbidden: updates to parameters are forbidden."),
        ({"reclaimPolicy": "Retain"}, "reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden."),
        (
            {"volumeBindingMode": "WaitForFirstConsumer"},
            'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
        ),
    ],
)
def test_what_volumes_were_made_with_stays(kind, change, expected):
    classes = kind("storageclasses", STORAGE)
    assert classes.update(classes.created(storage_class()), lambda obj: obj.update(change))[1] == [expected]


def test_a_class_names_its_provisioner(kind):
    assert kind("storageclasses", STORAGE).create({"metadata": {"name": "a"}})[1] == ["provisioner: Required value"]
