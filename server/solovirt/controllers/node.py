"""
The runtime's machines as Nodes: registered, labelled for KubeVirt, and alive (reference kubernetes-api.md 7, kubevirt-vm.md 13).

A kubelet renews its Lease every ten seconds and repeats its status every five minutes. Nobody here watches nodes die by a missing heartbeat (the
runtime says whether a machine is ready), so a heartbeat serves only clients that look at the Lease. It is renewed every five minutes with a
duration of three times that, which is true for them and leaves an idle server with a handful of writes an hour; it can be switched off.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from solovirt.controllers.virtual_machine_instance import conditions
from solovirt.kinds.core import names
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.machinery import quantity
from solovirt.machinery.clock import Clock, micro_timestamp
from solovirt.machinery.control.manager import service_account
from solovirt.machinery.control.protocol import DONE, Result, Source, Tools
from solovirt.machinery.errors import AlreadyExists
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.runtime.protocol import AnnouncesNodes, NodeInfo, Runtime

if TYPE_CHECKING:
    from solovirt.machinery.control.manager import Manager

LEASES = GroupResource("coordination.k8s.io", "leases")
LEASE_NAMESPACE = "kube-node-lease"
HEARTBEAT = timedelta(minutes=5)
_LOOK_AGAIN = timedelta(minutes=1)
"""How often the runtime is asked for its machines: it announces what happens to guests, not to them."""
_LOST_AFTER = 3
"""Heartbeats that may be missed before the Lease has expired."""
_KUBELET_VERSION = "v1.36.2"
_SCHEDULABLE_LABEL = "kubevirt.io/schedulable"
_CPU_MODELS = {"amd64": ("Nehalem", "Westmere", "SandyBridge", "Haswell"), "arm64": (), "s390x": ()}
_HOST_MODELS = {"amd64": "Haswell"}
_ENOUGH_DEVICES = "1k"
_DEVICES = tuple(f"devices.kubevirt.io/{device}" for device in ("kvm", "tun", "vhost-net"))
_STORAGE = "100Gi"
_HEALTHY = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)


class NodeController:
    """
    Keeps a Node for each machine of the runtime, and marks those that the runtime does not know as not ready.

    Labels, annotations, taints and cordons that users put on a node stay. With *heartbeat* None no Leases are written.
    """

    name: ClassVar[str] = "node-controller"
    resource: ClassVar[GroupResource] = names.NODES

    def __init__(self, tools: Tools, runtime: Runtime, *, heartbeat: timedelta | None = HEARTBEAT) -> None:
        self._objects = tools.objects
        self._clock = tools.clock
        self._runtime = runtime
        self._heartbeat = heartbeat
        self.sources: Sequence[Source] = ()

    async def reconcile(self, key: ObjectKey) -> Result:
        machine = next((one for one in await self._runtime.nodes() if one.name == key.name), None)
        node = self._objects.get(names.NODES, key)
        if machine is None:
            if node is not None:
                await self._objects.edit(names.NODES, key, self._edit_status(_mark_unknown), status=True)
            return DONE
        if node is None:
            await self._register(machine)
        else:
            await self._update(node, machine)
        return await self._renew(machine)

    async def _register(self, machine: NodeInfo) -> None:
        try:
            node = await self._objects.create(names.NODES, _node(machine))
        except AlreadyExists:
            return
        await self._update(node, machine)

    async def _update(self, node: Document, machine: NodeInfo) -> None:
        key = ObjectKey("", machine.name)
        wanted = _labels(machine)
        labels = node["metadata"].get("labels") or {}
        if any(labels.get(label) != value for label, value in wanted.items()):

            def label(document: Document) -> None:
                document["metadata"].setdefault("labels", {}).update(wanted)

            await self._objects.edit(names.NODES, key, label)

        def report(document: Document) -> None:
            _report(document, machine, self._clock)

        draft = copy.deepcopy(node)
        report(draft)
        if draft.get("status") != node.get("status"):
            await self._objects.edit(names.NODES, key, report, status=True)

    def _edit_status(self, edit: Callable[[Document, Clock], None]) -> Callable[[Document], None]:
        return lambda document: edit(document, self._clock)

    async def _renew(self, machine: NodeInfo) -> Result:
        if self._heartbeat is None or self._objects.get(names.NAMESPACES, ObjectKey("", LEASE_NAMESPACE)) is None:
            return DONE
        key = ObjectKey(LEASE_NAMESPACE, machine.name)
        now = self._clock.now()
        spec = {
            "holderIdentity": machine.name,
            "leaseDurationSeconds": int(self._heartbeat.total_seconds()) * _LOST_AFTER,
            "renewTime": micro_timestamp(now),
        }
        lease = self._objects.get(LEASES, key)
        if lease is None:
            node = self._objects.get(names.NODES, ObjectKey("", machine.name))
            await self._objects.create(LEASES, _lease(key, spec, node))
        elif machine.ready and (lease.get("spec") or {}).get("renewTime", "") <= micro_timestamp(now - self._heartbeat):

            def renew(document: Document) -> None:
                document["spec"] = {**(document.get("spec") or {}), **spec}

            await self._objects.edit(LEASES, key, renew)
        return Result(self._heartbeat)


class NodeRegistration:
    """A background task: has *enqueue* look at every machine of the runtime, and later at those that have changed."""

    name = "node registration"

    def __init__(self, runtime: Runtime, clock: Clock, enqueue: Callable[[ObjectKey], None]) -> None:
        self._runtime = runtime
        self._clock = clock
        self._enqueue = enqueue
        self.busy = True

    async def run(self) -> None:
        known: dict[str, NodeInfo] = {}
        while True:
            machines = {one.name: one for one in await self._runtime.nodes()}
            for name in machines.keys() | known.keys():
                if machines.get(name) != known.get(name):
                    self._enqueue(ObjectKey("", name))
            known = machines
            self.busy = False
            await self._sleep()

    async def _sleep(self) -> None:
        """For a minute, or until the runtime says that a machine has changed."""
        waiting: list[asyncio.Future[None]] = [
            asyncio.ensure_future(self._clock.sleep_until(self._clock.now() + _LOOK_AGAIN))
        ]
        if isinstance(self._runtime, AnnouncesNodes):
            waiting.append(asyncio.ensure_future(self._runtime.wait_for_nodes()))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


def _node(machine: NodeInfo) -> Document:
    return {
        "metadata": {
            "name": machine.name,
            "labels": _labels(machine),
            "annotations": {"node.alpha.kubernetes.io/ttl": "0"},
        },
        "spec": {},
    }


def _labels(machine: NodeInfo) -> dict[str, str]:
    labels = {
        "beta.kubernetes.io/arch": machine.architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": machine.architecture,
        "kubernetes.io/hostname": machine.name,
        "kubernetes.io/os": "linux",
        "node-role.kubernetes.io/worker": "",
        _SCHEDULABLE_LABEL: "true" if machine.ready else "false",
    }
    models = machine.cpu_models if machine.cpu_models is not None else _CPU_MODELS.get(machine.architecture, ())
    for model in models:
        labels[f"cpu-model.node.kubevirt.io/{model}"] = "true"
    host_model = machine.host_model if machine.host_model is not None else _HOST_MODELS.get(machine.architecture)
    if host_model:
        labels[f"host-model-cpu.node.kubevirt.io/{host_model}"] = "true"
    return labels | dict(machine.labels)


def _report(document: Document, machine: NodeInfo, clock: Clock) -> None:
    """The status that the machine's kubelet would write."""
    status: dict[str, Any] = document.setdefault("status", {})
    capacity = {
        "cpu": str(machine.cpus),
        "memory": _kibibytes(machine.memory_bytes),
        "pods": str(machine.max_guests),
        "ephemeral-storage": _STORAGE,
        "hugepages-2Mi": "0",
        **{
            f"hugepages-{quantity.binary_text(size)}": quantity.binary_text(size * count)
            for size, count in machine.hugepages.items()
        },
        **_devices(machine),
    }
    status["capacity"] = capacity
    status["allocatable"] = dict(capacity)
    status["addresses"] = [
        {"type": "InternalIP", "address": machine.address},
        {"type": "Hostname", "address": machine.name},
    ]
    status.setdefault("daemonEndpoints", {"kubeletEndpoint": {"Port": 10250}})
    status["nodeInfo"] = {
        "architecture": machine.architecture,
        "operatingSystem": "linux",
        "kernelVersion": machine.kernel_version,
        "osImage": machine.os_image,
        "containerRuntimeVersion": machine.runtime_version,
        "kubeletVersion": _KUBELET_VERSION,
        "kubeProxyVersion": "",
        "machineID": machine.machine_id,
        "systemUUID": "",
        "bootID": "",
    }
    if machine.ready:
        ready = ("Ready", "True", "KubeletReady", "kubelet is posting ready status")
    else:
        ready = ("Ready", "False", "KubeletNotReady", machine.message or "the machine is not ready")
    _put_conditions(status, (*_HEALTHY, ready), clock)


def _devices(machine: NodeInfo) -> dict[str, str]:
    if machine.devices is None:
        return dict.fromkeys(_DEVICES, _ENOUGH_DEVICES)
    return {f"devices.kubevirt.io/{device}": str(count) for device, count in machine.devices.items()}


def _mark_unknown(document: Document, clock: Clock) -> None:
    """The runtime knows no such machine: what a node controller writes when a kubelet has stopped posting."""
    status: dict[str, Any] = document.setdefault("status", {})
    told = ("NodeStatusUnknown", "Kubelet stopped posting node status.")
    known = [*(condition[0] for condition in _HEALTHY), "Ready"]
    _put_conditions(status, [(one, "Unknown", *told) for one in known], clock)


def _put_conditions(status: dict[str, Any], wanted: Iterable[tuple[str, str, str, str]], clock: Clock) -> None:
    listed = status.setdefault("conditions", [])
    for name, value, reason, message in wanted:
        conditions.put(listed, name, value, now=clock.now(), reason=reason, message=message)
        condition = conditions.find(listed, name)
        if condition is not None:
            # Nodes' conditions tell of a heartbeat where others tell of a probe.
            condition.pop("lastProbeTime", None)
            condition.setdefault("lastHeartbeatTime", condition["lastTransitionTime"])


def _kibibytes(count: int) -> str:
    return f"{count >> 10}Ki" if count % 1024 == 0 else quantity.binary_text(count)


def _lease(key: ObjectKey, spec: Document, node: Document | None) -> Document:
    metadata: dict[str, Any] = {"namespace": key.namespace, "name": key.name}
    if node is not None:
        metadata["ownerReferences"] = [
            {"apiVersion": "v1", "kind": "Node", "name": key.name, "uid": node["metadata"]["uid"]}
        ]
    return {"metadata": metadata, "spec": spec}


def install(
    manager: Manager, runtime: Runtime, *, heartbeat: timedelta | None = HEARTBEAT, cluster: Cluster = STANDARD
) -> None:
    """Add the controller of nodes to *manager*, and have it register the runtime's machines."""
    tools = manager.tools(
        NodeController.name, user=service_account(cluster.namespace, "kubevirt-handler"), field_manager="kubelet"
    )
    controller = NodeController(tools, runtime, heartbeat=heartbeat)
    manager.add(controller)
    manager.add_background(NodeRegistration(runtime, manager.clock, lambda key: manager.enqueue(controller, key)))
