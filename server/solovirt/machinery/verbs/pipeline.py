"""
The way of every write: prune, default, admit, validate, stamp, encode.

One `Pipeline` is shared by the verbs. Its two entries, `admit_new` and `admit_change`, take a document that is already known to be about
the right object and turn it into what is stored, or raise. They look at memory only and have no effects, so they can run again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from solovirt.machinery import errors, metadata, revisions
from solovirt.machinery.admission import Admission, Operation, Reviewer
from solovirt.machinery.clock import Clock
from solovirt.machinery.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, PlainError
from solovirt.machinery.patch import fields
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, Flavour, GroupResource, ObjectKey
from solovirt.machinery.schema.protocol import ObjectSchema, Schemas
from solovirt.machinery.store import encoding
from solovirt.machinery.store.index import index_of
from solovirt.machinery.store.protocol import Keep, Outcome, Put, Record, Remove, View, parse
from solovirt.machinery.verbs import converting, tracking
from solovirt.machinery.verbs.protocol import Caller, Target
from solovirt.machinery.verbs.reviewing import Reviewing
from solovirt.machinery.verbs.waiting import Answers

NAMESPACES = GroupResource("", "namespaces")


MOST_BYTES = 1_572_864
"""What one object may take where it is stored (reference kubernetes-api.md 9)."""


class ViewLookUp:
    """Other objects, as a behaviour sees them: parsed, in their storage version."""

    def __init__(self, view: View, registry: Registry) -> None:
        self._view = view
        self._registry = registry

    def get(self, resource: GroupResource, key: ObjectKey) -> Document | None:
        record = self._view.get(resource, key)
        return None if record is None else self._parse(record)

    def list(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Document]:
        for record in self._view.list(resource, namespace):
            if (document := self._parse(record)) is not None:
                yield document

    def records(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Record]:
        return self._view.list(resource, namespace)

    def _parse(self, record: Record) -> Document | None:
        declared = self._registry.get(record.resource)
        if declared is None:
            return None
        return parse(record, declared.api_version(declared.storage_version.name), declared.kind)


class Pipeline:
    """
    What turns documents into outcomes.

    *reviewer* is who else admits writes. The pipeline for one write is the one that `attending` gives: itself, if nobody need be waited for.
    """

    def __init__(self, registry: Registry, schemas: Schemas, clock: Clock, reviewer: Reviewer | None = None) -> None:
        self._registry = registry
        self._schemas = schemas
        self.clock = clock
        self.reviewer = reviewer
        self._answers: Answers | None = None
        self._reviewing: Reviewing | None = None

    def attending(self, target: Target, *operations: Operation) -> Pipeline:
        """The pipeline for one write that is one of *operations*: another one if it may have to wait for a webhook."""
        reviewer = self.reviewer
        if reviewer is not None and not any(
            reviewer.concerns(target.resource, operation, target.subresource) for operation in operations
        ):
            reviewer = None
        if reviewer is None and target.resource.conversion is None:
            return self
        out = Pipeline(self._registry, self._schemas, self.clock)
        out._answers = Answers()
        if reviewer is not None:
            out._reviewing = Reviewing(reviewer, out._answers)
        return out

    @property
    def waits(self) -> bool:
        """Whether a write may have to be tried several times."""
        return self._answers is not None

    def schema(self, target: Target) -> ObjectSchema:
        """The schema of the target's version. Raises NotFound if it is served no more."""
        # Not only what is served: the server itself writes by the storage version, which need not be.
        version = next((one for one in target.resource.versions if one.name == target.version), None)
        if version is None:
            raise NotFound.path()
        return self._schemas.of(target.resource, version)

    def document(self, record: Record, target: Target) -> Document:
        """Parse *record* in the version that the request is for."""
        resource = target.resource
        if not resource.as_stored:
            record = self._at_hand(record, target)
        return parse(record, resource.api_version(target.version), resource.kind)

    def _at_hand(self, record: Record, target: Target) -> Record:
        schema_of = self._schema_of(target)
        shown = converting.at_hand(record, target.resource, target.version, schema_of)
        if shown is not None:
            return shown
        assert self._answers is not None, "a resource with a conversion is attended to"
        (made,) = self._answers.of(
            ("shown", record.key, record.revision),
            lambda: converting.convert([record], target.resource, target.version, schema_of),
        )
        return made

    def _schema_of(self, target: Target) -> converting.SchemaOf:
        return partial(self._schemas.of, target.resource)

    def admission(self, operation: Operation, target: Target, key: ObjectKey, caller: Caller, view: View) -> Admission:
        return Admission(
            operation=operation,
            resource=target.resource,
            version=target.version,
            key=key,
            user=caller.user,
            lookup=ViewLookUp(view, self._registry),
            now=self.clock.now(),
            subresource=target.subresource,
            dry_run=caller.dry_run,
            warnings=caller.warnings,
        )

    # --- new objects

    def admit_new(
        self,
        document: Document,
        target: Target,
        caller: Caller,
        view: View,
        *,
        managed: bool = False,
        accepted: bool = False,
    ) -> Put:
        """
        Make *document*, changed in place, into a new object.

        Its kind, shape and place have been checked. *managed* says that managedFields are set already, *accepted* that the schema takes
        the document as it stands. Raises Invalid and whatever the kind's behaviour raises.
        """
        resource, schema = target.resource, self.schema(target)
        meta = document["metadata"]
        if meta.get("resourceVersion"):
            raise PlainError("resourceVersion should not be set on objects to be created")
        managed_fields = meta.get("managedFields") if managed else None
        metadata.clean(meta)
        caller.warnings += metadata.drop_duplicate_owners(meta)
        admission = self.admission(
            Operation.CREATE, target, ObjectKey(meta.get("namespace", ""), meta["name"]), caller, view
        )
        metadata.stamp_new(meta, now=admission.now, has_generation=resource.has_generation)
        if resource.status_subresource and not caller.writes_status:
            document.pop("status", None)
        if not accepted:
            schema.prune(document)
            schema.default(document)
        schema.normalise(document)
        resource.behaviour.mutate(document, None, admission)
        if (reviewing := self._reviewing) is not None:
            if managed:
                meta["managedFields"] = managed_fields
            else:
                tracking.track(None, document, target, caller, admission, schema)
            document = reviewing.mutated(document, None, 0, admission, caller.field_manager, schema)
            meta = document["metadata"]
            managed, managed_fields = True, meta.get("managedFields")
        settled = accepted and reviewing is None and resource.behaviour.keeps_valid
        found = [] if settled else self._conform(document, schema)
        self._refuse_malformed(document, found, admission)
        found = [*metadata.validate(meta, resource), *found, *schema.check_rules(document, None, found)]
        if not found:
            found = list(resource.behaviour.validate_create(document, admission))
        self._refuse(found, target, meta["name"])
        if reviewing is not None:
            reviewing.validated(document, None, 0, admission, caller.field_manager)
        if resource.flavour is Flavour.CUSTOM:
            caller.warnings += metadata.finalizer_warnings(meta, None)
        if managed:
            meta["managedFields"] = managed_fields
        else:
            tracking.track(None, document, target, caller, admission, schema)
        return self.put(document, target)

    def guard_namespace(self, target: Target, key: ObjectKey, view: View) -> None:
        """Raise NotFound or Forbidden unless the namespace exists, is not going, and has room (kubernetes-api.md 7)."""
        if not target.resource.namespaced or self._registry.get(NAMESPACES) is None:
            return
        namespace = view.get(NAMESPACES, ObjectKey("", key.namespace))
        if namespace is None:
            raise NotFound.of(NAMESPACES, key.namespace)
        if namespace.index.deleting:
            raise Forbidden.of(
                target.resource.group_resource,
                key.name,
                f"unable to create new content in namespace {key.namespace} because it is being terminated",
                causes=[
                    errors.Cause(
                        f"namespace {key.namespace} is being terminated", "NamespaceTerminating", "metadata.namespace"
                    )
                ],
            )
        for limit in self._registry.limits:
            limit(target.resource.group_resource, key, view)

    # --- changed objects

    def admit_change(
        self,
        document: Document,
        old: Document,
        record: Record,
        target: Target,
        caller: Caller,
        view: View,
        *,
        managed: bool = False,
        accepted: bool = False,
    ) -> Outcome:
        """
        Make *document*, changed in place, into the next version of *old* (which *record* holds).

        *managed* says that managedFields are set already, *accepted* that the schema takes the document as it stands.
        Raises Conflict if the document insists on another resourceVersion, Invalid for what may not be. Keep if nothing
        changes; Remove if the last thing that held a deleted object is gone.
        """
        resource, schema = target.resource, self.schema(target)
        self.check_revision(document, record, target)
        given, status = document, document.get("status")
        document = self._merge_subresource(document, old, record, target, caller)
        accepted = accepted and document is given and document.get("status") == status
        meta, old_meta = document["metadata"], old["metadata"]
        asked_managed = meta.get("managedFields")
        if "managedFields" not in meta or asked_managed is None:
            meta["managedFields"] = old_meta.get("managedFields", [])
        metadata.clean(meta)
        caller.warnings += metadata.drop_duplicate_owners(meta)
        metadata.restore(meta, old_meta)
        accepted = accepted or schema.accepts(document)
        if not accepted:
            schema.prune(document)
            schema.default(document)
        schema.normalise(document)
        admission = self.admission(Operation.UPDATE, target, record.key, caller, view)
        resource.behaviour.mutate(document, old, admission)
        if (reviewing := self._reviewing) is not None:
            if not managed:
                self._track(old, document, record, target, caller, admission)
                managed = True
            document = reviewing.mutated(document, old, record.revision, admission, caller.field_manager, schema)
            meta = document["metadata"]
        settled = accepted and reviewing is None and resource.behaviour.keeps_valid
        malformed = [] if settled else self._conform(document, schema, old)
        self._refuse_malformed(document, malformed, admission)
        malformed += schema.check_rules(document, old, malformed)
        found = metadata.validate_update(meta, old_meta) + malformed
        found = self._metadata_errors(meta, old_meta, target) + found
        if not found:
            found = list(resource.behaviour.validate_update(document, old, admission))
        self._refuse(found, target, record.key.name)
        if reviewing is not None:
            reviewing.validated(document, old, record.revision, admission, caller.field_manager)
        if resource.flavour is Flavour.CUSTOM and meta.get("finalizers") != old_meta.get("finalizers"):
            caller.warnings += metadata.finalizer_warnings(meta, old_meta)
        if resource.has_generation and self._raises_generation(document, old, target):
            meta["generation"] = old_meta.get("generation", 0) + 1
        if not managed:
            self._track(old, document, record, target, caller, admission)
        if not meta.get("managedFields"):
            meta.pop("managedFields", None)
        meta.pop("resourceVersion", None)
        # Writing an object as it is stores it anew if it is stored otherwise: that is how users migrate what is stored.
        if self._same(document, old) and converting.is_current(record, resource, self._schema_of(target)):
            return Keep()
        return self.settle(document, target, record.revision)

    def settle(self, document: Document, target: Target, base: int) -> Put | Remove:
        """Store *document*, made of revision *base*, or remove it if it is deleted and nothing holds it any more."""
        meta = document["metadata"]
        gone = (
            "deletionTimestamp" in meta
            and not meta.get("finalizers")
            and not meta.get("deletionGracePeriodSeconds")
            and not target.resource.behaviour.is_held(document)
        )
        put = self.put(document, target, base)
        return Remove(put.encoded, put.index) if gone else put

    def put(self, document: Document, target: Target, base: int = 0) -> Put:
        """Encode *document*, made of revision *base*, in the version that is stored."""
        resource = target.resource
        selectable = self._registry.selectable(resource.group_resource)
        if (conversion := resource.conversion) is None:
            return Put(_encoded(document), index_of(document, selectable))
        stored = resource.api_version(resource.storage_version.name)
        if document["apiVersion"] != stored:
            assert self._answers is not None, "a resource with a conversion is attended to"
            given = document
            key = ("stored", document["metadata"]["name"], base)
            (document,) = self._answers.of(key, lambda: conversion.convert([given], stored))
        return Put(_encoded(document, marked=stored), index_of(document, selectable))

    def reviewed_delete(self, old: Document, record: Record, target: Target, caller: Caller, view: View) -> None:
        """Have a delete admitted from outside. Raises StatusError for a refusal."""
        if self._reviewing is not None:
            admission = self.admission(Operation.DELETE, target, record.key, caller, view)
            self._reviewing.deleted(old, record.revision, admission, caller.field_manager)

    def _track(
        self, old: Document, document: Document, record: Record, target: Target, caller: Caller, admission: Admission
    ) -> None:
        names = self.in_version(target, record.key.name, record.revision)
        tracking.track(old, document, target, caller, admission, self.schema(target), in_version=names)

    def in_version(self, target: Target, name: str, base: int) -> fields.InVersion | None:
        """How documents made of revision *base* of the object look in other versions, None if there are none."""
        return tracking.in_version(self._schemas, self._answers, target, name, base)

    async def converted(self, records: Sequence[Record], target: Target) -> Sequence[Record]:
        """*records* of the target's resource in its version. Raises StatusError."""
        if target.resource.as_stored:
            return records
        return await converting.convert(records, target.resource, target.version, self._schema_of(target))

    def check_revision(self, document: Document, record: Record, target: Target) -> None:
        """Hold the document's resourceVersion, if it has one, against the stored one (reference kubernetes-api.md 3.3)."""
        asked = document["metadata"].get("resourceVersion")
        if not asked:
            return
        try:
            wanted = revisions.parse(asked)
        except revisions.NoRevision as error:
            raise PlainError(str(error)) from None
        if wanted not in (0, record.revision):
            raise Conflict.of(target.resource.group_resource, record.key.name)

    def _merge_subresource(
        self, document: Document, old: Document, record: Record, target: Target, caller: Caller
    ) -> Document:
        """What of *document* counts: its status alone through the status subresource, all but its status otherwise."""
        if target.subresource == "status":
            if document.get("status") is None:
                document.pop("status", None)
            if _differ_in_status_alone(document, old):
                return document
            merged = self.document(record, target)
            meta = merged["metadata"]
            # managedFields can be reset through a status request too; everything else of metadata is ignored.
            if document["metadata"].get("managedFields") is not None:
                meta["managedFields"] = document["metadata"]["managedFields"]
            if "status" in document:
                merged["status"] = document["status"]
            else:
                merged.pop("status", None)
            return merged
        if target.resource.status_subresource and target.subresource == "" and not caller.writes_status:
            if "status" in old:
                document["status"] = old["status"]
            else:
                document.pop("status", None)
        return document

    @staticmethod
    def _raises_generation(document: Document, old: Document, target: Target) -> bool:
        """Whether anything changed outside metadata, and outside status where that is a subresource."""
        outside = {"metadata", "apiVersion", "kind"}
        if target.resource.status_subresource:
            outside.add("status")
        names = (document.keys() | old.keys()) - outside
        return any(document.get(name) != old.get(name) for name in names)

    @staticmethod
    def _same(document: Document, old: Document) -> bool:
        """Whether two documents are equal but for resourceVersion; a managedFields time alone is no change."""
        if document.keys() != old.keys():
            return False
        for name, value in document.items():
            if name == "metadata":
                before = {key: item for key, item in old["metadata"].items() if key != "resourceVersion"}
                if value != before:
                    return False
            elif value != old[name]:
                return False
        return True

    def _metadata_errors(self, meta: Document, old_meta: Document, target: Target) -> list[FieldError]:
        """Metadata is validated again only where it changed."""
        watched = ("labels", "annotations", "finalizers", "ownerReferences", "generateName")
        if all(meta.get(name) == old_meta.get(name) for name in watched):
            return []
        return metadata.validate(meta, target.resource)

    @staticmethod
    def _conform(document: Document, schema: ObjectSchema, old: Document | None = None) -> list[FieldError]:
        """Prune and default what admission left, and validate."""
        if schema.accepts(document):
            return []
        schema.prune(document)
        schema.default(document)
        return list(schema.validate(document, old))

    @staticmethod
    def _refuse_malformed(document: Document, found: list[FieldError], admission: Admission) -> None:
        """Let the kind word what is wrong with the document's shape, if it wants to."""
        refusal = admission.resource.behaviour.refuse_malformed(document, found, admission) if found else None
        if refusal is not None:
            raise refusal

    @staticmethod
    def _refuse(found: list[FieldError], target: Target, name: str) -> None:
        if found:
            raise Invalid.of(target.resource.group, target.resource.kind, name, found)


def _differ_in_status_alone(document: Document, old: Document) -> bool:
    """Whether nothing but status changes. To say so is much cheaper than to read the old object once more."""
    return all(
        value == old.get(name, _differ_in_status_alone)  # no JSON value is a function
        for name, value in document.items()
        if name != "status"
    ) and old.keys() - document.keys() <= {"status"}


def _encoded(document: Document, *, marked: str = "") -> encoding.Encoded:
    """Raises PlainError for what etcd takes for too large."""
    out = encoding.encode(document, marked=marked)
    if len(out.head) + len(out.tail) > MOST_BYTES:
        raise PlainError("etcdserver: request is too large")
    return out
