"""What `kubectl get` prints of the discovery.k8s.io group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from collections.abc import Sequence

from solovirt.kinds.cells import AGE, NAME, UNSET, text_column
from solovirt.machinery.resource import CellContext, Column, Document

_SHOWN = 3


def _first(values: Sequence[str]) -> str:
    """The first three, and how many more there are."""
    more = len(values) - _SHOWN
    return ",".join(values[:_SHOWN]) + (f" + {more} more..." if more > 0 else "")


def _ports(document: Document, _: CellContext) -> str:
    ports: Sequence[Document] = document.get("ports") or ()
    return _first([str(port["port"] if port.get("port") is not None else "*") for port in ports]) or UNSET


def _endpoints(document: Document, _: CellContext) -> str:
    endpoints: Sequence[Document] = document.get("endpoints") or ()
    return _first([str(address) for one in endpoints for address in one.get("addresses") or ()]) or UNSET


ENDPOINT_SLICES = (
    NAME,
    text_column("AddressType", "addressType", "What its addresses are."),
    Column("Ports", cell=_ports, description="The ports at every address."),
    Column("Endpoints", cell=_endpoints, description="The addresses."),
    AGE,
)
