"""What journeys are played on: a libvirtd, images behind a loopback HTTP server, `solovirt up --runtime libvirt`, and kubectl."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import os
import re
import signal
import socket
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import libvirt
import pytest
import yaml

from solovirt.testing.process import ServerProcess
from tests.clients.kubectl import Kubectl, kubectl_binary
from tests.runtime.libvirt.driver.benches import libvirtd
from tests.runtime.libvirt.driver.daemon import LibvirtDaemon
from tests.runtime.libvirt.driver.guests import LINUX_DISK, boot_sector_disk

__all__ = ["Serial", "Stage", "Terminal", "images", "libvirtd", "shared_stage", "stage"]

KUBECTL = "37"
PATIENCE = 120.0
"""Seconds that anything may take: a guest boots in a few, on a busy machine in many."""
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
READY = "TINY-GUEST-READY"
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]")


class _Quiet(SimpleHTTPRequestHandler):
    def guess_type(self, path: str | os.PathLike[str]) -> str:
        return MANIFEST if "manifests" in Path(path).parts else super().guess_type(path)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="session")
def images() -> Iterator[str]:
    """The URL of a server with `linux.qcow2` and `sector.img`, which is also a registry with the image `disks/sector:v1`."""
    if not LINUX_DISK.exists():
        text = f"{LINUX_DISK} is missing; scripts/guest-tools makes it"
        pytest.fail(text) if os.environ.get("CI") else pytest.skip(text)
    with served_images() as url:
        yield url


@contextlib.contextmanager
def served_images() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "linux.qcow2").symlink_to(LINUX_DISK)
        sector = boot_sector_disk(Path(directory, "sector.img"))
        _publish_image(Path(directory, "v2", "disks", "sector"), "v1", sector)
        with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=directory)) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()


def _publish_image(repository: Path, tag: str, disk: Path) -> None:
    """An image with *disk* as its container disk, as files that a registry would serve."""

    def blob(content: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        (repository / "blobs" / digest).write_bytes(content)
        return {"digest": digest, "size": len(content)}

    for name in ("blobs", "manifests"):
        (repository / name).mkdir(parents=True)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(disk, "disk/disk.img")
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": blob(json.dumps({"architecture": "amd64", "os": "linux", "config": {}}).encode()),
        "layers": [blob(packed.getvalue())],
    }
    (repository / "manifests" / tag).write_text(json.dumps(manifest))


class Terminal:
    """The far end of a guest's serial line, however it is reached."""

    def __init__(self) -> None:
        self._got = ""

    def receive(self, seconds: float) -> bytes:
        """What comes within *seconds*; nothing after that, and at the end."""
        raise AssertionError("a terminal of no kind")

    def send(self, text: str) -> None:
        raise AssertionError("a terminal of no kind")

    def close(self) -> None:
        """Leave the line."""

    def until(self, mark: str, *others: str, seconds: float = PATIENCE) -> str:
        """What came up to and with *mark*, or one of the *others*."""
        marks = (mark, *others)
        deadline = time.monotonic() + seconds
        while not (ends := [self._got.index(one) + len(one) for one in marks if one in self._got]):
            piece = self.receive(max(0.01, deadline - time.monotonic()))
            if not piece:
                raise AssertionError(f"no {mark!r} in: {self._got[-2000:]}")
            self._got += _ANSI.sub("", piece.decode(errors="replace"))
        end = min(ends)
        out, self._got = self._got[:end], self._got[end:]
        return out

    def log_in(self) -> None:
        # The prompt may have been written before anybody listened: an empty name brings it again.
        self.send("\n")
        self.until("login: ")
        self.send("root\n")
        self.until("# ")

    def log_in_again(self) -> None:
        """A prompt, whether somebody is logged in or not."""
        self.send("\n")
        if "login:" in self.until("# ", "login: "):
            self.send("root\n")
            self.until("# ")

    def run(self, command: str) -> str:
        """What *command* prints."""
        self.send(f"{command}; echo do''ne\n")
        return self.until("done")

    def power_off(self, process: int, seconds: float = PATIENCE) -> None:
        """Have the guest power itself off; returns when its process has ended."""
        self.send("poweroff -f\n")
        # QEMU reads no faster than the guest does, and forgets the rest when the line is cut.
        deadline = time.monotonic() + seconds
        while alive(process):
            assert time.monotonic() < deadline, f"process {process} is still there"
            time.sleep(0.1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Serial(Terminal):
    """The line itself: the socket that QEMU serves."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))

    def receive(self, seconds: float) -> bytes:
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(65536)
        except TimeoutError:
            return b""

    def send(self, text: str) -> None:
        self._socket.sendall(text.encode())

    def close(self) -> None:
        self._socket.close()


class Stage:
    """One control plane with its guests."""

    def __init__(self, directory: Path, daemon: LibvirtDaemon, images: str) -> None:
        self.daemon = daemon
        self.images = images
        self.directory = directory
        flags = (
            "--runtime",
            "libvirt",
            "--libvirt-uri",
            daemon.uri,
            "--libvirt-domain-type",
            "qemu",
            "--volumes",
            "files",
        )
        self.server = ServerProcess(directory / "data", flags)

    def start(self) -> None:
        self.server.start()
        self.kubectl = Kubectl(KUBECTL, kubectl_binary(KUBECTL), self.server.kubeconfig, self.directory / "home")

    # -- machines

    def machine(
        self, name: str, *, image: str = "linux.qcow2", strategy: str = "Always", memory: str = "192Mi", **spec: Any
    ) -> dict[str, Any]:
        """A VirtualMachine whose root disk is imported from *image*."""
        template: dict[str, Any] = {
            "terminationGracePeriodSeconds": 20,
            "domain": {
                "memory": {"guest": memory},
                "devices": {
                    "disks": [{"name": "root", "disk": {"bus": "virtio"}}],
                    "interfaces": [{"name": "default", "masquerade": {}}],
                    "rng": {},
                },
            },
            "networks": [{"name": "default", "pod": {}}],
            "volumes": [{"name": "root", "dataVolume": {"name": f"{name}-root"}}],
            **spec,
        }
        return {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachine",
            "metadata": {"name": name},
            "spec": {
                "runStrategy": strategy,
                "template": {"spec": template},
                "dataVolumeTemplates": [
                    {
                        "metadata": {"name": f"{name}-root"},
                        "spec": {
                            "source": {"http": {"url": f"{self.images}/{image}"}},
                            "storage": {"resources": {"requests": {"storage": "80Mi"}}},
                        },
                    }
                ],
            },
        }

    def apply(self, *documents: dict[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(documents))

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        done = self.kubectl.run("get", kind, name, "-o", "json", "--ignore-not-found")
        found: dict[str, Any] | None = json.loads(done.stdout) if done.stdout.strip() else None
        return found

    def wait(
        self, kind: str, name: str, wanted: Callable[[dict[str, Any] | None], Any], seconds: float = PATIENCE
    ) -> Any:
        """The object as soon as *wanted* is true of it."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.get(kind, name)
            if wanted(found):
                return found
            if time.monotonic() > deadline:
                shown = json.dumps((found or {}).get("status"), indent=1)
                raise AssertionError(f"{kind} {name} is still: {shown}\n{self.log()}")
            time.sleep(0.2)

    def log(self) -> str:
        return self.server.log.read_text()[-4000:]

    def until_phase(self, name: str, phase: str, *, other_than: str = "", seconds: float = PATIENCE) -> dict[str, Any]:
        """The instance in *phase*; with *other_than* one that has another uid."""
        found: dict[str, Any] = self.wait(
            "vmi",
            name,
            lambda vmi: (
                vmi is not None
                and (vmi.get("status") or {}).get("phase") == phase
                and vmi["metadata"]["uid"] != other_than
            ),
            seconds,
        )
        return found

    def until_status(self, name: str, status: str) -> dict[str, Any]:
        """The machine with this printableStatus."""
        found: dict[str, Any] = self.wait(
            "vm", name, lambda vm: vm is not None and (vm.get("status") or {}).get("printableStatus") == status
        )
        return found

    # -- guests

    def places(self, instance: dict[str, Any]) -> tuple[Path, Path]:
        """The serial socket and the console's log of the guest of *instance*."""
        root = libvirt_xml(self.daemon, self.domain(instance))
        serial = re.search(r"<source mode='bind' path='([^']*\.serial)'", root)
        log = re.search(r"<log file='([^']*)'", root)
        assert serial is not None
        assert log is not None
        return Path(serial[1]), Path(log[1])

    def serial(self, instance: dict[str, Any]) -> Serial:
        return Serial(self.places(instance)[0])

    def until_console(self, instance: dict[str, Any], mark: str, seconds: float = PATIENCE) -> str:
        """What the guest has written, as soon as that has *mark* in it."""
        path = self.places(instance)[1]
        deadline = time.monotonic() + seconds
        while True:
            text = path.read_text(errors="replace") if path.exists() else ""
            if mark in text:
                return text
            if time.monotonic() > deadline:
                raise AssertionError(f"no {mark!r} on the console: {text[-2000:]}")
            time.sleep(0.1)

    def domain(self, instance: dict[str, Any]) -> str:
        """The name of the domain of *instance*."""
        prefix = f"{instance['metadata']['namespace']}_{instance['metadata']['name']}_"
        connection = libvirt.open(self.daemon.uri)
        try:
            (found,) = [one.name() for one in connection.listAllDomains() if one.name().startswith(prefix)]
        finally:
            connection.close()
        return str(found)

    def qemu(self, instance: dict[str, Any]) -> int:
        """The process of the guest of *instance*."""
        return self.daemon.qemu(self.domain(instance))

    def kill(self, process: int) -> None:
        """Kill a guest's process, and wait until it is gone."""
        os.kill(process, signal.SIGKILL)
        while alive(process):
            time.sleep(0.05)


def libvirt_xml(daemon: LibvirtDaemon, domain: str, *, inactive: bool = False) -> str:
    connection = libvirt.open(daemon.uri)
    try:
        flags = libvirt.VIR_DOMAIN_XML_INACTIVE if inactive else 0
        return str(connection.lookupByName(domain).XMLDesc(flags))
    finally:
        connection.close()


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture
def stage(libvirtd: LibvirtDaemon, images: str) -> Iterator[Stage]:
    with set_up(libvirtd, images) as made:
        yield made


@pytest.fixture(scope="module")
def shared_stage(libvirtd: LibvirtDaemon, images: str) -> Iterator[Stage]:
    """A stage for all tests of a module, which must not disturb each other."""
    with set_up(libvirtd, images) as made:
        yield made


@contextlib.contextmanager
def set_up(daemon: LibvirtDaemon, images: str) -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="slv-", dir="/tmp") as directory:
        made = Stage(Path(directory), daemon, images)
        made.start()
        try:
            yield made
        finally:
            made.server.stop()
            connection = libvirt.open(daemon.uri)
            for domain in connection.listAllDomains():
                if domain.isActive():
                    domain.destroy()
                domain.undefine()
            connection.close()
