"""Backup, restore, check and health, as an operator types them, around servers that run."""

from __future__ import annotations

import os
import socket
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from solovirt import operations
from solovirt.testing import ServerProcess
from tests.postgresql import Cluster, running

pytestmark = pytest.mark.slow

MAPS = "/api/v1/namespaces/default/configmaps"


def solovirt(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SOLOVIRT_")}
    return subprocess.run(
        [sys.executable, "-m", "solovirt", *arguments], capture_output=True, text=True, check=False, env=environment
    )


def done(*arguments: str) -> str:
    answer = solovirt(*arguments)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def ask(server: ServerProcess, method: str, path: str, body: Any = None) -> Any:
    authority, token = server.credentials()
    assert authority is not None
    context = ssl.create_default_context(cadata=authority)
    answer = httpx.request(
        method, server.url + path, json=body, headers={"Authorization": f"Bearer {token}"}, verify=context
    )
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with running() as cluster:
        yield cluster


@pytest.mark.xdist_group("postgresql")
def test_a_control_plane_moves_from_sqlite_to_postgresql_and_back(cluster: Cluster, tmp_path: Path) -> None:
    """Its clients go on with the credentials that they have."""
    url = cluster.store_url(cluster.create_now())
    flags = ("--nodes", "1")
    with ServerProcess(tmp_path / "first", flags) as first:
        ask(first, "POST", MAPS, {"metadata": {"name": "kept"}, "data": {"a": "ü"}})
        credentials = first.credentials()
        version = int(ask(first, "GET", MAPS)["metadata"]["resourceVersion"])
        # Beside the server.
        assert done("check", "--data-dir", str(tmp_path / "first")) == "the database is whole\n"
        assert "objects as of version" in done("backup", str(tmp_path / "one"), "--data-dir", str(tmp_path / "first"))
        refused = solovirt("restore", str(tmp_path / "one"), "--data-dir", str(tmp_path / "first"), "--replace")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "is in use by process" in refused.stderr
    second_flags = ("--data-dir", str(tmp_path / "second"), "--database-url", url)
    assert "objects restored" in done("restore", str(tmp_path / "one"), *second_flags)
    with ServerProcess(tmp_path / "second", [*flags, "--database-url", url]) as second:
        assert second.credentials() == credentials
        kept = ask(second, "GET", f"{MAPS}/kept")
        assert kept["data"] == {"a": "ü"}
        assert int(ask(second, "GET", MAPS)["metadata"]["resourceVersion"]) > version + 10**8
        ask(second, "POST", MAPS, {"metadata": {"name": "later"}})
        done("backup", str(tmp_path / "two"), *second_flags)
        assert done("check", *second_flags[2:], "--data-dir", str(tmp_path / "second")) == "the database is whole\n"
        assert "MiB now" in done("vacuum", *second_flags)
    assert "objects restored" in done("restore", str(tmp_path / "two"), "--data-dir", str(tmp_path / "third"))
    with ServerProcess(tmp_path / "third", flags) as third:
        assert third.credentials() == credentials
        names = {item["metadata"]["name"] for item in ask(third, "GET", MAPS)["items"]}
        assert names == {"kept", "later", "kube-root-ca.crt"}
    with sqlite3.connect(f"file:{tmp_path}/third/solovirt.db?mode=ro", uri=True) as connection:
        assert ("kept",) in connection.execute("SELECT name FROM config_maps").fetchall()
    connection.close()


def test_damage_is_told_and_is_an_exit_code(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", ["--nodes", "1"]):
        pass
    with sqlite3.connect(tmp_path / "data" / "solovirt.db") as connection:
        connection.execute("DELETE FROM object WHERE plural = 'namespaces' AND name = 'default'")
    connection.close()
    answer = solovirt("check", "--data-dir", str(tmp_path / "data"))
    assert answer.returncode == 1
    assert "solovirt: the database is damaged\nnamespaces default is at " in answer.stderr


def test_health_says_whether_a_server_is_ready(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", ["--nodes", "1"]) as server:
        listen = server.url.removeprefix("https://")
        flags = ("--data-dir", str(tmp_path / "data"), "--listen", listen)
        assert done("health", *flags).endswith("readyz check passed\n")
    answer = solovirt("health", *flags)
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"solovirt: {listen} does not answer: ")


def test_systemd_is_told_when_clients_can_connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        with ServerProcess(tmp_path / "data", ["--nodes", "1"]):
            assert manager.recv(100) == b"READY=1"
        assert manager.recv(100) == b"STOPPING=1"


def test_nobody_is_told_where_nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    operations.notify_service_manager("READY=1")


def test_the_databases_password_comes_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret/@\n")
    answer = solovirt(
        "check",
        "--database-url",
        "postgresql+asyncpg://solovirt@127.0.0.1:1/solovirt",
        "--database-password-file",
        str(secret),
    )
    assert answer.returncode == 1
    assert "s3cret" not in answer.stderr
    from solovirt import settings

    made = settings.given(
        data_dir=tmp_path, database_url="postgresql+asyncpg://solovirt@host/name", database_password_file=secret
    )
    assert made.store_url == "postgresql+asyncpg://solovirt:s3cret%2F%40@host/name"
    with_one = settings.given(
        data_dir=tmp_path, database_url="postgresql+asyncpg://solovirt:other@host/name", database_password_file=secret
    )
    with pytest.raises(settings.SettingsError, match="has to name a user, and no password"):
        assert with_one.store_url
