"""Rules on the metadata of an instance or template (reference kubevirt-validation.md 4, and 7 for updates)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from solovirt.kinds.kubevirt import denial
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.machinery.auth.identity import User
from solovirt.machinery.errors import Cause

RESERVED_LABELS = (
    "kubevirt.io/created-by",
    "kubevirt.io/migrationJobUID",
    "kubevirt.io/nodeName",
    "kubevirt.io/migrationTargetNodeName",
    "kubevirt.io/schedulable",
    "kubevirt.io/install-strategy",
)
"""Labels by which KubeVirt's parts find objects; nobody else may set them on an instance (reference kubevirt-vm.md 13)."""

_CONTROLLER, _HANDLER = "kubevirt-controller", "kubevirt-handler"
_ACCOUNTS = ("kubevirt-apiserver", _CONTROLLER, _HANDLER, "kubevirt-synchronization-controller")
_SERVICE_ACCOUNT = "system:serviceaccount:"
_IGNITION = "kubevirt.io/ignitiondata"
_SIDECARS = "hooks.kubevirt.io/hookSidecars"


def is_kubevirt_account(user: User, *, cluster: Cluster = STANDARD) -> bool:
    """Whether *user* is one of KubeVirt's own parts, which may do what users may not."""
    # Nearly every write asks, and hardly anybody who writes is a service account.
    return user.name.startswith(_SERVICE_ACCOUNT) and any(_is(user, account, cluster) for account in _ACCOUNTS)


def is_handler(user: User, *, cluster: Cluster = STANDARD) -> bool:
    """Whether *user* is the virt-handler of a node."""
    return _is(user, _HANDLER, cluster)


def is_controller(user: User, *, cluster: Cluster = STANDARD) -> bool:
    """Whether *user* is virt-controller."""
    return _is(user, _CONTROLLER, cluster)


def _is(user: User, account: str, cluster: Cluster) -> bool:
    """Whether *user* is KubeVirt's *account*: where the KubeVirt CR is, or where our own parts always are."""
    namespaces = {cluster.namespace, STANDARD.namespace}
    return any(user.name == f"{_SERVICE_ACCOUNT}{namespace}:{account}" for namespace in namespaces)


def check(
    metadata: Mapping[str, Any] | None, path: str, *, user: User | None = None, cluster: Cluster = STANDARD
) -> list[Cause]:
    """Rules 66 to 68 on *metadata* at *path* (`metadata`, `spec.template.metadata`). Without *user* anybody's rules apply."""
    metadata = metadata or {}
    causes: list[Cause] = []
    labels = metadata.get("labels") or {}
    trusted = user is not None and is_kubevirt_account(user, cluster=cluster)
    if not trusted and any(label in labels for label in RESERVED_LABELS):
        causes.append(
            denial.not_supported(
                f"{path}.labels",
                "creation of the following reserved kubevirt.io/ labels on a VMI object is prohibited",
            )
        )
    annotations = metadata.get("annotations") or {}
    field = f"{path}.annotations"
    if _IGNITION in annotations and not cluster.has("ExperimentalIgnitionSupport"):
        causes.append(
            denial.invalid(
                field,
                "ExperimentalIgnitionSupport feature gate is not enabled in kubevirt-config, "
                f"invalid entry {field}.{_IGNITION}",
            )
        )
    if _SIDECARS in annotations and not cluster.has("Sidecar"):
        causes.append(
            denial.invalid(
                field, f"sidecar feature gate is not enabled in kubevirt-config, invalid entry {field}.{_SIDECARS}"
            )
        )
    return causes


def check_change(new: Mapping[str, Any], old: Mapping[str, Any]) -> list[Cause]:
    """Rule 202: somebody who is no part of KubeVirt changes metadata *old* to *new*."""
    before, after = old.get("labels") or {}, new.get("labels") or {}
    if all(before.get(label) == after.get(label) for label in RESERVED_LABELS):
        return []
    return [
        denial.not_supported(
            None, "modification of the following reserved kubevirt.io/ labels on a VMI object is prohibited"
        )
    ]
