"""Protection of the guest's memory from the host."""

from solovirt.machinery.schema.markers import ApiModel


class SEVAttestation(ApiModel):
    pass


class SEVPolicy(ApiModel):
    encrypted_state: bool | None = None


class SEV(ApiModel):
    attestation: SEVAttestation | None = None
    dh_cert: str | None = None
    policy: SEVPolicy | None = None
    session: str | None = None


class SEVSNP(ApiModel):
    pass


class TDX(ApiModel):
    pass


class LaunchSecurity(ApiModel):
    sev: SEV | None = None
    snp: SEVSNP | None = None
    tdx: TDX | None = None
