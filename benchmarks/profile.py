"""A profile of the server while it is measured, by py-spy, kept beside the figures."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.target import Target


@contextmanager
def profiled(target: Target, directory: Path | None, name: str) -> Iterator[None]:
    """
    Sample the server's stacks into *directory*/*name*.folded (a line a stack, for flame graphs), if a directory is given.

    Sampling stops the server for moments: don't take figures and profiles in the same run. FileNotFoundError without py-spy.
    """
    if directory is None:
        yield
        return
    sampler = shutil.which("py-spy")
    if sampler is None:
        raise FileNotFoundError("py-spy is not installed (pip install py-spy)")
    directory.mkdir(parents=True, exist_ok=True)
    command = [sampler, "record", "--format", "raw", "--rate", "200", "--output", str(directory / f"{name}.folded")]
    process = subprocess.Popen([*command, "--pid", str(target.pids[0])], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
