"""
kubectl's own questions about access, put by the oldest and the newest kubectl that are supported (reference kubernetes-api.md 6).

From 1.32 on kubectl sends typed bodies (reviews, token requests) as protobuf. The words are kubectl's.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from solovirt.testing import BackgroundControlPlane
from tests.clients.kubectl import Kubectl, mask

pytestmark = pytest.mark.slow


def rows(text: str) -> list[list[str]]:
    return [line.split("  ") for line in mask(text).splitlines()]


def test_access_as_kubectl_sees_it(kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "create", "vms") == "yes\n"
    denied = kubectl.run("auth", "can-i", "list", "pods", "--as=alice")
    assert (denied.returncode, denied.stdout) == (1, "no\n")
    assert kubectl.refused("get", "pods", "--as=alice") == (
        'Error from server (Forbidden): pods is forbidden: User "alice" cannot list resource "pods" in API group "" '
        'in the namespace "default"\n'
    )

    assert kubectl("create", "rolebinding", "alice", "--clusterrole=view", "--user=alice") == (
        "rolebinding.rbac.authorization.k8s.io/alice created\n"
    )
    assert kubectl("auth", "can-i", "list", "pods", "--as=alice") == "yes\n"
    assert kubectl("auth", "can-i", "get", "vms", "--as=alice") == "yes\n"
    assert kubectl.run("auth", "can-i", "list", "pods", "-n", "kube-system", "--as=alice").stdout == "no\n"
    assert kubectl("get", "pods", "--as=alice") == ""
    assert kubectl.run("auth", "can-i", "update", "vms/start", "--as=alice").stdout == "no\n"
    assert kubectl("auth", "can-i", "get", "/version", "--as=alice") == "yes\n"

    rules = rows(kubectl("auth", "can-i", "--list", "--as=alice"))
    assert rules[0] == ["Resources", "Non-Resource URLs", "Resource Names", "Verbs"]
    assert ["selfsubjectaccessreviews.authorization.k8s.io", "[]", "[]", "[create]"] in rules
    assert ["virtualmachines.kubevirt.io", "[]", "[]", "[get list watch]"] in rules
    assert ["", "[/healthz]", "[]", "[get]"] in rules

    described = kubectl("describe", "clusterrole", "kubevirt.io:migrate")
    assert "virtualmachines.subresources.kubevirt.io/migrate" in described


def test_roles_are_made_and_reconciled(kubectl: Kubectl) -> None:
    assert kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods,vms") == (
        "role.rbac.authorization.k8s.io/reader created\n"
    )
    role = yaml.safe_load(kubectl("get", "role", "reader", "-o", "yaml"))
    assert {"apiGroups": ["kubevirt.io"], "resources": ["virtualmachines"], "verbs": ["get", "list"]} in role["rules"]
    manifest = yaml.safe_dump({**role, "metadata": {"name": "reader", "namespace": "default"}})
    assert "reconciled" in kubectl("auth", "reconcile", "-f", "-", stdin=manifest)


# kubectl 1.20 has neither `auth whoami` nor `create token`.
@pytest.mark.parametrize("kubectl", ["37"], indirect=True)
def test_identity_as_kubectl_sees_it(kubectl: Kubectl, tmp_path: Path) -> None:
    assert rows(kubectl("auth", "whoami"))[1:] == [
        ["Username", "solovirt-admin"],
        ["Groups", "[system:masters system:authenticated]"],
    ]
    assert rows(kubectl("auth", "whoami", "--as=bob", "--as-group=team", "--as-uid=7"))[1:] == [
        ["Username", "bob"],
        ["UID", "7"],
        ["Groups", "[team system:authenticated]"],
    ]
    kubectl("create", "serviceaccount", "robot")
    token = kubectl("create", "token", "robot", "--duration=1h").strip()
    # A token beside the administrator's would be a second one: the robot gets a kubeconfig of its own.
    config = yaml.safe_load(kubectl.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    file = tmp_path / "robot.kubeconfig"
    file.write_text(yaml.safe_dump(config))
    robot = Kubectl(kubectl.minor, kubectl.binary, file, kubectl.home)
    assert ["Username", "system:serviceaccount:default:robot"] in rows(robot("auth", "whoami"))
    assert "cannot list resource" in robot.refused("get", "vms")
    kubectl("create", "rolebinding", "robot", "--clusterrole=edit", "--serviceaccount=default:robot")
    assert robot("get", "vms") == ""
    assert "may not specify a duration less than 10 minutes" in kubectl.refused(
        "create", "token", "robot", "--duration=1m"
    )
    kubectl("delete", "serviceaccount", "robot")
    assert "You must be logged in to the server" in robot.refused("get", "vms")


def test_a_user_with_a_certificate(kubectl: Kubectl, server: BackgroundControlPlane, tmp_path: Path) -> None:
    """docs/access.md: `solovirt kubeconfig --user`."""
    command = [sys.executable, "-m", "solovirt", "kubeconfig", "--data-dir", str(server.data_dir)]
    done = subprocess.run(
        [*command, "--user", "carla", "--group", "testers"], capture_output=True, text=True, check=True
    )
    file = tmp_path / "carla.kubeconfig"
    file.write_text(done.stdout)
    carla = Kubectl(kubectl.minor, kubectl.binary, file, kubectl.home)
    assert 'User "carla" cannot list resource' in carla.refused("get", "vms")
    kubectl("create", "clusterrolebinding", "testers", "--clusterrole=view", "--group=testers")
    assert carla("get", "vms") == ""
