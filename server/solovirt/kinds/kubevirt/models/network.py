"""The guest's interfaces and the networks they are connected to."""

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
    """A port that is forwarded to the guest."""

    port: Int32 = Field(description="Its number.")
    name: str | None = Field(None, description="A name for it, unique in the interface.")
    protocol: str | None = Field(None, description="TCP or UDP; TCP if not said.")


class PortRange(ApiModel):
    end: Int32
    protocol: str
    start: Int32


class Interface(ApiModel):
    """A network interface of the machine, connected to the network of the same name. One of bridge, masquerade, sriov, binding and their like says how."""

    name: str = Field(description="The network it is connected to.")
    acpi_index: int | None = Field(None, description="The index by which the guest names the interface.")
    binding: PluginBinding | None = Field(None, description="A plugin that connects it.")
    boot_order: int | None = Field(None, description="Its place among what the machine tries to boot from; 1 is first.")
    bridge: InterfaceBridge | None = Field(
        None, description="Connect it by a bridge: the guest takes over the pod's address."
    )
    dhcp_options: DHCPOptions | None = Field(None, description="What the guest is told by DHCP.")
    mac_address: str | None = Field(
        None, description="Its MAC address (`de:ad:00:00:be:af`); one is made up if not said."
    )
    macvtap: DeprecatedInterfaceMacvtap | None = Field(None, description="No longer supported.")
    masquerade: InterfaceMasquerade | None = Field(
        None, description="Connect it behind address translation: the guest has an address of its own."
    )
    model: str | None = Field(
        None,
        description="The card that is emulated: virtio, e1000, e1000e, igb, ne2k_pci, pcnet or rtl8139; virtio if not said.",
    )
    passt: DeprecatedInterfacePasst | None = Field(None, description="No longer supported.")
    passt_binding: InterfacePasstBinding | None = Field(None, description="Connect it by passt, in user space.")
    pci_address: str | None = Field(None, description="Its PCI address (`0000:81:01.10`).")
    port_ranges: Annotated[list[PortRange] | None, ListAtomic()] = Field(
        None, description="Ranges of ports that are forwarded to the guest."
    )
    ports: list[Port] | None = Field(None, description="Ports that are forwarded to the guest; all if none is named.")
    slirp: DeprecatedInterfaceSlirp | None = Field(None, description="No longer supported.")
    sriov: InterfaceSRIOV | None = Field(None, description="Pass a virtual function of the node's card through.")
    state: str | None = Field(None, description="up or down: the state of the link. absent: unplug it.")
    tag: str | None = Field(None, description="A tag by which the guest finds it in its metadata.")


class MultusNetwork(ApiModel):
    """A network of the cluster beside the pod network."""

    network_name: str = Field(description="The NetworkAttachmentDefinition: `name` or `namespace/name`.")
    default: bool | None = Field(None, description="It takes the place of the pod network.")


class PodNetwork(ApiModel):
    """The pod network."""

    vm_i_pv6_network_cidr: str | None = Field(
        None,
        alias="vmIPv6NetworkCIDR",
        description="The guest's IPv6 range behind address translation; fd10:0:2::/120 if not said.",
    )
    vm_network_cidr: str | None = Field(
        None,
        alias="vmNetworkCIDR",
        description="The guest's IPv4 range behind address translation; 10.0.2.0/24 if not said.",
    )


class Network(ApiModel):
    """A network that interfaces are connected to. One of pod, multus and resourceClaim says which."""

    name: str = Field(description="The name by which an interface refers to it.")
    multus: MultusNetwork | None = Field(None, description="A network of the cluster beside the pod network.")
    pod: PodNetwork | None = Field(None, description="The pod network.")
    resource_claim: ClaimRequest | None = Field(None, description="A device that was claimed.")
