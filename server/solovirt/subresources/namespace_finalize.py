"""
`namespaces/<name>/finalize`: the only way to change a namespace's spec.finalizers (reference kubernetes-api.md 7).

Whoever put a finalizer there takes it out with a PUT of the whole namespace; the one that empties the list of a Terminating
namespace removes it.
"""

from __future__ import annotations

from solovirt.kinds.core import names
from solovirt.machinery.errors import BadRequest
from solovirt.machinery.registry import Registry
from solovirt.machinery.verbs.protocol import Api, Stored, SubresourceRequest


def install(registry: Registry, api: Api) -> None:
    """Answer the subresource from now on."""

    async def finalize(request: SubresourceRequest) -> Stored:
        if request.body is None:
            raise BadRequest("a Namespace is expected in the body")
        return await api.update(request.target, request.body, request.caller)

    registry.handle(names.NAMESPACES, "finalize", finalize)
