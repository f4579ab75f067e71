"""Archives, friendly and hostile (content type archive, reference cdi.md 7)."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from solovirt.volumes.files.archive import unpack
from solovirt.volumes.files.directory import Space
from solovirt.volumes.files.failure import TransferFailed
from solovirt.volumes.files.limits import Limits
from solovirt.volumes.protocol import Progress, TransferState
from tests.volumes.files.conftest import MIB, Engine, Site


def member(
    name: str, content: bytes = b"", *, type: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.size, made.type, made.linkname = len(content), type, link
    made.mode = 0o640
    return made, content


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def unpacked(tmp_path: Path, content: bytes, *, largest: int = MIB, limits: Limits | None = None) -> Path:
    source, target = tmp_path / "source", tmp_path / "inner" / "target"
    target.parent.mkdir()
    source.write_bytes(content)
    for _ in unpack(source, target, largest=largest, space=Space(tmp_path, 0), limits=limits or Limits()):
        pass
    return target


async def test_an_archive_is_unpacked_into_the_volumes_root(engine: Engine, site: Site) -> None:
    await site.start()
    content = tar(
        member("./", type=tarfile.DIRTYPE),
        member("./etc/motd", b"hello"),
        member("etc/issue", type=tarfile.SYMTYPE, link="motd"),
        member("again", type=tarfile.LNKTYPE, link="etc/motd"),
    )
    request = engine.request(site.serve("tree.tar.gz", gzip.compress(content)), content_type="archive")
    progress: Progress = await engine.finish(request)
    assert (progress.state, progress.message) == (TransferState.SUCCEEDED, "")
    root = engine.root / "pv" / "data"
    assert (root / "etc" / "motd").read_bytes() == (root / "etc" / "issue").read_bytes() == b"hello"
    assert (root / "again").samefile(root / "etc" / "motd")
    assert (root / "etc" / "motd").stat().st_mode & 0o777 == 0o640
    assert engine.entries() == {"record.json", "data", "data/etc", "data/etc/motd", "data/etc/issue", "data/again"}


async def test_what_is_no_archive_is_refused(engine: Engine, site: Site) -> None:
    await site.start()
    progress = await engine.finish(engine.request(site.serve("x", bytes(4096)), content_type="archive"))
    assert progress.message == "Unable to process data: the content is no tar archive"
    assert engine.entries() == {"record.json"}


@pytest.mark.parametrize(
    "members",
    [
        [member("../escaped", b"x")],
        [member("/escaped", b"x")],
        [member("a/../../escaped", b"x")],
        [member("a", type=tarfile.SYMTYPE, link="../.."), member("a/escaped", b"x")],
        [member("a", type=tarfile.SYMTYPE, link="/etc")],
        [member("a/b", type=tarfile.SYMTYPE, link="../../x")],
        [member("a", type=tarfile.LNKTYPE, link="../../source")],
        [member("a", type=tarfile.LNKTYPE, link="/etc/hostname")],
        [member("a", type=tarfile.SYMTYPE, link="b"), member("a", type=tarfile.LNKTYPE, link="a")],
        [member("a", type=tarfile.CHRTYPE)],
        [member("a", type=tarfile.FIFOTYPE)],
        [member("a", b"x"), member("a/b", b"x")],
    ],
)
def test_nothing_gets_out(tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    with pytest.raises(TransferFailed):
        unpacked(tmp_path, tar(*members))
    assert {path.name for path in tmp_path.iterdir()} == {"source", "inner"}
    assert {path.name for path in (tmp_path / "inner").iterdir()} == {"target"}


def test_files_never_go_through_a_link_of_the_archive(tmp_path: Path) -> None:
    """The directory is made for real, and the link then contradicts it."""
    with pytest.raises(TransferFailed, match="contradicts itself"):
        unpacked(
            tmp_path,
            tar(member("b/", type=tarfile.DIRTYPE), member("a", type=tarfile.SYMTYPE, link="b"), member("a/c", b"x")),
        )


def test_an_archive_is_no_larger_than_its_claim(tmp_path: Path) -> None:
    with pytest.raises(TransferFailed, match="is larger than the reported available storage 10"):
        unpacked(tmp_path, tar(member("a", b"x" * 6), member("b", b"x" * 5)), largest=10)


def test_an_archive_has_so_many_files_at_most(tmp_path: Path) -> None:
    members = [member(f"{number}", b"") for number in range(5)]
    with pytest.raises(TransferFailed, match="more than 4 files"):
        unpacked(tmp_path, tar(*members), limits=Limits(archive_members=4))


def test_a_cut_archive_is_refused(tmp_path: Path) -> None:
    content = tar(member("a", b"x" * 4096))
    with pytest.raises(TransferFailed, match="damaged"):
        unpacked(tmp_path, content[:2048])
