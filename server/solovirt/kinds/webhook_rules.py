"""What the configuration of a webhook must be like, wherever one is configured (k8s.io/apiserver, pkg/util/webhook)."""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from solovirt.machinery import names
from solovirt.machinery.errors import FieldError, invalid, required

REVIEW_VERSIONS = ("v1", "v1beta1")
_FORM = "; desired format: https://host[/path]"


def client_config(config: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """Where the webhook is: either a URL or a Service."""
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        yield required(path, "exactly one of url or service is required")
    elif url is not None:
        yield from _url(url, f"{path}.url")
    elif service is not None:
        yield from _service(service, f"{path}.service")


def _url(url: str, path: str) -> Iterator[FieldError]:
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError as error:
        yield required(path, f"url must be a valid URL: {error}{_FORM}")
        return
    if parts.scheme != "https":
        yield invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}")
    if not host:
        yield invalid(path, host, f"host must be specified{_FORM}")
    if "@" in parts.netloc:
        yield invalid(path, parts.netloc.rpartition("@")[0], "user information is not permitted in the URL")
    if parts.fragment:
        yield invalid(path, parts.fragment, "fragments are not permitted in the URL")
    if parts.query:
        yield invalid(path, parts.query, "query parameters are not permitted in the URL")


def _service(service: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for field in ("name", "namespace"):
        if not service.get(field):
            yield required(f"{path}.{field}")
    port = service.get("port", 443)
    if not 0 < port < 65536:
        text = "port is not valid: must be between 1 and 65535, inclusive"
        yield invalid(f"{path}.port", port, text)
    where = service.get("path")
    if not where or where == "/":
        return
    if where == "//":
        yield invalid(f"{path}.path", where, "segment[0] may not be empty")
        return
    if not where.startswith("/"):
        yield invalid(f"{path}.path", where, "must start with a '/'")
    for index, step in enumerate(where[1:].removesuffix("/").split("/")):
        if not step:
            yield invalid(f"{path}.path", where, f"segment[{index}] may not be empty")
            continue
        for text in names.subdomain(step):
            yield invalid(f"{path}.path", where, f"segment[{index}]: {text}")


def authority(config: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """The certificates that a webhook's is held against."""
    bundle = config.get("caBundle")
    if not bundle:
        return
    try:
        ssl.create_default_context(cadata=base64.b64decode(bundle).decode())
    except (ssl.SSLError, ValueError, binascii.Error):
        text = "unable to load root certificates: unable to parse bytes as PEM block"
        yield invalid(f"{path}.caBundle", bundle, text)


def review_versions(versions: Sequence[str], path: str, missing: str = "") -> Iterator[FieldError]:
    """The versions of reviews that the webhook takes. *missing* is said if there are none."""
    if not versions:
        yield required(path, missing)
        return
    for index, version in enumerate(versions):
        if version in versions[:index]:
            yield invalid(f"{path}[{index}]", version, "duplicate version")
            continue
        for text in names.label_1035(version):
            yield invalid(f"{path}[{index}]", version, text)
    if not set(versions) & set(REVIEW_VERSIONS):
        yield invalid(path, list(versions), f"must include at least one of {', '.join(REVIEW_VERSIONS)}")
