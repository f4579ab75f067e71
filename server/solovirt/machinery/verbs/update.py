"""PUT: the object, or its status, replaced (reference kubernetes-api.md 3.2, 3.3)."""

from __future__ import annotations

from solovirt.machinery import errors
from solovirt.machinery.admission import Operation
from solovirt.machinery.errors import Conflict, Invalid, NotFound
from solovirt.machinery.patch.values import copied
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.machinery.store.protocol import Outcome, Record, Store, View
from solovirt.machinery.verbs import decoding
from solovirt.machinery.verbs.pipeline import Pipeline
from solovirt.machinery.verbs.protocol import Caller, Stored, Target
from solovirt.machinery.verbs.writing import write


async def update(pipeline: Pipeline, store: Store, target: Target, document: Document, caller: Caller) -> Stored:
    """Replace the object at *target* with *document*, which is changed in place."""
    schema = pipeline.schema(target)
    decoding.check_type(document, target)
    accepted = decoding.check_shape(document, target, schema)
    decoding.check_place(document, target)
    complaints = decoding.unknown_fields(document, schema, caller, accepted=accepted)
    decoding.refuse_unknown(complaints, target, caller)
    resource = target.resource
    revision = document["metadata"].get("resourceVersion") or ""
    pipeline = pipeline.attending(target, Operation.UPDATE, Operation.CREATE)
    uid = document["metadata"].get("uid") or ""

    def change(current: Record | None, view: View) -> Outcome:
        # The change may run again if its batch has to; what was submitted stays as it is.
        submitted = copied(document)
        if current is None:
            if not resource.create_on_update or target.subresource or revision:
                raise NotFound.of(resource.group_resource, target.name)
            pipeline.guard_namespace(target, target.key, view)
            return pipeline.admit_new(submitted, target, caller, view, accepted=accepted)
        if uid and uid != current.index.uid:
            raise Conflict.of(
                resource.group_resource,
                target.name,
                f"StorageError: invalid object, Code: 4, Key: {storage_key(target, current.key)}, ResourceVersion: 0, "
                f"AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {current.index.uid}",
            )
        if not revision and not resource.unconditional_update:
            _refuse_unconditional(target)
        return pipeline.admit_change(submitted, pipeline.document(current, target), current, target, caller, view)

    return await write(store, target, target.key, change, caller)


def storage_key(target: Target, key: ObjectKey) -> str:
    """Where etcd would keep the object; precondition failures name it."""
    group = f"{target.resource.group}/" if target.resource.group else ""
    namespace = f"{key.namespace}/" if key.namespace else ""
    return f"/registry/{group}{target.resource.plural}/{namespace}{key.name}"


def _refuse_unconditional(target: Target) -> None:
    resource = target.resource
    error = errors.invalid("metadata.resourceVersion", 0, "must be specified for an update")
    # The one Invalid that names the resource by its plural.
    raise Invalid.of(resource.group, resource.plural, target.name, [error])
