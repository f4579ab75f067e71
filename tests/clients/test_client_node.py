"""
@kubernetes/client-node: its informer and its client for objects of any kind, under Node.js (reference kubernetes-api.md 10).

`scripts/test-tools` installs the package into .tools from tests/clients/node/package-lock.json.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from solovirt.testing import BackgroundControlPlane
from tests.clients.kubectl import ROOT

MODULES = ROOT / ".tools" / "client-node" / "node_modules"

pytestmark = pytest.mark.slow


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script beside its modules."""
    if not MODULES.exists() or shutil.which("node") is None:
        message = "@kubernetes/client-node is not in .tools; scripts/test-tools brings it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    (tmp_path / "node_modules").symlink_to(MODULES)
    return Path(shutil.copy(Path(__file__).with_name("node") / "machines.mjs", tmp_path))


def test_an_informer_and_objects_of_any_kind(script: Path, cluster: BackgroundControlPlane) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(script.parent), "KUBECONFIG": cluster.kubeconfig}
    done = subprocess.run(
        ["node", "--preserve-symlinks", str(script)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    told = {line["what"]: line for line in lines}
    assert told["nodes"]["names"] == ["node01", "node02", "node03"]
    assert told["created"]["generation"] == 1
    assert told["refused"]["code"] == 409
    assert told["refused"]["body"]["message"] == 'virtualmachines.kubevirt.io "node-js" already exists'
    assert told["patched"]["labels"] == {"by": "javascript"}
    assert told["read"]["memory"] == "64Mi"
    assert told["applied"]["data"] == {"a": "b"}
    assert told["applied"]["manager"] == "javascript"
    assert told["cached"]["status"] == "Running"
    assert (told["missing"]["code"], told["missing"]["body"]["reason"]) == (404, "NotFound")
    assert "error" not in told, told["error"]
    seen = [line["what"] for line in lines if line["what"] in ("add", "update", "delete")]
    assert seen[0] == "add"
    assert seen[-1] == "delete"
    assert "Running" in [line["status"] for line in lines if line["what"] == "update"]
    assert lines[-1] == {"what": "end"}
