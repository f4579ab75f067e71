"""What a runtime is given of an instance (volumes as in reference kubevirt-validation.md 157 to 170)."""

from __future__ import annotations

import base64
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from solovirt.controllers.virtual_machine_instance.guest_spec import GuestSpecs
from solovirt.kinds.core import names as core
from solovirt.machinery.resource import ObjectKey
from solovirt.runtime.protocol import GuestError, GuestSpec
from solovirt.volumes.protocol import ContainerDisk, ContainerDiskFailed


class Stored:
    """Objects, by kind and key."""

    def __init__(self) -> None:
        self.kept: dict[tuple[Any, ObjectKey], dict[str, Any]] = {}

    def put(self, resource: Any, name: str, namespace: str = "default", **fields: Any) -> None:
        metadata = {"name": name, "namespace": namespace, **fields.pop("metadata", {})}
        self.kept[resource, ObjectKey(namespace, name)] = {"metadata": metadata, **fields}

    def get(self, resource: Any, key: ObjectKey) -> dict[str, Any] | None:
        return self.kept.get((resource, key))

    def list(self, resource: Any, namespace: str = "") -> list[dict[str, Any]]:
        return [one for (kind, key), one in self.kept.items() if kind == resource and key.namespace == namespace]


class Showing:
    shows_volumes = True


class Bytes:
    """A back end with disks and images."""

    def disk(self, volume: str) -> Path:
        return Path("/volumes") / volume / "disk.img"

    async def container_disk(self, image: str, *, path: str = "", **_options: Any) -> ContainerDisk:
        if "missing" in image:
            raise ContainerDiskFailed(f"{image}: manifest unknown")
        return ContainerDisk(Path("/images") / (path.lstrip("/") or "disk.qcow2"), "qcow2")

    async def forget_images(self, in_use: Collection[str]) -> None:
        pass


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def stored() -> Stored:
    objects = Stored()
    objects.put(
        core.PERSISTENT_VOLUME_CLAIMS,
        "claim",
        spec={"volumeName": "pvc-1", "resources": {"requests": {"storage": "1Gi"}}},
        status={"capacity": {"storage": "1Gi"}},
    )
    objects.put(core.PERSISTENT_VOLUMES, "pvc-1", "", spec={})
    objects.put(core.SECRETS, "secret", data={"userData": encoded("#!/bin/sh"), "key": encoded("ssh-ed25519 AAAA")})
    objects.put(core.CONFIG_MAPS, "map", data={"a": "1"}, binaryData={"b": base64.b64encode(b"\xff").decode()})
    return objects


async def build(stored: Stored, *volumes: dict[str, Any], runtime: Any = None, **spec: Any) -> GuestSpec:
    instance = {
        "metadata": {"name": "vmi", "namespace": "default", "uid": "uid-1", "labels": {"b": 'say "x"', "a": "1"}},
        "spec": {"domain": {}, "volumes": [{"name": "disk", **volume} for volume in volumes], **spec},
    }
    return await GuestSpecs(stored, runtime or Showing(), Bytes()).build(instance, "node01")  # type: ignore[arg-type]  # as far as it is used


async def test_a_claims_disk_is_where_its_volume_is(stored: Stored):
    for source in ({"persistentVolumeClaim": {"claimName": "claim"}}, {"dataVolume": {"name": "claim"}}):
        (image,) = (await build(stored, source)).disks
        assert (image.volume, image.path, image.format) == ("disk", "/volumes/pvc-1/disk.img", "raw")
        assert not image.ephemeral
        assert (1 << 30) * 0.93 < image.size_bytes < 1 << 30


async def test_what_must_not_be_written_is_said(stored: Stored):
    claim = {"claimName": "claim", "readOnly": True}
    (image,) = (await build(stored, {"persistentVolumeClaim": claim})).disks
    assert image.read_only
    (image,) = (await build(stored, {"ephemeral": {"persistentVolumeClaim": {"claimName": "claim"}}})).disks
    assert image.ephemeral
    (image,) = (await build(stored, {"containerDisk": {"image": "example.com/disk"}})).disks
    assert (image.path, image.format, image.ephemeral) == ("/images/disk.qcow2", "qcow2", True)


@pytest.mark.parametrize("kind", ["local", "hostPath"])
async def test_an_administrators_volume_is_where_it_says(stored: Stored, kind: str):
    stored.put(core.PERSISTENT_VOLUMES, "pvc-1", "", spec={kind: {"path": "/srv/one"}})
    (image,) = (await build(stored, {"dataVolume": {"name": "claim"}})).disks
    assert image.path == "/srv/one/disk.img"
    claim = stored.kept[core.PERSISTENT_VOLUME_CLAIMS, ObjectKey("default", "claim")]
    claim["spec"]["volumeMode"] = "Block"
    (image,) = (await build(stored, {"dataVolume": {"name": "claim"}})).disks
    assert image.path == "/srv/one"


async def test_what_is_referred_to_is_looked_up(stored: Stored):
    made = await build(stored, {"secret": {"secretName": "secret"}})
    assert made.contents.files["disk"]["userData"] == b"#!/bin/sh"
    made = await build(stored, {"configMap": {"name": "map"}})
    assert made.contents.files["disk"] == {"a": b"1", "b": b"\xff"}
    made = await build(stored, {"cloudInitNoCloud": {"secretRef": {"name": "secret"}, "userData": "no"}})
    assert made.contents.files["disk"]["userData"] == b"#!/bin/sh"
    made = await build(stored, {"sysprep": {"configMap": {"name": "map"}}})
    assert made.contents.files["disk"]["a"] == b"1"
    made = await build(
        stored,
        accessCredentials=[{"sshPublicKey": {"source": {"secret": {"secretName": "secret"}}}}],
    )
    assert made.contents.access_secrets["secret"]["key"] == b"ssh-ed25519 AAAA"


async def test_the_downward_api_tells_of_the_instance(stored: Stored):
    fields = [
        {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}},
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "one", "fieldRef": {"fieldPath": "metadata.labels['a']"}},
    ]
    made = await build(stored, {"downwardAPI": {"fields": fields}})
    assert made.contents.files["disk"] == {"name": b"vmi", "labels": b'a="1"\nb="say \\"x\\""', "one": b"1"}


async def test_a_kernel_out_of_an_image_is_a_file(stored: Stored):
    container = {"image": "example.com/kernel", "kernelPath": "/boot/vmlinuz", "initrdPath": "/boot/initrd"}
    made = await build(stored, domain={"firmware": {"kernelBoot": {"container": container}}})
    assert (made.contents.kernel, made.contents.initrd) == ("/images/boot/vmlinuz", "/images/boot/initrd")


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"persistentVolumeClaim": {"claimName": "nothing"}}, "the claim default/nothing is not bound"),
        ({"containerDisk": {"image": "example.com/missing"}}, "manifest unknown"),
        ({"secret": {"secretName": "nothing"}}, "secret 'nothing' not found"),
        ({"configMap": {"name": "nothing"}}, "configmap 'nothing' not found"),
        ({"serviceAccount": {"serviceAccountName": "nobody"}}, "serviceaccount 'nobody' not found"),
        ({"downwardAPI": {"fields": [{"path": "x", "fieldRef": {"fieldPath": "spec.x"}}]}}, r"the field spec\.x"),
    ],
)
async def test_what_is_missing_is_said(stored: Stored, volume: dict[str, Any], message: str):
    with pytest.raises(GuestError, match=message):
        await build(stored, volume)


async def test_what_is_optional_may_be_missing(stored: Stored):
    made = await build(stored, {"secret": {"secretName": "nothing", "optional": True}})
    assert made.contents.files["disk"] == {}


async def test_a_runtime_that_only_simulates_is_given_the_document_alone(stored: Stored):
    made = await build(stored, {"secret": {"secretName": "nothing"}}, runtime=object())
    assert (made.disks, dict(made.contents.files)) == ((), {})
