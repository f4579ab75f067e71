"""
`pods/<name>/log`, `exec`, `attach` and `portforward` (reference kubernetes-api.md 8).

No pod has containers here: no kubelet runs any. So everything is answered as an API server answers it up to the point where it would ask the node:
a container that runs has said nothing, and the node refuses the connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from solovirt.kinds.core import names
from solovirt.machinery import errors
from solovirt.machinery.errors import BadRequest, FieldError, Invalid, NotFound, PlainError
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.machinery.store.protocol import Store, parse
from solovirt.machinery.verbs.protocol import Answer, SubresourceRequest, Target

_KUBELET_PORT = 10250
_TEXT = "text/plain"
_CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")
_STATUS_LISTS = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
_FALSE = ("0", "false")


def install(registry: Registry, store: Store) -> None:
    """Answer these subresources from now on."""

    def pod_of(target: Target) -> Document:
        record = store.now.get(names.PODS, target.key)
        if record is None:
            raise NotFound.of(names.PODS, target.name)
        return parse(record, "v1", "Pod")

    async def log(request: SubresourceRequest) -> Answer:
        query: Mapping[str, str] = request.http.query
        _check_log_options(request.target.name, query)
        pod = pod_of(request.target)
        container = _container(pod, query.get("container", ""))
        if not pod["spec"].get("nodeName"):
            return Answer(204, b"", _TEXT)
        name = pod["metadata"]["name"]
        state = _state(pod, container)
        if query.get("previous", "false").lower() not in _FALSE:
            raise BadRequest(f'previous terminated container "{container}" in pod "{name}" not found')
        if not ("running" in state or "terminated" in state):
            reason = (state.get("waiting") or {}).get("reason") or "ContainerCreating"
            raise BadRequest(f'container "{container}" in pod "{name}" is waiting to start: {reason}')
        return Answer(200, b"", _TEXT)

    async def execute(request: SubresourceRequest) -> Answer:
        pod = pod_of(request.target)
        _container(pod, request.http.query.get("container", ""))
        raise unreachable(pod)

    async def forward(request: SubresourceRequest) -> Answer:
        raise unreachable(pod_of(request.target))

    def unreachable(pod: Document) -> Exception:
        node = pod["spec"].get("nodeName")
        if not node:
            return BadRequest(f"pod {pod['metadata']['name']} does not have a host assigned")
        record = store.now.get(names.NODES, ObjectKey("", node))
        if record is None:
            return NotFound.of(names.NODES, node)
        address = f"{_address(parse(record, 'v1', 'Node')) or node}:{_KUBELET_PORT}"
        return PlainError(f"error dialing backend: dial tcp {address}: connect: connection refused")

    registry.handle(names.PODS, "log", log)
    registry.handle(names.PODS, "exec", execute)
    registry.handle(names.PODS, "attach", execute)
    registry.handle(names.PODS, "portforward", forward)


def _address(node: Document) -> str:
    addresses = (node.get("status") or {}).get("addresses") or ()
    return next((one["address"] for one in addresses if one["type"] == "InternalIP"), "")


def _container(pod: Document, asked: str) -> str:
    """The container that is meant. Raises BadRequest if that is none, or not clear."""
    name, spec = pod["metadata"]["name"], pod["spec"]
    known = {kind: [one["name"] for one in spec.get(kind) or ()] for kind in _CONTAINER_LISTS}
    if asked:
        if not any(asked in some for some in known.values()):
            raise BadRequest(f"container {asked} is not valid for pod {name}")
        return asked
    first: str
    first, *more = known["containers"]
    if not more:
        return first
    text = f"a container name must be specified for pod {name}, choose one of: [{' '.join(known['containers'])}]"
    if known["initContainers"]:
        text += f" or one of the init containers: [{' '.join(known['initContainers'])}]"
    raise BadRequest(text)


def _state(pod: Document, container: str) -> Document:
    status = pod.get("status") or {}
    for kind in _STATUS_LISTS:
        for one in status.get(kind) or ():
            if one.get("name") == container:
                state: Document = one.get("state") or {}
                return state
    return {}


def _check_log_options(name: str, query: Mapping[str, str]) -> None:
    found: list[FieldError] = []
    tail, limit, since = (_integer(query, field) for field in ("tailLines", "limitBytes", "sinceSeconds"))
    if tail is not None and tail < 0:
        found.append(errors.invalid("tailLines", tail, "must be greater than or equal to 0"))
    if limit is not None and limit < 1:
        found.append(errors.invalid("limitBytes", limit, "must be greater than 0"))
    if since is not None and "sinceTime" in query:
        found.append(errors.forbidden_field("", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    elif since is not None and since < 1:
        found.append(errors.invalid("sinceSeconds", since, "must be greater than 0"))
    if found:
        raise Invalid.of("", "PodLogOptions", name, found)


def _integer(query: Mapping[str, Any], field: str) -> int | None:
    text = query.get(field)
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
