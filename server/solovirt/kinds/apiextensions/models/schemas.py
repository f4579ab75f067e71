"""JSONSchemaProps: schemas as CustomResourceDefinitions write them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel, Format, Int64, ListAtomic, ListMap, Named, PatchStrategy

_PREFIX = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."

# What may be of several types. Kubernetes publishes these without saying which; `solovirt.kinds.apiextensions.shape` looks at them.
JSON = Annotated[Any, Named(_PREFIX + "JSON")]
JSONSchemaPropsOrArray = Annotated[Any, Named(_PREFIX + "JSONSchemaPropsOrArray")]
JSONSchemaPropsOrBool = Annotated[Any, Named(_PREFIX + "JSONSchemaPropsOrBool")]
JSONSchemaPropsOrStringArray = Annotated[Any, Named(_PREFIX + "JSONSchemaPropsOrStringArray")]


class ExternalDocumentation(ApiModel):
    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.ExternalDocumentation"

    description: str | None = None
    url: str | None = None


class ValidationRule(ApiModel):
    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.ValidationRule"

    rule: str
    field_path: str | None = None
    message: str | None = None
    message_expression: str | None = None
    optional_old_self: bool | None = None
    reason: Literal["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"] | None = (
        None
    )


class JSONSchemaProps(ApiModel):
    """A JSON schema, as far as CustomResourceDefinitions know it."""

    schema_name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"

    ref: str | None = Field(None, alias="$ref")
    schema_: str | None = Field(None, alias="$schema")
    additional_items: JSONSchemaPropsOrBool | None = None
    additional_properties: JSONSchemaPropsOrBool | None = None
    all_of: Annotated[list["JSONSchemaProps"] | None, ListAtomic()] = None
    any_of: Annotated[list["JSONSchemaProps"] | None, ListAtomic()] = None
    default: JSON | None = None
    definitions: dict[str, "JSONSchemaProps"] | None = None
    dependencies: dict[str, JSONSchemaPropsOrStringArray] | None = None
    description: str | None = None
    enum: Annotated[list[JSON] | None, ListAtomic()] = None
    example: JSON | None = None
    exclusive_maximum: bool | None = None
    exclusive_minimum: bool | None = None
    external_docs: ExternalDocumentation | None = None
    format: str | None = None
    id: str | None = None
    items: JSONSchemaPropsOrArray | None = None
    max_items: Int64 | None = None
    max_length: Int64 | None = None
    max_properties: Int64 | None = None
    maximum: Annotated[float, Format("double")] | None = None
    min_items: Int64 | None = None
    min_length: Int64 | None = None
    min_properties: Int64 | None = None
    minimum: Annotated[float, Format("double")] | None = None
    multiple_of: Annotated[float, Format("double")] | None = None
    not_: "JSONSchemaProps | None" = None
    nullable: bool | None = None
    one_of: Annotated[list["JSONSchemaProps"] | None, ListAtomic()] = None
    pattern: str | None = None
    pattern_properties: dict[str, "JSONSchemaProps"] | None = None
    properties: dict[str, "JSONSchemaProps"] | None = None
    required: Annotated[list[str] | None, ListAtomic()] = None
    title: str | None = None
    type: str | None = None
    unique_items: bool | None = None
    x_kubernetes_embedded_resource: bool | None = Field(None, alias="x-kubernetes-embedded-resource")
    x_kubernetes_int_or_string: bool | None = Field(None, alias="x-kubernetes-int-or-string")
    x_kubernetes_list_map_keys: Annotated[list[str] | None, ListAtomic()] = Field(
        None, alias="x-kubernetes-list-map-keys"
    )
    x_kubernetes_list_type: str | None = Field(None, alias="x-kubernetes-list-type")
    x_kubernetes_map_type: str | None = Field(None, alias="x-kubernetes-map-type")
    x_kubernetes_preserve_unknown_fields: bool | None = Field(None, alias="x-kubernetes-preserve-unknown-fields")
    x_kubernetes_validations: Annotated[
        list[ValidationRule] | None, ListMap("rule"), PatchStrategy("merge", "rule")
    ] = Field(None, alias="x-kubernetes-validations")
