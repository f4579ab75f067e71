"""
Claims that refer to a VolumeImportSource, VolumeUploadSource or VolumeCloneSource by `dataSourceRef` (reference cdi.md 4.4), or to a VolumeSnapshot.

As CDI does it: a second claim, `prime-<uid>`, is made, bound, and filled by its annotations; the first stays Pending meanwhile and is told how far that
is. In the end the volume is handed over: it is bound to the first claim, the second is Lost, and goes. What is restored from a snapshot goes
the same way, though it is a provisioner that does it in a cluster: the claim stays Pending until the bytes are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from solovirt.controllers.data_volume import clone_source
from solovirt.controllers.data_volume.annotations import source_annotations
from solovirt.controllers.data_volume.filling import is_bound
from solovirt.kinds.cdi import names
from solovirt.kinds.cdi.references import allowed_labels
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import bootstrap
from solovirt.machinery import quantity
from solovirt.machinery.control.objects import NotServed
from solovirt.machinery.control.protocol import DONE, Recorder, Result, Source, Tools
from solovirt.machinery.errors import AlreadyExists, StatusError
from solovirt.machinery.resource import Document, GroupResource, ObjectKey

_SNAPSHOT = "VolumeSnapshot"
_KINDS = {
    "VolumeImportSource": names.VOLUME_IMPORT_SOURCES,
    "VolumeUploadSource": names.VOLUME_UPLOAD_SOURCES,
    "VolumeCloneSource": names.VOLUME_CLONE_SOURCES,
    _SNAPSHOT: names.VOLUME_SNAPSHOTS,
}
COMPONENTS = {
    "VolumeImportSource": "import-populator",
    "VolumeUploadSource": "upload-populator",
    "VolumeCloneSource": "clone-populator",
    _SNAPSHOT: bootstrap.PROVISIONER,
}
"""What CDI's populators (and the provisioner) call themselves, by the kind they look after."""
_MIRRORED = (
    names.POD_PHASE,
    names.POD_READY,
    names.POD_RESTARTS,
    names.PREALLOCATION_REQUESTED,
    names.PREALLOCATION,
    names.RUNNING,
    names.RUNNING_MESSAGE,
    names.RUNNING_REASON,
    names.FATAL_ERROR,
    names.POPULATOR_PROGRESS,
)
"""What is said of the second claim and holds of the first."""
_LABELS = {"app": "containerized-data-importer", "velero.io/exclude-from-backup": "true"}


class PopulatorController:
    """See the module."""

    name: ClassVar[str] = "import-populator"
    resource: ClassVar[GroupResource] = names.PERSISTENT_VOLUME_CLAIMS

    def __init__(self, tools: Tools, recorders: Mapping[str, Recorder]) -> None:
        """*recorders* speak for the populators, by kind."""
        self._objects = tools.objects
        self._recorders = recorders
        self.sources: Sequence[Source] = (
            Source(names.PERSISTENT_VOLUME_CLAIMS, _owner_of_prime),
            *(Source(resource, self._claims_of(kind)) for kind, resource in _KINDS.items()),
        )

    async def reconcile(self, key: ObjectKey) -> Result:
        claim = self._objects.get(names.PERSISTENT_VOLUME_CLAIMS, key)
        if claim is None or claim["metadata"].get("deletionTimestamp"):
            return DONE
        kind = populator_of(claim)
        if kind not in _KINDS or claim["spec"]["dataSourceRef"].get("namespace"):
            return DONE
        prime = self._objects.get(names.PERSISTENT_VOLUME_CLAIMS, ObjectKey(key.namespace, _prime_name(claim)))
        if prime is None:
            await self._begin(claim, key, kind)
            return DONE
        claim = await self._mirror(claim, key, prime, kind)
        if claim is None:
            return DONE
        is_filled = (prime["metadata"].get("annotations") or {}).get(names.POD_PHASE) == "Succeeded"
        if is_filled and not claim["spec"].get("volumeName"):
            await self._hand_over(claim, prime)
        elif is_filled and is_bound(claim) and (prime.get("status") or {}).get("phase") == "Lost":
            await self._end(claim, key, prime, kind)
        return DONE

    # Steps

    async def _begin(self, claim: Document, key: ObjectKey, kind: str) -> None:
        if claim["spec"].get("volumeName") or (claim.get("status") or {}).get("phase") == "Lost":
            # Whoever bound it says that it is filled.
            return
        reference = claim["spec"]["dataSourceRef"]
        source = self._objects.get(_KINDS[kind], ObjectKey(key.namespace, reference["name"]))
        if kind == "VolumeCloneSource":
            source = await self._clone_source(claim, key, reference["name"])
        if kind == _SNAPSHOT and (why := self._not_restorable(claim, source)) is not None:
            class_name = claim["spec"].get("storageClassName") or ""
            message = f'failed to provision volume with StorageClass "{class_name}": {why}'
            self._recorders[kind].event(claim, "Warning", "ProvisioningFailed", message)
            return
        if source is None or not self._is_ready(claim):
            return
        wanted = source["spec"].get("targetClaim")
        if wanted and wanted != key.name:
            return
        document = _prime(claim, kind, source)
        try:
            await self._objects.create(names.PERSISTENT_VOLUME_CLAIMS, document)
        except AlreadyExists:
            return
        except StatusError as error:
            self._recorders[kind].event(claim, "Warning", "ErrCreatingPVCPrime", error.message)
            raise
        if kind == _SNAPSHOT:
            text = f'External provisioner is provisioning volume for claim "{key.namespace}/{key.name}"'
            self._recorders[kind].event(claim, "Normal", "Provisioning", text)
            return
        self._recorders[kind].event(claim, "Normal", "CreatedPVCPrimeSuccessfully", "PVC Prime created successfully")

    def _not_restorable(self, claim: Document, snapshot: Document | None) -> str | None:
        """Why *claim* can't be restored from the snapshot now, in the words of Kubernetes' provisioner; None if it can."""
        name = claim["spec"]["dataSourceRef"]["name"]
        why = None
        if snapshot is None:
            missing = f'volumesnapshots.snapshot.storage.k8s.io "{name}" not found'
            why = f"error getting snapshot {name} from api server: {missing}"
        elif not clone_source.handle(self._objects, snapshot):
            why = f"snapshot {name} is not Ready"
        else:
            asked = quantity.whole(claim["spec"]["resources"]["requests"]["storage"])
            least = quantity.whole(snapshot["status"].get("restoreSize"))
            if asked < least:
                why = f"requested volume size {asked} is less than the size {least} for the source snapshot {name}"
        return None if why is None else f"error getting handle for DataSource Type VolumeSnapshot by Name {name}: {why}"

    async def _clone_source(self, claim: Document, key: ObjectKey, name: str) -> Document | None:
        """The VolumeCloneSource, once it and what it names are there."""
        annotations = claim["metadata"].get("annotations") or {}
        namespace = annotations.get(names.DATA_SOURCE_NAMESPACE) or key.namespace
        phase, error, found = "Pending", "", None
        if namespace != key.namespace:
            # The leave would be a token that the DataVolume's admission gave, and no DataVolume made this claim.
            phase, error = "Error", "cross-namespace clone is not authorized: the claim has no token"
        else:
            found = self._objects.get(names.VOLUME_CLONE_SOURCES, ObjectKey(namespace, name))
        said = {names.CLONE_PHASE: phase, **({names.CLONE_ERROR: error} if error else {})}
        if found is None and annotations | said != annotations:
            await self._objects.edit(names.PERSISTENT_VOLUME_CLAIMS, key, lambda one: _annotate(one, said))
        return found

    def _is_ready(self, claim: Document) -> bool:
        """Whether the claim need not wait for a consumer any more."""
        annotations = claim["metadata"].get("annotations") or {}
        if names.SELECTED_NODE in annotations or names.BIND_IMMEDIATELY in annotations:
            return True
        class_name = claim["spec"].get("storageClassName")
        of_claim = self._objects.get(names.STORAGE_CLASSES, ObjectKey("", class_name)) if class_name else None
        return of_claim is not None and of_claim.get("volumeBindingMode") != "WaitForFirstConsumer"

    async def _mirror(self, claim: Document, key: ObjectKey, prime: Document, kind: str) -> Document | None:
        if kind == _SNAPSHOT:
            # The annotations are CDI's, and this claim none of its.
            return claim
        of_prime = prime["metadata"].get("annotations") or {}
        said = {name: of_prime[name] for name in _MIRRORED if name in of_prime}
        said[names.PVC_PRIME] = prime["metadata"]["name"]
        current = claim["metadata"].get("annotations") or {}
        if kind == "VolumeCloneSource":
            said |= _clone_phase(claim, said.get(names.POD_PHASE))
        labels = claim["metadata"].get("labels") or {}
        added = {name: value for name, value in allowed_labels(prime).items() if name not in labels}
        if current | said == current and not added:
            return claim

        def note(document: Document) -> None:
            _annotate(document, said)
            if added:
                document["metadata"]["labels"] = {**added, **(document["metadata"].get("labels") or {})}

        return await self._objects.edit(names.PERSISTENT_VOLUME_CLAIMS, key, note)

    async def _hand_over(self, claim: Document, prime: Document) -> None:
        """Have the volume be the first claim's."""
        metadata, of_prime = claim["metadata"], prime["metadata"]["uid"]
        reference = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            **{name: metadata[name] for name in ("name", "namespace", "uid", "resourceVersion")},
        }

        def rebind(volume: Document) -> None:
            if (volume["spec"].get("claimRef") or {}).get("uid") == of_prime:
                volume["spec"]["claimRef"] = reference

        await self._objects.edit(core.PERSISTENT_VOLUMES, ObjectKey("", prime["spec"]["volumeName"]), rebind)

    async def _end(self, claim: Document, key: ObjectKey, prime: Document, kind: str) -> None:
        if kind == "VolumeImportSource":
            message = f"Successfully imported into {key.name}"
            self._recorders[kind].event(claim, "Normal", "importSucceeded", message)
        if kind == _SNAPSHOT:
            message = f"Successfully provisioned volume {claim['spec']['volumeName']}"
            self._recorders[kind].event(claim, "Normal", "ProvisioningSucceeded", message)
        metadata = prime["metadata"]
        await self._objects.delete(
            names.PERSISTENT_VOLUME_CLAIMS, ObjectKey(key.namespace, metadata["name"]), uid=metadata["uid"]
        )

    # Who is woken

    def _claims_of(self, kind: str) -> Any:
        """The claims that refer to a source of *kind*."""

        def keys(source: Document) -> list[ObjectKey]:
            metadata = source["metadata"]
            try:
                claims = self._objects.list(names.PERSISTENT_VOLUME_CLAIMS, metadata["namespace"])
            except NotServed:
                return []
            return [
                ObjectKey(metadata["namespace"], claim["metadata"]["name"])
                for claim in claims
                if populator_of(claim) == kind and claim["spec"]["dataSourceRef"]["name"] == metadata["name"]
            ]

        return keys


def populator_of(claim: Document) -> str:
    """The kind that a claim refers to as its data source, one of CDI's or a VolumeSnapshot; empty if it is neither."""
    reference = claim["spec"].get("dataSourceRef") or {}
    kind = str(reference.get("kind") or "")
    group = names.VOLUME_SNAPSHOTS.group if kind == _SNAPSHOT else names.GROUP
    return kind if reference.get("apiGroup") == group else ""


def _prime_name(claim: Document) -> str:
    return f"prime-{claim['metadata']['uid']}"


def _owner_of_prime(claim: Document) -> Iterable[ObjectKey]:
    metadata = claim["metadata"]
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller") and metadata["name"] == f"prime-{owner['uid']}":
            yield ObjectKey(metadata["namespace"], owner["name"])


def _prime(claim: Document, kind: str, source: Document) -> Document:
    """The claim that is filled in the place of *claim*."""
    metadata, spec = claim["metadata"], claim["spec"]
    annotations = {names.BIND_IMMEDIATELY: "", names.POPULATOR_KIND: kind, names.POD_RESTARTS: "0"}
    of_claim = metadata.get("annotations") or {}
    for inherited in (names.SELECTED_NODE, *(name for name in of_claim if name.startswith("fake.solovirt.io/"))):
        if inherited in of_claim:
            annotations[inherited] = of_claim[inherited]
    of_source = source["spec"]
    annotations[names.CONTENT_TYPE] = of_source.get("contentType") or of_claim.get(names.CONTENT_TYPE) or "kubevirt"
    if (preallocation := of_source.get("preallocation")) is not None:
        annotations[names.PREALLOCATION_REQUESTED] = "true" if preallocation else "false"
    annotations |= source_annotations(_source(kind, source))
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": _prime_name(claim),
            "namespace": metadata["namespace"],
            "labels": dict(_LABELS),
            "annotations": annotations,
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            name: spec[name] for name in ("accessModes", "resources", "storageClassName", "volumeMode") if name in spec
        },
    }


def _source(kind: str, source: Document) -> dict[str, Any]:
    """As a DataVolume's."""
    if kind == "VolumeUploadSource":
        return {"upload": {}}
    if kind == _SNAPSHOT:
        return {"snapshot": {field: source["metadata"][field] for field in ("namespace", "name")}}
    if kind == "VolumeImportSource":
        given: dict[str, Any] = source["spec"].get("source") or {}
        return {name: fields for name, fields in given.items() if fields is not None} or {"blank": {}}
    reference = source["spec"]["source"]
    of_kind = "snapshot" if reference["kind"] == "VolumeSnapshot" else "pvc"
    return {of_kind: {"namespace": source["metadata"]["namespace"], "name": reference["name"]}}


def _clone_phase(claim: Document, of_pod: str | None) -> dict[str, str]:
    """How far a clone is (reference cdi.md 4.3)."""
    if of_pod == "Succeeded":
        phase = "Succeeded" if is_bound(claim) else "Rebind"
    else:
        phase = "HostClone" if of_pod == "Running" else "Pending"
    return {names.CLONE_PHASE: phase, names.CLONE_TYPE: "copy"}


def _annotate(document: Document, said: Mapping[str, str]) -> None:
    document["metadata"].setdefault("annotations", {}).update(said)
