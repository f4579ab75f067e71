"""
`spec.dataVolumeTemplates`: the DataVolumes that a VirtualMachine makes, owns and waits for (reference kubevirt-vm.md 7, cdi.md 14).

They are created whenever they are missing, also for a halted VM; a start waits until each is ready to be used.
"""

from __future__ import annotations

import copy
from typing import Any

from solovirt.controllers.virtual_machine import instance_template
from solovirt.kinds.cdi import clone_authorisation, references
from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.kubevirt import names
from solovirt.machinery.auth.identity import User
from solovirt.machinery.control.manager import service_account
from solovirt.machinery.control.objects import NotServed
from solovirt.machinery.control.protocol import Objects, Tools
from solovirt.machinery.errors import AlreadyExists, Forbidden, StatusError
from solovirt.machinery.resource import Document, ObjectKey


class DataVolumeError(Exception):
    """A DataVolume could not be created; the text says which and why."""


def are_created_now(vm: Document, *, starts: bool = False) -> bool:
    """Whether missing DataVolumes are to be created: always, unless the VM asks to leave it to the first start."""
    annotations = vm["metadata"].get("annotations") or {}
    delays = annotations.get(names.IMMEDIATE_DATA_VOLUME_CREATION_ANNOTATION) == "false"
    return starts or not delays


async def sync(tools: Tools, vm: Document, *, starts: bool) -> bool:
    """
    Create the VM's missing DataVolumes and adopt those that nobody owns; True if all of them are ready for a start.

    Raises DataVolumeError if one cannot be created, after an event on the VM that says so.
    """
    ready = True
    namespace = vm["metadata"]["namespace"]
    for template in vm["spec"].get("dataVolumeTemplates") or ():
        key = ObjectKey(namespace, (template.get("metadata") or {}).get("name") or "")
        found = tools.objects.get(cdi.DATA_VOLUMES, key)
        if found is None:
            ready = False
            if are_created_now(vm, starts=starts):
                await _create(tools, vm, template)
            continue
        if not any(owner.get("controller") for owner in found["metadata"].get("ownerReferences") or ()):
            await _adopt(tools.objects, vm, key)
        ready = _is_ready(tools, vm, found) and ready
    return ready


def _is_ready(tools: Tools, vm: Document, data_volume: Document) -> bool:
    status = data_volume.get("status") or {}
    name = data_volume["metadata"]["name"]
    if status.get("phase") == "Failed":
        tools.recorder.event(vm, "Warning", "FailedDataVolumeImport", f"DataVolume {name} failed to import disk image")
    elif status.get("phase") == "Pending" and any(
        one.get("type") == "Bound" and one.get("status") != "True" and one.get("reason") == "ErrExceededQuota"
        for one in status.get("conditions") or ()
    ):
        tools.recorder.event(vm, "Warning", "FailedDataVolumeImport", f"DataVolume {name} exceeds quota limits")
    return status.get("phase") in cdi.READY_PHASES


async def _create(tools: Tools, vm: Document, template: Document) -> None:
    name = template["metadata"]["name"]
    try:
        document = data_volume_of(vm, template, tools.objects)
        namespace = vm["metadata"]["namespace"]
        clone_authorisation.check(tools.objects, _service_account(vm), document["spec"].get("source") or {}, namespace)
        _warn_of_missing_source(tools, vm, document)
        await tools.objects.create(cdi.DATA_VOLUMES, document)
    except AlreadyExists:
        # Somebody was faster, or another's claim has the name: nothing this VM could do about it.
        return
    except (Forbidden, clone_authorisation.CloneRefused) as error:
        why = error.message if isinstance(error, Forbidden) else str(error)
        text = f"Not authorized to create DataVolume {name}: {why}"
        tools.recorder.event(vm, "Warning", "UnauthorizedDataVolumeCreate", text)
        raise DataVolumeError(f"not authorized to create DataVolume: {why}") from error
    except (StatusError, DataVolumeError, clone_authorisation.NamespaceMissing) as error:
        tools.recorder.event(vm, "Warning", "FailedDataVolumeCreate", f"Error creating DataVolume {name}: {error}")
        raise DataVolumeError(f"failed to create DataVolume: {error}") from error
    tools.recorder.event(vm, "Normal", "SuccessfulDataVolumeCreate", f"Created DataVolume {name}")


def _service_account(vm: Document) -> User:
    """Who asks for the VM's clones: the service account of its instance, not who made the VM (reference cdi.md 9.2)."""
    template = vm["spec"]["template"]["spec"]
    volumes = template.get("volumes") or ()
    named = (one["serviceAccount"].get("serviceAccountName") for one in volumes if one.get("serviceAccount"))
    name = template.get("serviceAccountName") or next(named, None) or "default"
    return service_account(vm["metadata"]["namespace"], name)


def data_volume_of(vm: Document, template: Document, objects: Objects) -> Document:
    """
    The DataVolume that *template* of *vm* describes.

    A sourceRef is resolved to the DataSource's present source. Raises DataVolumeError if that is not there or has none.
    """
    given = template.get("metadata") or {}
    metadata: dict[str, Any] = {
        "name": given["name"],
        "namespace": vm["metadata"]["namespace"],
        "labels": {**(given.get("labels") or {}), names.CREATED_BY_LABEL: vm["metadata"]["uid"]},
        "annotations": {**(given.get("annotations") or {}), cdi.ALLOW_CLAIM_ADOPTION: "true"},
        "ownerReferences": [instance_template.owner_reference(vm)],
    }
    spec = copy.deepcopy(template.get("spec") or {})
    if not spec.get("priorityClassName") and (of_vm := vm["spec"]["template"]["spec"].get("priorityClassName")):
        spec["priorityClassName"] = of_vm
    if reference := spec.pop("sourceRef", None):
        spec["source"] = _resolve(reference, vm["metadata"]["namespace"], objects)
    for kind in ("pvc", "snapshot"):
        source = (spec.get("source") or {}).get(kind)
        if source is not None and not source.get("namespace"):
            source["namespace"] = vm["metadata"]["namespace"]
    return {"apiVersion": cdi.API_VERSION, "kind": "DataVolume", "metadata": metadata, "spec": spec}


def _resolve(reference: Document, namespace: str, objects: Objects) -> Document:
    key = ObjectKey(reference.get("namespace") or namespace, reference.get("name") or "")
    try:
        found = objects.get(cdi.DATA_SOURCES, key)
    except NotServed:
        found = None
    if found is None:
        raise DataVolumeError(f'{cdi.DATA_SOURCES} "{key.name}" not found')
    try:
        source = references.resolved(found, lambda other: objects.get(cdi.DATA_SOURCES, other))
    except references.ReferenceRefused as error:
        raise DataVolumeError(error.message) from error
    if not source:
        raise DataVolumeError("DataVolume sourceRef not supported")
    return {kind: {"namespace": key.namespace, **given} for kind, given in source.items()}


def _warn_of_missing_source(tools: Tools, vm: Document, document: Document) -> None:
    source = (document["spec"].get("source") or {}).get("pvc")
    if source is None:
        return
    key = ObjectKey(source.get("namespace") or "", source.get("name") or "")
    if tools.objects.get(cdi.PERSISTENT_VOLUME_CLAIMS, key) is None:
        target = document["metadata"]["name"]
        tools.recorder.event(
            vm,
            "Warning",
            "SourcePVCNotAvailabe",  # spelled so upstream
            f"Source PVC {key.name} not available: Target PVC {target} will remain unpopulated until source is created",
        )


async def _adopt(objects: Objects, vm: Document, key: ObjectKey) -> None:
    def own(document: Document) -> None:
        owners = document["metadata"].setdefault("ownerReferences", [])
        if not any(owner.get("controller") for owner in owners):
            owners.append(instance_template.owner_reference(vm))

    await objects.edit(cdi.DATA_VOLUMES, key, own)


def used_by(vm: Document, objects: Objects) -> tuple[list[Document], list[Document]]:
    """The existing DataVolumes of the template's dataVolume volumes, and the existing claims behind all of its volumes."""
    namespace = vm["metadata"]["namespace"]
    data_volumes, claims = [], []
    for volume in vm["spec"]["template"]["spec"].get("volumes") or ():
        of_data_volume = (volume.get("dataVolume") or {}).get("name")
        of_claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if of_data_volume and (found := objects.get(cdi.DATA_VOLUMES, ObjectKey(namespace, of_data_volume))):
            data_volumes.append(found)
        name = of_data_volume or of_claim
        if name and (found := objects.get(cdi.PERSISTENT_VOLUME_CLAIMS, ObjectKey(namespace, name))):
            claims.append(found)
    return data_volumes, claims
