"""
A libvirtd of the tests' own, which no other libvirt on the machine notices.

Its paths are compiled in, so it runs in a mount namespace of its own in which they lead to a directory of ours (and in which the user libvirt-qemu
exists). It speaks on a Unix socket there, and nowhere else. This needs root, and unshare.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import libvirt

_QEMU = """
user = "{user}"
group = "{user}"
dynamic_ownership = {owns}
remember_owner = 0
security_driver = "none"
security_default_confined = 0
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
seccomp_sandbox = 0
"""
_LIBVIRTD = """
listen_tls = 0
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_rw_perms = "0700"
unix_sock_ro_perms = "0700"
log_outputs = "2:file:{log}"
"""
_PLACES = {
    "run": "/run/libvirt",
    "lib": "/var/lib/libvirt",
    "cache": "/var/cache/libvirt",
    "log": "/var/log/libvirt",
    "etc": "/etc/libvirt",
}
_START_SECONDS = 60


class LibvirtDaemon:
    """
    Call `start` first. *directory* must have a short path: libvirtd's sockets are in it. Guests run as *user*: root, or libvirt-qemu as
    distributions have it.
    """

    def __init__(self, directory: Path, *, user: str = "root") -> None:
        self.directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        for name in _PLACES:
            (directory / name).mkdir(parents=True, exist_ok=True)
        (directory / "etc" / "qemu.conf").write_text(_QEMU.format(user=user, owns=int(user != "root")))
        self._log = directory / "log" / "libvirtd.log"
        (directory / "etc" / "libvirtd.conf").write_text(_LIBVIRTD.format(log=self._log))
        for name, line in (
            ("passwd", "libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin\n"),
            ("group", "libvirt-qemu:x:64055:\n"),
        ):
            present = Path("/etc", name).read_text()
            missing = "libvirt-qemu:" not in present
            (directory / name).write_text(present + line if missing else present)

    @property
    def uri(self) -> str:
        return f"qemu+unix:///system?socket={self.directory}/run/libvirt-sock"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Returns when it answers. Raises RuntimeError if it does not."""
        binds = [f"mount --bind {self.directory}/{name} /etc/{name}" for name in ("passwd", "group")]
        for name, path in _PLACES.items():
            binds += [f"mkdir -p {path}", f"mount --bind {self.directory}/{name} {path}"]
        script = " && ".join([*binds, f"exec libvirtd --pid-file {self.directory}/libvirtd.pid"])
        environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
        with (self.directory / "log" / "output").open("ab") as output:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=environment,
            )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                # The socket is there before anybody listens, and somebody listens before the driver is ready.
                libvirt.open(self.uri).close()
                return
            except libvirt.libvirtError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"libvirtd did not start: {error}\n{self.logs()}") from error
                time.sleep(0.1)

    def logs(self) -> str:
        parts = [path.read_text(errors="replace") for path in (self.directory / "log").glob("*") if path.is_file()]
        return "\n".join(part[-3000:] for part in parts)

    def stop(self) -> None:
        """Guests go on."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)

    def close(self) -> None:
        """Stop it, and every guest that is left."""
        self.stop()
        for file in (self.directory / "run" / "qemu").glob("*.pid"):
            with contextlib.suppress(ValueError, ProcessLookupError):
                os.kill(int(file.read_text()), signal.SIGKILL)

    def qemu(self, domain: str) -> int:
        """The process of a running domain."""
        return int((self.directory / "run" / "qemu" / f"{domain}.pid").read_text())
