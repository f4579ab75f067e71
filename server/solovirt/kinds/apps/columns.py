"""What `kubectl get` prints of the apps group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from solovirt.kinds.cells import (
    AGE,
    NAME,
    NONE,
    at,
    count_column,
    label_selector_column,
    labels_text,
    pod_template_columns,
)
from solovirt.machinery.resource import CellContext, Column, Document


def _ready_of_desired(document: Document, _: CellContext) -> str:
    return f"{at(document, 'status.readyReplicas') or 0}/{at(document, 'spec.replicas') or 0}"


_READY = Column("Ready", cell=_ready_of_desired, description="How many of its pods are ready, of how many.")

DEPLOYMENTS = (
    NAME,
    _READY,
    count_column("Up-to-date", "status.updatedReplicas", "How many pods are of the present template."),
    count_column("Available", "status.availableReplicas", "How many pods have been ready for long enough."),
    AGE,
    *pod_template_columns(),
    label_selector_column(),
)
REPLICA_SETS = (
    NAME,
    count_column("Desired", "spec.replicas", "How many pods there should be."),
    count_column("Current", "status.replicas", "How many pods there are."),
    count_column("Ready", "status.readyReplicas", "How many of them are ready."),
    AGE,
    *pod_template_columns(),
    label_selector_column(),
)
STATEFUL_SETS = (NAME, _READY, AGE, *pod_template_columns())
DAEMON_SETS = (
    NAME,
    count_column("Desired", "status.desiredNumberScheduled", "How many nodes should run it."),
    count_column("Current", "status.currentNumberScheduled", "How many of these nodes run it."),
    count_column("Ready", "status.numberReady", "On how many nodes it is ready."),
    count_column("Up-to-date", "status.updatedNumberScheduled", "On how many nodes it is of the present template."),
    count_column("Available", "status.numberAvailable", "On how many nodes it has been ready for long enough."),
    Column(
        "Node Selector",
        cell=lambda document, _: labels_text(at(document, "spec.template.spec.nodeSelector")),
        description="The labels of the nodes that run it.",
    ),
    AGE,
    *pod_template_columns(),
    label_selector_column(),
)


def _controller(document: Document, _: CellContext) -> str:
    """`virtualmachine.kubevirt.io/name` of the owner that controls it."""
    owners = at(document, "metadata.ownerReferences") or ()
    owner = next((one for one in owners if one.get("controller")), None)
    if owner is None:
        return NONE
    group = str(owner.get("apiVersion") or "").rpartition("/")[0]
    kind = str(owner.get("kind") or "") + (f".{group}" if group else "")
    return f"{kind.lower()}/{owner.get('name')}"


CONTROLLER_REVISIONS = (
    NAME,
    Column("Controller", cell=_controller, description="The object whose state it remembers."),
    count_column("Revision", "revision", "Its number among its controller's revisions."),
    AGE,
)
