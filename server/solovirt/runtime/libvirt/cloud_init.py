"""
cloud-init's data, in the two forms that KubeVirt offers.

NoCloud is a disc called `cidata` with user-data, meta-data and network-config at its top; a config drive is OpenStack's, called `config-2`.
What they hold is generated from the instance: ids, its host name, and the public keys of accessCredentials.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from solovirt.runtime.libvirt import identity
from solovirt.runtime.libvirt.domain import Unsupported
from solovirt.runtime.libvirt.domain.blueprint import Part
from solovirt.runtime.protocol import GuestSpec

NO_CLOUD_LABEL = "cidata"
CONFIG_DRIVE_LABEL = "config-2"
_LATEST = "openstack/latest"
_LONGEST_HOSTNAME = 63
_TYPE_ANNOTATIONS = (
    "kubevirt.io/cluster-instancetype-name",
    "kubevirt.io/instancetype-name",
)
_NEEDED = "userDataBase64, userData, networkDataBase64 or networkData is required for a cloud-init data source"


def disc(spec: GuestSpec, volume: Part, field: str) -> tuple[str, Mapping[str, bytes]]:
    """
    Label and files of the disc for *volume*, whose source is at *field* of the instance. Raises Unsupported if it has no data.

    Data out of Secrets goes before what the volume says itself.
    """
    no_cloud = volume.get("cloudInitNoCloud")
    source: Part = no_cloud if no_cloud is not None else volume["cloudInitConfigDrive"]
    secret = spec.contents.files.get(str(volume["name"])) or {}
    # KubeVirt reads either spelling, the lower case one first.
    user = _data(secret.get("userdata") or secret.get("userData"), source, "userData", field)
    network = _data(secret.get("networkdata") or secret.get("networkData"), source, "networkData", field)
    if not user and not network:
        raise Unsupported(field, _NEEDED)
    if no_cloud is not None:
        names = ("meta-data", "user-data", "network-config")
        label, metadata = NO_CLOUD_LABEL, _no_cloud_metadata(spec)
    else:
        names = (f"{_LATEST}/meta_data.json", f"{_LATEST}/user_data", f"{_LATEST}/network_data.json")
        label, metadata = CONFIG_DRIVE_LABEL, _config_drive_metadata(spec)
    files = {names[0]: orjson.dumps(metadata), names[1]: user}
    if network:
        files[names[2]] = network
    return label, files


def hostname(spec: GuestSpec) -> str:
    """The guest's host name: as asked for, else the first label of the instance's name."""
    asked = (spec.instance.get("spec") or {}).get("hostname") or spec.name
    return str(asked).partition(".")[0][:_LONGEST_HOSTNAME]


def _data(secret: bytes | None, source: Part, name: str, field: str) -> bytes:
    if secret:
        return secret
    if text := source.get(name):
        return str(text).encode()
    if encoded := source.get(f"{name}Base64"):
        try:
            return base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Unsupported(f"{field}.{name}Base64", f"it is no base64: {error}") from error
    return b""


def _no_cloud_metadata(spec: GuestSpec) -> dict[str, Any]:
    return _without_nothing(
        {
            "instance-type": _instance_type(spec),
            "instance-id": identity.domain_uuid(spec),
            "local-hostname": hostname(spec),
            "public-keys": _numbered(spec, "noCloud"),
        }
    )


def _config_drive_metadata(spec: GuestSpec) -> dict[str, Any]:
    return _without_nothing(
        {
            "instance_type": _instance_type(spec),
            "instance_id": f"{spec.name}.{spec.namespace}",
            "hostname": hostname(spec),
            "uuid": identity.domain_uuid(spec),
            "public_keys": _numbered(spec, "configDrive"),
        }
    )


def _without_nothing(metadata: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if value}


def _instance_type(spec: GuestSpec) -> str:
    annotations = (spec.instance.get("metadata") or {}).get("annotations") or {}
    return next((str(annotations[name]) for name in _TYPE_ANNOTATIONS if annotations.get(name)), "")


def _numbered(spec: GuestSpec, method: str) -> dict[str, str]:
    return {str(number): key for number, key in enumerate(public_keys(spec, method))}


def public_keys(spec: GuestSpec, method: str) -> Iterator[str]:
    """The public keys that get into the guest by *method* (`noCloud`, `configDrive`), in order. Raises Unsupported."""
    for index, credential in enumerate((spec.instance.get("spec") or {}).get("accessCredentials") or ()):
        key = credential.get("sshPublicKey") or {}
        if (key.get("propagationMethod") or {}).get(method) is None:
            continue
        name = ((key.get("source") or {}).get("secret") or {}).get("secretName")
        if not name:
            continue
        secret = spec.contents.access_secrets.get(name)
        if secret is None:
            raise Unsupported(
                f"spec.accessCredentials[{index}].sshPublicKey.source", f"the Secret {name} was not found"
            )
        for _, value in sorted(secret.items()):
            if value:
                yield value.decode(errors="replace")
