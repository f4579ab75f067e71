"""The objects that metrics are about, as they were when somebody asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from solovirt.kinds.core import names as core
from solovirt.kinds.instancetype import names as instancetype
from solovirt.kinds.kubevirt import names
from solovirt.machinery.resource import Document, GroupResource, ObjectKey

if TYPE_CHECKING:
    from solovirt.machinery.registry import Registry
    from solovirt.machinery.store.protocol import Record, Store

_NEEDED = (
    names.VIRTUAL_MACHINES,
    names.VIRTUAL_MACHINE_INSTANCES,
    names.VIRTUAL_MACHINE_INSTANCE_MIGRATIONS,
    core.PERSISTENT_VOLUME_CLAIMS,
    names.CONTROLLER_REVISIONS,
)
_LOOKED_UP = (
    instancetype.INSTANCETYPES,
    instancetype.CLUSTER_INSTANCETYPES,
    instancetype.PREFERENCES,
    instancetype.CLUSTER_PREFERENCES,
)
_VENDOR = "instancetype.kubevirt.io/vendor"
_KNOWN_VENDORS = ("kubevirt.io", "redhat.com")
OTHER = "<other>"
"""What KubeVirt says of instance types and preferences that are not its own vendors': their names would be too many time series."""


class Snapshot:
    """Records of what is needed. They never change, so that another thread may read them."""

    def __init__(self, registry: Registry, store: Store) -> None:
        served = [resource for resource in (*_NEEDED, *_LOOKED_UP) if registry.get(resource) is not None]
        self._declared = {resource: registry.get(resource) for resource in served}
        self._records: dict[GroupResource, dict[ObjectKey, Record]] = {
            resource: {record.key: record for record in store.now.list(resource)} for resource in served
        }

    def documents(self, resource: GroupResource) -> Iterator[Document]:
        """All objects, each parsed when its turn comes."""
        for record in self._records.get(resource, {}).values():
            yield self._parse(record)

    def get(self, resource: GroupResource, key: ObjectKey) -> Document | None:
        record = self._records.get(resource, {}).get(key)
        return None if record is None else self._parse(record)

    def vendored(self, resource: GroupResource, key: ObjectKey) -> str:
        """The name of an instance type or preference if it is one of the known vendors', else `OTHER`."""
        record = self._records.get(resource, {}).get(key)
        return key.name if record is not None and record.index.labels.get(_VENDOR) in _KNOWN_VENDORS else OTHER

    def _parse(self, record: Record) -> Document:
        declared = self._declared[record.resource]
        assert declared is not None, "only what is served was taken"
        return record.document(declared.api_version(declared.storage_version.name), declared.kind)
