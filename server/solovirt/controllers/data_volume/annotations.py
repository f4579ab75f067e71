"""
What a claim says of where its content comes from (reference cdi.md 5.2): a source as annotations, and annotations as a source.

Annotations are all that CDI's controllers of claims go by, so a claim that somebody annotates without a DataVolume is filled as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from solovirt.kinds.cdi import names

_IMPORT_FIELDS = {
    "secretRef": "secretName",
    "certConfigMap": "certConfigMap",
    "checksum": "checksum",
    "insecureSkipVerify": "insecureSkipVerify",
    "pullMethod": "registryImportMethod",
    "diskId": "diskId",
    "uuid": "uuid",
    "backingFile": "backingFile",
    "thumbprint": "vddk.thumbprint",
}
"""Fields of a source, and the annotation (below the prefix of imports) that carries each."""


def source_annotations(source: Mapping[str, Any]) -> dict[str, str]:
    """What a claim says of where its content comes from (reference cdi.md 5.2)."""
    if "upload" in source:
        return {names.UPLOAD_TARGET: ""}
    if "pvc" in source:
        return {names.CLONE_REQUEST: f"{source['pvc'].get('namespace')}/{source['pvc'].get('name')}"}
    if "snapshot" in source:
        of_source = source["snapshot"]
        return {names.SNAPSHOT_CLONE_REQUEST: f"{of_source.get('namespace')}/{of_source.get('name')}"}
    if "blank" in source:
        return {names.IMPORT_SOURCE: "none"}
    kind = next(iter(source), None)
    if kind is None:
        return {}
    fields: Mapping[str, Any] = source[kind] or {}
    out = {names.IMPORT_SOURCE: kind}
    if fields.get("url") or fields.get("imageStream"):
        out[names.IMPORT_ENDPOINT] = fields.get("url") or fields["imageStream"]
    for of_source, annotation in _IMPORT_FIELDS.items():
        if (value := fields.get(of_source)) not in (None, ""):
            out[names.IMPORT_PREFIX + annotation] = str(value).lower() if isinstance(value, bool) else str(value)
    if fields.get("imageStream"):
        out[names.IMPORT_PREFIX + "registryImageStream"] = "true"
    if architecture := (fields.get("platform") or {}).get("architecture"):
        out[names.IMPORT_PREFIX + "registryImageArchitecture"] = architecture
    for headers in ("extraHeaders", "secretExtraHeaders"):
        for index, header in enumerate(fields.get(headers) or ()):
            out[f"{names.IMPORT_PREFIX}{headers}.{index}"] = header
    return out


_KINDS = frozenset({"http", "s3", "gcs", "registry", "imageio", "vddk"})
_BOOLEANS = frozenset({"insecureSkipVerify"})
_LISTED = re.compile(re.escape(names.IMPORT_PREFIX) + r"(extraHeaders|secretExtraHeaders)\.(\d+)")


def source_of(annotations: Mapping[str, str]) -> dict[str, Any]:
    """The source that the annotations of a claim name; empty if they name none."""
    if names.UPLOAD_TARGET in annotations:
        return {"upload": {}}
    for kind, annotation in (("pvc", names.CLONE_REQUEST), ("snapshot", names.SNAPSHOT_CLONE_REQUEST)):
        if request := annotations.get(annotation):
            namespace, _, name = request.partition("/")
            return {kind: {"namespace": namespace, "name": name}}
    named, endpoint = annotations.get(names.IMPORT_SOURCE), annotations.get(names.IMPORT_ENDPOINT)
    if named is None and endpoint is None:
        return {}
    if named == "none":
        return {"blank": {}}
    # Missing or unknown means http (reference cdi.md 5.2).
    imported = named if named in _KINDS else "http"
    fields: dict[str, Any] = {}
    if endpoint is not None:
        is_stream = annotations.get(names.IMPORT_PREFIX + "registryImageStream") == "true"
        fields["imageStream" if is_stream else "url"] = endpoint
    for of_source, annotation in _IMPORT_FIELDS.items():
        if value := annotations.get(names.IMPORT_PREFIX + annotation):
            fields[of_source] = value == "true" if of_source in _BOOLEANS else value
    if architecture := annotations.get(names.IMPORT_PREFIX + "registryImageArchitecture"):
        fields["platform"] = {"architecture": architecture}
    listed: dict[str, dict[int, str]] = {}
    for key, value in annotations.items():
        if found := _LISTED.fullmatch(key):
            listed.setdefault(found[1], {})[int(found[2])] = value
    for name, headers in listed.items():
        fields[name] = [headers[index] for index in sorted(headers)]
    return {imported: fields}
