"""A real server process and real kubectl binaries."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def kubectl_binary(minor: str) -> Path:
    binary = ROOT / ".tools" / "kubectl" / minor / "kubectl"
    if not binary.exists():
        message = f"kubectl 1.{minor} is not in .tools; scripts/test-tools brings it"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return binary


@dataclass
class ServerProcess:
    """`solovirt up` on a data directory of its own."""

    data_dir: Path
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[str] | None = field(default=None, repr=False)
    ready_line: str = ""

    @property
    def kubeconfig(self) -> Path:
        return self.data_dir / "kubeconfig"

    @property
    def url(self) -> str:
        return self.ready_line.removeprefix("solovirt is ready: ").split(" ")[0]

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "solovirt",
            "up",
            "--data-dir",
            str(self.data_dir),
            "--listen",
            "127.0.0.1:0",
            *self.arguments,
        ]
        log = (self.data_dir.parent / "server.log").open("ab")
        with log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        self.ready_line = self.process.stdout.readline().strip()
        if not self.ready_line.startswith("solovirt is ready: "):
            self.process.wait(10)
            pytest.fail(f"the server did not start:\n{(self.data_dir.parent / 'server.log').read_text()}")

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: no chance to clean up."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.send_signal(number)
        if process.stdout is not None:
            process.stdout.read()
            process.stdout.close()
        return process.wait(30)


@dataclass(frozen=True)
class Kubectl:
    """One kubectl, talking to one server."""

    minor: str
    binary: Path
    kubeconfig: Path
    home: Path

    def start(self, *arguments: str, **options: object) -> subprocess.Popen[str]:
        environment = {"HOME": str(self.home), "PATH": os.environ["PATH"], "KUBECONFIG": str(self.kubeconfig)}
        return subprocess.Popen(
            [str(self.binary), *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def run(self, *arguments: str, stdin: str | None = None, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments) as process:
            try:
                out, err = process.communicate(stdin, timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def __call__(self, *arguments: str, stdin: str | None = None, timeout: float = 60.0) -> str:
        """Run it and give back what it printed; the test fails if it fails."""
        done = self.run(*arguments, stdin=stdin, timeout=timeout)
        assert done.returncode == 0, (
            f"kubectl {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}{done.stdout}"
        )
        return done.stdout


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path / "data")
    process.start()
    try:
        yield process
    finally:
        process.stop()


@pytest.fixture(params=["20", "37"])
def kubectl(request: pytest.FixtureRequest, server: ServerProcess, tmp_path: Path) -> Kubectl:
    minor: str = request.param
    return Kubectl(minor, kubectl_binary(minor), server.kubeconfig, tmp_path / "home")
