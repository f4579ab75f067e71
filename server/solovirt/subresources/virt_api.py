"""What virt-api does to machines and instances: it reads them, and writes them under its own name (reference kubevirt-subresources.md 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from solovirt.kinds.kubevirt import configuration, names
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.machinery.errors import Conflict, InternalError, NotFound, StatusError
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Record, Store, parse
from solovirt.machinery.verbs.protocol import Api, Caller, SubresourceRequest, Target
from solovirt.subresources.instances import INSTANCE, MACHINE
from solovirt.subresources.virtual_machine_lifecycle import VIRT_API


class VirtApi:
    """Reads objects as they are stored now, and edits them."""

    def __init__(self, registry: Registry, api: Api, store: Store) -> None:
        self._registry = registry
        self._api = api
        self._store = store

    def cluster(self) -> Cluster:
        """The configuration in force."""
        return configuration.in_force(self)

    def records(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Record]:
        return iter(self._store.now.list(resource, namespace))

    def find(self, resource: GroupResource, key: ObjectKey) -> Document | None:
        record, declared = self._store.now.get(resource, key), self._registry.get(resource)
        if record is None or declared is None:
            return None
        return parse(record, declared.api_version(declared.storage_version.name), declared.kind)

    def machine(self, key: ObjectKey) -> Document:
        """Raises NotFound."""
        found = self.find(names.VIRTUAL_MACHINES, key)
        if found is None:
            raise NotFound.of(MACHINE, key.name)
        return found

    def instance(self, key: ObjectKey) -> Document:
        """Raises NotFound."""
        found = self.find(names.VIRTUAL_MACHINE_INSTANCES, key)
        if found is None:
            raise NotFound.of(INSTANCE, key.name)
        return found

    def caller(self, request: SubresourceRequest, *, dry_run: bool = False) -> Caller:
        """virt-api itself, acting for whoever asked."""
        caller = request.caller
        return Caller(
            user=VIRT_API,
            field_manager="virt-api",
            dry_run=dry_run,
            field_validation=caller.field_validation,
            request_id=caller.request_id,
        )

    async def edit(
        self,
        resource: GroupResource,
        document: Document,
        edit: Callable[[Document], None],
        caller: Caller,
        *,
        failing: str,
        status: bool = False,
    ) -> None:
        """
        Change the newest version of *document*.

        What *edit* raises, and a refusal as Invalid, is passed on; any other is an InternalError that begins with *failing*.
        """
        declared = self._registry.get(resource)
        if declared is None:
            raise NotFound.path()
        metadata = document["metadata"]
        target = Target(
            declared,
            declared.storage_version.name,
            metadata["namespace"],
            metadata["name"],
            "status" if status else "",
        )
        try:
            await self._api.edit(target, edit, caller)
        except Conflict:
            raise
        except StatusError as error:
            if error.reason == "Invalid":
                raise
            raise InternalError.of(f"{failing}: {error.message}") from error
