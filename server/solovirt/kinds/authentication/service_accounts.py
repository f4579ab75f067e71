"""
Tokens of service accounts: what they claim, whom they prove, and until when (reference kubernetes-api.md 6).

A token is good while its time has not passed, its ServiceAccount is the one it was issued for (by uid) and the object it is bound to, if any, is
still there. Times are the control plane's clock's.
"""

from __future__ import annotations

import base64
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from solovirt.kinds.core import names
from solovirt.machinery.auth.identity import User
from solovirt.machinery.auth.jwt import BadToken, KeyHolder, looks_like_token
from solovirt.machinery.clock import Clock
from solovirt.machinery.errors import Unauthorized
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Record, Store, parse

ISSUER = "https://kubernetes.default.svc.cluster.local"
"""Who issues tokens, and the audience that the API server is."""
CONFIGURATION_PATH = "/.well-known/openid-configuration"
KEYS_PATH = "/openid/v1/jwks"
_LEGACY_ISSUER = "kubernetes/serviceaccount"
_LEGACY = "kubernetes.io/serviceaccount/"
_PRIVATE = "kubernetes.io"
_EXTRA = "authentication.kubernetes.io/"
# Clocks differ: as long as Kubernetes lets a token live on, and a deleted account's tokens.
_LEEWAY = timedelta(minutes=1)
_REMEMBERED = 4096
_BOUND: Mapping[str, GroupResource] = {"pod": names.PODS, "secret": names.SECRETS, "node": names.NODES}


class TokenRefused(Exception):
    """The token proves nobody; the text is what a TokenReview says of it."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The object that a token dies with: *kind* is Pod, Secret or Node; *node* that of a pod which has one."""

    kind: str
    name: str
    uid: str
    node: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Proven:
    """Whom a token proves, to which of the audiences that were asked for."""

    user: User
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """A token whose signature was checked."""

    key: ObjectKey
    uid: str
    user: User
    audiences: tuple[str, ...]
    good_from: float
    good_until: float
    """Seconds since the epoch, the leeway taken in."""
    bound: tuple[tuple[GroupResource, ObjectKey, str], ...]
    legacy_secret: ObjectKey | None = None


class ServiceAccountTokens:
    """Issues tokens and says whom they prove."""

    def __init__(self, store: Store, clock: Clock, keys: KeyHolder) -> None:
        self._store = store
        self._clock = clock
        self._keys = keys
        self._known: dict[str, _Known] = {}

    async def issue(
        self,
        account: ObjectKey,
        uid: str,
        *,
        audiences: Sequence[str],
        seconds: int,
        bound: Bound | None = None,
    ) -> str:
        """A token of the ServiceAccount *account* for *seconds* from now on."""
        now = int(self._clock.now().timestamp())
        private: dict[str, Any] = {"namespace": account.namespace}
        if bound is not None:
            if bound.node is not None:
                private["node"] = {"name": bound.node[0], "uid": bound.node[1]}
            private[bound.kind.lower()] = {"name": bound.name, "uid": bound.uid}
        private["serviceaccount"] = {"name": account.name, "uid": uid}
        claims = {
            "aud": list(audiences),
            "exp": now + seconds,
            "iat": now,
            "iss": ISSUER,
            "jti": str(uuid.uuid4()),
            _PRIVATE: private,
            "nbf": now,
            "sub": username(account),
        }
        return (await self._keys.get()).sign(claims)

    async def issue_for_secret(self, account: ObjectKey, uid: str, secret: str) -> str:
        """The token that a Secret of type `kubernetes.io/service-account-token` carries: it dies with the Secret, not by time."""
        claims = {
            "iss": _LEGACY_ISSUER,
            f"{_LEGACY}namespace": account.namespace,
            f"{_LEGACY}secret.name": secret,
            f"{_LEGACY}service-account.name": account.name,
            f"{_LEGACY}service-account.uid": uid,
            "sub": username(account),
        }
        return (await self._keys.get()).sign(claims)

    def verify(self, token: str) -> User | None:
        """The user of a token for the API server itself, None if it is none of ours. Raises Unauthorized if it is good no more."""
        try:
            proven = self.review(token)
        except TokenRefused:
            raise Unauthorized from None
        return None if proven is None else proven.user

    def review(self, token: str, audiences: Sequence[str] = (ISSUER,)) -> Proven | None:
        """Whom the token proves to *audiences*; None if we did not sign it. Raises TokenRefused."""
        known = self._known.get(token)
        if known is None:
            known = self._read(token)
            if known is None:
                return None
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[token] = known
        self._check(known, token)
        if known.audiences == audiences:
            return Proven(known.user, known.audiences)
        meant = tuple(one for one in known.audiences if one in audiences)
        if not meant:
            raise TokenRefused(
                f"token audiences {_quoted(known.audiences)} is invalid for the target audiences {_quoted(audiences)}"
            )
        return Proven(known.user, meant)

    async def configuration(self, url: str) -> Document:
        """The OpenID discovery document of a server at *url*."""
        return {
            "issuer": ISSUER,
            "jwks_uri": f"{url}{KEYS_PATH}",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    async def key_set(self) -> Document:
        """The public keys by which others check tokens."""
        return {"keys": [(await self._keys.get()).jwk()]}

    def _read(self, token: str) -> _Known | None:
        if not looks_like_token(token):
            return None
        key = self._keys.existing()
        if key is None:
            return None
        try:
            claims = key.verify(token)
        except BadToken:
            return None
        return _legacy(claims) if claims.get("iss") == _LEGACY_ISSUER else _bound(claims)

    def _check(self, known: _Known, token: str) -> None:
        now = self._clock.now()
        moment = now.timestamp()
        if moment > known.good_until:
            raise TokenRefused("service account token has expired")
        if moment < known.good_from:
            raise TokenRefused("service account token is not valid yet")
        view = self._store.now
        key = known.key
        account = view.get(names.SERVICE_ACCOUNTS, key)
        if account is None:
            raise TokenRefused(f'serviceaccounts "{key.name}" not found')
        if self._is_deleted(account, now):
            raise TokenRefused(f"service account {key.namespace}/{key.name} has been deleted")
        if account.index.uid != known.uid:
            raise TokenRefused(f"service account UID ({account.index.uid}) does not match claim ({known.uid})")
        for resource, at, uid in known.bound:
            record = view.get(resource, at)
            if record is None or record.index.uid != uid or self._is_deleted(record, now):
                raise TokenRefused("service account token has been invalidated")
        if known.legacy_secret is not None:
            secret = view.get(names.SECRETS, known.legacy_secret)
            if secret is None or self._is_deleted(secret, now) or not _holds(secret, token):
                raise TokenRefused("service account token has been invalidated")

    @staticmethod
    def _is_deleted(record: Record, now: datetime) -> bool:
        if not record.index.deleting:
            return False
        when = datetime.fromisoformat(parse(record, "", "")["metadata"]["deletionTimestamp"])
        return when < now - _LEEWAY


def username(account: ObjectKey) -> str:
    """The user that a ServiceAccount is."""
    return f"system:serviceaccount:{account.namespace}:{account.name}"


def groups(namespace: str) -> tuple[str, ...]:
    """The groups of the ServiceAccounts of a namespace."""
    return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")


def _holds(secret: Record, token: str) -> bool:
    data = orjson.loads(b"{" + secret.body).get("data") or {}
    return bool(base64.b64decode(data.get("token") or "") == token.encode())


def _quoted(audiences: Sequence[str]) -> str:
    return "[" + " ".join(f'"{one}"' for one in audiences) + "]"


def _bound(claims: Mapping[str, Any]) -> _Known:
    private = claims[_PRIVATE]
    key = ObjectKey(private["namespace"], private["serviceaccount"]["name"])
    extra: dict[str, tuple[str, ...]] = {f"{_EXTRA}credential-id": (f"JTI={claims['jti']}",)}
    bound = []
    for kind, resource in _BOUND.items():
        reference = private.get(kind)
        if reference is None:
            continue
        name, uid = reference["name"], reference["uid"]
        if kind in ("node", "pod"):
            extra[f"{_EXTRA}{kind}-name"] = (name,)
            extra[f"{_EXTRA}{kind}-uid"] = (uid,)
        if kind != "node" or "pod" not in private:
            # A pod's node is told, but it is the pod that the token dies with.
            bound.append((resource, ObjectKey("" if kind == "node" else key.namespace, name), uid))
    uid = private["serviceaccount"]["uid"]
    user = User(username(key), groups(key.namespace), uid, extra)
    leeway = _LEEWAY.total_seconds()
    return _Known(key, uid, user, tuple(claims["aud"]), claims["nbf"] - leeway, claims["exp"] + leeway, tuple(bound))


def _legacy(claims: Mapping[str, Any]) -> _Known:
    namespace = claims[f"{_LEGACY}namespace"]
    key = ObjectKey(namespace, claims[f"{_LEGACY}service-account.name"])
    uid = claims[f"{_LEGACY}service-account.uid"]
    user = User(username(key), groups(namespace), uid)
    secret = ObjectKey(namespace, claims[f"{_LEGACY}secret.name"])
    return _Known(key, uid, user, (ISSUER,), 0.0, math.inf, (), secret)
