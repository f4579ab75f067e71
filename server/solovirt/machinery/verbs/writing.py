"""Handing a change to the store, or, for a dry run, trying it on the present state and storing nothing."""

from __future__ import annotations

from solovirt.machinery.resource import ObjectKey
from solovirt.machinery.store.protocol import Change, Keep, Put, Record, Remove, Store
from solovirt.machinery.verbs.protocol import Caller, Stored, Target
from solovirt.machinery.verbs.waiting import Awaited


async def write(store: Store, target: Target, key: ObjectKey, change: Change, caller: Caller) -> Stored:
    """Apply *change* to the object at *key*; raises what it raises."""
    while True:
        try:
            return await _write(store, target, key, change, caller)
        except Awaited as waiting:
            # Fetched outside the writer; then the change is tried again, on whatever is there then.
            missing = waiting
        await missing.settle()


async def _write(store: Store, target: Target, key: ObjectKey, change: Change, caller: Caller) -> Stored:
    resource = target.resource.group_resource
    if caller.dry_run:
        return _try(store, target, key, change)
    written = await store.write(resource, key, change, epoch=caller.epoch)
    if written.removed is not None:
        return Stored(written.removed, gone=True)
    if written.after is None:
        raise LookupError(f"the change of {resource} {key} kept an object that is not there")
    return Stored(written.after, created=written.before is None)


def _try(store: Store, target: Target, key: ObjectKey, change: Change) -> Stored:
    resource = target.resource.group_resource
    current = store.now.get(resource, key)
    outcome = change(current, store.now)
    match outcome:
        case Keep():
            if current is None:
                raise LookupError(f"the change of {resource} {key} kept an object that is not there")
            return Stored(current)
        case Put() | Remove():
            # What is not stored gets no version: a changed object shows the one it would have replaced, a new one shows none.
            encoded = outcome.encoded
            body = encoded.unversioned() if current is None else encoded.body(current.revision)
            revision = 0 if current is None else current.revision
            record = Record(resource, key, revision, body, outcome.index)
            return Stored(record, created=current is None, gone=isinstance(outcome, Remove))
