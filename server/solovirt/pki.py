"""
The keys of one control plane: a certificate authority, the serving certificate it signs, and the administrator's token.

They are made at first start and kept in the data directory (`pki/`, private keys readable by the owner only). The authority also issues and
verifies client certificates; replicas that share a database share all of it but the serving certificate. The key that signs service accounts' tokens joins them with the first token. A serving certificate that lacks a wanted name, or ends within thirty days, is made anew; the authority stays, so
kubeconfigs that were handed out go on working.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import secrets
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_AUTHORITY_DAYS = 3650
_SERVING_DAYS = 365
_CLIENT_DAYS = 365
_SIGNING_KEY = "service-account.key"
_RENEW_BEFORE = timedelta(days=30)
# What a pod of a real cluster would call the API server; harmless here and expected by some clients' checks.
_CLUSTER_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")


@dataclass(frozen=True, slots=True)
class Keys:
    """Where the keys lie, and what of them goes into a kubeconfig."""

    directory: Path
    authority_pem: bytes
    admin_token: str

    def server_context(self) -> ssl.SSLContext:
        """TLS for the server: its certificate, and client certificates of the same authority if they are offered."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "server.crt", self.directory / "server.key")
        context.load_verify_locations(cadata=self.authority_pem.decode())
        context.verify_mode = ssl.CERT_OPTIONAL
        context.set_alpn_protocols(["http/1.1"])
        return context


def ensure_keys(directory: Path, *, names: tuple[str, ...]) -> Keys:
    """Load the keys in *directory*, making those that are missing; *names* are the hosts the certificate must be valid for."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (directory / "ca.crt").exists():
        _make_authority(directory)
    wanted = tuple(dict.fromkeys((*names, "localhost", "127.0.0.1", "::1", *_CLUSTER_NAMES)))
    if not _is_serving_certificate_good(directory, wanted):
        _make_serving_certificate(directory, wanted)
    token_file = _ensure_token(directory)
    return Keys(directory, (directory / "ca.crt").read_bytes(), token_file.read_text().strip())


_SHARED = ("ca.key", "ca.crt", "admin.token", _SIGNING_KEY)


def export_keys(directory: Path) -> bytes:
    """Everything that replicas of one control plane must have in common, as JSON; what is missing is made. Private, like its content."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (directory / "ca.crt").exists():
        _make_authority(directory)
    _ensure_token(directory)
    if not (directory / _SIGNING_KEY).exists():
        write_signing_key(directory, _new_signing_key())
    return json.dumps({name: (directory / name).read_text() for name in _SHARED}).encode()


def import_keys(directory: Path, exported: bytes) -> None:
    """Have *directory* hold what `export_keys` gave, in place of what it holds."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in json.loads(exported).items():
        path = directory / name
        if name not in _SHARED or (path.exists() and path.read_text() == text):
            continue
        if name == "ca.crt":
            # What the former authority has signed is good for nothing.
            (directory / "server.crt").unlink(missing_ok=True)
        _write_private(path, text.encode())


def _new_signing_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _ensure_token(directory: Path) -> Path:
    token_file = directory / "admin.token"
    if not token_file.exists():
        _write_private(token_file, secrets.token_urlsafe(32).encode())
    return token_file


def read_signing_key(directory: Path) -> bytes | None:
    """The key that signs service accounts' tokens (PEM), None if none was made yet."""
    path = directory / _SIGNING_KEY
    return path.read_bytes() if path.exists() else None


def write_signing_key(directory: Path, pem: bytes) -> None:
    """Keep the key that signs service accounts' tokens."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_private(directory / _SIGNING_KEY, pem)


def issue_client_certificate(directory: Path, name: str, groups: tuple[str, ...] = ()) -> tuple[bytes, bytes]:
    """A client certificate (PEM) of the authority in *directory* for a user called *name* in *groups*, good for a year, and its key (PEM)."""
    authority, authority_key = _load_authority(directory)
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _builder(subject, authority.subject, key.public_key(), _CLIENT_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), _pem(key)


def _write_private(path: Path, content: bytes) -> None:
    """Write *path* whole or not at all, readable by the owner only from the first byte."""
    part = path.with_name(path.name + ".part")
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    # Certificates are about real time, whatever the control plane's clock says. An hour's leeway is for hosts whose clocks differ.
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
    )


def _make_authority(directory: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "solovirt-ca")])
    certificate = (
        _builder(name, name, key.public_key(), _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    # The certificate goes last: its presence says that the key beside it is whole.
    _write_private(directory / "ca.key", _pem(key))
    _write_private(directory / "ca.crt", certificate.public_bytes(serialization.Encoding.PEM))


def _is_serving_certificate_good(directory: Path, names: tuple[str, ...]) -> bool:
    path = directory / "server.crt"
    if not path.exists() or not (directory / "server.key").exists():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    present = {str(name.value) for name in alternative}
    return present >= set(names) and certificate.not_valid_after_utc - datetime.now(UTC) > _RENEW_BEFORE


def _load_authority(directory: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate = x509.load_pem_x509_certificate((directory / "ca.crt").read_bytes())
    key = serialization.load_pem_private_key((directory / "ca.key").read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{directory / 'ca.key'} is not an elliptic-curve key")
    return certificate, key


def _make_serving_certificate(directory: Path, names: tuple[str, ...]) -> None:
    authority, authority_key = _load_authority(directory)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "solovirt")])
    certificate = (
        _builder(subject, authority.subject, key.public_key(), _SERVING_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    _write_private(directory / "server.key", _pem(key))
    _write_private(directory / "server.crt", certificate.public_bytes(serialization.Encoding.PEM))


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
