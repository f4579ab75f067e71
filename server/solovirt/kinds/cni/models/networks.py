"""NetworkAttachmentDefinition."""

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel
from solovirt.machinery.schema.meta import ObjectMeta


class NetworkAttachmentDefinitionSpec(ApiModel):
    """What the network is."""

    config: str | None = Field(None, description="The network's configuration, a CNI configuration in JSON.")


class NetworkAttachmentDefinition(ApiModel):
    """A network beside the cluster's own, which instances name in `spec.networks[].multus.networkName`."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: NetworkAttachmentDefinitionSpec | None = None
