"""
pause, unpause, reset and softreboot of an instance (reference kubevirt-subresources.md 4).

The guest is told; what becomes of it shows in the instance's status when the runtime says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from solovirt.machinery.control.protocol import Recorder
from solovirt.machinery.errors import Conflict, Forbidden, StatusError
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document
from solovirt.machinery.verbs.protocol import Answer, SubresourceRequest
from solovirt.runtime.protocol import GuestError, GuestId, Runtime, SupportsPause, SupportsReset
from solovirt.subresources import options as bodies
from solovirt.subresources.instances import (
    INSTANCE,
    INSTANCES,
    MACHINE,
    Instances,
    conflict,
    guest_of,
    has_condition,
    phase,
    refused_by_node,
    require_node,
)

DONE = Answer(200)


def install(registry: Registry, instances: Instances, runtime: Runtime, recorder: Callable[[], Recorder]) -> None:
    """Answer all four from now on; *recorder* speaks as the node's agent."""
    commands = _Commands(instances, runtime, recorder)
    registry.handle(INSTANCES, "pause", commands.pause)
    registry.handle(INSTANCES, "unpause", commands.unpause)
    registry.handle(INSTANCES, "reset", commands.reset)
    registry.handle(INSTANCES, "softreboot", commands.soft_reboot)


class _Commands:
    def __init__(self, instances: Instances, runtime: Runtime, recorder: Callable[[], Recorder]) -> None:
        self._instances = instances
        self._runtime = runtime
        self._recorder = recorder

    async def pause(self, request: SubresourceRequest) -> Answer:
        """Raises NotFound, Conflict and Forbidden."""
        dry_run = await _dry_run(request, "PauseOptions")
        instance = self._instances.instance(request.target.key)
        if phase(instance) != "Running":
            raise conflict(instance, "VM is not running")
        probe = instance["spec"].get("livenessProbe")
        if probe is not None and probe.get("guestAgentPing") is None:
            why = "Pausing VMIs with a non-GuestAgentPing LivenessProbe is not supported"
            raise Forbidden.of(INSTANCE, request.target.name, why)
        if has_condition(instance, "Paused"):
            raise conflict(instance, "VMI is already paused")
        if not dry_run:
            await self._tell(instance, self._pausing().pause, "Paused", "paused")
        return DONE

    async def unpause(self, request: SubresourceRequest) -> Answer:
        """Raises NotFound and Conflict."""
        key = request.target.key
        machine = self._instances.machine(key)
        if machine is not None and (machine.get("status") or {}).get("snapshotInProgress") is not None:
            raise Conflict.of(MACHINE, key.name, "VM snapshot is in progress")
        dry_run = await _dry_run(request, "UnpauseOptions")
        instance = self._instances.instance(key)
        if phase(instance) != "Running":
            raise conflict(instance, "VMI is not running")
        if not has_condition(instance, "Paused"):
            raise conflict(instance, "VMI is not paused")
        if not dry_run:
            await self._tell(instance, self._pausing().resume, "Unpaused", "unpaused")
        return DONE

    async def reset(self, request: SubresourceRequest) -> Answer:
        """Raises NotFound, BadRequest and InternalError."""
        instance = self._instances.instance(request.target.key)
        try:
            require_node(instance)
            await self._tell(instance, self._resetting().reset, "Reset", "reset")
        except StatusError as error:
            if (now := phase(instance)) != "Running":
                # virt-api puts its explanation before the message and leaves the rest of the Status as it is.
                text = f"Failed to reset non-running VMI with phase {now}: {error.message}"
                raise type(error)(text, details=error.details) from error
            raise
        return DONE

    async def soft_reboot(self, request: SubresourceRequest) -> Answer:
        """Raises NotFound and Conflict."""
        instance = self._instances.instance(request.target.key)
        if phase(instance) != "Running":
            raise conflict(instance, "VM is not running")
        if has_condition(instance, "Paused", true=True):
            raise conflict(instance, "VMI is paused")
        acpi = (instance["spec"]["domain"].get("features") or {}).get("acpi") or {}
        if not has_condition(instance, "AgentConnected") and acpi.get("enabled") is False:
            raise conflict(instance, "VMI neither have the agent connected nor the ACPI feature enabled")
        await self._tell(instance, self._resetting().soft_reboot, "SoftRebooted", "soft rebooted")
        return DONE

    async def _tell(
        self, instance: Document, command: Callable[[GuestId], Awaitable[Any]], reason: str, done: str
    ) -> None:
        try:
            await command(guest_of(instance))
        except GuestError as error:
            raise refused_by_node(error) from error
        self._recorder().event(instance, "Normal", reason, f"VirtualMachineInstance {done}")

    def _pausing(self) -> SupportsPause:
        if not isinstance(self._runtime, SupportsPause):
            raise refused_by_node("this runtime can't pause guests")
        return self._runtime

    def _resetting(self) -> SupportsReset:
        if not isinstance(self._runtime, SupportsReset):
            raise refused_by_node("this runtime can't reset guests")
        return self._runtime


async def _dry_run(request: SubresourceRequest, struct: str) -> bool:
    # virt-api looks at the first of them alone.
    asked: list[str] = (await bodies.options(request, struct)).get("dryRun") or []
    return asked[:1] == ["All"]
