"""
How a domain says whose it is.

Each domain that Solovirt defines carries an element of our own namespace in its `<metadata>`: which control plane made it and for which instance.
By this alone domains are recognised; names and UUIDs are for people and for libvirt. Domains without it are somebody else's and are
never touched.
"""

from __future__ import annotations

import hashlib
import re
import uuid
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from solovirt.runtime.protocol import GuestId, GuestSpec

NAMESPACE = "https://solovirt.io/xmlns/libvirt/guest/1.0"
PREFIX = "solovirt"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_NAME = 180
"""libvirt makes file names from a domain's, with endings of its own."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose a domain is."""

    owner: str
    """The control plane."""
    id: GuestId
    namespace: str
    name: str
    node: str

    def element(self) -> ET.Element:
        """What goes into the domain's `<metadata>`."""
        return ET.Element(
            f"{{{NAMESPACE}}}guest",
            {"owner": self.owner, "id": self.id, "namespace": self.namespace, "name": self.name, "node": self.node},
        )


def domain_name(spec: GuestSpec) -> str:
    """The domain's name: KubeVirt's `<namespace>_<name>`, and a few digits because several control planes may share a host."""
    digest = hashlib.sha256(spec.id.encode()).hexdigest()[:8]
    return f"{_UNSAFE.sub('-', f'{spec.namespace}_{spec.name}')[:_LONGEST_NAME]}_{digest}"


def domain_uuid(spec: GuestSpec) -> str:
    """
    The domain's UUID: the one that the instance's firmware shall show, else one derived from the guest's id.

    libvirt shows a domain's own UUID in SMBIOS and insists that both agree, so two guests on a host can't share one.
    """
    firmware = ((spec.instance.get("spec") or {}).get("domain") or {}).get("firmware") or {}
    if given := firmware.get("uuid"):
        return str(given).lower()
    try:
        return str(uuid.UUID(spec.id))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{NAMESPACE}/{spec.id}"))


def stamp(xml: str, identity: Identity) -> str:
    """*xml*, a `<domain>`, with *identity* in its metadata in place of any that is there."""
    ET.register_namespace(PREFIX, NAMESPACE)
    root = ET.fromstring(xml)  # noqa: S314 - made in this process
    metadata = root.find("metadata")
    if metadata is None:
        metadata = ET.SubElement(root, "metadata")
    for present in metadata.findall(f"{{{NAMESPACE}}}guest"):
        metadata.remove(present)
    metadata.append(identity.element())
    return ET.tostring(root, encoding="unicode")


def read(xml: str) -> Identity | None:
    """The identity in *xml*, a whole `<domain>` or our metadata alone; None if there is none, or only part of one."""
    root = ET.fromstring(xml)  # noqa: S314 - from libvirtd, which speaks with this process's own authority
    tag = f"{{{NAMESPACE}}}guest"
    # `virDomainGetMetadata` takes the namespace off the element it returns.
    found = root if root.tag in (tag, "guest") else root.find(f"metadata/{tag}")
    if found is None:
        return None
    values = {name: found.get(name) for name in ("owner", "id", "namespace", "name", "node")}
    if any(value is None for value in values.values()):
        return None
    given = {name: str(value) for name, value in values.items()}
    return Identity(given["owner"], GuestId(given["id"]), given["namespace"], given["name"], given["node"])
