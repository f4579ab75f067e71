"""Admission as clients meet it: codes, bodies and headers, under a configuration that changes while the server runs."""

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
INSTALLATION = "/apis/kubevirt.io/v1/namespaces/kubevirt/kubevirts/kubevirt"


@pytest.fixture(scope="module")
def server() -> Iterator[BackgroundControlPlane]:
    with BackgroundControlPlane(database_url=databases.url(), insecure_http=True) as running:
        yield running


class Answer:
    def __init__(self, code: int, body: bytes, warnings: list[str]) -> None:
        self.code = code
        self.body = json.loads(body)
        self.warnings = warnings


def ask(server: BackgroundControlPlane, verb: str, path: str, body: Any = None, **headers: str) -> Answer:
    headers.setdefault("Content-Type", "application/merge-patch+json" if verb == "PATCH" else "application/json")
    if server.token:
        headers["Authorization"] = f"Bearer {server.token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.url + path, data, headers, method=verb)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Answer(answer.status, answer.read(), answer.headers.get_all("Warning") or [])
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read(), error.headers.get_all("Warning") or [])


def machine(name: str, **template: Any) -> dict[str, Any]:
    spec = {"domain": {"devices": {}, "memory": {"guest": "1Gi"}}, **template}
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": name},
        "spec": {"runStrategy": "Halted", "template": {"spec": spec}},
    }


HOST_DISK = {"volumes": [{"name": "d", "hostDisk": {"path": "/d", "type": "Disk"}}]}


def configure(server: BackgroundControlPlane, **config: Any) -> Answer:
    return ask(server, "PATCH", INSTALLATION, {"spec": {"configuration": config}})


def open_gates(server: BackgroundControlPlane, *gates: str) -> Answer:
    return configure(server, developerConfiguration={"featureGates": list(gates)})


def test_a_gate_holds_from_the_next_write_on(server):
    """kubevirt-validation.md rule 164; 3.1: existing machines are checked again in full, whatever changes."""
    refused = ask(server, "POST", MACHINES, machine("gated", **HOST_DISK))
    assert (refused.code, refused.body["message"]) == (
        422,
        'admission webhook "virtualmachine-validator.kubevirt.io" denied the request: HostDisk feature gate is not enabled',
    )
    assert open_gates(server, "HostDisk").code == 200
    assert ask(server, "POST", MACHINES, machine("gated", **HOST_DISK)).code == 201
    label = {"metadata": {"labels": {"a": "b"}}}
    assert ask(server, "PATCH", f"{MACHINES}/gated", label).code == 200
    assert open_gates(server).code == 200
    assert ask(server, "PATCH", f"{MACHINES}/gated", {"metadata": {"labels": {"a": "c"}}}).code == 422
    assert ask(server, "DELETE", f"{MACHINES}/gated").code == 200


def test_defaults_follow_the_configuration(server):
    """kubevirt-vm.md 6.1."""
    assert configure(server, architectureConfiguration={"amd64": {"machineType": "pc-q35-rhel9"}}).code == 200
    made = ask(server, "POST", MACHINES, machine("typed"))
    assert made.body["spec"]["template"]["spec"]["domain"]["machine"] == {"type": "pc-q35-rhel9"}
    assert configure(server, architectureConfiguration=None).code == 200


def test_deprecated_gates_are_warned_of(server):
    """kubevirt-validation.md 12."""
    (warning,) = open_gates(server, "NUMA").warnings
    assert warning.startswith('299 - "feature gate NUMA is deprecated (feature state is \\"General Availability\\")')
    open_gates(server)


def test_a_second_installation_is_a_plain_400(server):
    """kubevirt-validation.md 1.2 and rule 256: no reason, no details."""
    second = {"apiVersion": "kubevirt.io/v1", "kind": "KubeVirt", "metadata": {"name": "other"}, "spec": {}}
    refused = ask(server, "POST", "/apis/kubevirt.io/v1/namespaces/default/kubevirts", second)
    text = 'admission webhook "kubevirt-create-validator.kubevirt.io" denied the request: Kubevirt is already created'
    assert refused.body == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": text,
        "code": 400,
    }


@pytest.mark.parametrize(
    ("spec", "missing"), [({}, "spec.domain"), ({"domain": {}}, "spec.domain.devices"), (None, "spec")]
)
def test_the_mutating_webhook_words_what_an_instance_lacks(server, spec, missing):
    """kubevirt-validation.md 2, rule 2."""
    obj = {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "metadata": {"name": "bare"}}
    if spec is not None:
        obj["spec"] = spec
    refused = ask(server, "POST", "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances", obj)
    text = f"{missing} in body is required"
    assert refused.body["message"] == (
        f'admission webhook "virtualmachineinstances-mutator.kubevirt.io" denied the request: {text}'
    )
    assert (refused.code, refused.body["details"]) == (422, {"causes": [{"message": text}]})


def test_a_migration_of_nothing_is_a_plain_400(server):
    """kubevirt-validation.md rule 221."""
    obj = {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceMigration", "metadata": {"name": "m"}}
    path = "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstancemigrations"
    refused = ask(server, "POST", path, {**obj, "spec": {"vmiName": "lost"}})
    assert refused.body["message"] == (
        'admission webhook "migration-create-validator.kubevirt.io" denied the request: '
        'the VMI "default/lost" does not exist'
    )
    assert (refused.code, refused.body.get("reason")) == (400, None)


def test_volumes_that_are_asked_for_are_checked_in_the_status(server):
    """kubevirt-validation.md 3.5 and 7, last paragraph."""
    assert ask(server, "POST", MACHINES, machine("plugged")).code == 201
    status = {
        "status": {"volumeRequests": [{"removeVolumeOptions": {"name": "x"}}, {"removeVolumeOptions": {"name": "x"}}]}
    }
    refused = ask(server, "PATCH", f"{MACHINES}/plugged/status", status)
    message = "RemoveVolume request for [x] aleady exists"
    assert refused.body["message"] == (
        f'admission webhook "kubevirt-crd-status-validator.kubevirt.io" denied the request: {message}'
    )
    assert refused.body["details"] == {
        "causes": [{"reason": "FieldValueInvalid", "message": message, "field": "Status.volumeRequests"}]
    }


def test_a_machine_with_an_empty_template_is_completed(server):
    """kubevirt-vm.md 6.1: what the mutating webhook writes makes it whole."""
    obj = machine("empty")
    obj["spec"]["template"] = {}
    made = ask(server, "POST", MACHINES, obj)
    assert (made.code, made.body["spec"]["template"]["spec"]["architecture"]) == (201, "amd64")
