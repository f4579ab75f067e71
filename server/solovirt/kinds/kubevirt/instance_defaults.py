"""
The defaults that KubeVirt's mutating webhook writes into an instance (reference kubevirt-vm.md 6.2 and 6.3).

`default_spec` works on any instance spec, so that a virtual machine's template can be checked as the instance it will become. Most
steps look at what earlier ones wrote, so their order is KubeVirt's.
"""

from __future__ import annotations

from typing import Any

from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.kinds.kubevirt.rules import creation, disks
from solovirt.machinery import quantity
from solovirt.machinery.uids import random_uid

Spec = dict[str, Any]

_MOST_VCPUS = 512
_HOTPLUG_ALIGNMENT = 2 << 20
_SMALLEST_HOTPLUG_GUEST = 1 << 30
_NONEMPTY_CPU_REQUEST = "100m"
_SPINLOCK_RETRIES = 4096
_PROBE_DEFAULTS = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


def default_spec(spec: Spec, *, cluster: Cluster = STANDARD, random_uuid: bool = True) -> None:
    """
    Write all defaults into *spec*, in place; what is set stays.

    With *random_uuid* an empty firmware uuid gets a fresh one (an instance that is created); a template that is only checked needs none.
    """
    default_template(spec, cluster=cluster)
    domain: Spec = spec["domain"]
    devices: Spec = domain["devices"]
    architecture = spec["architecture"]
    cpu = domain["cpu"]
    for part in ("cores", "sockets", "threads"):
        # What is given keeps its meaning; the others count as one.
        cpu[part] = cpu.get(part) or 1
    _default_disk_targets(devices, architecture)
    if random_uuid:
        firmware = domain.setdefault("firmware", {})
        firmware["uuid"] = firmware.get("uuid") or random_uid()
    _default_features(domain)
    _default_inputs(devices)
    _default_probes(spec)
    _default_watchdog(devices, architecture)
    cpu["model"] = cpu.get("model") or cluster.cpu_model or _cpu_model(architecture)
    if architecture == "arm64":
        _default_bootloader(domain)
    if cluster.live_update:
        _default_max_sockets(domain, architecture, cluster)
        _default_max_guest(domain, architecture, cluster)


def default_template(spec: Spec, *, cluster: Cluster = STANDARD) -> None:
    """
    Write those defaults into *spec*, in place, that a machine's template gets too where it is expanded.

    They are what an instance's size and place follow from; what is left to `default_spec` is how its devices look.
    """
    domain: Spec = spec.setdefault("domain", {})
    domain.setdefault("devices", {})
    architecture = spec["architecture"] = spec.get("architecture") or cluster.architecture
    machine = domain.setdefault("machine", {})
    machine["type"] = machine.get("type") or cluster.machine_type(architecture)
    _default_cpu_request(domain, cluster)
    _default_guest_memory(domain)
    _default_topology(domain)
    _default_pull_policies(spec)
    if spec.get("evictionStrategy") is None:
        spec["evictionStrategy"] = cluster.eviction_strategy
    default_network(spec, cluster=cluster)
    default_volume_disks(spec)


def pull_policy(image: str) -> str:
    """`Always` for an image that may change behind its name, else `IfNotPresent`."""
    if "@" in image:
        return "IfNotPresent"
    _, _, tag = image.rsplit("/", 1)[-1].partition(":")
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def default_network(spec: Spec, *, cluster: Cluster = STANDARD) -> None:
    """Add the pod network and an interface on it if there is neither network nor interface (reference 6.3)."""
    devices: Spec = spec.setdefault("domain", {}).setdefault("devices", {})
    if spec.get("networks") or devices.get("interfaces") or devices.get("autoattachPodInterface") is False:
        return
    devices["interfaces"] = [{"name": "default", cluster.network_interface: {}}]
    spec["networks"] = [{"name": "default", "pod": {}}]


def _default_pull_policies(spec: Spec) -> None:
    for volume in spec.get("volumes") or ():
        if (image := volume.get("containerDisk")) is not None and not image.get("imagePullPolicy"):
            image["imagePullPolicy"] = pull_policy(image.get("image") or "")


def _default_inputs(devices: Spec) -> None:
    for device in devices.get("inputs") or ():
        device["bus"] = device.get("bus") or "usb"
        device["type"] = device.get("type") or "tablet"


def _default_probes(spec: Spec) -> None:
    for probe in ("livenessProbe", "readinessProbe"):
        if (details := spec.get(probe)) is not None:
            details.update({key: value for key, value in _PROBE_DEFAULTS.items() if (details.get(key) or 0) < 1})


def _cpu_model(architecture: str) -> str:
    return "host-passthrough" if architecture == "arm64" else "host-model"


def _default_bootloader(domain: Spec) -> None:
    bootloader = domain.setdefault("firmware", {}).setdefault("bootloader", {})
    if not bootloader:
        bootloader["efi"] = {"secureBoot": False}


def _default_cpu_request(domain: Spec, cluster: Cluster) -> None:
    resources = domain.get("resources") or {}
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    if requests.get("cpu") is not None:
        return
    request = limits.get("cpu")
    if request is None and cluster.cpu_request not in ("", _NONEMPTY_CPU_REQUEST):
        request = cluster.cpu_request
    if request is not None:
        domain["resources"] = {**resources, "requests": {**requests, "cpu": request}}


def _default_guest_memory(domain: Spec) -> None:
    memory, resources = domain.get("memory") or {}, domain.get("resources") or {}
    if memory.get("guest") is not None:
        return
    guest = (
        (resources.get("requests") or {}).get("memory")
        or (resources.get("limits") or {}).get("memory")
        or (memory.get("hugepages") or {}).get("pageSize")
    )
    if guest is not None:
        domain["memory"] = {**memory, "guest": guest}


def _default_topology(domain: Spec) -> None:
    cpu: Spec = domain.setdefault("cpu", {})
    if any(cpu.get(part) for part in ("cores", "sockets", "threads")):
        return
    resources = domain.get("resources") or {}
    limit = quantity.whole((resources.get("limits") or {}).get("cpu"))
    request = quantity.whole((resources.get("requests") or {}).get("cpu"))
    cpu.update(cores=1, sockets=max(limit or request, 1), threads=1)


def default_volume_disks(spec: Spec) -> None:
    """Add a disk for each volume that neither a disk nor a filesystem has the name of."""
    devices: Spec = spec.setdefault("domain", {}).setdefault("devices", {})
    listed: list[Spec] = devices.get("disks") or []
    named = {one.get("name") for one in [*listed, *(devices.get("filesystems") or ())]}
    added = [
        {"name": volume["name"]}
        for volume in spec.get("volumes") or ()
        if volume.get("name") not in named and volume.get("memoryDump") is None and volume.get("containerPath") is None
    ]
    if added:
        devices["disks"] = listed + added


def _default_disk_targets(devices: Spec, architecture: str) -> None:
    for disk in devices.get("disks") or ():
        kind, details = disks.target(disk)
        details = dict(details)
        if not details.get("bus"):
            details["bus"] = "sata" if architecture == "amd64" else "virtio"
        if kind == "cdrom":
            details.setdefault("readonly", True)
            details.setdefault("tray", "closed")
        disk[kind] = details


def _default_features(domain: Spec) -> None:
    features: Spec = domain.get("features") or {}
    features.setdefault("acpi", {})
    for name, feature in features.items():
        if name == "kvm" or not isinstance(feature, dict):
            continue
        if name == "hyperv":
            _default_hyperv(feature)
        else:
            feature.setdefault("enabled", True)
    domain["features"] = features


def _default_hyperv(hyperv: Spec) -> None:
    # Needs of needs: synictimer wants synic, which wants vpindex.
    wanted = [feature for feature in hyperv if _on(hyperv[feature])]
    while wanted:
        need = creation.HYPERV_NEEDS.get(wanted.pop())
        if need is not None and hyperv.get(need) is None:
            hyperv[need] = {"enabled": True}
            wanted.append(need)
    for name, feature in hyperv.items():
        feature.setdefault("enabled", True)
        if name == "spinlocks" and feature["enabled"] and feature.get("spinlocks") is None:
            feature["spinlocks"] = _SPINLOCK_RETRIES


def _on(feature: Any) -> bool:
    return isinstance(feature, dict) and feature.get("enabled", True)


def _default_watchdog(devices: Spec, architecture: str) -> None:
    watchdog = devices.get("watchdog")
    if watchdog is None:
        return
    if architecture == "amd64" and watchdog.get("diag288") is None:
        watchdog.setdefault("i6300esb", {}).setdefault("action", "reset")
    elif architecture == "s390x" and watchdog.get("i6300esb") is None:
        watchdog.setdefault("diag288", {}).setdefault("action", "reset")


def _default_max_sockets(domain: Spec, architecture: str, cluster: Cluster) -> None:
    cpu = domain["cpu"]
    if architecture == "arm64" or cpu.get("maxSockets"):
        return
    sockets, per_socket = cpu["sockets"], cpu["cores"] * cpu["threads"]
    if cluster.max_cpu_sockets:
        most = max(cluster.max_cpu_sockets, sockets)
    else:
        most = sockets * cluster.max_hotplug_ratio
        if most * per_socket > _MOST_VCPUS:
            most = max(_MOST_VCPUS // per_socket, sockets)
    cpu["maxSockets"] = most


def _default_max_guest(domain: Spec, architecture: str, cluster: Cluster) -> None:
    """Only where memory can be plugged in at all (reference 8, last line)."""
    memory = domain.get("memory") or {}
    guest = quantity.number(memory.get("guest"))
    cpu = domain["cpu"]
    numa = cpu.get("numa") or {}
    page = quantity.whole((memory.get("hugepages") or {}).get("pageSize"))
    alignment = page if page == _SMALLEST_HOTPLUG_GUEST else _HOTPLUG_ALIGNMENT
    most = quantity.number(cluster.max_guest) if cluster.max_guest else guest * cluster.max_hotplug_ratio
    impossible = (
        memory.get("maxGuest") is not None,
        architecture != "amd64",
        guest < _SMALLEST_HOTPLUG_GUEST,
        bool(guest % alignment),
        bool(most % alignment),
        guest > most,
        cpu.get("realtime") is not None,
        numa.get("guestMappingPassthrough") is not None,
        domain.get("launchSecurity") is not None,
    )
    if not any(impossible):
        memory["maxGuest"] = cluster.max_guest or quantity.binary_text(int(most))
        domain["memory"] = memory
