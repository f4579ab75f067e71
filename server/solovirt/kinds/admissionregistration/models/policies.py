"""Admission policies and their bindings, which are kept and not evaluated."""

from typing import Annotated, Literal

from solovirt.kinds.admissionregistration.models.webhooks import MatchCondition
from solovirt.machinery.schema.markers import ApiModel, Int64, ListAtomic, ListMap, ListSet, PatchStrategy
from solovirt.machinery.schema.meta import Condition, LabelSelector, ObjectMeta


class ParamKind(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.ParamKind"

    api_version: str | None = None
    kind: str | None = None


class ParamRef(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.ParamRef"

    name: str | None = None
    namespace: str | None = None
    parameter_not_found_action: str | None = None
    selector: LabelSelector | None = None


class NamedRuleWithOperations(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.NamedRuleWithOperations"

    api_groups: Annotated[list[str] | None, ListAtomic()] = None
    api_versions: Annotated[list[str] | None, ListAtomic()] = None
    operations: Annotated[list[Literal["*", "CONNECT", "CREATE", "DELETE", "UPDATE"]] | None, ListAtomic()] = None
    resource_names: Annotated[list[str] | None, ListAtomic()] = None
    resources: Annotated[list[str] | None, ListAtomic()] = None
    scope: Literal["*", "Cluster", "Namespaced"] | None = None


class MatchResources(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.MatchResources"

    exclude_resource_rules: Annotated[list[NamedRuleWithOperations] | None, ListAtomic()] = None
    match_policy: Literal["Equivalent", "Exact"] | None = None
    namespace_selector: LabelSelector | None = None
    object_selector: LabelSelector | None = None
    resource_rules: Annotated[list[NamedRuleWithOperations] | None, ListAtomic()] = None


class Variable(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.Variable"

    expression: str
    name: str


class AuditAnnotation(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.AuditAnnotation"

    key: str
    value_expression: str


class Validation(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.Validation"

    expression: str
    message: str | None = None
    message_expression: str | None = None
    reason: str | None = None


class ExpressionWarning(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.ExpressionWarning"

    field_ref: str
    warning: str


class TypeChecking(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.TypeChecking"

    expression_warnings: Annotated[list[ExpressionWarning] | None, ListAtomic()] = None


class ValidatingAdmissionPolicySpec(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicySpec"

    audit_annotations: Annotated[list[AuditAnnotation] | None, ListAtomic()] = None
    failure_policy: Literal["Fail", "Ignore"] | None = None
    match_conditions: Annotated[list[MatchCondition] | None, ListMap("name"), PatchStrategy("merge", "name")] = None
    match_constraints: MatchResources | None = None
    param_kind: ParamKind | None = None
    validations: Annotated[list[Validation] | None, ListAtomic()] = None
    variables: Annotated[list[Variable] | None, ListMap("name"), PatchStrategy("merge", "name")] = None


class ValidatingAdmissionPolicyStatus(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyStatus"

    conditions: Annotated[list[Condition] | None, ListMap("type")] = None
    observed_generation: Int64 | None = None
    type_checking: TypeChecking | None = None


class ValidatingAdmissionPolicy(ApiModel):
    """Rules that requests are held against."""

    schema_name = "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: ValidatingAdmissionPolicySpec | None = None
    status: ValidatingAdmissionPolicyStatus | None = None


class ValidatingAdmissionPolicyBindingSpec(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec"

    policy_name: str
    validation_actions: Annotated[list[Literal["Audit", "Deny", "Warn"]], ListSet()]
    match_resources: MatchResources | None = None
    param_ref: ParamRef | None = None


class ValidatingAdmissionPolicyBinding(ApiModel):
    """Where a policy holds."""

    schema_name = "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding"

    spec: ValidatingAdmissionPolicyBindingSpec
    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None


class ApplyConfiguration(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.ApplyConfiguration"

    expression: str | None = None


class JSONPatch(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.JSONPatch"

    expression: str | None = None


class Mutation(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.Mutation"

    patch_type: Literal["ApplyConfiguration", "JSONPatch"]
    apply_configuration: ApplyConfiguration | None = None
    json_patch: JSONPatch | None = None


class MutatingAdmissionPolicySpec(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicySpec"

    failure_policy: Literal["Fail", "Ignore"] | None = None
    match_conditions: Annotated[list[MatchCondition] | None, ListMap("name"), PatchStrategy("merge", "name")] = None
    match_constraints: MatchResources | None = None
    mutations: Annotated[list[Mutation] | None, ListAtomic()] = None
    param_kind: ParamKind | None = None
    reinvocation_policy: Literal["IfNeeded", "Never"] | None = None
    variables: Annotated[list[Variable] | None, ListAtomic()] = None


class MutatingAdmissionPolicy(ApiModel):
    """Changes of objects on their way in."""

    schema_name = "io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicy"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: MutatingAdmissionPolicySpec | None = None


class MutatingAdmissionPolicyBindingSpec(ApiModel):
    schema_name = "io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicyBindingSpec"

    match_resources: MatchResources | None = None
    param_ref: ParamRef | None = None
    policy_name: str | None = None


class MutatingAdmissionPolicyBinding(ApiModel):
    """Where a policy is applied."""

    schema_name = "io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicyBinding"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: MutatingAdmissionPolicyBindingSpec | None = None
