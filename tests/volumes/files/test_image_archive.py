"""Images in archives that an administrator put beside the volumes: OCI layouts and `docker save` (reference cdi.md 7.2, `oci-archive:`)."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from solovirt.volumes.protocol import Progress, TransferState
from tests.volumes.files.conftest import MIB, Engine, random_disk
from tests.volumes.files.registry import HERE, layer

ENV = ["INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE=fedora"]


class Layout:
    """An OCI layout in the making, by path."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}

    def blob(self, content: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        self.files[f"blobs/sha256/{digest}"] = content
        return {"digest": f"sha256:{digest}", "size": len(content)}

    def image(self, *layers: bytes, architecture: str = HERE) -> dict[str, Any]:
        config = self.blob(json.dumps({"architecture": architecture, "config": {"Env": ENV}}).encode())
        document = {"schemaVersion": 2, "config": config, "layers": [self.blob(one) for one in layers]}
        return {**self.blob(json.dumps(document).encode()), "platform": {"os": "linux", "architecture": architecture}}

    def index(self, *manifests: dict[str, Any]) -> None:
        self.files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()

    def directory(self, path: Path) -> None:
        for name, content in self.files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)

    def tar(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(layer({f"./{name}": content for name, content in self.files.items()}, bytes))


def docker_archive(path: Path, content: bytes) -> None:
    config = {"architecture": HERE, "config": {"Env": ENV}}
    manifest = [{"Config": "abc.json", "RepoTags": ["a:b"], "Layers": ["1/layer.tar", "2/layer.tar"]}]
    files = {
        "abc.json": json.dumps(config).encode(),
        "1/layer.tar": layer({"etc/motd": b"x"}, bytes),
        "2/layer.tar": layer({"disk/a.img": content}, bytes),
        "manifest.json": json.dumps(manifest).encode(),
    }
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(layer(files, bytes)))


def archives(engine: Engine) -> Path:
    return engine.root.with_name("archives")


async def fetch(engine: Engine, name: str, **fields: Any) -> Progress:
    source = {"registry": {"url": f"oci-archive:{name}", **fields}}
    return await engine.finish(engine.request(source, size=2 * MIB))


@pytest.mark.parametrize("kind", ["directory", "tar", "docker"])
async def test_the_disk_is_the_images(engine: Engine, kind: str) -> None:
    content = random_disk()
    path = archives(engine) / "fedora"
    if kind == "docker":
        docker_archive(path, content)
    else:
        made = Layout()
        made.index(made.image(layer({"etc/motd": b"x"}), layer({"disk/a.img": content})))
        getattr(made, kind)(path)
    progress = await fetch(engine, "fedora")
    assert (progress.state, progress.message) == (TransferState.SUCCEEDED, "")
    assert progress.labels == {"instancetype.kubevirt.io/default-preference": "fedora"}
    assert engine.disk().read_bytes() == content
    assert engine.entries() == {"record.json", "data", "data/disk.img"}


async def test_the_architecture_decides(engine: Engine) -> None:
    made = Layout()
    disks = {"amd64": random_disk(seed=1), "arm64": random_disk(seed=2)}
    images = [made.image(layer({"disk/a": disk}), architecture=name) for name, disk in disks.items()]
    made.index(*images)
    made.directory(archives(engine) / "two")
    assert (await fetch(engine, "two", platform={"architecture": "arm64"})).message == ""
    assert engine.disk().read_bytes() == disks["arm64"]


async def test_a_changed_layer_is_refused(engine: Engine) -> None:
    made = Layout()
    content = layer({"disk/a": b"x"})
    made.index(made.image(content))
    made.files[f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"] = layer({"disk/a": b"y"})
    made.directory(archives(engine) / "changed")
    assert "is not what its digest says" in (await fetch(engine, "changed")).message


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "link", "none"])
async def test_nothing_else_of_the_machine_is_read(engine: Engine, tmp_path: Path, name: str) -> None:
    docker_archive(tmp_path / "secret", b"secret")
    archives(engine).mkdir()
    (archives(engine) / "link").symlink_to(tmp_path / "secret")
    progress = await fetch(engine, name)
    assert progress.state is TransferState.RETRYING
    assert "there is no archive" in progress.message


async def test_what_is_no_archive_is_refused(engine: Engine) -> None:
    archives(engine).mkdir()
    (archives(engine) / "text").write_bytes(b"hello")
    assert "text is no image archive" in (await fetch(engine, "text")).message
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w"):
        pass
    (archives(engine) / "empty").write_bytes(out.getvalue())
    await engine.clock.advance(10)
    assert "neither an index.json nor a manifest.json" in (await fetch(engine, "empty")).message
