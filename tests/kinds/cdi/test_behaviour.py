"""CDI's webhook for DataVolumes (reference cdi.md 12.1)."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from solovirt.kinds.cdi import data_volume_rules
from solovirt.kinds.cdi.behaviour import DataVolumeBehaviour
from solovirt.kinds.cdi.resources import RESOURCES
from solovirt.machinery.admission import Admission, Operation
from solovirt.machinery.auth.identity import User
from solovirt.machinery.errors import StatusError
from solovirt.machinery.resource import ObjectKey

RESOURCE = next(resource for resource in RESOURCES if resource.kind == "DataVolume")
BEHAVIOUR = DataVolumeBehaviour()
STORAGE = {"resources": {"requests": {"storage": "1Gi"}}}
HTTP = {"http": {"url": "http://example.com/x"}}
EMPTY = "d41d8cd98f00b204e9800998ecf8427e"


class Claims:
    def __init__(self, claim: dict[str, Any] | None = None) -> None:
        self.claim = claim

    def get(self, resource, key):
        return self.claim if resource.plural == "persistentvolumeclaims" else None

    def list(self, resource, namespace=None):
        return iter(())

    def records(self, resource, namespace=None):
        return iter(())


def admission(operation=Operation.CREATE, claim: dict[str, Any] | None = None) -> Admission:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    return Admission(operation, RESOURCE, "v1beta1", ObjectKey("ns", "disk"), User("jane"), Claims(claim), when)


def volume(annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "disk", "namespace": "ns", "annotations": annotations or {}},
        "spec": {"storage": copy.deepcopy(STORAGE), "source": HTTP, **spec},
    }


def refusal(obj: dict[str, Any], claim: dict[str, Any] | None = None) -> tuple[str, str] | None:
    try:
        BEHAVIOUR.validate_create(obj, admission(claim=claim))
    except StatusError as error:
        (cause,) = error.status()["details"]["causes"]
        return cause["field"], cause["message"]
    return None


def test_a_good_one_is_admitted():
    assert refusal(volume()) is None


def test_the_message_has_two_blanks_and_the_cause_none():
    with pytest.raises(StatusError) as raised:
        BEHAVIOUR.validate_create(volume(source={}), admission())
    status = raised.value.status()
    assert status["code"] == 422
    assert status["message"] == (
        'admission webhook "datavolume-validate.cdi.kubevirt.io" denied the request:  Missing Data volume source'
    )
    assert status["details"]["causes"] == [
        {"reason": "FieldValueInvalid", "message": "Missing Data volume source", "field": "spec.source"}
    ]


POPULATOR = {"apiGroup": "example.org", "kind": "Source", "name": "x"}
CLAIM = {"accessModes": ["ReadWriteOnce"], **STORAGE}


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        ({"storage": None}, "spec.PVC", "Missing Data volume PVC"),
        (
            {"pvc": CLAIM},
            "spec.PVC.Storage",
            "Duplicate storage definition, both target storage and target pvc defined",
        ),
        (
            {"storage": {"resources": {"requests": {"storage": "0"}}}},
            "spec.Storage.resources.requests.size",
            "Storage size can't be equal or less than zero",
        ),
        (
            {"storage": {"resources": {"requests": {"storage": "1k"}}}},
            "spec.Storage.resources.requests.size",
            "Storage size should be at least 1MiB",
        ),
        ({"storage": {}}, "spec.Storage.resources.requests.size", "Storage size is missing"),
        (
            {"storage": None, "pvc": STORAGE},
            "spec.PVC.accessModes",
            "Required value: at least 1 access mode is required",
        ),
        (
            {"storage": None, "pvc": {**CLAIM, "accessModes": ["ReadWriteOnce", "ReadOnlyMany"]}},
            "spec.PVC.accessModes",
            "PVC multiple accessModes",
        ),
        (
            {"storage": {**STORAGE, "accessModes": ["Mine"]}},
            "spec.PVC.accessModes",
            'Unsupported value: "Mine": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
        ),
        (
            {"source": None},
            "spec.source",
            "Data volume should have either Source or SourceRef, or be externally populated",
        ),
        (
            {"source": None, "sourceRef": {"kind": "Secret", "name": "x"}},
            "spec.sourceRef.Kind",
            "Unsupported sourceRef kind Secret, currently only DataSource is supported",
        ),
        ({"source": {**HTTP, "blank": {}}}, "spec.source", "Multiple Data volume sources"),
        ({"source": {"http": {"url": ""}}}, "spec.source.HTTP.url", "spec.source source URL is empty"),
        (
            {"source": {"http": {"url": "ftp://x"}}},
            "spec.source.HTTP.url",
            "spec.source Invalid source URL scheme: ftp://x",
        ),
        (
            {"source": {"blank": {}}, "contentType": "archive"},
            "spec.contentType",
            "SourceType cannot be blank and the contentType be archive",
        ),
        (
            {"source": {"registry": {}}},
            "spec.source.Registry",
            "Source registry should have either URL or ImageStream",
        ),
        (
            {"source": {"registry": {"url": "http://x"}}},
            "spec.source.Registry.URL",
            "Illegal registry source URL scheme http://x",
        ),
        (
            {"source": {"pvc": {"namespace": "", "name": "x"}}},
            "spec.source.PVC",
            "spec.source.PVC source PVC is not valid",
        ),
        ({"storage": {**STORAGE, "storageClassName": "a" * 254}}, "", "Name cannot be longer than 253 characters"),
        (
            {"storage": {**STORAGE, "dataSourceRef": POPULATOR}},
            "spec.source",
            "External population is incompatible with Source and SourceRef",
        ),
        (
            {"storage": {**STORAGE, "dataSourceRef": POPULATOR, "dataSource": POPULATOR}, "source": None},
            "",
            "DataSourceRef and DataSource must match",
        ),
        (
            {"storage": {**STORAGE, "dataSource": {**POPULATOR, "name": ""}}, "source": None},
            "spec.dataSource.name.",
            "Required value: DataSource name",
        ),
        (
            {"storage": {**STORAGE, "dataSourceRef": {**POPULATOR, "kind": ""}}, "source": None},
            "spec.dataSourceRef.kind",
            "Required value: DataSourceRef kind",
        ),
        (
            {"storage": {**STORAGE, "dataSourceRef": {"kind": "X", "name": "x"}}, "source": None},
            "spec.dataSourceRef.apiGroup.",
            "Required value: DataSourceRef apiGroup when kind is not 'PersistentVolumeClaim'",
        ),
        (
            {"storage": {**STORAGE, "dataSourceRef": {**POPULATOR, "namespace": "other"}}, "source": None},
            "spec.dataSourceRef.namespace",
            "Invalid value: DataSourceRef namespace not supported",
        ),
        (
            {"sourceRef": {"kind": "DataSource", "name": "x"}},
            "spec.source",
            "Data volume should have either Source or SourceRef, or be externally populated",
        ),
        (
            {"source": None, "sourceRef": {"kind": "", "name": "x"}},
            "spec.sourceRef.Kind",
            "Missing sourceRef kind",
        ),
        (
            {"source": None, "sourceRef": {"kind": "DataSource", "name": ""}},
            "spec.sourceRef.Name",
            "Missing sourceRef name",
        ),
        ({"source": {}}, "spec.source", "Missing Data volume source"),
        ({"contentType": "iso"}, "spec.contentType", "ContentType not one of: kubevirt, archive"),
        (
            {"source": {"s3": {"url": "ftp://x"}}},
            "spec.source.S3.url",
            "spec.source Invalid source URL scheme: ftp://x",
        ),
        ({"source": {"gcs": {"url": ""}}}, "spec.source.GCS.url", "spec.source source URL is empty"),
        (
            {"source": {"http": {"url": "http://[x"}}},
            "spec.source.HTTP.url",
            "spec.source Invalid source URL: http://[x",
        ),
        (
            {"source": {"http": {"url": "http://x", "checksum": "md4:00"}}},
            "spec.source.HTTP.checksum",
            "Invalid checksum format: unsupported hash algorithm 'md4': supported algorithms are: md5, sha1, sha256, sha512",
        ),
        (
            {"source": {"registry": {"url": "docker://x"}}, "contentType": "archive"},
            "spec.contentType",
            "ContentType must be kubevirt when Source is Registry",
        ),
        (
            {"source": {"registry": {"url": "docker"}}},
            "spec.source.Registry.URL",
            "Illegal registry source URL docker",
        ),
        (
            {"source": {"registry": {"url": "docker://x", "pullMethod": "push"}}},
            "spec.source.Registry.importMethod",
            'ImportMethod push is neither pod, node or ""',
        ),
        (
            {"source": {"registry": {"imageStream": "", "pullMethod": "node"}}},
            "spec.source.Registry.importMethod",
            "Source registry ImageStream is not valid",
        ),
        (
            {"source": {"registry": {"imageStream": "x"}}},
            "spec.source.Registry.importMethod",
            "Source registry ImageStream is supported only with node pull import method",
        ),
        (
            {"source": {"imageio": {"url": "https://x", "diskId": "", "secretRef": "s"}}},
            "spec.source.Imageio",
            "spec.source.Imageio source Imageio is not valid",
        ),
        (
            {"source": {"imageio": {"url": "https://x", "diskId": "1", "secretRef": "s"}}},
            "spec.source.Imageio",
            "spec.source.Imageio source Imageio requires CertConfigMap or InsecureSkipVerify",
        ),
        ({"source": {"vddk": {}}}, "spec.source.VDDK", "spec.source.VDDK source VDDK is not valid"),
        (
            {"source": {"snapshot": {"namespace": "x", "name": ""}}},
            "spec.source.Snapshot",
            "spec.source.Snapshot source snapshot is not valid",
        ),
    ],
)
def test_rules(spec, field, message):
    obj = volume(**spec)
    obj["spec"] = {key: value for key, value in obj["spec"].items() if value is not None}
    assert refusal(obj) == (field, message)


@pytest.mark.parametrize(
    ("checksum", "trouble"),
    [
        (f"md5:{EMPTY}", None),
        (f"MD5:{EMPTY.upper()}", None),
        ("abc", "invalid checksum format: expected 'algorithm:hash', got 'abc'"),
        ("md5:", "checksum hash value cannot be empty"),
        (
            "crc32:00",
            "unsupported hash algorithm 'crc32': supported algorithms are: md5, sha1, sha256, sha512",
        ),
        ("md5:00", "invalid md5 hash length: expected 32 hex characters, got 2"),
    ],
)
def test_checksums(checksum, trouble):
    assert data_volume_rules.checksum_trouble(checksum) == trouble


@pytest.mark.parametrize(
    ("claim", "annotations", "is_refused"),
    [
        ({}, {}, True),
        ({}, {"cdi.kubevirt.io/allowClaimAdoption": "true"}, False),
        ({"annotations": {"cdi.kubevirt.io/storage.populatedFor": "disk"}}, {}, False),
        ({"ownerReferences": [{"kind": "DataVolume", "controller": True}]}, {}, False),
    ],
)
def test_a_claim_of_that_name_must_be_one_to_take_over(claim, annotations, is_refused):
    found = refusal(volume(annotations), {"metadata": claim})
    assert found == (("DataVolume.Name", "Destination PVC ns/disk already exists") if is_refused else None)


def test_a_name_may_be_so_long():
    document = volume()
    document["metadata"]["name"] = "a" * 254
    assert refusal(document) == ("", "Name cannot be longer than 253 characters")


def test_checkpoints_of_an_import_in_stages_may_change():
    vddk = {"secretRef": "s", "uuid": "u", "backingFile": "f", "thumbprint": "t", "url": "https://x"}
    old = volume(source={"vddk": vddk}, checkpoints=[{"previous": "", "current": "a"}])
    new = copy.deepcopy(old)
    new["spec"]["checkpoints"].append({"previous": "a", "current": "b"})
    new["spec"]["finalCheckpoint"] = True
    BEHAVIOUR.validate_update(new, old, admission(Operation.UPDATE))


def test_the_spec_does_not_change_but_may_be_written_differently():
    old = volume()
    same = volume()
    same["spec"]["storage"]["resources"]["requests"]["storage"] = "1024Mi"
    same["metadata"]["labels"] = {"a": "b"}
    BEHAVIOUR.validate_update(same, old, admission(Operation.UPDATE))
    with pytest.raises(StatusError) as raised:
        BEHAVIOUR.validate_update(volume(source={"blank": {}}), old, admission(Operation.UPDATE))
    assert raised.value.status()["details"]["causes"] == [
        {
            "reason": "FieldValueDuplicate",
            "message": "Cannot update DataVolume Spec",
            "field": "DataVolume.Spec",
        }
    ]


def test_a_missing_data_source_fails_the_creation():
    obj = volume(sourceRef={"kind": "DataSource", "name": "golden"})
    del obj["spec"]["source"]
    with pytest.raises(StatusError) as raised:
        BEHAVIOUR.validate_create(obj, admission())
    assert raised.value.code == 400
