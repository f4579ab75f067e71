"""
What every Kubernetes cluster has in the API from its first minute, beside its namespaces.

Clients look for `default/kubernetes` to find out whether they talk to a cluster at all, manifests name the system's priority classes,
and KubeVirt's parts write under ServiceAccounts of their own. Everything is created when it is missing and is the user's afterwards.
"""

from __future__ import annotations

from solovirt.kinds.core import names
from solovirt.kinds.core.behaviour.service import CLUSTER_RANGE
from solovirt.kinds.scheduling.behaviour import SYSTEM_CLASSES
from solovirt.machinery.resource import Document, GroupResource

API_ADDRESS = str(CLUSTER_RANGE[1])
"""The cluster IP of `default/kubernetes`: the first of the range, as in every cluster."""

_API_PORT = 6443
_SERVICE_ACCOUNTS = (
    ("kubevirt", "kubevirt-operator"),
    ("kubevirt", "kubevirt-apiserver"),
    ("kubevirt", "kubevirt-controller"),
    ("kubevirt", "kubevirt-handler"),
    ("cdi", "cdi-operator"),
    ("cdi", "cdi-apiserver"),
    ("cdi", "cdi-sa"),
)
_COMPONENTS = ("controller-manager", "scheduler", "etcd-0")
_CLASS_TEXTS = {
    "system-cluster-critical": "For what the cluster can't do without, wherever it runs.",
    "system-node-critical": "For what a node can't do without.",
}


def objects() -> list[tuple[GroupResource, Document]]:
    """All of it, in the order in which it is to be created."""
    return [
        (names.SERVICES, api_service()),
        *((names.COMPONENT_STATUSES, component_status(name)) for name in _COMPONENTS),
        *((names.PRIORITY_CLASSES, priority_class(name)) for name in SYSTEM_CLASSES),
        *(
            (names.SERVICE_ACCOUNTS, {"metadata": {"namespace": namespace, "name": name}})
            for namespace, name in _SERVICE_ACCOUNTS
        ),
    ]


def api_service() -> Document:
    """`default/kubernetes`, by which pods would reach the API."""
    return {
        "metadata": {
            "namespace": "default",
            "name": "kubernetes",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": API_ADDRESS,
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": _API_PORT}],
            "type": "ClusterIP",
        },
    }


def component_status(name: str) -> Document:
    """A part of the control plane, which is this process: whoever gets an answer at all finds it well."""
    return {"metadata": {"name": name}, "conditions": [{"type": "Healthy", "status": "True", "message": "ok"}]}


def priority_class(name: str) -> Document:
    """One of the two that are reserved for the system."""
    return {"metadata": {"name": name}, "value": SYSTEM_CLASSES[name], "description": _CLASS_TEXTS[name]}
