"""
console, vnc, vnc/screenshot, portforward, usbredir and vsock (reference kubevirt-subresources.md 4 and 5).

The guest is connected to first and the client's connection upgraded afterwards, so whatever fails is an ordinary HTTP answer.
"""

from __future__ import annotations

from typing import Any

from solovirt.machinery.errors import BadRequest, InternalError, StatusError
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document
from solovirt.machinery.verbs.protocol import Answer, SubresourceRequest
from solovirt.runtime.protocol import (
    ByteStream,
    GuestError,
    GuestId,
    Runtime,
    SupportsConsole,
    SupportsDisplay,
    SupportsPorts,
)
from solovirt.subresources.guest_agent import plain
from solovirt.subresources.instances import (
    INSTANCES,
    MACHINES,
    Instances,
    conflict,
    devices,
    guest_of,
    has_condition,
    phase,
    refused_by_node,
    require_node,
)
from solovirt.subresources.streams import Streams

_TRUE = ("1", "t", "T", "TRUE", "true", "True")
"""What Go reads as true."""
_PROTOCOLS = ("tcp", "udp")
_MOST_PORT = 65535


def install(registry: Registry, instances: Instances, runtime: Runtime, streams: Streams) -> None:
    """Answer all of them from now on."""
    connections = _Connections(instances, runtime, streams)
    registry.handle(INSTANCES, "console", connections.console)
    registry.handle(INSTANCES, "vnc", connections.vnc)
    registry.handle(INSTANCES, "vnc/screenshot", connections.screenshot)
    registry.handle(INSTANCES, "portforward", connections.forward_to_instance)
    registry.handle(MACHINES, "portforward", connections.forward_to_machine)
    registry.handle(INSTANCES, "usbredir", connections.usb)
    registry.handle(INSTANCES, "vsock", connections.vsock)


class _Connections:
    def __init__(self, instances: Instances, runtime: Runtime, streams: Streams) -> None:
        self._instances = instances
        self._runtime = runtime
        self._streams = streams

    # -- the serial console

    async def console(self, request: SubresourceRequest) -> Any:
        """Raises NotFound, BadRequest (which clients take as: try again), Conflict and InternalError."""
        instance = self._instances.instance(request.target.key)
        if devices(instance).get("autoattachSerialConsole") is False:
            raise BadRequest("No serial consoles are present.")
        if phase(instance) == "Failed":
            raise conflict(instance, "VMI is in failed status")
        if phase(instance) != "Running":
            raise BadRequest("VMI is not running")
        if not isinstance(self._runtime, SupportsConsole):
            raise refused_by_node("this runtime has no consoles")
        guest = guest_of(instance)
        async with self._streams.taking(("console", guest)):
            try:
                stream = await self._runtime.open_console(guest)
            except (GuestError, OSError) as error:
                raise refused_by_node(error) from error
            session = self._streams.begin(request.http, guest, stream, line=("console", guest))
        return await self._streams.serve(session)

    # -- the display

    async def vnc(self, request: SubresourceRequest) -> Any:
        """Raises NotFound, BadRequest and InternalError."""
        instance = self._instances.instance(request.target.key)
        _require_display(instance)
        display, guest = self._display(), guest_of(instance)
        if request.http.query.get("preserveSession") in _TRUE and self._streams.is_open(("vnc", guest)):
            text = "Active VNC connection. Request denied."
            raise InternalError.of(f"unexpected return code 503 (503 Service Unavailable), message: {text}")
        async with self._streams.taking(("vnc", guest)):
            try:
                stream = await display.open_display(guest)
            except (GuestError, OSError) as error:
                raise refused_by_node(error) from error
            session = self._streams.begin(request.http, guest, stream, line=("vnc", guest))
        return await self._streams.serve(session)

    async def screenshot(self, request: SubresourceRequest) -> Answer:
        """A PNG; refusals are plain text."""
        try:
            instance = self._instances.instance(request.target.key)
            _require_display(instance)
            try:
                picture = await self._display().screenshot(guest_of(instance))
            except (GuestError, OSError) as error:
                raise refused_by_node(error) from error
        except StatusError as error:
            return plain(error)
        return Answer(200, picture, "image/png")

    def _display(self) -> SupportsDisplay:
        if not isinstance(self._runtime, SupportsDisplay):
            raise refused_by_node("this runtime has no displays")
        return self._runtime

    # -- ports

    async def forward_to_instance(self, request: SubresourceRequest) -> Any:
        """Raises NotFound, Conflict, BadRequest and InternalError."""
        return await self._forward(request, self._instances.instance(request.target.key))

    async def forward_to_machine(self, request: SubresourceRequest) -> Any:
        """Raises NotFound, Conflict, BadRequest and InternalError."""
        return await self._forward(request, self._instances.instance_of_machine(request.target.key))

    async def _forward(self, request: SubresourceRequest, instance: Document) -> Any:
        if has_condition(instance, "Paused"):
            raise conflict(instance, "VMI is paused")
        if not ((instance.get("status") or {}).get("interfaces") or ()):
            raise BadRequest("no network interfaces are present")
        port, protocol = _port(request)
        guest = guest_of(instance)
        stream = await self._dial(guest, port, protocol)
        session = self._streams.begin(request.http, guest, stream, keep_alive=True)
        return await self._streams.serve(session)

    async def _dial(self, guest: GuestId, port: str, protocol: str) -> ByteStream:
        if protocol not in _PROTOCOLS:
            raise InternalError.of(f"dialing VM: dial {protocol}: unknown network {protocol}")
        if not port.isdecimal() or not 0 < int(port) <= _MOST_PORT:
            raise InternalError.of(f"dialing VM: dial {protocol}: address {port}: invalid port")
        if not isinstance(self._runtime, SupportsPorts):
            raise InternalError.of("dialing VM: this runtime can't connect to guests' ports")
        try:
            return await self._runtime.open_port(guest, int(port), protocol)
        except (GuestError, OSError) as error:
            raise InternalError.of(f"dialing VM: {error}") from error

    # -- what no runtime has yet

    async def usb(self, request: SubresourceRequest) -> Any:
        """Raises NotFound, Conflict, BadRequest; InternalError where all would be well, because no runtime passes USB devices on."""
        instance = self._instances.instance(request.target.key)
        if instance["spec"].get("architecture") == "s390x":
            raise conflict(instance, "No USB support on s390x")
        if devices(instance).get("clientPassthrough") is None:
            raise conflict(instance, "Not configured with USB Redirection")
        if phase(instance) != "Running":
            raise BadRequest("VMI is not running")
        raise refused_by_node("this runtime passes no USB devices on")

    async def vsock(self, request: SubresourceRequest) -> Any:
        """Raises NotFound and BadRequest; InternalError where all would be well, because no runtime connects to VSOCK ports."""
        instance = self._instances.instance(request.target.key)
        if not devices(instance).get("autoattachVSOCK"):
            raise BadRequest("VSOCK is not attached.")
        require_node(instance)
        raise refused_by_node("this runtime can't connect to VSOCK ports")


def _require_display(instance: Document) -> None:
    if devices(instance).get("autoattachGraphicsDevice") is False:
        raise BadRequest("No graphics devices are present.")
    if phase(instance) != "Running":
        raise BadRequest("VMI is not running")


def _port(request: SubresourceRequest) -> tuple[str, str]:
    """Port and protocol, from what comes after `portforward` in the path. Raises BadRequest if nothing does."""
    rest = request.http.path.rpartition("/portforward")[2].strip("/").split("/")
    if not rest[0] or len(rest) > 2:
        raise BadRequest("port must not be empty")
    return rest[0], rest[1] if len(rest) > 1 else "tcp"
