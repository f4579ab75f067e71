"""The files that people deploy with are what the programs which read them take."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.postgresql import missing

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    """docker-compose.yml as docker-compose understands it."""
    program = ROOT / ".tools" / "compose" / "docker-compose"
    found = str(program) if program.exists() else shutil.which("docker-compose")
    if found is None:
        missing("docker-compose (scripts/test-tools)")
        raise AssertionError
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    command = [found, "-f", str(ROOT / "docker-compose.yml"), "config", "--format", "json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert answer.returncode == 0, answer.stderr
    assert "level=warning" not in answer.stderr
    parsed: dict[str, Any] = json.loads(answer.stdout)
    return parsed


def test_the_composed_topology_is_a_database_two_replicas_and_a_balancer(composed: dict[str, Any]) -> None:
    services = composed["services"]
    assert set(services) == {"balancer", "one", "two", "postgresql"}
    assert services["one"]["environment"] == services["two"]["environment"]
    for name, service in services.items():
        assert service.get("healthcheck", {}).get("test"), f"{name} has no health check"
        assert service["restart"] == "unless-stopped"
    for name in ("one", "two"):
        service = services[name]
        assert service["command"] == ["up"]
        assert service["depends_on"]["postgresql"]["condition"] == "service_healthy"
        assert "ports" not in service, "clients come through the balancer"
        assert service["healthcheck"]["test"] == ["CMD", "solovirt", "health"]
        assert service["volumes"][0]["target"] == "/var/lib/solovirt"
    assert [port["host_ip"] for port in services["balancer"]["ports"]] == ["127.0.0.1"]
    assert set(composed["volumes"]) == {"one", "two", "postgresql"}


def test_no_secret_is_in_the_compose_file(composed: dict[str, Any]) -> None:
    assert composed["secrets"]["postgresql-password"]["file"].endswith("/secrets/postgresql-password")
    text = json.dumps(composed["services"])
    assert not re.search(r"(?i)(password|token|secret)\"?: ?\"(?!/run/secrets/)", text)
    url = composed["services"]["one"]["environment"]["SOLOVIRT_DATABASE_URL"]
    assert url == "postgresql+asyncpg://solovirt@postgresql/solovirt"


def test_the_balancers_configuration_is_valid() -> None:
    program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        missing("haproxy")
        raise AssertionError
    environment = {"SOLOVIRT_LISTEN": "127.0.0.1:1", "SOLOVIRT_ONE": "127.0.0.1:2", "SOLOVIRT_TWO": "127.0.0.1:3"}
    command = [program, "-c", "-f", str(ROOT / "deploy" / "haproxy.cfg")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert answer.returncode == 0, answer.stderr
    assert "WARNING" not in answer.stderr, answer.stderr


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        missing("systemd-analyze")
        raise AssertionError
    # What it starts is not installed here.
    text = (ROOT / "deploy" / "solovirt.service").read_text().replace("/opt/solovirt/bin/solovirt", "/bin/true")
    unit = tmp_path / "solovirt.service"
    unit.write_text(text)
    answer = subprocess.run([program, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
    complaints = [line for line in answer.stderr.splitlines() if "solovirt" in line]
    assert complaints == []
    assert answer.returncode == 0, answer.stderr


def test_the_image_is_made_in_stages_and_runs_as_nobody_special() -> None:
    """No Docker here to build it with: what can be read is."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    stages = [line for line in lines if line.startswith("FROM ")]
    assert len(stages) == 2
    last = lines[lines.index(stages[-1]) :]
    assert "USER solovirt" in last
    assert any(line.startswith("HEALTHCHECK ") and '"solovirt", "health"' in line for line in last)
    assert any("qemu-utils" in line for line in last)
    assert any("--require-hashes -r /tmp/runtime.lock" in line for line in lines)
    assert not any(line.startswith("COPY . ") for line in last), "the sources stay in the first stage"
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".venv", ".tools", "secrets"} <= set(ignored)
