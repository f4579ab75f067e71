"""Disks from container images, out of a small registry on loopback (reference cdi.md 7.2)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from solovirt.volumes.files.formats import _zstd
from solovirt.volumes.files.registry import Reference, RegistryFailed
from solovirt.volumes.files.registry_source import labels_of
from solovirt.volumes.protocol import DigestUnavailable, Progress, TransferState
from tests.volumes.files.conftest import MIB, Engine, Site, random_disk
from tests.volumes.files.registry import HERE, OCI, Registry, layer


@pytest.fixture
async def registry(site: Site) -> Registry:
    made = Registry(site)
    await site.start()
    return made


async def fetch(engine: Engine, registry: Registry, name: str = "vm/disk:v1", **fields: Any) -> Progress:
    engine.cluster.insecure = {registry.site.host}
    source = {"registry": {"url": f"docker://{registry.site.host}/{name}", **fields}}
    return await engine.finish(engine.request(source, size=2 * MIB))


def zstd(content: bytes) -> bytes:
    return bytes(_zstd().compress(content))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd], ids=["tar", "gzip", "zstd"])
async def test_the_first_file_below_disk_is_the_disk(
    engine: Engine, registry: Registry, pack: Callable[[bytes], bytes]
) -> None:
    content = random_disk()
    lower = layer({"etc/motd": b"hello", "disk.img": b"not this"}, pack)
    upper = layer({"disk/": b"", "disk/.wh.old": b"", "./disk/fedora.img": content, "disk/second.img": b"x"}, pack)
    registry.image("v1", lower, upper)
    progress = await fetch(engine, registry)
    assert (progress.state, progress.message) == (TransferState.SUCCEEDED, "")
    assert engine.disk().read_bytes() == content
    assert engine.entries() == {"record.json", "data", "data/disk.img"}


async def test_an_index_is_resolved_by_architecture(engine: Engine, registry: Registry) -> None:
    disks = {"amd64": random_disk(seed=1), "arm64": random_disk(seed=2)}
    manifests = [
        {
            "digest": registry.image(name, layer({"disk/a": disk}), architecture=name),
            "platform": {"os": "linux", "architecture": name},
        }
        for name, disk in disks.items()
    ]
    registry.manifest("v1", f"{OCI}.index.v1+json", {"schemaVersion": 2, "manifests": manifests})
    other = "arm64" if HERE == "amd64" else "amd64"
    assert (await fetch(engine, registry, platform={"architecture": other})).message == ""
    assert engine.disk().read_bytes() == disks[other]


async def test_a_single_image_of_another_architecture_is_refused(engine: Engine, registry: Registry) -> None:
    registry.image("v1", layer({"disk/a": b"x"}), architecture="s390x")
    progress = await fetch(engine, registry, platform={"architecture": "amd64"})
    assert progress.message.endswith(
        'manifest image architecture: "s390x" doesn\'t match requested architecture: "amd64"'
    )


async def test_a_token_is_fetched_with_the_secrets_credentials(engine: Engine, registry: Registry) -> None:
    registry.image("v1", layer({"disk/a": random_disk()}))
    registry.password = "s3cret"
    progress = await fetch(engine, registry)
    assert (
        progress.message
        == "Unable to process data: Failed to read registry image: authentication failed: 401 Unauthorized"
    )
    engine.cluster.secrets["login"] = {"accessKeyId": b"jane", "secretKey": b"s3cret"}
    await engine.clock.advance(301)
    assert (await fetch(engine, registry, secretRef="login")).state is TransferState.SUCCEEDED
    assert registry.tokens_given == 1


async def test_an_image_by_digest_is_that_image(engine: Engine, registry: Registry) -> None:
    content = random_disk()
    digest = registry.image("v1", layer({"disk/a": content}))
    assert (await fetch(engine, registry, f"vm/disk@{digest}")).message == ""
    assert engine.disk().read_bytes() == content


async def test_what_is_not_what_its_digest_says_is_refused(engine: Engine, registry: Registry) -> None:
    digest = registry.image("v1", layer({"disk/a": random_disk()}))
    kind, content = registry.manifests[digest]
    registry.manifests[digest] = (kind, content + b" ")
    assert "is not what its digest says" in (await fetch(engine, registry, f"vm/disk@{digest}")).message
    registry.manifests[digest] = (kind, content)
    of_layer = json.loads(content)["layers"][0]["digest"]
    registry.blobs[of_layer] = layer({"disk/a": random_disk(seed=3)})
    await engine.clock.advance(301)
    progress = await fetch(engine, registry, f"vm/disk@{digest}")
    assert progress.state is TransferState.RETRYING
    assert "checksum mismatch" in progress.message
    assert engine.entries() == {"record.json"}


async def test_an_image_without_disk_is_told(engine: Engine, registry: Registry) -> None:
    registry.image("v1", layer({"etc/motd": b"hello"}))
    expected = "Unable to process data: Failed to read registry image: Failed to find VM disk image file in the container image"
    assert (await fetch(engine, registry)).message == expected


async def test_pulling_by_the_node_fails_as_an_image_pull(engine: Engine, registry: Registry) -> None:
    progress = await fetch(engine, registry, "vm/missing:v1", pullMethod="node")
    assert progress.reason == "ImagePullFailed"
    assert progress.message.startswith("failed to pull image: ")


async def test_labels_come_from_the_images_environment(engine: Engine, registry: Registry) -> None:
    env = ["PATH=/bin", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE=fedora"]
    registry.image("v1", layer({"disk/a": random_disk()}), env=env)
    await fetch(engine, registry)
    progress = await fetch(engine, registry)
    assert progress.labels == {"instancetype.kubevirt.io/default-preference": "fedora"}


def test_environment_variables_are_labels() -> None:
    assert labels_of({"KUBEVIRT_IO_DYNAMIC_CREDENTIALS_SUPPORT": "true", "A": "b"}) == {
        "kubevirt.io/dynamic-credentials-support": "true"
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("quay.io/kubevirt/fedora:40", ("quay.io", "kubevirt/fedora", "40", "")),
        ("localhost/disk", ("localhost", "disk", "latest", "")),
        ("127.0.0.1:5000/a/b/c", ("127.0.0.1:5000", "a/b/c", "latest", "")),
        ("fedora", ("registry-1.docker.io", "library/fedora", "latest", "")),
        ("kubevirt/fedora:1", ("registry-1.docker.io", "kubevirt/fedora", "1", "")),
        (f"h.io/a:b@sha256:{'0' * 64}", ("h.io", "a", "b", f"sha256:{'0' * 64}")),
        (f"h.io/a@sha256:{'0' * 64}", ("h.io", "a", "", f"sha256:{'0' * 64}")),
    ],
)
def test_references_are_read_as_docker_reads_them(text: str, expected: tuple[str, str, str, str]) -> None:
    found = Reference.parse(text)
    assert (found.host, found.repository, found.tag, found.digest) == expected


@pytest.mark.parametrize("text", ["", "h.io/UPPER", "h.io/a?b", "h.io/../x", "h.io/a@sha256:00", "h.io/a:b:c/d e"])
def test_references_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(RegistryFailed):
        Reference.parse(text)


async def test_a_digest_is_told_without_fetching_the_image(engine: Engine, registry: Registry) -> None:
    digest = registry.image("v1", layer({"disk/a": b"x"}))
    engine.cluster.insecure = {registry.site.host}
    fields = {"url": f"docker://{registry.site.host}/vm/disk:v1"}
    assert await engine.volumes.digest("default", fields, {}) == digest
    assert registry.blobs_served == 0
    with pytest.raises(DigestUnavailable, match="404 Not Found"):
        await engine.volumes.digest("default", {"url": fields["url"].replace("v1", "v2")}, {})
    with pytest.raises(DigestUnavailable, match='secret "none" not found'):
        await engine.volumes.digest("default", {**fields, "secretRef": "none"}, {})
