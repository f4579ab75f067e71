"""kubevirt.firmware"""

from solovirt.machinery.schema.markers import ApiModel


class ACPI(ApiModel):
    msdm_name_ref: str | None = None
    slic_name_ref: str | None = None


class BIOS(ApiModel):
    use_serial: bool | None = None


class EFI(ApiModel):
    persistent: bool | None = None
    secure_boot: bool | None = None


class Bootloader(ApiModel):
    bios: BIOS | None = None
    efi: EFI | None = None


class Chassis(ApiModel):
    asset: str | None = None
    manufacturer: str | None = None
    serial: str | None = None
    sku: str | None = None
    version: str | None = None


class KernelBootContainer(ApiModel):
    image: str
    image_pull_policy: str | None = None
    image_pull_secret: str | None = None
    initrd_path: str | None = None
    kernel_path: str | None = None


class KernelBoot(ApiModel):
    container: KernelBootContainer | None = None
    kernel_args: str | None = None


class Firmware(ApiModel):
    acpi: ACPI | None = None
    bootloader: Bootloader | None = None
    kernel_boot: KernelBoot | None = None
    serial: str | None = None
    uuid: str | None = None


class Machine(ApiModel):
    type: str | None = None
