"""Claims as CDI renders them from `pvc` and `storage` (reference cdi.md 6.1, 6.2)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from solovirt.kinds.cdi.rendering import ClaimNotValid, Storage, claim_spec, storage_class
from solovirt.kinds.cdi.sizes import inflated, usable
from solovirt.machinery.resource import Document

DEFAULT = "storageclass.kubernetes.io/is-default-class"
VIRT = "storageclass.kubevirt.io/is-default-virt-class"
GIB = 1 << 30


def of_class(name: str, *defaults: str, made: str = "2026-01-01T00:00:00Z") -> Document:
    annotations = dict.fromkeys(defaults, "true")
    return {"metadata": {"name": name, "annotations": annotations, "creationTimestamp": made}, "provisioner": "x"}


def profile(*sets: tuple[list[str], str | None], minimum: str | None = None) -> Document:
    annotations = {"cdi.kubevirt.io/minimumSupportedPvcSize": minimum} if minimum else {}
    listed = [{"accessModes": modes, "volumeMode": mode} for modes, mode in sets]
    return {"metadata": {"annotations": annotations}, "status": {"claimPropertySets": listed}}


BOTH = profile((["ReadWriteMany"], "Block"), (["ReadWriteOnce"], "Filesystem"))


def storage(of: Document = BOTH, **more: Any) -> Storage:
    return Storage([of_class("local", DEFAULT, VIRT)], {"local": of}, None, **more)


def rendered(asked: Document, given: Storage, *, source: Document | None = None, **spec: Any) -> Document:
    document = {"spec": {"storage": {"resources": {"requests": {"storage": "10Gi"}}, **asked}, **spec}}
    return claim_spec(document, source or {"blank": {}}, given)


@pytest.mark.parametrize(
    ("asked", "modes", "mode"),
    [
        ({}, ["ReadWriteMany"], "Block"),
        ({"volumeMode": "Filesystem"}, ["ReadWriteOnce"], "Filesystem"),
        ({"accessModes": ["ReadWriteOnce"]}, ["ReadWriteOnce"], "Filesystem"),
        ({"accessModes": ["ReadOnlyMany"]}, ["ReadOnlyMany"], None),
        ({"accessModes": ["ReadWriteOnce"], "volumeMode": "Block"}, ["ReadWriteOnce"], "Block"),
    ],
)
def test_modes_come_from_the_profile(asked: Document, modes: list[str], mode: str | None) -> None:
    found = rendered(asked, storage())
    assert (found["accessModes"], found.get("volumeMode"), found["storageClassName"]) == (modes, mode, "local")


def test_a_file_systems_overhead_is_added_and_a_block_devices_is_not() -> None:
    # 10Gi at 0.06 (reference 6.1).
    assert rendered({"volumeMode": "Filesystem"}, storage())["resources"]["requests"]["storage"] == "11381663335"
    assert rendered({"volumeMode": "Block"}, storage())["resources"]["requests"]["storage"] == "10Gi"


def test_a_claim_given_as_such_is_taken_as_it_is() -> None:
    given = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
    assert claim_spec({"spec": {"pvc": given}}, {}, storage()) == given


def test_the_profiles_minimum_raises_the_size() -> None:
    small = profile((["ReadWriteOnce"], "Block"), minimum="20Gi")
    assert rendered({}, storage(small))["resources"]["requests"]["storage"] == str(20 * GIB)


@pytest.mark.parametrize(
    ("asked", "given", "spec", "message"),
    [
        (
            {"volumeMode": "Block"},
            storage(),
            {"contentType": "archive"},
            "ContentType Archive cannot have block volumeMode",
        ),
        ({}, Storage(), {}, "PVC spec is missing accessMode and no storageClass to choose profile"),
        (
            {"volumeMode": "Block"},
            storage(profile((["ReadWriteOnce"], "Filesystem"))),
            {},
            "Spec is missing accessMode and cannot get access mode from StorageProfile local",
        ),
        (
            {},
            storage(profile()),
            {},
            "Spec is missing accessMode and volumeMode, cannot get access mode from StorageProfile local",
        ),
        ({"resources": {}}, storage(), {}, "PVC Spec is not valid - missing storage size"),
        (
            {"resources": {"requests": {"storage": "1k"}}},
            storage(),
            {},
            "PVC Spec is not valid - storage size should be at least 1MiB",
        ),
    ],
)
def test_what_cannot_be_rendered_is_told_in_cdis_words(
    asked: Document, given: Storage, spec: Document, message: str
) -> None:
    with pytest.raises(ClaimNotValid) as refused:
        rendered(asked, given, **spec)
    assert str(refused.value) == message


def test_the_default_class_for_machines_goes_first_except_for_archives() -> None:
    classes = [of_class("plain", DEFAULT), of_class("virt", VIRT)]
    assert storage_class(None, "kubevirt", classes) == classes[1]
    assert storage_class(None, "archive", classes) == classes[0]
    assert storage_class("plain", "kubevirt", classes) == classes[0]
    assert storage_class("none", "kubevirt", classes) is None
    # Of several the newest, then the first by name.
    rivals = [of_class("c", DEFAULT), of_class("b", DEFAULT, made="2026-02-01T00:00:00Z"), of_class("a", DEFAULT)]
    assert storage_class(None, "kubevirt", rivals) == rivals[1]
    assert storage_class(None, "kubevirt", [rivals[0], rivals[2]]) == rivals[2]


def test_a_clone_without_a_size_is_as_large_as_its_source() -> None:
    source = {
        "spec": {"resources": {"requests": {"storage": "11381663335"}}, "storageClassName": "local"},
        "status": {"capacity": {"storage": "11381663335"}},
    }
    reference = {"pvc": {"namespace": "a", "name": "b"}}
    found = rendered({"resources": {}, "volumeMode": "Filesystem"}, storage(clone_source=source), source=reference)
    assert found["resources"]["requests"]["storage"] == "11381663335"
    found = rendered({"resources": {}, "volumeMode": "Block"}, storage(clone_source=source), source=reference)
    assert found["resources"]["requests"]["storage"] == str(10 * GIB)


def test_what_a_file_system_leaves() -> None:
    part = Fraction("0.06")
    assert inflated(10 * GIB, part) == 11381663335
    assert usable(11381663335, part) == 10 * GIB
    # 10Gi of claim leave 9660Mi of disk (reference 6.1).
    assert usable(10 * GIB, part) == 9660 << 20
