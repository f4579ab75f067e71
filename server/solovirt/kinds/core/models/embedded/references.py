"""References to objects and to fields of the pod."""

from typing import Annotated

from solovirt.machinery.schema.markers import ApiModel, Default, Int32, Quantity


class ObjectFieldSelector(ApiModel):
    atomic = True

    api_version: str | None = None
    field_path: str


class ResourceFieldSelector(ApiModel):
    atomic = True

    resource: str
    container_name: str | None = None
    divisor: Quantity | None = None


class DownwardAPIVolumeFile(ApiModel):
    path: str
    field_ref: ObjectFieldSelector | None = None
    mode: Int32 | None = None
    resource_field_ref: ResourceFieldSelector | None = None


class LocalObjectReference(ApiModel):
    atomic = True

    name: Annotated[str | None, Default("")] = None


class TypedLocalObjectReference(ApiModel):
    atomic = True

    kind: str
    name: str
    api_group: str | None = None


class TypedObjectReference(ApiModel):
    kind: str
    name: str
    api_group: str | None = None
    namespace: str | None = None
