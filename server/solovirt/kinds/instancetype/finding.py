"""
Finding what a VirtualMachine's `spec.instancetype` and `spec.preference` mean (reference kubevirt-flavor.md 6.2 and 6.4).

A VM keeps to the instance type that it first met: a ControllerRevision named by the matcher, or by the VM's status, goes before the live object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from solovirt.kinds.instancetype import names
from solovirt.machinery.errors import NotFound
from solovirt.machinery.resource import Document, Flavour, GroupResource, ModelRef, ObjectKey

if TYPE_CHECKING:
    from solovirt.machinery.schema.protocol import ObjectSchema

CONTROLLER_REVISIONS = GroupResource("apps", "controllerrevisions")

Get = Callable[[GroupResource, ObjectKey], Document | None]
"""Looks an object up: `LookUp.get` in admission, `Objects.get` in a controller."""


class CannotFind(LookupError):
    """What a matcher names is not there, or is something else; the text is what KubeVirt says."""


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """One of the two matchers of a VM and what it may name."""

    field: str
    """Under `spec`: `instancetype`."""
    status_field: str
    title: str
    """How messages call the matcher."""
    namespaced: GroupResource
    cluster: GroupResource
    models: Mapping[str, ModelRef]
    """The kinds of its objects, with the fields that each has."""

    def matcher(self, vm: Document) -> Document | None:
        found: Document | None = (vm.get("spec") or {}).get(self.field)
        return found

    def resource(self, matcher: Document) -> GroupResource:
        """Which resource the matcher's kind means: singular or plural, in any case; the cluster's without one. Raises CannotFind."""
        kind = str(matcher.get("kind") or "")
        for resource in (self.namespaced, self.cluster):
            if kind.lower() in (resource.plural, resource.plural.removesuffix("s")):
                return resource
        if not kind:
            return self.cluster
        raise CannotFind(f"got unexpected kind in {self.title}: {kind}")

    def annotation(self, matcher: Document) -> tuple[str, str] | None:
        """The annotation by which an instance names what it was made with; None for a matcher of no known kind."""
        try:
            resource = self.resource(matcher)
        except CannotFind:
            return None
        return names.NAME_ANNOTATIONS[resource], str(matcher.get("name") or "")


def _model(module: str, kind: str) -> ModelRef:
    return ModelRef(f"solovirt.kinds.instancetype.models.{module}:{kind}")


INSTANCETYPE = Matching(
    field="instancetype",
    status_field="instancetypeRef",
    title="InstancetypeMatcher",
    namespaced=names.INSTANCETYPES,
    cluster=names.CLUSTER_INSTANCETYPES,
    models={
        kind: _model("instancetypes", kind)
        for kind in ("VirtualMachineInstancetype", "VirtualMachineClusterInstancetype")
    },
)
PREFERENCE = Matching(
    field="preference",
    status_field="preferenceRef",
    title="PreferenceMatcher",
    namespaced=names.PREFERENCES,
    cluster=names.CLUSTER_PREFERENCES,
    models={
        kind: _model("preferences", kind) for kind in ("VirtualMachinePreference", "VirtualMachineClusterPreference")
    },
)


def has_matcher(spec: Document) -> bool:
    """Whether a VM's spec names an instance type or a preference."""
    return spec.get("instancetype") is not None or spec.get("preference") is not None


def spec_of(matching: Matching, vm: Document, get: Get) -> Document | None:
    """The spec that *vm* means by its matcher, None if it has none. Raises CannotFind."""
    matcher = matching.matcher(vm)
    if matcher is None:
        return None
    revision = _revision(matching, vm, matcher, get)
    if revision is not None:
        return _spec_in(matching, revision)
    spec: Document = live(matching, vm, get).get("spec") or {}
    return spec


def live(matching: Matching, vm: Document, get: Get) -> Document:
    """The object itself that the matcher of *vm* names, whatever revisions there are. Raises CannotFind."""
    matcher = matching.matcher(vm) or {}
    resource = matching.resource(matcher)
    name = str(matcher.get("name") or "")
    if not name:
        # What a client library says before it asks.
        raise CannotFind("resource name may not be empty")
    namespace = "" if resource in names.CLUSTER_SCOPED else vm["metadata"].get("namespace", "")
    found = get(resource, ObjectKey(namespace, name))
    if found is None:
        raise CannotFind(NotFound.of(resource, name).message)
    return found


def revision_name(matching: Matching, vm: Document) -> str:
    """The ControllerRevision that the VM's status refers to, `""` if there is none."""
    reference = (vm.get("status") or {}).get(matching.status_field) or {}
    return str((reference.get("controllerRevisionRef") or {}).get("name") or "")


def _revision(matching: Matching, vm: Document, matcher: Mapping[str, object], get: Get) -> Document | None:
    namespace = vm["metadata"].get("namespace", "")
    if asked := matcher.get("revisionName"):
        return _stored(str(asked), namespace, get)
    if not (kept := revision_name(matching, vm)):
        return None
    revision = _stored(kept, namespace, get)
    of = (revision["metadata"].get("labels") or {}).get(names.OBJECT_NAME_LABEL)
    # One of another name belongs to what the matcher said before.
    return revision if of == matcher.get("name") else None


def _stored(name: str, namespace: str, get: Get) -> Document:
    revision = get(CONTROLLER_REVISIONS, ObjectKey(namespace, name))
    if revision is None:
        raise CannotFind(NotFound.of(CONTROLLER_REVISIONS, name).message)
    return revision


def _spec_in(matching: Matching, revision: Document) -> Document:
    """The spec that a ControllerRevision keeps. Anybody may have written it, so it is checked as an object that is created."""
    data = revision.get("data")
    kind = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not kind:
        raise CannotFind("failed to decode object in ControllerRevision: Object 'Kind' is missing")
    version = str(data.get("apiVersion") or "")
    model = matching.models.get(kind) if version == f"{names.GROUP}/{names.VERSION}" else None
    if model is None:
        raise CannotFind(f"unexpected type in ControllerRevision: *{version.rpartition('/')[2]}.{kind}")
    kept = {"spec": data.get("spec") or {}}
    schema = _schema(model, kind)
    if not schema.accepts(kept) and (errors := schema.validate(kept)):
        raise CannotFind(f"failed to decode object in ControllerRevision: {errors[0]}")
    return kept["spec"]


@cache
def _schema(model: ModelRef, kind: str) -> ObjectSchema:
    from solovirt.machinery.schema.compiled import ObjectSchema
    from solovirt.machinery.schema.structural import structural

    return ObjectSchema(structural(model.load()), kind=kind, flavour=Flavour.CUSTOM)
