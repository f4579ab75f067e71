"""
JSON web tokens signed with RS256 (RFC 7515, 7519): what service accounts prove themselves with.

The one format that is issued is the one that is read. The `cryptography` package is imported with the first token, not before.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_ALGORITHM = "RS256"
_BITS = 2048


class BadToken(ValueError):
    """The text is no token that this key has signed."""


class SigningKey:
    """A key pair, and the tokens it signs."""

    def __init__(self, private: RSAPrivateKey) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        self._private = private
        self._public = private.public_key()
        der = self._public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.id = _encode(hashlib.sha256(der).digest())
        """The `kid`: a digest of the public key."""
        self._header = _encode(orjson.dumps({"alg": _ALGORITHM, "kid": self.id}))

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key; takes about a tenth of a second of CPU."""
        from cryptography.hazmat.primitives.asymmetric import rsa

        return cls(rsa.generate_private_key(public_exponent=65537, key_size=_BITS))

    @classmethod
    def from_pem(cls, pem: bytes) -> SigningKey:
        """Raises ValueError if *pem* is no RSA key."""
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        private = load_pem_private_key(pem, password=None)
        if not isinstance(private, RSAPrivateKey):
            raise ValueError("the key is not an RSA key")  # noqa: TRY004 - the file's content is wrong, not the caller's type
        return cls(private)

    def pem(self) -> bytes:
        """The private key."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A token that makes these claims."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        signed = f"{self._header}.{_encode(orjson.dumps(claims))}"
        return f"{signed}.{_encode(self._private.sign(signed.encode(), PKCS1v15(), SHA256()))}"

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a token that this key has signed; nothing else about them is checked. Raises BadToken."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        signed, _, signature = token.rpartition(".")
        try:
            header, claims = (orjson.loads(_decode(part)) for part in signed.split("."))
            # The algorithm is ours alone: a token does not get to choose how it is checked.
            if header["alg"] != _ALGORITHM or header["kid"] != self.id or not isinstance(claims, dict):
                raise BadToken("signed by another key")
            self._public.verify(_decode(signature), signed.encode(), PKCS1v15(), SHA256())
        except (ValueError, KeyError, TypeError, InvalidSignature) as error:
            raise BadToken(str(error)) from None
        return claims

    def jwk(self) -> dict[str, str]:
        """The public key as a JSON web key (RFC 7517)."""
        numbers = self._public.public_numbers()
        return {
            "use": "sig",
            "kty": "RSA",
            "kid": self.id,
            "alg": _ALGORITHM,
            "n": _number(numbers.n),
            "e": _number(numbers.e),
        }


class KeyHolder:
    """
    The signing key, made when it is first needed and kept by whoever gives *load* and *save* (PEM); in memory without them.

    Making it at start would cost each control plane a tenth of a second, and most never issue a token.
    """

    def __init__(
        self, *, load: Callable[[], bytes | None] | None = None, save: Callable[[bytes], None] | None = None
    ) -> None:
        self._load = load
        self._save = save
        self._key: SigningKey | None = None
        self._looked = False
        self._making = asyncio.Lock()

    def existing(self) -> SigningKey | None:
        """The key, None if there has been no need of one: then no token was ever signed."""
        if not self._looked:
            self._looked = True
            pem = self._load() if self._load is not None else None
            if pem is not None:
                self._key = SigningKey.from_pem(pem)
        return self._key

    async def get(self) -> SigningKey:
        """The key, made if need be (in a thread)."""
        async with self._making:
            key = self.existing()
            if key is None:
                key = await asyncio.to_thread(SigningKey.generate)
                if self._save is not None:
                    self._save(key.pem())
                self._key = key
            return key


def looks_like_token(text: str) -> bool:
    """Whether *text* has the form of a signed token: three parts."""
    return text.count(".") == 2


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise BadToken(str(error)) from None


def _number(value: int) -> str:
    return _encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))
