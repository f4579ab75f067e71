"""
StorageProfiles: for each storage class, what CDI knows of it (reference cdi.md 13).

A profile has its class's name. What a user wrote into its spec goes before what is known of the provisioner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from solovirt.controllers.data_source import condition
from solovirt.kinds.cdi import names
from solovirt.kinds.kubevirt import bootstrap
from solovirt.machinery.control.protocol import DONE, Result, Source, Tools
from solovirt.machinery.errors import AlreadyExists
from solovirt.machinery.resource import Document, GroupResource, ObjectKey

_OVERRIDES = ("claimPropertySets", "cloneStrategy", "dataImportCronSourceFormat", "snapshotClass")


class StorageProfileController:
    """Keeps one StorageProfile for each StorageClass."""

    name: ClassVar[str] = "storageprofile-controller"
    resource: ClassVar[GroupResource] = names.STORAGE_CLASSES

    def __init__(self, tools: Tools) -> None:
        self._objects = tools.objects
        self._clock = tools.clock
        self.sources: Sequence[Source] = (Source(names.STORAGE_PROFILES),)

    async def reconcile(self, key: ObjectKey) -> Result:
        of_class = self._objects.get(names.STORAGE_CLASSES, key)
        profile = self._objects.get(names.STORAGE_PROFILES, key)
        if of_class is None:
            if profile is not None:
                await self._objects.delete(names.STORAGE_PROFILES, key)
            return DONE
        if profile is None:
            document = {
                "apiVersion": names.API_VERSION,
                "kind": "StorageProfile",
                "metadata": {"name": key.name},
                "spec": {},
            }
            try:
                profile = await self._objects.create(names.STORAGE_PROFILES, document)
            except AlreadyExists:
                # Its event brings us back.
                return DONE
        status = bootstrap.storage_profile_status(of_class)
        if strategy := (of_class["metadata"].get("annotations") or {}).get(names.CLONE_STRATEGY):
            status["cloneStrategy"] = strategy
        status |= {field: profile["spec"][field] for field in _OVERRIDES if field in (profile.get("spec") or {})}
        is_known = of_class.get("provisioner") == bootstrap.PROVISIONER
        recognized = (
            ("True", "RecognizedProvisioner", "Provisioner is recognized")
            if is_known
            else ("False", "UnrecognizedProvisioner", "Provisioner is not recognized")
        )
        before = (profile.get("status") or {}).get("conditions") or ()
        status["conditions"] = [condition("Recognized", *recognized, before, self._clock.now())]
        if status != profile.get("status"):

            def write(document: Document) -> None:
                document["status"] = status

            await self._objects.edit(names.STORAGE_PROFILES, key, write, status=True)
        return DONE
