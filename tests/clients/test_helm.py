"""
helm, 3 and 4, with a chart of a machine, a ConfigMap and a Secret (reference kubernetes-api.md 10, "helm").

helm 3 patches on its own side, helm 4 applies on the server's and sends its release Secrets in protobuf. Both keep releases in Secrets of
some kilobytes, found by label.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

from solovirt.testing import BackgroundControlPlane
from tests.clients.kubectl import ROOT, Kubectl, kubectl_binary

CHART = str(Path(__file__).with_name("chart"))

pytestmark = pytest.mark.slow


class Helm:
    """One helm, in one namespace."""

    def __init__(self, version: str, kubeconfig: str, home: Path) -> None:
        self.binary = ROOT / ".tools" / "helm" / version / "helm"
        if not self.binary.exists():
            message = f"helm {version} is not in .tools; scripts/test-tools brings it"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
        self.major = int(version.split(".", maxsplit=1)[0])
        self.namespace = f"helm-{version.replace('.', '-')}"
        self._environment = {"HOME": str(home), "PATH": os.environ["PATH"], "KUBECONFIG": kubeconfig}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.binary), "--namespace", self.namespace, *arguments]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=60, check=False)

    def __call__(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, f"helm {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}"
        return done.stdout

    def releases(self) -> list[tuple[str, str, str]]:
        listed = json.loads(self("list", "-o", "json"))
        return [(release["name"], release["revision"], release["status"]) for release in listed]

    def history(self) -> list[tuple[int, str, str]]:
        told = json.loads(self("history", "shop", "-o", "json"))
        return [(entry["revision"], entry["status"], entry["description"]) for entry in told]


@pytest.fixture(params=["3.8", "3.9", "3.16", "4.1", "4.3"])
def helm(request: pytest.FixtureRequest, cluster: BackgroundControlPlane, tmp_path: Path) -> Helm:
    return Helm(request.param, cluster.kubeconfig, tmp_path)


def test_a_release_from_installation_to_its_end(helm: Helm, cluster: BackgroundControlPlane, tmp_path: Path) -> None:
    kubectl = Kubectl("37", kubectl_binary("37"), Path(cluster.kubeconfig), tmp_path, helm.namespace)

    def state() -> tuple[str, str, str]:
        colour = kubectl("get", "cm", "shop-settings", "-o", "jsonpath={.data.colour}")
        key = kubectl("get", "secret", "shop-key", "-o", "jsonpath={.data.key}")
        memory = kubectl("get", "vm", "shop", "-o", "jsonpath={.spec.template.spec.domain.memory.guest}")
        return colour, base64.b64decode(key).decode(), memory

    installed = helm("install", "shop", CHART, "--create-namespace", "--wait", "--timeout", "30s")
    assert "STATUS: deployed" in installed
    assert helm.releases() == [("shop", "1", "deployed")]
    assert state() == ("red", "red", "64Mi")
    assert kubectl("get", "vm", "shop", "-o", "jsonpath={.status.printableStatus}") == "Running"
    told = json.loads(kubectl("get", "cm", "shop-settings", "-o", "json"))["data"]
    assert (told["knowsMachines"], told["version"][:7]) == ("true", "v1.36.2")

    # Not --wait: helm 4 waits for status.observedGeneration, which follows a restart of the machine (kubevirt-vm.md 4).
    upgraded = helm("upgrade", "shop", CHART, "--set", "colour=blue", "--set", "memory=128Mi")
    assert "STATUS: deployed" in upgraded
    assert state() == ("blue", "blue", "128Mi")
    assert helm.history() == [(1, "superseded", "Install complete"), (2, "deployed", "Upgrade complete")]
    assert json.loads(helm("get", "values", "shop", "-o", "json")) == {"colour": "blue", "memory": "128Mi"}
    assert "colour: blue" in helm("get", "manifest", "shop")

    assert helm("rollback", "shop", "1") == "Rollback was a success! Happy Helming!\n"
    assert state() == ("red", "red", "64Mi")
    assert helm.history()[-1] == (3, "deployed", "Rollback to 1")

    refused = helm.run("upgrade", "shop", CHART, "--set", "memory=much")
    assert refused.returncode == 1
    assert "spec.template.spec.domain.memory.guest" in refused.stderr
    assert helm.history()[-1][1] == "failed"
    assert state()[2] == "64Mi"

    assert helm("uninstall", "shop", "--wait", "--timeout", "30s") == 'release "shop" uninstalled\n'
    assert helm.releases() == []
    assert kubectl("get", "vm,vmi,secret", "-o", "name") == ""
    assert kubectl("get", "cm", "-o", "name") == "configmap/kube-root-ca.crt\n"


def test_what_stands_in_the_way_is_said(helm: Helm, cluster: BackgroundControlPlane, tmp_path: Path) -> None:
    """An object that is there already and is nobody's is not taken over."""
    helm.namespace += "-taken"
    kubectl = Kubectl("37", kubectl_binary("37"), Path(cluster.kubeconfig), tmp_path, helm.namespace)
    kubectl("create", "namespace", helm.namespace)
    kubectl("create", "configmap", "shop-settings", "--from-literal=mine=yes")
    refused = helm.run("install", "shop", CHART)
    assert refused.returncode == 1
    assert 'ConfigMap "shop-settings" in namespace' in refused.stderr
    assert "exists and cannot be imported into the current release" in refused.stderr
    assert kubectl("get", "vm,secret", "-o", "name") == ""
