"""Who is asking, by bearer token or client certificate (reference kubernetes-api.md 6)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from solovirt.machinery.auth.identity import Credentials, User
from solovirt.machinery.errors import Unauthorized

_AUTHENTICATED = "system:authenticated"
_CREDENTIAL = "authentication.kubernetes.io/credential-id"


class TokenVerifier(Protocol):
    """Knows tokens of some kind."""

    def verify(self, token: str) -> User | None:
        """Whose *token* is; None if it is none of this kind. Raises Unauthorized if it is, and is not good."""
        ...


class TokenAuthenticator:
    """
    Client certificates that the TLS layer has verified, static tokens, and tokens that *verifiers* know, in this order.

    A token that nobody knows is refused rather than taken for nobody.
    """

    def __init__(self, tokens: Mapping[str, User], verifiers: Sequence[TokenVerifier] = ()) -> None:
        self._verifiers = tuple(verifiers)
        # Found by digest: how long a look-up takes says nothing of how much of a token was right.
        self._users = {_digest(token): (token.encode(), _authenticated(user)) for token, user in tokens.items()}

    def authenticate(self, credentials: Credentials) -> User | None:
        if credentials.certificate_name:
            extra = {_CREDENTIAL: (f"X509SHA256={credentials.certificate_digest}",)}
            return _authenticated(User(credentials.certificate_name, credentials.certificate_groups, extra=extra))
        if credentials.bearer_token is None:
            return None
        user = self.static_user(credentials.bearer_token)
        if user is not None:
            return user
        for verifier in self._verifiers:
            user = verifier.verify(credentials.bearer_token)
            if user is not None:
                return user
        raise Unauthorized

    def static_user(self, token: str) -> User | None:
        """Whose static token it is, None if it is none."""
        known = self._users.get(_digest(token))
        if known is not None and hmac.compare_digest(known[0], token.encode("utf-8", "surrogateescape")):
            return known[1]
        return None


def _digest(token: str) -> bytes:
    # Header values are decoded with surrogates where they are no UTF-8.
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _authenticated(user: User) -> User:
    if _AUTHENTICATED in user.groups:
        return user
    return replace(user, groups=(*user.groups, _AUTHENTICATED))
