"""Machines and instances as virt-api looks them up, and how it words its refusals (reference kubevirt-subresources.md 2)."""

from __future__ import annotations

from solovirt.kinds.kubevirt import names
from solovirt.machinery.errors import BadRequest, Conflict, InternalError, NotFound
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Store, parse
from solovirt.runtime.protocol import GuestId

GROUP = "subresources.kubevirt.io"
MACHINES = GroupResource(GROUP, "virtualmachines")
INSTANCES = GroupResource(GROUP, "virtualmachineinstances")
# How virt-api names the kinds in its errors: singular and in lower case.
MACHINE = GroupResource(names.GROUP, "virtualmachine")
INSTANCE = GroupResource(names.GROUP, "virtualmachineinstance")
_WITH_NODE = ("Running", "Scheduled")


class Instances:
    """Looks machines and instances up as they are stored now."""

    def __init__(self, registry: Registry, store: Store) -> None:
        self._registry = registry
        self._store = store

    def instance(self, key: ObjectKey) -> Document:
        """Raises NotFound."""
        found = self._get(names.VIRTUAL_MACHINE_INSTANCES, key)
        if found is None:
            raise NotFound.of(INSTANCE, key.name)
        return found

    def machine(self, key: ObjectKey) -> Document | None:
        return self._get(names.VIRTUAL_MACHINES, key)

    def instance_of_machine(self, key: ObjectKey) -> Document:
        """The instance of the machine at *key*. Raises NotFound, Conflict and InternalError (reference 3.9, portforward)."""
        machine = self.machine(key)
        if machine is None:
            raise NotFound.of(MACHINE, key.name)
        if not (machine.get("status") or {}).get("created"):
            raise Conflict.of(MACHINE, key.name, "VMI is not started")
        found = self.instance(key)
        owners = found["metadata"].get("ownerReferences") or ()
        if all(owner["uid"] != machine["metadata"]["uid"] for owner in owners):
            raise InternalError.of(f"unable to retrieve vmi [{key.name}] for vm: <nil>")
        return found

    def _get(self, resource: GroupResource, key: ObjectKey) -> Document | None:
        record = self._store.now.get(resource, key)
        declared = self._registry.get(resource)
        if record is None or declared is None:
            return None
        return parse(record, names.API_VERSION, declared.kind)


def guest_of(instance: Document) -> GuestId:
    """The guest that embodies *instance*."""
    return GuestId(instance["metadata"]["uid"])


def phase(instance: Document) -> str:
    return str((instance.get("status") or {}).get("phase") or "")


def has_condition(instance: Document, type: str, *, true: bool = False) -> bool:
    """Whether there is a condition of this type, or with *true* one that holds: virt-api mostly asks whether it is there at all."""
    conditions = (instance.get("status") or {}).get("conditions") or ()
    return any(one["type"] == type and (not true or one["status"] == "True") for one in conditions)


def devices(instance: Document) -> Document:
    found: Document = instance["spec"]["domain"].get("devices") or {}
    return found


def conflict(instance: Document, why: str) -> Conflict:
    return Conflict.of(INSTANCE, instance["metadata"]["name"], why)


def require_node(instance: Document) -> None:
    """Raise BadRequest unless the instance is on a node whose agent can be asked (reference 4, errors common to all)."""
    now = phase(instance)
    if now not in _WITH_NODE:
        raise BadRequest(
            f"Unable to connect to VirtualMachineInstance because phase is {now} instead of Running or Scheduled"
        )


def refused_by_node(error: object) -> InternalError:
    """What virt-api says if the node's agent could not do it (reference 4)."""
    return InternalError.of(f"unexpected return code 500 (500 Internal Server Error), message: {error}")
