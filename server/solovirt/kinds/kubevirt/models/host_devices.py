"""Devices of nodes that machines may use."""

from typing import Annotated

from solovirt.machinery.schema.markers import ApiModel, ListAtomic


class NodeMediatedDeviceTypesConfig(ApiModel):
    node_selector: dict[str, str]
    mediated_device_types: Annotated[list[str] | None, ListAtomic()] = None
    mediated_devices_types: Annotated[list[str] | None, ListAtomic()] = None


class MediatedDevicesConfiguration(ApiModel):
    enabled: bool | None = None
    mediated_device_types: Annotated[list[str] | None, ListAtomic()] = None
    mediated_devices_types: Annotated[list[str] | None, ListAtomic()] = None
    node_mediated_device_types: Annotated[list[NodeMediatedDeviceTypesConfig] | None, ListAtomic()] = None


class MediatedHostDevice(ApiModel):
    mdev_name_selector: str
    resource_name: str
    external_resource_provider: bool | None = None


class PciHostDevice(ApiModel):
    pci_vendor_selector: str
    resource_name: str
    external_resource_provider: bool | None = None


class USBSelector(ApiModel):
    product: str
    vendor: str


class USBHostDevice(ApiModel):
    resource_name: str
    external_resource_provider: bool | None = None
    selectors: Annotated[list[USBSelector] | None, ListAtomic()] = None


class PermittedHostDevices(ApiModel):
    mediated_devices: Annotated[list[MediatedHostDevice] | None, ListAtomic()] = None
    pci_host_devices: Annotated[list[PciHostDevice] | None, ListAtomic()] = None
    usb: Annotated[list[USBHostDevice] | None, ListAtomic()] = None
