"""
SSH keys and passwords that get into a running guest through its agent (KubeVirt's accessCredentials with the propagation method qemuGuestAgent).

The loop runs by Secrets: an instance that names none costs nothing. A Secret that changes is put into the guests that name it, a guest gets its
credentials when its agent answers, and again every few minutes, because somebody inside may have changed them.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from solovirt.controllers.virtual_machine_instance import conditions, status
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.machinery.control.protocol import DONE, Recorder, Result, Source, Tools
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.runtime.protocol import GuestError, GuestId, SupportsAgent

CONDITION = "AccessCredentialsSynchronized"
_RESYNC = timedelta(minutes=5)
_RETRY = timedelta(seconds=15)
_OFFLINE = "Guest agent is offline"


class AccessCredentialsFailed(Exception):
    """They could not be put into the guest; the text goes into the instance's condition."""


@dataclass(slots=True)
class _Credentials:
    """What is to be in a guest."""

    keys: dict[str, list[str]] = field(default_factory=dict)
    """By user, the public keys; in place of all that are there."""
    passwords: dict[str, str] = field(default_factory=dict)

    def digest(self) -> str:
        return hashlib.sha256(repr((sorted(self.keys.items()), sorted(self.passwords.items()))).encode()).hexdigest()


class AccessCredentialsController:
    """See the module. Events come from *handler*, the nodes' agent."""

    name: ClassVar[str] = "access-credentials"
    resource: ClassVar[GroupResource] = core.SECRETS

    def __init__(self, tools: Tools, runtime: SupportsAgent, *, handler: Recorder) -> None:
        self._objects = tools.objects
        self._clock = tools.clock
        self._runtime = runtime
        self._handler = handler
        # Found again with every instance that is looked at.
        self._users: dict[ObjectKey, set[ObjectKey]] = {}
        # What was done and when: doing it again changes nothing, but wakes every agent.
        self._done: dict[GuestId, tuple[str, datetime]] = {}
        self.sources: Sequence[Source] = (Source(names.VIRTUAL_MACHINE_INSTANCES, self._secrets_of_instance),)

    def _secrets_of_instance(self, instance: Document) -> Iterable[ObjectKey]:
        if not instance["spec"].get("accessCredentials"):
            return ()
        metadata = instance["metadata"]
        user = ObjectKey(metadata["namespace"], metadata["name"])
        wanted = [ObjectKey(user.namespace, secret) for _, secret, _ in _by_agent(instance)]
        for secret in wanted:
            self._users.setdefault(secret, set()).add(user)
        return wanted

    async def reconcile(self, key: ObjectKey) -> Result:
        results = [await self._sync(user, key) for user in list(self._users.get(key, ()))]
        again = [result.again_after for result in results if result.again_after is not None]
        return Result(min(again)) if again else DONE

    async def _sync(self, user: ObjectKey, secret: ObjectKey) -> Result:
        instance = self._objects.get(names.VIRTUAL_MACHINE_INSTANCES, user)
        if instance is None or all(name != secret.name for _, name, _ in _by_agent(instance)):
            self._users[secret].discard(user)
            return DONE
        guest = GuestId(instance["metadata"]["uid"])
        if status.phase_of(instance) != "Running":
            self._done.pop(guest, None)
            return DONE
        if status.condition(instance, "AgentConnected") is None:
            # The instance changes when the agent comes.
            await self._report(instance, _OFFLINE)
            return DONE
        try:
            credentials = self._read(instance)
            if (left := self._left(guest, credentials)) is not None:
                return Result(left)
            await self._put(guest, credentials)
        except AccessCredentialsFailed as error:
            await self._report(instance, str(error))
            return Result(_RETRY)
        self._done[guest] = credentials.digest(), self._clock.now()
        await self._report(instance, None)
        return Result(_RESYNC)

    def _left(self, guest: GuestId, credentials: _Credentials) -> timedelta | None:
        """How long what was done last still holds; None if it has to be done now."""
        digest, when = self._done.get(guest, ("", None))
        if when is None or digest != credentials.digest():
            return None
        left = when + _RESYNC - self._clock.now()
        return left if left > timedelta(0) else None

    def _read(self, instance: Document) -> _Credentials:
        out = _Credentials()
        for kind, name, users in _by_agent(instance):
            found = self._objects.get(core.SECRETS, ObjectKey(instance["metadata"]["namespace"], name))
            if found is None:
                raise AccessCredentialsFailed(f'secrets "{name}" not found')
            data = {key: base64.b64decode(value).decode(errors="replace") for key, value in _data(found).items()}
            if kind == "sshPublicKey":
                keys = [line.strip() for _, text in sorted(data.items()) for line in text.splitlines() if line.strip()]
                for user in users:
                    out.keys.setdefault(user, []).extend(keys)
            else:
                out.passwords.update({user: password.strip() for user, password in data.items()})
        return out

    async def _put(self, guest: GuestId, credentials: _Credentials) -> None:
        for user, keys in credentials.keys.items():
            arguments: dict[str, Any] = {"username": user, "keys": keys, "reset": True}
            try:
                await self._runtime.ask_agent(guest, "guest-ssh-add-authorized-keys", arguments)
            except GuestError as error:
                text = f"Error encountered writing ssh pub key access credentials for user [{user}]: {error}"
                raise AccessCredentialsFailed(text) from error
        for user, password in credentials.passwords.items():
            encoded = base64.b64encode(password.encode()).decode()
            arguments = {"username": user, "password": encoded, "crypted": False}
            try:
                await self._runtime.ask_agent(guest, "guest-set-user-password", arguments)
            except GuestError as error:
                text = f"Error encountered setting password for user [{user}]: {error}"
                raise AccessCredentialsFailed(text) from error

    async def _report(self, instance: Document, problem: str | None) -> None:
        """Write how it went, None being well, into the instance if that is news."""
        wanted, message = ("True", "") if problem is None else ("False", problem)
        present = status.condition(instance, CONDITION) or {}
        if (present.get("status"), present.get("message", "")) == (wanted, message):
            return
        now = self._clock.now()

        def write(document: Document) -> None:
            listed = document.setdefault("status", {}).setdefault("conditions", [])
            conditions.put(listed, CONDITION, wanted, now=now, message=message)

        metadata = instance["metadata"]
        key = ObjectKey(metadata["namespace"], metadata["name"])
        await self._objects.edit(names.VIRTUAL_MACHINE_INSTANCES, key, write)
        if problem is None:
            text = "Access credentials sync successful."
            self._handler.event(instance, "Normal", "AccessCredentialsSyncSuccess", text)
        else:
            text = f"Access credentials sync failed: {problem}"
            self._handler.event(instance, "Warning", "AccessCredentialsSyncFailed", text)


def _data(secret: Document) -> Mapping[str, str]:
    return secret.get("data") or {}


def _by_agent(instance: Document) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Kind, Secret and users of each credential that the agent is to put in; passwords name their users themselves."""
    for credential in instance["spec"].get("accessCredentials") or ():
        for kind in ("sshPublicKey", "userPassword"):
            given = credential.get(kind) or {}
            method = (given.get("propagationMethod") or {}).get("qemuGuestAgent")
            name = ((given.get("source") or {}).get("secret") or {}).get("secretName")
            if method is not None and name:
                yield kind, name, method.get("users") or ()
