"""
What operators do beside running a control plane: ask for its health, back it up, restore it, check its database, tidy it up.

Each function does one command of `solovirt`; texts that it prints or raises are for people.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from solovirt.settings import Settings

_HEALTH_SECONDS = 4.0


class OperationError(Exception):
    """It can't be done; the text says why."""


def health(settings: Settings) -> str:
    """Ask the control plane that these settings start on this machine whether it is ready. Raises OperationError if not."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    connection: http.client.HTTPConnection
    if settings.insecure_http:
        connection = http.client.HTTPConnection(host, settings.port, timeout=_HEALTH_SECONDS)
    else:
        context = ssl.create_default_context()
        try:
            context.load_verify_locations(settings.pki_path / "ca.crt")
        except OSError as error:
            raise OperationError(f"{settings.pki_path / 'ca.crt'}: {error.strerror}") from error
        connection = http.client.HTTPSConnection(host, settings.port, timeout=_HEALTH_SECONDS, context=context)
    try:
        connection.request("GET", "/readyz?verbose")
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        raise OperationError(f"{settings.listen} does not answer: {error}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise OperationError(text)
    return text


def notify_service_manager(state: str) -> None:
    """Tell systemd that a service of `Type=notify` is ready (sd_notify(3)); nothing where nobody wants to know."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as client:
        # An @ stands for the zero byte of an abstract socket.
        client.connect("\0" + path[1:] if path.startswith("@") else path)
        client.sendall(state.encode())
