"""A document of each kind that the server takes as it stands: where its schema does not tell enough, written by hand."""

from __future__ import annotations

import copy
from typing import Any

from tests.served import Kind, Served

_INSTANCE: dict[str, Any] = {
    "domain": {
        "cpu": {"cores": 1},
        "devices": {
            "disks": [{"name": "d", "disk": {"bus": "virtio"}}],
            "interfaces": [{"name": "n", "bridge": {}}],
        },
        "memory": {"guest": "64Mi"},
        "resources": {"requests": {"memory": "64Mi"}},
    },
    "networks": [{"name": "n", "pod": {}}],
    "volumes": [{"name": "d", "dataVolume": {"name": "dv"}}],
}
_METADATA: dict[str, Any] = {
    "labels": {"a": "b"},
    "annotations": {"c": "d"},
    "finalizers": ["example.com/hold"],
    "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "y"}],
}
_CONTAINER = {
    "name": "c",
    "image": "i",
    "env": [{"name": "E", "value": "v"}],
    "ports": [{"containerPort": 80, "name": "http"}],
}
_POD: dict[str, Any] = {"containers": [_CONTAINER]}
_TEMPLATE: dict[str, Any] = {"metadata": {"labels": {"a": "b"}}, "spec": _POD}
_CLAIM: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
_SELECTOR: dict[str, Any] = {"matchLabels": {"a": "b"}}
_RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]

# Of nothing that there is, so that nobody waits for it.
_WEBHOOK: dict[str, Any] = {
    "name": "hook.example.com",
    "clientConfig": {"url": "https://127.0.0.1:1/"},
    "rules": [
        {"apiGroups": ["none.example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["nothings"]}
    ],
    "failurePolicy": "Ignore",
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
    "timeoutSeconds": 1,
    "objectSelector": _SELECTOR,
    "matchConditions": [{"name": "c", "expression": "request.name == 'x'"}],
}

BY_PLURAL: dict[str, dict[str, Any]] = {
    "virtualmachines": {
        "metadata": _METADATA,
        "spec": {
            "runStrategy": "Halted",
            "dataVolumeTemplates": [
                {
                    "metadata": {"name": "dv"},
                    "spec": {"source": {"blank": {}}, "storage": {"resources": {"requests": {"storage": "1Gi"}}}},
                }
            ],
            "template": {"metadata": {"labels": {"x": "y"}}, "spec": _INSTANCE},
        },
    },
    "virtualmachineinstances": {"metadata": _METADATA, "spec": _INSTANCE},
    "virtualmachineinstancereplicasets": {
        "spec": {
            "replicas": 1,
            "selector": _SELECTOR,
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": _INSTANCE},
        }
    },
    "virtualmachineflavors": {"spec": {"cpu": {"cores": 1}}},
    "virtualmachineclusterflavors": {"spec": {"cpu": {"cores": 1}}},
    "kubevirts": {"spec": {"configuration": {"developerConfiguration": {"featureGates": ["a"]}}}},
    "datavolumes": {"spec": {"source": {"http": {"url": "http://x/y"}}, "pvc": _CLAIM}},
    "configmaps": {"data": {"a": "1"}, "binaryData": {"b": "YQ=="}},
    "secrets": {"data": {"a": "YQ=="}, "stringData": {"b": "c"}},
    "services": {"spec": {"ports": [{"port": 80, "name": "http"}], "selector": {"a": "b"}}},
    "endpoints": {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 1}]}]},
    "events": {"involvedObject": {"namespace": "default", "name": "x", "kind": "Pod"}, "reason": "r"},
    "leases": {"spec": {"holderIdentity": "me", "renewTime": "2026-01-01T00:00:00.000000Z"}},
    "nodes": {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}},
    "persistentvolumeclaims": {"spec": _CLAIM},
    "persistentvolumes": {
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}
    },
    "pods": {"metadata": _METADATA, "spec": _POD},
    "podtemplates": {"template": _TEMPLATE},
    "replicationcontrollers": {"spec": {"replicas": 1, "selector": {"a": "b"}, "template": _TEMPLATE}},
    "deployments": {"spec": {"replicas": 1, "selector": _SELECTOR, "template": _TEMPLATE}},
    "daemonsets": {"spec": {"selector": _SELECTOR, "template": _TEMPLATE}},
    "replicasets": {"spec": {"selector": _SELECTOR, "template": _TEMPLATE}},
    "statefulsets": {"spec": {"serviceName": "s", "selector": _SELECTOR, "template": _TEMPLATE}},
    "jobs": {"spec": {"template": {"spec": {**_POD, "restartPolicy": "Never"}}}},
    "controllerrevisions": {"data": {"spec": {}}, "revision": 1},
    "ingresses": {"spec": {"defaultBackend": {"service": {"name": "a", "port": {"number": 1}}}}},
    "networkpolicies": {"spec": {"podSelector": {}, "ingress": [{"from": [{"podSelector": _SELECTOR}]}]}},
    "roles": {"rules": _RULES},
    "clusterroles": {"rules": _RULES},
    "rolebindings": {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "a"}},
    "clusterrolebindings": {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "a"}},
    "resourcequotas": {"spec": {"hard": {"pods": "1"}}},
    "mutatingwebhookconfigurations": {"webhooks": [_WEBHOOK]},
    "validatingwebhookconfigurations": {"webhooks": [_WEBHOOK]},
    "limitranges": {"spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}},
}
"""More than the least that the kinds' schemas ask for."""


def document(kind: Kind, served: Served, name: str) -> dict[str, Any]:
    """A document of *kind* called *name*, to be changed at will."""
    body = copy.deepcopy(BY_PLURAL.get(kind.plural) or served.sample(served.of(kind)))
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        **body,
        "metadata": {**body.get("metadata", {}), "name": name},
    }
