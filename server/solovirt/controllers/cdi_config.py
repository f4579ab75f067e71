"""
CDIConfig `config`: the settings that CDI works with (reference cdi.md 13).

Users edit `spec.config` of the CDI CR, which is copied into the CDIConfig's spec; what follows from it with the storage classes there are is its status.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from solovirt.kinds.cdi import names
from solovirt.kinds.cdi.rendering import storage_class
from solovirt.kinds.cdi.sizes import DEFAULT_OVERHEAD
from solovirt.machinery.control.protocol import DONE, Result, Source, Tools
from solovirt.machinery.resource import Document, GroupResource, ObjectKey

KEY = ObjectKey("", "config")
UPLOAD_PROXY = "solovirt.io/upload-proxy-url"
"""On the CDIConfig: where the server takes uploads, unless the configuration names another address for it."""
_RESOURCES = {"limits": {"cpu": "750m", "memory": "600M"}, "requests": {"cpu": "100m", "memory": "60M"}}


class CDIConfigController:
    """Keeps the one CDIConfig."""

    name: ClassVar[str] = "config-controller"
    resource: ClassVar[GroupResource] = names.CDI_CONFIGS

    def __init__(self, tools: Tools) -> None:
        self._objects = tools.objects
        self.sources: Sequence[Source] = (Source(names.CDIS, _the_one), Source(names.STORAGE_CLASSES, _the_one))

    async def reconcile(self, key: ObjectKey) -> Result:
        config = self._objects.get(names.CDI_CONFIGS, key)
        if key != KEY or config is None:
            return DONE
        installation = next(iter(self._objects.list(names.CDIS)), None)
        spec = config["spec"] if installation is None else installation["spec"].get("config") or {}
        status = _status(config, spec, list(self._objects.list(names.STORAGE_CLASSES)))
        if spec == config["spec"] and status == config.get("status"):
            return DONE

        def write(document: Document) -> None:
            # CDIConfig has no status subresource (reference cdi.md 1.1).
            document["spec"], document["status"] = spec, status

        await self._objects.edit(names.CDI_CONFIGS, key, write)
        return DONE


def _the_one(_: Document) -> Iterable[ObjectKey]:
    return (KEY,)


def _status(config: Document, spec: Document, classes: Sequence[Document]) -> dict[str, Any]:
    overhead = spec.get("filesystemOverhead") or {}
    everywhere = overhead.get("global") or DEFAULT_OVERHEAD
    by_class = overhead.get("storageClass") or {}
    asked = spec.get("podResourceRequirements") or {}
    status: dict[str, Any] = {
        "defaultPodResourceRequirements": {
            kind: {**values, **(asked.get(kind) or {})} for kind, values in _RESOURCES.items()
        },
        "filesystemOverhead": {
            "global": everywhere,
            "storageClass": {
                one["metadata"]["name"]: by_class.get(one["metadata"]["name"]) or everywhere for one in classes
            },
        },
        "preallocation": bool(spec.get("preallocation")),
    }
    wanted = spec.get("scratchSpaceStorageClass")
    scratch = (storage_class(wanted, "archive", classes) if wanted else None) or storage_class(None, "archive", classes)
    if scratch is not None:
        status["scratchSpaceStorageClass"] = scratch["metadata"]["name"]
    for field in ("importProxy", "imagePullSecrets"):
        if spec.get(field):
            status[field] = spec[field]
    announced = (config["metadata"].get("annotations") or {}).get(UPLOAD_PROXY)
    if url := spec.get("uploadProxyURLOverride") or announced:
        status["uploadProxyURL"] = url
    return status
