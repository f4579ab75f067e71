"""Eviction, and the options of a delete that it carries."""

from typing import Annotated

from solovirt.machinery.schema.markers import ApiModel, Int64, ListAtomic
from solovirt.machinery.schema.meta import ObjectMeta


class Preconditions(ApiModel):
    schema_name = "io.k8s.apimachinery.pkg.apis.meta.v1.Preconditions"

    resource_version: str | None = None
    uid: str | None = None


class DeleteOptions(ApiModel):
    schema_name = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"

    api_version: str | None = None
    kind: str | None = None
    dry_run: Annotated[list[str] | None, ListAtomic()] = None
    grace_period_seconds: Int64 | None = None
    ignore_store_read_error_with_cluster_breaking_potential: bool | None = None
    orphan_dependents: bool | None = None
    preconditions: Preconditions | None = None
    propagation_policy: str | None = None


class Eviction(ApiModel):
    """Asks for a pod to go, if no disruption budget minds."""

    schema_name = "io.k8s.api.policy.v1.Eviction"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    delete_options: DeleteOptions | None = None
