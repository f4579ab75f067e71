"""
Container images in files: OCI layouts (a directory, or a tar of one) and what `docker save` writes.

They are read as a registry is: a manifest for the architecture, its configuration, its layers from the lowest on; every blob with a digest is checked.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self

from solovirt.volumes.files.failure import TransferFailed
from solovirt.volumes.files.limits import CHUNK
from solovirt.volumes.files.registry import Image, Layer, RegistryFailed, environment_of, of_architecture
from solovirt.volumes.files.sparse import SparseFile
from solovirt.volumes.files.workers import Steps

_LARGEST_DOCUMENT = 4 << 20


class ImageArchive:
    """One such file or directory. Everything here blocks. Raises RegistryFailed for what is no image, OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tar: tarfile.TarFile | None = None

    def __enter__(self) -> Self:
        if not self._path.is_dir():
            try:
                # Not streamed: layers are read in the image's order, not in the file's.
                self._tar = tarfile.open(self._path, "r:*")
            except tarfile.TarError as error:
                raise RegistryFailed(f"{self._path.name} is no image archive: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._tar is not None:
            self._tar.close()

    def image(self, architecture: str, *, is_asked_for: bool) -> Image:
        """
        The image for *architecture*; with *is_asked_for* it must be that, else an archive of another one's will do if it holds but one.

        The digests of its layers are the names for `copy`.
        """
        if self._has("index.json"):
            manifest = self._manifest_of_layout(architecture)
            config = self._json(_blob(manifest["config"]["digest"]))
            layers = tuple(Layer(one["digest"], int(one["size"])) for one in manifest["layers"])
        elif self._has("manifest.json"):
            (first, *_) = self._json("manifest.json") or [{}]
            config = self._json(first["Config"])
            layers = tuple(Layer(name, self._size(name)) for name in first["Layers"])
        else:
            raise RegistryFailed(f"{self._path.name} has neither an index.json nor a manifest.json")
        found = config.get("architecture")
        if is_asked_for and found and found != architecture:
            raise RegistryFailed(
                f'manifest image architecture: "{found}" doesn\'t match requested architecture: "{architecture}"'
            )
        return Image("", layers, environment_of(config))

    def copy(self, layer: Layer, target: SparseFile) -> Steps[None]:
        """Write a layer into *target*, in steps."""
        is_digest = layer.digest.startswith("sha256:")
        digest = hashlib.sha256()
        with self._open(_blob(layer.digest) if is_digest else layer.digest) as source:
            while piece := source.read(CHUNK):
                digest.update(piece)
                target.write(piece)
                yield len(piece)
        if is_digest and layer.digest != f"sha256:{digest.hexdigest()}":
            raise RegistryFailed(f"layer {layer.digest} is not what its digest says")

    def _manifest_of_layout(self, architecture: str) -> Mapping[str, Any]:
        document = self._json("index.json")
        for _ in range(3):
            listed = document.get("manifests")
            if listed is None:
                break
            digest = listed[0]["digest"] if len(listed) == 1 else of_architecture(listed, architecture)
            document = self._json(_blob(digest), digest)
        try:
            manifest: Mapping[str, Any] = {"config": document["config"], "layers": document["layers"]}
        except KeyError as error:
            raise RegistryFailed(f"{self._path.name} has no manifest of a kind that is known") from error
        return manifest

    def _json(self, name: str, digest: str = "") -> Any:
        with self._open(name) as file:
            content = file.read(_LARGEST_DOCUMENT + 1)
        if len(content) > _LARGEST_DOCUMENT:
            raise RegistryFailed(f"{name} is larger than {_LARGEST_DOCUMENT} bytes")
        if digest and digest != f"sha256:{hashlib.sha256(content).hexdigest()}":
            raise RegistryFailed(f"{name} is not what its digest says")
        try:
            return json.loads(content)
        except ValueError as error:
            raise RegistryFailed(f"{name} is no JSON") from error

    def _has(self, name: str) -> bool:
        try:
            with self._open(name):
                return True
        except RegistryFailed:
            return False

    def _size(self, name: str) -> int:
        if self._tar is None:
            return (self._path / _inside(name)).stat().st_size
        return self._tar.getmember(name).size

    @contextlib.contextmanager
    def _open(self, name: str) -> Iterator[IO[bytes]]:
        inside = _inside(name)
        file: IO[bytes] | None = None
        try:
            if self._tar is None:
                file = (self._path / inside).open("rb")
            else:
                for spelled in (name, f"./{name}"):
                    with contextlib.suppress(KeyError):
                        file = self._tar.extractfile(spelled)
                        break
        except FileNotFoundError:
            pass
        except tarfile.TarError as error:
            raise RegistryFailed(f"{self._path.name} is damaged: {error}") from error
        if file is None:
            raise RegistryFailed(f"{self._path.name} has no {name}")
        with file:
            yield file


def _blob(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    return f"blobs/{algorithm}/{value}"


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise TransferFailed(f"Unable to process data: {name} is outside of the image archive")
    return path
