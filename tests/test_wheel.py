"""The wheel in an empty environment outside the checkout: all that it needs rides along."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).with_name("uv")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("wheel")]

MIGRATED_FROM_NOTHING = """
import sqlalchemy as sa
from solovirt.machinery.store import migrate, tables
engine = sa.create_engine("sqlite:///old.db")
with engine.begin() as connection:
    migrate.run_alembic(connection, tables.SCHEMA)
    print(migrate.scripts(), migrate.current(connection) == tables.SCHEMA)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    (made,) = out.iterdir()
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder of the commands of an environment with the wheel and what the lock file names, nothing else."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    python = str(environment / "bin" / "python")
    install = [str(UV), "pip", "install", "--quiet", "--system-certs", "--python", python]
    for command in (
        [str(UV), "venv", "--quiet", "--python", sys.executable, str(environment)],
        [*install, "--require-hashes", "-r", str(ROOT / "requirements" / "runtime.lock")],
        [*install, "--no-deps", "--compile-bytecode", str(wheel)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return environment / "bin"


@pytest.fixture
def bare(tmp_path):
    """The environment variables of a stranger."""
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}


def run(*command: str | Path, cwd: Path, env: dict[str, str]) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_holds_the_package_and_its_migrations_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"solovirt"}
    assert "solovirt/py.typed" in names
    assert any(name.startswith("solovirt/_migrations/versions/") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "openapi" in name and name.endswith(".json")]
    # Small enough to be fetched in a moment.
    assert wheel.stat().st_size < 3_000_000


def test_it_serves_from_an_empty_environment(installed, bare, tmp_path):
    arguments = ["up", "--data-dir", "data", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(
        [installed / "solovirt", *arguments], cwd=tmp_path, env=bare, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("solovirt is ready: https://127.0.0.1:"), line
        config = yaml.safe_load((tmp_path / "data" / "kubeconfig").read_text())
        url, token = config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]
        trust = ssl.create_default_context(cafile=str(tmp_path / "data" / "pki" / "ca.crt"))

        def get(path: str) -> dict[str, object]:
            request = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {token}"})
            with urllib.request.urlopen(request, context=trust) as answer:
                body: dict[str, object] = json.load(answer)
            return body

        assert get("/apis/kubevirt.io/v1/virtualmachines")["kind"] == "VirtualMachineList"
        assert "apis/kubevirt.io/v1" in str(get("/openapi/v3")["paths"])
        assert "definitions" in get("/openapi/v2")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        process.communicate()


def test_its_migrations_run(installed, bare, tmp_path):
    out = run(installed / "python", "-c", MIGRATED_FROM_NOTHING, cwd=tmp_path, env=bare)
    scripts, current = out.split()
    assert Path(scripts).is_relative_to(installed.parent)
    assert current == "True"


def test_it_writes_the_openapi_documents_of_the_checkout(installed, bare, tmp_path):
    run(installed / "solovirt", "openapi", "out", cwd=tmp_path, env=bare)
    written = {str(path.relative_to(tmp_path / "out")): path for path in (tmp_path / "out").rglob("*.json")}
    published = ROOT / "openapi"
    assert sorted(written) == sorted(str(path.relative_to(published)) for path in published.rglob("*.json"))
    assert [name for name, path in written.items() if path.read_bytes() != (published / name).read_bytes()] == []
