"""What the authentication.k8s.io group serves: who is somebody (reference kubernetes-api.md 6)."""

from __future__ import annotations

from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Flavour, ModelRef, Resource, Scope, Version

GROUP = "authentication.k8s.io"


def _review(kind: str, scope: Scope = Scope.CLUSTER) -> Resource:
    """A resource of which nothing is stored: a POST is answered with its own status filled in."""
    return Resource(
        group=GROUP,
        kind=kind,
        plural=f"{kind.lower()}s",
        singular=kind.lower(),
        scope=scope,
        versions=(Version("v1", ModelRef(f"solovirt.kinds.authentication.models.reviews:{kind}")),),
        behaviour=Behaviour(),
        flavour=Flavour.BUILT_IN,
        verbs=("create",),
        has_generation=False,
        virtual=True,
    )


RESOURCES: tuple[Resource, ...] = (
    _review("SelfSubjectReview"),
    _review("TokenReview"),
)
