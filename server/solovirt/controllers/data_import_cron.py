"""
DataImportCrons: imports that are made again when their source has changed (reference cdi.md 11).

When the schedule is due the source's digest is asked for and noted on the cron. A digest that differs from the last import's leads to a new DataVolume, pinned to
it; when that succeeded, the managed DataSource points to it, and older imports beyond `importsToKeep` go.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from solovirt.controllers.data_source import condition
from solovirt.kinds.cdi import clone_authorisation, names
from solovirt.kinds.cdi.references import allowed_labels
from solovirt.kinds.cdi.rendering import storage_class
from solovirt.kinds.cdi.schedule import IllegalSchedule, next_time
from solovirt.machinery.clock import micro_timestamp, parse_timestamp, timestamp
from solovirt.machinery.control.manager import service_account
from solovirt.machinery.control.protocol import DONE, Result, Source, Tools
from solovirt.machinery.errors import AlreadyExists
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.volumes.protocol import Digests, DigestUnavailable

logger = logging.getLogger("solovirt.control")

_KEPT = 3
"""Imports that are kept if the cron does not say."""
_PREFIXES = ("sha256:", "uid:")
_SUFFIX_LENGTH = 12
_POLL_AGAIN = timedelta(seconds=30)
_MANAGED = {"app.kubernetes.io/component": "storage", "app.kubernetes.io/managed-by": "cdi-controller"}
_RETAINED = "cdi.kubevirt.io/storage.pod.retainAfterCompletion"


@dataclass(slots=True)
class _Pass:
    """One look at a cron: what it says already, and what it shall say."""

    cron: Document
    key: ObjectKey
    annotations: dict[str, str]
    status: dict[str, Any]
    now: datetime
    trouble: str = ""
    """Why the digest can't be told."""
    again: timedelta | None = None
    has_succeeded: bool = field(default=False)

    @property
    def spec(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.cron["spec"]
        return found

    @property
    def source(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.spec["template"]["spec"]["source"]
        return found

    @property
    def imports(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.status.get("currentImports") or []
        return found

    def say(self, type: str, status: str, reason: str, message: str) -> None:
        before: list[dict[str, Any]] = self.status.get("conditions") or []
        made = condition(type, status, reason, message, before, self.now)
        kept = [made if one["type"] == type else one for one in before]
        self.status["conditions"] = kept if made in kept else [*kept, made]


class DataImportCronController:
    """See the module."""

    name: ClassVar[str] = "dataimportcron-controller"
    resource: ClassVar[GroupResource] = names.DATA_IMPORT_CRONS

    def __init__(self, tools: Tools, digests: Digests | None) -> None:
        """*digests* knows registries; None if the volumes have none to do with them."""
        self._objects = tools.objects
        self._recorder = tools.recorder
        self._clock = tools.clock
        self._digests = digests
        self.sources: Sequence[Source] = (
            Source(names.DATA_VOLUMES, _cron_of),
            Source(names.DATA_SOURCES, _cron_of),
        )

    async def reconcile(self, key: ObjectKey) -> Result:
        cron = self._objects.get(names.DATA_IMPORT_CRONS, key)
        if cron is None or cron["metadata"].get("deletionTimestamp"):
            await self._clean_up(key)
            return DONE
        if (other := self._other_manager(cron, key)) is not None:
            text = f"DataSource {cron['spec']['managedDataSource']} is already managed by DataImportCron {other}"
            self._recorder.event(cron, "Warning", "ErrDataSourceAlreadyManaged", text)
            return DONE
        one = _Pass(
            cron,
            key,
            dict(cron["metadata"].get("annotations") or {}),
            copy.deepcopy(cron.get("status") or {}),
            self._clock.now(),
        )
        if await self._change_class(one):
            await self._look_at_import(one)
            await self._update_data_source(one)
            await self._poll(one)
            await self._follow_digest(one)
            if last := one.annotations.get(names.LAST_CRON_TIME):
                one.status["lastExecutionTimestamp"] = last
        await self._write(one)
        return Result(again_after=one.again)

    # The source

    async def _poll(self, one: _Pass) -> None:
        """Ask for the source's digest if that is due, and say when it is due next."""
        schedule = one.spec.get("schedule") or ""
        if not schedule:
            return
        due = one.annotations.get(names.NEXT_CRON_TIME)
        if due is None or parse_timestamp(due) <= one.now:
            try:
                digest = await self._digest(one)
            except DigestUnavailable as error:
                one.trouble = str(error)
                one.again = _POLL_AGAIN
                told = {(message["message"]) for message in one.status.get("conditions") or ()}
                if _no_digest(one.trouble) not in told:
                    self._recorder.event(one.cron, "Warning", "DigestUnavailable", one.trouble)
                return
            one.annotations[names.LAST_CRON_TIME] = timestamp(one.now)
            one.annotations[names.DESIRED_DIGEST] = digest
        try:
            following = next_time(schedule, one.now)
        except IllegalSchedule as error:
            # Admission refuses it; one from before its rules says so for itself.
            logger.warning("DataImportCron %s/%s: %s", one.key.namespace, one.key.name, error)
            return
        one.annotations[names.NEXT_CRON_TIME] = timestamp(following)
        one.again = following - one.now

    async def _digest(self, one: _Pass) -> str:
        if claim := one.source.get("pvc"):
            key = ObjectKey(claim.get("namespace") or one.key.namespace, claim["name"])
            found = self._objects.get(names.PERSISTENT_VOLUME_CLAIMS, key)
            if found is None:
                raise DigestUnavailable(f'persistentvolumeclaims "{key.name}" not found')
            return f"uid:{found['metadata']['uid']}"
        registry = one.source.get("registry") or {}
        if registry.get("imageStream"):
            raise DigestUnavailable("ImageStreams are OpenShift's, and there are none here")
        if self._digests is None:
            raise DigestUnavailable("the volumes of this installation know no registries")
        return await self._digests.digest(one.key.namespace, registry, one.annotations)

    async def _follow_digest(self, one: _Pass) -> None:
        """Import what is new, and say whether what there is is up to date."""
        desired = one.annotations.get(names.DESIRED_DIGEST) or ""
        if desired and (not one.imports or one.imports[0]["Digest"] != desired):
            one.say("UpToDate", "False", "Outdated", "Source digest updated since last import")
            await self._delete_failed_import(one)
            if one.has_succeeded or not one.imports:
                await self._import(one, desired)
        elif one.has_succeeded:
            one.status["sourceFormat"] = "pvc"
            one.say("UpToDate", "True", "UpToDate", "Latest import is up to date")
        elif one.imports:
            one.say("UpToDate", "False", "ImportProgressing", "Import is progressing")
        else:
            one.say("UpToDate", "False", "NoDigest", _no_digest(one.trouble))

    # Imports

    async def _look_at_import(self, one: _Pass) -> None:
        """See how far the current import is."""
        key = ObjectKey(one.key.namespace, one.imports[0]["DataVolumeName"]) if one.imports else None
        data_volume = self._objects.get(names.DATA_VOLUMES, key) if key is not None else None
        claim = self._objects.get(names.PERSISTENT_VOLUME_CLAIMS, key) if key is not None else None
        if data_volume is not None:
            phase = (data_volume.get("status") or {}).get("phase") or ""
            match phase:
                case "Succeeded":
                    one.has_succeeded = True
                case "ImportScheduled":
                    one.say("Progressing", "False", "ImportScheduled", "Import is scheduled")
                case "ImportInProgress":
                    one.say("Progressing", "True", "ImportProgressing", "Import is progressing")
                case _:
                    one.say("Progressing", "False", phase, f"Import DataVolume phase {phase}")
        elif claim is not None and (claim.get("status") or {}).get("phase") == "Bound":
            one.has_succeeded = True
        else:
            if one.imports:
                # It is gone: it is made again, or the next one is.
                one.status["currentImports"] = one.imports[1:]
            one.say("Progressing", "False", "NoImport", "No current import")
        if one.has_succeeded and key is not None:
            await self._note_success(one, key, claim)

    async def _note_success(self, one: _Pass, key: ObjectKey, claim: Document | None) -> None:
        imported = {"namespace": key.namespace, "name": key.name}
        labels = ((claim or {}).get("metadata") or {}).get("labels") or {}
        if one.status.get("lastImportedPVC") != imported:
            one.status |= {"lastImportedPVC": imported, "lastImportTimestamp": timestamp(one.now)}
            await self._use(one, key)
        elif claim is not None and labels.get(names.DATA_IMPORT_CRON) != one.key.name:
            await self._use(one, key)
        one.say("Progressing", "False", "NoImport", "No current import")
        if one.spec.get("garbageCollect") in (None, "Outdated"):
            await self._collect_garbage(one, key.name)

    async def _use(self, one: _Pass, key: ObjectKey) -> None:
        """Note on an import's claim that it is the latest one now."""
        labels = _labels(one)

        def note(claim: Document) -> None:
            claim["metadata"].setdefault("annotations", {})[names.LAST_USE_TIME] = micro_timestamp(one.now)
            claim["metadata"].setdefault("labels", {}).update(labels)

        await self._objects.edit(names.PERSISTENT_VOLUME_CLAIMS, key, note)

    async def _import(self, one: _Pass, digest: str) -> None:
        prefix = next((prefix for prefix in _PREFIXES if digest.startswith(prefix)), None)
        if prefix is None or len(digest) < len(prefix) + _SUFFIX_LENGTH:
            one.say("UpToDate", "False", "NoDigest", _no_digest(f"{digest} is no digest"))
            return
        name = f"{one.spec['managedDataSource']}-{digest[len(prefix) : len(prefix) + _SUFFIX_LENGTH]}"
        key = ObjectKey(one.key.namespace, name)
        if self._objects.get(names.PERSISTENT_VOLUME_CLAIMS, key) is not None:
            await self._use(one, key)
        else:
            document = _data_volume(one, name, digest)
            try:
                account = service_account(one.key.namespace, one.spec.get("serviceAccountName") or "default")
                clone_authorisation.check(self._objects, account, document["spec"]["source"], one.key.namespace)
                await self._objects.create(names.DATA_VOLUMES, document)
            except (clone_authorisation.CloneRefused, clone_authorisation.NamespaceMissing):
                one.say("Progressing", "False", "NotAuthorized", "Not authorized to create DataVolume")
                return
            except AlreadyExists:
                # Made by a pass that was interrupted before it was noted.
                pass
        one.status["currentImports"] = [{"DataVolumeName": name, "Digest": digest}]
        one.again = timedelta()

    async def _delete_failed_import(self, one: _Pass) -> None:
        """An import that fails is not waited for when there is something newer."""
        if not one.imports or one.has_succeeded:
            return
        key = ObjectKey(one.key.namespace, one.imports[0]["DataVolumeName"])
        data_volume = self._objects.get(names.DATA_VOLUMES, key)
        conditions = ((data_volume or {}).get("status") or {}).get("conditions") or ()
        running: Mapping[str, Any] = next((each for each in conditions if each["type"] == "Running"), {})
        if running.get("status") == "False" and running.get("reason") in ("Error", "ImagePullFailed"):
            await self._objects.delete(names.DATA_VOLUMES, key)
            one.status.pop("currentImports", None)

    async def _collect_garbage(self, one: _Pass, current: str) -> None:
        """Delete imports beyond those that are to be kept, the longest unused first; never the current one."""
        claims = [
            claim
            for claim in self._objects.list(names.PERSISTENT_VOLUME_CLAIMS, one.key.namespace)
            if _is_of_cron(claim, one.key.name) and not claim["metadata"].get("deletionTimestamp")
        ]
        kept = one.spec.get("importsToKeep")
        kept = _KEPT if kept is None or kept < 0 else max(kept, 1)
        claims.sort(key=_last_used, reverse=True)
        for claim in claims[kept:]:
            if claim["metadata"]["name"] != current:
                key = ObjectKey(one.key.namespace, claim["metadata"]["name"])
                if not await self._objects.delete(names.DATA_VOLUMES, key):
                    await self._objects.delete(names.PERSISTENT_VOLUME_CLAIMS, key)

    async def _change_class(self, one: _Pass) -> bool:
        """Import anew when the default storage class is another one now; False while the old import is going."""
        template = one.spec["template"]["spec"]
        given = (template.get("storage") or template.get("pvc") or {}).get("storageClassName")
        wanted = storage_class(given, "kubevirt", list(self._objects.list(names.STORAGE_CLASSES)))
        if wanted is None:
            return True
        name, current = wanted["metadata"]["name"], one.annotations.get(names.CRON_STORAGE_CLASS)
        if current not in (None, name) and one.imports:
            key = ObjectKey(one.key.namespace, one.imports[0]["DataVolumeName"])
            for resource in (names.DATA_VOLUMES, names.PERSISTENT_VOLUME_CLAIMS):
                await self._objects.delete(resource, key)
            if self._objects.get(names.PERSISTENT_VOLUME_CLAIMS, key) is not None:
                one.again = timedelta(seconds=1)
                return False
        one.annotations[names.CRON_STORAGE_CLASS] = name
        return True

    # The DataSource

    async def _update_data_source(self, one: _Pass) -> None:
        key = ObjectKey(one.key.namespace, one.spec["managedDataSource"])
        imported = one.status.get("lastImportedPVC")
        found = self._objects.get(names.DATA_SOURCES, key)
        if found is None:
            document = {
                "apiVersion": names.API_VERSION,
                "kind": "DataSource",
                "metadata": {"name": key.name, "namespace": key.namespace, "labels": _labels(one)},
                "spec": {"source": {"pvc": imported} if imported else {}},
            }
            try:
                await self._objects.create(names.DATA_SOURCES, document)
            except AlreadyExists:
                one.again = timedelta()
            return
        labels = found["metadata"].get("labels") or {}
        if labels.get(names.DATA_IMPORT_CRON) != one.key.name:
            # Whoever took the label off, or made it without, looks after it.
            return
        wanted = {**labels, **_labels(one)}
        source = {"pvc": imported} if imported else found["spec"]["source"]
        if wanted == labels and source == found["spec"]["source"]:
            return

        def point(document: Document) -> None:
            document["metadata"]["labels"] = wanted
            document["spec"]["source"] = source

        await self._objects.edit(names.DATA_SOURCES, key, point)

    def _other_manager(self, cron: Document, key: ObjectKey) -> str | None:
        """Another cron that looks after the DataSource already."""
        managed = cron["spec"]["managedDataSource"]
        found = self._objects.get(names.DATA_SOURCES, ObjectKey(key.namespace, managed))
        name = (((found or {}).get("metadata") or {}).get("labels") or {}).get(names.DATA_IMPORT_CRON) or ""
        if name in ("", key.name):
            return None
        other = self._objects.get(names.DATA_IMPORT_CRONS, ObjectKey(key.namespace, name))
        return str(name) if other is not None and other["spec"]["managedDataSource"] == managed else None

    async def _clean_up(self, key: ObjectKey) -> None:
        """The cron is gone: what its retention policy does not keep goes, too."""
        for resource in (names.DATA_SOURCES, names.DATA_VOLUMES, names.PERSISTENT_VOLUME_CLAIMS):
            for found in list(self._objects.list(resource, key.namespace)):
                labels = found["metadata"].get("labels") or {}
                if _is_of_cron(found, key.name) and labels.get(names.DATA_IMPORT_CRON_CLEANUP) == "true":
                    metadata = found["metadata"]
                    await self._objects.delete(
                        resource, ObjectKey(key.namespace, metadata["name"]), uid=metadata["uid"]
                    )

    async def _write(self, one: _Pass) -> None:
        metadata = one.cron["metadata"]
        if one.annotations == (metadata.get("annotations") or {}) and one.status == (one.cron.get("status") or {}):
            return

        def write(document: Document) -> None:
            # DataImportCron has no status subresource (reference cdi.md 1.1).
            document["metadata"].setdefault("annotations", {}).update(one.annotations)
            document["status"] = one.status

        await self._objects.edit(names.DATA_IMPORT_CRONS, one.key, write)


def _no_digest(why: str) -> str:
    return f"No source digest: {why}" if why else "No source digest"


def _is_of_cron(document: Document, cron: str) -> bool:
    return bool((document["metadata"].get("labels") or {}).get(names.DATA_IMPORT_CRON) == cron)


def _cron_of(document: Document) -> Iterable[ObjectKey]:
    metadata = document["metadata"]
    if name := (metadata.get("labels") or {}).get(names.DATA_IMPORT_CRON):
        yield ObjectKey(metadata["namespace"], name)


def _last_used(claim: Document) -> str:
    return str((claim["metadata"].get("annotations") or {}).get(names.LAST_USE_TIME) or "")


def _labels(one: _Pass) -> dict[str, str]:
    """The labels of everything that a cron makes."""
    labels = {**_MANAGED, **allowed_labels(one.cron), names.DATA_IMPORT_CRON: one.key.name}
    if one.spec.get("retentionPolicy") == "None":
        labels[names.DATA_IMPORT_CRON_CLEANUP] = "true"
    return labels


def _data_volume(one: _Pass, name: str, digest: str) -> Document:
    """The DataVolume that imports the source as it is at *digest*."""
    spec = copy.deepcopy(one.spec["template"]["spec"])
    if registry := spec["source"].get("registry"):
        registry["url"] = pinned(registry["url"], digest)
    claim = spec["source"].get("pvc")
    if claim is not None and not claim.get("namespace"):
        claim["namespace"] = one.key.namespace
    annotations = {names.BIND_IMMEDIATELY: "true", names.LAST_USE_TIME: micro_timestamp(one.now)}
    annotations |= {
        kept: value
        for kept, value in one.annotations.items()
        if kept == _RETAINED or kept.startswith("fake.solovirt.io/")
    }
    return {
        "apiVersion": names.API_VERSION,
        "kind": "DataVolume",
        "metadata": {
            "name": name,
            "namespace": one.key.namespace,
            "labels": _labels(one),
            "annotations": annotations,
        },
        "spec": spec,
    }


def pinned(url: str, digest: str) -> str:
    """The image *url* at *digest*, whatever its tag will mean later: `docker://host/name@sha256:…`."""
    bare = url.partition("@")[0]
    path, slash, last = bare.rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}@{digest}"
