"""LimitRange and ResourceQuota."""

from typing import Annotated, Literal

from solovirt.machinery.schema.markers import ApiModel, CoreQuantity, ListAtomic
from solovirt.machinery.schema.meta import ObjectMeta


class LimitRangeItem(ApiModel):
    schema_name = "io.k8s.api.core.v1.LimitRangeItem"

    type: str
    default: dict[str, CoreQuantity] | None = None
    default_request: dict[str, CoreQuantity] | None = None
    max: dict[str, CoreQuantity] | None = None
    max_limit_request_ratio: dict[str, CoreQuantity] | None = None
    min: dict[str, CoreQuantity] | None = None


class LimitRangeSpec(ApiModel):
    schema_name = "io.k8s.api.core.v1.LimitRangeSpec"

    limits: Annotated[list[LimitRangeItem], ListAtomic()]


class LimitRange(ApiModel):
    """How much single objects of a namespace may ask for."""

    schema_name = "io.k8s.api.core.v1.LimitRange"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: LimitRangeSpec | None = None


class ScopedResourceSelectorRequirement(ApiModel):
    schema_name = "io.k8s.api.core.v1.ScopedResourceSelectorRequirement"

    operator: Literal["DoesNotExist", "Exists", "In", "NotIn"]
    scope_name: Literal[
        "BestEffort",
        "CrossNamespacePodAffinity",
        "NotBestEffort",
        "NotTerminating",
        "PriorityClass",
        "Terminating",
        "VolumeAttributesClass",
    ]
    values: Annotated[list[str] | None, ListAtomic()] = None


class ScopeSelector(ApiModel):
    schema_name = "io.k8s.api.core.v1.ScopeSelector"
    atomic = True

    match_expressions: Annotated[list[ScopedResourceSelectorRequirement] | None, ListAtomic()] = None


class ResourceQuotaSpec(ApiModel):
    schema_name = "io.k8s.api.core.v1.ResourceQuotaSpec"

    hard: dict[str, CoreQuantity] | None = None
    scope_selector: ScopeSelector | None = None
    scopes: Annotated[
        list[
            Literal[
                "BestEffort",
                "CrossNamespacePodAffinity",
                "NotBestEffort",
                "NotTerminating",
                "PriorityClass",
                "Terminating",
                "VolumeAttributesClass",
            ]
        ]
        | None,
        ListAtomic(),
    ] = None


class ResourceQuotaStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.ResourceQuotaStatus"

    hard: dict[str, CoreQuantity] | None = None
    used: dict[str, CoreQuantity] | None = None


class ResourceQuota(ApiModel):
    """How much all objects of a namespace may ask for together."""

    schema_name = "io.k8s.api.core.v1.ResourceQuota"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: ResourceQuotaSpec | None = None
    status: ResourceQuotaStatus | None = None
