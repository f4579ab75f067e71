"""A file system that is really full; quotas, which anybody can test, are in the tests of imports and of DataVolumes (reference cdi.md 4.6)."""

from __future__ import annotations

import gzip
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from solovirt.volumes.protocol import TransferState
from tests.volumes.files.conftest import IMPATIENT, MIB, Engine, Site, image

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system to fill"),
]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 10 MiB."""
    path = tmp_path / "small"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=10m", "solovirt-test", path], check=True)
    yield path
    subprocess.run(["umount", path], check=True)


@pytest.fixture
async def cramped(small: Path) -> AsyncIterator[Engine]:
    """An engine that keeps nothing free, so that the file system itself refuses."""
    made = Engine(small / "volumes", limits=replace(IMPATIENT, keep_free=0))
    await made.start()
    yield made
    await made.volumes.close()


@pytest.mark.parametrize("kind", ["gz", "qcow2"])
async def test_an_import_fails_on_a_full_disk_leaves_nothing_and_succeeds_when_there_is_room(
    cramped: Engine, site: Site, small: Path, tmp_path: Path, kind: str
) -> None:
    await site.start()
    content = os.urandom(MIB) * 4
    packed = gzip.compress(content) if kind == "gz" else image(tmp_path / "disk", content, "qcow2", "-c").read_bytes()
    filler = small / "filler"
    # There is room for what is fetched, and not for what is made of it.
    filler.write_bytes(os.urandom(10 * MIB - len(packed) - 2 * MIB))
    request = cramped.request(site.serve(f"disk.{kind}", packed))
    progress = await cramped.finish(request)
    assert progress.state is TransferState.RETRYING
    assert "no space left on device" in progress.message
    assert cramped.entries() <= {"record.json", "work", "work/source", "work/source.note"}

    filler.unlink()
    progress = await cramped.again(request)
    assert (progress.state, progress.message) == (TransferState.SUCCEEDED, "")
    assert cramped.disk().read_bytes() == content
    assert cramped.entries() == {"record.json", "data", "data/disk.img"}
