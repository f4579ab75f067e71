"""
What a VirtualMachine was started with, kept as a ControllerRevision (reference kubevirt-vm.md 5).

The revision of the last start is compared with the current spec to tell whether a restart is needed; those of earlier starts are deleted
when the next one is made.
"""

from __future__ import annotations

from typing import Any

from solovirt.controllers.virtual_machine import instance_template, instancetypes
from solovirt.kinds.kubevirt import names
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.errors import AlreadyExists
from solovirt.machinery.resource import Document, ObjectKey


def revision_of(vm: Document) -> Document:
    """The ControllerRevision of a start of *vm* as it is now."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": instance_template.revision_name(vm),
            "namespace": vm["metadata"]["namespace"],
            "ownerReferences": [instance_template.owner_reference(vm)],
        },
        "revision": vm["metadata"].get("generation", 1),
        "data": {"spec": instancetypes.with_revisions(vm)},
    }


async def keep(objects: Objects, vm: Document) -> None:
    """Store the revision of a start of *vm* and drop those of earlier ones. Doing it twice changes nothing."""
    revision = revision_of(vm)
    name, namespace = revision["metadata"]["name"], revision["metadata"]["namespace"]
    for older in objects.owned_by(vm["metadata"]["uid"], names.CONTROLLER_REVISIONS):
        if older["metadata"]["name"] != name and older["metadata"]["name"].startswith("revision-start-vm-"):
            await objects.delete(names.CONTROLLER_REVISIONS, ObjectKey(namespace, older["metadata"]["name"]))
    if objects.get(names.CONTROLLER_REVISIONS, ObjectKey(namespace, name)) is None:
        try:
            await objects.add(names.CONTROLLER_REVISIONS, revision)
        except AlreadyExists:
            return


def spec_of(objects: Objects, vm: Document, instance: Document) -> dict[str, Any] | None:
    """The VM spec that *instance* was started with, None if its revision is gone."""
    name = (instance.get("status") or {}).get("virtualMachineRevisionName")
    if not name:
        return None
    revision = objects.get(names.CONTROLLER_REVISIONS, ObjectKey(vm["metadata"]["namespace"], name))
    if revision is None:
        return None
    spec: dict[str, Any] | None = (revision.get("data") or {}).get("spec")
    return spec
