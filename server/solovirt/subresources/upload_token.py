"""
Leave to upload into a claim: short-lived tokens, made for who may create an UploadTokenRequest, and taken by the upload proxy (reference cdi.md 8.2).

They are JSON web tokens, signed with a key of their own that only this database knows. To clients they are opaque.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from solovirt.kinds.upload.resources import UPLOAD_TOKEN_REQUESTS
from solovirt.machinery.clock import Clock
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.machinery.verbs.protocol import Answer, SubresourceRequest

if TYPE_CHECKING:
    from solovirt.machinery.store.facts import Facts

LIFETIME = timedelta(minutes=5)
LEEWAY = timedelta(seconds=10)
_ISSUER = "cdi-apiserver"
_OPERATION = "Upload"
_SCOPE, _KEY = "upload tokens", "key"
_CLAIMS = {"group": "", "version": "v1", "resource": "persistentvolumeclaims"}


class BadUploadToken(ValueError):
    """The text is no token, or not one for an upload."""


class ExpiredUploadToken(ValueError):
    """The token is no longer valid, not yet, or was never made here."""


class UploadTokens:
    """Makes and checks the tokens. The key is remembered in *facts*, so tokens outlive a restart."""

    def __init__(self, facts: Facts, clock: Clock) -> None:
        self._facts = facts
        self._clock = clock

    async def issue(self, claim: ObjectKey) -> str:
        """A token to upload into *claim* with, whether there is such a claim or not."""
        now = self._clock.now()
        content = {
            "iss": _ISSUER,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
            "operation": _OPERATION,
            "name": claim.name,
            "namespace": claim.namespace,
            "resource": _CLAIMS,
        }
        signed = f"{_encode(orjson.dumps({'alg': 'HS256', 'typ': 'JWT'}))}.{_encode(orjson.dumps(content))}"
        return f"{signed}.{_encode(await self._signature(signed))}"

    async def check(self, token: str) -> ObjectKey:
        """The claim that *token* lets one upload into. Raises BadUploadToken and ExpiredUploadToken."""
        signed, _, signature = token.rpartition(".")
        try:
            content: dict[str, Any] = orjson.loads(_decode(signed.partition(".")[2]))
            given = _decode(signature)
        except (ValueError, binascii.Error) as error:
            raise BadUploadToken("the token can't be read") from error
        if not hmac.compare_digest(given, await self._signature(signed)):
            raise ExpiredUploadToken("the token was not made here")
        now = self._clock.now().timestamp()
        if not content["nbf"] - LEEWAY.total_seconds() <= now <= content["exp"] + LEEWAY.total_seconds():
            raise ExpiredUploadToken("the token has expired")
        if content["operation"] != _OPERATION or content["resource"] != _CLAIMS:
            raise BadUploadToken("the token is for something else")
        return ObjectKey(content["namespace"], content["name"])

    async def _signature(self, signed: str) -> bytes:
        key = await self._facts.get(_SCOPE, _KEY)
        if key is None:
            key = await self._facts.put_new(_SCOPE, _KEY, secrets.token_bytes(32))
        return hmac.new(key, signed.encode(), hashlib.sha256).digest()


def install(registry: Registry, tokens: UploadTokens) -> None:
    """Answer requests for tokens from now on."""

    async def request_token(request: SubresourceRequest) -> Answer:
        document: Document = request.body or {}
        claim = (document.get("spec") or {}).get("pvcName") or ""
        token = await tokens.issue(ObjectKey(request.target.namespace, claim))
        document["status"] = {"token": token}
        return Answer(200, document)

    registry.handle(UPLOAD_TOKEN_REQUESTS, "", request_token)


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
