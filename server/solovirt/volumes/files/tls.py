"""Whom to trust when fetching."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from solovirt.volumes.files.failure import unusable


def context(certificates: Mapping[str, str] | None, *, insecure: bool) -> ssl.SSLContext | bool:
    """
    What aiohttp takes as `ssl`: the system's authorities and those of a ConfigMap (every key a PEM), or nobody is asked.

    Raises TransferFailed for a certificate that is none.
    """
    if insecure:
        return False
    if not certificates:
        return True
    made = ssl.create_default_context()
    for name, pem in certificates.items():
        try:
            made.load_verify_locations(cadata=pem)
        except (ssl.SSLError, ValueError) as error:
            raise unusable(f"the certificate {name} can't be read: {error}") from error
    return made
