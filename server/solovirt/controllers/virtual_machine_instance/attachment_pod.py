"""
Attachment pods: how disks that are plugged into a running instance look to everybody who counts pods (reference kubevirt-vm.md 9.4).

One pod beside the launcher pod, on the same node, mounts every plugged claim; when the set of claims changes another pod takes its
place. Nothing runs in it. Its name follows from what it mounts, so that making it twice makes one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from solovirt.controllers.virtual_machine_instance import conditions
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.kinds.kubevirt.rules.volumes import claim_name
from solovirt.machinery.clock import timestamp
from solovirt.machinery.resource import Document

OWNER_NAME_ANNOTATION = "kubevirt.io/owner-vmi-name"
_OWNER_UID_ANNOTATION = "kubevirt.io/owner-vmi-uid"
_PREFIX = "hp-volume-"
_CONTAINER, _SHARED = "hotplug-disk", "hotplug-disks"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5
_USER = 107
_TOLERATED = ("unschedulable", "network-unavailable", "disk-pressure", "memory-pressure", "pid-pressure")


def build(
    instance: Document,
    launcher: Document,
    mounted: Sequence[Document],
    claims: Mapping[str, Document],
    *,
    cluster: Cluster,
) -> Document:
    """The pod that mounts the volumes *mounted* beside the pod *launcher*."""
    metadata, of_launcher = instance["metadata"], launcher["metadata"]
    return {
        "metadata": {
            "namespace": metadata["namespace"],
            "name": _PREFIX + _suffix(of_launcher["uid"], mounted),
            "generateName": _PREFIX,
            "labels": {"kubevirt.io": _CONTAINER},
            "annotations": {OWNER_NAME_ANNOTATION: metadata["name"], _OWNER_UID_ANNOTATION: metadata["uid"]},
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "name": of_launcher["name"],
                    "uid": of_launcher["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "nodeName": launcher["spec"]["nodeName"],
            "affinity": {"nodeAffinity": _only_on(launcher["spec"]["nodeName"])},
            "tolerations": _tolerations(launcher),
            "terminationGracePeriodSeconds": 0,
            "containers": [_container(instance, mounted, claims, cluster)],
            "volumes": [
                {"name": _SHARED, "emptyDir": {}},
                *(
                    {"name": volume["name"], "persistentVolumeClaim": {"claimName": claim_name(volume)}}
                    for volume in mounted
                ),
            ],
        },
    }


def status(pod: Document, launcher: Document, now: datetime) -> Document:
    """What the kubelet of the launcher's node says of *pod*."""
    of_launcher = launcher.get("status") or {}
    listed: list[dict[str, Any]] = []
    for met in ("PodScheduled", "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"):
        conditions.put(listed, met, "True", now=now)
    container = pod["spec"]["containers"][0]
    return {
        **(pod.get("status") or {}),
        "phase": "Running",
        "conditions": listed,
        "startTime": timestamp(now),
        "hostIP": of_launcher.get("hostIP", ""),
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": container["image"],
                "ready": True,
                "started": True,
                "restartCount": 0,
                "lastState": {},
                "state": {"running": {"startedAt": timestamp(now)}},
            }
        ],
    }


def mounts(pod: Document) -> dict[str, str]:
    """The claims that *pod* mounts, by volume."""
    return {
        volume["name"]: volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["spec"].get("volumes") or ()
        if volume.get("persistentVolumeClaim") is not None
    }


def is_ready(pod: Document) -> bool:
    containers = (pod.get("status") or {}).get("containerStatuses") or ()
    return bool(containers) and all(one.get("ready") for one in containers)


def _suffix(launcher_uid: str, mounted: Sequence[Document]) -> str:
    told = sorted(f"{volume['name']}/{claim_name(volume)}" for volume in mounted)
    digest = hashlib.sha256("\n".join([launcher_uid, *told]).encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:_SUFFIX_LENGTH])


def _only_on(node: str) -> Document:
    hostname = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [hostname]}]}}


def _tolerations(launcher: Document) -> list[Document]:
    own = [{"key": f"node.kubernetes.io/{taint}", "operator": "Exists", "effect": "NoSchedule"} for taint in _TOLERATED]
    others = [one for one in launcher["spec"].get("tolerations") or () if one not in own]
    return sorted([*own, *others], key=lambda one: str(one.get("key") or ""))


def _container(
    instance: Document, mounted: Sequence[Document], claims: Mapping[str, Document], cluster: Cluster
) -> Document:
    seen = {one["name"]: one.get("phase") for one in (instance.get("status") or {}).get("volumeStatus") or ()}
    mounts: list[Document] = [{"name": _SHARED, "mountPath": "/path", "mountPropagation": "HostToContainer"}]
    devices: list[Document] = []
    for volume in mounted:
        claim = claims.get(claim_name(volume) or "")
        if claim is None:
            continue
        if (claim.get("spec") or {}).get("volumeMode") == "Block":
            path = f"/path/{volume['name']}/{claim['metadata'].get('uid', '')}"
            devices.append({"name": volume["name"], "devicePath": path})
        elif seen.get(volume["name"]) not in ("Ready", "MountedToPod"):
            mounts.append({"name": volume["name"], "mountPath": f"/{volume['name']}"})
    container: Document = {
        "name": _CONTAINER,
        "image": cluster.launcher_image,
        "command": ["/bin/sh", "-c", "/usr/bin/container-disk --copy-path /path/hp"],
        "resources": {"limits": {"cpu": "100m", "memory": "80M"}, "requests": {"cpu": "10m", "memory": "2M"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": mounts,
    }
    if devices:
        container["volumeDevices"] = devices
    return container
