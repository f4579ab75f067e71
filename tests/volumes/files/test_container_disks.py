"""containerDisk volumes: images' disks on this machine, fetched once and kept (KubeVirt's containerDisk: the image's only file below /disk, or its path)."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from solovirt.machinery.clock import ManualClock
from solovirt.volumes.container_disks import ContainerDiskCache, credentials_for
from solovirt.volumes.protocol import ContainerDiskFailed, ContainerDisks
from tests.volumes.files.conftest import IMPATIENT, MIB, Cluster, Engine, Site, image, random_disk
from tests.volumes.files.registry import HERE, OCI, Registry, layer


class Disks:
    """The cache, and a registry that it may speak to."""

    def __init__(self, root: Path, site: Site) -> None:
        self.root = root
        self.site = site
        self.registry = Registry(site)
        self.clock = ManualClock()
        self.cluster = Cluster()
        self.cache = ContainerDiskCache(root, clock=self.clock, cluster=self.cluster, limits=IMPATIENT)
        self.fetched: list[str] = []

    def name(self, rest: str = "vm/disk:v1") -> str:
        return f"{self.site.host}/{rest}"

    def files(self) -> set[str]:
        return {one.relative_to(self.root).parts[0] for one in self.root.rglob("*") if one.is_file()}


@pytest.fixture
async def disks(tmp_path: Path, site: Site) -> AsyncIterator[Disks]:
    made = Disks(tmp_path / "images", site)
    await site.start()
    made.cluster.insecure = {site.host}
    await made.cache.start()
    yield made
    await made.cache.close()


async def test_the_only_file_of_the_directory_disk_is_the_disk(disks: Disks) -> None:
    content = random_disk()
    digest = disks.registry.image("v1", layer({"etc/x": b"1", "disk/": b"", "disk/fedora.img": content}))
    found = await disks.cache.container_disk(disks.name())
    assert (found.path.read_bytes(), found.format, found.virtual_size, found.digest) == (
        content,
        "raw",
        len(content),
        digest,
    )
    assert found.path.stat().st_mode & 0o777 == 0o440
    assert disks.files() == {"disks", "references"}


async def test_a_qcow2_stays_one_and_its_virtual_size_is_told(disks: Disks, tmp_path: Path) -> None:
    made = image(tmp_path / "x", random_disk(4 * MIB), "qcow2")
    disks.registry.image("v1", layer({"disk/a.qcow2": made.read_bytes()}))
    found = await disks.cache.container_disk(disks.name())
    assert (found.path.read_bytes(), found.format, found.virtual_size) == (made.read_bytes(), "qcow2", 4 * MIB)


async def test_the_topmost_layers_disk_is_taken_and_what_it_hides_is_not(disks: Disks) -> None:
    disks.registry.image("v1", layer({"disk/a": b"old"}), layer({"disk/a": b"new"}))
    assert (await disks.cache.container_disk(disks.name())).path.read_bytes() == b"new"
    disks.registry.image("v2", layer({"disk/a": b"old"}), layer({"disk/.wh.a": b""}))
    with pytest.raises(ContainerDiskFailed, match="no file found in folder /disk, no disk present"):
        await disks.cache.container_disk(disks.name("vm/disk:v2"))
    disks.registry.image("v3", layer({"disk/a": b"old"}), layer({"disk/.wh..wh..opq": b"", "disk/b": b"other"}))
    assert (await disks.cache.container_disk(disks.name("vm/disk:v3"))).path.read_bytes() == b"other"


async def test_several_files_need_a_path(disks: Disks) -> None:
    disks.registry.image("v1", layer({"disk/a": b"first", "disk/b": b"second"}))
    with pytest.raises(ContainerDiskFailed, match="more than one file found in folder /disk"):
        await disks.cache.container_disk(disks.name())
    assert (await disks.cache.container_disk(disks.name(), path="/disk/b")).path.read_bytes() == b"second"


async def test_an_image_is_fetched_once_for_all_who_ask(disks: Disks) -> None:
    disks.registry.image("v1", layer({"disk/a": random_disk()}))
    found = await asyncio.gather(*(disks.cache.container_disk(disks.name()) for _ in range(5)))
    assert len({one.path for one in found}) == 1
    assert disks.registry.blobs_served == 2, "the configuration and the layer"


async def test_images_that_share_a_layer_share_its_disk(disks: Disks) -> None:
    shared = layer({"disk/a": random_disk()})
    disks.registry.image("v1", shared)
    disks.registry.image("v2", shared, layer({"etc/motd": b"hello"}))
    first = await disks.cache.container_disk(disks.name("vm/disk:v1"))
    second = await disks.cache.container_disk(disks.name("vm/disk:v2"))
    assert first.path == second.path
    assert first.digest != second.digest


async def test_pull_policies_are_the_kubelets(disks: Disks) -> None:
    with pytest.raises(ContainerDiskFailed) as never:
        await disks.cache.container_disk(disks.name(), "Never")
    assert never.value.reason == "ErrImageNeverPull"
    disks.registry.image("v1", layer({"disk/a": b"one"}))
    assert (await disks.cache.container_disk(disks.name(), "IfNotPresent")).path.read_bytes() == b"one"
    disks.registry.image("v1", layer({"disk/a": b"two"}))
    assert (await disks.cache.container_disk(disks.name(), "IfNotPresent")).path.read_bytes() == b"one"
    assert (await disks.cache.container_disk(disks.name(), "Never")).path.read_bytes() == b"one"
    assert (await disks.cache.container_disk(disks.name(), "Always")).path.read_bytes() == b"two"
    # The tag `latest` is always pulled unless something else is said.
    disks.registry.image("latest", layer({"disk/a": b"l1"}))
    assert (await disks.cache.container_disk(disks.name("vm/disk"))).path.read_bytes() == b"l1"
    disks.registry.image("latest", layer({"disk/a": b"l2"}))
    assert (await disks.cache.container_disk(disks.name("vm/disk"))).path.read_bytes() == b"l2"


async def test_what_cannot_be_pulled_is_told_as_the_kubelet_tells_it(disks: Disks) -> None:
    with pytest.raises(ContainerDiskFailed) as missing:
        await disks.cache.container_disk(disks.name())
    assert missing.value.reason == "ErrImagePull"
    assert "404" in str(missing.value)
    with pytest.raises(ContainerDiskFailed) as wrong:
        await disks.cache.container_disk("Not//An:Image")
    assert wrong.value.reason == "InvalidImageName"


async def test_an_image_that_names_other_files_is_refused(disks: Disks, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * MIB)
    hostile = image(tmp_path / "x", bytes(MIB), "qcow2")
    hostile.unlink()
    backing = await asyncio.create_subprocess_exec(
        "qemu-img", "create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", hostile
    )
    assert await backing.wait() == 0
    disks.registry.image("v1", layer({"disk/a": hostile.read_bytes()}))
    with pytest.raises(ContainerDiskFailed, match="backing file"):
        await disks.cache.container_disk(disks.name())
    assert disks.files() == set()


async def test_a_pull_secret_opens_the_registry(disks: Disks) -> None:
    disks.registry.password = "sesame"
    disks.registry.image("v1", layer({"disk/a": b"x"}))
    auth = base64.b64encode(b"jane:sesame").decode()
    content = json.dumps({"auths": {disks.site.host: {"auth": auth}}}).encode()
    disks.cluster.secrets["pull"] = {".dockerconfigjson": content}
    with pytest.raises(ContainerDiskFailed):
        await disks.cache.container_disk(disks.name())
    found = await disks.cache.container_disk(disks.name(), namespace="default", secret="pull")
    assert found.path.read_bytes() == b"x"


def test_credentials_are_found_by_host() -> None:
    auths = {"https://index.docker.io/v1/": {"username": "a", "password": "b"}, "other:5000": {"auth": "Yzpk"}}
    data = {".dockerconfigjson": json.dumps({"auths": auths}).encode()}
    assert credentials_for("registry-1.docker.io", data) == ("a", "b")
    assert credentials_for("other:5000", data) == ("c", "d")
    assert credentials_for("third", data) is None
    assert credentials_for("other:5000", {".dockerconfigjson": b"[]"}) is None


async def test_what_nobody_uses_is_cleaned_up(disks: Disks) -> None:
    for tag in ("v1", "v2", "v3"):
        disks.registry.image(tag, layer({"disk/a": tag.encode()}))
    v1, v2 = [(await disks.cache.container_disk(disks.name(f"vm/disk:{tag}"))).path for tag in ("v1", "v2")]
    assert await disks.cache.collect([], unused_for=timedelta()) == [], "nothing that was just asked for"
    await disks.clock.advance(timedelta(hours=2))
    v3 = (await disks.cache.container_disk(disks.name("vm/disk:v3"))).path
    assert await disks.cache.collect([disks.name("vm/disk:v1")], unused_for=timedelta(hours=1)) == [v2]
    assert (v1.exists(), v2.exists(), v3.exists()) == (True, False, True)
    # What it was is forgotten with it, and it can be had again.
    assert (await disks.cache.container_disk(disks.name("vm/disk:v2"))).path.read_bytes() == b"v2"


async def test_a_disk_of_no_reference_any_more_goes(disks: Disks) -> None:
    disks.registry.image("v1", layer({"disk/a": b"one"}))
    old = (await disks.cache.container_disk(disks.name())).path
    disks.registry.image("v1", layer({"disk/a": b"two"}))
    new = (await disks.cache.container_disk(disks.name(), "Always")).path
    assert await disks.cache.collect([disks.name()]) == [old]
    assert new.exists()


async def test_the_architecture_decides_which_image_of_an_index_it_is(disks: Disks) -> None:
    manifests = [
        {
            "digest": disks.registry.image(name, layer({"disk/a": name.encode()}), architecture=name),
            "platform": {"os": "linux", "architecture": name},
        }
        for name in ("amd64", "arm64")
    ]
    disks.registry.manifest("v1", f"{OCI}.index.v1+json", {"schemaVersion": 2, "manifests": manifests})
    for name in ("amd64", "arm64"):
        found = await disks.cache.container_disk(disks.name(), architecture=name)
        assert found.path.read_bytes() == name.encode()


async def test_the_back_end_on_files_has_them_beside_its_volumes(engine: Engine, site: Site) -> None:
    registry = Registry(site)
    await site.start()
    engine.cluster.insecure = {site.host}
    registry.image("v1", layer({"disk/a": b"content"}))
    assert isinstance(engine.volumes, ContainerDisks)
    await engine.volumes.forget_images([])
    assert not engine.root.with_name("images").exists(), "whoever has no use for them has no directory"
    name = f"{site.host}/vm/disk:v1"
    found = await engine.volumes.container_disk(name, namespace="default", architecture=HERE)
    assert found.path.read_bytes() == b"content"
    assert found.path.is_relative_to(engine.root.with_name("images"))
    await engine.clock.advance(timedelta(days=8))
    await engine.volumes.forget_images([name])
    assert found.path.exists()
    await engine.restart()
    await engine.volumes.forget_images([])
    assert not found.path.exists()


async def test_disks_outlive_a_restart_and_leftovers_do_not(disks: Disks) -> None:
    disks.registry.image("v1", layer({"disk/a": b"x"}))
    path = (await disks.cache.container_disk(disks.name())).path
    await disks.cache.close()
    (disks.root / "work" / "rest").mkdir()
    (disks.root / "work" / "rest" / "layer").write_bytes(b"half")
    await disks.cache.start()
    assert (await disks.cache.container_disk(disks.name(), "Never")).path == path
    assert disks.files() == {"disks", "references"}
