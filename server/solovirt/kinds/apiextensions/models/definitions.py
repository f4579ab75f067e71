"""CustomResourceDefinition."""

from typing import Annotated

from pydantic import Field

from solovirt.kinds.apiextensions.models.schemas import JSONSchemaProps
from solovirt.machinery.schema.markers import ApiModel, Bytes, CoreTime, Int32, Int64, ListAtomic, ListMap
from solovirt.machinery.schema.meta import ObjectMeta


class ServiceReference(ApiModel):
    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.ServiceReference"

    name: str
    namespace: str
    path: str | None = None
    port: Int32 | None = None


class WebhookClientConfig(ApiModel):
    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.WebhookClientConfig"

    ca_bundle: Bytes | None = None
    service: ServiceReference | None = None
    url: str | None = None


class WebhookConversion(ApiModel):
    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.WebhookConversion"

    conversion_review_versions: Annotated[list[str], ListAtomic()]
    client_config: WebhookClientConfig | None = None


class CustomResourceConversion(ApiModel):
    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceConversion"

    strategy: str
    webhook: WebhookConversion | None = None


class CustomResourceValidation(ApiModel):
    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceValidation"

    open_apiv3_schema: JSONSchemaProps | None = Field(None, alias="openAPIV3Schema")


class CustomResourceSubresourceStatus(ApiModel):
    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceSubresourceStatus"


class CustomResourceSubresourceScale(ApiModel):
    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceSubresourceScale"

    spec_replicas_path: str
    status_replicas_path: str
    label_selector_path: str | None = None


class CustomResourceSubresources(ApiModel):
    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceSubresources"

    scale: CustomResourceSubresourceScale | None = None
    status: CustomResourceSubresourceStatus | None = None


class CustomResourceColumnDefinition(ApiModel):
    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceColumnDefinition"

    json_path: str
    name: str
    type: str
    description: str | None = None
    format: str | None = None
    priority: Int32 | None = None


class SelectableField(ApiModel):
    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.SelectableField"

    json_path: str


class CustomResourceDefinitionVersion(ApiModel):
    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionVersion"

    name: str
    served: bool
    storage: bool
    additional_printer_columns: Annotated[list[CustomResourceColumnDefinition] | None, ListAtomic()] = None
    deprecated: bool | None = None
    deprecation_warning: str | None = None
    schema_: CustomResourceValidation | None = None
    selectable_fields: Annotated[list[SelectableField] | None, ListAtomic()] = None
    subresources: CustomResourceSubresources | None = None


class CustomResourceDefinitionNames(ApiModel):
    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionNames"

    kind: str
    plural: str
    categories: Annotated[list[str] | None, ListAtomic()] = None
    list_kind: str | None = None
    short_names: Annotated[list[str] | None, ListAtomic()] = None
    singular: str | None = None


class CustomResourceDefinitionSpec(ApiModel):
    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionSpec"

    group: str
    names: CustomResourceDefinitionNames
    scope: str
    versions: Annotated[list[CustomResourceDefinitionVersion], ListAtomic()]
    conversion: CustomResourceConversion | None = None
    preserve_unknown_fields: bool | None = None


class CustomResourceDefinitionCondition(ApiModel):
    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionCondition"

    status: str
    type: str
    last_transition_time: CoreTime | None = None
    message: str | None = None
    observed_generation: Int64 | None = None
    reason: str | None = None


class CustomResourceDefinitionStatus(ApiModel):
    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionStatus"

    accepted_names: CustomResourceDefinitionNames | None = None
    conditions: Annotated[list[CustomResourceDefinitionCondition] | None, ListMap("type")] = None
    observed_generation: Int64 | None = None
    stored_versions: Annotated[list[str] | None, ListAtomic()] = None


class CustomResourceDefinition(ApiModel):
    """A kind that is served beside the built-in ones."""

    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"

    spec: CustomResourceDefinitionSpec
    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    status: CustomResourceDefinitionStatus | None = None
