"""Deployment, ReplicaSet, StatefulSet, DaemonSet and ControllerRevision."""

from typing import Annotated, Literal

from solovirt.kinds.core.models.claims import PersistentVolumeClaim
from solovirt.kinds.core.models.pod_templates import PodTemplateSpec
from solovirt.machinery.schema.markers import (
    ApiModel,
    CoreIntOrString,
    CoreTime,
    Int32,
    Int64,
    ListAtomic,
    ListMap,
    PatchStrategy,
)
from solovirt.machinery.schema.meta import LabelSelector, ObjectMeta, RawExtension


class ControllerRevision(ApiModel):
    """A state that a controller remembers. It never changes."""

    schema_name = "io.k8s.api.apps.v1.ControllerRevision"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    revision: Int64
    data: RawExtension | None = None


class RollingUpdateDaemonSet(ApiModel):
    schema_name = "io.k8s.api.apps.v1.RollingUpdateDaemonSet"

    max_surge: CoreIntOrString | None = None
    max_unavailable: CoreIntOrString | None = None


class DaemonSetUpdateStrategy(ApiModel):
    schema_name = "io.k8s.api.apps.v1.DaemonSetUpdateStrategy"

    rolling_update: RollingUpdateDaemonSet | None = None
    type: Literal["OnDelete", "RollingUpdate"] | None = None


class DaemonSetSpec(ApiModel):
    schema_name = "io.k8s.api.apps.v1.DaemonSetSpec"

    selector: LabelSelector
    template: PodTemplateSpec
    min_ready_seconds: Int32 | None = None
    revision_history_limit: Int32 | None = None
    update_strategy: DaemonSetUpdateStrategy | None = None


class DaemonSetCondition(ApiModel):
    schema_name = "io.k8s.api.apps.v1.DaemonSetCondition"

    status: str
    type: str
    last_transition_time: CoreTime | None = None
    message: str | None = None
    reason: str | None = None


class DaemonSetStatus(ApiModel):
    schema_name = "io.k8s.api.apps.v1.DaemonSetStatus"

    current_number_scheduled: Int32
    desired_number_scheduled: Int32
    number_misscheduled: Int32
    number_ready: Int32
    collision_count: Int32 | None = None
    conditions: Annotated[list[DaemonSetCondition] | None, ListMap("type"), PatchStrategy("merge", "type")] = None
    number_available: Int32 | None = None
    number_unavailable: Int32 | None = None
    observed_generation: Int64 | None = None
    updated_number_scheduled: Int32 | None = None


class DaemonSet(ApiModel):
    """One pod on each node."""

    schema_name = "io.k8s.api.apps.v1.DaemonSet"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: DaemonSetSpec | None = None
    status: DaemonSetStatus | None = None


class RollingUpdateDeployment(ApiModel):
    schema_name = "io.k8s.api.apps.v1.RollingUpdateDeployment"

    max_surge: CoreIntOrString | None = None
    max_unavailable: CoreIntOrString | None = None


class DeploymentStrategy(ApiModel):
    schema_name = "io.k8s.api.apps.v1.DeploymentStrategy"

    rolling_update: RollingUpdateDeployment | None = None
    type: Literal["Recreate", "RollingUpdate"] | None = None


class DeploymentSpec(ApiModel):
    schema_name = "io.k8s.api.apps.v1.DeploymentSpec"

    selector: LabelSelector
    template: PodTemplateSpec
    min_ready_seconds: Int32 | None = None
    paused: bool | None = None
    progress_deadline_seconds: Int32 | None = None
    replicas: Int32 | None = None
    revision_history_limit: Int32 | None = None
    strategy: DeploymentStrategy | None = None


class DeploymentCondition(ApiModel):
    schema_name = "io.k8s.api.apps.v1.DeploymentCondition"

    status: str
    type: str
    last_transition_time: CoreTime | None = None
    last_update_time: CoreTime | None = None
    message: str | None = None
    reason: str | None = None


class DeploymentStatus(ApiModel):
    schema_name = "io.k8s.api.apps.v1.DeploymentStatus"

    available_replicas: Int32 | None = None
    collision_count: Int32 | None = None
    conditions: Annotated[list[DeploymentCondition] | None, ListMap("type"), PatchStrategy("merge", "type")] = None
    observed_generation: Int64 | None = None
    ready_replicas: Int32 | None = None
    replicas: Int32 | None = None
    terminating_replicas: Int32 | None = None
    unavailable_replicas: Int32 | None = None
    updated_replicas: Int32 | None = None


class Deployment(ApiModel):
    """A number of like pods, replaced little by little when their template changes."""

    schema_name = "io.k8s.api.apps.v1.Deployment"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: DeploymentSpec | None = None
    status: DeploymentStatus | None = None


class ReplicaSetSpec(ApiModel):
    schema_name = "io.k8s.api.apps.v1.ReplicaSetSpec"

    selector: LabelSelector
    min_ready_seconds: Int32 | None = None
    replicas: Int32 | None = None
    template: PodTemplateSpec | None = None


class ReplicaSetCondition(ApiModel):
    schema_name = "io.k8s.api.apps.v1.ReplicaSetCondition"

    status: str
    type: str
    last_transition_time: CoreTime | None = None
    message: str | None = None
    reason: str | None = None


class ReplicaSetStatus(ApiModel):
    schema_name = "io.k8s.api.apps.v1.ReplicaSetStatus"

    replicas: Int32
    available_replicas: Int32 | None = None
    conditions: Annotated[list[ReplicaSetCondition] | None, ListMap("type"), PatchStrategy("merge", "type")] = None
    fully_labeled_replicas: Int32 | None = None
    observed_generation: Int64 | None = None
    ready_replicas: Int32 | None = None
    terminating_replicas: Int32 | None = None


class ReplicaSet(ApiModel):
    """A number of like pods."""

    schema_name = "io.k8s.api.apps.v1.ReplicaSet"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: ReplicaSetSpec | None = None
    status: ReplicaSetStatus | None = None


class RollingUpdateStatefulSetStrategy(ApiModel):
    schema_name = "io.k8s.api.apps.v1.RollingUpdateStatefulSetStrategy"

    max_unavailable: CoreIntOrString | None = None
    partition: Int32 | None = None


class StatefulSetOrdinals(ApiModel):
    schema_name = "io.k8s.api.apps.v1.StatefulSetOrdinals"

    start: Int32 | None = None


class StatefulSetPersistentVolumeClaimRetentionPolicy(ApiModel):
    schema_name = "io.k8s.api.apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy"

    when_deleted: str | None = None
    when_scaled: str | None = None


class StatefulSetUpdateStrategy(ApiModel):
    schema_name = "io.k8s.api.apps.v1.StatefulSetUpdateStrategy"

    rolling_update: RollingUpdateStatefulSetStrategy | None = None
    type: Literal["OnDelete", "RollingUpdate"] | None = None


class StatefulSetSpec(ApiModel):
    schema_name = "io.k8s.api.apps.v1.StatefulSetSpec"

    selector: LabelSelector
    template: PodTemplateSpec
    min_ready_seconds: Int32 | None = None
    ordinals: StatefulSetOrdinals | None = None
    persistent_volume_claim_retention_policy: StatefulSetPersistentVolumeClaimRetentionPolicy | None = None
    pod_management_policy: Literal["OrderedReady", "Parallel"] | None = None
    replicas: Int32 | None = None
    revision_history_limit: Int32 | None = None
    service_name: str | None = None
    update_strategy: StatefulSetUpdateStrategy | None = None
    volume_claim_templates: Annotated[list[PersistentVolumeClaim] | None, ListAtomic()] = None


class StatefulSetCondition(ApiModel):
    schema_name = "io.k8s.api.apps.v1.StatefulSetCondition"

    status: str
    type: str
    last_transition_time: CoreTime | None = None
    message: str | None = None
    reason: str | None = None


class StatefulSetStatus(ApiModel):
    schema_name = "io.k8s.api.apps.v1.StatefulSetStatus"

    replicas: Int32
    available_replicas: Int32 | None = None
    collision_count: Int32 | None = None
    conditions: Annotated[list[StatefulSetCondition] | None, ListMap("type"), PatchStrategy("merge", "type")] = None
    current_replicas: Int32 | None = None
    current_revision: str | None = None
    observed_generation: Int64 | None = None
    ready_replicas: Int32 | None = None
    update_revision: str | None = None
    updated_replicas: Int32 | None = None


class StatefulSet(ApiModel):
    """Pods with lasting names and storage."""

    schema_name = "io.k8s.api.apps.v1.StatefulSet"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: StatefulSetSpec | None = None
    status: StatefulSetStatus | None = None
