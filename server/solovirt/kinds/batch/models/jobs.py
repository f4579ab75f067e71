"""Job and CronJob."""

from typing import Annotated, Literal

from solovirt.kinds.core.models.pod_templates import PodTemplateSpec
from solovirt.kinds.core.models.references import ObjectReference
from solovirt.machinery.schema.markers import ApiModel, CoreTime, Int32, Int64, ListAtomic, ListSet, PatchStrategy
from solovirt.machinery.schema.meta import LabelSelector, ObjectMeta


class PodFailurePolicyOnExitCodesRequirement(ApiModel):
    schema_name = "io.k8s.api.batch.v1.PodFailurePolicyOnExitCodesRequirement"

    operator: Literal["In", "NotIn"]
    values: Annotated[list[Int32], ListSet()]
    container_name: str | None = None


class PodFailurePolicyOnPodConditionsPattern(ApiModel):
    schema_name = "io.k8s.api.batch.v1.PodFailurePolicyOnPodConditionsPattern"

    type: str
    status: str | None = None


class PodFailurePolicyRule(ApiModel):
    schema_name = "io.k8s.api.batch.v1.PodFailurePolicyRule"

    action: Literal["Count", "FailIndex", "FailJob", "Ignore"]
    on_exit_codes: PodFailurePolicyOnExitCodesRequirement | None = None
    on_pod_conditions: Annotated[list[PodFailurePolicyOnPodConditionsPattern] | None, ListAtomic()] = None


class PodFailurePolicy(ApiModel):
    schema_name = "io.k8s.api.batch.v1.PodFailurePolicy"

    rules_: Annotated[list[PodFailurePolicyRule], ListAtomic()]


class SuccessPolicyRule(ApiModel):
    schema_name = "io.k8s.api.batch.v1.SuccessPolicyRule"

    succeeded_count: Int32 | None = None
    succeeded_indexes: str | None = None


class SuccessPolicy(ApiModel):
    schema_name = "io.k8s.api.batch.v1.SuccessPolicy"

    rules_: Annotated[list[SuccessPolicyRule], ListAtomic()]


class JobSpec(ApiModel):
    schema_name = "io.k8s.api.batch.v1.JobSpec"

    template: PodTemplateSpec
    active_deadline_seconds: Int64 | None = None
    backoff_limit: Int32 | None = None
    backoff_limit_per_index: Int32 | None = None
    completion_mode: Literal["Indexed", "NonIndexed"] | None = None
    completions: Int32 | None = None
    managed_by: str | None = None
    manual_selector: bool | None = None
    max_failed_indexes: Int32 | None = None
    parallelism: Int32 | None = None
    pod_failure_policy: PodFailurePolicy | None = None
    pod_replacement_policy: Literal["Failed", "TerminatingOrFailed"] | None = None
    selector: LabelSelector | None = None
    success_policy: SuccessPolicy | None = None
    suspend: bool | None = None
    ttl_seconds_after_finished: Int32 | None = None


class JobTemplateSpec(ApiModel):
    schema_name = "io.k8s.api.batch.v1.JobTemplateSpec"

    metadata: ObjectMeta | None = None
    spec: JobSpec | None = None


class CronJobSpec(ApiModel):
    schema_name = "io.k8s.api.batch.v1.CronJobSpec"

    job_template: JobTemplateSpec
    schedule: str
    concurrency_policy: Literal["Allow", "Forbid", "Replace"] | None = None
    failed_jobs_history_limit: Int32 | None = None
    starting_deadline_seconds: Int64 | None = None
    successful_jobs_history_limit: Int32 | None = None
    suspend: bool | None = None
    time_zone: str | None = None


class CronJobStatus(ApiModel):
    schema_name = "io.k8s.api.batch.v1.CronJobStatus"

    active: Annotated[list[ObjectReference] | None, ListAtomic()] = None
    last_schedule_time: CoreTime | None = None
    last_successful_time: CoreTime | None = None


class CronJob(ApiModel):
    """Jobs that are started by a schedule."""

    schema_name = "io.k8s.api.batch.v1.CronJob"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: CronJobSpec
    status: CronJobStatus | None = None


class JobCondition(ApiModel):
    schema_name = "io.k8s.api.batch.v1.JobCondition"

    status: str
    type: str
    last_probe_time: CoreTime | None = None
    last_transition_time: CoreTime | None = None
    message: str | None = None
    reason: str | None = None


class UncountedTerminatedPods(ApiModel):
    schema_name = "io.k8s.api.batch.v1.UncountedTerminatedPods"

    failed: Annotated[list[str] | None, ListSet()] = None
    succeeded: Annotated[list[str] | None, ListSet()] = None


class JobStatus(ApiModel):
    schema_name = "io.k8s.api.batch.v1.JobStatus"

    active: Int32 | None = None
    completed_indexes: str | None = None
    completion_time: CoreTime | None = None
    conditions: Annotated[list[JobCondition] | None, ListAtomic(), PatchStrategy("merge", "type")] = None
    failed: Int32 | None = None
    failed_indexes: str | None = None
    ready: Int32 | None = None
    start_time: CoreTime | None = None
    succeeded: Int32 | None = None
    terminating: Int32 | None = None
    uncounted_terminated_pods: UncountedTerminatedPods | None = None


class Job(ApiModel):
    """Pods that run to an end."""

    schema_name = "io.k8s.api.batch.v1.Job"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: JobSpec | None = None
    status: JobStatus | None = None
