"""
Kubernetes' own control loops, as far as there is something for them to control here.

They write as in a cluster: each under its own service account of kube-system, all of them as one program.
"""

from __future__ import annotations

from solovirt.controllers.cluster_role_aggregation import ClusterRoleAggregationController
from solovirt.controllers.event_expiry import EventExpiry
from solovirt.controllers.garbage_collector import GarbageCollector
from solovirt.controllers.namespace import NamespaceController
from solovirt.controllers.persistent_volume import PersistentVolumeController
from solovirt.controllers.persistent_volume_claim import PersistentVolumeClaimController
from solovirt.controllers.pod import PodController
from solovirt.controllers.resource_quota import ResourceQuotaController
from solovirt.controllers.service_account import RootCertificateController, ServiceAccountController
from solovirt.controllers.service_account_token import ServiceAccountTokenController
from solovirt.kinds.authentication.service_accounts import ServiceAccountTokens
from solovirt.kinds.core import quota
from solovirt.machinery.control.manager import Manager
from solovirt.machinery.control.protocol import Tools
from solovirt.volumes.protocol import Volumes

FIELD_MANAGER = "kube-controller-manager"
"""The program that these loops are part of in a cluster; managedFields show it."""


def install(
    manager: Manager,
    *,
    root_certificate: str = "",
    tokens: ServiceAccountTokens | None = None,
    volumes: Volumes | None = None,
) -> None:
    """
    Add all of them.

    *root_certificate* is the PEM that every namespace's `kube-root-ca.crt` carries. Without *tokens* the Secrets that are for service accounts'
    tokens stay empty. *volumes* keeps the bytes of PersistentVolumes.
    """
    store, registry = manager.store, manager.registry
    registry.limits.append(quota.refuse_excess)

    def tools(name: str) -> Tools:
        return manager.tools(name, field_manager=FIELD_MANAGER)

    manager.add(GarbageCollector(tools(GarbageCollector.name), store=store, registry=registry))
    manager.add(NamespaceController(tools(NamespaceController.name), store=store, registry=registry))
    manager.add(ServiceAccountController(tools(ServiceAccountController.name)))
    manager.add(RootCertificateController(tools(RootCertificateController.name), certificate=root_certificate))
    manager.add(
        PersistentVolumeClaimController(tools(PersistentVolumeClaimController.name), store=store, registry=registry)
    )
    manager.add(PersistentVolumeController(tools(PersistentVolumeController.name), volumes=volumes))
    manager.add(PodController(tools(PodController.name), store=store))
    manager.add(ResourceQuotaController(tools(ResourceQuotaController.name), store=store))
    manager.add(
        ClusterRoleAggregationController(
            manager.tools(ClusterRoleAggregationController.name), store=store, registry=registry
        )
    )
    if tokens is not None:
        manager.add(
            ServiceAccountTokenController(
                tools(ServiceAccountTokenController.name), store=store, tokens=tokens, certificate=root_certificate
            )
        )
    manager.add_background(EventExpiry(tools(EventExpiry.name), store=store))
