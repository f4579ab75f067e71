"""Real kubectl binaries, as tests call them."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class Kubectl:
    """One kubectl, talking to one server; in *namespace* unless a command names another."""

    minor: str
    binary: Path
    kubeconfig: Path
    home: Path
    namespace: str = "default"

    @property
    def version(self) -> int:
        """The minor version as a number."""
        return int(self.minor)

    def within(self, namespace: str) -> Kubectl:
        """The same kubectl in another namespace."""
        return replace(self, namespace=namespace)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.binary), "--namespace", self.namespace, *arguments],
            env={"HOME": str(self.home), "PATH": os.environ["PATH"], "KUBECONFIG": str(self.kubeconfig), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def run(
        self, *arguments: str, stdin: str | None = None, timeout: float = 60.0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments, **environment) as process:
            try:
                out, err = process.communicate(stdin, timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def __call__(self, *arguments: str, stdin: str | None = None, timeout: float = 60.0, **environment: str) -> str:
        """Run it and give back what it printed; the test fails if it fails."""
        done = self.run(*arguments, stdin=stdin, timeout=timeout, **environment)
        assert done.returncode == 0, (
            f"kubectl {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}{done.stdout}"
        )
        return done.stdout

    def refused(self, *arguments: str, stdin: str | None = None) -> str:
        """Run it and give back its complaint; the test fails if it succeeds."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode != 0, f"kubectl {' '.join(arguments)} succeeded:\n{done.stdout}"
        return done.stderr


def mask(text: str) -> str:
    """Replace what differs from run to run, ages, times and uids, and squeeze the columns."""
    text = re.sub(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uid>", text)
    text = re.sub(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>", text)
    lines = [re.sub(r"(?<=\s)\d+(s|m|h|d)(\d+(s|m|h))?\b", "<age>", line) for line in text.splitlines()]
    return "\n".join(re.sub(r" {2,}", "  ", line).rstrip() for line in lines)
