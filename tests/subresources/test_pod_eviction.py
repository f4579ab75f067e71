"""The launcher pod of a running machine is evicted (reference kubevirt-validation.md, rule 230)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from solovirt.testing import BackgroundControlPlane

INSTANCES = "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances"
PODS = "/api/v1/namespaces/default/pods"
DENIED = 'admission webhook "virt-launcher-eviction-interceptor.kubevirt.io" denied the request: '


class Plane:
    def __init__(self, plane: BackgroundControlPlane, http: httpx.Client) -> None:
        self._plane = plane
        self.http = http

    def launcher(self, name: str, **spec: Any) -> str:
        """Start an instance; the name of its launcher pod."""
        document = {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachineInstance",
            "metadata": {"name": name},
            "spec": {
                "domain": {
                    "devices": {"interfaces": [{"name": "default", "masquerade": {}}]},
                    "memory": {"guest": "64Mi"},
                },
                "networks": [{"name": "default", "pod": {}}],
                **spec,
            },
        }
        answer = self.http.post(INSTANCES, json=document)
        assert answer.status_code == 201, answer.text
        for _ in range(60):
            self._plane.settle()
            if self.instance(name)["status"].get("phase") == "Running":
                break
            self._plane.advance(1)
        (pod,) = self.http.get(PODS, params={"labelSelector": f"vmi.kubevirt.io/id={name}"}).json()["items"]
        return str(pod["metadata"]["name"])

    def instance(self, name: str) -> Any:
        return self.http.get(f"{INSTANCES}/{name}").json()

    def evict(self, pod: str, **options: Any) -> httpx.Response:
        body = {"metadata": {"name": pod}, "deleteOptions": options}
        return self.http.post(f"{PODS}/{pod}/eviction", json=body)


@pytest.fixture(scope="module")
def plane() -> Iterator[Plane]:
    with (
        BackgroundControlPlane(frozen=True, instant=True, insecure_http=True) as running,
        httpx.Client(base_url=running.url) as http,
    ):
        yield Plane(running, http)


def refused(answer: httpx.Response, text: str) -> None:
    status = answer.json()
    assert (answer.status_code, status["message"]) == (429, DENIED + text)
    assert "reason" not in status
    assert "details" not in status


def test_an_instance_that_is_to_migrate_is_marked_and_keeps_its_pod(plane: Plane):
    """Rule 230: denied with 429; the second time it is in progress."""
    pod = plane.launcher("moves", evictionStrategy="LiveMigrate")
    node = plane.instance("moves")["status"]["nodeName"]
    text = 'Eviction triggered evacuation of VMI "default/moves"'
    refused(plane.evict(pod, dryRun=["All"]), text)
    assert "evacuationNodeName" not in plane.instance("moves")["status"]
    refused(plane.evict(pod), text)
    assert plane.instance("moves")["status"]["evacuationNodeName"] == node
    refused(plane.evict(pod), f"Evacuation in progress: {text}")
    assert plane.http.get(f"{PODS}/{pod}").status_code == 200


def test_an_instance_that_cannot_migrate_keeps_its_pod(plane: Plane):
    """Rule 230: configured with an eviction strategy but not live-migratable."""
    domain = {"devices": {}, "memory": {"guest": "64Mi"}, "cpu": {"model": "host-passthrough"}}
    pod = plane.launcher("stays", evictionStrategy="LiveMigrate", domain=domain, networks=[])
    refused(plane.evict(pod), "VMI stays is configured with an eviction strategy but is not live-migratable")


@pytest.mark.parametrize("strategy", ["None", None])
def test_an_instance_without_strategy_goes_with_its_pod(plane: Plane, strategy: str | None):
    name = f"goes-{'by-name' if strategy else 'by-default'}"
    pod = plane.launcher(name, **({"evictionStrategy": strategy} if strategy else {}))
    assert plane.evict(pod).status_code == 201
    left = plane.http.get(f"{PODS}/{pod}")
    assert left.status_code == 404 or "deletionTimestamp" in left.json()["metadata"]


def test_an_external_evacuation_is_announced(plane: Plane):
    """Rule 230: External leaves it to somebody else to act on the mark."""
    pod = plane.launcher("external", evictionStrategy="External")
    refused(plane.evict(pod), 'Eviction triggered evacuation of VMI "default/external"')
    assert plane.instance("external")["status"]["evacuationNodeName"]
