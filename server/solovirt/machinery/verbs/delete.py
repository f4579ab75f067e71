"""
DELETE, of one object and of a selection (reference kubernetes-api.md 3.3, 3.4).

What holds an object (finalizers, a grace period, a behaviour) turns the removal into a mark: the object gets a deletionTimestamp and
goes when the last of it is gone. Dependents are the garbage collector's business; it is told what to do by two finalizers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from solovirt.machinery import errors
from solovirt.machinery.admission import Operation
from solovirt.machinery.clock import parse_timestamp, timestamp
from solovirt.machinery.errors import Conflict, NotFound
from solovirt.machinery.resource import ObjectKey
from solovirt.machinery.store.protocol import Keep, Outcome, Record, Remove, Store, View
from solovirt.machinery.verbs.pipeline import Pipeline
from solovirt.machinery.verbs.protocol import Caller, DeleteOptions, Stored, Target
from solovirt.machinery.verbs.writing import write

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


async def delete(pipeline: Pipeline, store: Store, target: Target, options: DeleteOptions, caller: Caller) -> Stored:
    """Delete the object at *target*, or mark it as being deleted."""
    pipeline = pipeline.attending(target, Operation.DELETE)

    def change(current: Record | None, view: View) -> Outcome:
        if current is None:
            raise NotFound.of(target.resource.group_resource, target.name)
        _check_preconditions(current, target, options)
        return _delete(pipeline, target, options, caller, current, view)

    return await write(store, target, target.key, change, caller)


async def delete_all(
    pipeline: Pipeline,
    store: Store,
    target: Target,
    selected: Sequence[Record],
    options: DeleteOptions,
    caller: Caller,
) -> list[Stored]:
    """Delete each of *selected*; those that go away meanwhile are passed over."""

    async def one(key: ObjectKey) -> Stored | None:
        try:
            return await delete(
                pipeline, store, Target(target.resource, target.version, key.namespace, key.name), options, caller
            )
        except NotFound:
            return None

    outcomes = await asyncio.gather(*(one(record.key) for record in selected))
    return [stored for stored in outcomes if stored is not None]


def _check_preconditions(current: Record, target: Target, options: DeleteOptions) -> None:
    wanted = options.preconditions
    kind, name = target.resource.kind, current.key.name
    why = ""
    if wanted.uid is not None and wanted.uid != current.index.uid:
        why = (
            f"the UID in the precondition ({wanted.uid}) does not match the UID in record ({current.index.uid}). "
            "The object might have been deleted and then recreated"
        )
    elif wanted.resource_version is not None and wanted.resource_version != str(current.revision):
        why = (
            f"the ResourceVersion in the precondition ({wanted.resource_version}) does not match the ResourceVersion in record "
            f"({current.revision}). The object might have been modified"
        )
    if why:
        details = Conflict.of(target.resource.group_resource, name).details
        raise Conflict(f"Operation cannot be fulfilled on {kind} {errors.go_value(name)}: {why}", details=details)


def _delete(
    pipeline: Pipeline, target: Target, options: DeleteOptions, caller: Caller, current: Record, view: View
) -> Outcome:
    document = pipeline.document(current, target)
    pipeline.reviewed_delete(document, current, target, caller, view)
    meta = document["metadata"]
    meta.pop("resourceVersion", None)
    behaviour = target.resource.behaviour
    admission = pipeline.admission(Operation.DELETE, target, current.key, caller, view)
    behaviour.validate_delete(document, admission)
    finalizers = _finalizers(meta.get("finalizers") or [], options)
    grace = behaviour.grace_seconds(document, options.grace_seconds) or 0
    changed = finalizers != (meta.get("finalizers") or [])
    if changed:
        meta["finalizers"] = finalizers
        if not finalizers:
            del meta["finalizers"]
    if not finalizers and grace <= 0 and not behaviour.is_held(document):
        put = pipeline.put(document, target, current.revision)
        return Remove(put.encoded, put.index)
    if "deletionTimestamp" in meta:
        before = meta.get("deletionGracePeriodSeconds") or 0
        if not changed and grace >= before:
            return Keep()
        if grace < before:
            # A later DELETE can only bring the end nearer.
            started = parse_timestamp(meta["deletionTimestamp"]) - timedelta(seconds=before)
            meta["deletionTimestamp"] = timestamp(started + timedelta(seconds=grace))
            meta["deletionGracePeriodSeconds"] = grace
        return pipeline.settle(document, target, current.revision)
    meta["deletionTimestamp"] = timestamp(admission.now + timedelta(seconds=grace))
    meta["deletionGracePeriodSeconds"] = grace
    if meta.get("generation"):
        meta["generation"] += 1
    behaviour.begin_delete(document, admission)
    return pipeline.settle(document, target, current.revision)


def _finalizers(present: list[str], options: DeleteOptions) -> list[str]:
    """The object's finalizers with those that tell the garbage collector what to do with dependents."""
    policy = options.propagation
    if policy is None and options.orphan_dependents is not None:
        policy = "Orphan" if options.orphan_dependents else "Background"
    if policy is None:
        return present
    wanted = {"Foreground": FOREGROUND, "Orphan": ORPHAN}.get(policy)
    kept = [one for one in present if one not in (FOREGROUND, ORPHAN) or one == wanted]
    if wanted is not None and wanted not in kept:
        kept.append(wanted)
    return kept
