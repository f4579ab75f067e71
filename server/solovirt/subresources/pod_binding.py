"""`pods/<name>/binding`: which node a pod is to run on (reference kubernetes-api.md 1.1)."""

from __future__ import annotations

from solovirt.kinds.core import names
from solovirt.machinery.errors import BadRequest, Conflict, FieldError, Invalid, not_supported, required
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource
from solovirt.machinery.verbs.protocol import Answer, Api, SubresourceRequest

_BINDINGS = GroupResource("", "pods/binding")
SUCCESS: Document = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
"""What is answered when it is done."""


def install(registry: Registry, api: Api) -> None:
    """Answer the subresource from now on."""

    async def bind(request: SubresourceRequest) -> Answer:
        body = request.body or {}
        check_name(body, request.target.name, "Binding")
        target = body.get("target") or {}
        _refuse(request.target.name, target)

        def edit(pod: Document) -> Document:
            _refuse_pod(pod)
            pod["spec"]["nodeName"] = target["name"]
            conditions = pod.setdefault("status", {}).setdefault("conditions", [])
            conditions[:] = [one for one in conditions if one.get("type") != "PodScheduled"]
            conditions.append({"type": "PodScheduled", "status": "True"})
            return pod

        await api.edit(request.target, edit, request.caller)
        return Answer(201, SUCCESS)

    registry.handle(names.PODS, "binding", bind)


def check_name(body: Document, name: str, kind: str) -> None:
    """Raises BadRequest if *body* is about another pod than the path."""
    if (body.get("metadata") or {}).get("name") != name:
        raise BadRequest(f"name in URL does not match name in {kind} object")


def _refuse(name: str, target: Document) -> None:
    found: list[FieldError] = []
    if target.get("kind") not in (None, "", "Node", "Minion"):
        found.append(not_supported("target.kind", target["kind"], ["Node", "<empty>"]))
    if not target.get("name"):
        found.append(required("target.name"))
    if found:
        raise Invalid.of("", "Binding", name, found)


def _refuse_pod(pod: Document) -> None:
    """Raises Conflict if *pod* is on its way out, or on a node already."""
    metadata, node = pod["metadata"], pod["spec"].get("nodeName")
    why = ""
    if metadata.get("deletionTimestamp"):
        why = f"pod {metadata['name']} is being deleted, cannot be assigned to a host"
    elif node:
        why = f'pod {metadata["name"]} is already assigned to node "{node}"'
    if why:
        raise Conflict.of(_BINDINGS, metadata["name"], why)
