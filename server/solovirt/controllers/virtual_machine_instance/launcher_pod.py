"""
The launcher pod: how a running instance looks to everybody who counts pods (reference kubevirt-vm.md 9.4).

Nothing runs in it. It is a facade in front of the guest, so that quotas, dashboards, `kubectl get pods` and scripts that look for
`virt-launcher-…` find what they expect. Its name is derived from the instance's uid, so that making it twice makes one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from solovirt.controllers.virtual_machine_instance import conditions, sizes
from solovirt.kinds.kubevirt import names
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.kinds.kubevirt.rules.volumes import claim_name, is_hotplug
from solovirt.machinery import quantity
from solovirt.machinery.clock import timestamp
from solovirt.machinery.resource import Document, ObjectKey

NODE_NAME_LABEL = "kubevirt.io/nodeName"
UNPAUSED_GATE = "kubevirt.io/virtual-machine-unpaused"
NOT_READY_WHILE_PAUSED = (
    "ReadinessGatesNotReady",
    f'the status of pod readiness gate "{UNPAUSED_GATE}" is not "True", but False',
)
"""Reason and message of the condition Ready of a pod whose guest is paused."""
NOT_READY_BY_PROBE = ("ContainersNotReady", "containers with unready status: [compute]")
"""Reason and message of the conditions Ready and ContainersReady of a pod whose guest does not pass its readiness probe."""
DEFAULT_GRACE_SECONDS = 30
_GRACE_SURCHARGE = 30
_LIBVIRT_STARTUP_SECONDS = 10
"""What KubeVirt adds to a probe's initial delay, which begins with the container. Ours begins with the guest and needs none."""
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""What Kubernetes draws the ends of generated names from."""
_SUFFIX_LENGTH = 5
_LONGEST_LABEL = 63
_LONGEST_PREFIX = _LONGEST_LABEL - _SUFFIX_LENGTH
_DEVICES = {f"devices.kubevirt.io/{device}": "1" for device in ("kvm", "tun", "vhost-net")}
_SCRATCH = "50M"
_KEPT_PRIVATE = ("kubectl.kubernetes.io/last-applied-configuration",)
_OWN_PREFIXES = ("kubevirt.io/storage-observed-api-version", "kubevirt.io/latest-observed-api-version")


def key_of(instance: Document) -> ObjectKey:
    """Where the instance's pod is."""
    metadata = instance["metadata"]
    prefix = f"virt-launcher-{metadata['name']}-"[:_LONGEST_PREFIX]
    digest = hashlib.sha256(metadata["uid"].encode()).digest()
    suffix = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:_SUFFIX_LENGTH])
    return ObjectKey(metadata["namespace"], prefix + suffix)


def grace_seconds(instance: Document) -> int:
    """How long the guest may take to shut down."""
    seconds = instance["spec"].get("terminationGracePeriodSeconds")
    return DEFAULT_GRACE_SECONDS if seconds is None else int(seconds)


def build(instance: Document, node: str | None, *, cluster: Cluster = STANDARD) -> Document:
    """The pod of *instance*, on *node* or waiting for one."""
    metadata, spec = instance["metadata"], instance["spec"]
    name = metadata["name"]
    hostname = (spec.get("hostname") or name).partition(".")[0][:_LONGEST_LABEL]
    labels = {
        **(metadata.get("labels") or {}),
        "kubevirt.io": "virt-launcher",
        names.CREATED_BY_LABEL: metadata["uid"],
        "vm.kubevirt.io/name": hostname,
        "vmi.kubevirt.io/id": _label_value(name),
    }
    if node is not None:
        labels[NODE_NAME_LABEL] = node
    annotations = {
        key: value
        for key, value in (metadata.get("annotations") or {}).items()
        if key not in _KEPT_PRIVATE and not key.startswith(_OWN_PREFIXES)
    }
    annotations |= {
        "kubevirt.io/domain": name,
        "kubectl.kubernetes.io/default-container": "compute",
        "kubevirt.io/migrationTransportUnix": "true",
    }
    return {
        "metadata": {
            "namespace": metadata["namespace"],
            "name": key_of(instance).name,
            "generateName": f"virt-launcher-{name}-",
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [
                {
                    "apiVersion": names.API_VERSION,
                    "kind": "VirtualMachineInstance",
                    "name": name,
                    "uid": metadata["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": _spec(instance, hostname, node, cluster),
    }


def _label_value(name: str) -> str:
    """The name where it fits into a label, else what of it does and a hash."""
    if len(name) <= _LONGEST_LABEL:
        return name
    digest = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
    return f"{name[:54]}-{digest[:8]}"


def _spec(instance: Document, hostname: str, node: str | None, cluster: Cluster) -> Document:
    spec = instance["spec"]
    out: Document = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": grace_seconds(instance) + _GRACE_SURCHARGE,
        "hostname": hostname,
        "readinessGates": [{"conditionType": UNPAUSED_GATE}],
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"fsGroup": 107, "runAsGroup": 107, "runAsNonRoot": True, "runAsUser": 107},
        "nodeSelector": {
            "kubernetes.io/arch": spec.get("architecture") or cluster.architecture,
            "kubevirt.io/schedulable": "true",
            **(spec.get("nodeSelector") or {}),
        },
        "containers": [
            {
                "name": "compute",
                "image": cluster.launcher_image,
                "imagePullPolicy": "IfNotPresent",
                "command": ["/usr/bin/virt-launcher-monitor"],
                "resources": _resources(spec, cluster),
                **_probes(spec, f"{instance['metadata']['namespace']}_{instance['metadata']['name']}"),
            }
        ],
    }
    for field in ("subdomain", "affinity", "tolerations", "topologySpreadConstraints", "dnsPolicy", "dnsConfig"):
        if spec.get(field) is not None:
            out[field] = spec[field]
    if spec.get("priorityClassName"):
        out["priorityClassName"] = spec["priorityClassName"]
    if spec.get("serviceAccountName"):
        out["serviceAccountName"] = spec["serviceAccountName"]
    volumes = _volumes(spec.get("volumes") or ())
    if volumes:
        out["volumes"] = volumes
    if node is not None:
        out["nodeName"] = node
    return out


def _probes(spec: Document, domain: str) -> Document:
    """The compute container's probes: what is asked inside the guest is asked by virt-probe."""
    out: Document = {}
    for field in ("readinessProbe", "livenessProbe"):
        if spec.get(field) is None:
            continue
        probe = {key: value for key, value in spec[field].items() if key != "guestAgentPing"}
        probe["initialDelaySeconds"] = probe.get("initialDelaySeconds", 0) + _LIBVIRT_STARTUP_SECONDS
        command = (spec[field].get("exec") or {}).get("command") or ()
        if command or spec[field].get("guestAgentPing") is not None:
            timeout = probe.get("timeoutSeconds", 1)
            asked = ["--command", command[0], "--", *command[1:]] if command else ["--guestAgentPing"]
            probe["exec"] = {
                "command": ["virt-probe", "--domainName", domain, "--timeoutSeconds", f"{timeout}", *asked]
            }
            # For what virt-probe does beside.
            probe["timeoutSeconds"] = timeout + 1
        out[field] = probe
    return out


def _resources(spec: Document, cluster: Cluster) -> Document:
    resources = spec["domain"].get("resources") or {}
    wanted = sizes.requests(spec, cluster=cluster)
    requests = {
        **_DEVICES,
        "cpu": quantity.milli_text(wanted.milli_cpus),
        "memory": quantity.binary_text(wanted.memory),
        "ephemeral-storage": _SCRATCH,
    }
    limits = {**_DEVICES}
    given = resources.get("limits") or {}
    if given.get("cpu") is not None:
        limits["cpu"] = str(given["cpu"])
    if given.get("memory") is not None:
        most = quantity.whole(given["memory"]) + sizes.overhead(spec)
        limits["memory"] = quantity.binary_text(max(most, wanted.memory))
    return {"requests": requests, "limits": limits}


def _volumes(volumes: Sequence[Document]) -> list[Document]:
    """The pod's volumes: claims, images, and what is read from config maps and secrets."""
    out: list[Document] = []
    for volume in volumes:
        if is_hotplug(volume):
            # An attachment pod mounts it.
            continue
        name = claim_name(volume)
        if name is not None:
            out.append({"name": volume["name"], "persistentVolumeClaim": {"claimName": name}})
        elif (disk := volume.get("containerDisk")) is not None:
            image = {"reference": disk["image"], "pullPolicy": disk.get("imagePullPolicy") or "IfNotPresent"}
            out.append({"name": volume["name"], "image": image})
        elif (config_map := volume.get("configMap")) is not None:
            out.append({"name": volume["name"], "configMap": {"name": config_map.get("name", "")}})
        elif (secret := volume.get("secret")) is not None:
            out.append({"name": volume["name"], "secret": {"secretName": secret.get("secretName", "")}})
        else:
            out.append({"name": volume["name"], "emptyDir": {}})
    return out


# -- status


def running_status(
    pod: Document, *, now: datetime, host_address: str, addresses: Sequence[str], paused: bool, ready: bool = True
) -> Document:
    """
    The status of a pod whose guest's node has taken it. Written on top of what the pod has, so that times stay.

    *ready*: the guest passes its readiness probe, if it has one.
    """
    status: Document = dict(pod.get("status") or {})
    started = status.get("startTime") or timestamp(now)
    listed: list[dict[str, Any]] = [dict(one) for one in status.get("conditions") or ()]
    for met in ("PodScheduled", "PodReadyToStartContainers", "Initialized"):
        conditions.put(listed, met, "True", now=now)
    unready, why = ("", "") if ready else NOT_READY_BY_PROBE
    conditions.put(listed, "ContainersReady", "True" if ready else "False", now=now, reason=unready, message=why)
    if paused:
        conditions.put(
            listed, UNPAUSED_GATE, "False", now=now, reason="Paused", message="the virtual machine is paused"
        )
        # What is wrong with containers goes before what readiness gates say.
        reason, message = NOT_READY_WHILE_PAUSED if ready else NOT_READY_BY_PROBE
        conditions.put(listed, "Ready", "False", now=now, reason=reason, message=message)
    else:
        message = "the virtual machine is not paused"
        conditions.put(listed, UNPAUSED_GATE, "True", now=now, reason="NotPaused", message=message)
        conditions.put(listed, "Ready", "True" if ready else "False", now=now, reason=unready, message=why)
    status.update(
        phase="Running",
        # As they are stored: an empty time is none.
        conditions=[{key: value for key, value in one.items() if value is not None} for one in listed],
        startTime=started,
        hostIP=host_address,
        hostIPs=[{"ip": host_address}],
        containerStatuses=[_container(pod, {"running": {"startedAt": started}}, ready=ready)],
    )
    if addresses:
        status.update(podIP=addresses[0], podIPs=[{"ip": address} for address in addresses])
    return status


def waiting_status(pod: Document, *, now: datetime, message: str) -> Document:
    """The status of a pod that no node takes."""
    status: Document = dict(pod.get("status") or {})
    listed: list[dict[str, Any]] = [dict(one) for one in status.get("conditions") or ()]
    conditions.put(listed, "PodScheduled", "False", now=now, reason="Unschedulable", message=message)
    status.update(phase="Pending", conditions=listed)
    return status


def final_status(pod: Document, *, now: datetime, succeeded: bool) -> Document:
    """The status of a pod whose guest has ended."""
    status: Document = dict(pod.get("status") or {})
    listed: list[dict[str, Any]] = [dict(one) for one in status.get("conditions") or ()]
    reason = "PodCompleted" if succeeded else "PodFailed"
    for unmet in ("Ready", "ContainersReady"):
        conditions.put(listed, unmet, "False", now=now, reason=reason)
    ended: dict[str, Any] = {
        "exitCode": 0 if succeeded else 1,
        "reason": "Completed" if succeeded else "Error",
        "finishedAt": timestamp(now),
    }
    if status.get("startTime"):
        ended["startedAt"] = status["startTime"]
    status.update(
        phase="Succeeded" if succeeded else "Failed",
        conditions=listed,
        containerStatuses=[_container(pod, {"terminated": ended}, ready=False)],
    )
    return status


def _container(pod: Document, state: Document, *, ready: bool) -> Document:
    container = pod["spec"]["containers"][0]
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": container["image"],
        # The pod's own uid is not known yet when it is made.
        "containerID": f"fake://{pod['metadata']['labels'].get(names.CREATED_BY_LABEL, '')}",
        "ready": ready,
        "started": "running" in state,
        "restartCount": 0,
        "lastState": {},
        "state": state,
    }
