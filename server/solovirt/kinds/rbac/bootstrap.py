"""
The roles that every Kubernetes cluster has, and to whom they are given.

Users bind `view`, `edit`, `admin` and `cluster-admin`; add-ons bind the `system:` ones. Everything is created when it is missing, with the rules
that aggregated roles end up with already in place. Left out are the roles of the parts of a cluster that are not here (kubelet, scheduler, …).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from solovirt.kinds.rbac import aggregation, names
from solovirt.machinery.resource import Document, GroupResource

READ = ("get", "list", "watch")
WRITE = ("create", "delete", "deletecollection", "patch", "update")
READ_WRITE = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
AUTO_UPDATE = {"rbac.authorization.kubernetes.io/autoupdate": "true"}
AUTHENTICATED = "system:authenticated"
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"
_HEALTH = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_AGGREGATION_CONTROLLER = "system:controller:clusterrole-aggregation-controller"


def rule(groups: str | Sequence[str], resources: Sequence[str], verbs: Sequence[str]) -> Document:
    """A PolicyRule about resources."""
    of = [groups] if isinstance(groups, str) else list(groups)
    return {"apiGroups": of, "resources": list(resources), "verbs": list(verbs)}


def cluster_role(
    name: str,
    rules: Sequence[Document],
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    aggregate_to: str = "",
    gathers: str = "",
) -> Document:
    """A ClusterRole; *aggregate_to* names the aggregated role that it is part of, *gathers* the one whose parts it puts together."""
    metadata: dict[str, Any] = {"name": name, "labels": dict(labels or {})}
    if annotations:
        metadata["annotations"] = dict(annotations)
    if aggregate_to:
        metadata["labels"][_AGGREGATE + aggregate_to] = "true"
    out: Document = {"metadata": metadata, "rules": list(rules)}
    if gathers:
        out["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {_AGGREGATE + gathers: "true"}}]}
    return out


def binding(
    name: str,
    *groups: str,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    subjects: Sequence[Document] = (),
) -> Document:
    """A ClusterRoleBinding of the ClusterRole of the same name."""
    metadata: dict[str, Any] = {"name": name, "labels": dict(labels or {})}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {
        "metadata": metadata,
        "roleRef": {"apiGroup": names.GROUP, "kind": "ClusterRole", "name": name},
        "subjects": [*({"apiGroup": names.GROUP, "kind": "Group", "name": group} for group in groups), *subjects],
    }


def objects(roles: Sequence[Document] = (), given: Sequence[Document] = ()) -> list[tuple[GroupResource, Document]]:
    """All roles and bindings, those of add-ons (*roles*, *given*) among them, aggregated."""
    every = [*cluster_roles(), *roles]
    # An aggregated role may be part of another: view of edit, edit of admin.
    for _ in range(3):
        for role in every:
            if aggregation.selectors(role):
                role["rules"] = aggregation.gathered(role, every)
    return [
        *((names.CLUSTER_ROLES, role) for role in every),
        *((names.CLUSTER_ROLE_BINDINGS, one) for one in [*cluster_role_bindings(), *given]),
    ]


def cluster_role_bindings() -> list[Document]:
    """To whom Kubernetes gives its roles."""

    def default(name: str, *groups: str, subjects: Sequence[Document] = ()) -> Document:
        return binding(name, *groups, labels=_LABELS, annotations=AUTO_UPDATE, subjects=subjects)

    controller = {
        "kind": "ServiceAccount",
        "name": "clusterrole-aggregation-controller",
        "namespace": "kube-system",
    }
    return [
        default("cluster-admin", "system:masters"),
        default("system:basic-user", AUTHENTICATED),
        default("system:discovery", AUTHENTICATED),
        default("system:monitoring", "system:monitoring"),
        default("system:public-info-viewer", AUTHENTICATED, "system:unauthenticated"),
        default("system:service-account-issuer-discovery", "system:serviceaccounts"),
        default(_AGGREGATION_CONTROLLER, subjects=[controller]),
    ]


def cluster_roles() -> list[Document]:
    """Kubernetes' own roles."""

    def default(name: str, *rules: Document, aggregate_to: str = "", gathers: str = "") -> Document:
        return cluster_role(
            name, rules, labels=_LABELS, annotations=AUTO_UPDATE, aggregate_to=aggregate_to, gathers=gathers
        )

    def paths(*urls: str) -> Document:
        return {"nonResourceURLs": list(urls), "verbs": ["get"]}

    return [
        default("cluster-admin", rule("*", ["*"], ["*"]), {"nonResourceURLs": ["*"], "verbs": ["*"]}),
        default("admin", gathers="admin"),
        default("edit", gathers="edit", aggregate_to="admin"),
        default("view", gathers="view", aggregate_to="edit"),
        default("system:aggregate-to-admin", *_ADMIN, aggregate_to="admin"),
        default("system:aggregate-to-edit", *_EDIT, aggregate_to="edit"),
        default("system:aggregate-to-view", *_VIEW, aggregate_to="view"),
        default(
            "system:auth-delegator",
            rule("authentication.k8s.io", ["tokenreviews"], ["create"]),
            rule("authorization.k8s.io", ["subjectaccessreviews"], ["create"]),
        ),
        default(
            "system:basic-user",
            rule("authorization.k8s.io", ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], ["create"]),
            rule("authentication.k8s.io", ["selfsubjectreviews"], ["create"]),
        ),
        default(
            "system:discovery",
            paths(
                *("/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz"),
                *("/version", "/version/"),
            ),
        ),
        default(
            "system:monitoring",
            paths(
                *("/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/metrics/slis", "/readyz", "/readyz/*"),
            ),
        ),
        default("system:public-info-viewer", paths(*_HEALTH)),
        default(
            "system:service-account-issuer-discovery",
            paths("/.well-known/openid-configuration", "/openid/v1/jwks"),
        ),
        default(
            _AGGREGATION_CONTROLLER,
            rule(names.GROUP, ["clusterroles"], ["escalate", "get", "list", "patch", "update", "watch"]),
        ),
    ]


_ADMIN = (
    rule("authorization.k8s.io", ["localsubjectaccessreviews"], ["create"]),
    rule(names.GROUP, ["rolebindings", "roles"], READ_WRITE),
)
_CONNECTIONS = ("pods/attach", "pods/exec", "pods/portforward", "pods/proxy")
_EDIT = (
    rule("", [*_CONNECTIONS, "secrets", "services/proxy"], READ),
    rule("", ["serviceaccounts"], ["impersonate"]),
    rule("", ["pods", *_CONNECTIONS], WRITE),
    rule("", ["pods/eviction"], ["create"]),
    rule(
        "",
        [
            *("configmaps", "events", "persistentvolumeclaims", "replicationcontrollers"),
            *("replicationcontrollers/scale", "secrets", "serviceaccounts", "services", "services/proxy"),
        ],
        WRITE,
    ),
    rule("", ["serviceaccounts/token"], ["create"]),
    rule(
        "apps",
        [
            *("daemonsets", "deployments", "deployments/rollback", "deployments/scale", "replicasets"),
            *("replicasets/scale", "statefulsets", "statefulsets/scale"),
        ],
        WRITE,
    ),
    rule("autoscaling", ["horizontalpodautoscalers"], WRITE),
    rule("batch", ["cronjobs", "jobs"], WRITE),
    rule(
        "extensions",
        [
            *("daemonsets", "deployments", "deployments/rollback", "deployments/scale", "ingresses"),
            *("networkpolicies", "replicasets", "replicasets/scale", "replicationcontrollers/scale"),
        ],
        WRITE,
    ),
    rule("policy", ["poddisruptionbudgets"], WRITE),
    rule("networking.k8s.io", ["ingresses", "networkpolicies"], WRITE),
    rule("coordination.k8s.io", ["leases"], READ_WRITE),
)
_VIEW = (
    rule(
        "",
        [
            *("configmaps", "endpoints", "persistentvolumeclaims", "persistentvolumeclaims/status", "pods"),
            *("replicationcontrollers", "replicationcontrollers/scale", "serviceaccounts", "services"),
            "services/status",
        ],
        READ,
    ),
    rule(
        "",
        [
            *("bindings", "events", "limitranges", "namespaces/status", "pods/log", "pods/status"),
            *("replicationcontrollers/status", "resourcequotas", "resourcequotas/status"),
        ],
        READ,
    ),
    rule("", ["namespaces"], READ),
    rule("discovery.k8s.io", ["endpointslices"], READ),
    rule(
        "apps",
        [
            *("controllerrevisions", "daemonsets", "daemonsets/status", "deployments", "deployments/scale"),
            *("deployments/status", "replicasets", "replicasets/scale", "replicasets/status", "statefulsets"),
            *("statefulsets/scale", "statefulsets/status"),
        ],
        READ,
    ),
    rule("autoscaling", ["horizontalpodautoscalers", "horizontalpodautoscalers/status"], READ),
    rule("batch", ["cronjobs", "cronjobs/status", "jobs", "jobs/status"], READ),
    rule(
        "extensions",
        [
            *("daemonsets", "daemonsets/status", "deployments", "deployments/scale", "deployments/status"),
            *("ingresses", "ingresses/status", "networkpolicies", "replicasets", "replicasets/scale"),
            *("replicasets/status", "replicationcontrollers/scale"),
        ],
        READ,
    ),
    rule("policy", ["poddisruptionbudgets", "poddisruptionbudgets/status"], READ),
    rule("networking.k8s.io", ["ingresses", "ingresses/status", "networkpolicies"], READ),
)
