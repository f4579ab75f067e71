"""What the networking.k8s.io group serves."""

from __future__ import annotations

from solovirt.kinds.networking import columns
from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Flavour, ModelRef, Resource, Scope, Version

GROUP = "networking.k8s.io"

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="IngressClass",
        plural="ingressclasses",
        singular="ingressclass",
        scope=Scope.CLUSTER,
        versions=(
            Version(
                "v1",
                ModelRef("solovirt.kinds.networking.models.ingresses:IngressClass"),
                columns=columns.INGRESS_CLASSES,
            ),
        ),
        behaviour=Behaviour(),
        flavour=Flavour.BUILT_IN,
        unconditional_update=True,
    ),
    Resource(
        group=GROUP,
        kind="Ingress",
        plural="ingresses",
        singular="ingress",
        scope=Scope.NAMESPACED,
        versions=(
            Version("v1", ModelRef("solovirt.kinds.networking.models.ingresses:Ingress"), columns=columns.INGRESSES),
        ),
        behaviour=Behaviour(),
        short_names=("ing",),
        flavour=Flavour.BUILT_IN,
        status_subresource=True,
        unconditional_update=True,
    ),
    Resource(
        group=GROUP,
        kind="IPAddress",
        plural="ipaddresses",
        singular="ipaddress",
        scope=Scope.CLUSTER,
        versions=(
            Version(
                "v1", ModelRef("solovirt.kinds.networking.models.addresses:IPAddress"), columns=columns.IP_ADDRESSES
            ),
        ),
        behaviour=Behaviour(),
        short_names=("ip",),
        flavour=Flavour.BUILT_IN,
        has_generation=False,
        unconditional_update=True,
    ),
    Resource(
        group=GROUP,
        kind="NetworkPolicy",
        plural="networkpolicies",
        singular="networkpolicy",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1",
                ModelRef("solovirt.kinds.networking.models.policies:NetworkPolicy"),
                columns=columns.NETWORK_POLICIES,
            ),
        ),
        behaviour=Behaviour(),
        short_names=("netpol",),
        flavour=Flavour.BUILT_IN,
        unconditional_update=True,
    ),
    Resource(
        group=GROUP,
        kind="ServiceCIDR",
        plural="servicecidrs",
        singular="servicecidr",
        scope=Scope.CLUSTER,
        versions=(
            Version(
                "v1", ModelRef("solovirt.kinds.networking.models.addresses:ServiceCIDR"), columns=columns.SERVICE_CIDRS
            ),
        ),
        behaviour=Behaviour(),
        flavour=Flavour.BUILT_IN,
        status_subresource=True,
        has_generation=False,
        unconditional_update=True,
    ),
)
