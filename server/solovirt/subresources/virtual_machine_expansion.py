"""
expand-spec and expand-vm-spec: a VirtualMachine with its instance type and preference written out (reference kubevirt-subresources.md 3.9).

The first is about a VM that is stored, the second about one in the body of the request. Nothing is changed by either.
"""

from __future__ import annotations

from solovirt.kinds.instancetype import expansion
from solovirt.kinds.instancetype.application import Conflicts
from solovirt.kinds.instancetype.finding import CannotFind
from solovirt.kinds.kubevirt import configuration, names, schema_check
from solovirt.machinery.errors import BadRequest, InternalError, NotFound
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource
from solovirt.machinery.schema.compiled import SchemaSet
from solovirt.machinery.store.protocol import Store
from solovirt.machinery.verbs.pipeline import ViewLookUp
from solovirt.machinery.verbs.protocol import SubresourceRequest
from solovirt.subresources import options

_GROUP = "subresources.kubevirt.io"
VIRTUAL_MACHINES = GroupResource(_GROUP, "virtualmachines")
EXPAND_VM_SPEC = GroupResource(_GROUP, "expand-vm-spec")
# How virt-api names the kind in its errors.
_VM = GroupResource(names.GROUP, "virtualmachine")


def install(registry: Registry, store: Store) -> None:
    """Answer both from now on."""
    expander = _Expander(registry, store)
    registry.handle(VIRTUAL_MACHINES, "expand-spec", expander.expand_stored)
    registry.handle(EXPAND_VM_SPEC, "", expander.expand_given)


class _Expander:
    def __init__(self, registry: Registry, store: Store) -> None:
        self._registry = registry
        self._objects = ViewLookUp(store.now, registry)
        self._schemas = SchemaSet(registry)

    async def expand_stored(self, request: SubresourceRequest) -> Document:
        """The VM that the path names, expanded. Raises NotFound, and InternalError if it cannot be expanded."""
        key = request.target.key
        vm = self._objects.get(names.VIRTUAL_MACHINES, key)
        if vm is None:
            raise NotFound.of(_VM, key.name)
        try:
            return self._expand(vm)
        except (CannotFind, Conflicts) as error:
            raise InternalError.of(str(error)) from error

    async def expand_given(self, request: SubresourceRequest) -> Document:
        """The VM in the body, expanded. Raises BadRequest."""
        vm, namespace = await options.body(request), request.target.namespace
        if vm is None:
            raise BadRequest("empty request body")
        self._check(vm)
        metadata = _metadata(vm)
        if metadata.get("namespace") and metadata["namespace"] != namespace:
            raise BadRequest(f"VM namespace must be empty or {namespace}")
        metadata["namespace"] = namespace
        try:
            return self._expand(vm)
        except (CannotFind, Conflicts) as error:
            raise BadRequest(str(error)) from error

    def _expand(self, vm: Document) -> Document:
        return expansion.expand(vm, self._objects.get, cluster=configuration.in_force(self._objects))

    def _check(self, vm: Document) -> None:
        resource = self._registry.get(names.VIRTUAL_MACHINES)
        if resource is None:
            raise NotFound.path()
        schema = self._schemas.of(resource, resource.storage_version)
        complaints = schema_check.complaints(schema.validate(vm), schema.unknown_fields(vm))
        if complaints:
            details = {"causes": [{"message": text} for text in complaints]}
            raise BadRequest("Object is not a valid VirtualMachine", details=details)


def _metadata(vm: Document) -> Document:
    """The metadata of *vm*, with what it lacks. Raises BadRequest if it is none."""
    problem = "Can not unmarshal Request body to struct, error: json: cannot unmarshal"
    metadata = vm.setdefault("metadata", {})
    if metadata is None:
        metadata = vm["metadata"] = {}
    if not isinstance(metadata, dict):
        raise BadRequest(
            f"{problem} {_go_type(metadata)} into Go struct field VirtualMachine.metadata of type v1.ObjectMeta"
        )
    for field in ("name", "namespace"):
        value = metadata.get(field)
        if value is not None and not isinstance(value, str):
            raise BadRequest(
                f"{problem} {_go_type(value)} into Go struct field ObjectMeta.metadata.{field} of type string"
            )
    return metadata


def _go_type(value: object) -> str:
    known = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}
    return known.get(type(value), "object")
