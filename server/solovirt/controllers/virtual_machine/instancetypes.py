"""
Instance types and preferences of VirtualMachines (reference kubevirt-flavor.md 6.3 and 6.4).

A VM keeps to what it first met. `sync` stores the instance type and the preference that its matchers name as ControllerRevisions, and their names in
the status; under the reference policies `expand` and `expandAll` it writes them out into the VM instead. `apply` fills an instance that is about to start.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from solovirt.controllers.virtual_machine import instance_template
from solovirt.kinds.instancetype import application, expansion, finding, revisions
from solovirt.kinds.instancetype.application import Conflicts
from solovirt.kinds.instancetype.finding import INSTANCETYPE, PREFERENCE, CannotFind, Get, Matching
from solovirt.kinds.kubevirt import instance_defaults, names
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.errors import AlreadyExists, StatusError
from solovirt.machinery.patch.values import copied
from solovirt.machinery.resource import Document, ObjectKey

_BOTH = (INSTANCETYPE, PREFERENCE)
_REFERENCE, _EXPAND = "reference", "expand"
_NOT_FOUND = {INSTANCETYPE: "FailedFindInstancetype", PREFERENCE: "FailedFindPreference"}


class NotSynced(Exception):
    """What the matchers of a VM want cannot be had; *reason* is that of the condition Failure, *is_told* asks for an event."""

    def __init__(self, reason: str, message: str, *, is_told: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.is_told = is_told


class _NotStored(Exception):
    """A revision cannot be made."""


def concern(vm: Document) -> bool:
    """Whether there is anything to be done here for *vm*, now or since it had matchers."""
    status = vm.get("status") or {}
    return finding.has_matcher(vm["spec"]) or any(status.get(matching.status_field) for matching in _BOTH)


async def sync(objects: Objects, vm: Document, cluster: Cluster) -> Document | None:
    """
    Store, or write out, what the matchers of *vm* name; returns the VM as it is then, None if it is gone.

    Raises NotSynced. Doing it again changes nothing.
    """
    policy = cluster.instancetype_reference_policy
    if not finding.has_matcher(vm["spec"]):
        # An expansion that was cut short leaves its revisions behind.
        return vm if policy == _REFERENCE else await _clean_up(objects, vm, list(_kept(vm)))
    for matching in _BOTH:
        try:
            finding.spec_of(matching, vm, objects.get)
        except CannotFind as error:
            raise NotSynced(_NOT_FOUND[matching], str(error)) from error
    if policy == _REFERENCE:
        return await _store(objects, vm)
    return await _expand(objects, vm, cluster)


def apply(vm: Document, instance: Document, get: Get, cluster: Cluster) -> None:
    """Fill *instance*, the VM's that is about to be created, in place. Raises CannotFind and Conflicts."""
    if not finding.has_matcher(vm["spec"]):
        return
    instancetype, preference = finding.spec_of(INSTANCETYPE, vm, get), finding.spec_of(PREFERENCE, vm, get)
    spec, metadata = instance["spec"], instance["metadata"]
    # The preference is for these devices too, so they have to be there first.
    instance_defaults.default_volume_disks(spec)
    instance_defaults.default_network(spec, cluster=cluster)
    for matching in _BOTH:
        matcher = matching.matcher(vm)
        annotation = matching.annotation(matcher) if matcher is not None else None
        if annotation is not None:
            metadata.setdefault("annotations", {})[annotation[0]] = annotation[1]
    application.apply(instancetype, preference, spec, metadata, path="spec")


def preference_of(vm: Document, get: Get) -> Document | None:
    """The spec of the VM's preference, None if it has none. Raises CannotFind."""
    return finding.spec_of(PREFERENCE, vm, get)


def with_revisions(vm: Document) -> Document:
    """A copy of the VM's spec whose matchers insist on the revisions that are in use now."""
    spec: Document = copied(vm["spec"])
    for matching in _BOTH:
        name = finding.revision_name(matching, vm)
        if spec.get(matching.field) is not None and name:
            spec[matching.field]["revisionName"] = name
    return spec


# Stored


async def _store(objects: Objects, vm: Document) -> Document | None:
    """Keep what the matchers name, and note in the status where."""
    status = vm.get("status") or {}
    changed: dict[str, Document] = {}
    for matching in _BOTH:
        try:
            reference = await _reference(objects, matching, vm)
        except (CannotFind, Conflicts, _NotStored) as error:
            text = f"error encountered while storing instancetype.kubevirt.io controllerRevisions: {error}"
            raise NotSynced("FailedCreate", text, is_told=True) from error
        if reference is not None and reference != status.get(matching.status_field):
            changed[matching.status_field] = reference
    if not changed:
        return vm

    def note(document: Document) -> None:
        if _matchers(document) == _matchers(vm):
            document.setdefault("status", {}).update(copy.deepcopy(changed))

    return await objects.edit(names.VIRTUAL_MACHINES, _key(vm), note, status=True)


async def _reference(objects: Objects, matching: Matching, vm: Document) -> Document | None:
    """What the status should say of one matcher; its revision is there then. None if there is no matcher."""
    matcher = matching.matcher(vm)
    if matcher is None:
        return None
    reference: Document = copy.deepcopy((vm.get("status") or {}).get(matching.status_field) or {})
    for field in ("name", "kind", "inferFromVolume"):
        wanted = matcher.get(field)
        if wanted and wanted != reference.get(field):
            # Another one is meant now, so the revision of the one before is no longer the VM's.
            reference[field] = wanted
            reference.pop("controllerRevisionRef", None)
    if matcher.get("inferFromVolumeFailurePolicy") is not None:
        reference["inferFromVolumeFailurePolicy"] = matcher["inferFromVolumeFailurePolicy"]
    if asked := matcher.get("revisionName"):
        reference["controllerRevisionRef"] = {"name": asked}
    if reference.get("controllerRevisionRef") is None:
        reference["controllerRevisionRef"] = {"name": await _keep(objects, matching, vm)}
    return reference


async def _keep(objects: Objects, matching: Matching, vm: Document) -> str:
    """Store what the matcher names, as it is now; returns the name of the revision."""
    found = finding.live(matching, vm, objects.get)
    if matching is INSTANCETYPE:
        _check_conflicts(found["spec"], vm)
    revision = revisions.revision_of(found, vm, instance_template.owner_reference(vm))
    name: str = revision["metadata"]["name"]
    existing = objects.get(names.CONTROLLER_REVISIONS, ObjectKey(vm["metadata"]["namespace"], name))
    if existing is None:
        try:
            await objects.create(names.CONTROLLER_REVISIONS, revision)
            return name
        except AlreadyExists:
            existing = objects.get(names.CONTROLLER_REVISIONS, ObjectKey(vm["metadata"]["namespace"], name))
        except StatusError as error:
            raise _NotStored(f"failed to create ControllerRevision: {error.message}") from error
    if existing is None or not revisions.keep_the_same(existing, revision):
        raise _NotStored(f"found existing ControllerRevision with unexpected data: {name}")
    return name


def _check_conflicts(instancetype: Document, vm: Document) -> None:
    """The instance type may have changed since the VM was admitted. Raises Conflicts."""
    template = copy.deepcopy(vm["spec"]["template"])
    application.apply(instancetype, None, template["spec"], template.get("metadata") or {}, path="spec.template.spec")


# Written out


async def _expand(objects: Objects, vm: Document, cluster: Cluster) -> Document | None:
    """Write what the matchers name into the VM, and let go of revisions."""
    kept = list(_kept(vm))
    if cluster.instancetype_reference_policy == _EXPAND and kept:
        return vm
    failed = "unsupported error: error encountered"
    try:
        expanded = expansion.expand(vm, objects.get, cluster=cluster)
    except (CannotFind, Conflicts) as error:
        text = f"{failed} while expanding into VirtualMachine: {error}"
        raise NotSynced("UnsupportedSyncError", text) from error

    def write(document: Document) -> None:
        if document["spec"] == vm["spec"]:
            document["spec"] = copy.deepcopy(expanded["spec"])

    try:
        written = await objects.edit(names.VIRTUAL_MACHINES, _key(vm), write)
    except StatusError as error:
        text = f"{failed} when trying to update expanded VirtualMachine: {error.message}"
        raise NotSynced("UnsupportedSyncError", text) from error
    if written is None or finding.has_matcher(written["spec"]):
        return written
    return await _clean_up(objects, written, kept)


async def _clean_up(objects: Objects, vm: Document, kept: list[str]) -> Document | None:
    """Delete the revisions of a VM that has no matcher any more, then forget that there were any."""
    if not any((vm.get("status") or {}).get(matching.status_field) for matching in _BOTH):
        return vm
    for name in kept:
        await objects.delete(names.CONTROLLER_REVISIONS, ObjectKey(vm["metadata"]["namespace"], name))

    def forget(document: Document) -> None:
        if not finding.has_matcher(document["spec"]):
            for matching in _BOTH:
                (document.get("status") or {}).pop(matching.status_field, None)

    return await objects.edit(names.VIRTUAL_MACHINES, _key(vm), forget, status=True)


def _kept(vm: Document) -> Iterator[str]:
    return (name for matching in _BOTH if (name := finding.revision_name(matching, vm)))


def _matchers(vm: Document) -> list[Document | None]:
    return [matching.matcher(vm) for matching in _BOTH]


def _key(vm: Document) -> ObjectKey:
    return ObjectKey(vm["metadata"]["namespace"], vm["metadata"]["name"])
