"""
What a runtime is given of an instance: its document, where the bytes of its disks are, and what it refers to by name, looked up.

Runtimes that only simulate have no use for bytes, and get the document alone. For the others everything has to be there: what is missing is
told as a GuestError, which ends up in the condition Synchronized, and is looked for again later.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from solovirt.controllers.virtual_machine_instance.failures import ImageMissing
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt.rules.volumes import claim_name
from solovirt.machinery import quantity
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.runtime.protocol import (
    Contents,
    DiskImage,
    GuestError,
    GuestId,
    GuestSpec,
    Runtime,
    ShowsVolumes,
)
from solovirt.volumes.protocol import ContainerDiskFailed, ContainerDisks, Disks, Volumes

_DISK = "disk.img"
"""The file on a file system volume that is the disk (reference cdi.md)."""
_OVERHEAD = 0.06
"""What a file system takes for itself, as CDI reckons."""


class GuestSpecs:
    """Makes specs for *runtime*, with disks that *volumes* keeps."""

    def __init__(self, objects: Objects, runtime: Runtime, volumes: Volumes | None = None) -> None:
        self._objects = objects
        self._shows = isinstance(runtime, ShowsVolumes)
        self._volumes = volumes

    async def build(self, instance: Document, node: str) -> GuestSpec:
        """The guest of *instance* on *node*. Raises GuestError for what is missing."""
        metadata = instance["metadata"]
        key = ObjectKey(metadata["namespace"], metadata["name"])
        paused = instance["spec"].get("startStrategy") == "Paused"
        disks: list[DiskImage] = []
        contents = Contents()
        if self._shows:
            disks = [image async for image in self._disks(instance)]
            contents = await self._contents(instance)
        return GuestSpec(
            GuestId(metadata["uid"]),
            key.namespace,
            key.name,
            node,
            instance,
            disks=tuple(disks),
            start_paused=paused,
            contents=contents,
        )

    # -- disks

    async def _disks(self, instance: Document) -> AsyncIterator[DiskImage]:
        for volume in instance["spec"].get("volumes") or ():
            name = claim_name(volume)
            if volume.get("containerDisk") is not None:
                yield await self._container_disk(instance, volume["name"], volume["containerDisk"])
            elif name is not None:
                yield self.disk(instance["metadata"]["namespace"], volume, name)

    def image(self, instance: Document, name: str) -> DiskImage:
        """The image behind the volume *name* of *instance*, which is on a claim. Raises GuestError if nobody knows where that is."""
        volume = next((one for one in instance["spec"].get("volumes") or () if one["name"] == name), {"name": name})
        if not self._shows:
            return DiskImage(name)
        return self.disk(instance["metadata"]["namespace"], volume, claim_name(volume) or "")

    def disk(self, namespace: str, volume: Mapping[str, Any], claim: str) -> DiskImage:
        """The image behind *volume* of an instance, which is on *claim*. Raises GuestError if nobody knows where that is."""
        found = self._objects.get(core.PERSISTENT_VOLUME_CLAIMS, ObjectKey(namespace, claim))
        volume_name = str(((found or {}).get("spec") or {}).get("volumeName") or "")
        if found is None or not volume_name:
            raise GuestError(f"volume {volume['name']}: the claim {namespace}/{claim} is not bound")
        ephemeral = volume.get("ephemeral")
        source = volume.get("persistentVolumeClaim") or (ephemeral or {}).get("persistentVolumeClaim") or {}
        return DiskImage(
            str(volume["name"]),
            str(self._path(found, volume_name)),
            read_only=bool(source.get("readOnly")),
            ephemeral=ephemeral is not None,
            size_bytes=_size(found),
        )

    def _path(self, claim: Document, volume_name: str) -> Path:
        present = self._objects.get(core.PERSISTENT_VOLUMES, ObjectKey("", volume_name)) or {}
        spec = present.get("spec") or {}
        # An administrator's own volume, on the machine itself.
        given = (spec.get("local") or spec.get("hostPath") or {}).get("path")
        if given:
            return Path(given) if claim["spec"].get("volumeMode") == "Block" else Path(given) / _DISK
        if not isinstance(self._volumes, Disks):
            raise GuestError(
                "disks are only simulated here: choose a back end of volumes that has bytes (--volumes files)"
            )
        return self._volumes.disk(volume_name)

    async def _container_disk(self, instance: Document, name: str, source: Mapping[str, Any]) -> DiskImage:
        if not isinstance(self._volumes, ContainerDisks):
            raise GuestError(f"volume {name}: this back end of volumes can't fetch container disks")
        try:
            found = await self._volumes.container_disk(
                str(source["image"]),
                namespace=instance["metadata"]["namespace"],
                pull_secret=str(source.get("imagePullSecret") or ""),
                pull_policy=str(source.get("imagePullPolicy") or ""),
                path=str(source.get("path") or ""),
                architecture=str(instance["spec"].get("architecture") or "amd64"),
            )
        except ContainerDiskFailed as error:
            raise ImageMissing(str(source["image"]), error) from error
        return DiskImage(name, str(found.path), found.format, ephemeral=True)

    # -- what is referred to

    async def _contents(self, instance: Document) -> Contents:
        namespace = instance["metadata"]["namespace"]
        files = {}
        for volume in instance["spec"].get("volumes") or ():
            for source, read in self._readers().items():
                if (given := volume.get(source)) is not None:
                    files[str(volume["name"])] = read(instance, given)
        secrets = {name: self._secret(namespace, name) for name in _credential_secrets(instance["spec"])}
        kernel, initrd = await self._kernel(instance)
        return Contents(files, secrets, kernel, initrd)

    def _readers(self) -> Mapping[str, Callable[[Document, Mapping[str, Any]], Mapping[str, bytes]]]:
        return {
            "configMap": self._config_map_volume,
            "secret": self._secret_volume,
            "serviceAccount": self._service_account,
            "downwardAPI": _downward,
            "sysprep": self._sysprep,
            "cloudInitNoCloud": self._cloud_init,
            "cloudInitConfigDrive": self._cloud_init,
        }

    def _config_map_volume(self, instance: Document, source: Mapping[str, Any]) -> Mapping[str, bytes]:
        name, optional = str(source.get("name") or ""), bool(source.get("optional"))
        return self._config_map(instance["metadata"]["namespace"], name, optional=optional)

    def _secret_volume(self, instance: Document, source: Mapping[str, Any]) -> Mapping[str, bytes]:
        name, optional = str(source.get("secretName") or ""), bool(source.get("optional"))
        return self._secret(instance["metadata"]["namespace"], name, optional=optional)

    def _sysprep(self, instance: Document, source: Mapping[str, Any]) -> Mapping[str, bytes]:
        namespace = instance["metadata"]["namespace"]
        if (secret := source.get("secret")) is not None:
            return self._secret(namespace, str(secret.get("name") or ""))
        return self._config_map(namespace, str((source.get("configMap") or {}).get("name") or ""))

    def _cloud_init(self, instance: Document, source: Mapping[str, Any]) -> Mapping[str, bytes]:
        out: dict[str, bytes] = {}
        for field in ("secretRef", "networkDataSecretRef"):
            if name := (source.get(field) or {}).get("name"):
                out |= self._secret(instance["metadata"]["namespace"], str(name))
        return out

    def _service_account(self, instance: Document, source: Mapping[str, Any]) -> Mapping[str, bytes]:
        """As a pod sees it: namespace, certificate, and the token, of which that in a Secret of the account's is taken."""
        namespace, name = instance["metadata"]["namespace"], str(source.get("serviceAccountName") or "")
        if self._objects.get(core.SERVICE_ACCOUNTS, ObjectKey(namespace, name)) is None:
            raise GuestError(f"serviceaccount {name!r} not found")
        for secret in self._objects.list(core.SECRETS, namespace=namespace):
            annotations = secret["metadata"].get("annotations") or {}
            if (
                secret.get("type") == "kubernetes.io/service-account-token"
                and annotations.get("kubernetes.io/service-account.name") == name
                and "token" in (secret.get("data") or {})
            ):
                return _decoded(secret)
        raise GuestError(f"serviceaccount {name!r} has no Secret with a token that a guest could be given")

    def _secret(self, namespace: str, name: str, *, optional: bool = False) -> Mapping[str, bytes]:
        found = self._objects.get(core.SECRETS, ObjectKey(namespace, name))
        if found is None:
            if optional:
                return {}
            raise GuestError(f"secret {name!r} not found")
        return _decoded(found)

    def _config_map(self, namespace: str, name: str, *, optional: bool = False) -> Mapping[str, bytes]:
        found = self._objects.get(core.CONFIG_MAPS, ObjectKey(namespace, name))
        if found is None:
            if optional:
                return {}
            raise GuestError(f"configmap {name!r} not found")
        texts = {key: value.encode() for key, value in (found.get("data") or {}).items()}
        return texts | {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}

    async def _kernel(self, instance: Document) -> tuple[str, str]:
        boot = (instance["spec"]["domain"].get("firmware") or {}).get("kernelBoot") or {}
        container = boot.get("container")
        if container is None:
            return "", ""
        paths = []
        for field in ("kernelPath", "initrdPath"):
            path = str(container.get(field) or "")
            if path:
                image = await self._container_disk(instance, "kernel-boot", {**container, "path": path})
                path = image.path
            paths.append(path)
        return paths[0], paths[1]


def _credential_secrets(spec: Mapping[str, Any]) -> Iterator[str]:
    for credential in spec.get("accessCredentials") or ():
        for kind in ("sshPublicKey", "userPassword"):
            source = (credential.get(kind) or {}).get("source") or {}
            if name := (source.get("secret") or {}).get("secretName"):
                yield str(name)


def _decoded(secret: Document) -> Mapping[str, bytes]:
    try:
        return {key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()}
    except binascii.Error as error:
        raise GuestError(f"secret {secret['metadata']['name']!r} can't be read: {error}") from error


def _size(claim: Document) -> int:
    """How large the disk of a claim is that nobody has filled: all of it, less what the file system needs."""
    status, spec = claim.get("status") or {}, claim.get("spec") or {}
    amount = (status.get("capacity") or {}).get("storage") or ((spec.get("resources") or {}).get("requests") or {}).get(
        "storage"
    )
    if not amount or spec.get("volumeMode") == "Block":
        return 0
    return int(quantity.whole(amount) * (1 - _OVERHEAD)) // 512 * 512


def _downward(instance: Document, source: Mapping[str, Any]) -> Mapping[str, bytes]:
    """What a pod would be told of itself; the guest is told of its instance."""
    metadata = instance["metadata"]
    out = {}
    for item in source.get("fields") or ():
        field = str((item.get("fieldRef") or {}).get("fieldPath") or "")
        out[str(item["path"])] = _field(metadata, field).encode()
    return out


def _field(metadata: Mapping[str, Any], path: str) -> str:
    name, bracket, rest = path.removeprefix("metadata.").partition("[")
    if bracket:
        return str((metadata.get(name) or {}).get(rest.rstrip("]").strip("'\""), ""))
    if name in ("labels", "annotations"):
        pairs = sorted((metadata.get(name) or {}).items())
        return "\n".join(f'{key}="{_quoted(str(value))}"' for key, value in pairs)
    if name in ("name", "namespace", "uid"):
        return str(metadata.get(name, ""))
    raise GuestError(f"the field {path} can't be shown to a guest")


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
