"""How the guest boots, and what it reads of its hardware."""

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel


class ACPI(ApiModel):
    msdm_name_ref: str | None = None
    slic_name_ref: str | None = None


class BIOS(ApiModel):
    """A BIOS."""

    use_serial: bool | None = Field(None, description="Show its messages on the serial console.")


class EFI(ApiModel):
    """An EFI firmware."""

    persistent: bool | None = Field(None, description="Keep its variables from run to run.")
    secure_boot: bool | None = Field(
        None, description="Boot signed code alone; yes if not said. Needs the smm feature."
    )


class Bootloader(ApiModel):
    """What boots the guest: one of BIOS and EFI."""

    bios: BIOS | None = Field(None, description="Boot with BIOS.")
    efi: EFI | None = Field(None, description="Boot with EFI.")


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
    """How the guest boots."""

    acpi: ACPI | None = Field(None, description="ACPI tables that are added.")
    bootloader: Bootloader | None = Field(None, description="BIOS or EFI; BIOS if not said.")
    kernel_boot: KernelBoot | None = Field(None, description="Boot a kernel directly, out of a container image.")
    serial: str | None = Field(None, description="The serial number of the system that the guest reads.")
    uuid: str | None = Field(
        None, description="The UUID of the system that the guest reads; made of the instance's name if not said."
    )


class Machine(ApiModel):
    """The board that is emulated."""

    type: str | None = Field(None, description="Its type, as QEMU calls it, for example q35.")
