"""create, update, patch, delete and deletecollection: from body and query to the verb, and its answer (reference kubernetes-api.md 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from solovirt.machinery.errors import BadRequest, MethodNotAllowed
from solovirt.machinery.http import decoding, failures, options, reading
from solovirt.machinery.http.options import WriteOptions
from solovirt.machinery.verbs.protocol import Caller, PatchType

if TYPE_CHECKING:
    from solovirt.machinery.http.endpoints import Endpoint
    from solovirt.machinery.http.exchange import Exchange
    from solovirt.machinery.http.paths import ResourcePath
    from solovirt.machinery.http.server import ApiServer


async def create(server: ApiServer, request: Exchange, endpoint: Endpoint, path: ResourcePath) -> web.StreamResponse:
    wanted = request.wanted()
    kind = decoding.media_type(request, protobuf=endpoint.built_in)
    body = await decoding.read(request)
    write = WriteOptions(request.query, kind="CreateOptions")
    document, doubled = decoding.as_object(body, kind, endpoint, write.field_validation)
    target = endpoint.target(path.namespace, path.name)
    stored = await endpoint.api(server.api).create(target, document, request.caller(write, doubled))
    return reading.single(server, request, endpoint, stored.record, wanted, 201)


def _require_name(endpoint: Endpoint, path: ResourcePath) -> None:
    if not path.name:
        if endpoint.built_in:
            raise MethodNotAllowed
        raise BadRequest("name must be provided")


async def update(server: ApiServer, request: Exchange, endpoint: Endpoint, path: ResourcePath) -> web.StreamResponse:
    _require_name(endpoint, path)
    wanted = request.wanted()
    kind = decoding.media_type(request, protobuf=endpoint.built_in)
    body = await decoding.read(request)
    write = WriteOptions(request.query, kind="UpdateOptions")
    document, doubled = decoding.as_object(body, kind, endpoint, write.field_validation)
    target = endpoint.target(path.namespace, path.name, path.subresource)
    stored = await endpoint.api(server.api).update(target, document, request.caller(write, doubled))
    return reading.single(server, request, endpoint, stored.record, wanted, 201 if stored.created else 200)


async def patch(server: ApiServer, request: Exchange, endpoint: Endpoint, path: ResourcePath) -> web.StreamResponse:
    _require_name(endpoint, path)
    kind = decoding.patch_type(request, built_in=endpoint.built_in)
    wanted = request.wanted()
    body = await decoding.read(request)
    write = WriteOptions(request.query, kind="PatchOptions", apply=kind is PatchType.APPLY)
    decoded = decoding.as_patch(body, kind, write.field_validation)
    target = endpoint.target(path.namespace, path.name, path.subresource)
    stored = await endpoint.api(server.api).patch(
        target, kind, decoded.value, request.caller(write, decoded.duplicates), force=bool(write.force)
    )
    return reading.single(server, request, endpoint, stored.record, wanted, 201 if stored.created else 200)


def _deleting(request: Exchange, dry_run: bool) -> Caller:  # noqa: FBT001 - an option of the wire
    manager = options.default_manager(request.http.headers.get("User-Agent", ""))
    return Caller(request.user, manager, dry_run, request_id=request.id, warnings=request.warnings)


async def delete(server: ApiServer, request: Exchange, endpoint: Endpoint, path: ResourcePath) -> web.StreamResponse:
    wanted = request.wanted()
    body = await decoding.read(request)
    given = decoding.as_delete_options(body, request) if body else None
    chosen, dry_run = options.delete_options(given, request.query)
    target = endpoint.target(path.namespace, path.name)
    stored = await endpoint.api(server.api).delete(target, chosen, _deleting(request, dry_run))
    if stored.gone and not endpoint.resource.returns_deleted:
        return request.document(failures.deleted(endpoint.resource, path.name, stored.record.index.uid))
    # 202 says that it is not gone yet, but only to clients that asked for its dependents in the old way.
    status = 202 if not stored.gone and chosen.orphan_dependents is False else 200
    return reading.single(server, request, endpoint, stored.record, wanted, status)


async def delete_collection(
    server: ApiServer, request: Exchange, endpoint: Endpoint, path: ResourcePath
) -> web.StreamResponse:
    wanted = request.wanted()
    body = await decoding.read(request)
    given = decoding.as_delete_options(body, request) if body else None
    chosen, dry_run = options.delete_options(given, request.query)
    selection = options.list_options(request.query)
    stored = await endpoint.api(server.api).delete_collection(
        endpoint.target(path.namespace), selection, chosen, _deleting(request, dry_run)
    )
    metadata = endpoint.list_metadata(server.store.now.revision)
    return await reading.objects(request, endpoint, [one.record for one in stored], metadata, wanted)
