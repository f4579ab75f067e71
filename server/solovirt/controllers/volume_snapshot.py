"""
Snapshots of volumes, as the external-snapshotter's controllers keep them (its API snapshot.storage.k8s.io/v1; the messages are its own).

Two loops, as there. That of VolumeSnapshots finds class and volume, makes the VolumeSnapshotContent and says how far that is; that of contents has
the storage copy the volume. A snapshot is kept like a volume, under a name of its own, so that it survives restarts, is counted, and is restored
as a volume is cloned.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from solovirt.controllers.persistent_volume_claim import claims_of_instance, claims_of_pod, drop_finalizer
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import bootstrap
from solovirt.kinds.kubevirt import names as kubevirt
from solovirt.kinds.volume_snapshots import names
from solovirt.machinery import quantity
from solovirt.machinery.clock import parse_timestamp, timestamp
from solovirt.machinery.control.protocol import DONE, Objects, Recorder, Result, Source, Tools
from solovirt.machinery.errors import AlreadyExists
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.volumes.protocol import Operation, Progress, TransferId, TransferRequest, TransferState, Volumes

_LOOK_AGAIN = timedelta(seconds=10)
"""When to look again for something whose appearance wakes nobody: a class, a claim that is bound."""
_ENDED = ("Succeeded", "Failed")


class _Refused(Exception):
    """No snapshot can be taken as things stand; the text says why."""


class VolumeSnapshotController:
    """Gives VolumeSnapshots their contents."""

    name: ClassVar[str] = "snapshot-controller"
    resource: ClassVar[GroupResource] = names.VOLUME_SNAPSHOTS

    def __init__(self, tools: Tools) -> None:
        self._objects = tools.objects
        self._recorder = tools.recorder
        self._clock = tools.clock
        self.sources: Sequence[Source] = (Source(names.VOLUME_SNAPSHOT_CONTENTS, _snapshot_of),)

    async def reconcile(self, key: ObjectKey) -> Result:
        snapshot = self._objects.get(names.VOLUME_SNAPSHOTS, key)
        if snapshot is None:
            return DONE
        if snapshot["metadata"].get("deletionTimestamp"):
            return await self._let_go(snapshot, key)
        finalizers = (names.SOURCE_FINALIZER, names.BOUND_FINALIZER)
        if not set(finalizers) <= set(snapshot["metadata"].get("finalizers") or ()):
            protected = await self._objects.edit(names.VOLUME_SNAPSHOTS, key, lambda one: _protect(one, *finalizers))
            if protected is None:
                return DONE
            snapshot = protected
        if (given := snapshot["spec"]["source"].get("volumeSnapshotContentName")) is not None:
            return await self._bind_to(snapshot, key, given)
        content = self._objects.get(names.VOLUME_SNAPSHOT_CONTENTS, _content_key(snapshot))
        if content is not None:
            return await self._tell(snapshot, key, content)
        if (snapshot.get("status") or {}).get("readyToUse"):
            return await self._fail(snapshot, key, "SnapshotContentMissing", "VolumeSnapshotContent is missing")
        return await self._make_content(snapshot, key)

    async def _make_content(self, snapshot: Document, key: ObjectKey) -> Result:
        if snapshot["spec"].get("volumeSnapshotClassName") is None:
            try:
                name = self._default_class(_volume(self._objects, snapshot))
            except _Refused as why:
                message = f"Failed to set default snapshot class with error {why}"
                return await self._fail(snapshot, key, "SetDefaultSnapshotClassFailed", message, unready=False)

            def choose(document: Document) -> None:
                document["spec"].setdefault("volumeSnapshotClassName", name)

            chosen = await self._objects.edit(names.VOLUME_SNAPSHOTS, key, choose)
            if chosen is None:
                return DONE
            snapshot = chosen
        name = snapshot["spec"]["volumeSnapshotClassName"]
        of_class = self._objects.get(names.VOLUME_SNAPSHOT_CLASSES, ObjectKey("", name))
        if of_class is None:
            missing = f'volumesnapshotclass.snapshot.storage.k8s.io "{name}" not found'
            message = f"Failed to get snapshot class with error {missing}"
            return await self._fail(snapshot, key, "GetSnapshotClassFailed", message, unready=False)
        try:
            try:
                volume = _volume(self._objects, snapshot)
            except _Refused as why:
                quoted = json.dumps(str(why), ensure_ascii=False)
                raise _Refused(f"failed to get input parameters to create snapshot {key.name}: {quoted}") from why
            if not volume["spec"].get("csi"):
                raise _Refused(f"cannot find CSI PersistentVolumeSource for volume {volume['metadata']['name']}")
        except _Refused as why:
            message = f"Failed to create snapshot content with error {why}"
            return await self._fail(snapshot, key, "SnapshotContentCreationFailed", message)
        try:
            content = await self._objects.create(
                names.VOLUME_SNAPSHOT_CONTENTS, _content(snapshot, of_class, volume), with_status=True
            )
        except AlreadyExists:
            return Result(_LOOK_AGAIN)
        message = f"Waiting for a snapshot {key.namespace}/{key.name} to be created by the CSI driver."
        self._recorder.event(snapshot, "Normal", "CreatingSnapshot", message)
        return await self._tell(snapshot, key, content)

    def _default_class(self, volume: Document) -> str:
        driver = (volume["spec"].get("csi") or {}).get("driver")
        if driver is None:
            raise _Refused("snapshotting non-CSI volumes is not supported")
        found = [
            str(one["metadata"]["name"])
            for one in self._objects.list(names.VOLUME_SNAPSHOT_CLASSES)
            if one["driver"] == driver and (one["metadata"].get("annotations") or {}).get(names.DEFAULT_CLASS) == "true"
        ]
        if not found:
            raise _Refused("cannot find default snapshot class")
        if len(found) > 1:
            raise _Refused(f"{len(found)} default snapshot classes were found")
        return found[0]

    async def _bind_to(self, snapshot: Document, key: ObjectKey, name: str) -> Result:
        """Bind to a content that was there before."""
        content = self._objects.get(names.VOLUME_SNAPSHOT_CONTENTS, ObjectKey("", name))
        if content is None:
            return await self._fail(snapshot, key, "SnapshotContentMissing", "VolumeSnapshotContent is missing")
        if "snapshotHandle" not in content["spec"]["source"]:
            message = "VolumeSnapshotContent is dynamically provisioned while expecting a pre-provisioned one"
            return await self._fail(snapshot, key, "SnapshotContentMismatch", message)
        reference, uid = content["spec"]["volumeSnapshotRef"], snapshot["metadata"]["uid"]
        is_its = (reference.get("namespace"), reference.get("name")) == key and reference.get("uid") in (None, "", uid)
        if not is_its:
            message = f"VolumeSnapshotContent [{name}] is bound to a different snapshot"
            return await self._fail(snapshot, key, "SnapshotContentMisbound", message)
        if not reference.get("uid"):

            def bind(document: Document) -> None:
                document["spec"]["volumeSnapshotRef"]["uid"] = uid

            bound = await self._objects.edit(names.VOLUME_SNAPSHOT_CONTENTS, ObjectKey("", name), bind)
            if bound is None:
                return Result(_LOOK_AGAIN)
            content = bound
        return await self._tell(snapshot, key, content)

    async def _tell(self, snapshot: Document, key: ObjectKey, content: Document) -> Result:
        """Have the snapshot say what its content says."""
        of_content: Mapping[str, Any] = content.get("status") or {}
        before = snapshot.get("status") or {}
        status: dict[str, Any] = {
            "boundVolumeSnapshotContentName": content["metadata"]["name"],
            "readyToUse": bool(of_content.get("readyToUse")),
        }
        if (nanoseconds := of_content.get("creationTime")) is not None:
            status["creationTime"] = timestamp(
                parse_timestamp("1970-01-01T00:00:00Z") + timedelta(microseconds=nanoseconds // 1000)
            )
        if (size := of_content.get("restoreSize")) is not None:
            status["restoreSize"] = quantity.binary_text(size)
        if error := of_content.get("error"):
            status["error"] = error
        if status == before:
            return DONE
        await self._write(key, status)
        called = f"{key.namespace}/{key.name}"
        if "creationTime" in status and "creationTime" not in before:
            message = f"Snapshot {called} was successfully created by the CSI driver."
            self._recorder.event(snapshot, "Normal", "SnapshotCreated", message)
        if status["readyToUse"] and not before.get("readyToUse"):
            self._recorder.event(snapshot, "Normal", "SnapshotReady", f"Snapshot {called} is ready to use.")
        return DONE

    async def _fail(
        self, snapshot: Document, key: ObjectKey, reason: str, message: str, *, unready: bool = True
    ) -> Result:
        status = dict(snapshot.get("status") or {})
        if (status.get("error") or {}).get("message") != message:
            status["error"] = {"message": message, "time": timestamp(self._clock.now())}
            if unready:
                status["readyToUse"] = False
            await self._write(key, status)
            self._recorder.event(snapshot, "Warning", reason, message)
        return Result(_LOOK_AGAIN)

    async def _write(self, key: ObjectKey, status: Document) -> None:
        def write(document: Document) -> None:
            document["status"] = status

        await self._objects.edit(names.VOLUME_SNAPSHOTS, key, write, status=True)

    async def _let_go(self, snapshot: Document, key: ObjectKey) -> Result:
        """Take the protection off a snapshot that nothing is restored from, and delete its content unless that is to be kept."""
        finalizers = set(snapshot["metadata"].get("finalizers") or ())
        if not finalizers & {names.SOURCE_FINALIZER, names.BOUND_FINALIZER}:
            return DONE
        content = bound_content(self._objects, snapshot)
        if content is not None:
            if self._is_restored(key):
                message = "Snapshot is being used to restore a PVC"
                self._recorder.event(snapshot, "Warning", "SnapshotDeletePending", message)
                return Result(_LOOK_AGAIN)
            of_content = ObjectKey("", content["metadata"]["name"])

            def note(document: Document) -> None:
                document["metadata"].setdefault("annotations", {})[names.BEING_DELETED] = "yes"

            await self._objects.edit(names.VOLUME_SNAPSHOT_CONTENTS, of_content, note)
            if content["spec"]["deletionPolicy"] == "Delete":
                await self._objects.delete(names.VOLUME_SNAPSHOT_CONTENTS, of_content, uid=content["metadata"]["uid"])

        def release(document: Document) -> None:
            for finalizer in (names.SOURCE_FINALIZER, names.BOUND_FINALIZER):
                drop_finalizer(document, finalizer)

        await self._objects.edit(names.VOLUME_SNAPSHOTS, key, release)
        return DONE

    def _is_restored(self, key: ObjectKey) -> bool:
        for claim in self._objects.list(core.PERSISTENT_VOLUME_CLAIMS, key.namespace):
            reference = claim["spec"].get("dataSourceRef") or {}
            is_from_it = (reference.get("kind"), reference.get("name")) == ("VolumeSnapshot", key.name)
            if is_from_it and (claim.get("status") or {}).get("phase") == "Pending":
                return True
        return False


class VolumeSnapshotContentController:
    """Has *volumes* take the snapshots that contents stand for, and keep them as long as they are there."""

    name: ClassVar[str] = "csi-snapshotter"
    resource: ClassVar[GroupResource] = names.VOLUME_SNAPSHOT_CONTENTS

    def __init__(self, tools: Tools, volumes: Volumes) -> None:
        self._objects = tools.objects
        self._recorder: Recorder = tools.recorder
        self._clock = tools.clock
        self._volumes = volumes
        self.sources: Sequence[Source] = (Source(names.VOLUME_SNAPSHOTS, _content_of),)

    async def reconcile(self, key: ObjectKey) -> Result:
        content = self._objects.get(names.VOLUME_SNAPSHOT_CONTENTS, key)
        if content is None or content["spec"]["driver"] != bootstrap.PROVISIONER:
            # Whoever brings another driver brings its snapshotter, too.
            return DONE
        if content["metadata"].get("deletionTimestamp"):
            return await self._delete(content, key)
        if (content.get("status") or {}).get("readyToUse"):
            return DONE
        if names.CONTENT_FINALIZER not in (content["metadata"].get("finalizers") or ()):
            protected = await self._objects.edit(
                names.VOLUME_SNAPSHOT_CONTENTS, key, lambda one: _protect(one, names.CONTENT_FINALIZER)
            )
            if protected is None:
                return DONE
            content = protected
        request = self._request(content)
        if isinstance(request, str):
            await self._fail(content, key, request)
            return Result(_LOOK_AGAIN)
        progress = await self._volumes.ask(request)
        return await self._tell(content, key, request, progress)

    def _request(self, content: Document) -> TransferRequest | str:
        """What is asked of the storage, or why nothing can be."""
        handle, origin, size = names.handle_of(content), "", 0
        if not handle:
            return f"snapshot {content['spec']['source']['snapshotHandle']} not found"
        source: Document = {"snapshot": {}}
        is_used = False
        if (wanted := content["spec"]["source"].get("volumeHandle")) is not None:
            volume = self._volume(wanted)
            if volume is None:
                return f"volume {wanted} not found"
            origin = volume["metadata"]["name"]
            size = quantity.whole((volume["spec"].get("capacity") or {}).get("storage"))
            claim = volume["spec"].get("claimRef") or {}
            source = {"pvc": {"namespace": claim.get("namespace"), "name": claim.get("name")}}
            is_used = bool(claim) and self._is_used(ObjectKey(claim.get("namespace", ""), claim.get("name", "")))
        return TransferRequest(
            id=TransferId(names.taken_for(handle)),
            operation=Operation.CLONE,
            namespace="",
            claim=content["metadata"]["name"],
            source=source,
            size_bytes=size,
            started=parse_timestamp(content["metadata"]["creationTimestamp"]),
            volume=handle,
            disk_bytes=0,
            origin=origin,
            at_once=is_used,
        )

    def _volume(self, handle: str) -> Document | None:
        # What is provisioned here has its own name for a handle.
        found = self._objects.get(core.PERSISTENT_VOLUMES, ObjectKey("", handle))
        candidates = [found] if found is not None else self._objects.list(core.PERSISTENT_VOLUMES)
        return next((one for one in candidates if (one["spec"].get("csi") or {}).get("volumeHandle") == handle), None)

    def _is_used(self, claim: ObjectKey) -> bool:
        """Whether somebody may write to the claim's volume now."""
        for resource, claims in (
            (core.PODS, claims_of_pod),
            (kubevirt.VIRTUAL_MACHINE_INSTANCES, claims_of_instance),
        ):
            for user in self._objects.list(resource, claim.namespace):
                if (user.get("status") or {}).get("phase") not in _ENDED and claim.name in claims(user):
                    return True
        return False

    async def _tell(self, content: Document, key: ObjectKey, request: TransferRequest, progress: Progress) -> Result:
        if progress.state is TransferState.SUCCEEDED:
            status: dict[str, Any] = {"readyToUse": True, "snapshotHandle": request.volume}
            if request.origin:
                status["creationTime"] = _nanoseconds(self._clock.now())
                status["restoreSize"] = request.size_bytes
            else:
                status |= self._of_another(content, request.volume)
            await self._write(key, status)
            return DONE
        if progress.state in (TransferState.RETRYING, TransferState.FAILED):
            why = json.dumps(progress.message, ensure_ascii=False)
            of = content["spec"]["source"].get("volumeHandle")
            message = f"failed to take snapshot of the volume {of}: {why}" if of else progress.message
            await self._fail(content, key, message)
        elif (content.get("status") or {}).get("readyToUse") is None:
            await self._write(key, {**(content.get("status") or {}), "readyToUse": False})
        return Result(progress.look_again)

    def _of_another(self, content: Document, handle: str) -> Document:
        """What is known of a snapshot that was taken for another content."""
        for other in self._objects.list(names.VOLUME_SNAPSHOT_CONTENTS):
            status = other.get("status") or {}
            if other["metadata"]["uid"] != content["metadata"]["uid"] and status.get("snapshotHandle") == handle:
                return {field: status[field] for field in ("creationTime", "restoreSize") if field in status}
        return {}

    async def _fail(self, content: Document, key: ObjectKey, why: str) -> None:
        message = f"Failed to create snapshot: {why}"
        status = dict(content.get("status") or {})
        if (status.get("error") or {}).get("message") == message:
            return
        error = {"message": message, "time": timestamp(self._clock.now())}
        await self._write(key, {**status, "readyToUse": False, "error": error})
        self._recorder.event(content, "Warning", "SnapshotCreationFailed", message)

    async def _write(self, key: ObjectKey, status: Document) -> None:
        def write(document: Document) -> None:
            document["status"] = status

        await self._objects.edit(names.VOLUME_SNAPSHOT_CONTENTS, key, write, status=True)

    async def _delete(self, content: Document, key: ObjectKey) -> Result:
        """Let the bytes go, and then the content, unless its snapshot is there still."""
        if names.CONTENT_FINALIZER not in (content["metadata"].get("finalizers") or ()):
            return DONE
        reference = content["spec"]["volumeSnapshotRef"]
        snapshot = self._objects.get(
            names.VOLUME_SNAPSHOTS, ObjectKey(reference.get("namespace") or "", reference.get("name") or "")
        )
        is_bound = snapshot is not None and snapshot["metadata"]["uid"] == reference.get("uid")
        if snapshot is not None and is_bound and not snapshot["metadata"].get("deletionTimestamp"):
            return DONE
        handle = names.handle_of(content)
        others = (
            one
            for one in self._objects.list(names.VOLUME_SNAPSHOT_CONTENTS)
            if one["metadata"]["uid"] != content["metadata"]["uid"]
        )
        if handle and not any(names.handle_of(one) == handle for one in others):
            await self._volumes.forget(TransferId(names.taken_for(handle)))
            await self._volumes.remove(handle)
        await self._objects.edit(
            names.VOLUME_SNAPSHOT_CONTENTS, key, lambda one: drop_finalizer(one, names.CONTENT_FINALIZER)
        )
        return DONE


def bound_content(objects: Objects, snapshot: Document) -> Document | None:
    """The content that a snapshot is bound to, if both say so: one side alone proves nothing."""
    name = (snapshot.get("status") or {}).get("boundVolumeSnapshotContentName") or _content_key(snapshot).name
    content = objects.get(names.VOLUME_SNAPSHOT_CONTENTS, ObjectKey("", name))
    if content is None or content["spec"]["volumeSnapshotRef"].get("uid") != snapshot["metadata"]["uid"]:
        return None
    return content


def _volume(objects: Objects, snapshot: Document) -> Document:
    """The volume that a snapshot is to be of. Raises _Refused."""
    name = snapshot["spec"]["source"]["persistentVolumeClaimName"]
    claim = objects.get(core.PERSISTENT_VOLUME_CLAIMS, ObjectKey(snapshot["metadata"]["namespace"], name))
    if claim is None:
        missing = json.dumps(f'persistentvolumeclaim "{name}" not found')
        raise _Refused(f"failed to retrieve PVC {name} from the lister: {missing}")
    if (claim.get("status") or {}).get("phase") != "Bound":
        raise _Refused(f"the PVC {name} is not yet bound to a PV, will not attempt to take a snapshot")
    of_claim = claim["spec"]["volumeName"]
    volume = objects.get(core.PERSISTENT_VOLUMES, ObjectKey("", of_claim))
    if volume is None:
        missing = json.dumps(f'persistentvolumes "{of_claim}" not found')
        raise _Refused(f"failed to retrieve PV {of_claim} from the API server: {missing}")
    if (volume["spec"].get("claimRef") or {}).get("uid") != claim["metadata"]["uid"]:
        raise _Refused("claim in dataSource not bound or invalid")
    return volume


def _content(snapshot: Document, of_class: Document, volume: Document) -> Document:
    metadata = snapshot["metadata"]
    return {
        "apiVersion": names.API_VERSION,
        "kind": "VolumeSnapshotContent",
        "metadata": {"name": _content_key(snapshot).name, "finalizers": [names.CONTENT_FINALIZER]},
        "spec": {
            "deletionPolicy": of_class["deletionPolicy"],
            "driver": of_class["driver"],
            "source": {"volumeHandle": volume["spec"]["csi"]["volumeHandle"]},
            "sourceVolumeMode": volume["spec"].get("volumeMode") or "Filesystem",
            "volumeSnapshotClassName": of_class["metadata"]["name"],
            "volumeSnapshotRef": {
                "apiVersion": names.API_VERSION,
                "kind": "VolumeSnapshot",
                **{field: metadata[field] for field in ("name", "namespace", "uid", "resourceVersion")},
            },
        },
    }


def _content_key(snapshot: Document) -> ObjectKey:
    return ObjectKey("", f"snapcontent-{snapshot['metadata']['uid']}")


def _snapshot_of(content: Document) -> Iterable[ObjectKey]:
    reference = content["spec"]["volumeSnapshotRef"]
    yield ObjectKey(reference.get("namespace") or "", reference.get("name") or "")


def _content_of(snapshot: Document) -> Iterable[ObjectKey]:
    name = (snapshot.get("status") or {}).get("boundVolumeSnapshotContentName")
    return (ObjectKey("", name),) if name else ()


def _protect(document: Document, *finalizers: str) -> None:
    present = document["metadata"].get("finalizers") or []
    document["metadata"]["finalizers"] = [*present, *(one for one in finalizers if one not in present)]


def _nanoseconds(moment: Any) -> int:
    return int((moment - parse_timestamp("1970-01-01T00:00:00Z")) / timedelta(microseconds=1)) * 1000
