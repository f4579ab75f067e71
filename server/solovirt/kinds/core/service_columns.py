"""What `kubectl get` prints of services and their endpoints (reference kubernetes-api.md 5)."""

from __future__ import annotations

from collections.abc import Sequence

from solovirt.kinds.cells import AGE, NAME, NONE, UNKNOWN, at, labels_text, text_column
from solovirt.machinery.resource import CellContext, Column, Document

_ENDPOINTS_SHOWN = 3


def _external_ip(document: Document, _: CellContext) -> str:
    spec: Document = document.get("spec") or {}
    external: Sequence[str] = spec.get("externalIPs") or ()
    kind = spec.get("type")
    if kind in ("ClusterIP", "NodePort"):
        return ",".join(external) or NONE
    if kind == "LoadBalancer":
        ingress = at(document, "status.loadBalancer.ingress") or ()
        balanced = {str(one.get("ip") or one.get("hostname") or "") for one in ingress} - {""}
        return ",".join([*sorted(balanced), *external]) or "<pending>"
    if kind == "ExternalName":
        return str(spec.get("externalName") or "")
    return UNKNOWN


def _port(port: Document) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node_port}/{port.get('protocol') or 'TCP'}"


SERVICES = (
    NAME,
    text_column("Type", "spec.type", "How the service is reached."),
    Column(
        "Cluster-IP",
        cell=lambda document, _: (at(document, "spec.clusterIPs") or [NONE])[0],
        description="Its address inside the cluster.",
    ),
    Column("External-IP", cell=_external_ip, description="Its addresses for the rest of the world."),
    Column(
        "Port(s)",
        cell=lambda document, _: ",".join(_port(port) for port in at(document, "spec.ports") or ()) or NONE,
        description="The ports it answers at.",
    ),
    AGE,
    Column(
        "Selector",
        cell=lambda document, _: labels_text(at(document, "spec.selector")),
        description="The labels of the pods behind it.",
        priority=1,
    ),
)


def _endpoints(document: Document, _: CellContext) -> str:
    """`address:port` of those that are ready; the first three, and how many more there are."""
    found: list[str] = []
    for subset in document.get("subsets") or ():
        ports: Sequence[Document] = subset.get("ports") or ()
        for address in subset.get("addresses") or ():
            ip = str(address.get("ip"))
            bracketed = f"[{ip}]" if ":" in ip else ip
            found += [f"{bracketed}:{port.get('port')}" for port in ports] or [ip]
    if not found:
        return NONE
    more = len(found) - _ENDPOINTS_SHOWN
    return ",".join(found[:_ENDPOINTS_SHOWN]) + (f" + {more} more..." if more > 0 else "")


ENDPOINTS = (NAME, Column("Endpoints", cell=_endpoints, description="The addresses behind the service."), AGE)
