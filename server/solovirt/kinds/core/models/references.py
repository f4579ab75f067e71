"""How core objects point at other objects and at fields of their own."""

from solovirt.machinery.schema.markers import ApiModel, CoreQuantity, Int32


class ConfigMapKeySelector(ApiModel):
    schema_name = "io.k8s.api.core.v1.ConfigMapKeySelector"
    atomic = True

    key: str
    name: str | None = None
    optional: bool | None = None


class FileKeySelector(ApiModel):
    schema_name = "io.k8s.api.core.v1.FileKeySelector"
    atomic = True

    key: str
    path: str
    volume_name: str
    optional: bool | None = None


class KeyToPath(ApiModel):
    schema_name = "io.k8s.api.core.v1.KeyToPath"

    key: str
    path: str
    mode: Int32 | None = None


class LocalObjectReference(ApiModel):
    schema_name = "io.k8s.api.core.v1.LocalObjectReference"
    atomic = True

    name: str | None = None


class ObjectFieldSelector(ApiModel):
    schema_name = "io.k8s.api.core.v1.ObjectFieldSelector"
    atomic = True

    api_version: str | None = None
    field_path: str


class ObjectReference(ApiModel):
    schema_name = "io.k8s.api.core.v1.ObjectReference"
    atomic = True

    api_version: str | None = None
    kind: str | None = None
    field_path: str | None = None
    name: str | None = None
    namespace: str | None = None
    resource_version: str | None = None
    uid: str | None = None


class ResourceFieldSelector(ApiModel):
    schema_name = "io.k8s.api.core.v1.ResourceFieldSelector"
    atomic = True

    resource: str
    container_name: str | None = None
    divisor: CoreQuantity | None = None


class SecretKeySelector(ApiModel):
    schema_name = "io.k8s.api.core.v1.SecretKeySelector"
    atomic = True

    key: str
    name: str | None = None
    optional: bool | None = None


class SecretReference(ApiModel):
    schema_name = "io.k8s.api.core.v1.SecretReference"
    atomic = True

    name: str | None = None
    namespace: str | None = None


class TypedLocalObjectReference(ApiModel):
    schema_name = "io.k8s.api.core.v1.TypedLocalObjectReference"
    atomic = True

    kind: str
    name: str
    api_group: str | None = None


class TypedObjectReference(ApiModel):
    schema_name = "io.k8s.api.core.v1.TypedObjectReference"

    kind: str
    name: str
    api_group: str | None = None
    namespace: str | None = None
