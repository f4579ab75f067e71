"""Who is asking, and the protocols by which the machinery finds out and asks whether they may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class User:
    """An authenticated identity, as `authentication.k8s.io` UserInfo shows it."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


class Attributes(NamedTuple):
    """What is being asked for, in authorisation's terms. *path* is set for requests that are for no resource."""

    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class Credentials(NamedTuple):
    """What a connection and its headers offer as proof."""

    bearer_token: str | None = None
    # Subject of a verified client certificate: common name and organisations.
    certificate_name: str | None = None
    certificate_groups: tuple[str, ...] = ()
    certificate_digest: str = ""
    """SHA-256 of the whole certificate, hexadecimal."""


class Authenticator(Protocol):
    """Finds out who is asking."""

    def authenticate(self, credentials: Credentials) -> User | None:
        """The user whom *credentials* prove, None if they prove nobody. Raises Unauthorized if they are false."""
        ...


class Authoriser(Protocol):
    """Says whether somebody may."""

    def allows(self, user: User, attributes: Attributes) -> tuple[bool, str]:
        """Whether *user* may do it, and why (for access reviews; may be empty)."""
        ...
