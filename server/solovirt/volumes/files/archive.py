"""
Unpacking archives that anybody may have made (content type `archive`).

Nothing can land outside: names are taken apart here, symbolic links are made only when all files are there, so nothing is ever written through
one, and hard links lead to files of the same archive. Links that point outside are refused, and so are devices.
"""

from __future__ import annotations

import os
import tarfile
from pathlib import Path, PurePosixPath

from solovirt.volumes.files.directory import Space
from solovirt.volumes.files.failure import too_large, unusable
from solovirt.volumes.files.limits import CHUNK, Limits
from solovirt.volumes.files.workers import Steps


def unpack(archive: Path, target: Path, *, largest: int, space: Space, limits: Limits) -> Steps[None]:
    """Unpack a tar into the new directory *target*, in steps; at most *largest* bytes. Raises TransferFailed."""
    target.mkdir(mode=0o755)
    links: list[tuple[tarfile.TarInfo, PurePosixPath]] = []
    files: set[PurePosixPath] = set()
    unpacked = 0
    try:
        with tarfile.open(archive, "r:") as tar:
            for count, member in enumerate(tar):
                # Otherwise all members stay in memory.
                tar.members = []  # type: ignore[attr-defined]  # not in the stubs
                if count >= limits.archive_members:
                    raise unusable(f"the archive has more than {limits.archive_members} files")
                name = _inside(member.name)
                if member.isdir():
                    _make_directory(target, name)
                    (target / name).chmod(member.mode & 0o777 | 0o700)
                elif member.isreg():
                    unpacked += member.size
                    if unpacked > largest:
                        raise too_large(unpacked, largest)
                    space.need(member.size)
                    _make_directory(target, name.parent)
                    yield from _write(tar, member, target / name)
                    files.add(name)
                elif member.issym():
                    _inside(str(name.parent / member.linkname), link=member.name)
                    links.append((member, name))
                elif member.islnk():
                    linked = _inside(member.linkname, link=member.name)
                    if linked not in files:
                        raise unusable(
                            f"{member.name} in the archive is a link to {member.linkname}, which is not there"
                        )
                    _make_directory(target, name.parent)
                    (target / name).unlink(missing_ok=True)
                    os.link(target / linked, target / name, follow_symlinks=False)
                    files.add(name)
                else:
                    raise unusable(f"{member.name} in the archive is neither a file, a directory nor a link")
        for member, name in links:
            _make_directory(target, name.parent)
            (target / name).unlink(missing_ok=True)
            (target / name).symlink_to(member.linkname)
    except tarfile.TarError as error:
        raise unusable(f"the archive is damaged: {error}") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise unusable(f"the archive contradicts itself: {error.strerror}") from error


def _inside(name: str, *, link: str = "") -> PurePosixPath:
    """The path below the archive's root, without dots."""
    parts: list[str] = []
    for part in PurePosixPath(name).parts:
        if part == ".." and parts:
            parts.pop()
        elif part in ("..", "/", "//"):
            shown = f"{link} in the archive leads to {name}" if link else f"{name} in the archive is"
            raise unusable(f"{shown}, outside of it")
        else:
            parts.append(part)
    return PurePosixPath(*parts)


def _make_directory(target: Path, name: PurePosixPath) -> None:
    (target / name).mkdir(mode=0o755, parents=True, exist_ok=True)


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> Steps[None]:
    source = tar.extractfile(member)
    assert source is not None
    path.unlink(missing_ok=True)
    # Exclusive: the file is new, whatever the archive did before.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    left = member.size
    with os.fdopen(descriptor, "wb") as file:
        while piece := source.read(min(CHUNK, left) if left else 1):
            file.write(piece)
            left -= len(piece)
            yield len(piece)
        os.fchmod(file.fileno(), member.mode & 0o777 | 0o600)
        file.flush()
        os.fsync(file.fileno())
