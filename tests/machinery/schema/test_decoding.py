"""What Go says of a document that it cannot decode: reference kubernetes-api.md 4.2, and encoding/json's own format."""

import pytest

from solovirt.machinery.resource import Flavour
from solovirt.machinery.schema.compiled import ObjectSchema
from solovirt.machinery.schema.markers import (
    ApiModel,
    Bytes,
    CoreIntOrString,
    CoreMicroTime,
    CoreQuantity,
    CoreTime,
    Int32,
)
from solovirt.machinery.schema.meta import ObjectMeta
from solovirt.machinery.schema.structural import structural


class ConfigMap(ApiModel):
    schema_name = "io.k8s.api.core.v1.ConfigMap"

    data: dict[str, str] | None = None
    metadata: ObjectMeta | None = None


class Container(ApiModel):
    schema_name = "io.k8s.api.core.v1.Container"

    name: str
    port: CoreIntOrString | None = None
    limits: dict[str, CoreQuantity] | None = None


class PodSpec(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodSpec"

    containers: list[Container] | None = None
    replicas: Int32 | None = None
    secret: dict[str, Bytes] | None = None
    since: CoreTime | None = None
    renewed: CoreMicroTime | None = None
    ready: bool | None = None


class Pod(ApiModel):
    schema_name = "io.k8s.api.core.v1.Pod"

    spec: PodSpec | None = None


def error_of(model, document):
    return ObjectSchema(structural(model), kind=model.__name__, flavour=Flavour.BUILT_IN).decode_error(document)


def test_a_number_where_a_string_belongs():
    assert error_of(ConfigMap, {"data": {"a": 1}}) == (
        "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"
    )


def test_bad_base64_in_a_secret():
    assert error_of(Pod, {"spec": {"secret": {"a": "x"}}}) == "illegal base64 data at input byte 0"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"containers": {}},
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            {"containers": [1]},
            "json: cannot unmarshal number into Go struct field PodSpec.spec.containers of type v1.Container",
        ),
        (
            {"containers": [{"name": False}]},
            "json: cannot unmarshal bool into Go struct field Container.spec.containers.name of type string",
        ),
        ({"replicas": "1"}, "json: cannot unmarshal string into Go struct field PodSpec.spec.replicas of type int32"),
        (
            {"replicas": 2.5},
            "json: cannot unmarshal number 2.5 into Go struct field PodSpec.spec.replicas of type int32",
        ),
        (
            {"replicas": 2**31},
            f"json: cannot unmarshal number {2**31} into Go struct field PodSpec.spec.replicas of type int32",
        ),
        ({"ready": "yes"}, "json: cannot unmarshal string into Go struct field PodSpec.spec.ready of type bool"),
        (
            {"since": "yesterday"},
            'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
        ),
        ({"since": "2026-02-30T00:00:00Z"}, 'parsing time "2026-02-30T00:00:00Z": day out of range'),
        (
            {"containers": [{"name": "a", "limits": {"cpu": "much"}}]},
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        (
            {"containers": [{"name": "a", "port": True}]},
            "json: cannot unmarshal bool into Go struct field Container.spec.containers.port of type int32",
        ),
    ],
)
def test_wrong_types_are_told_in_gos_words(spec, expected):
    assert error_of(Pod, {"spec": spec}) == expected


def test_the_first_mismatch_is_told():
    spec = {"ready": 1, "replicas": "x"}
    assert (
        error_of(Pod, {"spec": spec})
        == "json: cannot unmarshal number into Go struct field PodSpec.spec.ready of type bool"
    )


def test_an_error_of_a_types_own_decoding_goes_before_mismatches():
    assert (error_of(Pod, {"spec": {"ready": 1, "since": "x"}}) or "").startswith("parsing time")


def test_metadata_is_decoded_too():
    assert error_of(ConfigMap, {"metadata": {"labels": {"a": 1}}}) == (
        "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"
    )


@pytest.mark.parametrize(
    "spec",
    [
        {"containers": None, "replicas": None},
        {"containers": [{"name": "a", "port": "http", "limits": {"cpu": 1.5, "memory": "1Gi", "x": "1e3"}}]},
        {"since": "2026-11-23T07:01:03Z", "renewed": "2026-11-23T07:01:03.000000Z"},
        {"since": "2024-02-29T07:01:03+01:00"},
        {"secret": {"a": "", "b": "QQ==", "c": "QUI=", "d": "QUJD\nQUJD"}},
        {"unknown": {"any": ["thing"]}},
    ],
)
def test_what_go_decodes_has_no_error(spec):
    assert error_of(Pod, {"spec": spec}) is None


@pytest.mark.parametrize(
    ("text", "byte"), [("QQ=", 3), ("QQ=A", 2), ("Q===", 1), ("QQ==Q", 4), ("QU J", 2), ("QUJDQ", 4), ("QUI=QUI=", 4)]
)
def test_corrupt_base64_is_located_as_go_does(text, byte):
    assert error_of(Pod, {"spec": {"secret": {"a": text}}}) == f"illegal base64 data at input byte {byte}"


def test_custom_resources_are_decoded_without_a_schema(vm, make):
    assert vm.decode_error(make(cpu="x")) is None
