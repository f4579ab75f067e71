"""Kubernetes' rules for DNS names and ports' names, with its words (reference kubevirt-validation.md 2)."""

from __future__ import annotations

import re
from functools import lru_cache

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_LENGTH, _SUBDOMAIN_LENGTH, _PORT_NAME_LENGTH = 63, 253, 15


# Disks of all machines have the same few names.
@lru_cache(maxsize=1024)
def is_label(name: str) -> bool:
    """Whether *name* is an RFC 1123 label."""
    return not label_errors(name)


def label_errors(name: str) -> list[str]:
    """Why *name* is no RFC 1123 label; empty if it is one."""
    errors = []
    if len(name.encode()) > _LABEL_LENGTH:
        errors.append(f"must be no more than {_LABEL_LENGTH} bytes")
    if not re.fullmatch(_LABEL, name):
        errors.append(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
            f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
        )
    return errors


def subdomain_errors(name: str) -> list[str]:
    """Why *name* is no RFC 1123 subdomain; empty if it is one."""
    errors = []
    if len(name.encode()) > _SUBDOMAIN_LENGTH:
        errors.append(f"must be no more than {_SUBDOMAIN_LENGTH} bytes")
    if not re.fullmatch(_SUBDOMAIN, name):
        errors.append(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
            "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
            f"'{_SUBDOMAIN}')"
        )
    return errors


def is_port_name(name: str) -> bool:
    """Whether *name* is an IANA service name: what Kubernetes takes as the name of a port."""
    return (
        len(name) <= _PORT_NAME_LENGTH
        and re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name) is not None
        and "--" not in name
        and re.search("[a-z]", name) is not None
    )
