"""
Records in the version that is asked for, where versions are not alike (`Resource.conversion`).

A stored body says at its end which version it is in. What is shown never does: a record that leaves here is in the version asked for, with the index of
what it contains there.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from solovirt.machinery.conversion import Conversion
from solovirt.machinery.resource import Document, Resource
from solovirt.machinery.schema.protocol import ObjectSchema
from solovirt.machinery.store import encoding
from solovirt.machinery.store.index import index_of
from solovirt.machinery.store.protocol import Record


def _key(record: Record, api_version: str) -> Hashable:
    # The whole body: what a dry run shows has the revision of what is stored.
    return record.body, api_version


def at_hand(record: Record, resource: Resource, conversion: Conversion, version: str) -> Record | None:
    """*record* in *version*; None if it has to be converted first."""
    wanted = resource.api_version(version)
    marked, body = encoding.version_of(record.body)
    if (marked or conversion.unmarked) == wanted:
        return replace(record, body=body) if marked else record
    known: Record | None = conversion.known(_key(record, wanted))
    return known


async def convert(
    records: Sequence[Record], resource: Resource, conversion: Conversion, version: str, schema: ObjectSchema
) -> list[Record]:
    """*records* in *version*, whose schema is *schema*. All that have to be converted are, in one go. Raises StatusError."""
    shown = [at_hand(record, resource, conversion, version) for record in records]
    missing = [index for index, one in enumerate(shown) if one is None]
    if missing:
        wanted = resource.api_version(version)
        sent = [records[index].document(conversion.unmarked, resource.kind) for index in missing]
        for index, document in zip(missing, await conversion.convert(sent, wanted), strict=True):
            record = records[index]
            settle(document, schema)
            made = replace(
                record,
                body=encoding.encode(document).body(record.revision),
                index=index_of(document, tuple(resource.selectable_fields.values())),
            )
            conversion.keep(_key(record, wanted), made)
            shown[index] = made
    return [one for one in shown if one is not None]


def settle(document: Document, schema: ObjectSchema) -> None:
    """What a webhook made is pruned and gets the defaults of its version, in place."""
    if not schema.accepts(document):
        schema.prune(document)
        schema.default(document)
