"""
objectgraph: what a machine or an instance depends on, as a tree (reference kubevirt-subresources.md 3.9).

It follows names in the object alone: what they refer to need not be there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.errors import BadRequest, NotFound
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document
from solovirt.machinery.selectors import from_label_selector
from solovirt.machinery.verbs.protocol import SubresourceRequest
from solovirt.subresources import options as bodies
from solovirt.subresources.instances import INSTANCES, MACHINE, MACHINES, Instances

_GATE = "ObjectGraph"
_LABEL = "kubevirt.io/dependency-type"
_STORAGE, _NETWORK, _COMPUTE, _CONFIG = "storage", "network", "compute", "config"
_KINDS = {
    "VirtualMachine": ("kubevirt.io", _COMPUTE),
    "VirtualMachineInstance": ("kubevirt.io", _COMPUTE),
    "VirtualMachineInstancetype": ("instancetype.kubevirt.io", _CONFIG),
    "VirtualMachineClusterInstancetype": ("instancetype.kubevirt.io", _CONFIG),
    "VirtualMachinePreference": ("instancetype.kubevirt.io", _CONFIG),
    "VirtualMachineClusterPreference": ("instancetype.kubevirt.io", _CONFIG),
    "DataVolume": ("cdi.kubevirt.io", _STORAGE),
    "ControllerRevision": ("apps", _CONFIG),
    "ConfigMap": ("", _CONFIG),
    "PersistentVolumeClaim": ("", _STORAGE),
    "ServiceAccount": ("", _CONFIG),
    "Secret": ("", _CONFIG),
    "Pod": ("", _COMPUTE),
    "NetworkAttachmentDefinition": ("k8s.cni.cncf.io", _NETWORK),
}
"""Group and sort of dependency of each kind that can be in a graph."""
_TYPES = {kind.lower(): kind for kind in _KINDS if kind.endswith(("type", "Preference"))}
_NAMED = {
    "persistentVolumeClaim": ("PersistentVolumeClaim", "claimName"),
    "configMap": ("ConfigMap", "name"),
    "secret": ("Secret", "secretName"),
    "serviceAccount": ("ServiceAccount", "serviceAccountName"),
}
"""Sources of volumes that name one object: its kind, and the field with its name."""

Node = dict[str, Any]


def install(
    registry: Registry, instances: Instances, objects: Callable[[], Objects], cluster: Callable[[], Cluster]
) -> None:
    """Answer it for machines and instances from now on."""
    graphs = _Graphs(instances, objects, cluster)
    registry.handle(MACHINES, "objectgraph", graphs.of_machine)
    registry.handle(INSTANCES, "objectgraph", graphs.of_instance)


class _Graphs:
    def __init__(self, instances: Instances, objects: Callable[[], Objects], cluster: Callable[[], Cluster]) -> None:
        self._instances = instances
        self._objects = objects
        self._cluster = cluster

    async def of_machine(self, request: SubresourceRequest) -> Node:
        """Raises BadRequest and NotFound."""
        self._require_gate()
        key = request.target.key
        machine = self._instances.machine(key)
        if machine is None:
            raise NotFound.of(MACHINE, key.name)
        return await self._chosen(
            request, _node("VirtualMachine", key.name, key.namespace, self._below_machine(machine))
        )

    async def of_instance(self, request: SubresourceRequest) -> Node:
        """Raises BadRequest and NotFound."""
        self._require_gate()
        key = request.target.key
        instance = self._instances.instance(key)
        children = [*self._launcher(key.name, key.namespace), *_below(instance["spec"], key.namespace)]
        return await self._chosen(request, _node("VirtualMachineInstance", key.name, key.namespace, children))

    def _require_gate(self) -> None:
        if not self._cluster().has(_GATE):
            raise BadRequest("ObjectGraph feature gate not enabled: Unable to return object graph.")

    async def _chosen(self, request: SubresourceRequest, root: Node) -> Node:
        """The graph with the nodes alone that the options ask for; the root always stays."""
        options = await bodies.body(request) or {}
        selector = None
        if options.get("labelSelector") is not None:
            # virt-api takes a selector that makes no sense for none.
            with contextlib.suppress(BadRequest):
                selector = from_label_selector(options["labelSelector"])

        def keep(nodes: list[Node]) -> Iterator[Node]:
            for node in nodes:
                if node.get("optional") and options.get("includeOptionalNodes") is False:
                    continue
                if selector is None or selector.matches(node["labels"]):
                    yield _with_children(node, list(keep(node.get("children") or [])))

        return _with_children(root, list(keep(root.get("children") or [])))

    def _below_machine(self, machine: Document) -> list[Node]:
        name, namespace = machine["metadata"]["name"], machine["metadata"]["namespace"]
        status = machine.get("status") or {}
        nodes = []
        if status.get("created"):
            nodes.append(_node("VirtualMachineInstance", name, namespace, list(self._launcher(name, namespace))))
        for field, reference in (("instancetype", "instancetypeRef"), ("preference", "preferenceRef")):
            nodes += _type(machine["spec"].get(field), status.get(reference), namespace)
        return [*nodes, *_below(machine["spec"]["template"]["spec"], namespace)]

    def _launcher(self, name: str, namespace: str) -> Iterator[Node]:
        for pod in self._objects().list(core.PODS, namespace):
            metadata = pod["metadata"]
            if (metadata.get("labels") or {}).get("kubevirt.io") != "virt-launcher":
                continue
            owners = metadata.get("ownerReferences") or ()
            if any(one["kind"] == "VirtualMachineInstance" and one["name"] == name for one in owners):
                yield _node("Pod", metadata["name"], namespace)
                return


def _node(kind: str, name: str, namespace: str, children: list[Node] | None = None, *, optional: bool = False) -> Node:
    group, sort = _KINDS[kind]
    reference = {"apiGroup": group, "kind": kind, "name": name, "namespace": namespace}
    node: Node = {"objectReference": reference, "labels": {_LABEL: sort}}
    if optional:
        node["optional"] = True
    return _with_children(node, children or [])


def _with_children(node: Node, children: list[Node]) -> Node:
    out = {key: value for key, value in node.items() if key != "children"}
    return {**out, "children": children} if children else out


def _type(matcher: Document | None, reference: Document | None, namespace: str) -> Iterator[Node]:
    """An instance type or preference, and the revision of it that holds."""
    if matcher is None:
        return
    kind = _TYPES.get(str(matcher.get("kind") or "").lower())
    if kind is not None:
        yield _node(kind, matcher.get("name") or "", "" if "Cluster" in kind else namespace, optional=True)
    revision = ((reference or {}).get("controllerRevisionRef") or {}).get("name")
    if reference is None:
        revision = matcher.get("revisionName")
    if revision:
        yield _node("ControllerRevision", revision, namespace)


def _below(spec: Document, namespace: str) -> Iterator[Node]:
    """What the spec of an instance names."""
    for credential in spec.get("accessCredentials") or ():
        given = credential.get("sshPublicKey") or credential.get("userPassword") or {}
        if name := ((given.get("source") or {}).get("secret") or {}).get("secretName"):
            yield _node("Secret", name, namespace)
    for volume in spec.get("volumes") or ():
        yield from _below_volume(volume, namespace)
    for network in spec.get("networks") or ():
        if full := (network.get("multus") or {}).get("networkName"):
            elsewhere, slash, name = full.partition("/")
            place = (name, elsewhere) if slash and "/" not in name else (full, namespace)
            yield _node("NetworkAttachmentDefinition", *place, optional=True)


def _below_volume(volume: Document, namespace: str) -> Iterator[Node]:
    if (source := volume.get("dataVolume")) is not None:
        yield _node(
            "DataVolume", source["name"], namespace, [_node("PersistentVolumeClaim", source["name"], namespace)]
        )
    for field, (kind, name) in _NAMED.items():
        if (source := volume.get(field)) is not None:
            yield _node(kind, source.get(name) or "", namespace)
    for field in ("cloudInitNoCloud", "cloudInitConfigDrive"):
        for reference in ("secretRef", "networkDataSecretRef"):
            if found := (volume.get(field) or {}).get(reference):
                yield _node("Secret", found.get("name") or "", namespace)
