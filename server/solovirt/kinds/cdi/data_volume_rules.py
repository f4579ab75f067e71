"""
What CDI's webhook demands of a DataVolume's spec (reference cdi.md 12.1).

The rules run in the reference's order and mostly stop at the first that is broken, as upstream does; so `first_broken` returns one cause or none.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from solovirt.kinds.kubevirt import denial
from solovirt.machinery import quantity
from solovirt.machinery.errors import Cause

Spec = Mapping[str, Any]

_MEBIBYTE = 1 << 20
_LONGEST_NAME = 253
_ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_HASHES = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
_URL_SOURCES = {"http": "HTTP", "s3": "S3", "gcs": "GCS", "imageio": "ImageIO", "vddk": "VDDK"}
_URL_SCHEMES = ("http", "https", "gs")
_REGISTRY_SCHEMES = ("docker", "oci-archive")


def first_broken(spec: Spec) -> Cause | None:
    """The first rule that *spec* breaks."""
    return next(chain(_check_target(spec), _check_origin(spec), check_source(spec)), None)


# Where it goes: pvc or storage


def _check_target(spec: Spec) -> Iterator[Cause]:
    claim, storage = spec.get("pvc"), spec.get("storage")
    if claim is None and storage is None:
        yield denial.invalid("spec.PVC", "Missing Data volume PVC")
        return
    if claim is not None and storage is not None:
        text = "Duplicate storage definition, both target storage and target pvc defined"
        yield denial.invalid("spec.PVC.Storage", text)
        return
    target, kind = (claim, "PVC") if claim is not None else (storage or {}, "Storage")
    yield from _check_size(spec, target or {}, kind)
    if len((target or {}).get("storageClassName") or "") > _LONGEST_NAME:
        yield denial.invalid("", "Name cannot be longer than 253 characters")
    yield from _check_access_modes(target or {}, is_claim=claim is not None)


def _check_size(spec: Spec, target: Spec, kind: str) -> Iterator[Cause]:
    field = f"spec.{kind}.resources.requests.size"
    asked = ((target.get("resources") or {}).get("requests") or {}).get("storage")
    if asked is not None:
        size = quantity.read(asked)
        if size <= 0:
            yield denial.invalid(field, f"{kind} size can't be equal or less than zero")
        elif size < _MEBIBYTE:
            yield denial.invalid(field, f"{kind} size should be at least 1MiB")
        return
    source = spec.get("source") or {}
    may_be_told_by_source = "pvc" in source or "snapshot" in source or spec.get("sourceRef") is not None
    if kind == "PVC" or not may_be_told_by_source:
        yield denial.invalid(field, f"{kind} size is missing")


def _check_access_modes(target: Spec, *, is_claim: bool) -> Iterator[Cause]:
    field = "spec.PVC.accessModes"
    modes = target.get("accessModes") or []
    if is_claim and not modes:
        yield denial.invalid(field, "Required value: at least 1 access mode is required")
    if is_claim and len(modes) > 1:
        yield denial.invalid(field, "PVC multiple accessModes")
    for mode in modes:
        if mode not in _ACCESS_MODES:
            supported = ", ".join(f'"{one}"' for one in _ACCESS_MODES)
            yield denial.invalid(field, f'Unsupported value: "{mode}": supported values: {supported}')


# Where it comes from


def _check_origin(spec: Spec) -> Iterator[Cause]:
    source, reference = spec.get("source"), spec.get("sourceRef")
    target = spec.get("pvc") or spec.get("storage") or {}
    by_source, by_reference = target.get("dataSource"), target.get("dataSourceRef")
    if by_source is not None or by_reference is not None:
        if source is not None or reference is not None:
            yield denial.invalid("spec.source", "External population is incompatible with Source and SourceRef")
        if by_source is not None and by_reference is not None:
            yield denial.invalid("", "DataSourceRef and DataSource must match")
        elif by_source is not None:
            yield from _check_populator(by_source, "dataSource", "DataSource")
        else:
            yield from _check_populator(by_reference or {}, "dataSourceRef", "DataSourceRef")
    elif (source is None) == (reference is None):
        text = "Data volume should have either Source or SourceRef, or be externally populated"
        yield denial.invalid("spec.source", text)
    elif reference is not None:
        yield from _check_reference(reference)


def _check_populator(by: Spec, field: str, title: str) -> Iterator[Cause]:
    if not by.get("name"):
        yield denial.invalid(f"spec.{field}.name.", f"Required value: {title} name")
    if not by.get("kind"):
        yield denial.invalid(f"spec.{field}.kind", f"Required value: {title} kind")
    elif not by.get("apiGroup") and by["kind"] != "PersistentVolumeClaim":
        text = f"Required value: {title} apiGroup when kind is not 'PersistentVolumeClaim'"
        yield denial.invalid(f"spec.{field}.apiGroup.", text)
    if by.get("namespace"):
        yield denial.invalid(f"spec.{field}.namespace", f"Invalid value: {title} namespace not supported")


def _check_reference(reference: Spec) -> Iterator[Cause]:
    kind = reference.get("kind") or ""
    if not kind:
        yield denial.invalid("spec.sourceRef.Kind", "Missing sourceRef kind")
    elif kind != "DataSource":
        text = f"Unsupported sourceRef kind {kind}, currently only DataSource is supported"
        yield denial.invalid("spec.sourceRef.Kind", text)
    if not reference.get("name"):
        yield denial.invalid("spec.sourceRef.Name", "Missing sourceRef name")


def check_source(spec: Spec) -> Iterator[Cause]:
    """The rules about `source` alone, for *spec* with `source` and `contentType`."""
    source = spec.get("source")
    if source is None:
        return
    if len(source) != 1:
        yield denial.invalid("spec.source", "Multiple Data volume sources" if source else "Missing Data volume source")
        return
    ((kind, given),) = source.items()
    given = given or {}
    content_type = spec.get("contentType") or "kubevirt"
    if content_type not in ("kubevirt", "archive"):
        yield denial.invalid("spec.contentType", "ContentType not one of: kubevirt, archive")
    if kind in _URL_SOURCES and (kind != "vddk" or given.get("url")):
        yield from _check_url(given.get("url") or "", f"spec.source.{_URL_SOURCES[kind]}.url")
    check = _BY_SOURCE.get(kind)
    if check is not None:
        yield from check(given, content_type)


def _check_url(url: str, field: str) -> Iterator[Cause]:
    if not url:
        yield denial.invalid(field, "spec.source source URL is empty")
        return
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        yield denial.invalid(field, f"spec.source Invalid source URL: {url}")
        return
    if scheme not in _URL_SCHEMES:
        yield denial.invalid(field, f"spec.source Invalid source URL scheme: {url}")


def _check_http(given: Spec, _content_type: str) -> Iterator[Cause]:
    if checksum := given.get("checksum"):
        trouble = checksum_trouble(checksum)
        if trouble:
            yield denial.invalid("spec.source.HTTP.checksum", f"Invalid checksum format: {trouble}")


def checksum_trouble(checksum: str) -> str | None:
    """Why `algorithm:hash` is no checksum, None if it is one."""
    algorithm, colon, value = checksum.partition(":")
    algorithm = algorithm.lower()
    if not colon:
        return f"invalid checksum format: expected 'algorithm:hash', got '{checksum}'"
    if not value:
        return "checksum hash value cannot be empty"
    if algorithm not in _HASHES:
        return f"unsupported hash algorithm '{algorithm}': supported algorithms are: md5, sha1, sha256, sha512"
    if len(value) != _HASHES[algorithm]:
        length = _HASHES[algorithm]
        return f"invalid {algorithm} hash length: expected {length} hex characters, got {len(value)}"
    wrong = next((one for one in value if one not in string.hexdigits), None)
    if wrong is not None:
        return f"checksum hash is not valid hexadecimal: encoding/hex: invalid byte: U+{ord(wrong):04X} '{wrong}'"
    return None


def _check_blank(_given: Spec, content_type: str) -> Iterator[Cause]:
    if content_type == "archive":
        yield denial.invalid("spec.contentType", "SourceType cannot be blank and the contentType be archive")


def _check_registry(given: Spec, content_type: str) -> Iterator[Cause]:
    if content_type == "archive":
        yield denial.invalid("spec.contentType", "ContentType must be kubevirt when Source is Registry")
    url, stream, method = given.get("url"), given.get("imageStream"), given.get("pullMethod")
    if (url is None) == (stream is None):
        text = "Source registry should have either URL or ImageStream"
        yield denial.invalid("spec.source.Registry", text)
        return
    if url is not None:
        match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", url)
        if match is None:
            yield denial.invalid("spec.source.Registry.URL", f"Illegal registry source URL {url}")
        elif match[1] not in _REGISTRY_SCHEMES:
            yield denial.invalid("spec.source.Registry.URL", f"Illegal registry source URL scheme {url}")
    field = "spec.source.Registry.importMethod"
    if method not in (None, "", "pod", "node"):
        yield denial.invalid(field, f'ImportMethod {method} is neither pod, node or ""')
    if stream is not None:
        if not stream:
            yield denial.invalid(field, "Source registry ImageStream is not valid")
        if method != "node":
            text = "Source registry ImageStream is supported only with node pull import method"
            yield denial.invalid(field, text)


def _check_imageio(given: Spec, _content_type: str) -> Iterator[Cause]:
    prefix, field = "spec.source.Imageio source Imageio", "spec.source.Imageio"
    if not given.get("secretRef") or not given.get("diskId"):
        yield denial.invalid(field, f"{prefix} is not valid")
    elif not given.get("certConfigMap") and not given.get("insecureSkipVerify"):
        yield denial.invalid(field, f"{prefix} requires CertConfigMap or InsecureSkipVerify")


def _check_vddk(given: Spec, _content_type: str) -> Iterator[Cause]:
    if not all(given.get(field) for field in ("secretRef", "uuid", "backingFile", "thumbprint")):
        yield denial.invalid("spec.source.VDDK", "spec.source.VDDK source VDDK is not valid")


def _check_pvc(given: Spec, _content_type: str) -> Iterator[Cause]:
    if not given.get("namespace") or not given.get("name"):
        yield denial.invalid("spec.source.PVC", "spec.source.PVC source PVC is not valid")


def _check_snapshot(given: Spec, _content_type: str) -> Iterator[Cause]:
    if not given.get("namespace") or not given.get("name"):
        yield denial.invalid("spec.source.Snapshot", "spec.source.Snapshot source snapshot is not valid")


_BY_SOURCE: Mapping[str, Callable[[Spec, str], Iterator[Cause]]] = {
    "http": _check_http,
    "blank": _check_blank,
    "registry": _check_registry,
    "imageio": _check_imageio,
    "vddk": _check_vddk,
    "pvc": _check_pvc,
    "snapshot": _check_snapshot,
}
