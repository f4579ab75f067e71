"""Who is asking, by bearer token or client certificate (reference kubernetes-api.md 6)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace

from solovirt.machinery.auth.identity import Credentials, User
from solovirt.machinery.errors import Unauthorized

_AUTHENTICATED = "system:authenticated"


class TokenAuthenticator:
    """
    Static tokens, and client certificates that the TLS layer has verified.

    A certificate goes before a token. A token that is not known is refused rather than taken for nobody.
    """

    def __init__(self, tokens: Mapping[str, User]) -> None:
        # Found by digest: how long a look-up takes says nothing of how much of a token was right.
        self._users = {_digest(token): (token.encode(), _authenticated(user)) for token, user in tokens.items()}

    def authenticate(self, credentials: Credentials) -> User | None:
        if credentials.certificate_name:
            return _authenticated(User(credentials.certificate_name, credentials.certificate_groups))
        if credentials.bearer_token is None:
            return None
        known = self._users.get(_digest(credentials.bearer_token))
        if known is None or not hmac.compare_digest(
            known[0], credentials.bearer_token.encode("utf-8", "surrogateescape")
        ):
            raise Unauthorized
        return known[1]


def _digest(token: str) -> bytes:
    # Header values are decoded with surrogates where they are no UTF-8.
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _authenticated(user: User) -> User:
    if _AUTHENTICATED in user.groups:
        return user
    return replace(user, groups=(*user.groups, _AUTHENTICATED))
