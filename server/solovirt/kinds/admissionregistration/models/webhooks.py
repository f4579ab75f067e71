"""MutatingWebhookConfiguration and ValidatingWebhookConfiguration."""

from typing import Annotated, Literal

from solovirt.machinery.schema.markers import ApiModel, Bytes, Int32, ListAtomic, ListMap, PatchStrategy
from solovirt.machinery.schema.meta import LabelSelector, ObjectMeta


class ServiceReference(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.ServiceReference"

    name: str
    namespace: str
    path: str | None = None
    port: Int32 | None = None


class WebhookClientConfig(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.WebhookClientConfig"

    ca_bundle: Bytes | None = None
    service: ServiceReference | None = None
    url: str | None = None


class MatchCondition(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.MatchCondition"

    expression: str
    name: str


class RuleWithOperations(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.RuleWithOperations"

    api_groups: Annotated[list[str] | None, ListAtomic()] = None
    api_versions: Annotated[list[str] | None, ListAtomic()] = None
    operations: Annotated[list[Literal["*", "CONNECT", "CREATE", "DELETE", "UPDATE"]] | None, ListAtomic()] = None
    resources: Annotated[list[str] | None, ListAtomic()] = None
    scope: Literal["*", "Cluster", "Namespaced"] | None = None


class MutatingWebhook(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.MutatingWebhook"

    admission_review_versions: Annotated[list[str], ListAtomic()]
    client_config: WebhookClientConfig
    name: str
    side_effects: Literal["None", "NoneOnDryRun", "Some", "Unknown"]
    failure_policy: Literal["Fail", "Ignore"] | None = None
    match_conditions: Annotated[list[MatchCondition] | None, ListMap("name"), PatchStrategy("merge", "name")] = None
    match_policy: Literal["Equivalent", "Exact"] | None = None
    namespace_selector: LabelSelector | None = None
    object_selector: LabelSelector | None = None
    reinvocation_policy: Literal["IfNeeded", "Never"] | None = None
    rules_: Annotated[list[RuleWithOperations] | None, ListAtomic()] = None
    timeout_seconds: Int32 | None = None


class MutatingWebhookConfiguration(ApiModel):
    """Webhooks that may change objects on their way in."""

    schema_name = "io.k8s.api.admissionregistration.v1.MutatingWebhookConfiguration"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    webhooks: Annotated[list[MutatingWebhook] | None, ListMap("name"), PatchStrategy("merge", "name")] = None


class ValidatingWebhook(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.ValidatingWebhook"

    admission_review_versions: Annotated[list[str], ListAtomic()]
    client_config: WebhookClientConfig
    name: str
    side_effects: Literal["None", "NoneOnDryRun", "Some", "Unknown"]
    failure_policy: Literal["Fail", "Ignore"] | None = None
    match_conditions: Annotated[list[MatchCondition] | None, ListMap("name"), PatchStrategy("merge", "name")] = None
    match_policy: Literal["Equivalent", "Exact"] | None = None
    namespace_selector: LabelSelector | None = None
    object_selector: LabelSelector | None = None
    rules_: Annotated[list[RuleWithOperations] | None, ListAtomic()] = None
    timeout_seconds: Int32 | None = None


class ValidatingWebhookConfiguration(ApiModel):
    """Webhooks that may refuse requests."""

    schema_name = "io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    webhooks: Annotated[list[ValidatingWebhook] | None, ListMap("name"), PatchStrategy("merge", "name")] = None
