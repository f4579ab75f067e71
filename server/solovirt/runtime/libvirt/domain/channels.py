"""The channel to the agent in the guest."""

from __future__ import annotations

from solovirt.runtime.libvirt.domain.blueprint import Blueprint
from solovirt.runtime.libvirt.domain.xml import Xml, element


def agent(blueprint: Blueprint) -> Xml:
    """The one that libvirt itself speaks on; whether somebody answers is the guest's affair."""
    return element(
        "channel",
        element("source", mode="bind", path=str(blueprint.places.agent_socket)),
        element("target", type="virtio", name="org.qemu.guest_agent.0"),
        type="unix",
    )
