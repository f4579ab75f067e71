"""Reviews of identity: who am I, and whose is this token (reference kubernetes-api.md 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from solovirt.machinery.auth.identity import User
from solovirt.machinery.clock import Clock, timestamp
from solovirt.machinery.errors import BadRequest
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource
from solovirt.machinery.verbs.protocol import SubresourceRequest

GROUP = "authentication.k8s.io"
_BAD = "invalid bearer token"


class Tokens(Protocol):
    """Knows bearer tokens of every kind."""

    def prove(self, token: str, audiences: Sequence[str]) -> tuple[User, tuple[str, ...]] | str:
        """Whose it is and for which of *audiences* (the API server itself, if there are none); or why it is no good, if that is known."""
        ...


def install(registry: Registry, tokens: Tokens, clock: Clock) -> None:
    """Answer the reviews from now on."""

    async def who_am_i(request: SubresourceRequest) -> Document:
        return {
            "kind": "SelfSubjectReview",
            "apiVersion": f"{GROUP}/{request.target.version}",
            "metadata": {"creationTimestamp": timestamp(clock.now())},
            "status": {"userInfo": user_info(request.caller.user)},
        }

    async def whose_token(request: SubresourceRequest) -> Document:
        review = request.body or {}
        spec = review.get("spec") or {}
        token = spec.get("token")
        if not token:
            raise BadRequest("token is required for TokenReview in authentication")
        proven = tokens.prove(token, spec.get("audiences") or ())
        if isinstance(proven, str):
            # Everybody who was asked says something; those who merely don't know the token say this.
            review["status"] = {"user": {}, "error": f"[{_BAD}, {proven}]" if proven else _BAD}
        else:
            user, audiences = proven
            review["status"] = {"authenticated": True, "user": user_info(user), "audiences": list(audiences)}
        return review

    registry.handle(GroupResource(GROUP, "selfsubjectreviews"), "", who_am_i)
    registry.handle(GroupResource(GROUP, "tokenreviews"), "", whose_token)


def user_info(user: User) -> Document:
    """A user as `authentication.k8s.io` shows one."""
    out: Document = {"username": user.name}
    if user.uid:
        out["uid"] = user.uid
    if user.groups:
        out["groups"] = list(user.groups)
    if user.extra:
        out["extra"] = {key: list(values) for key, values in user.extra.items()}
    return out
