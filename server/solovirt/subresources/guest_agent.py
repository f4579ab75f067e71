"""
What the agent in a guest says, and what it does to file systems: guestosinfo, userlist, filesystemlist, freeze and unfreeze (reference
kubevirt-subresources.md 4).

The three that tell refuse everything with a 500 in plain text, as virt-api does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from solovirt.machinery.errors import StatusError
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document
from solovirt.machinery.verbs.protocol import Answer, SubresourceRequest
from solovirt.runtime.protocol import GuestError, GuestId, Runtime, SupportsAgent
from solovirt.subresources import options as bodies
from solovirt.subresources.freezes import BadDuration, Freezes, duration
from solovirt.subresources.guest_commands import DONE
from solovirt.subresources.instances import (
    INSTANCES,
    Instances,
    conflict,
    guest_of,
    has_condition,
    phase,
    refused_by_node,
)

_OS = {
    "name": "name",
    "kernel-release": "kernelRelease",
    "version": "version",
    "pretty-name": "prettyName",
    "version-id": "versionId",
    "kernel-version": "kernelVersion",
    "machine": "machine",
    "id": "id",
}
"""The agent's names of what it knows of the operating system → KubeVirt's."""
_NO_TIMEOUT = "unfreeze timeout is required"


def install(registry: Registry, instances: Instances, runtime: Runtime, freezes: Freezes) -> None:
    """Answer all five from now on."""
    agents = _Agents(instances, runtime, freezes)
    registry.handle(INSTANCES, "guestosinfo", agents.info)
    registry.handle(INSTANCES, "userlist", agents.users)
    registry.handle(INSTANCES, "filesystemlist", agents.file_systems)
    registry.handle(INSTANCES, "freeze", agents.freeze)
    registry.handle(INSTANCES, "unfreeze", agents.unfreeze)


def plain(error: StatusError) -> Answer:
    """How virt-api words every refusal of a GET that is passed on to the node."""
    return Answer(500, error.message.encode(), "text/plain; charset=utf-8")


class _Agents:
    def __init__(self, instances: Instances, runtime: Runtime, freezes: Freezes) -> None:
        self._instances = instances
        self._runtime = runtime
        self._freezes = freezes

    # -- what it tells

    async def info(self, request: SubresourceRequest) -> Answer | Document:
        return await self._told(request, self._info)

    async def users(self, request: SubresourceRequest) -> Answer | Document:
        async def users(guest: GuestId) -> Document:
            return {"metadata": {}, "items": _users(await self._ask(guest, "guest-get-users"))}

        return await self._told(request, users)

    async def file_systems(self, request: SubresourceRequest) -> Answer | Document:
        async def file_systems(guest: GuestId) -> Document:
            return {"metadata": {}, "items": _file_systems(await self._ask(guest, "guest-get-fsinfo"))}

        return await self._told(request, file_systems)

    async def _told(
        self, request: SubresourceRequest, tell: Callable[[GuestId], Awaitable[Document]]
    ) -> Answer | Document:
        try:
            instance = self._instances.instance(request.target.key)
            if phase(instance) != "Running":
                raise conflict(instance, "VMI is not running")
            if not has_condition(instance, "AgentConnected"):
                raise conflict(instance, "VMI does not have guest agent connected")
            return await tell(guest_of(instance))
        except StatusError as error:
            return plain(error)

    async def _info(self, guest: GuestId) -> Document:
        about: Mapping[str, Any] = await self._ask(guest, "guest-info")
        commands: Sequence[Mapping[str, Any]] = about.get("supported_commands") or ()
        # An agent that lacks a command is an old one: what it can't tell is left out.
        able = {str(command["name"]) for command in commands if command.get("enabled")}

        async def ask(command: str) -> Any:
            return await self._ask(guest, command) if command in able else None

        system: Mapping[str, Any] = await ask("guest-get-osinfo") or {}
        zone: Mapping[str, Any] = await ask("guest-get-timezone") or {}
        host: Mapping[str, Any] = await ask("guest-get-host-name") or {}
        told: Document = {
            "guestAgentVersion": about.get("version"),
            "supportedCommands": [
                {"name": command["name"], "enabled": bool(command.get("enabled"))} for command in commands
            ],
            "hostname": host.get("host-name"),
            "os": {ours: system[theirs] for theirs, ours in _OS.items() if system.get(theirs)},
            "timezone": f"{zone['zone']}, {zone.get('offset', 0)}" if zone.get("zone") else "",
            "userList": _users(await ask("guest-get-users") or ()),
            "fsInfo": {"disks": _file_systems(await ask("guest-get-fsinfo") or ())},
            "fsFreezeStatus": await ask("guest-fsfreeze-status"),
        }
        return {key: value for key, value in told.items() if value or key in ("os", "fsInfo")}

    # -- what it does

    async def freeze(self, request: SubresourceRequest) -> Answer:
        """Raises NotFound, Conflict and InternalError."""
        instance = self._instances.instance(request.target.key)
        if phase(instance) != "Running":
            raise conflict(instance, "VM is not running")
        given = (await bodies.body(request) or {}).get("unfreezeTimeout")
        if given is None:
            raise refused_by_node(_NO_TIMEOUT)
        try:
            seconds = duration(given)
        except BadDuration as error:
            raise refused_by_node(error) from error
        await self._ask(guest_of(instance), "guest-fsfreeze-freeze")
        await self._freezes.frozen(instance, seconds)
        return DONE

    async def unfreeze(self, request: SubresourceRequest) -> Answer:
        """Raises NotFound, Conflict and InternalError."""
        instance = self._instances.instance(request.target.key)
        if phase(instance) != "Running":
            raise conflict(instance, "VMI is not running")
        await self._ask(guest_of(instance), "guest-fsfreeze-thaw")
        await self._freezes.thawed(instance)
        return DONE

    async def _ask(self, guest: GuestId, command: str) -> Any:
        if not isinstance(self._runtime, SupportsAgent):
            raise refused_by_node("this runtime can't speak to guest agents")
        try:
            return await self._runtime.ask_agent(guest, command)
        except GuestError as error:
            raise refused_by_node(error) from error


def _users(told: Sequence[Mapping[str, Any]]) -> list[Document]:
    users = []
    for user in told:
        one = {"userName": user["user"], "domain": user.get("domain"), "loginTime": user.get("login-time")}
        users.append({key: value for key, value in one.items() if value is not None})
    return users


def _file_systems(told: Sequence[Mapping[str, Any]]) -> list[Document]:
    return [
        {
            "diskName": system["name"],
            "mountPoint": system["mountpoint"],
            "fileSystemType": system["type"],
            "usedBytes": system.get("used-bytes", 0),
            "totalBytes": system.get("total-bytes", 0),
            "disk": [
                {
                    key: value
                    for key, value in (("serial", disk.get("serial")), ("busType", disk.get("bus-type")))
                    if value
                }
                for disk in system.get("disk") or ()
            ],
        }
        for system in told
    ]
