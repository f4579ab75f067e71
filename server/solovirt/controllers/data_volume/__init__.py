"""
The control loops of CDI that have claims filled, and those that keep sources for them, made as CDI makes them, by an engine behind `solovirt.volumes.protocol`.

`controller.py` is DataVolumes', `annotated_claim.py` that of claims without one; both fill them through `filling.py`. `populator.py` has claims filled
that refer to a source by `dataSourceRef`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from solovirt.controllers.data_volume.annotated_claim import AnnotatedClaimController
from solovirt.controllers.data_volume.controller import DataVolumeController
from solovirt.controllers.data_volume.filling import Filling
from solovirt.controllers.data_volume.populator import COMPONENTS, PopulatorController
from solovirt.machinery.resource import ObjectKey
from solovirt.volumes.protocol import ContainerDisks, Digests, Operation

if TYPE_CHECKING:
    from collections.abc import Callable

    from solovirt.machinery.control.manager import Manager
    from solovirt.machinery.control.protocol import Controller, Tools
    from solovirt.volumes.protocol import Volumes

__all__ = ["DataVolumeController", "Filling", "install"]

# What CDI's controllers for single operations call themselves: of DataVolumes, and of claims.
_OF_DATA_VOLUMES = {
    Operation.UPLOAD: "datavolume-upload-controller",
    Operation.CLONE: "datavolume-pvc-clone-controller",
}
_OF_CLAIMS = {Operation.UPLOAD: "upload-controller", Operation.CLONE: "clone-controller"}


def install(
    manager: Manager, volumes: Volumes, tools: Callable[[str], Tools], *, snapshots: Controller | None = None
) -> None:
    """
    Add the loops. *tools* makes those of one, by the name that is the source of its events.

    *snapshots* is the loop that has snapshots taken, by *volumes* too.
    """
    # Imported here: they need parts of this package.
    from solovirt.controllers.cdi_config import CDIConfigController
    from solovirt.controllers.data_import_cron import DataImportCronController
    from solovirt.controllers.data_source import DataSourceController
    from solovirt.controllers.image_clean_up import ImageCleanUp

    def filling(name: str, others: dict[Operation, str]) -> Filling:
        recorders = {operation: tools(component).recorder for operation, component in others.items()}
        return Filling(tools(name), volumes, recorders)

    disks = DataVolumeController(tools(DataVolumeController.name), filling(DataVolumeController.name, _OF_DATA_VOLUMES))
    claims = AnnotatedClaimController(
        tools(AnnotatedClaimController.name), filling(AnnotatedClaimController.name, _OF_CLAIMS)
    )
    populators = {kind: tools(component).recorder for kind, component in COMPONENTS.items()}
    manager.add(PopulatorController(tools(PopulatorController.name), populators))
    manager.add(disks)
    manager.add(claims)

    def changed(namespace: str, claim: str) -> None:
        if not namespace:
            if snapshots is not None:
                manager.enqueue(snapshots, ObjectKey("", claim))
            return
        for one in (disks, claims):
            manager.enqueue(one, ObjectKey(namespace, claim))

    volumes.on_change(changed)
    sources = DataSourceController(tools(DataSourceController.name), store=manager.store, registry=manager.registry)
    manager.add(sources)
    if isinstance(volumes, ContainerDisks):
        manager.add_background(
            ImageCleanUp(volumes, store=manager.store, registry=manager.registry, clock=manager.clock)
        )
    manager.add(CDIConfigController(tools(CDIConfigController.name)))
    manager.add(
        DataImportCronController(
            tools(DataImportCronController.name), volumes if isinstance(volumes, Digests) else None
        )
    )
