"""Metrics about VirtualMachines: names, labels and help as in KubeVirt 1.9 (docs/observability/metrics.md there)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from solovirt.controllers.metrics.lookup import Snapshot
from solovirt.controllers.metrics.networks import interfaces
from solovirt.controllers.virtual_machine_instance import sizes
from solovirt.kinds.core import names as core
from solovirt.kinds.instancetype import expansion
from solovirt.kinds.instancetype import names as instancetype
from solovirt.kinds.instancetype.application import Conflicts
from solovirt.kinds.instancetype.finding import CannotFind
from solovirt.kinds.kubevirt import names
from solovirt.machinery import quantity
from solovirt.machinery.clock import parse_timestamp
from solovirt.machinery.exposition import Family
from solovirt.machinery.resource import Document, ObjectKey

_GROUPS = {
    "starting": ("Provisioning", "Starting", "WaitingForVolumeBinding"),
    "running": ("Running",),
    "migrating": ("Migrating",),
    "non_running": ("Stopped", "Paused", "Stopping", "Terminating"),
    "error": (
        "CrashLoopBackOff",
        "Unknown",
        "ErrorUnschedulable",
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrorPvcNotFound",
        "DataVolumeError",
    ),
}
_GROUP_OF = {word: group for group, words in _GROUPS.items() for word in words}
_TOLD_AS = {
    "starting": "starting",
    "running": "running",
    "migrating": "migrating",
    "non_running": "paused/stopped",
    "error": "error",
}
_CONDITIONS_OF_TRANSITIONS = ("Ready", "Failure", "Paused")
_NOT_YET = -1
ANNOTATIONS = ("os", "workload", "flavor")
"""What users' annotations `vm.kubevirt.io/…` say of a machine."""


def said_by_annotations(annotations: Mapping[str, str] | None) -> list[str]:
    """The values of the labels that `ANNOTATIONS` names."""
    return [(annotations or {}).get(f"vm.kubevirt.io/{one}", "") for one in ANNOTATIONS]


class _Families:
    def __init__(self) -> None:
        at = ("name", "namespace")
        self.info = Family(
            "kubevirt_vm_info",
            "Information about Virtual Machines.",
            (*at, *ANNOTATIONS, "machine_type", "instance_type", "preference", "status", "status_group"),
        )
        self.transitions = {
            group: Family(
                f"kubevirt_vm_{group}_status_last_transition_timestamp_seconds",
                f"Virtual Machine last transition timestamp to {told} status.",
                at,
                type="counter",
            )
            for group, told in _TOLD_AS.items()
        }
        self.created = Family("kubevirt_vm_create_date_timestamp_seconds", "Virtual Machine creation timestamp.", at)
        self.requests = Family(
            "kubevirt_vm_resource_requests",
            "Resources requested by Virtual Machine. Reports memory and CPU requests.",
            (*at, "resource", "unit", "source"),
        )
        self.limits = Family(
            "kubevirt_vm_resource_limits",
            "Resource limits set for a Virtual Machine. Reports CPU and memory limits only when they are defined.",
            (*at, "resource", "unit"),
        )
        self.nics = Family(
            "kubevirt_vm_vnic_info",
            "Details of Virtual Machine (VM) vNIC interfaces, such as vNIC name, binding type, network name, "
            "and binding name for each vNIC defined in the VM's configuration.",
            (*at, "vnic_name", "binding_type", "network", "binding_name", "model"),
        )
        self.disks = Family(
            "kubevirt_vm_disk_allocated_size_bytes",
            "Allocated disk size of a Virtual Machine in bytes, based on its PersistentVolumeClaim. Includes "
            "persistentvolumeclaim (PVC name), volume_mode (disk presentation mode: Filesystem or Block), and device "
            "(disk name).",
            (*at, "persistentvolumeclaim", "volume_mode", "device"),
        )
        self.sum = Family("namespace:kubevirt_vm:sum", "The number of VMs in the cluster by namespace.", ("namespace",))
        self.number = Family(
            "kubevirt_number_of_vms", "[Deprecated] Replaced by namespace:kubevirt_vm:sum.", ("namespace",)
        )

    def all(self) -> Iterator[Family]:
        yield self.info
        yield from self.transitions.values()
        yield from (self.created, self.requests, self.limits, self.nics, self.disks, self.sum, self.number)


def families(snapshot: Snapshot) -> Iterator[Family]:
    out = _Families()
    numbers: Counter[str] = Counter()
    for vm in snapshot.documents(names.VIRTUAL_MACHINES):
        at = (vm["metadata"]["name"], vm["metadata"]["namespace"])
        numbers[at[1]] += 1
        _tell_status(out, at, vm, snapshot)
        _tell_resources(out, at, _applied(vm, snapshot))
        template = vm["spec"]["template"]["spec"]
        for nic in interfaces(template):
            out.nics.add((*at, *nic), 1)
        _tell_disks(out, at, vm, snapshot)
    for namespace, number in numbers.items():
        out.sum.add((namespace,), number)
        out.number.add((namespace,), number)
    yield from out.all()


def _tell_status(out: _Families, at: tuple[str, str], vm: Document, snapshot: Snapshot) -> None:
    spec, status = vm["spec"], vm.get("status") or {}
    template = spec["template"]
    word = status.get("printableStatus") or ""
    group = _GROUP_OF.get(word)
    machine = ((template.get("spec") or {}).get("domain") or {}).get("machine") or {}
    out.info.add(
        (
            *at,
            *said_by_annotations((template.get("metadata") or {}).get("annotations")),
            machine.get("type") or "",
            _matched(spec.get("instancetype"), at[1], snapshot, instancetype.INSTANCETYPES, instancetype.CLUSTER_INSTANCETYPES),
            _matched(spec.get("preference"), at[1], snapshot, instancetype.PREFERENCES, instancetype.CLUSTER_PREFERENCES),
            word.lower(),
            group or "<unknown>",
        ),
        1,
    )  # fmt: skip
    since = _last_transition(status)
    for one, family in out.transitions.items():
        # What has no group is an error, as far as these are concerned.
        family.add(at, since if one == (group or "error") else 0)
    if created := vm["metadata"].get("creationTimestamp"):
        out.created.add(at, _seconds(created))


def _matched(matcher: Any, namespace: str, snapshot: Snapshot, namespaced: Any, clustered: Any) -> str:
    """Only a matcher that says its kind is told of, and the singular counts alone, as in KubeVirt."""
    if not matcher:
        return ""
    kind = (matcher.get("kind") or "").lower()
    for resource, where in ((namespaced, namespace), (clustered, "")):
        if kind == resource.plural.removesuffix("s"):
            return snapshot.vendored(resource, ObjectKey(where, matcher.get("name") or ""))
    return ""


def _last_transition(status: Mapping[str, Any]) -> int:
    times = [
        _seconds(one["lastTransitionTime"])
        for one in status.get("conditions") or ()
        if one["type"] in _CONDITIONS_OF_TRANSITIONS and one.get("lastTransitionTime")
    ]
    return max(times, default=_NOT_YET)


def _seconds(text: str) -> int:
    return int(parse_timestamp(text).timestamp())


def _applied(vm: Document, snapshot: Snapshot) -> Mapping[str, Any]:
    """The template's spec with what instance type and preference put into it, if they can be found."""
    spec: Mapping[str, Any] = vm["spec"]["template"]["spec"]
    if vm["spec"].get("instancetype") or vm["spec"].get("preference"):
        try:
            return dict(expansion.applied(vm, snapshot.get)["template"]["spec"])
        except (CannotFind, Conflicts):
            return spec
    return spec


def _tell_resources(out: _Families, at: tuple[str, str], spec: Mapping[str, Any]) -> None:
    domain = spec["domain"]
    resources, memory = domain.get("resources") or {}, domain.get("memory") or {}
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for source, amount in (
        ("domain", requests.get("memory")),
        ("guest", memory.get("guest")),
        ("hugepages", (memory.get("hugepages") or {}).get("pageSize")),
    ):
        if size := quantity.whole(amount):
            out.requests.add((*at, "memory", "bytes", source), size)
    if size := quantity.whole(limits.get("memory")):
        out.limits.add((*at, "memory", "bytes"), size)
    cpu = domain.get("cpu")
    for part in ("cores", "threads", "sockets"):
        if number := (cpu or {}).get(part):
            out.requests.add((*at, "cpu", part, "domain"), number)
    if milli := quantity.milli(requests.get("cpu")):
        out.requests.add((*at, "cpu", "cores", "requests"), milli / 1000)
    elif cpu is None:
        for part in ("cores", "threads", "sockets"):
            out.requests.add((*at, "cpu", part, "default"), 1)
    if milli := quantity.milli(limits.get("cpu")):
        out.limits.add((*at, "cpu", "cores"), milli / 1000)
    out.requests.add((*at, "cpu", "cores", "guest_effective"), sizes.vcpus(dict(spec)))
    if effective := sizes.guest_memory(dict(spec)):
        out.requests.add((*at, "memory", "bytes", "guest_effective"), effective)


def _tell_disks(out: _Families, at: tuple[str, str], vm: Document, snapshot: Snapshot) -> None:
    for volume in vm["spec"]["template"]["spec"].get("volumes") or ():
        source = volume.get("persistentVolumeClaim") or volume.get("dataVolume") or {}
        name = str(source.get("claimName") or source.get("name") or "")
        claim = snapshot.get(core.PERSISTENT_VOLUME_CLAIMS, ObjectKey(at[1], name)) if name else None
        if claim is None:
            continue
        spec = claim.get("spec") or {}
        size = _template_size(vm, name) if volume.get("dataVolume") else None
        size = size or ((spec.get("resources") or {}).get("requests") or {}).get("storage")
        out.disks.add((*at, name, spec.get("volumeMode") or "", volume["name"]), quantity.whole(size))


def _template_size(vm: Document, name: str) -> Any:
    for template in vm["spec"].get("dataVolumeTemplates") or ():
        if template["metadata"].get("name") == name:
            wanted = template["spec"].get("pvc") or template["spec"].get("storage") or {}
            return ((wanted.get("resources") or {}).get("requests") or {}).get("storage")
    return None
