"""POST: a new object (reference kubernetes-api.md 2.1, 3.1, 3.2)."""

from __future__ import annotations

import copy

from solovirt.machinery import metadata
from solovirt.machinery.admission import Operation
from solovirt.machinery.errors import AlreadyExists, BadRequest, Invalid, NotFound, required
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.machinery.store.protocol import Outcome, Put, Record, Store, View
from solovirt.machinery.verbs import decoding
from solovirt.machinery.verbs.pipeline import Pipeline
from solovirt.machinery.verbs.protocol import Caller, Stored, Target
from solovirt.machinery.verbs.waiting import patiently
from solovirt.machinery.verbs.writing import write

_ATTEMPTS = 8


async def create(pipeline: Pipeline, store: Store, target: Target, document: Document, caller: Caller) -> Stored:
    """Create *document*, which is changed in place."""
    schema = pipeline.schema(target)
    decoding.check_type(document, target)
    accepted = decoding.check_shape(document, target, schema)
    decoding.check_place(document, target)
    complaints = decoding.unknown_fields(document, schema, caller, accepted=accepted)
    decoding.refuse_unknown(complaints, target, caller)
    meta = document["metadata"]
    if meta.get("name"):
        return await _create_named(pipeline, store, target, document, caller, accepted=accepted)
    if not meta.get("generateName"):
        _refuse_nameless(document, target)
    return await _create_generated(pipeline, store, target, document, caller, accepted=accepted)


async def _create_generated(
    pipeline: Pipeline, store: Store, target: Target, document: Document, caller: Caller, *, accepted: bool
) -> Stored:
    for _ in range(_ATTEMPTS):
        attempt = copy.deepcopy(document)
        attempt["metadata"]["name"] = metadata.generate_name(document["metadata"]["generateName"])
        try:
            return await _create_named(pipeline, store, target, attempt, caller, accepted=accepted)
        except AlreadyExists as error:
            taken = error
    raise AlreadyExists(
        f"{taken.message}, the server was not able to generate a unique name for the object",
        details=taken.details,
        retry_after=1,
    )


async def _create_named(
    pipeline: Pipeline, store: Store, target: Target, document: Document, caller: Caller, *, accepted: bool
) -> Stored:
    key = ObjectKey(document["metadata"].get("namespace", ""), document["metadata"]["name"])
    pipeline = pipeline.attending(target, Operation.CREATE)
    if target.resource.behaviour.needs_writer:

        def change(current: Record | None, view: View) -> Outcome:
            check_absent(current, target)
            pipeline.guard_namespace(target, key, view)
            return pipeline.admit_new(copy.deepcopy(document), target, caller, view, accepted=accepted)

    else:
        # The state may have moved on when the object's turn comes; as in Kubernetes, admission does not see that. Whether
        # the object and its namespace exist is settled in its turn.
        if store.now.get(target.resource.group_resource, key) is None:
            try:
                pipeline.guard_namespace(target, key, store.now)
            except NotFound:
                # Perhaps the namespace has just been made through another replica.
                pipeline.guard_namespace(target, key, await store.fresh())
        put: Put
        if pipeline.waits:
            put = await patiently(
                lambda: pipeline.admit_new(copy.deepcopy(document), target, caller, store.now, accepted=accepted)
            )
        else:
            put = pipeline.admit_new(document, target, caller, store.now, accepted=accepted)

        def change(current: Record | None, view: View) -> Outcome:
            check_absent(current, target)
            pipeline.guard_namespace(target, key, view)
            return put

    return await write(store, target, key, change, caller)


def check_absent(current: Record | None, target: Target) -> None:
    """Raise AlreadyExists if there is an object, also one that is on its way out (reference kubernetes-api.md 3.4)."""
    if current is None:
        return
    exists = AlreadyExists.of(target.resource.group_resource, current.key.name)
    if current.index.deleting:
        exists = AlreadyExists(f"object is being deleted: {exists.message}", details=exists.details)
    raise exists


def _refuse_nameless(document: Document, target: Target) -> None:
    resource = target.resource
    if "name" in document["metadata"] and not isinstance(document["metadata"]["name"], str):
        raise BadRequest("metadata.name must be a string")
    raise Invalid.of(resource.group, resource.kind, "", [required("metadata.name", "name or generateName is required")])
