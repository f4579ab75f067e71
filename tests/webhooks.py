"""A webhook on loopback, beside the server under test: what an operator's author runs."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@cache
def certificate() -> tuple[bytes, bytes]:
    """A self-signed certificate for loopback and its key, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhook")])
    now = dt.datetime.now(dt.UTC)
    alternatives = [
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.DNSName("localhost"),
        x509.DNSName("hook.default.svc"),
    ]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), encoded


Answer = Callable[[dict[str, Any]], Any]


class Webhook:
    """What was asked, and where it is. *answer* makes the response of a review's request: a document, or bytes, or a status to answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.reviews: list[dict[str, Any]] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/hook"

    @property
    def client_config(self) -> dict[str, Any]:
        return {"url": self.url, "caBundle": base64.b64encode(certificate()[0]).decode()}

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [review["request"] for review in self.reviews]

    async def handle(self, request: web.Request) -> web.Response:
        review = await request.json()
        self.reviews.append(review)
        made = self.answer(review["request"])
        if hasattr(made, "__await__"):
            made = await made
        if isinstance(made, web.Response):
            return made
        if isinstance(made, bytes):
            return web.Response(body=made, content_type="application/json")
        response = {"uid": review["request"]["uid"], **made}
        return web.json_response({"kind": review["kind"], "apiVersion": review["apiVersion"], "response": response})


@asynccontextmanager
async def webhook(answer: Answer) -> AsyncIterator[Webhook]:
    """A webhook that is there as long as the block."""
    made = Webhook(answer)
    app = web.Application()
    app.router.add_post("/{any:.*}", made.handle)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "pem")
        path.write_bytes(b"".join(certificate()))
        context.load_cert_chain(path)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    made.port = runner.addresses[0][1]
    try:
        yield made
    finally:
        await runner.cleanup()


def json_patch(*operations: dict[str, Any]) -> dict[str, Any]:
    """An admission response that allows a request with changes."""
    encoded = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": encoded}
