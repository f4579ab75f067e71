"""ControllerRevisions that keep instance types and preferences as a VirtualMachine first met them (reference kubevirt-flavor.md 6.4)."""

from __future__ import annotations

import copy

from solovirt.kinds.instancetype import names
from solovirt.machinery.resource import Document

_DROPPED = ("labels", "annotations", "finalizers", "ownerReferences", "managedFields")


def revision_of(found: Document, vm: Document, owner: Document) -> Document:
    """The revision that keeps the object *found* for *vm*; *owner* is the reference by which the VM owns it."""
    kept = copy.deepcopy(found)
    metadata = kept["metadata"]
    for field in _DROPPED:
        metadata.pop(field, None)
    version = str(kept["apiVersion"]).rpartition("/")[2]
    generation = str(metadata.get("generation", 0))
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"{vm['metadata']['name']}-{metadata['name']}-{version}-{metadata['uid']}-{generation}",
            "namespace": vm["metadata"]["namespace"],
            "ownerReferences": [owner],
            "labels": {
                names.OBJECT_GENERATION_LABEL: generation,
                names.OBJECT_KIND_LABEL: kept["kind"],
                names.OBJECT_NAME_LABEL: metadata["name"],
                names.OBJECT_UID_LABEL: metadata["uid"],
                names.OBJECT_VERSION_LABEL: version,
            },
        },
        "data": kept,
        "revision": 0,
    }


def keep_the_same(one: Document, other: Document) -> bool:
    """Whether two revisions keep the same spec."""
    return bool((one.get("data") or {}).get("spec") == (other.get("data") or {}).get("spec"))
