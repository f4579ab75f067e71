"""The whole domain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from solovirt.runtime.libvirt import identity
from solovirt.runtime.libvirt.capabilities import HostCapabilities
from solovirt.runtime.libvirt.domain import (
    channels,
    clock,
    controllers,
    cpu,
    disks,
    display,
    features,
    firmware,
    inputs,
    interfaces,
    memory,
    panic,
    refusals,
    rng,
    serial,
    sound,
    tpm,
    vsock,
    watchdog,
)
from solovirt.runtime.libvirt.domain.blueprint import Blueprint
from solovirt.runtime.libvirt.domain.iothreads import IOThreads
from solovirt.runtime.libvirt.domain.xml import Xml, element, write
from solovirt.runtime.libvirt.places import GuestPlaces
from solovirt.runtime.protocol import GuestSpec


def domain_xml(
    spec: GuestSpec, host: HostCapabilities, places: GuestPlaces, *, domain_type: str, cpus: Sequence[int] = ()
) -> str:
    """
    The libvirt domain that embodies *spec* on *host*, as XML, with its files at *places*.

    *domain_type* is libvirt's: `kvm`, `qemu` (emulated), `test`. *cpus* are processors of the host that are set aside for a guest with
    dedicated ones. Nothing of the host is touched, but for reading the block size of a volume that the guest shall see. Raises Unsupported for
    what this host can't give, and quantity.QuantityError never: admission has read all quantities.
    """
    blueprint = Blueprint(spec, host, places, domain_type, cpus)
    refusals.check(blueprint)
    firmware.check_machine(blueprint)
    threads = IOThreads(blueprint)
    devices = list(_devices(blueprint, threads))
    terminates = blueprint.domain.get("rebootPolicy") == "Terminate"
    root = element(
        "domain",
        element("name", text=identity.domain_name(spec)),
        element("uuid", text=identity.domain_uuid(spec)),
        *memory.build(blueprint),
        *cpu.build(blueprint),
        threads.element(),
        *firmware.build(blueprint),
        features.build(blueprint),
        clock.build(blueprint),
        element("on_poweroff", text="destroy"),
        element("on_reboot", text="destroy" if terminates else "restart"),
        # It ends, and its events say how: whether another begins is the control plane's decision.
        element("on_crash", text="destroy"),
        element("devices", *_emulator(blueprint), *controllers.build(blueprint, devices), *devices),
        type=domain_type,
    )
    return write(root)


def _emulator(blueprint: Blueprint) -> Iterator[Xml]:
    if blueprint.host.emulator and not blueprint.is_mock:
        yield element("emulator", text=blueprint.host.emulator)


def _devices(blueprint: Blueprint, threads: IOThreads) -> Iterator[Xml]:
    """All that the instance asks for, controllers aside."""
    yield from disks.build(blueprint, threads)
    yield from interfaces.build(blueprint)
    yield from inputs.build(blueprint)
    yield from display.build(blueprint)
    yield from sound.build(blueprint)
    single = (
        serial.build(blueprint),
        channels.agent(blueprint),
        tpm.build(blueprint),
        watchdog.build(blueprint),
        memory.balloon(blueprint),
        rng.build(blueprint),
        vsock.build(blueprint),
    )
    yield from (device for device in single if device is not None)
    yield from panic.build(blueprint)
