"""What back ends of volumes look up in the API: credentials, certificates, and CDI's configuration."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping

from solovirt.kinds.cdi import names
from solovirt.kinds.core import names as core
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.resource import ObjectKey


class StoredCluster:
    """`volumes.protocol.Cluster`, from *objects*."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def secret(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        found = self._objects.get(core.SECRETS, ObjectKey(namespace, name))
        if found is None:
            return None
        return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        found = self._objects.get(core.CONFIG_MAPS, ObjectKey(namespace, name))
        return None if found is None else found.get("data") or {}

    def insecure_registries(self) -> Collection[str]:
        # CDI copies its CR's configuration into the CDIConfig; users edit the former (reference cdi.md 13).
        config = self._objects.get(names.CDI_CONFIGS, ObjectKey("", "config")) or {}
        listed = set((config.get("spec") or {}).get("insecureRegistries") or ())
        for installation in self._objects.list(names.CDIS):
            listed |= set((installation["spec"].get("config") or {}).get("insecureRegistries") or ())
        return listed
