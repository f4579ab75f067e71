"""get, update and patch of the `scale` subresource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from solovirt.machinery.errors import BadRequest, NotFound
from solovirt.machinery.http import decoding, options
from solovirt.machinery.http.options import WriteOptions
from solovirt.machinery.patch import json_patch, merge
from solovirt.machinery.resource import Document, ScalePaths
from solovirt.machinery.verbs import scale
from solovirt.machinery.verbs.protocol import PatchType

if TYPE_CHECKING:
    from collections.abc import Callable

    from solovirt.machinery.http.endpoints import Endpoint
    from solovirt.machinery.http.exchange import Exchange
    from solovirt.machinery.http.paths import ResourcePath
    from solovirt.machinery.http.server import ApiServer


async def get(server: ApiServer, request: Exchange, endpoint: Endpoint, path: ResourcePath) -> web.StreamResponse:
    target = endpoint.target(path.namespace, path.name)
    version = options.first(request.query, "resourceVersion") if request.query else ""
    record = await server.api.get(target, resource_version=version)
    document = record.document(endpoint.api_version, endpoint.resource.kind)
    return request.document(scale.scale_of(document, _paths(endpoint)))


async def update(server: ApiServer, request: Exchange, endpoint: Endpoint, path: ResourcePath) -> web.StreamResponse:
    kind = decoding.media_type(request, protobuf=True)
    body = await decoding.read(request)
    write = WriteOptions(request.query, kind="UpdateOptions")
    given = decoding.of_kind(body, kind, "Scale")
    for name, wanted in (("kind", "Scale"), ("apiVersion", "autoscaling/v1")):
        if given.get(name) not in (None, "", wanted):
            raise BadRequest(f"the object provided is unrecognized (must be of type Scale): {name} is {given[name]}")
    meta = given.get("metadata")
    given_name = meta.get("name") if isinstance(meta, dict) else None
    if given_name and given_name != path.name:
        raise BadRequest(f"the name of the object ({given_name}) does not match the name on the URL ({path.name})")
    return await _write(server, request, endpoint, path, lambda _: given, write)


async def patch(server: ApiServer, request: Exchange, endpoint: Endpoint, path: ResourcePath) -> web.StreamResponse:
    kind = decoding.patch_type(request, built_in=True)
    body = await decoding.read(request)
    write = WriteOptions(request.query, kind="PatchOptions", apply=kind is PatchType.APPLY)
    given = decoding.as_patch(body, kind, write.field_validation).value
    if kind is PatchType.JSON:
        operations = json_patch.parse(given)
        return await _write(server, request, endpoint, path, lambda old: json_patch.apply(old, operations), write)
    # A Scale has no lists: what merges it and what applies to it are the same.
    return await _write(server, request, endpoint, path, lambda old: merge.apply(old, given), write)


async def _write(
    server: ApiServer,
    request: Exchange,
    endpoint: Endpoint,
    path: ResourcePath,
    change: Callable[[Document], Any],
    write: WriteOptions,
) -> web.StreamResponse:
    target = endpoint.target(path.namespace, path.name, "scale")
    _, document = await scale.write(server.api, target, _paths(endpoint), change, request.caller(write))
    return request.document(document)


def _paths(endpoint: Endpoint) -> ScalePaths:
    declared = endpoint.subresources.get("scale")
    if declared is None or declared.paths is None:
        raise NotFound.path()
    return declared.paths
