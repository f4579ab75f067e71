"""
What a healthy installation of KubeVirt and CDI has in the API before anybody makes a machine.

Tools look here to find out whether and which KubeVirt there is: the KubeVirt CR says `Deployed`, CDI and its configuration are there, and
one storage class is the default. Everything is a plain document that is created when it is missing, and belongs to the user afterwards.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.machinery.clock import timestamp
from solovirt.machinery.resource import Document, GroupResource

KUBEVIRT_VERSION = "v1.9.0"
CDI_VERSION = "v1.65.0"
REGISTRY = "quay.io/kubevirt"
KUBEVIRT_NAMESPACE = "kubevirt"
CDI_NAMESPACE = "cdi"
STORAGE_CLASS = "local"
PROVISIONER = "solovirt.io/local"
"""The provisioner of the storage class that ships: disks in the data directory."""

_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system", KUBEVIRT_NAMESPACE, CDI_NAMESPACE)
_ALL_READY = "AllComponentsReady", "All components are ready."


def namespaces() -> list[Document]:
    """The namespaces that are always there."""
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in _NAMESPACES]


def objects(now: datetime) -> list[tuple[GroupResource, Document]]:
    """Everything else, in the order in which it is to be created; conditions say that they hold since *now*."""
    return [
        (core.STORAGE_CLASSES, storage_class()),
        (cdi.CDIS, cdi_installation(now)),
        (cdi.CDI_CONFIGS, cdi_config()),
        (names.KUBEVIRTS, kubevirt()),
    ]


def storage_class() -> Document:
    """The default class, for virtual machines and everybody else."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {cdi.DEFAULT_CLASS: "true", cdi.DEFAULT_VIRT_CLASS: "true"},
        },
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": True,
    }


def storage_profile_status(of_class: Document) -> Document:
    """What CDI finds out about a storage class (reference cdi.md 13): access and volume modes of ours, nothing of others'."""
    provisioner = of_class.get("provisioner") or ""
    status: Document = {"storageClass": of_class["metadata"]["name"], "provisioner": provisioner}
    if provisioner == PROVISIONER:
        status["claimPropertySets"] = [{"accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem"}]
        status["cloneStrategy"] = "copy"
        status["dataImportCronSourceFormat"] = "pvc"
    return status


def kubevirt() -> Document:
    """The KubeVirt CR as the release's manifest has it, but with live updates carried out; its status is the KubeVirt controller's."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": "KubeVirt",
        "metadata": {"name": "kubevirt", "namespace": KUBEVIRT_NAMESPACE},
        "spec": {
            "certificateRotateStrategy": {},
            "configuration": {"developerConfiguration": {}},
            "customizeComponents": {},
            "imagePullPolicy": "IfNotPresent",
            "workloadUpdateStrategy": {"workloadUpdateMethods": ["LiveMigrate"]},
        },
    }


def kubevirt_status(installation: Document, now: datetime) -> Document:
    """
    The status of a KubeVirt CR whose installation is complete.

    Conditions that hold already keep the time since when they do.
    """
    before = {one["type"]: one for one in (installation.get("status") or {}).get("conditions") or ()}
    conditions = [
        _condition("Available", "True", *_ALL_READY),
        _condition("Progressing", "False", *_ALL_READY),
        _condition("Degraded", "False", *_ALL_READY),
        _condition("Created", "True", "AllResourcesCreated", "All resources were created."),
    ]
    for one in conditions:
        old = before.get(one["type"])
        is_same = old is not None and old.get("status") == one["status"]
        one["lastProbeTime"] = old["lastProbeTime"] if old is not None and is_same else timestamp(now)
        one["lastTransitionTime"] = old["lastTransitionTime"] if old is not None and is_same else timestamp(now)
    # Upstream's is a hash over the operator's configuration; what matters is that it is the same as long as nothing changes.
    deployment = hashlib.sha1(f"{REGISTRY}:{KUBEVIRT_VERSION}".encode(), usedforsecurity=False).hexdigest()
    return {
        "conditions": conditions,
        "defaultArchitecture": "amd64",
        "observedDeploymentID": deployment,
        "observedGeneration": installation["metadata"].get("generation", 1),
        "observedKubeVirtRegistry": REGISTRY,
        "observedKubeVirtVersion": KUBEVIRT_VERSION,
        "operatorVersion": KUBEVIRT_VERSION,
        "outdatedVirtualMachineInstanceWorkloads": 0,
        "phase": "Deployed",
        "targetDeploymentID": deployment,
        "targetKubeVirtRegistry": REGISTRY,
        "targetKubeVirtVersion": KUBEVIRT_VERSION,
    }


def _condition(type: str, status: str, reason: str, message: str) -> dict[str, Any]:
    return {"type": type, "status": status, "reason": reason, "message": message}


def cdi_installation(now: datetime) -> Document:
    """The CDI CR, with the status that its operator ends up with."""
    since = {"lastHeartbeatTime": timestamp(now), "lastTransitionTime": timestamp(now)}
    return {
        "apiVersion": cdi.API_VERSION,
        "kind": "CDI",
        "metadata": {"name": "cdi"},
        "spec": {
            "config": {"featureGates": ["HonorWaitForFirstConsumer"]},
            "imagePullPolicy": "IfNotPresent",
            "infra": {"nodeSelector": {"kubernetes.io/os": "linux"}},
            "workload": {"nodeSelector": {"kubernetes.io/os": "linux"}},
        },
        "status": {
            "conditions": [
                {"type": "Available", "status": "True", "reason": "DeployCompleted", "message": "Deployment Completed"}
                | since,
                {"type": "Progressing", "status": "False"} | since,
                {"type": "Degraded", "status": "False"} | since,
            ],
            "observedVersion": CDI_VERSION,
            "operatorVersion": CDI_VERSION,
            "phase": "Deployed",
            "targetVersion": CDI_VERSION,
        },
    }


def cdi_config() -> Document:
    """CDI's configuration in force (reference cdi.md 6.1 and 13)."""
    return {
        "apiVersion": cdi.API_VERSION,
        "kind": "CDIConfig",
        "metadata": {"name": "config"},
        "spec": {"featureGates": ["HonorWaitForFirstConsumer"]},
        "status": {
            "defaultPodResourceRequirements": {
                "limits": {"cpu": "750m", "memory": "600M"},
                "requests": {"cpu": "100m", "memory": "60M"},
            },
            "filesystemOverhead": {"global": "0.06", "storageClass": {STORAGE_CLASS: "0.06"}},
            "preallocation": False,
            "scratchSpaceStorageClass": STORAGE_CLASS,
        },
    }
