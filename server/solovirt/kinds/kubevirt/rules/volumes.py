"""Rules on volumes and access credentials (reference kubevirt-validation.md 5.3 rule 144, 5.5, 5.6)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from solovirt.kinds.kubevirt import denial
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.machinery.errors import Cause

Spec = Mapping[str, Any]

SOURCES = (
    "persistentVolumeClaim",
    "dataVolume",
    "containerDisk",
    "ephemeral",
    "emptyDisk",
    "hostDisk",
    "cloudInitNoCloud",
    "cloudInitConfigDrive",
    "sysprep",
    "configMap",
    "secret",
    "downwardAPI",
    "downwardMetrics",
    "serviceAccount",
    "memoryDump",
    "containerPath",
)
"""The fields of a volume of which exactly one says where its bytes come from."""
_MOST_CLOUD_INIT_BYTES = 2048
_IS_SOURCE = frozenset(SOURCES)
_CLOUD_INIT = ("cloudInitNoCloud", "cloudInitConfigDrive")
_USER_DATA = ("userdata", "userdatasource", "userData", "userDataBase64", "secretRef", "UserDataSecretRef")
_NETWORK_DATA = (
    "networkdata",
    "networkdata source",
    "networkData",
    "networkDataBase64",
    "networkDataSecretRef",
    "NetworkDataSecretRef",
)
"""What a text is called, what its source is called, the fields that it may be in, and what is to be used for a long one."""
_NAMED = {"configMap": "name", "secret": "secretName", "serviceAccount": "serviceAccountName"}
"""Sources that are nothing without a name, and the field that has it."""
_WITH_RULES = frozenset((*_CLOUD_INIT, *_NAMED, "hostDisk", "downwardMetrics", "containerDisk"))
"""Sources that `_check_source` has something to say of."""
_AT_MOST_ONE = (
    ("serviceAccount", "serviceAccount"),
    ("downwardMetrics", "downwardMetric"),
    ("memoryDump", "memory dump"),
)


def is_declared_hotplug(volume: Spec) -> bool:
    """Whether *volume* is a disk that is plugged in rather than built in."""
    return any((volume.get(source) or {}).get("hotpluggable") for source in ("persistentVolumeClaim", "dataVolume"))


def is_hotplug(volume: Spec) -> bool:
    """Whether *volume* is plugged in rather than built in, to be a disk or to take a memory dump."""
    return is_declared_hotplug(volume) or bool((volume.get("memoryDump") or {}).get("hotpluggable"))


def claim_name(volume: Spec) -> str | None:
    """The PersistentVolumeClaim behind *volume*, or None if it has no claim. A DataVolume's claim has its name."""
    if (claim := volume.get("persistentVolumeClaim")) is not None:
        return str(claim.get("claimName") or "")
    if (data_volume := volume.get("dataVolume")) is not None:
        return str(data_volume.get("name") or "")
    if (ephemeral := volume.get("ephemeral")) is not None:
        return str((ephemeral.get("persistentVolumeClaim") or {}).get("claimName") or "")
    if (dump := volume.get("memoryDump")) is not None:
        return str(dump.get("claimName") or "")
    return None


def check(spec: Spec, path: str, *, cluster: Cluster = STANDARD) -> list[Cause]:
    """Rules 156 to 168 and 144, in their order."""
    volumes: Sequence[Spec] = spec.get("volumes") or ()
    causes: list[Cause] = []
    names = [volume.get("name") for volume in volumes]
    is_unique = len(set(names)) == len(names)
    kinds: list[str] = []
    for index, volume in enumerate(volumes):
        field = f"{path}.volumes[{index}]"
        if not is_unique and (other := names.index(volume.get("name"))) != index:
            text = f"{field} and {path}.volumes[{other}] must not have the same Name."
            causes.append(denial.invalid(f"{field}.name", text))
        given = [source for source, details in volume.items() if details is not None and source in _IS_SOURCE]
        kinds += given
        if len(given) != 1:
            causes.append(denial.invalid(field, f"{field} must have exactly one source type set"))
        if (data_volume := volume.get("dataVolume")) is not None and not data_volume.get("name"):
            causes.append(denial.required(f"{field}.name", "DataVolume 'name' must be set"))
        for source in given:
            if source in _WITH_RULES:
                causes += _check_source(source, volume[source], field, cluster)
    causes += [
        denial.invalid(f"{path}.volumes", f"{path}.volumes must have max one {label} volume set")
        for source, label in _AT_MOST_ONE
        if kinds.count(source) > 1
    ]
    if spec.get("utilityVolumes"):
        text = "cannot create VMI with utility volumes in spec, utility volumes can only be added via hotplug"
        causes.append(denial.invalid(f"{path}.utilityVolumes", text))
    return causes


def _check_source(source: str, details: Spec, field: str, cluster: Cluster) -> Iterator[Cause]:
    if source in _CLOUD_INIT:
        yield from _check_cloud_init(details, f"{field}.{source}", source)
    elif source == "hostDisk":
        yield from _check_host_disk(details, field, cluster)
    elif (key := _NAMED.get(source)) is not None:
        if not details.get(key):
            yield denial.invalid(f"{field}.{source}.{key}", f"{field}.{source}.{key} is a required field")
    elif source == "downwardMetrics":
        if not cluster.has("DownwardMetrics"):
            text = "downwardMetrics disks are not allowed: DownwardMetrics feature gate is not enabled."
            yield denial.invalid(field, text)
    elif source == "containerDisk" and (path := details.get("path")):
        yield from check_container_path(path, f"{field}.containerDisk")


def check_container_path(path: str, field: str) -> Iterator[Cause]:
    """Rule 144: *path* inside a container image points at a file."""
    if path == "/":
        yield denial.invalid(field, f"{field} must not point to root")
    elif not path.startswith("/") or str(PurePosixPath(path)) != path or ".." in PurePosixPath(path).parts:
        yield denial.invalid(field, f"{field} must be an absolute path to a file without relative components")


def _check_cloud_init(details: Spec, field: str, source: str) -> Iterator[Cause]:
    """Rules 159 to 163."""
    found = 0
    for what, source_text, plain, encoded, secret, cure in (_USER_DATA, _NETWORK_DATA):
        if details.keys().isdisjoint((plain, encoded, secret)):
            continue
        given = [key for key in (plain, encoded) if details.get(key)]
        if (details.get(secret) or {}).get("name") or (details.get(secret) is not None and what == "userdata"):
            given.append(secret)
        found += len(given)
        if len(given) > 1:
            yield denial.invalid(field, f"{field} must have only one {source_text} set.")
        length = len((details.get(plain) or "").encode())
        if text := details.get(encoded):
            try:
                length = len(base64.b64decode(text, validate=True))
            except (binascii.Error, ValueError):
                name = f"{field}.{encoded}.{source}.{encoded}"
                yield denial.invalid(f"{field}.{encoded}", f"{name} is not a valid base64 value.")
                continue
        if length > _MOST_CLOUD_INIT_BYTES:
            text = f"{field} {what} exceeds {_MOST_CLOUD_INIT_BYTES} byte limit. Should use {cure} for larger data."
            yield denial.invalid(field, text)
    if not found:
        text = f"{field} must have at least one userdatasource or one networkdatasource set."
        yield denial.invalid(field, text)


def _check_host_disk(disk: Spec, field: str, cluster: Cluster) -> Iterator[Cause]:
    """Rule 164."""
    if not cluster.has("HostDisk"):
        yield denial.invalid(field, "HostDisk feature gate is not enabled")
    field = f"{field}.hostDisk"
    if not disk.get("path"):
        yield denial.not_found(f"{field}.path", f"{field}.path is required for hostDisk volume")
    kind = disk.get("type") or ""
    if kind not in ("Disk", "DiskOrCreate"):
        text = f"{field}.type has invalid value '{kind}', allowed are 'Disk' or 'DiskOrCreate'"
        yield denial.invalid(f"{field}.type", text)
    if kind != "DiskOrCreate" and disk.get("capacity") not in (None, "0", 0):
        text = f"{field}.capacity is allowed to pass only with {field}.type equal to 'DiskOrCreate'"
        yield denial.invalid(f"{field}.capacity", text)


def check_access(spec: Spec, path: str) -> list[Cause]:
    """Rules 169 to 172: access credentials."""
    volumes = spec.get("volumes") or ()
    causes: list[Cause] = []
    for index, credential in enumerate(spec.get("accessCredentials") or ()):
        field = f"{path}.accessCredentials[{index}]"
        kinds = [kind for kind in ("sshPublicKey", "userPassword") if credential.get(kind) is not None]
        if len(kinds) != 1:
            causes.append(denial.invalid(field, f"{field} must have exactly one access credential type set"))
        for kind in kinds:
            causes += _check_credential(credential[kind], field, kind, volumes)
    return causes


def _check_credential(details: Spec, field: str, kind: str, volumes: Sequence[Spec]) -> Iterator[Cause]:
    if sum(value is not None for value in (details.get("source") or {}).values()) != 1:
        yield denial.invalid(f"{field}.{kind}.source", f"{field} must have exactly one source set")
    methods = {name: value for name, value in (details.get("propagationMethod") or {}).items() if value is not None}
    method_field = f"{field}.{kind}.propagationMethod"
    if len(methods) != 1:
        yield denial.invalid(method_field, f"{field} must have exactly one propagationMethod set")
    for method, source in (("noCloud", "cloudInitNoCloud"), ("configDrive", "cloudInitConfigDrive")):
        if method in methods and not any(volume.get(source) is not None for volume in volumes):
            text = f"{field} requires a {method} volume to exist when the {method} propagationMethod is in use."
            yield denial.invalid(method_field, text)
    agent = methods.get("qemuGuestAgent")
    if kind == "sshPublicKey" and agent is not None and not agent.get("users"):
        text = f"{field} requires at least one user to be present in the users list"
        yield denial.invalid(f"{method_field}.qemuGuestAgent.users", text)
