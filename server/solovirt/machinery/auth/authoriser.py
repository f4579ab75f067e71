"""
May they: the rules that hold whatever else decides (reference kubernetes-api.md 6).

Members of `system:masters` may do everything. Of the others an authoriser that is plugged in decides (RBAC). Without one everybody may ask for
health and version, whoever has proved an identity may discover what is served, and the answer to the rest is no.
"""

from __future__ import annotations

from solovirt.machinery.auth.identity import Attributes, Authoriser, User

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
_OPEN = ("/healthz", "/livez", "/readyz", "/version")
_DISCOVERY = ("/api", "/apis", "/openapi")
_READING = ("get", "head")
_REVIEWS = (
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
    ("authentication.k8s.io", "selfsubjectreviews"),
)
"""What everybody may ask about themselves (`system:basic-user`)."""


class MastersOnly:
    """Everything for masters; for the rest what *rules* decides, or without them health and discovery."""

    def __init__(self, rules: Authoriser | None = None) -> None:
        self._rules = rules

    def allows(self, user: User, attributes: Attributes) -> tuple[bool, str]:
        if MASTERS in user.groups:
            return True, ""
        if self._rules is not None:
            return self._rules.allows(user, attributes)
        if attributes.path:
            if _may_read(user, attributes):
                return True, ""
        elif (
            attributes.verb == "create"
            and AUTHENTICATED in user.groups
            and (attributes.group, attributes.resource) in _REVIEWS
        ):
            return True, ""
        return False, ""


def _may_read(user: User, attributes: Attributes) -> bool:
    if attributes.verb not in _READING:
        return False
    path = attributes.path.rstrip("/")
    if _below(path, _OPEN):
        return True
    return AUTHENTICATED in user.groups and _below(path, _DISCOVERY)


def _below(path: str, roots: tuple[str, ...]) -> bool:
    return any(path == root or path.startswith(root + "/") for root in roots)
