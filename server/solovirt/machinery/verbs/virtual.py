"""
Objects that are answered but not stored: reviews, requests for tokens.

They are decoded and checked as any other object, and carry the managedFields that a create leaves; what is in them is judged by whoever
answers.
"""

from __future__ import annotations

from solovirt.machinery.clock import Clock, timestamp
from solovirt.machinery.errors import BadRequest
from solovirt.machinery.patch import fields
from solovirt.machinery.resource import Document
from solovirt.machinery.schema.decoding import decode_error
from solovirt.machinery.schema.protocol import Schemas
from solovirt.machinery.verbs import decoding
from solovirt.machinery.verbs.protocol import Caller, Target


def receive(document: Document, target: Target, caller: Caller, *, schemas: Schemas, clock: Clock) -> None:
    """Check *document*, in place. Raises BadRequest or Invalid, and leaves warnings of unknown fields with the caller."""
    version = target.resource.version(target.version) or target.resource.storage_version
    schema = schemas.of(target.resource, version)
    decoding.check_type(document, target)
    accepted = decoding.check_shape(document, target, schema)
    if not accepted and (wrong := decode_error(document, schema.structural, target.resource.kind)) is not None:
        # Whoever answers reads it into a Go type, whichever group it is of.
        raise BadRequest(f"{decoding.cannot_be_handled(target)}: {wrong}")
    decoding.check_place(document, target)
    complaints = decoding.unknown_fields(document, schema, caller, accepted=accepted)
    decoding.refuse_unknown(complaints, target, caller)
    if not accepted:
        schema.prune(document)
    document["metadata"].pop("managedFields", None)
    fields.track_update(
        None,
        document,
        manager=caller.field_manager,
        api_version=document["apiVersion"],
        subresource=target.subresource,
        now=timestamp(clock.now()),
        schema=schema.structural,
    )
