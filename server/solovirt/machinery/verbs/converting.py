"""
Records in the version that is asked for, and as its schema has them, where that is not simply what is stored (`Resource.conversion`, `Resource.forms`).

A stored body of a kind with a conversion says at its end which version it is in. What is shown never does: a record that leaves here is in the version asked
for, with the index of what it contains there. Objects that were stored under an earlier schema are pruned and get their defaults by the present one, of the
version that they are stored in, and are then pruned for the version that is shown (k8s.io/apiextensions-apiserver, pkg/apiserver/customresource_handler.go).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

from solovirt.machinery.conversion import Forms
from solovirt.machinery.resource import Document, Resource, Version
from solovirt.machinery.schema.protocol import ObjectSchema
from solovirt.machinery.store import encoding
from solovirt.machinery.store.index import index_of
from solovirt.machinery.store.protocol import Record

SchemaOf = Callable[[Version], ObjectSchema]
_BETWEEN_TURNS = 250
"""How many records are looked at before others have their turn: a few milliseconds' worth of those that have to be parsed."""


def _key(record: Record, api_version: str, forms: Forms | None) -> Hashable:
    # The whole body: what a dry run shows has the revision of what is stored. And what schemas made of it.
    return record.body, api_version, forms


def _declared(resource: Resource, api_version: str) -> Version | None:
    return next((one for one in resource.versions if resource.api_version(one.name) == api_version), None)


def _stored(record: Record, resource: Resource, schema_of: SchemaOf) -> tuple[str, Record]:
    """*record*, without the mark, as the schema of the version has it in which it is stored; and that apiVersion."""
    conversion, version = resource.conversion, resource.storage_version
    api_version = resource.api_version(version.name)
    if conversion is not None:
        marked, body = encoding.version_of(record.body)
        api_version = marked or conversion.unmarked
        if marked:
            record = replace(record, body=body)
        # A version that is declared no more has no schema.
        found = _declared(resource, api_version)
        if found is None:
            return api_version, record
        version = found
    return api_version, _by_schema(record, resource, version, schema_of, defaults=True)


def _by_schema(record: Record, resource: Resource, version: Version, schema_of: SchemaOf, *, defaults: bool) -> Record:
    """*record*, which is in *version*, as its schema has it: pruned, and with *defaults* where they lack."""
    forms = resource.forms
    if forms is None:
        return record
    # Bytes remember their hash: the body is read once.
    key, state = (record.key, version.name, defaults), (record.revision, hash(record.body))
    known: Record | bool | None = forms.known(key, state)
    if known is not None:
        return record if isinstance(known, bool) else known
    schema = schema_of(version)
    document = record.document(resource.api_version(version.name), resource.kind)
    shown = record
    if not schema.accepts(document):
        schema.prune(document)
        if defaults:
            schema.default(document)
        made = _record(document, record, resource)
        shown = record if made.body == record.body else made
    forms.keep(key, state, True if shown is record else shown)
    return shown


def _record(document: Document, of: Record, resource: Resource) -> Record:
    """*document* as another form of the record *of*."""
    body = encoding.encode(document).body(of.revision)
    return replace(of, body=body, index=index_of(document, tuple(resource.selectable_fields.values())))


def is_current(record: Record, resource: Resource, schema_of: SchemaOf) -> bool:
    """Whether the object would be stored again as it is: in the storage version, and as its schema has it."""
    if resource.as_stored:
        return True
    api_version, own = _stored(record, resource, schema_of)
    plain = record.body if resource.conversion is None else encoding.version_of(record.body)[1]
    return own.body == plain and api_version == resource.api_version(resource.storage_version.name)


def at_hand(record: Record, resource: Resource, version: str, schema_of: SchemaOf) -> Record | None:
    """*record* in *version*; None if it has to be converted first."""
    wanted = resource.api_version(version)
    stored, own = _stored(record, resource, schema_of)
    if stored == wanted:
        return own
    if resource.conversion is None:
        declared = _declared(resource, wanted)
        assert declared is not None, "what is not declared is not asked for"
        return _by_schema(own, resource, declared, schema_of, defaults=False)
    known: Record | None = resource.conversion.known(_key(record, wanted, resource.forms))
    return known


async def convert(records: Sequence[Record], resource: Resource, version: str, schema_of: SchemaOf) -> list[Record]:
    """*records* in *version*. All that have to be converted are, in one go. Raises StatusError."""
    shown: list[Record | None] = []
    for number, record in enumerate(records):
        if number and not number % _BETWEEN_TURNS:
            await asyncio.sleep(0)
        shown.append(at_hand(record, resource, version, schema_of))
    missing = [index for index, one in enumerate(shown) if one is None]
    if missing:
        conversion = resource.conversion
        assert conversion is not None, "the forms of one version are at hand"
        wanted = resource.api_version(version)
        declared = _declared(resource, wanted)
        assert declared is not None, "what is not declared is not asked for"
        schema = schema_of(declared)
        sent = []
        for index in missing:
            stored, own = _stored(records[index], resource, schema_of)
            sent.append(own.document(stored, resource.kind))
        for index, document in zip(missing, await conversion.convert(sent, wanted), strict=True):
            record = records[index]
            settle(document, schema)
            made = _record(document, record, resource)
            conversion.keep(_key(record, wanted, resource.forms), made)
            shown[index] = made
    return [one for one in shown if one is not None]


def settle(document: Document, schema: ObjectSchema) -> None:
    """What a webhook made is pruned and gets the defaults of its version, in place."""
    if not schema.accepts(document):
        schema.prune(document)
        schema.default(document)
