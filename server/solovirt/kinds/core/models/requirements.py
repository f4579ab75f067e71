"""What containers and volumes ask for."""

from typing import Annotated

from solovirt.machinery.schema.markers import ApiModel, CoreQuantity, ListMap


class ResourceClaim(ApiModel):
    schema_name = "io.k8s.api.core.v1.ResourceClaim"

    name: str
    request: str | None = None


class ResourceRequirements(ApiModel):
    schema_name = "io.k8s.api.core.v1.ResourceRequirements"

    claims: Annotated[list[ResourceClaim] | None, ListMap("name")] = None
    limits: dict[str, CoreQuantity] | None = None
    requests: dict[str, CoreQuantity] | None = None


class VolumeResourceRequirements(ApiModel):
    schema_name = "io.k8s.api.core.v1.VolumeResourceRequirements"

    limits: dict[str, CoreQuantity] | None = None
    requests: dict[str, CoreQuantity] | None = None
