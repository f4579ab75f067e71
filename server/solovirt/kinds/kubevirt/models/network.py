"""kubevirt.network"""

from typing import Annotated

from pydantic import Field

from solovirt.kinds.kubevirt.models.claims import ClaimRequest
from solovirt.machinery.schema.markers import ApiModel, Int32, ListAtomic


class DHCPPrivateOptions(ApiModel):
    option: int
    value: str


class DHCPOptions(ApiModel):
    boot_file_name: str | None = None
    ntp_servers: list[str] | None = None
    private_options: list[DHCPPrivateOptions] | None = None
    tftp_server_name: str | None = None


class DeprecatedInterfaceMacvtap(ApiModel):
    pass


class DeprecatedInterfacePasst(ApiModel):
    pass


class DeprecatedInterfaceSlirp(ApiModel):
    pass


class InterfaceBridge(ApiModel):
    pass


class InterfaceMasquerade(ApiModel):
    pass


class InterfacePasstBinding(ApiModel):
    pass


class InterfaceSRIOV(ApiModel):
    pass


class PluginBinding(ApiModel):
    name: str


class Port(ApiModel):
    port: Int32
    name: str | None = None
    protocol: str | None = None


class PortRange(ApiModel):
    end: Int32
    protocol: str
    start: Int32


class Interface(ApiModel):
    name: str
    acpi_index: int | None = None
    binding: PluginBinding | None = None
    boot_order: int | None = None
    bridge: InterfaceBridge | None = None
    dhcp_options: DHCPOptions | None = None
    mac_address: str | None = None
    macvtap: DeprecatedInterfaceMacvtap | None = None
    masquerade: InterfaceMasquerade | None = None
    model: str | None = None
    passt: DeprecatedInterfacePasst | None = None
    passt_binding: InterfacePasstBinding | None = None
    pci_address: str | None = None
    port_ranges: Annotated[list[PortRange] | None, ListAtomic()] = None
    ports: list[Port] | None = None
    slirp: DeprecatedInterfaceSlirp | None = None
    sriov: InterfaceSRIOV | None = None
    state: str | None = None
    tag: str | None = None


class MultusNetwork(ApiModel):
    network_name: str
    default: bool | None = None


class PodNetwork(ApiModel):
    vm_i_pv6_network_cidr: str | None = Field(None, alias="vmIPv6NetworkCIDR")
    vm_network_cidr: str | None = Field(None, alias="vmNetworkCIDR")


class Network(ApiModel):
    name: str
    multus: MultusNetwork | None = None
    pod: PodNetwork | None = None
    resource_claim: ClaimRequest | None = None
