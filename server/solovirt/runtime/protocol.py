"""
What Solovirt asks of a hypervisor.

Plain data in, plain data out: a runtime sees neither the store nor HTTP. Commands are idempotent and return when they are
accepted; what comes of them arrives as `GuestEvent`s and shows in `list_guests`. Guests outlive the server. What a runtime may lack is
a further protocol of its own (`SupportsPause`, `SupportsConsole`), asked for with `isinstance`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType, Protocol, runtime_checkable

GuestId = NewType("GuestId", str)
"""The uid of the VirtualMachineInstance that the guest embodies: unique, and never used again."""


class GuestState(StrEnum):
    """The states of a libvirt domain that matter here."""

    DEFINED = "defined"
    """Known, not started."""
    RUNNING = "running"
    PAUSED = "paused"
    SHUTTING_DOWN = "shutting-down"
    SHUT_OFF = "shut-off"
    """Ended by itself or by an orderly shutdown."""
    CRASHED = "crashed"
    """Ended badly; `reason` says how."""
    UNKNOWN = "unknown"
    """Its node can't be reached: what it does is not known until that comes back."""


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A machine that can run guests, with what a Kubernetes Node says of it."""

    name: str
    architecture: str = "amd64"
    cpus: int = 8
    memory_bytes: int = 32 << 30
    max_guests: int = 110
    address: str = "127.0.0.1"
    kernel_version: str = ""
    os_image: str = ""
    runtime_version: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    ready: bool = True
    message: str = ""
    """Why it is not ready."""
    cpu_models: tuple[str, ...] | None = None
    """Models that guests may have; None: the usual ones of the architecture."""
    host_model: str | None = None
    """The model that a guest with the host's own gets."""
    hugepages: Mapping[int, int] = field(default_factory=dict)
    """How many huge pages there are of each size in bytes."""
    machine_id: str = ""
    devices: Mapping[str, int] | None = None
    """Devices that guests may claim, by the last part of their resource name (kvm, tun); None: as many as anybody wants."""


@dataclass(frozen=True, slots=True)
class DiskImage:
    """The bytes behind one volume of a guest: where they are is the volumes room's business."""

    volume: str
    path: str = ""
    format: str = "raw"
    read_only: bool = False
    ephemeral: bool = False
    """What the guest writes is not to reach the image, and is gone when the guest is removed: the runtime lays something over it."""
    size_bytes: int = 0
    """How large an empty one is made if there is none at `path`; 0: it has to be there."""


@dataclass(frozen=True, slots=True)
class Contents:
    """
    What an instance refers to by name, looked up for a runtime that has to show it to the guest: a runtime can't see the store.

    Nothing here is encoded any more: values of Secrets are their bytes.
    """

    files: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    """By volume, the files of configMap, secret, serviceAccount, downwardAPI and sysprep volumes. Of a cloud-init volume with Secrets, what is in
    them: `userdata` from `secretRef`, `networkdata` from `networkDataSecretRef`."""
    access_secrets: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    """By name, the Secrets that accessCredentials name: every value is one or more public keys, or a user's password."""
    kernel: str = ""
    """Path of the kernel that `firmware.kernelBoot.container` names; empty if it names none."""
    initrd: str = ""


@dataclass(frozen=True, slots=True)
class GuestSpec:
    """A guest to run: the VirtualMachineInstance as admitted, and the bytes of its volumes."""

    id: GuestId
    namespace: str
    name: str
    node: str
    instance: Mapping[str, Any]
    """The whole VirtualMachineInstance document."""
    disks: Sequence[DiskImage] = ()
    """Images of volumes that somebody else keeps: claims, DataVolumes, container disks. What the runtime makes itself is not here."""
    start_paused: bool = False
    contents: Contents = field(default_factory=Contents)


@dataclass(frozen=True, slots=True)
class GuestInterface:
    """A network interface as seen from inside or from the host."""

    name: str
    """The name in spec.domain.devices.interfaces."""
    mac: str
    addresses: tuple[str, ...] = ()
    guest_name: str = ""
    """The device's name in the guest (eth0); known to the agent only."""
    link_up: bool = True


@dataclass(frozen=True, slots=True)
class AgentInfo:
    """What the guest agent says; None in `Guest` while none answers."""

    os_name: str = ""
    os_version: str = ""
    os_version_id: str = ""
    os_pretty_name: str = ""
    os_id: str = ""
    kernel_release: str = ""
    kernel_version: str = ""
    machine: str = ""
    hostname: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class GuestSize:
    """What a guest has to work with."""

    vcpus: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class GuestDisk:
    """A disk that a guest sees."""

    volume: str
    """The name in spec.volumes. A drive without a medium is not listed."""
    target: str
    """The device's name: vda, sdb."""


@dataclass(frozen=True, slots=True)
class MemoryDump:
    """The last dump of a guest's memory; under way until it has an end."""

    file_name: str
    started_at: datetime
    ended_at: datetime | None = None
    error: str = ""
    """Why it failed; empty if it did not."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest as it is now."""

    id: GuestId
    namespace: str
    name: str
    node: str
    state: GuestState
    reason: str = ""
    since: datetime | None = None
    """When it came into this state, by the clock."""
    started_at: datetime | None = None
    """When it was first seen running since it was last booted; None if it has not run (yet)."""
    interfaces: tuple[GuestInterface, ...] = ()
    agent: AgentInfo | None = None
    machine_type: str = ""
    disks: tuple[GuestDisk, ...] = ()
    """Its disks as they are now; only a runtime that `SupportsHotplug` has to tell."""
    size: GuestSize | None = None
    """Its size as it is now; only a runtime that `SupportsLiveUpdate` has to tell."""
    memory_dump: MemoryDump | None = None
    """Only of a runtime that `SupportsMemoryDump`."""


@dataclass(frozen=True, slots=True)
class GuestEvent:
    """Something about this guest changed; look it up with `find_guest`."""

    id: GuestId
    namespace: str
    name: str


class GuestError(Exception):
    """A command that the hypervisor refused or could not carry out; the text goes into events and conditions."""


class Runtime(Protocol):
    """A hypervisor, or several under one roof."""

    async def start(self) -> None:
        """Connect. Called once, before anything else."""
        ...

    async def close(self) -> None:
        """Let go of the hypervisor; guests keep running."""
        ...

    async def nodes(self) -> Sequence[NodeInfo]:
        """The machines that guests can be placed on."""
        ...

    async def list_guests(self) -> Sequence[Guest]:
        """Every guest that this control plane ever defined and has not yet removed."""
        ...

    async def find_guest(self, guest: GuestId) -> Guest | None: ...

    async def define(self, spec: GuestSpec) -> None:
        """Make the guest known on its node. Nothing if it is known already."""
        ...

    async def boot(self, guest: GuestId) -> None:
        """
        Start a defined guest. Nothing if it runs or is about to; GuestEvent tells when it does. One that has ended begins again.

        Raises GuestError if it can't start, or there is none.
        """
        ...

    async def shut_down(self, guest: GuestId, *, grace_seconds: float) -> None:
        """
        Ask for an orderly power-off; after *grace_seconds* the guest is destroyed (and counts as crashed: `reason` destroyed).

        Asking again can only shorten the grace. A guest that does not run yet is destroyed at once; nothing if it is off or unknown.
        """
        ...

    async def destroy(self, guest: GuestId) -> None:
        """Pull the plug; the guest counts as crashed, `reason` destroyed. Nothing if it is off or unknown."""
        ...

    async def remove(self, guest: GuestId) -> None:
        """Forget a guest, destroying it first if it runs. Nothing if it is unknown."""
        ...

    def events(self) -> AsyncIterator[GuestEvent]:
        """Changes from now on, for as long as the runtime is open. Missed ones are made up for by `list_guests`."""
        ...


@runtime_checkable
class SupportsPause(Protocol):
    """Guests can be held and let go on. Both raise GuestError for a guest that is off or unknown, and do nothing if it is so already."""

    async def pause(self, guest: GuestId) -> None: ...

    async def resume(self, guest: GuestId) -> None: ...


@runtime_checkable
class SupportsReset(Protocol):
    """Guests can be rebooted, softly (through the guest) or hard. Both raise GuestError for a guest that is off or unknown."""

    async def reset(self, guest: GuestId) -> None: ...

    async def soft_reboot(self, guest: GuestId) -> None: ...


class ByteStream(Protocol):
    """A two-way stream of bytes, of which one end is the guest."""

    async def read(self) -> bytes:
        """The next bytes, as soon as there are any; empty at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Returns when there is room for more. Raises ConnectionError when the other side is gone."""
        ...

    async def close(self) -> None:
        """Let go of the stream. Nothing if it is closed already."""
        ...


@runtime_checkable
class AnnouncesNodes(Protocol):
    """Nodes come and go; without this they are looked at now and then."""

    async def wait_for_nodes(self) -> None:
        """Returns when a node has changed since the last return, or since the runtime was started."""
        ...


@runtime_checkable
class ShowsVolumes(Protocol):
    """Guests see the bytes of their volumes: specs have to say where those are, and carry what is looked up."""

    shows_volumes: bool


@runtime_checkable
class SupportsConsole(Protocol):
    """Guests have a serial console."""

    async def open_console(self, guest: GuestId) -> ByteStream:
        """
        Connect to the first serial port. One who was connected before is cut off: a serial line has one far end.

        Raises GuestError for a guest that does not run or has no serial port.
        """
        ...


@runtime_checkable
class SupportsDisplay(Protocol):
    """Guests have a graphical display."""

    async def open_display(self, guest: GuestId) -> ByteStream:
        """Connect to the display: a stream of the RFB protocol (VNC). Raises GuestError if it does not run or has none."""
        ...

    async def screenshot(self, guest: GuestId) -> bytes:
        """What the display shows, as a PNG. Raises GuestError if it does not run or has none."""
        ...


@runtime_checkable
class SupportsPorts(Protocol):
    """Ports of guests can be connected to."""

    async def open_port(self, guest: GuestId, port: int, protocol: str = "tcp") -> ByteStream:
        """
        Connect to a port of the guest's interface on the pod network.

        Raises GuestError if the guest does not run or has no such interface, ConnectionError if nobody listens.
        """
        ...


@runtime_checkable
class SupportsProbes(Protocol):
    """Guests can be asked whether they are well, as an instance's readinessProbe and livenessProbe say."""

    async def probe(self, guest: GuestId, check: Mapping[str, Any], *, timeout_seconds: float) -> str | None:
        """
        Ask once. *check* has one key: `httpGet`, `tcpSocket`, `exec` or `guestAgentPing`, with what the probe says under it.

        None if the guest is well, else why not, for an Event. Raises GuestError if it is off or unknown, which counts as not well.
        """
        ...


@runtime_checkable
class SupportsAgent(Protocol):
    """Guests may have an agent that takes commands (QEMU's guest agent)."""

    async def ask_agent(
        self, guest: GuestId, command: str, arguments: Mapping[str, Any] | None = None, *, timeout_seconds: float = 5.0
    ) -> Any:
        """
        What the agent returns for *command*: the member `return` of its answer, decoded.

        Raises GuestError if the guest does not run, no agent answers in time, or it answers with an error.
        """
        ...


@runtime_checkable
class SupportsHotplug(Protocol):
    """Disks come and go while a guest runs. `Guest.disks` shows when they have; both raise GuestError for a guest that is off or unknown."""

    async def attach(self, guest: GuestId, disk: Mapping[str, Any], image: DiskImage) -> None:
        """
        Plug *disk* (an entry of `domain.devices.disks`) in, with the bytes of *image*; or put the medium into a drive of its name.

        Nothing if it is there already. Raises GuestError if the guest can't take it.
        """
        ...

    async def detach(self, guest: GuestId, volume: str) -> None:
        """Pull the disk with this volume out, or the medium out of the drive. Nothing if it is not there."""
        ...


@runtime_checkable
class SupportsLiveUpdate(Protocol):
    """Guests grow and shrink while they run."""

    async def resize(self, guest: GuestId, size: GuestSize) -> None:
        """
        Let a running guest have so many processors and so much memory; `Guest.size` shows when it has.

        Nothing if it has. Raises GuestError if it can't take that, is off, or unknown.
        """
        ...


@runtime_checkable
class SupportsMemoryDump(Protocol):
    """The memory of a running guest can be written to a file."""

    async def dump_memory(self, guest: GuestId, image: DiskImage, file_name: str) -> None:
        """
        Begin to write the guest's memory to *file_name* on the file system of *image*; `Guest.memory_dump` shows how it goes.

        Nothing if that dump is under way or done. Raises GuestError if the guest is off or unknown, or it can't be done.
        """
        ...


@runtime_checkable
class SupportsInterfaceHotplug(Protocol):
    """Network interfaces come and go while a guest runs."""

    async def set_interfaces(self, guest: GuestId, instance: Mapping[str, Any]) -> None:
        """
        Let a running guest have the interfaces of *instance* that are not absent, with their links up or down; `Guest.interfaces` shows them.

        Those that it has stay as they are. Raises GuestError if it can't be done, or the guest is off or unknown.
        """
        ...
