"""Who is asking and may they, put together for one control plane: its tokens, its certificates' users, its roles."""

from __future__ import annotations

from collections.abc import Mapping

from solovirt.kinds.authentication.bearer import BearerTokens
from solovirt.kinds.authentication.service_accounts import ServiceAccountTokens
from solovirt.kinds.rbac.authoriser import RbacAuthoriser
from solovirt.machinery.auth.authoriser import MastersOnly
from solovirt.machinery.auth.identity import User
from solovirt.machinery.auth.jwt import KeyHolder
from solovirt.machinery.auth.tokens import TokenAuthenticator
from solovirt.machinery.clock import Clock
from solovirt.machinery.store.protocol import Store


class Access:
    """
    The parts that authenticate and authorise. *users* are those of static tokens, *keys* signs the tokens of service accounts.

    The store must be open before anybody is let in.
    """

    def __init__(self, store: Store, clock: Clock, *, users: Mapping[str, User], keys: KeyHolder) -> None:
        self.accounts = ServiceAccountTokens(store, clock, keys)
        self.authenticator = TokenAuthenticator(users, (self.accounts,))
        self.bearer = BearerTokens(self.authenticator, self.accounts)
        self.roles = RbacAuthoriser(store)
        self.authoriser = MastersOnly(self.roles)
