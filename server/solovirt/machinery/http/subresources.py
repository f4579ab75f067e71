"""
Requests that a registered handler answers: subresources beyond status, and virtual resources.

A handler gets the target, the caller and the decoded body, and gives back whatever is most natural: a document, a stored object, an `Answer`, or an
aiohttp response it has already sent (a console, an upload).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aiohttp import web

from solovirt.machinery.auth.identity import Attributes
from solovirt.machinery.errors import MethodNotAllowed, NotFound
from solovirt.machinery.http import decoding, options, reading
from solovirt.machinery.http.negotiation import JSON, PROTOBUF, YAML
from solovirt.machinery.http.options import WriteOptions
from solovirt.machinery.store.protocol import Record
from solovirt.machinery.verbs import virtual
from solovirt.machinery.verbs.protocol import Answer, Caller, FieldValidation, Stored, SubresourceRequest

if TYPE_CHECKING:
    from solovirt.machinery.errors import StatusError
    from solovirt.machinery.http.endpoints import Endpoint
    from solovirt.machinery.http.exchange import Exchange
    from solovirt.machinery.http.paths import ResourcePath
    from solovirt.machinery.http.server import ApiServer
    from solovirt.machinery.resource import Document, Subresource
    from solovirt.machinery.verbs.protocol import Target


def declared(endpoint: Endpoint, name: str) -> Subresource | None:
    """The declared subresource that the rest of a path names: the longest match (`portforward` for `portforward/22/tcp`)."""
    while name:
        found = endpoint.subresources.get(name)
        if found is not None:
            return found
        name = name.rpartition("/")[0]
    return None


async def answer(server: ApiServer, request: Exchange, endpoint: Endpoint, path: ResourcePath) -> web.StreamResponse:
    """Let the handler of a subresource answer."""
    subresource = declared(endpoint, path.subresource)
    if subresource is None:
        raise NotFound.path()
    if request.verb not in subresource.verbs:
        raise MethodNotAllowed
    handler = server.registry.handler(endpoint.resource.group_resource, subresource.name)
    if handler is None:
        raise NotFound.path()
    if "/" in subresource.name:
        # The API server has looked at the first segment alone. KubeVirt's own server looks at the whole name too, and refuses in its own way
        # (reference kubevirt-subresources.md 1).
        about = Attributes(
            request.verb, path.group, path.version, path.plural, subresource.name, path.namespace, path.name
        )
        allowed, why = server.allows(request.user, about)
        if not allowed:
            return request.text(why, 401)
    shape = endpoint.bodies.get(subresource.name)
    body: Document | StatusError | None
    if shape is None:
        body, caller = await _body(request)
    else:
        target = shape.target(path.namespace, "", subresource.name)
        body, caller = await _received(server, request, shape, target, subresource.earlier_versions)
    target = endpoint.target(path.namespace, path.name, subresource.name)
    result = await handler(SubresourceRequest(target, caller, request.verb, request.http, body))
    return _respond(server, request, endpoint, result, created=shape is not None and request.verb == "create")


async def answer_virtual(
    server: ApiServer, request: Exchange, endpoint: Endpoint, path: ResourcePath
) -> web.StreamResponse:
    """Let the handler of a virtual resource answer: a POST of which nothing is stored, or a PUT to what has no kind."""
    handler = server.registry.handler(endpoint.resource.group_resource, "")
    if handler is None:
        raise NotFound.path()
    target = endpoint.target(path.namespace)
    body: Document | StatusError | None
    if endpoint.resource.kind:
        body, caller = await _received(server, request, endpoint, target)
    else:
        body, caller = await _body(request)
    result = await handler(SubresourceRequest(target, caller, request.verb, request.http, body))
    return _respond(server, request, endpoint, result, created=request.verb == "create")


async def _received(
    server: ApiServer, request: Exchange, endpoint: Endpoint, target: Target, earlier_versions: Sequence[str] = ()
) -> tuple[Document, Caller]:
    """The body as an object of the endpoint's kind, checked as one that is to be created."""
    kind = decoding.media_type(request, protobuf=endpoint.built_in)
    body = await decoding.read(request)
    write = WriteOptions(request.query, kind="CreateOptions")
    document, doubled = decoding.as_object(body, kind, endpoint, write.field_validation, earlier=earlier_versions)
    caller = request.caller(write, doubled)
    if endpoint.version.model is not None or endpoint.version.schema is not None:
        virtual.receive(document, target, caller, schemas=server.schemas, clock=server.clock)
    return document, caller


async def _body(request: Exchange) -> tuple[Document | StatusError | None, Caller]:
    """
    The decoded body, or the refusal of one that cannot be decoded.

    None if there is none or it is the handler's to read (an upload, a connection that is upgraded).
    """
    http = request.http
    manager = options.default_manager(http.headers.get("User-Agent", ""))
    caller = Caller(request.user, manager, request_id=request.id, warnings=request.warnings)
    if "Upgrade" in http.headers or not http.body_exists or request.method in ("GET", "HEAD"):
        return None, caller
    kind = http.headers.get("Content-Type", JSON).partition(";")[0].strip().lower()
    if kind not in (JSON, YAML, PROTOBUF, "*/*"):
        return None, caller
    body = await decoding.read(request)
    if not body.strip():
        return None, caller
    write = WriteOptions(request.query, kind="PatchOptions" if request.verb == "patch" else "CreateOptions")
    caller = request.caller(write)
    try:
        decoded = decoding.decode(body, JSON if kind == "*/*" else kind, FieldValidation.IGNORE)
    except decoding.Unreadable as error:
        return decoding.undecodable_options(error), caller
    if decoded.value is not None and not isinstance(decoded.value, dict):
        return decoding.undecodable_options(decoding.not_an_object(decoded.value)), caller
    return decoded.value, caller


def _respond(
    server: ApiServer, request: Exchange, endpoint: Endpoint, result: Any, *, created: bool = False
) -> web.StreamResponse:
    if isinstance(result, web.StreamResponse):
        return result
    if isinstance(result, Stored | Record):
        record = result.record if isinstance(result, Stored) else result
        made = isinstance(result, Stored) and result.created
        return reading.single(server, request, endpoint, record, request.wanted(), 201 if made else 200)
    if isinstance(result, Answer):
        if isinstance(result.body, bytes):
            return request.answer(result.body, result.status, result.content_type)
        return request.document(result.body, result.status)
    if result is None:
        return request.answer(b"", 200)
    return request.document(result, 201 if created else 200)
