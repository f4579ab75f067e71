"""
Instance types and preferences inferred from what is on a volume (reference kubevirt-flavor.md 6.2).

Whoever makes a disk labels it with what suits the system on it. `spec.instancetype.inferFromVolume` names a volume of the VM; from there the
way leads over the DataVolume (or its template in the VM), what that is made from (a claim, a snapshot, a DataSource) to the first that has the label.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.instancetype import names
from solovirt.kinds.instancetype.finding import INSTANCETYPE, PREFERENCE, Get
from solovirt.machinery.errors import NotFound
from solovirt.machinery.resource import Document, GroupResource, ObjectKey

_LABELS = {
    INSTANCETYPE.field: names.DEFAULT_INSTANCETYPE_LABEL,
    PREFERENCE.field: names.DEFAULT_PREFERENCE_LABEL,
}
_KIND = "-kind"
_IGNORE = "Ignore"


class CannotInfer(LookupError):
    """Nothing could be inferred. *ignorable*: the matcher's failure policy may let that pass."""

    def __init__(self, message: str, *, ignorable: bool = True) -> None:
        super().__init__(message)
        self.ignorable = ignorable


def infer(vm: Document, namespace: str, get: Get) -> None:
    """
    Replace the matchers of *vm* that want to be inferred by what was found, in place.

    A matcher that tolerates failure goes if nothing is found; one for an instance type that tolerates it, and is found, takes the template's memory
    with it, so that the two do not conflict. Raises CannotInfer.
    """
    for matching in (INSTANCETYPE, PREFERENCE):
        matcher = matching.matcher(vm)
        if matcher is None or not matcher.get("inferFromVolume"):
            continue
        tolerant = matcher.get("inferFromVolumeFailurePolicy") == _IGNORE
        try:
            found = _Search(_LABELS[matching.field], vm, namespace, get).of_volume(matcher["inferFromVolume"])
        except CannotInfer as error:
            if not (tolerant and error.ignorable):
                raise
            del vm["spec"][matching.field]
            continue
        if tolerant and matching is INSTANCETYPE:
            vm["spec"]["template"]["spec"]["domain"].pop("memory", None)
        vm["spec"][matching.field] = found


@dataclass(frozen=True, slots=True)
class _Search:
    """One search for one label. All methods return a matcher or raise CannotInfer."""

    label: str
    vm: Document
    namespace: str
    get: Get

    def of_volume(self, name: str) -> Document:
        for volume in self.vm["spec"]["template"]["spec"].get("volumes") or ():
            if volume.get("name") != name:
                continue
            if (claim := volume.get("persistentVolumeClaim")) is not None:
                return self._of_claim(claim.get("claimName") or "", self.namespace)
            if (data_volume := volume.get("dataVolume")) is not None:
                return self._of_data_volume(data_volume.get("name") or "")
            raise CannotInfer(f"unable to infer defaults from volume {name} as type is not supported")
        raise CannotInfer(f"unable to find volume {name} to infer defaults", ignorable=False)

    def _of_labels(self, document: Document) -> Document:
        labels = document["metadata"].get("labels") or {}
        if self.label not in labels:
            raise CannotInfer(f"unable to find required {self.label} label on the volume")
        found = {"name": labels[self.label]}
        if kind := labels.get(self.label + _KIND):
            found["kind"] = kind
        return found

    def _existing(self, resource: GroupResource, name: str, namespace: str) -> Document:
        document = self.get(resource, ObjectKey(namespace, name))
        if document is None:
            raise CannotInfer(NotFound.of(resource, name).message, ignorable=False)
        return document

    def _of_claim(self, name: str, namespace: str) -> Document:
        return self._of_labels(self._existing(cdi.PERSISTENT_VOLUME_CLAIMS, name, namespace))

    def _of_snapshot(self, name: str, namespace: str) -> Document:
        return self._of_labels(self._existing(cdi.VOLUME_SNAPSHOTS, name, namespace))

    def _templates(self) -> Iterator[Document]:
        yield from self.vm["spec"].get("dataVolumeTemplates") or ()

    def _of_data_volume(self, name: str) -> Document:
        for template in self._templates():
            # A template's own labels do not count.
            if (template.get("metadata") or {}).get("name") == name:
                return self._of_data_volume_spec(template.get("spec") or {})
        data_volume = self.get(cdi.DATA_VOLUMES, ObjectKey(self.namespace, name))
        if data_volume is None:
            # One that is done may have been collected; its claim has the same name.
            return self._of_claim(name, self.namespace)
        try:
            return self._of_labels(data_volume)
        except CannotInfer:
            return self._of_data_volume_spec(data_volume.get("spec") or {})

    def _of_data_volume_spec(self, spec: Document) -> Document:
        source, reference = spec.get("source") or {}, spec.get("sourceRef")
        if (claim := source.get("pvc")) is not None:
            return self._of_claim(claim.get("name") or "", claim.get("namespace") or "")
        if (snapshot := source.get("snapshot")) is not None:
            return self._of_snapshot(snapshot.get("name") or "", snapshot.get("namespace") or "")
        if reference is None:
            raise CannotInfer("unable to infer defaults from DataVolumeSpec as DataVolumeSource is not supported")
        if (kind := reference.get("kind")) != "DataSource":
            raise CannotInfer(f"unable to infer defaults from DataVolumeSourceRef as Kind {kind} is not supported")
        namespace = reference.get("namespace")
        return self._of_data_source(reference.get("name") or "", self.namespace if namespace is None else namespace)

    def _of_data_source(self, name: str, namespace: str) -> Document:
        data_source = self._existing(cdi.DATA_SOURCES, name, namespace)
        try:
            return self._of_labels(data_source)
        except CannotInfer:
            source = (data_source.get("spec") or {}).get("source") or {}
        if (claim := source.get("pvc")) is not None:
            return self._of_claim(claim.get("name") or "", claim.get("namespace") or "")
        if (snapshot := source.get("snapshot")) is not None:
            return self._of_snapshot(snapshot.get("name") or "", snapshot.get("namespace") or "")
        raise CannotInfer(
            "unable to infer defaults from DataSource that doesn't provide DataVolumeSourcePVC or DataVolumeSourceSnapshot"
        )
