"""Binding: which node a pod is to run on."""

from solovirt.kinds.core.models.references import ObjectReference
from solovirt.machinery.schema.markers import ApiModel
from solovirt.machinery.schema.meta import ObjectMeta


class Binding(ApiModel):
    """Ties one object to another, a pod to a node."""

    schema_name = "io.k8s.api.core.v1.Binding"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    target: ObjectReference
