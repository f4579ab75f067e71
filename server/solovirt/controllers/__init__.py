"""
The control loops, one module or package each, and what they start from.

`install` puts all of them under a manager, `bootstrap` creates what a cluster has before anybody asks for anything.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import bootstrap as cluster
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import bootstrap as installation
from solovirt.kinds.kubevirt import names as kubevirt_names
from solovirt.kinds.kubevirt import roles as kubevirt_roles
from solovirt.kinds.rbac import bootstrap as rbac
from solovirt.kinds.volume_snapshots.names import VOLUME_SNAPSHOT_CONTENTS, handle_of
from solovirt.machinery.auth.authoriser import MASTERS
from solovirt.machinery.auth.identity import User
from solovirt.machinery.control.manager import service_account as account
from solovirt.machinery.errors import AlreadyExists
from solovirt.machinery.resource import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from solovirt.controllers.custom_resources import ServedDefinitions
    from solovirt.controllers.metrics.transitions import PhaseTransitions
    from solovirt.kinds.authentication.service_accounts import ServiceAccountTokens
    from solovirt.machinery.clock import Clock
    from solovirt.machinery.control.manager import Manager
    from solovirt.machinery.control.protocol import Objects, Tools
    from solovirt.machinery.registry import Registry
    from solovirt.machinery.resource import Document, GroupResource
    from solovirt.machinery.store.protocol import Store
    from solovirt.runtime.protocol import Runtime
    from solovirt.volumes.protocol import Cluster, Volumes

VIRT_CONTROLLER: User = account("kubevirt", "kubevirt-controller")
"""Who KubeVirt's controllers are: webhooks let it do what users may not."""
LEADER_LEASE = ObjectKey("kubevirt", "virt-controller")
"""Whose holder runs the controllers, where several processes could: KubeVirt's, in the namespace it is installed in."""
CDI_CONTROLLER: User = account("cdi", "cdi-sa")

_BOOTSTRAPPER = User("system:apiserver", (MASTERS, "system:authenticated"))

# The field managers of KubeVirt's and CDI's controllers, after their programs.
_VIRT_MANAGER, _VIRT_OPERATOR, _CDI_MANAGER = "virt-controller", "virt-operator", "virt-cdi-controller"


def install(
    manager: Manager,
    *,
    runtime: Runtime,
    registry: Registry,
    launcher_pods: bool = True,
    root_certificate: str = "",
    volumes: Volumes | None = None,
    tokens: ServiceAccountTokens | None = None,
    transitions: PhaseTransitions | None = None,
) -> None:
    """
    Add every loop there is: Kubernetes' own, those of instances on *runtime*, and those of machines and disks.

    *root_certificate* is the PEM by which clients inside the cluster know the server; *volumes* fills disks (without it that only takes
    time); *registry* must be the manager's. *tokens* issues what goes into Secrets for service accounts.
    *transitions* counts how long instances take from phase to phase.
    """
    # Imported here: whoever needs one of the loops (a test, a tool) shall not load them all.
    from solovirt.controllers import builtin, node, virtual_machine_instance

    if registry is not manager.registry:
        raise ValueError("controllers reconcile what their manager's registry serves")
    builtin.install(manager, root_certificate=root_certificate, tokens=tokens, volumes=volumes)
    node.install(manager, runtime)
    virtual_machine_instance.install(
        manager, runtime, launcher_pods=launcher_pods, volumes=volumes, transitions=transitions
    )
    install_virtual_machines(manager, volumes=volumes)


def install_custom_resources(manager: Manager, store: Store) -> None:
    """
    Serve the stored CustomResourceDefinitions from now on, and follow them. *store* must be the manager's, and open.

    Everything that is Established is served when this returns.
    """
    served = serve_custom_resources(manager.registry, store, manager.clock, changed=manager.follow_registry)
    served.load()
    manager.add_background(served)
    install_definitions(manager, store, served)


def serve_custom_resources(
    registry: Registry, store: Store, clock: Clock, *, changed: Callable[[], None]
) -> ServedDefinitions:
    """
    What keeps *registry* as the stored CustomResourceDefinitions want it: `load` it, and run it as a background task, in every process.

    *changed* is called after each change of the registry.
    """
    from solovirt.controllers.custom_resources import InstalledObjects, ServedDefinitions

    InstalledObjects(registry, store, clock).install()
    return ServedDefinitions(registry, store, changed=changed)


def install_definitions(manager: Manager, store: Store, served: ServedDefinitions) -> None:
    """Accept the names of definitions, and empty those that are deleted."""
    from solovirt.controllers.builtin import FIELD_MANAGER
    from solovirt.controllers.custom_resources import DefinitionController

    tools = manager.tools(DefinitionController.name, field_manager=FIELD_MANAGER)
    manager.add(DefinitionController(tools, store=store, registry=manager.registry, served=served))


def install_virtual_machines(manager: Manager, *, volumes: Volumes | None = None) -> None:
    """
    Add the loops of KubeVirt's and CDI's kinds above the instance: machines, their disks, and the installation itself.

    *volumes* fills the disks; without it that only takes time.
    """
    from solovirt.controllers import data_volume
    from solovirt.controllers.kubevirt import KubeVirtController
    from solovirt.controllers.storage_profile import StorageProfileController
    from solovirt.controllers.virtual_machine import VirtualMachineController
    from solovirt.controllers.volume_snapshot import VolumeSnapshotContentController, VolumeSnapshotController
    from solovirt.volumes.simulated import SimulatedTransfers

    volumes = volumes or SimulatedTransfers(manager.clock)
    manager.add(VirtualMachineController(virt_tools(manager, VirtualMachineController.name)))
    snapshots = VolumeSnapshotContentController(manager.tools(VolumeSnapshotContentController.name), volumes)
    manager.add(VolumeSnapshotController(manager.tools(VolumeSnapshotController.name)))
    manager.add(snapshots)
    data_volume.install(manager, volumes, lambda component: _cdi_tools(manager, component), snapshots=snapshots)
    manager.add(StorageProfileController(_cdi_tools(manager, StorageProfileController.name)))
    operator = account("kubevirt", "kubevirt-operator")
    manager.add(KubeVirtController(manager.tools(KubeVirtController.name, user=operator, field_manager=_VIRT_OPERATOR)))


def virt_tools(manager: Manager, component: str) -> Tools:
    """The tools of one of virt-controller's loops; *component* is the source of its events."""
    return manager.tools(component, user=VIRT_CONTROLLER, field_manager=_VIRT_MANAGER)


def _cdi_tools(manager: Manager, component: str) -> Tools:
    return manager.tools(component, user=CDI_CONTROLLER, field_manager=_CDI_MANAGER)


def cluster_of(manager: Manager) -> Cluster:
    """What back ends of volumes look up in the API."""
    from solovirt.controllers.data_volume.lookup import StoredCluster

    return StoredCluster(_cdi_tools(manager, "cdi-volumes").objects)


async def start_volumes(manager: Manager, volumes: Volumes) -> None:
    """
    Have *volumes* begin, for the PersistentVolumes that there are. After `bootstrap`, before the manager starts.

    Raises VolumesUnavailable.
    """
    objects = manager.tools("solovirt").objects
    namespace = objects.get(core.NAMESPACES, ObjectKey("", "kube-system"))
    # The uid of this namespace is what tells one cluster from another.
    owner = str(namespace["metadata"]["uid"]) if namespace is not None else ""
    names = {str(one["metadata"]["name"]) for one in objects.list(core.PERSISTENT_VOLUMES)}
    # Snapshots are kept beside the volumes, and like them.
    names |= {handle_of(one) for one in objects.list(VOLUME_SNAPSHOT_CONTENTS)} - {""}
    await volumes.start(owner=owner, volumes=names)


async def announce_upload_proxy(manager: Manager, url: str) -> None:
    """Have CDI's configuration say that uploads are taken at *url*. After `bootstrap`."""
    from solovirt.controllers.cdi_config import UPLOAD_PROXY

    def announce(config: Document) -> None:
        config["metadata"].setdefault("annotations", {})[UPLOAD_PROXY] = url
        override = (config.get("spec") or {}).get("uploadProxyURLOverride")
        config.setdefault("status", {})["uploadProxyURL"] = override or url

    await _cdi_tools(manager, "cdi-operator").objects.edit(cdi.CDI_CONFIGS, ObjectKey("", "config"), announce)


async def bootstrap(manager: Manager, *, registry: Registry) -> None:
    """Create what is missing of a fresh installation; what is there is left as it is. The store must be open."""
    # What a cluster starts from may be given by nobody who holds less.
    objects = manager.tools("solovirt", user=_BOOTSTRAPPER).objects
    # Together, so that they share a commit.
    await _create_missing(objects, [(core.NAMESPACES, one) for one in installation.namespaces()], registry)
    roles = rbac.objects(kubevirt_roles.cluster_roles(), kubevirt_roles.cluster_role_bindings())
    others = [*cluster.objects(), *installation.objects(manager.clock.now()), *roles]
    await _create_missing(objects, others, registry)


async def _create_missing(
    objects: Objects, documents: Sequence[tuple[GroupResource, Document]], registry: Registry
) -> None:
    async def create(resource: GroupResource, document: Document) -> None:
        metadata = document["metadata"]
        if objects.get(resource, ObjectKey(metadata.get("namespace", ""), metadata["name"])) is not None:
            return
        if resource == kubevirt_names.KUBEVIRTS and any(objects.list(resource)):
            # The user's own, of another name: a second one would be refused.
            return
        try:
            await objects.create(resource, document)
        except AlreadyExists:
            # Another process of the same control plane was quicker.
            return

    served = [one for one in documents if registry.get(one[0]) is not None]
    await asyncio.gather(*(create(resource, document) for resource, document in served))
