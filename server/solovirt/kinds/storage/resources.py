"""What the storage.k8s.io group serves."""

from __future__ import annotations

from solovirt.kinds.storage import columns
from solovirt.kinds.storage.behaviour import StorageClassBehaviour
from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Flavour, ModelRef, Resource, Scope, Version

GROUP = "storage.k8s.io"

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="CSIDriver",
        plural="csidrivers",
        singular="csidriver",
        scope=Scope.CLUSTER,
        versions=(
            Version("v1", ModelRef("solovirt.kinds.storage.models.classes:CSIDriver"), columns=columns.CSI_DRIVERS),
        ),
        behaviour=Behaviour(),
        flavour=Flavour.BUILT_IN,
        has_generation=False,
    ),
    Resource(
        group=GROUP,
        kind="CSINode",
        plural="csinodes",
        singular="csinode",
        scope=Scope.CLUSTER,
        versions=(Version("v1", ModelRef("solovirt.kinds.storage.models.classes:CSINode"), columns=columns.CSI_NODES),),
        behaviour=Behaviour(),
        flavour=Flavour.BUILT_IN,
        has_generation=False,
    ),
    Resource(
        group=GROUP,
        kind="CSIStorageCapacity",
        plural="csistoragecapacities",
        singular="csistoragecapacity",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1",
                ModelRef("solovirt.kinds.storage.models.classes:CSIStorageCapacity"),
                columns=columns.CSI_STORAGE_CAPACITIES,
            ),
        ),
        behaviour=Behaviour(),
        flavour=Flavour.BUILT_IN,
        has_generation=False,
    ),
    Resource(
        group=GROUP,
        kind="StorageClass",
        plural="storageclasses",
        singular="storageclass",
        scope=Scope.CLUSTER,
        versions=(
            Version(
                "v1", ModelRef("solovirt.kinds.storage.models.classes:StorageClass"), columns=columns.STORAGE_CLASSES
            ),
        ),
        behaviour=StorageClassBehaviour(),
        short_names=("sc",),
        flavour=Flavour.BUILT_IN,
        has_generation=False,
        unconditional_update=True,
        returns_deleted=True,
    ),
    Resource(
        group=GROUP,
        kind="VolumeAttachment",
        plural="volumeattachments",
        singular="volumeattachment",
        scope=Scope.CLUSTER,
        versions=(
            Version(
                "v1",
                ModelRef("solovirt.kinds.storage.models.classes:VolumeAttachment"),
                columns=columns.VOLUME_ATTACHMENTS,
            ),
        ),
        behaviour=Behaviour(),
        flavour=Flavour.BUILT_IN,
        status_subresource=True,
        has_generation=False,
    ),
    Resource(
        group=GROUP,
        kind="VolumeAttributesClass",
        plural="volumeattributesclasses",
        singular="volumeattributesclass",
        scope=Scope.CLUSTER,
        versions=(
            Version(
                "v1",
                ModelRef("solovirt.kinds.storage.models.classes:VolumeAttributesClass"),
                columns=columns.VOLUME_ATTRIBUTES_CLASSES,
            ),
        ),
        behaviour=Behaviour(),
        short_names=("vac",),
        flavour=Flavour.BUILT_IN,
        has_generation=False,
        unconditional_update=True,
    ),
)
