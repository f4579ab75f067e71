"""Who owns which fields, written down with each write; fields are named as in the version that they were written in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from solovirt.machinery.admission import Admission
from solovirt.machinery.clock import timestamp
from solovirt.machinery.patch import fields
from solovirt.machinery.patch.fields import InVersion
from solovirt.machinery.resource import Document, Flavour
from solovirt.machinery.schema.protocol import ObjectSchema, Schemas
from solovirt.machinery.verbs.protocol import Caller, Target
from solovirt.machinery.verbs.waiting import Answers


def track(
    old: Document | None,
    document: Document,
    target: Target,
    caller: Caller,
    admission: Admission,
    schema: ObjectSchema,
    *,
    in_version: InVersion | None = None,
) -> None:
    """Write managedFields. One write of an object and its status leaves the entries that one of each would leave."""

    def write(before: Document | None, after: Document, subresource: str) -> None:
        fields.track_update(
            before,
            after,
            manager=caller.field_manager,
            api_version=document["apiVersion"],
            subresource=subresource,
            now=timestamp(admission.now),
            schema=schema.structural,
            in_version=in_version,
        )

    if not caller.writes_status or target.subresource or not target.resource.status_subresource:
        write(old, document, target.subresource)
        return
    first = {key: value for key, value in document.items() if key != "status"}
    if old is not None and "status" in old:
        first["status"] = old["status"]
    # The metadata is shared, so that the document gets the entries of the first write and then those of both.
    write(old, first, "")
    write(first, document, "status")


def in_version(schemas: Schemas, answers: Answers | None, target: Target, name: str, base: int) -> InVersion | None:
    """
    How documents made of revision *base* of the object called *name* look in other versions of the target's resource.

    None if there is but one version that fields could be named as in. What has to be converted is asked for with *answers*.
    """
    resource = target.resource
    if resource.flavour is Flavour.BUILT_IN or len(resource.versions) == 1:
        return None
    versions = {resource.api_version(one.name): one for one in resource.versions}
    asked = 0

    def look(api_version: str, documents: Sequence[Document]) -> tuple[Sequence[Document], Mapping[str, Any]] | None:
        nonlocal asked
        version = versions.get(api_version)
        if version is None:
            return None
        schema = schemas.of(resource, version).structural
        conversion = resource.conversion
        other = [one for one in documents if one.get("apiVersion", api_version) != api_version]
        if conversion is None or not other:
            return documents, schema
        assert answers is not None, "a resource with a conversion is attended to"
        asked += 1
        # The same questions come in the same order whenever the change runs again.
        key = ("tracked", name, base, api_version, asked)
        made = iter(answers.of(key, lambda: conversion.convert(other, api_version)))
        return [one if one.get("apiVersion", api_version) == api_version else next(made) for one in documents], schema

    return look
