"""The command line: what others script against. In-process where no server runs; real processes for those that do."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

import solovirt
from solovirt.cli import main
from solovirt.testing import ServerProcess

COMMAND = [sys.executable, "-m", "solovirt"]
READY = re.compile(r"solovirt is ready: (https?://127\.0\.0\.1:\d+) \(kubeconfig (/\S+)\)\n")
NAMESPACES = "/api/v1/namespaces"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("SOLOVIRT_"):
            monkeypatch.delenv(name)


@contextmanager
def serving(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, killed if the test forgets to end it."""
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ready(process: subprocess.Popen[str]) -> re.Match[str]:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = READY.fullmatch(line)
    assert found, line + process.communicate()[1]
    return found


def get(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        body: bytes = answer.read()
        return body


# -- without a server


def test_version_is_the_packages(capsys):
    assert main(["version"]) == 0
    assert capsys.readouterr().out == f"solovirt {solovirt.__version__}\n"


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for command in ("up", "serve", "migrate", "kubeconfig", "openapi", "version"):
        assert re.search(rf"^    {command}\b", text, re.MULTILINE), command


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--listen", "here"], "solovirt: listen: "),
        (["--nodes", "many"], "solovirt: nodes: "),
        (["--insecure-http", "--listen", "0.0.0.0:6443"], "loopback addresses only"),
        (["--config", "/nonexistent.yaml"], "solovirt: /nonexistent.yaml: "),
        (["--runtime", "vapour"], "solovirt: there is no runtime 'vapour'; installed: fake"),
        (["--database-url", "mysql://db/x"], "solovirt: the store runs on sqlite and postgresql, not on mysql"),
        (["--data-dir", "/proc/solovirt"], "solovirt: the data directory /proc/solovirt can't be made: "),
    ],
)
def test_what_cannot_be_set_is_told_in_one_line(tmp_path, capsys, arguments, complaint):
    given = ["up", "--data-dir", str(tmp_path), "--listen", "127.0.0.1:0", *arguments]
    assert main(given) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert complaint in captured.err
    assert captured.err.count("\n") == 1


def test_an_unknown_flag_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["up", "--port", "1"])
    assert ended.value.code == 2
    assert "--port" in capsys.readouterr().err


def test_serve_wants_a_migrated_database_and_says_how(tmp_path, capsys):
    given = ["--data-dir", str(tmp_path)]
    assert main(["serve", "--listen", "127.0.0.1:0", *given]) == 1
    complaint = capsys.readouterr().err
    assert "the database is empty" in complaint
    assert "`solovirt migrate` does it" in complaint
    assert complaint.count("\n") == 1

    assert main(["migrate", *given]) == 0
    assert main(["migrate", *given]) == 0
    assert capsys.readouterr().out == "the database is up to date\n" * 2


@pytest.mark.parametrize("url", ["mysql://db/x", "nonsense", "sqlite+aiosqlite:////proc/solovirt.db"])
def test_migrate_refuses_what_it_cannot_open_in_one_line(tmp_path, capsys, url):
    assert main(["migrate", "--data-dir", str(tmp_path), "--database-url", url]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("solovirt: ")
    assert complaint.count("\n") == 1


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path, capsys):
    (tmp_path / "solovirt.db").write_text("what is this " * 100)
    assert main(["up", "--data-dir", str(tmp_path), "--listen", "127.0.0.1:0"]) == 1
    complaint = capsys.readouterr().err
    assert "not a database" in complaint
    assert complaint.count("\n") == 1


def test_there_is_no_kubeconfig_before_there_is_a_control_plane(tmp_path, capsys):
    assert main(["kubeconfig", "--data-dir", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"solovirt: {tmp_path} holds no control plane yet; `solovirt up` makes one\n"


def test_openapi_writes_the_published_documents(tmp_path):
    assert main(["openapi", str(tmp_path / "out")]) == 0
    written = tmp_path / "out" / "v3" / "apis" / "flavor.kubevirt.io" / "v1alpha1.json"
    assert json.loads(written.read_text())["openapi"].startswith("3.")


def test_a_taken_port_is_told_in_one_line(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main(["up", "--data-dir", str(tmp_path), "--listen", address]) == 1
    assert capsys.readouterr().err == f"solovirt: {address} can't be listened on: Address already in use\n"


# -- with one


def test_up_says_where_it_is_keeps_its_secrets_and_ends_on_sigterm(tmp_path, capsys):
    data = tmp_path / "data"
    with serving("up", "--data-dir", str(data), "--listen", "127.0.0.1:0") as process:
        url, path = ready(process).groups()
        assert path == str(data / "kubeconfig")
        config = yaml.safe_load(Path(path).read_text())
        assert config["clusters"][0]["cluster"]["server"] == url
        assert config["users"][0]["user"]["token"]
        assert main(["kubeconfig", "--data-dir", str(data)]) == 0
        assert yaml.safe_load(capsys.readouterr().out) == config
        assert main(["up", "--data-dir", str(data), "--listen", "127.0.0.1:0"]) == 1
        complaint = capsys.readouterr().err
        assert f"in use by process {process.pid}" in complaint
        assert complaint.count("\n") == 1

        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        assert "export KUBECONFIG=" in process.stdout.read()
        _, err = process.communicate(timeout=20)
        assert process.returncode == 0, err
    assert "Traceback" not in err
    secrets = [data / "kubeconfig", data / "solovirt.db", *(data / "pki").glob("*.key"), data / "pki" / "admin.token"]
    assert [str(one) for one in secrets if one.stat().st_mode & 0o077] == []


def test_plain_http_needs_no_credentials_and_ends_with_a_watch_open(tmp_path):
    arguments = [
        "up",
        "--data-dir",
        str(tmp_path),
        "--listen",
        "127.0.0.1:0",
        "--insecure-http",
        "--log-format",
        "json",
    ]
    with serving(*arguments) as process:
        url = ready(process)[1]
        assert url.startswith("http://")
        assert json.loads(get(url + NAMESPACES))["kind"] == "NamespaceList"
        assert get(url + "/readyz") == b"ok"
        with urllib.request.urlopen(url + NAMESPACES + "?watch=1&resourceVersion=0") as watch:
            assert json.loads(watch.readline())["type"] == "ADDED"
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            assert time.monotonic() - started < 5
            # The stream ends between two events, not in the middle of one.
            assert all(json.loads(line)["type"] == "ADDED" for line in watch.read().splitlines())
        _, log = process.communicate()
    assert all(json.loads(line)["level"] != "error" for line in log.splitlines())


@pytest.mark.slow
def test_serve_serves_what_migrate_prepared(tmp_path):
    given = ["--data-dir", str(tmp_path)]
    subprocess.run([*COMMAND, "migrate", *given], check=True, capture_output=True)
    with serving("serve", "--listen", "127.0.0.1:0", "--insecure-http", *given) as process:
        assert get(ready(process)[1] + "/readyz") == b"ok"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 0
        # What to type next is for people, who use `up`.
        assert out == ""


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.05, 1.2])
def test_sigterm_while_starting_ends_it(tmp_path, delay):
    with serving("up", "--data-dir", str(tmp_path), "--listen", "127.0.0.1:0") as process:
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
        # Before Python has got as far as our handler, the signal's own action is what there is.
        assert process.returncode in (0, -signal.SIGTERM), err
        assert "Traceback" not in err
    with ServerProcess(tmp_path) as server:
        assert server.url


@pytest.mark.slow
def test_a_second_start_keeps_credentials_and_renews_the_address(tmp_path):
    with ServerProcess(tmp_path / "data") as server:
        first, before = server.url, server.credentials()
        assert server.stop() == 0
        server.start()
        assert server.credentials() == before
        assert server.url != first
        assert server.url in server.kubeconfig.read_text()


@pytest.mark.slow
def test_logs_carry_the_requests_id(tmp_path):
    with ServerProcess(
        tmp_path / "data", ["--insecure-http", "--log-format", "json", "--log-level", "debug"]
    ) as server:
        request = urllib.request.Request(server.url + NAMESPACES, headers={"Audit-Id": "of-the-test"})
        with urllib.request.urlopen(request) as answer:
            answer.read()
        server.stop()
        lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    logged = [line for line in lines if line.get("request_id") == "of-the-test"]
    assert [(line["message"], line["user"]) for line in logged] == [("GET /api/v1/namespaces 200", "solovirt-admin")]
