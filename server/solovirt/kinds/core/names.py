"""The names that the core kinds' parts agree on: resources, finalizers, labels and annotations (reference kubernetes-api.md 7)."""

from __future__ import annotations

from solovirt.machinery.resource import GroupResource

COMPONENT_STATUSES = GroupResource("", "componentstatuses")
CONFIG_MAPS = GroupResource("", "configmaps")
EVENTS = GroupResource("", "events")
NAMESPACES = GroupResource("", "namespaces")
NODES = GroupResource("", "nodes")
PERSISTENT_VOLUMES = GroupResource("", "persistentvolumes")
PERSISTENT_VOLUME_CLAIMS = GroupResource("", "persistentvolumeclaims")
PODS = GroupResource("", "pods")
RESOURCE_QUOTAS = GroupResource("", "resourcequotas")
SECRETS = GroupResource("", "secrets")
SERVICES = GroupResource("", "services")
SERVICE_ACCOUNTS = GroupResource("", "serviceaccounts")
PRIORITY_CLASSES = GroupResource("scheduling.k8s.io", "priorityclasses")
STORAGE_CLASSES = GroupResource("storage.k8s.io", "storageclasses")

# Finalizers.
NAMESPACE_FINALIZER = "kubernetes"
"""In a namespace's spec.finalizers until its content is gone."""
PVC_PROTECTION_FINALIZER = "kubernetes.io/pvc-protection"
PV_PROTECTION_FINALIZER = "kubernetes.io/pv-protection"
FOREGROUND_FINALIZER = "foregroundDeletion"
ORPHAN_FINALIZER = "orphan"

# Labels.
NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"

# Annotations.
DEFAULT_CLASS_ANNOTATION = "storageclass.kubernetes.io/is-default-class"
BIND_COMPLETED_ANNOTATION = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER_ANNOTATION = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY_ANNOTATION = "pv.kubernetes.io/provisioned-by"
STORAGE_PROVISIONER_ANNOTATION = "volume.kubernetes.io/storage-provisioner"
SELECTED_NODE_ANNOTATION = "volume.kubernetes.io/selected-node"

# Names.
DEFAULT_SERVICE_ACCOUNT = "default"
ROOT_CERTIFICATE_CONFIG_MAP = "kube-root-ca.crt"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
"""The provisioner of storage classes whose volumes are made by hand."""
