"""May somebody do something: reviews of access and of rules."""

from typing import Annotated

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel, ListAtomic
from solovirt.machinery.schema.meta import FieldSelectorRequirement, LabelSelectorRequirement, ObjectMeta


class FieldSelectorAttributes(ApiModel):
    schema_name = "io.k8s.api.authorization.v1.FieldSelectorAttributes"

    raw_selector: str | None = None
    requirements: Annotated[list[FieldSelectorRequirement] | None, ListAtomic()] = None


class LabelSelectorAttributes(ApiModel):
    schema_name = "io.k8s.api.authorization.v1.LabelSelectorAttributes"

    raw_selector: str | None = None
    requirements: Annotated[list[LabelSelectorRequirement] | None, ListAtomic()] = None


class ResourceAttributes(ApiModel):
    schema_name = "io.k8s.api.authorization.v1.ResourceAttributes"

    field_selector: FieldSelectorAttributes | None = None
    group: str | None = None
    label_selector: LabelSelectorAttributes | None = None
    name: str | None = None
    namespace: str | None = None
    resource: str | None = None
    subresource: str | None = None
    verb: str | None = None
    version: str | None = None


class NonResourceAttributes(ApiModel):
    schema_name = "io.k8s.api.authorization.v1.NonResourceAttributes"

    path: str | None = None
    verb: str | None = None


class SelfSubjectAccessReviewSpec(ApiModel):
    schema_name = "io.k8s.api.authorization.v1.SelfSubjectAccessReviewSpec"

    non_resource_attributes: NonResourceAttributes | None = None
    resource_attributes: ResourceAttributes | None = None


class SubjectAccessReviewSpec(ApiModel):
    schema_name = "io.k8s.api.authorization.v1.SubjectAccessReviewSpec"

    extra: dict[str, list[str]] | None = None
    groups: Annotated[list[str] | None, ListAtomic()] = None
    non_resource_attributes: NonResourceAttributes | None = None
    resource_attributes: ResourceAttributes | None = None
    uid: str | None = None
    user: str | None = None


class SubjectAccessReviewStatus(ApiModel):
    schema_name = "io.k8s.api.authorization.v1.SubjectAccessReviewStatus"

    allowed: bool
    denied: bool | None = None
    evaluation_error: str | None = None
    reason: str | None = None


class SelfSubjectAccessReview(ApiModel):
    """Asks whether the one who asks may do something."""

    schema_name = "io.k8s.api.authorization.v1.SelfSubjectAccessReview"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: SelfSubjectAccessReviewSpec
    status: SubjectAccessReviewStatus | None = None


class SubjectAccessReview(ApiModel):
    """Asks whether a user or group may do something."""

    schema_name = "io.k8s.api.authorization.v1.SubjectAccessReview"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: SubjectAccessReviewSpec
    status: SubjectAccessReviewStatus | None = None


class LocalSubjectAccessReview(ApiModel):
    """Asks whether a user or group may do something in the namespace of the review."""

    schema_name = "io.k8s.api.authorization.v1.LocalSubjectAccessReview"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: SubjectAccessReviewSpec
    status: SubjectAccessReviewStatus | None = None


class ResourceRule(ApiModel):
    schema_name = "io.k8s.api.authorization.v1.ResourceRule"

    api_groups: Annotated[list[str] | None, ListAtomic()] = None
    resource_names: Annotated[list[str] | None, ListAtomic()] = None
    resources: Annotated[list[str] | None, ListAtomic()] = None
    verbs: Annotated[list[str], ListAtomic()]


class NonResourceRule(ApiModel):
    schema_name = "io.k8s.api.authorization.v1.NonResourceRule"

    non_resource_urls: Annotated[list[str] | None, ListAtomic()] = Field(None, alias="nonResourceURLs")
    verbs: Annotated[list[str], ListAtomic()]


class SubjectRulesReviewStatus(ApiModel):
    schema_name = "io.k8s.api.authorization.v1.SubjectRulesReviewStatus"

    evaluation_error: str | None = None
    incomplete: bool
    non_resource_rules: Annotated[list[NonResourceRule], ListAtomic()]
    resource_rules: Annotated[list[ResourceRule], ListAtomic()]


class SelfSubjectRulesReviewSpec(ApiModel):
    schema_name = "io.k8s.api.authorization.v1.SelfSubjectRulesReviewSpec"

    namespace: str | None = None


class SelfSubjectRulesReview(ApiModel):
    """Asks for everything that the one who asks may do in a namespace."""

    schema_name = "io.k8s.api.authorization.v1.SelfSubjectRulesReview"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: SelfSubjectRulesReviewSpec
    status: SubjectRulesReviewStatus | None = None
