"""
Kubernetes' own control loops, as far as there is something for them to control here.

They write as what they are in a cluster: service accounts of kube-system.
"""

from __future__ import annotations

from solovirt.controllers.event_expiry import EventExpiry
from solovirt.controllers.garbage_collector import GarbageCollector
from solovirt.controllers.namespace import NamespaceController
from solovirt.controllers.persistent_volume import PersistentVolumeController
from solovirt.controllers.persistent_volume_claim import PersistentVolumeClaimController
from solovirt.controllers.pod import PodController
from solovirt.controllers.service_account import RootCertificateController, ServiceAccountController
from solovirt.machinery.control.manager import Manager


def install(manager: Manager, *, root_certificate: str = "") -> None:
    """Add all of them. *root_certificate* is the PEM that every namespace's `kube-root-ca.crt` carries."""
    store, registry, tools = manager.store, manager.registry, manager.tools
    manager.add(GarbageCollector(tools(GarbageCollector.name), store=store, registry=registry))
    manager.add(NamespaceController(tools(NamespaceController.name), store=store, registry=registry))
    manager.add(ServiceAccountController(tools(ServiceAccountController.name)))
    manager.add(RootCertificateController(tools(RootCertificateController.name), certificate=root_certificate))
    manager.add(
        PersistentVolumeClaimController(tools(PersistentVolumeClaimController.name), store=store, registry=registry)
    )
    manager.add(PersistentVolumeController(tools(PersistentVolumeController.name)))
    manager.add(PodController(tools(PodController.name), store=store))
    manager.add_background(EventExpiry(tools(EventExpiry.name), store=store))
