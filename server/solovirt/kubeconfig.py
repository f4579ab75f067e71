"""The administrator's kubeconfig: what makes kubectl, virtctl and client libraries find the server and trust it."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import yaml

NAME = "solovirt"


def render(url: str, *, authority_pem: bytes | None, token: str | None) -> str:
    """A kubeconfig with one context. Without *authority_pem* and *token* it is for a plain HTTP server that asks for nothing."""
    cluster: dict[str, str] = {"server": url}
    if authority_pem is not None:
        cluster["certificate-authority-data"] = base64.b64encode(authority_pem).decode()
    user: dict[str, str] = {"token": token} if token is not None else {}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": NAME, "cluster": cluster}],
            "users": [{"name": "solovirt-admin", "user": user}],
            "contexts": [
                {"name": NAME, "context": {"cluster": NAME, "user": "solovirt-admin", "namespace": "default"}}
            ],
            "current-context": NAME,
        },
        sort_keys=False,
    )


def write(path: Path, content: str) -> None:
    """Put *content* at *path* in one step, readable by the owner only: it holds a credential."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    part.replace(path)
