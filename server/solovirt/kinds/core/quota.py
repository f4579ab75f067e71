"""
What a ResourceQuota counts (k8s.io/kubernetes, pkg/quota/v1).

Counts of objects are kept from being exceeded: each creation is measured in the store's writer against all that is there, so that no two of them slip
through together. Sums of what pods and claims ask for are only reported, for no pod runs here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from solovirt.kinds.core import names
from solovirt.machinery import quantity
from solovirt.machinery.errors import Forbidden
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.protocol import View, parse

PODS_COUNT = "pods"
_COUNTED = frozenset(
    (
        *("configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "resourcequotas", "secrets"),
        "services",
    )
)
"""Core resources that have a name of their own, beside `count/…`."""
_COUNT = "count/"
_OF_CLASS = ".storageclass.storage.k8s.io/"
_FINAL = ("Succeeded", "Failed")
_COMPUTED = ("cpu", "memory", "ephemeral-storage")


def resource_of(name: str) -> GroupResource | None:
    """The resource whose objects the quantity *name* counts; None if it measures something else."""
    if name.startswith(_COUNT):
        plural, _, group = name.removeprefix(_COUNT).partition(".")
        return GroupResource(group, plural)
    return GroupResource("", name) if name in _COUNTED else None


def concerns(hard: Iterable[str], resource: GroupResource) -> bool:
    """Whether a change of *resource*'s objects may change what is used of *hard*."""
    if resource == names.PODS or resource in (names.PERSISTENT_VOLUME_CLAIMS, names.SERVICES):
        return True
    return any(resource_of(name) == resource for name in hard)


def refuse_excess(resource: GroupResource, key: ObjectKey, view: View) -> None:
    """Raise Forbidden if one more object of *resource* is more than a quota of its namespace allows."""
    if not view.count(names.RESOURCE_QUOTAS):
        return
    for record in view.list(names.RESOURCE_QUOTAS, key.namespace):
        quota = parse(record, "v1", "ResourceQuota")
        if _scoped(quota):
            continue
        hard = (quota.get("spec") or {}).get("hard") or {}
        exceeded = {}
        for name, most in sorted(hard.items()):
            if resource_of(name) == resource:
                used = _count(name, resource, key.namespace, view)
                if used + 1 > quantity.read(most):
                    exceeded[name] = used, most
        if exceeded:
            asked = ",".join(f"{name}=1" for name in exceeded)
            used_text = ",".join(f"{name}={used}" for name, (used, _) in exceeded.items())
            most_text = ",".join(f"{name}={most}" for name, (_, most) in exceeded.items())
            why = f"exceeded quota: {record.key.name}, requested: {asked}, used: {used_text}, limited: {most_text}"
            raise Forbidden.of(resource, key.name, why)


def used(quota: Document, view: View) -> dict[str, str]:
    """How much is used of each quantity that *quota* bounds."""
    namespace = quota["metadata"]["namespace"]
    spec = quota.get("spec") or {}
    hard: Mapping[str, Any] = spec.get("hard") or {}
    kept = [pod for pod in _pods(namespace, view) if _in_scopes(pod, spec)]
    pods = [pod for pod in kept if not _is_over(pod)]
    claims: list[Document] | None = None
    services: list[Document] | None = None
    out = {}
    for name in sorted(hard):
        resource = resource_of(name)
        if name == PODS_COUNT:
            out[name] = str(len(pods))
        elif resource == names.PODS:
            # What is stored, however it ended.
            out[name] = str(len(kept))
        elif _scoped(quota) and (resource is not None or not _of_pods_alone(name)):
            # Scopes select pods; nothing else is in one.
            out[name] = "0"
        elif resource is not None:
            out[name] = str(_count(name, resource, namespace, view))
        elif name == "requests.storage" or _OF_CLASS in name:
            if claims is None:
                found = view.list(names.PERSISTENT_VOLUME_CLAIMS, namespace)
                claims = [parse(one, "v1", "PersistentVolumeClaim") for one in found]
            out[name] = _of_claims(name, claims)
        elif name.startswith("services."):
            if services is None:
                services = [parse(one, "v1", "Service") for one in view.list(names.SERVICES, namespace)]
            out[name] = str(_of_services(name.removeprefix("services."), services))
        else:
            kind, _, computed = name.rpartition(".")
            out[name] = _of_pods(kind or "requests", computed, pods)
    return out


def _scoped(quota: Document) -> bool:
    spec = quota.get("spec") or {}
    return bool(spec.get("scopes") or spec.get("scopeSelector"))


def _count(name: str, resource: GroupResource, namespace: str, view: View) -> int:
    if name == PODS_COUNT:
        return sum(not _is_over(pod) for pod in _pods(namespace, view))
    return sum(1 for _ in view.list(resource, namespace))


def _pods(namespace: str, view: View) -> Iterator[Document]:
    for record in view.list(names.PODS, namespace):
        yield parse(record, "v1", "Pod")


def _is_over(pod: Document) -> bool:
    return (pod.get("status") or {}).get("phase") in _FINAL


def _of_pods_alone(name: str) -> bool:
    """Whether the quantity *name*, which is no count, sums what pods ask for."""
    return not (name == "requests.storage" or _OF_CLASS in name or name.startswith("services."))


def _in_scopes(pod: Document, spec: Document) -> bool:
    """Whether *pod* is of every scope and matches every selector of a quota's *spec* (pkg/quota/v1/evaluator/core/pods.go)."""
    selectors = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()]
    selectors += (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    return all(_matches(pod, one) for one in selectors)


def _matches(pod: Document, selector: Document) -> bool:
    spec = pod["spec"]
    match selector.get("scopeName"):
        case "Terminating":
            return _ends(spec)
        case "NotTerminating":
            return not _ends(spec)
        case "BestEffort":
            return _is_best_effort(pod)
        case "NotBestEffort":
            return not _is_best_effort(pod)
        case "PriorityClass":
            return _has_class(spec.get("priorityClassName"), selector)
        case "CrossNamespacePodAffinity":
            return any(
                term.get("namespaces") or term.get("namespaceSelector") is not None for term in _affinities(spec)
            )
    return False


def _ends(spec: Document) -> bool:
    seconds = spec.get("activeDeadlineSeconds")
    return seconds is not None and seconds >= 0


def _is_best_effort(pod: Document) -> bool:
    """Whether no container asks for any processor or memory, unless the pod's status says what it is."""
    if known := (pod.get("status") or {}).get("qosClass"):
        return bool(known == "BestEffort")
    containers = [*(pod["spec"].get("containers") or ()), *(pod["spec"].get("initContainers") or ())]
    return not any(
        _amount(one, kind, computed)
        for one in containers
        for kind in ("requests", "limits")
        for computed in ("cpu", "memory")
    )


def _has_class(given: str | None, selector: Document) -> bool:
    values = selector.get("values") or ()
    match selector.get("operator"):
        case "Exists":
            return bool(given)
        case "DoesNotExist":
            return not given
        case "In":
            return given in values
        case "NotIn":
            return not given or given not in values
    return False


def _affinities(spec: Document) -> Iterator[Document]:
    for kind in ("podAffinity", "podAntiAffinity"):
        declared = (spec.get("affinity") or {}).get(kind) or {}
        yield from declared.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        for weighted in declared.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield weighted.get("podAffinityTerm") or {}


def _of_pods(kind: str, computed: str, pods: Iterable[Document]) -> str:
    """What *pods* request, or are limited to, of something: each its containers together, or its largest init container."""
    total = Fraction(0)
    for pod in pods:
        spec = pod["spec"]
        together = sum((_amount(one, kind, computed) for one in spec.get("containers") or ()), Fraction(0))
        first = max((_amount(one, kind, computed) for one in spec.get("initContainers") or ()), default=Fraction(0))
        total += max(together, first)
    return _text(total, binary=computed != "cpu" and computed in _COMPUTED)


def _amount(container: Document, kind: str, computed: str) -> Fraction:
    return quantity.read(((container.get("resources") or {}).get(kind) or {}).get(computed))


def _of_claims(name: str, claims: Iterable[Document]) -> str:
    storage_class, of_class, what = name.rpartition(_OF_CLASS)
    chosen = [
        claim["spec"] for claim in claims if not of_class or claim["spec"].get("storageClassName") == storage_class
    ]
    if what == "persistentvolumeclaims":
        return str(len(chosen))
    asked = (quantity.read(((spec.get("resources") or {}).get("requests") or {}).get("storage")) for spec in chosen)
    return _text(sum(asked, Fraction(0)), binary=True)


def _of_services(what: str, services: Iterable[Document]) -> int:
    specs = [service.get("spec") or {} for service in services]
    if what == "loadbalancers":
        return sum(spec.get("type") == "LoadBalancer" for spec in specs)
    if what == "nodeports":
        return sum(bool(port.get("nodePort")) for spec in specs for port in spec.get("ports") or ())
    return 0


def _text(amount: Fraction, *, binary: bool) -> str:
    return quantity.binary_text(-(-amount // 1)) if binary else quantity.milli_text(-(-amount * 1000 // 1))
