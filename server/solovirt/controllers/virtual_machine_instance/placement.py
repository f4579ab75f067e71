"""
Which node an instance runs on: what kube-scheduler does for launcher pods.

The books of what is taken on each node are a fold of the instances, kept in memory so that placing the ten-thousandth does not mean reading
all others. They are opened by reading every instance once, and each reconcile enters what it sees; a place is entered at once when it is
given, before anything is written, so that two placements under way never give the same room.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from solovirt.controllers.virtual_machine_instance import sizes
from solovirt.controllers.virtual_machine_instance.sizes import Requests
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.machinery import quantity
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.resource import Document, ObjectKey

SCHEDULABLE_LABEL = "kubevirt.io/schedulable"
ARCHITECTURE_LABEL = "kubernetes.io/arch"
_BLOCKING_EFFECTS = ("NoSchedule", "NoExecute")


class Unschedulable(Exception):
    """No node takes the instance; the text is kube-scheduler's."""


@dataclass(slots=True)
class _Taken:
    """What is reserved on a node."""

    milli_cpus: int = 0
    memory: int = 0
    guests: int = 0

    def add(self, requests: Requests, sign: int) -> None:
        self.milli_cpus += sign * requests.milli_cpus
        self.memory += sign * requests.memory
        self.guests += sign


_NOTHING = _Taken()


@dataclass(frozen=True, slots=True)
class _Node:
    """A Node object, read once."""

    name: str
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, Any]]
    unschedulable: bool
    ready: bool
    milli_cpus: int
    memory: int
    guests: int

    @classmethod
    def of(cls, node: Document) -> _Node:
        status, spec = node.get("status") or {}, node.get("spec") or {}
        room = status.get("allocatable") or {}
        ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or ())
        return cls(
            name=node["metadata"]["name"],
            labels=node["metadata"].get("labels") or {},
            taints=spec.get("taints") or (),
            unschedulable=bool(spec.get("unschedulable")),
            ready=ready,
            # A node that has nothing to give refuses everything; 1 keeps its share a number.
            milli_cpus=max(quantity.milli(room.get("cpu")), 1),
            memory=max(quantity.whole(room.get("memory")), 1),
            guests=quantity.whole(room.get("pods")),
        )


@dataclass(frozen=True, slots=True)
class _Wishes:
    """What an instance demands of a node beside room."""

    labels: Mapping[str, str]
    terms: Sequence[Mapping[str, Any]] | None
    """Of which one has to match; None: no demand."""
    tolerations: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, spec: Document) -> _Wishes:
        labels = {SCHEDULABLE_LABEL: "true", **(spec.get("nodeSelector") or {})}
        if architecture := spec.get("architecture"):
            labels[ARCHITECTURE_LABEL] = architecture
        affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
        required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
        terms = None if required is None else required.get("nodeSelectorTerms") or ()
        return cls(labels, terms, spec.get("tolerations") or ())

    def fit(self, node: _Node) -> bool:
        if any(node.labels.get(label) != value for label, value in self.labels.items()):
            return False
        return self.terms is None or any(_matches(term, node) for term in self.terms)


class Placement:
    """The scheduler. `forget_nodes` has to be called whenever a Node changes."""

    def __init__(self, objects: Objects, *, cluster: Callable[[], Cluster] = lambda: STANDARD) -> None:
        self._objects = objects
        self._cluster = cluster
        self._places: dict[ObjectKey, tuple[str, Requests]] = {}
        self._taken: dict[str, _Taken] = {}
        self._opened = False
        self._nodes: tuple[_Node, ...] | None = None

    def forget_nodes(self) -> None:
        self._nodes = None

    def note(self, instance: Document) -> None:
        """Enter where the instance is, by its status. One that has no node keeps the place it was given here."""
        key = ObjectKey(instance["metadata"]["namespace"], instance["metadata"]["name"])
        status = instance.get("status") or {}
        if status.get("phase") in names.FINAL_PHASES:
            self.release(key)
        elif node := status.get("nodeName"):
            self._enter(key, node, sizes.requests(instance["spec"], cluster=self._cluster()))

    def release(self, key: ObjectKey) -> None:
        """Strike what the instance has taken, if anything."""
        place = self._places.pop(key, None)
        if place is not None:
            self._taken[place[0]].add(place[1], -1)

    def take(self, instance: Document, node: str) -> None:
        """Enter that the instance is on *node*, whatever room there is."""
        key = ObjectKey(instance["metadata"]["namespace"], instance["metadata"]["name"])
        self._enter(key, node, sizes.requests(instance["spec"], cluster=self._cluster()))

    def find(self, instance: Document) -> str:
        """The node for the instance, entered as taken. Raises Unschedulable."""
        self._open()
        key = ObjectKey(instance["metadata"]["namespace"], instance["metadata"]["name"])
        if (given := self._places.get(key)) is not None:
            return given[0]
        nodes = self._read_nodes()
        if not nodes:
            raise Unschedulable("no nodes available to schedule pods")
        spec = instance["spec"]
        requests = sizes.requests(spec, cluster=self._cluster())
        wishes = _Wishes.of(spec)
        reasons: Counter[str] = Counter()
        best: tuple[float, int, str] | None = None
        for node in nodes:
            if against := self._against(node, wishes, requests):
                reasons.update(against)
                continue
            taken = self._taken.get(node.name, _NOTHING)
            # Least allocated first, by the scarcer of the two; then by name, so that the choice can be foretold.
            share = max(taken.milli_cpus / node.milli_cpus, taken.memory / node.memory)
            if best is None or (share, taken.guests, node.name) < best:
                best = (share, taken.guests, node.name)
        if best is None:
            told = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
            raise Unschedulable(f"0/{len(nodes)} nodes are available: {told}.")
        node_name = best[2]
        self._enter(key, node_name, requests)
        return node_name

    def _enter(self, key: ObjectKey, node: str, requests: Requests) -> None:
        if self._places.get(key) == (node, requests):
            return
        self.release(key)
        self._places[key] = (node, requests)
        self._taken.setdefault(node, _Taken()).add(requests, 1)

    def _open(self) -> None:
        if not self._opened:
            self._opened = True
            for instance in self._objects.list(names.VIRTUAL_MACHINE_INSTANCES):
                self.note(instance)

    def _read_nodes(self) -> tuple[_Node, ...]:
        if self._nodes is None:
            self._nodes = tuple(_Node.of(node) for node in self._objects.list(core.NODES))
        return self._nodes

    def _against(self, node: _Node, wishes: _Wishes, requests: Requests) -> list[str]:
        """Why the node doesn't take it, in kube-scheduler's words. What makes a node unfit goes before what it lacks."""
        if node.unschedulable:
            return ["node(s) were unschedulable"]
        if not node.ready:
            return ["node(s) had untolerated taint {node.kubernetes.io/not-ready: }"]
        for taint in node.taints:
            if taint.get("effect") in _BLOCKING_EFFECTS and not _tolerates(wishes.tolerations, taint):
                return [f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"]
        if not wishes.fit(node):
            return ["node(s) didn't match Pod's node affinity/selector"]
        taken = self._taken.get(node.name, _NOTHING)
        lacks = []
        if taken.guests + 1 > node.guests:
            lacks.append("Too many pods")
        if taken.milli_cpus + requests.milli_cpus > node.milli_cpus:
            lacks.append("Insufficient cpu")
        if taken.memory + requests.memory > node.memory:
            lacks.append("Insufficient memory")
        return lacks


def _matches(term: Mapping[str, Any], node: _Node) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        # An empty term selects nothing (Kubernetes' NodeSelectorTerm).
        return False
    return all(_holds(one, node.labels) for one in expressions) and all(
        _holds(one, {"metadata.name": node.name}) for one in fields
    )


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    values: Sequence[str] = expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            try:
                left, right = int(value or ""), int(values[0])
            except (ValueError, IndexError):
                return False
            return left > right if operator == "Gt" else left < right
    return False


def _tolerates(tolerations: Iterable[Mapping[str, Any]], taint: Mapping[str, Any]) -> bool:
    for toleration in tolerations:
        if toleration.get("effect") not in (None, "", taint["effect"]):
            continue
        exists = toleration.get("operator") == "Exists"
        if not toleration.get("key"):
            if exists:
                return True
        elif toleration["key"] == taint["key"] and (exists or toleration.get("value", "") == taint.get("value", "")):
            return True
    return False
