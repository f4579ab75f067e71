"""
`pods/<name>/eviction`: a delete that disruption budgets have a say in, and KubeVirt.

The launcher pod of an instance that is to migrate when its node is emptied stays, and the instance is marked
(reference kubevirt-validation.md, rule 230).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from math import ceil

from solovirt.kinds.core import names
from solovirt.kinds.kubevirt import names as kubevirt
from solovirt.kinds.kubevirt.denial import deny_eviction
from solovirt.machinery import selectors
from solovirt.machinery.errors import Cause, InternalError, NotFound, TooManyRequests
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Record, Store, parse
from solovirt.machinery.verbs.protocol import (
    Answer,
    Api,
    Caller,
    DeleteOptions,
    Preconditions,
    SubresourceRequest,
    Target,
)
from solovirt.subresources.pod_binding import SUCCESS, check_name
from solovirt.subresources.virtual_machine_lifecycle import VIRT_API

_BUDGETS = GroupResource("policy", "poddisruptionbudgets")
_INTERCEPTOR = "virt-launcher-eviction-interceptor.kubevirt.io"
_FINAL = ("Succeeded", "Failed")


def install(registry: Registry, api: Api, store: Store) -> None:
    """Answer the subresource from now on."""

    async def evict(request: SubresourceRequest) -> Answer:
        body = request.body or {}
        check_name(body, request.target.name, "Eviction")
        record = store.now.get(names.PODS, request.target.key)
        if record is None:
            raise NotFound.of(names.PODS, request.target.name)
        pod = parse(record, "v1", "Pod")
        options, caller = _options(body.get("deleteOptions") or {}, request.caller)
        if (instance := _instance(store, pod)) is not None and _is_to_leave(instance):
            await mark(instance, pod["spec"].get("nodeName") or "", caller)
            raise deny_eviction(_INTERCEPTOR, _triggered(instance))
        if not _may_go_at_once(pod):
            _consult_budgets(store, record)
        await api.delete(dataclasses.replace(request.target, subresource=""), options, caller)
        return Answer(201, SUCCESS)

    async def mark(instance: Document, node: str, caller: Caller) -> None:
        """Tell whoever migrates instances that this one is to leave *node*."""
        resource = registry.get(kubevirt.VIRTUAL_MACHINE_INSTANCES)
        if resource is None or caller.dry_run:
            return
        metadata = instance["metadata"]

        def edit(document: Document) -> Document:
            document.setdefault("status", {})["evacuationNodeName"] = node
            return document

        target = Target(resource, resource.storage_version.name, metadata["namespace"], metadata["name"])
        await api.edit(target, edit, dataclasses.replace(caller, user=VIRT_API, field_manager="virt-api"))

    registry.handle(names.PODS, "eviction", evict)


def _options(given: Document, caller: Caller) -> tuple[DeleteOptions, Caller]:
    preconditions = given.get("preconditions") or {}
    options = DeleteOptions(
        given.get("propagationPolicy"),
        given.get("gracePeriodSeconds"),
        Preconditions(preconditions.get("uid"), preconditions.get("resourceVersion")),
    )
    return options, dataclasses.replace(caller, dry_run=True) if given.get("dryRun") else caller


def _is_to_leave(instance: Document) -> bool:
    """
    Whether the instance is to migrate rather than to end with its pod.

    Raises StatusError, 429, if it is to and can't, or has been told already.
    """
    status = instance.get("status") or {}
    strategy = instance["spec"].get("evictionStrategy")
    conditions = status.get("conditions") or ()
    migratable = any(one["type"] == "LiveMigratable" and one["status"] == "True" for one in conditions)
    if strategy == "LiveMigrate" and not migratable:
        why = f"VMI {instance['metadata']['name']} is configured with an eviction strategy but is not live-migratable"
        raise deny_eviction(_INTERCEPTOR, why)
    if strategy not in ("LiveMigrate", "External") and not (strategy == "LiveMigrateIfPossible" and migratable):
        return False
    if status.get("evacuationNodeName"):
        raise deny_eviction(_INTERCEPTOR, f"Evacuation in progress: {_triggered(instance)}")
    return True


def _triggered(instance: Document) -> str:
    metadata = instance["metadata"]
    return f'Eviction triggered evacuation of VMI "{metadata["namespace"]}/{metadata["name"]}"'


def _instance(store: Store, pod: Document) -> Document | None:
    """The running instance whose launcher *pod* is."""
    metadata = pod["metadata"]
    if (metadata.get("labels") or {}).get("kubevirt.io") != "virt-launcher":
        return None
    for owner in metadata.get("ownerReferences") or ():
        key = ObjectKey(metadata["namespace"], owner["name"])
        record = store.now.get(kubevirt.VIRTUAL_MACHINE_INSTANCES, key)
        if record is not None and record.index.uid == owner["uid"]:
            instance = parse(record, kubevirt.API_VERSION, "VirtualMachineInstance")
            return None if (instance.get("status") or {}).get("phase") in _FINAL else instance
    return None


def _may_go_at_once(pod: Document) -> bool:
    """Pods that are over, that never began, or that are going already concern no budget."""
    phase = (pod.get("status") or {}).get("phase")
    return phase in (*_FINAL, "Pending") or bool(pod["metadata"].get("deletionTimestamp"))


def _consult_budgets(store: Store, record: Record) -> None:
    """Raises TooManyRequests if a disruption budget needs the pod, InternalError if there are several."""
    budgets = []
    for found in store.now.list(_BUDGETS, record.key.namespace):
        budget = parse(found, "policy/v1", "PodDisruptionBudget")
        selector = selectors.from_label_selector((budget.get("spec") or {}).get("selector"))
        if selector.matches(record.index.labels):
            budgets.append((budget, selector))
    if not budgets:
        return
    if len(budgets) > 1:
        raise InternalError.of(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
    ((budget, selector),) = budgets
    pods = [
        parse(one, "v1", "Pod")
        for one in store.now.list(names.PODS, record.key.namespace)
        if selector.matches(one.index.labels) and not one.index.deleting
    ]
    healthy, needed = sum(map(_is_ready, pods)), _needed(budget["spec"], pods)
    if healthy <= needed:
        cause = Cause(
            f"The disruption budget {budget['metadata']['name']} needs {needed} healthy pods and has {healthy} currently",
            "DisruptionBudget",
        )
        raise TooManyRequests(
            "Cannot evict pod as it would violate the pod's disruption budget.", details={"causes": [cause.document()]}
        )


def _is_ready(pod: Document) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _needed(spec: Document, pods: Sequence[Document]) -> int:
    """How many of *pods* have to be healthy."""

    def share(amount: int | str) -> int:
        # Percentages are rounded up.
        return ceil(len(pods) * int(amount.rstrip("%")) / 100) if isinstance(amount, str) else amount

    if (least := spec.get("minAvailable")) is not None:
        return share(least)
    if (most := spec.get("maxUnavailable")) is not None:
        return max(0, len(pods) - share(most))
    return 0
