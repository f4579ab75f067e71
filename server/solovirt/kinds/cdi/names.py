"""The names of CDI's parts: resources, labels and annotations (reference cdi.md 1 and 5)."""

from __future__ import annotations

from solovirt.machinery.resource import GroupResource

GROUP = "cdi.kubevirt.io"
API_VERSION = "cdi.kubevirt.io/v1beta1"

DATA_VOLUMES = GroupResource(GROUP, "datavolumes")
DATA_SOURCES = GroupResource(GROUP, "datasources")
STORAGE_PROFILES = GroupResource(GROUP, "storageprofiles")
CDI_CONFIGS = GroupResource(GROUP, "cdiconfigs")
CDIS = GroupResource(GROUP, "cdis")
DATA_IMPORT_CRONS = GroupResource(GROUP, "dataimportcrons")
VOLUME_IMPORT_SOURCES = GroupResource(GROUP, "volumeimportsources")
VOLUME_UPLOAD_SOURCES = GroupResource(GROUP, "volumeuploadsources")
VOLUME_CLONE_SOURCES = GroupResource(GROUP, "volumeclonesources")

NAMESPACES = GroupResource("", "namespaces")
PERSISTENT_VOLUME_CLAIMS = GroupResource("", "persistentvolumeclaims")
STORAGE_CLASSES = GroupResource("storage.k8s.io", "storageclasses")
VOLUME_SNAPSHOTS = GroupResource("snapshot.storage.k8s.io", "volumesnapshots")

_PREFIX = "cdi.kubevirt.io/"

# On DataVolumes.
USE_POPULATOR = _PREFIX + "storage.usePopulator"
ALLOW_CLAIM_ADOPTION = _PREFIX + "allowClaimAdoption"
PRE_POPULATED = _PREFIX + "storage.prePopulated"
CHECK_STATIC_VOLUME = _PREFIX + "storage.checkStaticVolume"
BIND_IMMEDIATELY = _PREFIX + "storage.bind.immediate.requested"

# On what a DataImportCron makes (reference 11).
DATA_IMPORT_CRON = _PREFIX + "dataImportCron"
DATA_IMPORT_CRON_CLEANUP = DATA_IMPORT_CRON + ".cleanup"
LAST_USE_TIME = _PREFIX + "storage.import.lastUseTime"
# On a DataImportCron.
DESIRED_DIGEST = _PREFIX + "storage.import.sourceDesiredDigest"
NEXT_CRON_TIME = _PREFIX + "storage.import.nextCronTime"
LAST_CRON_TIME = _PREFIX + "storage.import.lastCronTime"
CRON_STORAGE_CLASS = _PREFIX + "storage.import.storageClass"

# On claims: what they were made for (reference 5.1, 5.2).
POPULATED_FOR = _PREFIX + "storage.populatedFor"
CREATED_FOR_DATA_VOLUME = _PREFIX + "createdForDataVolume"
CONTENT_TYPE = _PREFIX + "storage.contentType"
PREALLOCATION_REQUESTED = _PREFIX + "storage.preallocation.requested"
PRIORITY_CLASS = _PREFIX + "storage.pod.priorityclassname"
SERVICE_ACCOUNT = _PREFIX + "storage.pod.serviceAccountName"
IMPORT_SOURCE = _PREFIX + "storage.import.source"
IMPORT_ENDPOINT = _PREFIX + "storage.import.endpoint"
IMPORT_PREFIX = _PREFIX + "storage.import."
UPLOAD_TARGET = _PREFIX + "storage.upload.target"
EXTERNAL_POPULATION = _PREFIX + "externalPopulation"
CLONE_REQUEST = "k8s.io/CloneRequest"
SNAPSHOT_CLONE_REQUEST = "solovirt.io/SnapshotCloneRequest"
"""As CLONE_REQUEST, of a VolumeSnapshot; CDI has its populators restore those."""
CLONE_OF = "k8s.io/CloneOf"
CLONE_TYPE = _PREFIX + "cloneType"
POPULATOR_KIND = _PREFIX + "storage.populator.kind"
DATA_SOURCE_NAMESPACE = _PREFIX + "dataSourceNamespace"

# On claims: how far it is (reference 5.3).
POD_PHASE = _PREFIX + "storage.pod.phase"
POD_READY = _PREFIX + "storage.pod.ready"
POD_RESTARTS = _PREFIX + "storage.pod.restarts"
IMPORT_POD_NAME = _PREFIX + "storage.import.importPodName"
UPLOAD_POD_NAME = _PREFIX + "storage.uploadPodName"
SOURCE_CLONE_POD_NAME = _PREFIX + "storage.sourceClonePodName"
FATAL_ERROR = _PREFIX + "storage.import.fatalError"
PREALLOCATION = _PREFIX + "storage.preallocation"
POPULATOR_PROGRESS = _PREFIX + "storage.populator.progress"
PVC_PRIME = _PREFIX + "storage.populator.pvcPrime"
CLONE_PHASE = _PREFIX + "clonePhase"
CLONE_ERROR = _PREFIX + "cloneError"
RUNNING = _PREFIX + "storage.condition.running"
RUNNING_REASON = RUNNING + ".reason"
RUNNING_MESSAGE = RUNNING + ".message"

CLONE_STRATEGY = _PREFIX + "clone-strategy"
"""On a StorageClass: how claims of it are cloned."""
CLAIM_ADOPTION_GATE = "DataVolumeClaimAdoption"
"""The feature gate by which DataVolumes take claims over that are there, unless their annotation says otherwise (reference 4.5)."""
MINIMUM_SIZE = _PREFIX + "minimumSupportedPvcSize"
"""On a StorageProfile: the least that a claim of the class may ask for."""

# Kubernetes' own, which CDI reads and writes.
SELECTED_NODE = "volume.kubernetes.io/selected-node"
DEFAULT_VIRT_CLASS = "storageclass.kubevirt.io/is-default-virt-class"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"

DEFAULT_INSTANCETYPE_LABELS = tuple(
    f"instancetype.kubevirt.io/default-{name}"
    for name in ("instancetype", "instancetype-kind", "preference", "preference-kind")
)
"""By which a machine that boots from a claim finds its instance type and preference (reference 6.4)."""

READY_PHASES = ("Succeeded", "WaitForFirstConsumer", "PendingPopulation")
"""Phases in which a VirtualMachine that uses the DataVolume may start (reference 6.3)."""
