"""The guest's processors: `<vcpu>`, `<cpu>` and where they run."""

from __future__ import annotations

from collections.abc import Iterator

from solovirt.runtime.libvirt.capabilities import NumaNode
from solovirt.runtime.libvirt.domain import memory, topology
from solovirt.runtime.libvirt.domain.blueprint import Blueprint
from solovirt.runtime.libvirt.domain.topology import Topology
from solovirt.runtime.libvirt.domain.unsupported import Unsupported
from solovirt.runtime.libvirt.domain.xml import Xml, container, element

_MODEL = "spec.domain.cpu.model"
_DEDICATED = "spec.domain.cpu.dedicatedCpuPlacement"
_REALTIME_PRIORITY = 1


def build(blueprint: Blueprint) -> Iterator[Xml | None]:
    """Raises Unsupported for models, counts and placements that the host has not."""
    cpus = topology.of(blueprint)
    limit = blueprint.can.max_cpus
    if limit and cpus.count > limit:
        raise Unsupported("spec.domain.cpu", f"this host runs guests with {limit} virtual processors at most")
    if limit and cpus.most > limit:
        # What can be reached later is a default that nobody asked for; what is there at start is not.
        cpus = Topology(cpus.sockets, cpus.cores, cpus.threads, max(cpus.sockets, limit // (cpus.cores * cpus.threads)))
    yield from _vcpus(cpus)
    cells = (
        _cells(blueprint, cpus) if (blueprint.cpu.get("numa") or {}).get("guestMappingPassthrough") is not None else []
    )
    yield _model(blueprint, cpus, cells)
    yield _tuning(blueprint, cpus)
    yield _numa_tuning(cells)


def _vcpus(cpus: Topology) -> Iterator[Xml]:
    if cpus.most == cpus.count:
        yield element("vcpu", text=cpus.count, placement="static")
        return
    yield element("vcpu", text=cpus.most, placement="static", current=cpus.count)
    # Those of the first socket can't be taken away again, which is what makes a processor one that libvirt may start with.
    first = cpus.cores * cpus.threads
    each = (
        element("vcpu", id=number, enabled=number < cpus.count, hotpluggable=number >= first)
        for number in range(cpus.most)
    )
    yield element("vcpus", *each)


def _model(blueprint: Blueprint, cpus: Topology, cells: list[tuple[NumaNode, list[int], int]]) -> Xml:
    asked = str(blueprint.cpu.get("model") or "host-model")
    mode = {"host-model": "host-model", "host-passthrough": "host-passthrough", "max": "maximum"}.get(asked, "custom")
    if not blueprint.is_mock:
        _check_model(blueprint, asked, mode)
    shape = element("topology", sockets=cpus.max_sockets, dies=1, cores=cpus.cores, threads=cpus.threads)
    features = (
        element("feature", policy=feature.get("policy") or "require", name=feature["name"])
        for feature in blueprint.cpu.get("features") or ()
    )
    numa = container(
        "numa",
        (
            element("cell", id=index, cpus=_ranges(numbers), memory=share, unit="b")
            for index, (_, numbers, share) in enumerate(cells)
        ),
    )
    if mode == "custom":
        model = element("model", text=asked, fallback="forbid")
        return element("cpu", model, shape, *features, numa, mode=mode, match="exact", check="partial")
    return element("cpu", shape, *features, numa, mode=mode)


def _check_model(blueprint: Blueprint, asked: str, mode: str) -> None:
    can = blueprint.can
    if mode not in can.cpu_modes:
        listed = ", ".join(sorted(can.cpu_modes)) or "nothing"
        raise Unsupported(
            _MODEL,
            f"{asked} is not available to guests of type {blueprint.domain_type} on this host, which has {listed}",
        )
    if mode != "custom":
        return
    model = next((one for one in can.cpu_models if one.name == asked), None)
    if model is None:
        raise Unsupported(_MODEL, f"this host knows no CPU model {asked!r}")
    if not model.usable:
        raise Unsupported(_MODEL, f"this host lacks features that the CPU model {asked} has")


def _tuning(blueprint: Blueprint, cpus: Topology) -> Xml | None:
    cpu = blueprint.cpu
    if not cpu.get("dedicatedCpuPlacement"):
        if cpu.get("realtime") is not None or cpu.get("isolateEmulatorThread"):
            raise Unsupported(_DEDICATED, "real-time processors and an isolated emulator need dedicated ones")
        return None
    isolated = 1 if cpu.get("isolateEmulatorThread") else 0
    if len(blueprint.cpus) < cpus.count + isolated:
        raise Unsupported(
            _DEDICATED,
            f"{cpus.count + isolated} processors would have to be set aside, and this host has {len(blueprint.cpus)} to give",
        )
    pins = [element("vcpupin", vcpu=number, cpuset=blueprint.cpus[number]) for number in range(cpus.count)]
    if isolated:
        pins.append(element("emulatorpin", cpuset=blueprint.cpus[cpus.count]))
    if (realtime := cpu.get("realtime")) is not None:
        wanted = realtime.get("mask") or f"0-{cpus.count - 1}"
        pins.append(element("vcpusched", vcpus=wanted, scheduler="fifo", priority=_REALTIME_PRIORITY))
    return element("cputune", *pins)


def _cells(blueprint: Blueprint, cpus: Topology) -> list[tuple[NumaNode, list[int], int]]:
    """The host's memory zones that the guest's processors are in, with these processors and a share of the memory, in pages."""
    given = blueprint.domain.get("memory") or {}
    if not blueprint.cpu.get("dedicatedCpuPlacement") or given.get("hugepages") is None:
        raise Unsupported(
            "spec.domain.cpu.numa", "showing the host's memory zones needs dedicated processors and huge pages"
        )
    chosen = blueprint.cpus[: cpus.count]
    used = [
        (node, [number for number, physical in enumerate(chosen) if physical in node.cpus])
        for node in blueprint.host.numa
    ]
    used = [(node, numbers) for node, numbers in used if numbers]
    if sum(len(numbers) for _, numbers in used) != cpus.count:
        raise Unsupported("spec.domain.cpu.numa", "this host does not say which memory zones its processors are in")
    page = memory.page_bytes(blueprint)
    share = blueprint.memory_bytes // len(used) // page * page
    first = blueprint.memory_bytes - share * (len(used) - 1)
    return [(node, numbers, first if index == 0 else share) for index, (node, numbers) in enumerate(used)]


def _numa_tuning(cells: list[tuple[NumaNode, list[int], int]]) -> Xml | None:
    if not cells:
        return None
    nodes = ",".join(str(node.id) for node, _, _ in cells)
    each = (
        element("memnode", cellid=index, mode="strict", nodeset=node.id) for index, (node, _, _) in enumerate(cells)
    )
    return element("numatune", element("memory", mode="strict", nodeset=nodes), *each)


def _ranges(numbers: list[int]) -> str:
    return ",".join(str(number) for number in numbers)
