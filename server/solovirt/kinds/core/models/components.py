"""ComponentStatus."""

from typing import Annotated

from solovirt.machinery.schema.markers import ApiModel, ListMap, PatchStrategy
from solovirt.machinery.schema.meta import ObjectMeta


class ComponentCondition(ApiModel):
    schema_name = "io.k8s.api.core.v1.ComponentCondition"

    error: str | None = None
    message: str | None = None
    status: str
    type: str


class ComponentStatus(ApiModel):
    """How a part of the control plane is."""

    schema_name = "io.k8s.api.core.v1.ComponentStatus"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    conditions: Annotated[list[ComponentCondition] | None, ListMap("type"), PatchStrategy("merge", "type")] = None
