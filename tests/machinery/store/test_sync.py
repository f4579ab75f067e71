"""No write is answered before it has been synced: shown by tracing the system calls of a process that writes under load."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.postgresql import missing

ROOT = Path(__file__).parents[3]
WRITERS, WRITES = 16, 12

_CALL = re.compile(r"^(?P<pid>\d+) +(?P<name>\w+)\((?P<fd>\d+)<(?P<path>[^>]*)>(?P<rest>.*)$")
_RESUMED = re.compile(r"^(?P<pid>\d+) +<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)$")
_TOKEN = re.compile(r"token-\d+-\d+-\d+-")


@dataclass
class Trace:
    """What matters of a trace, by line number."""

    logged: dict[str, int] = field(default_factory=dict)
    """When the write-ahead log first got a page with this token."""
    syncs: list[tuple[int, int]] = field(default_factory=list)
    """Beginning and successful end of each sync of the write-ahead log."""
    answered: dict[str, int] = field(default_factory=dict)
    """When the write of this token was acknowledged."""


def read(lines: list[str]) -> Trace:
    trace = Trace()
    syncing: dict[str, int] = {}
    for number, line in enumerate(lines):
        if resumed := _RESUMED.match(line):
            began = syncing.pop(resumed["pid"], None)
            if resumed["name"] in ("fdatasync", "fsync") and began is not None and resumed["rest"].endswith("= 0"):
                trace.syncs.append((began, number))
            continue
        call = _CALL.match(line)
        if call is None:
            continue
        if call["name"] == "pwrite64" and call["path"].endswith("-wal"):
            for token in _TOKEN.findall(call["rest"]):
                trace.logged.setdefault(token, number)
        elif call["name"] in ("fdatasync", "fsync") and call["path"].endswith("-wal"):
            if call["rest"].endswith("= 0"):
                trace.syncs.append((number, number))
            elif "unfinished" in call["rest"]:
                syncing[call["pid"]] = number
        elif call["name"] == "write" and call["fd"] == "1" and '\\"ack\\"' in call["rest"]:
            for token in _TOKEN.findall(call["rest"]):
                trace.answered[token] = number
    return trace


def test_no_write_is_answered_before_its_sync(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        missing("strace")
        return
    output = tmp_path / "trace"
    tracing: list[str | Path] = [strace, "-f", "-y", "-s", "5000", "-e", "trace=pwrite64,fdatasync,fsync,write"]
    writing = [sys.executable, "-m", "tests.machinery.store.writing", f"sqlite:///{tmp_path}/solovirt.db"]
    ran = subprocess.run(
        [*tracing, "-o", output, *writing, str(WRITERS), "0", str(WRITES)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "server"},
        capture_output=True,
        check=False,
        text=True,
        timeout=90,
    )
    if "PTRACE" in ran.stderr or "ptrace" in ran.stderr:
        missing(f"the right to trace processes ({ran.stderr.strip()})")
        return
    assert ran.returncode == 0, ran.stderr
    trace = read(output.read_text(errors="replace").splitlines())
    assert len(trace.answered) >= WRITERS * WRITES // 2
    assert len(trace.syncs) >= WRITES // 2
    for token, answered in trace.answered.items():
        logged = trace.logged[token]
        assert any(logged < began and ended < answered for began, ended in trace.syncs), token
    # Group commit: many writes share a sync.
    assert len(trace.syncs) < len(trace.answered)
