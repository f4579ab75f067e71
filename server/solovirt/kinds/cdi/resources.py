"""What the cdi.kubevirt.io group serves."""

from __future__ import annotations

from solovirt.kinds.cdi.behaviour import (
    DataImportCronBehaviour,
    DataVolumeBehaviour,
    InstallationBehaviour,
    PopulatorSourceBehaviour,
)
from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Column, ModelRef, Resource, Scope, Version

GROUP = "cdi.kubevirt.io"

_CDIS_COLUMNS = (
    Column("Age", "date", json_path=".metadata.creationTimestamp"),
    Column("Phase", json_path=".status.phase"),
)
_DATA_IMPORT_CRONS_COLUMNS = (
    Column("Format", json_path=".status.sourceFormat", description="The format in which created sources are saved"),
)
_DATA_VOLUMES_COLUMNS = (
    Column("Phase", json_path=".status.phase", description="The phase the data volume is in"),
    Column(
        "Progress", json_path=".status.progress", description="Transfer progress in percentage if known, N/A otherwise"
    ),
    Column(
        "Restarts",
        "integer",
        json_path=".status.restartCount",
        description="The number of times the transfer has been restarted.",
    ),
    Column("Age", "date", json_path=".metadata.creationTimestamp"),
)
_OBJECT_TRANSFERS_COLUMNS = (
    Column("Age", "date", json_path=".metadata.creationTimestamp"),
    Column("Phase", json_path=".status.phase"),
)

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="CDIConfig",
        plural="cdiconfigs",
        singular="cdiconfig",
        scope=Scope.CLUSTER,
        versions=(Version("v1beta1", ModelRef("solovirt.kinds.cdi.models.configuration:CDIConfig")),),
        behaviour=Behaviour(),
    ),
    Resource(
        group=GROUP,
        kind="CDI",
        plural="cdis",
        singular="cdi",
        scope=Scope.CLUSTER,
        versions=(
            Version("v1beta1", ModelRef("solovirt.kinds.cdi.models.installation:CDI"), columns=_CDIS_COLUMNS),
            Version(
                "v1alpha1", ModelRef("solovirt.kinds.cdi.models.installation:CDI"), columns=_CDIS_COLUMNS, storage=False
            ),
        ),
        behaviour=InstallationBehaviour(),
        short_names=("cdi", "cdis"),
    ),
    Resource(
        group=GROUP,
        kind="DataImportCron",
        plural="dataimportcrons",
        singular="dataimportcron",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1beta1",
                ModelRef("solovirt.kinds.cdi.models.imports:DataImportCron"),
                columns=_DATA_IMPORT_CRONS_COLUMNS,
            ),
        ),
        behaviour=DataImportCronBehaviour(),
        short_names=("dic", "dics"),
        categories=("all",),
    ),
    Resource(
        group=GROUP,
        kind="DataSource",
        plural="datasources",
        singular="datasource",
        scope=Scope.NAMESPACED,
        versions=(Version("v1beta1", ModelRef("solovirt.kinds.cdi.models.data_sources:DataSource")),),
        behaviour=Behaviour(),
        short_names=("das",),
        categories=("all",),
    ),
    Resource(
        group=GROUP,
        kind="DataVolume",
        plural="datavolumes",
        singular="datavolume",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1beta1", ModelRef("solovirt.kinds.cdi.models.data_volumes:DataVolume"), columns=_DATA_VOLUMES_COLUMNS
            ),
        ),
        behaviour=DataVolumeBehaviour(),
        short_names=("dv", "dvs"),
        categories=("all",),
        status_subresource=True,
    ),
    Resource(
        group=GROUP,
        kind="ObjectTransfer",
        plural="objecttransfers",
        singular="objecttransfer",
        scope=Scope.CLUSTER,
        versions=(
            Version(
                "v1beta1",
                ModelRef("solovirt.kinds.cdi.models.transfers:ObjectTransfer"),
                columns=_OBJECT_TRANSFERS_COLUMNS,
            ),
        ),
        behaviour=Behaviour(),
        short_names=("ot", "ots"),
        status_subresource=True,
    ),
    Resource(
        group=GROUP,
        kind="StorageProfile",
        plural="storageprofiles",
        singular="storageprofile",
        scope=Scope.CLUSTER,
        versions=(Version("v1beta1", ModelRef("solovirt.kinds.cdi.models.storage:StorageProfile")),),
        behaviour=Behaviour(),
        status_subresource=True,
    ),
    Resource(
        group=GROUP,
        kind="VolumeCloneSource",
        plural="volumeclonesources",
        singular="volumeclonesource",
        scope=Scope.NAMESPACED,
        versions=(Version("v1beta1", ModelRef("solovirt.kinds.cdi.models.populators:VolumeCloneSource")),),
        behaviour=Behaviour(),
    ),
    Resource(
        group=GROUP,
        kind="VolumeImportSource",
        plural="volumeimportsources",
        singular="volumeimportsource",
        scope=Scope.NAMESPACED,
        versions=(Version("v1beta1", ModelRef("solovirt.kinds.cdi.models.populators:VolumeImportSource")),),
        behaviour=PopulatorSourceBehaviour(),
    ),
    Resource(
        group=GROUP,
        kind="VolumeUploadSource",
        plural="volumeuploadsources",
        singular="volumeuploadsource",
        scope=Scope.NAMESPACED,
        versions=(Version("v1beta1", ModelRef("solovirt.kinds.cdi.models.populators:VolumeUploadSource")),),
        behaviour=PopulatorSourceBehaviour(),
    ),
)
