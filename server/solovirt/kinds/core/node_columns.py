"""What `kubectl get nodes` prints (reference kubernetes-api.md 5)."""

from __future__ import annotations

from solovirt.kinds.cells import AGE, NAME, NONE, UNKNOWN, at, text_column
from solovirt.machinery.resource import CellContext, Column, Document

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE_LABEL = "kubernetes.io/role"


def _status(document: Document, _: CellContext) -> str:
    ready = next((one for one in at(document, "status.conditions") or () if one.get("type") == "Ready"), None)
    words = ["Unknown" if ready is None else "Ready" if ready.get("status") == "True" else "NotReady"]
    if at(document, "spec.unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _roles(document: Document, _: CellContext) -> str:
    labels = at(document, "metadata.labels") or {}
    roles = {key.removeprefix(_ROLE_PREFIX) for key in labels if key.startswith(_ROLE_PREFIX)}
    roles.add(labels.get(_ROLE_LABEL) or "")
    return ",".join(sorted(roles - {""})) or NONE


def _address(kind: str, document: Document) -> str:
    return next(
        (str(one.get("address")) for one in at(document, "status.addresses") or () if one.get("type") == kind), NONE
    )


NODES = (
    NAME,
    Column("Status", cell=_status, description="Whether the node is ready, and whether it takes new pods."),
    Column("Roles", cell=_roles, description="What the node is there for, by its labels."),
    AGE,
    text_column("Version", "status.nodeInfo.kubeletVersion", "The version of its kubelet."),
    Column(
        "Internal-IP",
        cell=lambda document, _: _address("InternalIP", document),
        description="Its address inside the cluster.",
        priority=1,
    ),
    Column(
        "External-IP",
        cell=lambda document, _: _address("ExternalIP", document),
        description="Its address for the rest of the world.",
        priority=1,
    ),
    text_column("OS-Image", "status.nodeInfo.osImage", "What it runs.", missing=UNKNOWN, priority=1),
    text_column("Kernel-Version", "status.nodeInfo.kernelVersion", "Its kernel.", missing=UNKNOWN, priority=1),
    text_column(
        "Container-Runtime",
        "status.nodeInfo.containerRuntimeVersion",
        "What runs its containers.",
        missing=UNKNOWN,
        priority=1,
    ),
)
