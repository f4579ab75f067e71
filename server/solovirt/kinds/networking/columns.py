"""What `kubectl get` prints of the networking.k8s.io group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from collections.abc import Sequence

from solovirt.kinds.cells import AGE, NAME, NONE, at, selector_text, text_column
from solovirt.machinery.resource import CellContext, Column, Document

_HOSTS_SHOWN = 3

NETWORK_POLICIES = (
    NAME,
    Column(
        "Pod-Selector",
        cell=lambda document, _: selector_text(at(document, "spec.podSelector")),
        description="The pods it is for.",
    ),
    AGE,
)


def _hosts(document: Document, _: CellContext) -> str:
    rules: Sequence[Document] = at(document, "spec.rules") or ()
    hosts = [str(rule["host"]) for rule in rules if rule.get("host")]
    if not hosts:
        return "*"
    more = len(hosts) - _HOSTS_SHOWN
    return ",".join(hosts[:_HOSTS_SHOWN]) + (f" + {more} more..." if more > 0 else "")


def _address(document: Document, _: CellContext) -> str:
    ingress: Sequence[Document] = at(document, "status.loadBalancer.ingress") or ()
    return ",".join(sorted({str(one.get("ip") or one.get("hostname") or "") for one in ingress} - {""}))


INGRESSES = (
    NAME,
    text_column("Class", "spec.ingressClassName", "Who serves it.", missing=NONE),
    Column("Hosts", cell=_hosts, description="The hosts it answers for."),
    Column("Address", cell=_address, description="Where it answers."),
    Column(
        "Ports",
        cell=lambda document, _: "80, 443" if at(document, "spec.tls") else "80",
        description="The ports it answers at.",
    ),
    AGE,
)


def _parameters(document: Document, _: CellContext) -> str:
    reference = at(document, "spec.parameters")
    if not reference:
        return NONE
    group = reference.get("apiGroup")
    return f"{reference.get('kind')}{f'.{group}' if group else ''}/{reference.get('name')}"


INGRESS_CLASSES = (
    NAME,
    text_column("Controller", "spec.controller", "Who serves ingresses of this class."),
    Column("Parameters", cell=_parameters, description="Where the class has its settings from."),
    AGE,
)
SERVICE_CIDRS = (
    NAME,
    Column(
        "CIDRs",
        cell=lambda document, _: ",".join(at(document, "spec.cidrs") or ()),
        description="The ranges that services get their addresses from.",
    ),
    AGE,
)


def _parent(document: Document, _: CellContext) -> str:
    reference = at(document, "spec.parentRef")
    if not reference:
        return NONE
    parts = [reference.get("resource"), reference.get("group"), reference.get("namespace"), reference.get("name")]
    resource = ".".join(str(one) for one in parts[:2] if one)
    return "/".join([resource, *(str(one) for one in parts[2:] if one)])


IP_ADDRESSES = (NAME, Column("ParentRef", cell=_parent, description="Whose address it is."), AGE)
