"""ObjectTransfer."""

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel, Time
from solovirt.machinery.schema.meta import ObjectMeta


class TransferSource(ApiModel):
    api_version: str | None = None
    kind: str
    name: str
    namespace: str
    required_annotations: dict[str, str] | None = None


class TransferTarget(ApiModel):
    name: str | None = None
    namespace: str | None = None


class ObjectTransferSpec(ApiModel):
    source: TransferSource
    target: TransferTarget
    parent_name: str | None = None


class ObjectTransferCondition(ApiModel):
    status: str
    type: str
    last_heartbeat_time: Time | None = None
    last_transition_time: Time | None = None
    message: str | None = None
    reason: str | None = None


class ObjectTransferStatus(ApiModel):
    conditions: list[ObjectTransferCondition] | None = None
    data: dict[str, str] | None = None
    phase: str | None = None


class ObjectTransfer(ApiModel):
    """A move of an object to another namespace or name. Deprecated."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: ObjectTransferSpec = Field(description="What is wanted.")
    status: ObjectTransferStatus | None = Field(None, description="What there is.")
