"""PodTemplate, and the template inside workloads."""

from solovirt.kinds.core.models.pods import PodSpec
from solovirt.machinery.schema.markers import ApiModel
from solovirt.machinery.schema.meta import ObjectMeta


class PodTemplateSpec(ApiModel):
    schema_name = "io.k8s.api.core.v1.PodTemplateSpec"

    metadata: ObjectMeta | None = None
    spec: PodSpec | None = None


class PodTemplate(ApiModel):
    """What pods are made from."""

    schema_name = "io.k8s.api.core.v1.PodTemplate"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    template: PodTemplateSpec | None = None
