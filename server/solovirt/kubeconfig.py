"""Kubeconfigs, the administrator's and others': what makes kubectl, virtctl and client libraries find the server and trust it."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import yaml

NAME = "solovirt"
ADMIN = "solovirt-admin"


def render(
    url: str,
    *,
    authority_pem: bytes | None,
    token: str | None = None,
    user: str = ADMIN,
    certificate_pem: bytes | None = None,
    key_pem: bytes | None = None,
) -> str:
    """
    A kubeconfig with one context, for a user who has a *token* or a client certificate and its key.

    Without *authority_pem* and any of these it is for a plain HTTP server that asks for nothing.
    """
    cluster: dict[str, str] = {"server": url}
    if authority_pem is not None:
        cluster["certificate-authority-data"] = _encoded(authority_pem)
    credentials: dict[str, str] = {"token": token} if token is not None else {}
    if certificate_pem is not None and key_pem is not None:
        credentials["client-certificate-data"] = _encoded(certificate_pem)
        credentials["client-key-data"] = _encoded(key_pem)
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": NAME, "cluster": cluster}],
            "users": [{"name": user, "user": credentials}],
            "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": user, "namespace": "default"}}],
            "current-context": NAME,
        },
        sort_keys=False,
    )


def server_of(content: str) -> str:
    """The URL of the server that a kubeconfig made by `render` is for."""
    url: str = yaml.safe_load(content)["clusters"][0]["cluster"]["server"]
    return url


def _encoded(pem: bytes) -> str:
    return base64.b64encode(pem).decode()


def write(path: Path, content: str) -> None:
    """Put *content* at *path* in one step, readable by the owner only: it holds a credential."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    part.replace(path)
