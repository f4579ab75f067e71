"""ConfigMap, Secret and ServiceAccount."""

from typing import Annotated

from solovirt.kinds.core.models.references import LocalObjectReference, ObjectReference
from solovirt.machinery.schema.markers import ApiModel, Bytes, ListAtomic, ListMap, PatchStrategy
from solovirt.machinery.schema.meta import ObjectMeta


class ConfigMap(ApiModel):
    """Settings by name, for whoever reads them."""

    schema_name = "io.k8s.api.core.v1.ConfigMap"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    binary_data: dict[str, Bytes] | None = None
    data: dict[str, str] | None = None
    immutable: bool | None = None


class Secret(ApiModel):
    """Settings that are to be kept from most eyes. Values are base64."""

    schema_name = "io.k8s.api.core.v1.Secret"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    data: dict[str, Bytes] | None = None
    immutable: bool | None = None
    string_data: dict[str, str] | None = None
    type: str | None = None


class ServiceAccount(ApiModel):
    """An identity for programs."""

    schema_name = "io.k8s.api.core.v1.ServiceAccount"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    automount_service_account_token: bool | None = None
    image_pull_secrets: Annotated[list[LocalObjectReference] | None, ListAtomic()] = None
    secrets: Annotated[list[ObjectReference] | None, ListMap("name"), PatchStrategy("merge", "name")] = None
