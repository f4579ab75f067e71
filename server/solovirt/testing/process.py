"""A control plane in a process of its own, for tests that want to stop it, kill it and start it again on the same data."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

_READY = "solovirt is ready: "


class ServerProcess:
    """
    `solovirt up` on *data_dir* and a free loopback port, while its `with` block lasts; *arguments* are further flags. Settings in the
    environment (`SOLOVIRT_…`) don't count.

    `stop`, `kill` and `start` may follow each other in any order; each start takes another port and renews the kubeconfig.
    """

    def __init__(self, data_dir: Path, arguments: Sequence[str] = ()) -> None:
        self.data_dir = data_dir
        self.arguments = tuple(arguments)
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def kubeconfig(self) -> Path:
        return self.data_dir / "kubeconfig"

    @property
    def log(self) -> Path:
        """What the server wrote to standard error, over all its starts."""
        return self.data_dir.with_name(f"{self.data_dir.name}.log")

    @property
    def pid(self) -> int:
        """The process id. RuntimeError if it is not running."""
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process.pid

    def credentials(self) -> tuple[str | None, str | None]:
        """The authority's certificate (PEM) and the administrator's token; None each for plain HTTP."""
        config: dict[str, Any] = yaml.safe_load(self.kubeconfig.read_text())
        encoded = config["clusters"][0]["cluster"].get("certificate-authority-data")
        authority = base64.b64decode(encoded).decode() if encoded else None
        return authority, config["users"][0]["user"].get("token")

    def start(self) -> None:
        """Start it and wait until it is ready. RuntimeError with its log if it ends instead."""
        command = [sys.executable, "-m", "solovirt", "up", "--data-dir", str(self.data_dir), "--listen", "127.0.0.1:0"]
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SOLOVIRT_")}
        with self.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [*command, *self.arguments], stdout=subprocess.PIPE, stderr=log, text=True, env=environment
            )
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        if not line.startswith(_READY):
            process.stdout.close()
            code = process.wait(30)
            raise RuntimeError(f"the server ended with {code} before it was ready:\n{self.log.read_text()}")
        self._process = process
        self.url = line.removeprefix(_READY).split(" ", 1)[0]

    def stop(self) -> int:
        """Ask it to stop (SIGTERM) and give back its exit code; 0 if it was not running."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it: no chance to clean up."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        assert process.stdout is not None
        process.stdout.read()
        process.stdout.close()
        return process.wait(60)
