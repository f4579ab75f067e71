"""One control plane for all, with TLS and a clock that stands still, and somebody to talk to it."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from solovirt.testing import BackgroundControlPlane
from tests import databases

RBAC = "/apis/rbac.authorization.k8s.io/v1"


class Client:
    """Asks as whom its credentials prove; the administrator unless told otherwise."""

    def __init__(self, plane: BackgroundControlPlane) -> None:
        self.plane = plane
        authority = plane.control_plane.authority_pem
        assert authority is not None
        self._tls = ssl.create_default_context(cadata=authority.decode())
        self._http = httpx.Client(base_url=plane.url, verify=self._tls)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Header names are written with underscores; `token` is the bearer token, None for none."""
        given: dict[str, str] = {name.replace("_", "-"): value for name, value in headers.items() if name != "token"}
        token = headers.get("token", self.plane.token)
        if token:
            given["Authorization"] = f"Bearer {token}"
        return self._http.request(method, path, json=body, headers=given)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self("GET", path, **headers)

    def made(self, path: str, body: Any, **headers: str) -> Any:
        """What a POST makes; the test fails if it is refused."""
        answer = self("POST", path, body, **headers)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def bind(self, name: str, role: str, subject: dict[str, str], namespace: str = "") -> None:
        path = f"{RBAC}/namespaces/{namespace}/rolebindings" if namespace else f"{RBAC}/clusterrolebindings"
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
        self.made(path, {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]})

    def certified(self, name: str, *groups: str) -> httpx.Client:
        """A client with a certificate of its own, as the command line issues it."""
        directory = self.plane.control_plane.settings.data_dir
        flags = [flag for group in groups for flag in ("--group", group)]
        command = [sys.executable, "-m", "solovirt", "kubeconfig", "--data-dir", str(directory), "--user", name, *flags]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return from_kubeconfig(yaml.safe_load(done.stdout), directory / f"{name}.pem")

    def close(self) -> None:
        self._http.close()


def from_kubeconfig(config: dict[str, Any], file: Path) -> httpx.Client:
    import base64

    user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]
    parts = (user["client-certificate-data"], user["client-key-data"])
    file.write_bytes(b"".join(base64.b64decode(part) for part in parts))
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    context.load_cert_chain(file)
    return httpx.Client(base_url=cluster["server"], verify=context)


@pytest.fixture(scope="module")
def plane() -> Iterator[BackgroundControlPlane]:
    with BackgroundControlPlane(database_url=databases.url(), frozen=True) as started:
        yield started


@pytest.fixture(scope="module")
def client(plane: BackgroundControlPlane) -> Iterator[Client]:
    made = Client(plane)
    plane.settle()
    yield made
    made.close()


@pytest.fixture
def namespace(client: Client, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own, with its default ServiceAccount."""
    name = f"t-{abs(hash(request.node.nodeid)) % 10**10}"
    client.made("/api/v1/namespaces", {"metadata": {"name": name}})
    client.plane.settle()
    return name
