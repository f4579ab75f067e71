"""ReplicationController."""

from typing import Annotated

from solovirt.kinds.core.models.pod_templates import PodTemplateSpec
from solovirt.machinery.schema.markers import ApiModel, CoreTime, Int32, Int64, ListMap, MapAtomic, PatchStrategy
from solovirt.machinery.schema.meta import ObjectMeta


class ReplicationControllerSpec(ApiModel):
    schema_name = "io.k8s.api.core.v1.ReplicationControllerSpec"

    min_ready_seconds: Int32 | None = None
    replicas: Int32 | None = None
    selector: Annotated[dict[str, str] | None, MapAtomic()] = None
    template: PodTemplateSpec | None = None


class ReplicationControllerCondition(ApiModel):
    schema_name = "io.k8s.api.core.v1.ReplicationControllerCondition"

    status: str
    type: str
    last_transition_time: CoreTime | None = None
    message: str | None = None
    reason: str | None = None


class ReplicationControllerStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.ReplicationControllerStatus"

    replicas: Int32
    available_replicas: Int32 | None = None
    conditions: Annotated[
        list[ReplicationControllerCondition] | None, ListMap("type"), PatchStrategy("merge", "type")
    ] = None
    fully_labeled_replicas: Int32 | None = None
    observed_generation: Int64 | None = None
    ready_replicas: Int32 | None = None


class ReplicationController(ApiModel):
    """A number of like pods. Older than ReplicaSet."""

    schema_name = "io.k8s.api.core.v1.ReplicationController"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: ReplicationControllerSpec | None = None
    status: ReplicationControllerStatus | None = None
