"""
What operators do beside running a control plane: ask for its health, back it up, restore it, check its database, tidy it up.

Each function does one command of `solovirt`; texts that it prints or raises are for people.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import socket
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from solovirt.settings import Settings

_HEALTH_SECONDS = 4.0
# Where replicas that share a database keep the keys that they share, and backups those of any control plane.
_KEYS = ("pki", "keys")


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


def back_up(settings: Settings, target: Path) -> str:
    """Write everything that the database holds, and the keys, to *target*. Raises OperationError."""
    from solovirt import pki
    from solovirt.machinery.store import backup

    facts = {}
    if (settings.pki_path / "ca.key").exists():
        facts[_KEYS] = pki.export_keys(settings.pki_path)
    with _database_errors():
        content = asyncio.run(backup.back_up(settings.store_url, target, facts=facts))
    return f"{target}: {content.objects} objects as of version {content.revision}"


def restore(settings: Settings, source: Path, *, replace: bool) -> str:
    """Put the backup *source* into the database, and its keys into the data directory. Raises OperationError."""
    from solovirt import pki
    from solovirt.machinery.store import backup

    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _database_errors():
        content = asyncio.run(backup.restore(source, settings.store_url, replace=replace))
        keys = backup.fact_in(source, *_KEYS)
    if keys is not None:
        pki.import_keys(settings.pki_path, keys)
    return f"{content.objects} objects restored; versions go on after {content.revision}"


def check(settings: Settings) -> str:
    """Look whether the database is whole. Raises OperationError with all that is not."""
    from solovirt.machinery.store import integrity

    with _database_errors():
        problems = asyncio.run(integrity.check(settings.store_url))
    if problems:
        raise OperationError("\n".join(["the database is damaged", *problems]))
    return "the database is whole"


def vacuum(settings: Settings) -> str:
    """Give back the space of what was deleted, and renew the statistics that queries are planned by. Raises OperationError."""
    from solovirt.machinery.store import vacuum as tidying

    with _database_errors():
        before, after = asyncio.run(tidying.vacuum(settings.store_url))
    return f"{before / 2**20:.1f} MiB before, {after / 2**20:.1f} MiB now"


@contextlib.contextmanager
def _database_errors() -> Iterator[None]:
    """Words for a person for whatever a database says."""
    from solovirt.machinery.store import backup, migrate
    from solovirt.machinery.store.dialect import CommitUnknown, DatabaseFailed, DatabaseInUse, DatabaseUnavailable

    try:
        yield
    except (
        backup.BackupError,
        migrate.SchemaNotCurrent,
        DatabaseInUse,
        DatabaseUnavailable,
        DatabaseFailed,
        CommitUnknown,
        ValueError,
        OSError,
    ) as error:
        raise OperationError(str(error)) from error


def notify_service_manager(state: str) -> None:
    """Tell systemd that a service of `Type=notify` is ready (sd_notify(3)); nothing where nobody wants to know."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as client:
        # An @ stands for the zero byte of an abstract socket.
        client.connect("\0" + path[1:] if path.startswith("@") else path)
        client.sendall(state.encode())
