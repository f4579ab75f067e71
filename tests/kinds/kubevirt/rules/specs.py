"""A spec that is in order, and tables of what breaks it."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

from solovirt.kinds.kubevirt import instance_defaults
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.kinds.kubevirt.rules import instance

P = "spec.template.spec"
INVALID, REQUIRED, DUPLICATE, FORBIDDEN = (
    f"FieldValue{reason}" for reason in ("Invalid", "Required", "Duplicate", "Forbidden")
)
UNSUPPORTED, NOT_FOUND = "FieldValueNotSupported", "FieldValueNotFound"
LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
    "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
NO_GATES = Cluster(features=frozenset())
EVERY_GATE = Cluster(
    features=STANDARD.features
    | {
        "DownwardMetrics",
        "GPUsWithDRA",
        "HostDevices",
        "HostDevicesWithDRA",
        "HostDisk",
        "NetworkDevicesWithDRA",
        "PortRangesSpec",
        "WorkloadEncryptionTDX",
    }
)


class Row(NamedTuple):
    """A rule of kubevirt-validation.md, changes to a good spec that break it, and the cause that follows."""

    rule: int
    changes: dict[str, Any]
    field: str | None
    reason: str
    message: str
    cluster: Cluster = STANDARD


def good_spec() -> dict[str, Any]:
    spec: dict[str, Any] = {
        "domain": {
            "memory": {"guest": "1Gi"},
            "devices": {
                "disks": [{"name": "root", "disk": {"bus": "virtio"}}, {"name": "cloudinit", "disk": {}}],
                "interfaces": [{"name": "default", "masquerade": {}}],
            },
        },
        "networks": [{"name": "default", "pod": {}}],
        "volumes": [
            {"name": "root", "containerDisk": {"image": "quay.io/containerdisks/fedora:41"}},
            {"name": "cloudinit", "cloudInitNoCloud": {"userData": "#cloud-config"}},
        ],
    }
    instance_defaults.default_spec(spec)
    return spec


def put(spec: Any, path: str, value: Any) -> None:
    *way, last = path.split(".")
    for step in way:
        spec = spec[int(step)] if isinstance(spec, list) else spec.setdefault(step, {})
    if isinstance(spec, list):
        spec.append(value) if int(last) == len(spec) else spec.__setitem__(int(last), value)
    elif value is None:
        spec.pop(last, None)
    else:
        spec[last] = value


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    """A good spec with these changes: paths, and None to leave something out."""
    spec = good_spec()
    for path, value in changes.items():
        put(spec, path, copy.deepcopy(value))
    return spec


def causes_of(spec: dict[str, Any], **options: Any) -> list[tuple[str | None, str | None, str]]:
    return [(cause.field, cause.reason, cause.message) for cause in instance.check(spec, P, **options)]


def check(row: Row) -> None:
    """The row's cause is among those of the spec that it makes."""
    found = causes_of(changed(row.changes), cluster=row.cluster)
    assert (row.field, row.reason, row.message) in found, row.rule
