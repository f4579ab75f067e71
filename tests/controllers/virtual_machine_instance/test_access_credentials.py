"""SSH keys and passwords by the guest's agent (reference kubevirt-vm.md 9.2; texts and events as in KubeVirt v1.9's virt-launcher and virt-handler)."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.runtime.protocol import GuestError, GuestId
from tests.controllers.virtual_machine_instance.conftest import Cluster, instance

KEYS, PASSWORD = "guest-ssh-add-authorized-keys", "guest-set-user-password"


def keys(secret: str, *users: str) -> Document:
    method = {"qemuGuestAgent": {"users": list(users)}}
    return {"sshPublicKey": {"source": {"secret": {"secretName": secret}}, "propagationMethod": method}}


def passwords(secret: str) -> Document:
    return {"userPassword": {"source": {"secret": {"secretName": secret}}, "propagationMethod": {"qemuGuestAgent": {}}}}


class Agents:
    """What agents were asked, and what they refuse."""

    def __init__(self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.refuse = ""
        real = cluster.runtime.ask_agent

        async def ask(guest: GuestId, command: str, arguments: Any = None, *, timeout_seconds: float = 5.0) -> Any:
            answer = await real(guest, command, arguments, timeout_seconds=timeout_seconds)
            if self.refuse:
                raise GuestError(self.refuse)
            if command in (KEYS, PASSWORD):
                self.asked.append((command, arguments))
            return answer

        monkeypatch.setattr(cluster.runtime, "ask_agent", ask)


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    cluster = Cluster()
    await cluster.open()
    yield cluster
    await cluster.close()


@pytest.fixture
def agents(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Agents:
    return Agents(cluster, monkeypatch)


async def secret(cluster: Cluster, name: str, **data: str) -> None:
    metadata = {"name": name, "namespace": "default"}
    await cluster.create({"metadata": metadata, "stringData": data}, core.SECRETS)


def condition(cluster: Cluster) -> tuple[str, str]:
    found = cluster.user.get(names.VIRTUAL_MACHINE_INSTANCES, ObjectKey("default", "vmi"))
    assert found is not None
    listed = found["status"]["conditions"]
    one: Document = next((one for one in listed if one["type"] == "AccessCredentialsSynchronized"), {})
    return one.get("status", ""), one.get("message", "")


def events(cluster: Cluster) -> set[tuple[str, str, str, str]]:
    return {
        (event["source"]["component"], event["type"], event["reason"], event["message"])
        for event in cluster.user.list(core.EVENTS)
        if event["reason"].startswith("AccessCredentials")
    }


async def test_keys_and_passwords_get_in_when_the_agent_answers(cluster: Cluster, agents: Agents):
    await secret(cluster, "keys", a="ssh-rsa A\n\nssh-rsa B\n", b="ssh-ed25519 C")
    await secret(cluster, "more", c="ssh-rsa D")
    await secret(cluster, "passwords", root="geheim\n", jane="s3cret")
    credentials = [keys("keys", "root", "jane"), keys("more", "jane"), passwords("passwords")]
    await cluster.create(instance(annotations={"agent-after": "5"}, accessCredentials=credentials))
    await cluster.advance(2)
    assert agents.asked == []
    assert condition(cluster) == ("False", "Guest agent is offline")
    await cluster.advance(10)
    first = ["ssh-rsa A", "ssh-rsa B", "ssh-ed25519 C"]
    assert agents.asked == [
        (KEYS, {"username": "root", "keys": first, "reset": True}),
        (KEYS, {"username": "jane", "keys": [*first, "ssh-rsa D"], "reset": True}),
        (PASSWORD, {"username": "jane", "password": base64.b64encode(b"s3cret").decode(), "crypted": False}),
        (PASSWORD, {"username": "root", "password": base64.b64encode(b"geheim").decode(), "crypted": False}),
    ]
    assert condition(cluster) == ("True", "")
    success = ("virt-handler", "Normal", "AccessCredentialsSyncSuccess", "Access credentials sync successful.")
    assert success in events(cluster)


async def test_a_changed_secret_is_put_in_again(cluster: Cluster, agents: Agents):
    await secret(cluster, "passwords", root="one")
    await cluster.create(instance(accessCredentials=[passwords("passwords")]))
    await cluster.advance(5)
    assert len(agents.asked) == 1

    def change(document: Document) -> None:
        document["data"]["root"] = base64.b64encode(b"two").decode()

    await cluster.user.edit(core.SECRETS, ObjectKey("default", "passwords"), change)
    await cluster.manager.settle()
    assert [base64.b64decode(asked["password"]) for _, asked in agents.asked] == [b"one", b"two"]


async def test_it_is_done_again_every_five_minutes_and_not_more_often(cluster: Cluster, agents: Agents):
    await secret(cluster, "passwords", root="one")
    await cluster.create(instance(accessCredentials=[passwords("passwords")]))
    await cluster.advance(280)
    assert len(agents.asked) == 1
    await cluster.advance(30)
    assert len(agents.asked) == 2


async def test_what_fails_is_told_and_tried_again(cluster: Cluster, agents: Agents):
    agents.refuse = "user 'root' does not exist"
    await cluster.create(instance(accessCredentials=[keys("keys", "root")]))
    await cluster.advance(5)
    assert condition(cluster) == ("False", 'secrets "keys" not found')
    await secret(cluster, "keys", a="ssh-rsa A")
    text = "Error encountered writing ssh pub key access credentials for user [root]: user 'root' does not exist"
    assert condition(cluster) == ("False", text)
    failed = ("virt-handler", "Warning", "AccessCredentialsSyncFailed", f"Access credentials sync failed: {text}")
    assert failed in events(cluster)
    agents.refuse = ""
    await cluster.advance(16)
    assert condition(cluster) == ("True", "")


async def test_another_guest_gets_them_anew(cluster: Cluster, agents: Agents):
    await secret(cluster, "passwords", root="one")
    document = instance(accessCredentials=[passwords("passwords")])
    await cluster.create(document)
    await cluster.advance(5)
    await cluster.delete()
    await cluster.advance(60)
    await cluster.create(document)
    await cluster.advance(5)
    assert len(agents.asked) == 2


async def test_instances_without_credentials_by_agent_are_left_alone(cluster: Cluster, agents: Agents):
    method: Document = {"noCloud": {}}
    by_disc = {"sshPublicKey": {"source": {"secret": {"secretName": "keys"}}, "propagationMethod": method}}
    await secret(cluster, "keys", a="ssh-rsa A")
    await cluster.create(
        instance(
            accessCredentials=[by_disc],
            volumes=[
                {"name": "root", "containerDisk": {"image": "x"}},
                {"name": "ci", "cloudInitNoCloud": {"userData": "x"}},
            ],
        )
    )
    await cluster.advance(5)
    assert agents.asked == []
    assert condition(cluster) == ("", "")
