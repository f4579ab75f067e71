"""kubevirt.features"""

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
    acpi: FeatureState | None = None
    apic: FeatureAPIC | None = None
    hyperv: FeatureHyperv | None = None
    hyperv_passthrough: HyperVPassthrough | None = None
    kvm: FeatureKVM | None = None
    pvspinlock: FeatureState | None = None
    smm: FeatureState | None = None
