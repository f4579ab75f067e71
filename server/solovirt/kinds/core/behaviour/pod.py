"""
Pods, which are a facade here: nothing runs containers, but a launcher pod looks and ends like one (reference kubernetes-api.md 7).

What is real is what clients see of a pod: the defaults that Kubernetes writes into its spec, that the spec then stays as it is, the
class of service, and the grace with which it goes. A pod that is on no node is gone at once; one on a node keeps its
deletionTimestamp in the future until `controllers/pod.py` finds that what it stood for has ended.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from typing import Any

from solovirt.kinds.core import names
from solovirt.machinery import quantity
from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.errors import (
    FieldError,
    FieldErrorType,
    Forbidden,
    duplicate,
    forbidden_field,
    invalid,
    not_supported,
    required,
)
from solovirt.machinery.resource import Document, ObjectKey

DEFAULT_GRACE_SECONDS = 30

_FINAL_PHASES = ("Succeeded", "Failed")
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
# A pod whose node is in trouble stays for so long (admission plugin DefaultTolerationSeconds).
_TOLERATED_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_TOLERATION_SECONDS = 300
# 0644, as JSON writes it.
_FILE_MODE = 0o644
_SPEC_IS_FIXED = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
    "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)


class PodBehaviour(Behaviour):
    """See the module."""

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        if admission.subresource == "status":
            return
        spec = obj.setdefault("spec", {})
        _default_spec(spec)
        if old is not None:
            return
        _admit_spec(obj, admission)
        # A status is there only if a controller made the pod as it will be.
        obj["status"] = {"phase": "Pending", "qosClass": qos_class(spec), **(obj.get("status") or {})}

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        return _spec_errors(obj["spec"])

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        if admission.subresource == "binding":
            return ()
        spec, before = obj["spec"], old["spec"]
        errors = [
            required(f"spec.{kind}[{index}].image")
            for kind, index, container in _containers(spec)
            if not container.get("image")
        ]
        if _fixed_part(spec) != _fixed_part(before) or not _only_adds(
            spec.get("tolerations") or [], before.get("tolerations") or []
        ):
            errors.append(forbidden_field("spec", _SPEC_IS_FIXED))
        return errors + _deadline_errors(spec, before)

    def grace_seconds(self, obj: Document, asked: int | None) -> int | None:
        """No grace for a pod that runs nowhere; else what was asked, else what the pod asks for itself."""
        spec = obj.get("spec") or {}
        if not spec.get("nodeName") or (obj.get("status") or {}).get("phase") in _FINAL_PHASES:
            return 0
        seconds = spec.get("terminationGracePeriodSeconds", DEFAULT_GRACE_SECONDS) if asked is None else asked
        # Kubernetes reads any negative grace as a second.
        return seconds if seconds >= 0 else 1


def qos_class(spec: Document) -> str:
    """The class of service: Guaranteed if every container's limits are its requests, BestEffort if none has either."""
    any_set = False
    guaranteed = True
    for kind, _, container in _containers(spec):
        if kind == "ephemeralContainers":
            continue
        resources = container.get("resources") or {}
        limits = {
            name: amount
            for name in ("cpu", "memory")
            if (amount := quantity.read((resources.get("limits") or {}).get(name)))
        }
        requests = {
            name: amount
            for name in ("cpu", "memory")
            if (amount := quantity.read((resources.get("requests") or {}).get(name)))
        }
        any_set = any_set or bool(limits or requests)
        guaranteed = guaranteed and len(limits) == len(("cpu", "memory")) and {**limits, **requests} == limits
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _containers(spec: Document) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for kind in _CONTAINER_LISTS:
        for index, container in enumerate(spec.get(kind) or ()):
            yield kind, index, container


def _set(target: dict[str, Any], field: str, value: Any) -> None:
    if target.get(field) is None:
        target[field] = value


def _default_spec(spec: Document) -> None:
    """What decoding a pod writes into it."""
    _set(spec, "restartPolicy", "Always")
    _set(spec, "dnsPolicy", "ClusterFirst")
    _set(spec, "terminationGracePeriodSeconds", DEFAULT_GRACE_SECONDS)
    _set(spec, "securityContext", {})
    _set(spec, "schedulerName", "default-scheduler")
    _set(spec, "enableServiceLinks", True)
    # The older name of the field is kept equal.
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for _, _, container in _containers(spec):
        _default_container(container)
    for volume in spec.get("volumes") or ():
        _default_volume(volume)


def _default_container(container: dict[str, Any]) -> None:
    _set(container, "terminationMessagePath", "/dev/termination-log")
    _set(container, "terminationMessagePolicy", "File")
    _set(container, "resources", {})
    if image := container.get("image"):
        tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
        newest = "@" not in image and tag in ("", "latest")
        _set(container, "imagePullPolicy", "Always" if newest else "IfNotPresent")
    for port in container.get("ports") or ():
        _set(port, "protocol", "TCP")
    for variable in container.get("env") or ():
        source = variable.get("valueFrom") or {}
        if source.get("fieldRef"):
            _set(source["fieldRef"], "apiVersion", "v1")
    resources = container["resources"]
    if limits := resources.get("limits"):
        # What is limited and not asked for is asked for up to the limit.
        resources["requests"] = {**limits, **(resources.get("requests") or {})}
    for name in _PROBES:
        if probe := container.get(name):
            for field, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1)):
                _set(probe, field, value)
            _set(probe, "failureThreshold", 3)
            if http := probe.get("httpGet"):
                _set(http, "path", "/")
                _set(http, "scheme", "HTTP")


def _default_volume(volume: dict[str, Any]) -> None:
    if not any(value is not None for field, value in volume.items() if field != "name"):
        volume["emptyDir"] = {}
    for source in ("secret", "configMap", "downwardAPI", "projected"):
        if volume.get(source) is not None:
            _set(volume[source], "defaultMode", _FILE_MODE)
    if volume.get("hostPath"):
        _set(volume["hostPath"], "type", "")


def _admit_spec(obj: Document, admission: Admission) -> None:
    """What the built-in admission plugins write into a new pod."""
    spec = obj["spec"]
    account = spec.get("serviceAccountName") or names.DEFAULT_SERVICE_ACCOUNT
    spec["serviceAccountName"] = spec["serviceAccount"] = account
    tolerations = spec.setdefault("tolerations", [])
    for taint in _TOLERATED_TAINTS:
        if not any(
            one.get("key") in (taint, None, "") and one.get("effect") in ("NoExecute", None, "") for one in tolerations
        ):
            tolerations.append(
                {"effect": "NoExecute", "key": taint, "operator": "Exists", "tolerationSeconds": _TOLERATION_SECONDS}
            )
    priority, policy = 0, "PreemptLowerPriority"
    if name := spec.get("priorityClassName"):
        found = admission.lookup.get(names.PRIORITY_CLASSES, ObjectKey("", name))
        if found is None:
            raise Forbidden.of(
                names.PODS, obj["metadata"].get("name", ""), f"no PriorityClass with name {name} was found"
            )
        priority, policy = found.get("value", 0), found.get("preemptionPolicy", policy)
    _set(spec, "priority", priority)
    _set(spec, "preemptionPolicy", policy)


def _spec_errors(spec: Document) -> list[FieldError]:
    errors = [] if spec.get("containers") else [required("spec.containers")]
    seen: set[str] = set()
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    for kind, index, container in _containers(spec):
        path = f"spec.{kind}[{index}]"
        name = container.get("name") or ""
        if not name:
            errors.append(required(f"{path}.name"))
        elif not _DNS_LABEL.fullmatch(name):
            errors.append(invalid(f"{path}.name", name, _DNS_LABEL_TEXT))
        elif name in seen:
            errors.append(duplicate(f"{path}.name", name))
        seen.add(name)
        if not container.get("image"):
            errors.append(required(f"{path}.image"))
        for position, mount in enumerate(container.get("volumeMounts") or ()):
            if mount.get("name") not in volumes:
                errors.append(
                    FieldError(FieldErrorType.NOT_FOUND, f"{path}.volumeMounts[{position}].name", mount.get("name"))
                )
    if spec["restartPolicy"] not in _RESTART_POLICIES:
        errors.append(not_supported("spec.restartPolicy", spec["restartPolicy"], _RESTART_POLICIES))
    return errors


def _fixed_part(spec: Document) -> Document:
    """The spec without what may change in a living pod."""
    fixed = copy.deepcopy(spec)
    for field in ("activeDeadlineSeconds", "tolerations"):
        fixed.pop(field, None)
    if fixed.get("terminationGracePeriodSeconds", 0) < 0:
        fixed["terminationGracePeriodSeconds"] = 1
    for kind in ("containers", "initContainers"):
        for container in fixed.get(kind) or ():
            container.pop("image", None)
            container.pop("imagePullPolicy", None)
    return fixed


def _only_adds(tolerations: list[Any], before: list[Any]) -> bool:
    return all(one in tolerations for one in before)


def _deadline_errors(spec: Document, before: Document) -> list[FieldError]:
    old, new = before.get("activeDeadlineSeconds"), spec.get("activeDeadlineSeconds")
    path = "spec.activeDeadlineSeconds"
    if old is None:
        return []
    if new is None:
        return [invalid(path, None, "must not update from a positive integer to nil value")]
    return [invalid(path, new, "must be less than or equal to previous value")] if new > old else []
