"""Claims of devices."""

from solovirt.machinery.schema.markers import ApiModel


class ClaimRequest(ApiModel):
    claim_name: str | None = None
    request_name: str | None = None


class VirtualMachineInstanceResourceClaim(ApiModel):
    name: str
    resource_claim_name: str | None = None
    resource_claim_template_name: str | None = None
