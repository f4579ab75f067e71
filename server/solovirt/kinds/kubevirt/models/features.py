"""What hypervisor and chipset offer."""

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel, Int32


class FeatureAPIC(ApiModel):
    enabled: bool | None = None
    end_of_interrupt: bool | None = None


class FeatureSpinlocks(ApiModel):
    enabled: bool | None = None
    spinlocks: Int32 | None = None


class FeatureState(ApiModel):
    enabled: bool | None = None


class FeatureVendorID(ApiModel):
    enabled: bool | None = None
    vendorid: str | None = None


class SyNICTimer(ApiModel):
    direct: FeatureState | None = None
    enabled: bool | None = None


class TLBFlush(ApiModel):
    direct: FeatureState | None = None
    enabled: bool | None = None
    extended: FeatureState | None = None


class FeatureHyperv(ApiModel):
    evmcs: FeatureState | None = None
    frequencies: FeatureState | None = None
    ipi: FeatureState | None = None
    reenlightenment: FeatureState | None = None
    relaxed: FeatureState | None = None
    reset: FeatureState | None = None
    runtime: FeatureState | None = None
    spinlocks: FeatureSpinlocks | None = None
    synic: FeatureState | None = None
    synictimer: SyNICTimer | None = None
    tlbflush: TLBFlush | None = None
    vapic: FeatureState | None = None
    vendorid: FeatureVendorID | None = None
    vpindex: FeatureState | None = None


class FeatureKVM(ApiModel):
    hidden: bool | None = None


class HyperVPassthrough(ApiModel):
    enabled: bool | None = None


class Features(ApiModel):
    """What hypervisor and chipset offer the guest."""

    acpi: FeatureState | None = Field(None, description="ACPI; on if not said.")
    apic: FeatureAPIC | None = Field(None, description="An advanced interrupt controller.")
    hyperv: FeatureHyperv | None = Field(None, description="Enlightenments that Windows knows from Hyper-V.")
    hyperv_passthrough: HyperVPassthrough | None = Field(None, description="All enlightenments that the node supports.")
    kvm: FeatureKVM | None = Field(None, description="Whether the guest can tell that it runs on KVM.")
    pvspinlock: FeatureState | None = Field(None, description="Paravirtual spin locks.")
    smm: FeatureState | None = Field(None, description="System management mode.")
