"""
PATCH, and `edit`, its kin for callers inside the process (reference kubernetes-api.md 3.5, 3.6).

The patch is applied inside the writer, to the object as it is when its turn comes: patches of one object never conflict unless they say
themselves, by a resourceVersion, which one they are for.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from solovirt.machinery.admission import Operation
from solovirt.machinery.clock import timestamp
from solovirt.machinery.errors import BadRequest, Conflict, Invalid, NotFound, UnsupportedMediaType
from solovirt.machinery.patch import apply as server_side_apply
from solovirt.machinery.patch import json_patch, merge, strategic
from solovirt.machinery.resource import Document, Flavour
from solovirt.machinery.store.protocol import Outcome, Record, Store, View
from solovirt.machinery.verbs import decoding, patched
from solovirt.machinery.verbs.pipeline import Pipeline
from solovirt.machinery.verbs.protocol import Caller, Edit, FieldValidation, PatchType, Stored, Target
from solovirt.machinery.verbs.writing import write

_CUSTOM_TYPES = (PatchType.JSON, PatchType.MERGE, PatchType.APPLY)

Patcher = Callable[[Document], Any]


async def patch(
    pipeline: Pipeline, store: Store, target: Target, type: PatchType, body: Any, caller: Caller, *, force: bool
) -> Stored:
    """Apply the patch *body* to the object at *target*."""
    if type is PatchType.APPLY:
        return await _apply(pipeline, store, target, body, caller, force=force)
    patcher = _patcher(pipeline, target, type, body, caller)
    schema = pipeline.schema(target)
    pipeline = pipeline.attending(target, Operation.UPDATE)

    def change(current: Record | None, view: View) -> Outcome:
        if current is None:
            raise NotFound.of(target.resource.group_resource, target.name)
        old = pipeline.document(current, target)
        document = patcher(pipeline.document(current, target))

        def refusal(problem: str) -> Invalid:
            return patched.refusal(type, body, document, problem)

        _check_kind(document, target)
        accepted, wrong = decoding.shape(document, target, schema)
        if wrong is not None:
            raise refusal(wrong)
        complaints = decoding.unknown_fields(document, schema, caller, accepted=accepted)
        decoding.refuse_unknown_in_patch(complaints, caller, refusal)
        return pipeline.admit_change(document, old, current, target, caller, view, accepted=accepted)

    return await write(store, target, target.key, change, caller)


async def edit(pipeline: Pipeline, store: Store, target: Target, edit: Edit, caller: Caller) -> Stored:
    """Read, change by *edit*, and write in one step."""
    pipeline = pipeline.attending(target, Operation.UPDATE)

    def change(current: Record | None, view: View) -> Outcome:
        if current is None:
            raise NotFound.of(target.resource.group_resource, target.name)
        old = pipeline.document(current, target)
        document = pipeline.document(current, target)
        replaced = edit(document)
        return pipeline.admit_change(document if replaced is None else replaced, old, current, target, caller, view)

    return await write(store, target, target.key, change, caller)


def _patcher(pipeline: Pipeline, target: Target, type: PatchType, body: Any, caller: Caller) -> Patcher:
    """What makes the new document out of a copy of the old one, which is its own."""
    resource = target.resource
    match type:
        case PatchType.JSON:
            operations = json_patch.parse(body)
            complaints = (
                json_patch.unknown_fields(operations) if caller.field_validation is not FieldValidation.IGNORE else []
            )
            if complaints and caller.field_validation is FieldValidation.STRICT:
                raise patched.refusal(type, body, body, f"strict decoding error: {', '.join(complaints)}")
            caller.warnings += complaints
            return lambda own: json_patch.apply_to(own, operations)
        case PatchType.MERGE:
            return lambda own: _merge(own, body)
        case PatchType.STRATEGIC if resource.flavour is Flavour.BUILT_IN:
            schema = pipeline.schema(target).structural
            return lambda own: strategic.apply(own, body, schema)
        case _:
            listed = ", ".join(one.value for one in _CUSTOM_TYPES)
            raise UnsupportedMediaType(
                f"the body of the request was in an unknown format - accepted media types include: {listed}"
            )


def _merge(own: Document, body: Any) -> Document:
    merge.apply_to(own, body)
    return own


def _check_kind(document: Any, target: Target) -> None:
    """A patched document must still be an object of its kind."""
    if not isinstance(document, dict):
        raise BadRequest(f"the object provided is unrecognized (must be of type {target.resource.kind})")
    wanted = target.resource.api_version(target.version)
    if document.get("apiVersion") != wanted:
        given = document.get("apiVersion") or ""
        raise BadRequest(f"the API version in the data ({given}) does not match the expected API version ({wanted})")
    decoding.check_type(document, target)


async def _apply(pipeline: Pipeline, store: Store, target: Target, body: Any, caller: Caller, *, force: bool) -> Stored:
    resource = target.resource
    if not isinstance(body, dict):
        raise BadRequest("error decoding YAML: the body is no object")
    given = f"{body.get('apiVersion') or '/'}, Kind={body.get('kind') or ''}"
    if (body.get("apiVersion"), body.get("kind")) != (resource.api_version(target.version), resource.kind):
        raise BadRequest(f"invalid object type: {given}")
    config = copy.deepcopy(body)
    schema = pipeline.schema(target)
    api_version = resource.api_version(target.version)
    # Before the document is decoded, and as it came: what is wrong with it is said of the names that it gives itself.
    server_side_apply.refuse_untyped(config, schema=schema.structural, api_version=api_version, kind=resource.kind)
    decoding.check_shape(config, target, schema)
    decoding.check_place(config, target)
    uid = config["metadata"].get("uid")
    # Only the object's being there or not decides which of them it is.
    pipeline = pipeline.attending(target, Operation.CREATE, Operation.UPDATE)

    def change(current: Record | None, view: View) -> Outcome:
        live = None if current is None else pipeline.document(current, target)
        if current is None and uid:
            raise Conflict.of(
                resource.group_resource,
                target.name,
                f"uid mismatch: the provided object specified uid {uid}, and no existing object was found",
            )
        if current is None and target.subresource:
            raise NotFound.of(resource.group_resource, target.name)
        if current is not None:
            pipeline.check_revision(config, current, target)
        document = server_side_apply.apply(
            live,
            config,
            manager=caller.field_manager,
            force=force,
            api_version=resource.api_version(target.version),
            subresource=target.subresource,
            now=timestamp(pipeline.clock.now()),
            schema=schema.structural,
            kind=resource.kind,
            status_subresource=resource.status_subresource,
            checked=True,
            in_version=None if current is None else pipeline.in_version(target, current.key.name, current.revision),
        )
        if current is None or live is None:
            pipeline.guard_namespace(target, target.key, view)
            return pipeline.admit_new(document, target, caller, view, managed=True)
        return pipeline.admit_change(document, live, current, target, caller, view, managed=True)

    return await write(store, target, target.key, change, caller)
