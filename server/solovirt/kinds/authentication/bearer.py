"""Bearer tokens of every kind there is, as TokenReviews ask about them (reference kubernetes-api.md 6)."""

from __future__ import annotations

from collections.abc import Sequence

from solovirt.kinds.authentication.service_accounts import ISSUER, ServiceAccountTokens, TokenRefused
from solovirt.machinery.auth.identity import User
from solovirt.machinery.auth.tokens import TokenAuthenticator


class BearerTokens:
    """Static tokens, which are for the API server, and those of service accounts, which say whom they are for."""

    def __init__(self, static: TokenAuthenticator, accounts: ServiceAccountTokens) -> None:
        self._static = static
        self._accounts = accounts

    def prove(self, token: str, audiences: Sequence[str]) -> tuple[User, tuple[str, ...]] | str:
        """Whose it is and for which of *audiences* (the API server itself, if there are none); or why it is no good, if that is known."""
        asked = tuple(audiences) or (ISSUER,)
        user = self._static.static_user(token)
        if user is not None:
            return (user, (ISSUER,)) if ISSUER in asked else ""
        try:
            proven = self._accounts.review(token, asked)
        except TokenRefused as refusal:
            return str(refusal)
        return "" if proven is None else (proven.user, proven.audiences)
