"""Protobuf bodies (reference kubernetes-api.md 9; field numbers from the upstream facts)."""

from __future__ import annotations

import struct

import pytest

from solovirt.machinery.http.protobuf import ProtobufError, decode
from tests.machinery.http.protobuf import facts


def varint(number):
    number &= (1 << 64) - 1
    out = b""
    while number > 0x7F:
        out += bytes((number & 0x7F | 0x80,))
        number >>= 7
    return out + bytes((number,))


def field(number, value):
    """One field on the wire: a number, text or bytes, or a double."""
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def envelope(api_version, kind, message):
    return b"k8s\0" + field(1, field(1, api_version) + field(2, kind)) + field(2, message) + field(3, "") + field(4, "")


def test_the_shipped_table_is_made_of_the_facts():
    assert facts.TABLE.read_text(encoding="utf-8") == facts.encoded()


def test_what_kubectl_sends_for_create_namespace():
    body = bytes.fromhex(
        "6b3873000a0f0a02763112094e616d657370616365121a0a120a02706a12001a0022002a0032003800420012001a020a001a002200"
    )
    assert decode(body) == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "pj"},
        "spec": {},
        "status": {},
    }


def test_maps_and_bytes_of_a_secret():
    data = field(1, "key") + field(2, b"\x00\xff")
    text = field(1, "plain") + field(2, "x")
    message = field(1, field(1, "s")) + field(2, data) + field(3, "Opaque") + field(4, text) + field(5, 0)
    assert decode(envelope("v1", "Secret", message)) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"key": "AP8="},
        "type": "Opaque",
        "stringData": {"plain": "x"},
        "immutable": False,
    }


def test_an_empty_storage_class_name_is_kept():
    """A claim with storageClassName "" asks for no class at all; one without asks for the default."""
    spec = field(5, "") + field(3, "")
    claim = decode(envelope("v1", "PersistentVolumeClaim", field(2, spec)))
    assert claim["spec"] == {"storageClassName": ""}


def test_quantities_are_text():
    requests = field(2, field(1, "storage") + field(2, field(1, "1Gi")))
    claim = decode(envelope("v1", "PersistentVolumeClaim", field(2, field(2, requests))))
    assert claim["spec"] == {"resources": {"requests": {"storage": "1Gi"}}}


def test_times_are_told_from_no_time():
    when = field(1, 1767225600) + field(2, 0)
    micro = field(1, 1767225600) + field(2, 123456000)
    spec = field(2, 15) + field(3, micro) + field(4, b"")
    lease = decode(
        envelope("coordination.k8s.io/v1", "Lease", field(1, field(8, when) + field(9, b"")) + field(2, spec))
    )
    assert lease["metadata"] == {"creationTimestamp": "2026-01-01T00:00:00Z"}
    assert lease["spec"] == {"leaseDurationSeconds": 15, "acquireTime": "2026-01-01T00:00:00.123456Z"}


def test_gos_zero_time_is_no_time():
    zero = field(1, -62135596800)
    assert decode(envelope("v1", "ConfigMap", field(1, field(8, zero))))["metadata"] == {}


def test_numbers_that_go_holds_by_pointer_keep_their_zero():
    options = field(1, 0) + field(3, 0) + field(4, "Background") + field(5, "All")
    assert decode(envelope("v1", "DeleteOptions", options)) == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "orphanDependents": False,
        "propagationPolicy": "Background",
        "dryRun": ["All"],
    }


def test_delete_options_belong_to_every_group():
    body = envelope("rbac.authorization.k8s.io/v1", "DeleteOptions", field(2, field(1, "u")))
    assert decode(body)["preconditions"] == {"uid": "u"}


def test_embedded_structures_are_flat_in_json():
    """A volume's source, a probe's handler and a key's reference are messages on the wire and no levels in JSON."""
    volume = field(1, "v") + field(2, field(2, b""))
    http_get = field(2, field(2, field(1, 0) + field(2, 8080)))
    probe = field(1, http_get) + field(4, 10)
    key = field(2, field(3, field(1, field(1, "cfg")) + field(2, "k")))
    container = field(1, "c") + field(10, probe) + field(7, field(1, "E") + field(3, key[2:])) + field(16, 0)
    pod = decode(envelope("v1", "Pod", field(2, field(1, volume) + field(2, container) + field(11, 0))))
    assert pod["spec"]["volumes"] == [{"name": "v", "emptyDir": {}}]
    assert pod["spec"]["containers"][0]["livenessProbe"] == {"httpGet": {"port": 8080}, "periodSeconds": 10}
    assert "hostNetwork" not in pod["spec"]
    assert "stdin" not in pod["spec"]["containers"][0]


def test_a_port_may_be_text():
    port = field(1, "p") + field(3, 80) + field(4, field(1, 1) + field(3, "web"))
    service = decode(envelope("v1", "Service", field(2, field(1, port))))
    assert service["spec"]["ports"] == [{"name": "p", "port": 80, "targetPort": "web"}]


def test_negative_numbers_are_signed():
    assert decode(envelope("scheduling.k8s.io/v1", "PriorityClass", field(2, -5)))["value"] == -5


def test_extra_values_are_lists():
    spec = field(5, field(1, "scopes") + field(2, field(1, "a") + field(1, "b")))
    review = decode(envelope("authorization.k8s.io/v1", "SubjectAccessReview", field(2, spec)))
    assert review["spec"]["extra"] == {"scopes": ["a", "b"]}


def test_the_schema_of_a_custom_resource_definition():
    items = field(1, field(5, "string"))
    schema = field(5, "object") + field(29, field(1, "tags") + field(2, field(5, "array") + field(24, items)))
    schema += (
        field(30, field(1, 0)) + field(11, 1.0) + field(8, field(1, b'{"a":1}')) + field(42, "map") + field(41, "name")
    )
    version = field(1, "v1") + field(2, 1) + field(4, field(1, schema))
    crd = decode(envelope("apiextensions.k8s.io/v1", "CustomResourceDefinition", field(2, field(7, version))))
    assert crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] == {
        "type": "object",
        "properties": {"tags": {"type": "array", "items": {"type": "string"}}},
        "additionalProperties": False,
        "minimum": 1,
        "default": {"a": 1},
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    }


def test_raw_data_is_json():
    revision = decode(
        envelope("apps/v1", "ControllerRevision", field(2, field(1, b'{"spec":{"a":[1]}}')) + field(3, 7))
    )
    assert revision["data"] == {"spec": {"a": [1]}}
    assert revision["revision"] == 7


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{}", "expected prefix [107 56 115 0]"),
        (b"k8s\0\xff", "unexpected EOF"),
        (b"k8s\0" + field(1, field(1, "v1") + field(2, "Nope")), 'no kind "Nope" is registered for version "v1"'),
        (envelope("v1", "ConfigMap", b"\x0a\x7f"), "unexpected EOF"),
        (envelope("v1", "ConfigMap", b"\x08\x01"), "wrong wireType"),
        (envelope("v1", "ConfigMap", b"\x0f"), "illegal wireType"),
    ],
)
def test_what_is_no_message_is_refused(body, message):
    with pytest.raises(ProtobufError) as refusal:
        decode(body)
    assert message in str(refusal.value)
