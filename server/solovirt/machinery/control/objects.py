"""
Objects as controllers see them.

Reads come from the store's memory, which holds bytes and indexed fields; a document is parsed when it is asked for and belongs to whoever
asked. Writes go through the same verbs as every client's, under the controller's own identity and field manager. `edit` runs inside
the writer, on the newest version, so a controller never meets a conflict with itself or with a client.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from solovirt.machinery.auth.identity import User
from solovirt.machinery.errors import Conflict, NotFound
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey, Resource
from solovirt.machinery.store.protocol import Record, Store
from solovirt.machinery.verbs.protocol import (
    Api,
    Caller,
    DeleteOptions,
    Edit,
    FieldValidation,
    Preconditions,
    Target,
)


class NotServed(LookupError):
    """A controller named a resource that the registry does not serve."""


class ApiObjects:
    """`Objects` over the store and the verbs, on behalf of one controller."""

    def __init__(
        self, *, registry: Registry, store: Store, api: Api, user: User, field_manager: str, epoch: int | None = None
    ) -> None:
        self._registry = registry
        self._store = store
        self._api = api
        self._user = user
        self._field_manager = field_manager
        self._epoch = epoch

    def get(self, resource: GroupResource, key: ObjectKey) -> Document | None:
        """The object's storage version from memory, None if it is not there. Raises NotServed."""
        declared = self._declared(resource)
        record = self._store.now.get(resource, key)
        return None if record is None else _document(declared, record)

    def list(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Document]:
        """All objects in key order, each parsed when its turn comes. Raises NotServed."""
        declared = self._declared(resource)
        # The view is live: the records are picked before the first is handed out, as the caller may await between two.
        records = list(self._store.now.list(resource, namespace))
        return (_document(declared, record) for record in records)

    def records(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Record]:
        """All objects in key order, unparsed; to be used up before the next await."""
        return self._store.now.list(resource, namespace)

    def owned_by(self, uid: str, resource: GroupResource | None = None) -> Sequence[Document]:
        """The objects (of *resource*, if given) with an owner reference to *uid*."""
        return [
            _document(declared, record)
            for record in self._store.now.owned_by(uid)
            if (resource is None or record.resource == resource)
            and (declared := self._registry.get(record.resource)) is not None
        ]

    def newest(self, resource: GroupResource, document: Document) -> Document | None:
        """*document* as it is stored now: itself as long as nobody has written it since, None if nothing is there. Raises NotServed."""
        declared = self._declared(resource)
        metadata = document["metadata"]
        record = self._store.now.get(resource, ObjectKey(metadata.get("namespace", ""), metadata["name"]))
        if record is None:
            return None
        return document if metadata["resourceVersion"] == str(record.revision) else _document(declared, record)

    async def create(self, resource: GroupResource, document: Document, *, with_status: bool = False) -> Document:
        """
        Create; apiVersion and kind are filled in if the document has none. Raises every refusal as StatusError.

        *with_status*: the document's status counts, also where it is a subresource.
        """
        return _document(self._declared(resource), await self._create(resource, document, with_status=with_status))

    async def add(self, resource: GroupResource, document: Document) -> None:
        """As `create`, for those who do not look at what was made of it."""
        await self._create(resource, document, with_status=False)

    async def _create(self, resource: GroupResource, document: Document, *, with_status: bool) -> Record:
        declared = self._declared(resource)
        version = declared.storage_version.name
        document = {"apiVersion": declared.api_version(version), "kind": declared.kind, **document}
        namespace = document.get("metadata", {}).get("namespace", "") if declared.namespaced else ""
        caller = self._caller()
        caller.writes_status = with_status
        return (await self._api.create(Target(declared, version, namespace), document, caller)).record

    async def edit(
        self,
        resource: GroupResource,
        key: ObjectKey,
        edit: Edit,
        *,
        status: bool = False,
        subresource: str = "",
        with_status: bool = False,
    ) -> Document | None:
        """
        Change the newest version in one step; None if the object is gone. Raises every other refusal.

        *with_status*: the object and its status both, also where that is a subresource.
        """
        edited = await self._edit(resource, key, edit, subresource=subresource, status=status, with_status=with_status)
        return None if edited is None else _document(self._declared(resource), edited)

    async def change(
        self, resource: GroupResource, key: ObjectKey, edit: Edit, *, status: bool = False, with_status: bool = False
    ) -> bool:
        """As `edit`, for those who only ask whether the object was there."""
        return await self._edit(resource, key, edit, status=status, with_status=with_status) is not None

    async def _edit(
        self,
        resource: GroupResource,
        key: ObjectKey,
        edit: Edit,
        *,
        subresource: str = "",
        status: bool,
        with_status: bool,
    ) -> Record | None:
        declared = self._declared(resource)
        if status and declared.status_subresource:
            subresource = "status"
        target = self._target(declared, key, subresource)
        caller = self._caller()
        caller.writes_status = with_status
        try:
            return (await self._api.edit(target, edit, caller)).record
        except NotFound:
            return None

    async def delete(
        self,
        resource: GroupResource,
        key: ObjectKey,
        *,
        uid: str | None = None,
        propagation: str | None = None,
        grace_seconds: int | None = None,
        revision: int | None = None,
    ) -> bool:
        """Delete; False if it, or the one with that *uid*, is gone already. Raises Conflict if it is not at *revision*."""
        declared = self._declared(resource)
        options = DeleteOptions(
            propagation=propagation,
            grace_seconds=grace_seconds,
            preconditions=Preconditions(uid=uid, resource_version=None if revision is None else str(revision)),
        )
        try:
            await self._api.delete(self._target(declared, key), options, self._caller())
        except NotFound:
            return False
        except Conflict:
            now = self._store.now.get(resource, key)
            if now is None or (uid is not None and now.index.uid != uid):
                return False
            raise
        return True

    def _declared(self, resource: GroupResource) -> Resource:
        declared = self._registry.get(resource)
        if declared is None:
            raise NotServed(f"{resource} is not served")
        return declared

    def _target(self, declared: Resource, key: ObjectKey, subresource: str = "") -> Target:
        return Target(declared, declared.storage_version.name, key.namespace, key.name, subresource)

    def _caller(self) -> Caller:
        # A fresh one for each request: verbs write warnings into it.
        return Caller(
            self._user,
            field_manager=self._field_manager,
            field_validation=FieldValidation.IGNORE,
            epoch=self._epoch,
        )


def _document(declared: Resource, record: Record) -> Document:
    return record.document(declared.api_version(declared.storage_version.name), declared.kind)
