"""What the k8s.cni.cncf.io group serves (reference kubernetes-api.md 7)."""

from __future__ import annotations

from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import ModelRef, Resource, Scope, Version

GROUP = "k8s.cni.cncf.io"

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="NetworkAttachmentDefinition",
        plural="network-attachment-definitions",
        singular="network-attachment-definition",
        scope=Scope.NAMESPACED,
        versions=(Version("v1", ModelRef("solovirt.kinds.cni.models.networks:NetworkAttachmentDefinition")),),
        behaviour=Behaviour(),
        short_names=("net-attach-def",),
    ),
)
