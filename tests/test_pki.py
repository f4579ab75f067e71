"""Keys: made once, kept, renewed when they no longer serve."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

from cryptography import x509

from solovirt import pki


def names(directory: Path) -> set[str]:
    certificate = x509.load_pem_x509_certificate((directory / "server.crt").read_bytes())
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return {str(name.value) for name in extension.value}


def test_keys_survive_a_restart(tmp_path: Path) -> None:
    first = pki.ensure_keys(tmp_path / "pki", names=("127.0.0.1",))
    serving = (tmp_path / "pki" / "server.crt").read_bytes()
    again = pki.ensure_keys(tmp_path / "pki", names=("127.0.0.1",))
    assert again == first
    assert (tmp_path / "pki" / "server.crt").read_bytes() == serving


def test_a_new_name_renews_the_serving_certificate_but_not_the_authority(tmp_path: Path) -> None:
    first = pki.ensure_keys(tmp_path, names=("127.0.0.1",))
    again = pki.ensure_keys(tmp_path, names=("vm.example.com", "192.0.2.7"))
    assert again.authority_pem == first.authority_pem
    assert {"vm.example.com", "192.0.2.7", "localhost", "127.0.0.1", "::1", "kubernetes.default.svc"} <= names(tmp_path)


def test_the_certificate_verifies_against_the_authority(tmp_path: Path) -> None:
    keys = pki.ensure_keys(tmp_path, names=("127.0.0.1",))
    authority = x509.load_pem_x509_certificate(keys.authority_pem)
    serving = x509.load_pem_x509_certificate((tmp_path / "server.crt").read_bytes())
    serving.verify_directly_issued_by(authority)
    assert keys.server_context().verify_mode is ssl.CERT_OPTIONAL


def test_secrets_are_readable_by_the_owner_only(tmp_path: Path) -> None:
    pki.ensure_keys(tmp_path / "pki", names=())
    for name in ("ca.key", "server.key", "admin.token"):
        assert stat.S_IMODE((tmp_path / "pki" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "pki").stat().st_mode) == 0o700


def test_half_made_keys_are_made_again(tmp_path: Path) -> None:
    """A crash between the two files of the authority leaves a key without its certificate."""
    pki.ensure_keys(tmp_path, names=())
    (tmp_path / "server.key").unlink()
    keys = pki.ensure_keys(tmp_path, names=())
    assert keys.server_context() is not None


def test_a_client_certificate_names_user_and_groups_and_is_the_authoritys(tmp_path: Path) -> None:
    """Common name and organisations, as Kubernetes reads them (reference kubernetes-api.md 6)."""
    keys = pki.ensure_keys(tmp_path, names=("127.0.0.1",))
    certificate_pem, key_pem = pki.issue_client_certificate(tmp_path, "alice", ("testers", "others"))
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(keys.authority_pem))
    subject = [(one.oid._name, one.value) for one in certificate.subject]
    assert subject == [("organizationName", "testers"), ("organizationName", "others"), ("commonName", "alice")]
    assert b"BEGIN PRIVATE KEY" in key_pem


def test_the_signing_key_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    assert pki.read_signing_key(tmp_path / "pki") is None
    pki.write_signing_key(tmp_path / "pki", b"key")
    assert pki.read_signing_key(tmp_path / "pki") == b"key"
    assert stat.S_IMODE((tmp_path / "pki" / "service-account.key").stat().st_mode) == 0o600
