"""Signed tokens (RFC 7515, 7517, 7519), checked against the `cryptography` package's own reading of the published key."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from solovirt.machinery.auth.jwt import BadToken, KeyHolder, SigningKey


@pytest.fixture(scope="module")
def key():
    return SigningKey.generate()


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_the_published_key_verifies_a_token(key):
    token = key.sign({"sub": "a", "n": 1})
    header, claims, signature = token.split(".")
    assert json.loads(decoded(header)) == {"alg": "RS256", "kid": key.id}
    assert json.loads(decoded(claims)) == {"sub": "a", "n": 1}
    jwk = key.jwk()
    assert (jwk["kty"], jwk["alg"], jwk["use"], jwk["kid"], jwk["e"]) == ("RSA", "RS256", "sig", key.id, "AQAB")
    numbers = RSAPublicNumbers(
        int.from_bytes(decoded(jwk["e"]), "big"),
        int.from_bytes(decoded(jwk["n"]), "big"),
    )
    numbers.public_key().verify(decoded(signature), f"{header}.{claims}".encode(), PKCS1v15(), SHA256())


def test_a_token_is_read_back_also_with_the_key_from_its_file(key):
    token = key.sign({"sub": "a"})
    assert key.verify(token) == {"sub": "a"}
    again = SigningKey.from_pem(key.pem())
    assert again.id == key.id
    assert again.verify(token) == {"sub": "a"}


def test_whatever_was_not_signed_by_this_key_is_refused(key):
    header, claims, signature = key.sign({"sub": "a"}).split(".")
    none = encoded(json.dumps({"alg": "none", "kid": key.id}).encode())
    symmetric = encoded(json.dumps({"alg": "HS256", "kid": key.id}).encode())
    root = encoded(json.dumps({"sub": "root"}).encode())
    stranger = SigningKey.generate()
    for token in (
        f"{header}.{root}.{signature}",
        f"{header}.{claims}.{signature[:-4]}AAAA",
        f"{header}.{claims}.",
        f"{none}.{claims}.",
        f"{symmetric}.{claims}.{signature}",
        f"{header}.{claims}",
        f"x.{header}.{claims}.{signature}",
        "..",
        "a.b.c",
        "ä.ö.ü",
        stranger.sign({"sub": "a"}),
    ):
        with pytest.raises(BadToken):
            key.verify(token)


async def test_a_key_is_made_once_and_when_it_is_needed():
    kept: list[bytes] = []
    holder = KeyHolder(load=lambda: kept[0] if kept else None, save=kept.append)
    assert holder.existing() is None
    made = await holder.get()
    assert await holder.get() is made
    assert len(kept) == 1
    other = KeyHolder(load=lambda: kept[0], save=kept.append)
    existing = other.existing()
    assert existing is not None
    assert existing.id == made.id
    assert (await other.get()).id == made.id
    assert len(kept) == 1
