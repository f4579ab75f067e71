"""The names that the parts around snapshots of volumes agree on; they are the external-snapshotter's (its API, v1)."""

from __future__ import annotations

from solovirt.machinery.resource import Document, GroupResource

GROUP = "snapshot.storage.k8s.io"
API_VERSION = f"{GROUP}/v1"
VOLUME_SNAPSHOTS = GroupResource(GROUP, "volumesnapshots")
VOLUME_SNAPSHOT_CONTENTS = GroupResource(GROUP, "volumesnapshotcontents")
VOLUME_SNAPSHOT_CLASSES = GroupResource(GROUP, "volumesnapshotclasses")

_PREFIX = "snapshot.storage.kubernetes.io/"
DEFAULT_CLASS = _PREFIX + "is-default-class"
BEING_DELETED = _PREFIX + "volumesnapshot-being-deleted"
"""On a content that is kept: its snapshot has gone."""
CONTENT_FINALIZER = _PREFIX + "volumesnapshotcontent-bound-protection"
BOUND_FINALIZER = _PREFIX + "volumesnapshot-bound-protection"
SOURCE_FINALIZER = _PREFIX + "volumesnapshot-as-source-protection"

_HANDLE = "snapshot@"


def handle_of(content: Document) -> str:
    """
    What the storage calls a content's bytes; empty for a handle that is none of ours.

    A snapshot is kept like a volume, by a name that no PersistentVolume can have.
    """
    given = (content["spec"].get("source") or {}).get("snapshotHandle")
    if given is None:
        return f"{_HANDLE}{content['metadata']['uid']}"
    return given if _is_handle(given) else ""


def taken_for(handle: str) -> str:
    """The uid of the content that a handle was made for."""
    return handle.removeprefix(_HANDLE)


def _is_handle(handle: str) -> bool:
    uid = handle.removeprefix(_HANDLE)
    return uid != handle and bool(uid) and all(one.isalnum() or one == "-" for one in uid)
