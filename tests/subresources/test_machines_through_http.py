"""Machines with instance types, and paused starts, through HTTP and all controllers, under frozen time."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from solovirt.testing import BackgroundControlPlane
from tests import databases

MACHINES = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines"
INSTANCES = "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances"
LIBRARY = "/apis/instancetype.kubevirt.io/v1beta1"
REVISIONS = "/apis/apps/v1/namespaces/default/controllerrevisions"
ACTING = "/apis/subresources.kubevirt.io/v1/namespaces/default"


class Plane:
    """One control plane for the module; each test uses names of its own."""

    def __init__(self, plane: BackgroundControlPlane) -> None:
        self._plane = plane

    def ask(self, method: str, path: str, body: Any = None, *, kind: str = "application/json") -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._plane.url + path, data, {"Content-Type": kind}, method=method)
        try:
            with urllib.request.urlopen(request) as response:
                answer = response.read()
        except urllib.error.HTTPError as error:
            # An error keeps its connection open until it is closed.
            with error:
                pytest.fail(f"{method} {path}: {error.read().decode()}")
        self._plane.settle()
        return json.loads(answer) if answer else None

    def get(self, path: str) -> Any:
        return self.ask("GET", path)

    def change(self, path: str, **spec: Any) -> None:
        self.ask("PATCH", path, {"spec": spec}, kind="application/merge-patch+json")

    def create(self, path: str, kind: str, name: str, spec: dict[str, Any], **labels: str) -> None:
        group = path.removeprefix("/apis/").split("/namespaces")[0] if path.startswith("/apis") else "v1"
        version = "/".join(group.split("/")[:2])
        metadata = {"name": name, "labels": labels}
        self.ask("POST", path, {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})

    def size(self, name: str, guest: int, **spec: Any) -> None:
        spec = {"cpu": {"guest": guest}, "memory": {"guest": "1Gi"}, **spec}
        self.create(f"{LIBRARY}/virtualmachineclusterinstancetypes", "VirtualMachineClusterInstancetype", name, spec)

    def machine(self, name: str, **spec: Any) -> None:
        template = {"spec": {"domain": {"devices": {}}, **spec.pop("template", {})}}
        self.create(MACHINES, "VirtualMachine", name, {"runStrategy": "Always", "template": template, **spec})

    def word(self, name: str) -> str:
        return str(self.get(f"{MACHINES}/{name}")["status"]["printableStatus"])

    def until(self, name: str, word: str) -> None:
        """Let up to two minutes pass until the machine's printable status is *word*."""
        for _ in range(120):
            if self.word(name) == word:
                return
            self._plane.advance(1)
        pytest.fail(f"{name} is {self.word(name)} and not {word}")

    def restart(self, name: str) -> None:
        before = self.get(f"{INSTANCES}/{name}")["metadata"]["uid"]
        self.ask("PUT", f"{ACTING}/virtualmachines/{name}/restart")
        for _ in range(120):
            self._plane.advance(1)
            if self.word(name) == "Running" and self.get(f"{INSTANCES}/{name}")["metadata"]["uid"] != before:
                return
        pytest.fail(f"{name} is {self.word(name)} after a restart")

    def cpu(self, name: str) -> tuple[int, int, int]:
        cpu = self.get(f"{INSTANCES}/{name}")["status"]["currentCPUTopology"]
        return cpu["sockets"], cpu["cores"], cpu["threads"]


@pytest.fixture(scope="module")
def plane() -> Iterator[Plane]:
    with BackgroundControlPlane(database_url=databases.url(), frozen=True, insecure_http=True) as running:
        yield Plane(running)


@pytest.mark.slow
def test_a_machine_keeps_its_size_until_it_names_another(plane):
    """kubevirt-flavor.md 6.3 and 6.4, kubevirt-vm.md 8."""
    plane.size("e2e-small", 2)
    preference = {"cpu": {"preferredCPUTopology": "cores"}, "devices": {"preferredDiskBus": "virtio"}}
    plane.create(f"{LIBRARY}/virtualmachineclusterpreferences", "VirtualMachineClusterPreference", "e2e", preference)
    plane.machine("sized", instancetype={"name": "e2e-small"}, preference={"name": "e2e"})
    plane.until("sized", "Running")
    assert plane.cpu("sized") == (1, 2, 1)
    assert plane.get(f"{INSTANCES}/sized")["status"]["memory"]["guestCurrent"] == "1Gi"
    # What becomes of the instance type is not the machine's business, restarted or not.
    plane.change(f"{LIBRARY}/virtualmachineclusterinstancetypes/e2e-small", cpu={"guest": 6})
    plane.restart("sized")
    assert plane.cpu("sized") == (1, 2, 1)
    expanded = plane.get(f"{ACTING}/virtualmachines/sized/expand-spec")
    assert expanded["spec"]["template"]["spec"]["domain"]["cpu"] == {"sockets": 1, "cores": 2, "threads": 1}
    # Another one is, at the next start.
    plane.size("e2e-large", 4)
    plane.change(f"{MACHINES}/sized", instancetype={"name": "e2e-large"})
    conditions = {one["type"]: one for one in plane.get(f"{MACHINES}/sized")["status"]["conditions"]}
    assert conditions["RestartRequired"]["status"] == "True"
    assert plane.cpu("sized") == (1, 2, 1)
    plane.restart("sized")
    assert plane.cpu("sized") == (1, 4, 1)
    vm = plane.get(f"{MACHINES}/sized")
    assert "RestartRequired" not in {one["type"] for one in vm["status"]["conditions"]}
    kept = vm["status"]["instancetypeRef"]["controllerRevisionRef"]["name"]
    assert plane.get(f"{REVISIONS}/{kept}")["data"]["spec"]["cpu"] == {"guest": 4}


@pytest.mark.slow
def test_a_machine_takes_the_size_that_suits_its_disk(plane):
    """kubevirt-flavor.md 6.2: from a DataSource, by way of a template."""
    plane.size("e2e-suited", 3)
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    labels = {"instancetype.kubevirt.io/default-instancetype": "e2e-suited"}
    plane.create(
        "/api/v1/namespaces/default/persistentvolumeclaims", "PersistentVolumeClaim", "golden", claim, **labels
    )
    source = {"source": {"pvc": {"name": "golden", "namespace": "default"}}}
    plane.create("/apis/cdi.kubevirt.io/v1beta1/namespaces/default/datasources", "DataSource", "fedora", source)
    storage = {"resources": {"requests": {"storage": "1Gi"}}}
    template = {"storage": storage, "sourceRef": {"kind": "DataSource", "name": "fedora"}}
    plane.machine(
        "suited",
        runStrategy="Halted",
        instancetype={"inferFromVolume": "root"},
        dataVolumeTemplates=[{"metadata": {"name": "suited"}, "spec": template}],
        template={"volumes": [{"name": "root", "dataVolume": {"name": "suited"}}]},
    )
    vm = plane.get(f"{MACHINES}/suited")
    assert vm["spec"]["instancetype"] == {"name": "e2e-suited"}
    assert vm["status"]["instancetypeRef"]["name"] == "e2e-suited"


@pytest.mark.slow
def test_a_machine_may_start_paused(plane):
    """kubevirt-subresources.md 3.2, kubevirt-vm.md 3.2: halted becomes always running, and the guest waits."""
    plane.machine("waiting", runStrategy="Halted", template={"domain": {"devices": {}, "memory": {"guest": "1Gi"}}})
    plane.ask("PUT", f"{ACTING}/virtualmachines/waiting/start", {"paused": True})
    plane.until("waiting", "Paused")
    vm, instance = plane.get(f"{MACHINES}/waiting"), plane.get(f"{INSTANCES}/waiting")
    assert vm["spec"]["runStrategy"] == "Always"
    assert "startStrategy" not in vm["spec"]["template"]["spec"]
    assert not vm["status"].get("stateChangeRequests")
    assert instance["spec"]["startStrategy"] == "Paused"
    assert instance["status"]["phase"] == "Running"
    for one in (vm, instance):
        paused = next(condition for condition in one["status"]["conditions"] if condition["type"] == "Paused")
        assert (paused["status"], paused["reason"]) == ("True", "PausedByUser")
    # Whatever starts next is not paused.
    plane.restart("waiting")
    assert "startStrategy" not in plane.get(f"{INSTANCES}/waiting")["spec"]
