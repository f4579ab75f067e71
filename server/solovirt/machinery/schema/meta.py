"""
The types that every kind shares: object metadata, list metadata, Status, selectors, conditions, and what discovery answers.

They are Kubernetes' `meta/v1` (and the few types of `runtime` and `version` that the API documents name). Kinds import them as field
types; the OpenAPI documents publish them under Kubernetes' own names.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from solovirt.machinery.schema.markers import (
    ApiModel,
    CoreTime,
    Int32,
    Int64,
    ListAtomic,
    ListMap,
    ListSet,
    PatchStrategy,
)

META = "io.k8s.apimachinery.pkg.apis.meta.v1."


class RawExtension(ApiModel):
    """Any object, kept as it was sent."""

    schema_name = "io.k8s.apimachinery.pkg.runtime.RawExtension"
    preserve_unknown: ClassVar[bool] = True


class FieldsV1(ApiModel):
    """A set of fields as a tree: `f:` names a field, `k:` an item by its keys, `v:` an item by its value, `i:` one by its index."""

    schema_name = META + "FieldsV1"
    preserve_unknown: ClassVar[bool] = True


class Patch(ApiModel):
    """The body of a PATCH request; its form follows from the request's content type."""

    schema_name = META + "Patch"
    preserve_unknown: ClassVar[bool] = True


class OwnerReference(ApiModel):
    """An object that this one belongs to, in the same namespace or cluster-scoped; with the last of its owners it is deleted."""

    schema_name = META + "OwnerReference"
    atomic: ClassVar[bool] = True

    api_version: str = Field(alias="apiVersion", description="API version of the owner.")
    block_owner_deletion: bool | None = Field(
        None,
        alias="blockOwnerDeletion",
        description="The owner, when deleted in the foreground, stays until this object is gone.",
    )
    controller: bool | None = Field(None, description="The owner is the controller that manages this object.")
    kind: str = Field(description="Kind of the owner.")
    name: str = Field(description="Name of the owner.")
    uid: str = Field(description="UID of the owner.")


class ManagedFieldsEntry(ApiModel):
    """The fields that one manager set through one operation of one API version."""

    schema_name = META + "ManagedFieldsEntry"

    api_version: str | None = Field(None, alias="apiVersion", description="API version that the field names belong to.")
    fields_type: str | None = Field(None, alias="fieldsType", description="Format of the fields: FieldsV1.")
    fields_v1: FieldsV1 | None = Field(None, alias="fieldsV1", description="The fields, as a tree.")
    manager: str | None = Field(None, description="Who set the fields.")
    operation: str | None = Field(None, description="Apply for server-side apply, Update for every other write.")
    subresource: str | None = Field(None, description="Subresource through which the fields were set, if any.")
    time: CoreTime | None = Field(None, description="When the set of fields last changed.")


class ObjectMeta(ApiModel):
    """What every stored object has: its identity, labels, owners and life cycle."""

    schema_name = META + "ObjectMeta"

    annotations: dict[str, str] | None = Field(
        None, description="Notes for tools, by key; they identify nothing and cannot be selected by."
    )
    creation_timestamp: CoreTime | None = Field(
        None, alias="creationTimestamp", description="When the server created the object. Set by the server."
    )
    deletion_grace_period_seconds: Int64 | None = Field(
        None,
        alias="deletionGracePeriodSeconds",
        description="Seconds the object may take to end in good order, while it is being deleted. Set by the server.",
    )
    deletion_timestamp: CoreTime | None = Field(
        None,
        alias="deletionTimestamp",
        description="When the object is to be gone. Set by the server when a deletion is asked for and finalizers remain.",
    )
    finalizers: Annotated[list[str] | None, ListSet(), PatchStrategy("merge")] = Field(
        None,
        description="What must be tidied up before the object goes. Each entry is removed by the one responsible for it.",
    )
    generate_name: str | None = Field(
        None, alias="generateName", description="Prefix of a name that the server completes if no name is given."
    )
    generation: Int64 | None = Field(
        None, description="Number of the desired state, raised when it changes. Set by the server."
    )
    labels: dict[str, str] | None = Field(
        None, description="Keys and values by which objects are organised and selected."
    )
    managed_fields: Annotated[list[ManagedFieldsEntry] | None, ListAtomic()] = Field(
        None, alias="managedFields", description="Which manager set which fields. Kept by the server."
    )
    name: str | None = Field(
        None, description="Name, unique among the objects of the kind in the namespace; never changes."
    )
    namespace: str | None = Field(
        None, description="Namespace that the object lives in; empty for cluster-scoped kinds."
    )
    owner_references: Annotated[list[OwnerReference] | None, ListMap("uid"), PatchStrategy("merge", "uid")] = Field(
        None,
        alias="ownerReferences",
        description="Objects that this one belongs to. When all are gone, so is this one.",
    )
    resource_version: str | None = Field(
        None,
        alias="resourceVersion",
        description="Opaque version of the stored object; sent back with an update, it makes sure nothing was overwritten.",
    )
    self_link: str | None = Field(None, alias="selfLink", description="No longer set.")
    uid: str | None = Field(None, description="Unique among all objects ever. Set by the server.")


class ShardInfo(ApiModel):
    """Which part of a list that is divided among several readers this is."""

    schema_name = META + "ShardInfo"

    selector: str = Field(description="Selector that the part was chosen by.")


class ListMeta(ApiModel):
    """Metadata of a list."""

    schema_name = META + "ListMeta"

    continue_: str | None = Field(None, alias="continue", description="Token that asks for the rest of the list.")
    remaining_item_count: Int64 | None = Field(
        None, alias="remainingItemCount", description="How many items are left after this page, where that is known."
    )
    resource_version: str | None = Field(
        None, alias="resourceVersion", description="Version of the whole list, from which a watch can go on."
    )
    self_link: str | None = Field(None, alias="selfLink", description="No longer set.")
    shard_info: ShardInfo | None = Field(
        None, alias="shardInfo", description="Set if the list is one of several parts that were asked for separately."
    )


class StatusCause(ApiModel):
    """One cause of a failure."""

    schema_name = META + "StatusCause"

    field: str | None = Field(None, description="Path of the field that is to blame, such as spec.ports[0].name.")
    message: str | None = Field(None, description="Explanation for people.")
    reason: str | None = Field(None, description="Explanation for programs.")


class StatusDetails(ApiModel):
    """What a Status is about."""

    schema_name = META + "StatusDetails"

    causes: Annotated[list[StatusCause] | None, ListAtomic()] = Field(
        None, description="Each single cause of the failure."
    )
    group: str | None = Field(None, description="API group of the object.")
    kind: str | None = Field(None, description="Kind or resource of the object.")
    name: str | None = Field(None, description="Name of the object.")
    retry_after_seconds: Int32 | None = Field(
        None, alias="retryAfterSeconds", description="Seconds to wait before the request is tried again."
    )
    uid: str | None = Field(None, description="UID of the object.")


class Status(ApiModel):
    """The answer to a request that returns no object: success, or a failure with its reason."""

    schema_name = META + "Status"

    api_version: str | None = Field(None, alias="apiVersion", description="v1.")
    code: Int32 | None = Field(None, description="HTTP status code.")
    details: StatusDetails | None = Field(None, description="What the answer is about.")
    kind: str | None = Field(None, description="Status.")
    message: str | None = Field(None, description="Explanation for people.")
    metadata: ListMeta | None = Field(None, description="List metadata; usually empty.")
    reason: str | None = Field(None, description="Explanation for programs: one word such as NotFound.")
    status: str | None = Field(None, description="Success or Failure.")


class Preconditions(ApiModel):
    """What must be true of an object for it to be deleted."""

    schema_name = META + "Preconditions"

    resource_version: str | None = Field(None, alias="resourceVersion", description="The version it must have.")
    uid: str | None = Field(None, description="The UID it must have.")


class DeleteOptions(ApiModel):
    """How an object is to be deleted."""

    schema_name = META + "DeleteOptions"

    api_version: str | None = Field(None, alias="apiVersion", description="API version of these options.")
    dry_run: Annotated[list[str] | None, ListAtomic()] = Field(
        None, alias="dryRun", description="All: go through every step but store nothing."
    )
    grace_period_seconds: Int64 | None = Field(
        None, alias="gracePeriodSeconds", description="Seconds the object may take to end; 0 deletes at once."
    )
    ignore_store_read_error_with_cluster_breaking_potential: bool | None = Field(
        None,
        alias="ignoreStoreReadErrorWithClusterBreakingPotential",
        description="Delete an object even if what is stored cannot be read.",
    )
    kind: str | None = Field(None, description="DeleteOptions.")
    orphan_dependents: bool | None = Field(
        None,
        alias="orphanDependents",
        description="Deprecated: true is the propagation policy Orphan, false is Background.",
    )
    preconditions: Preconditions | None = Field(None, description="What must be true for the deletion to happen.")
    propagation_policy: str | None = Field(
        None,
        alias="propagationPolicy",
        description="What happens to dependents: Background deletes them afterwards, Foreground before, Orphan leaves them.",
    )


class FieldSelectorRequirement(ApiModel):
    """One requirement on the value of a field."""

    schema_name = META + "FieldSelectorRequirement"

    key: str = Field(description="The field, as a path.")
    operator: str = Field(description="How the values are compared: In, NotIn, Exists or DoesNotExist.")
    values: Annotated[list[str] | None, ListAtomic()] = Field(None, description="Values for In and NotIn.")


class LabelSelectorRequirement(ApiModel):
    """One requirement on the value of a label."""

    schema_name = META + "LabelSelectorRequirement"

    key: str = Field(description="The label's key.")
    operator: str = Field(description="How the values are compared: In, NotIn, Exists or DoesNotExist.")
    values: Annotated[list[str] | None, ListAtomic()] = Field(None, description="Values for In and NotIn.")


class LabelSelector(ApiModel):
    """Selects objects by their labels. All requirements must hold; an empty selector selects everything."""

    schema_name = META + "LabelSelector"
    atomic: ClassVar[bool] = True

    match_expressions: Annotated[list[LabelSelectorRequirement] | None, ListAtomic()] = Field(
        None, alias="matchExpressions", description="Requirements that all must hold."
    )
    match_labels: dict[str, str] | None = Field(
        None, alias="matchLabels", description="Labels that must be present with exactly these values."
    )


class Condition(ApiModel):
    """One aspect of an object's state."""

    schema_name = META + "Condition"

    last_transition_time: CoreTime = Field(alias="lastTransitionTime", description="When the status last changed.")
    message: str = Field(description="Explanation for people.")
    observed_generation: Int64 | None = Field(
        None, alias="observedGeneration", description="Generation of the object that the condition speaks of."
    )
    reason: str = Field(description="Why the status last changed, as one word for programs.")
    status: str = Field(description="True, False or Unknown.")
    type: str = Field(description="Which aspect this is.")


class WatchEvent(ApiModel):
    """One event of a watch."""

    schema_name = META + "WatchEvent"

    object: RawExtension = Field(description="The object after the event, or a Status if the type is ERROR.")
    type: str = Field(description="ADDED, MODIFIED, DELETED, BOOKMARK or ERROR.")


class ServerAddressByClientCIDR(ApiModel):
    """The server's address for clients of one network."""

    schema_name = META + "ServerAddressByClientCIDR"

    client_cidr: str = Field(alias="clientCIDR", description="Network that the clients are in.")
    server_address: str = Field(
        alias="serverAddress", description="Address for them: a host name or IP, with a port or without."
    )


class GroupVersionForDiscovery(ApiModel):
    """A version of an API group."""

    schema_name = META + "GroupVersionForDiscovery"

    group_version: str = Field(alias="groupVersion", description="group/version.")
    version: str = Field(description="The version alone.")


class APIVersions(ApiModel):
    """The versions of the core API."""

    schema_name = META + "APIVersions"

    api_version: str | None = Field(None, alias="apiVersion", description="v1.")
    kind: str | None = Field(None, description="APIVersions.")
    server_address_by_client_cidrs: Annotated[list[ServerAddressByClientCIDR], ListAtomic()] = Field(
        alias="serverAddressByClientCIDRs", description="Addresses of the server, by the network of the client."
    )
    versions: Annotated[list[str], ListAtomic()] = Field(description="The versions.")


class APIGroup(ApiModel):
    """An API group with its versions."""

    schema_name = META + "APIGroup"

    api_version: str | None = Field(None, alias="apiVersion", description="v1.")
    kind: str | None = Field(None, description="APIGroup.")
    name: str = Field(description="Name of the group.")
    preferred_version: GroupVersionForDiscovery | None = Field(
        None, alias="preferredVersion", description="The version that the server prefers."
    )
    server_address_by_client_cidrs: Annotated[list[ServerAddressByClientCIDR] | None, ListAtomic()] = Field(
        None, alias="serverAddressByClientCIDRs", description="Addresses of the server, by the network of the client."
    )
    versions: Annotated[list[GroupVersionForDiscovery], ListAtomic()] = Field(
        description="The versions, preferred first."
    )


class APIGroupList(ApiModel):
    """All API groups but the core one."""

    schema_name = META + "APIGroupList"

    api_version: str | None = Field(None, alias="apiVersion", description="v1.")
    groups: Annotated[list[APIGroup], ListAtomic()] = Field(description="The groups.")
    kind: str | None = Field(None, description="APIGroupList.")


class APIResource(ApiModel):
    """A resource of a group and version."""

    schema_name = META + "APIResource"

    categories: Annotated[list[str] | None, ListAtomic()] = Field(
        None, description="Sets of resources that this one belongs to, such as all."
    )
    group: str | None = Field(None, description="Group of the kind where it differs from the list's.")
    kind: str = Field(description="Kind of the objects.")
    name: str = Field(description="Plural name.")
    namespaced: bool = Field(description="Whether objects live in a namespace.")
    short_names: Annotated[list[str] | None, ListAtomic()] = Field(
        None, alias="shortNames", description="Abbreviations of the name."
    )
    singular_name: str = Field(alias="singularName", description="Singular name.")
    storage_version_hash: str | None = Field(
        None, alias="storageVersionHash", description="Changes when objects are stored as another version."
    )
    verbs: list[str] = Field(description="What can be done with it.")
    version: str | None = Field(None, description="Version of the kind where it differs from the list's.")


class APIResourceList(ApiModel):
    """The resources of a group and version."""

    schema_name = META + "APIResourceList"

    api_version: str | None = Field(None, alias="apiVersion", description="v1.")
    group_version: str = Field(alias="groupVersion", description="The group and version.")
    kind: str | None = Field(None, description="APIResourceList.")
    resources: Annotated[list[APIResource], ListAtomic()] = Field(description="The resources.")


class Info(ApiModel):
    """Which build of the server this is."""

    schema_name = "io.k8s.apimachinery.pkg.version.Info"

    build_date: str = Field(alias="buildDate", description="When it was built.")
    compiler: str = Field(description="What it was built with.")
    emulation_major: str | None = Field(None, alias="emulationMajor", description="Major version that it behaves as.")
    emulation_minor: str | None = Field(None, alias="emulationMinor", description="Minor version that it behaves as.")
    git_commit: str = Field(alias="gitCommit", description="Commit that it was built from.")
    git_tree_state: str = Field(alias="gitTreeState", description="Whether there were changes beyond the commit.")
    git_version: str = Field(alias="gitVersion", description="The version, such as v1.36.2.")
    go_version: str = Field(alias="goVersion", description="Version of the language it is written in.")
    major: str = Field(description="Major version.")
    min_compatibility_major: str | None = Field(
        None, alias="minCompatibilityMajor", description="Oldest major version that it is compatible with."
    )
    min_compatibility_minor: str | None = Field(
        None, alias="minCompatibilityMinor", description="Oldest minor version that it is compatible with."
    )
    minor: str = Field(description="Minor version.")
    platform: str = Field(description="Operating system and architecture.")


class ScaleSpec(ApiModel):
    """How many replicas are wanted."""

    schema_name = "io.k8s.api.autoscaling.v1.ScaleSpec"

    replicas: Int32 | None = Field(None, description="The number of replicas wanted.")


class ScaleStatus(ApiModel):
    """How many replicas there are."""

    schema_name = "io.k8s.api.autoscaling.v1.ScaleStatus"

    replicas: Int32 = Field(description="The number of replicas there are.")
    selector: str | None = Field(None, description="Label selector of the replicas, in its string form.")


class Scale(ApiModel):
    """The number of replicas of an object, as the scale subresource shows and sets it."""

    schema_name = "io.k8s.api.autoscaling.v1.Scale"

    api_version: str | None = Field(None, alias="apiVersion", description="autoscaling/v1.")
    kind: str | None = Field(None, description="Scale.")
    metadata: ObjectMeta | None = Field(None, description="Metadata of the object that is scaled.")
    spec: ScaleSpec | None = Field(None, description="How many replicas are wanted.")
    status: ScaleStatus | None = Field(None, description="How many replicas there are.")
