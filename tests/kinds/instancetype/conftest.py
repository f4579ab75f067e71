"""Admission of whatever an instance type touches, with the other objects in a table."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from solovirt.kinds.instancetype.resources import RESOURCES
from solovirt.kinds.kubevirt import behaviour_vm
from solovirt.kinds.kubevirt.resources import RESOURCES as KUBEVIRT
from solovirt.machinery.admission import Admission, Operation
from solovirt.machinery.auth.identity import User
from solovirt.machinery.errors import StatusError
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.schema.compiled import SchemaSet

SCHEMAS = SchemaSet(Registry())
Cause = tuple[str, str, str]


@dataclass
class Gate:
    """The door of the API, for objects of one kind at a time; *objects* is what there is behind it."""

    objects: dict[tuple[GroupResource, ObjectKey], Document] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def put(self, resource: GroupResource, name: str, namespace: str = "", **document: Any) -> None:
        labels = document.pop("labels", {})
        self.objects[resource, ObjectKey(namespace, name)] = {"metadata": {"name": name, "labels": labels}, **document}

    def get(self, resource: GroupResource, key: ObjectKey) -> Document | None:
        return copy.deepcopy(self.objects.get((resource, key)))

    def records(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Any]:
        return iter(())

    def admit(self, kind: str, obj: Document, old: Document | None = None) -> Document:
        """The object as it would be stored. Raises the refusal."""
        resource = next(one for one in (*RESOURCES, *KUBEVIRT) if one.kind == kind)
        admitted = copy.deepcopy(obj)
        admission = Admission(
            Operation.CREATE if old is None else Operation.UPDATE,
            resource,
            resource.storage_version.name,
            ObjectKey("ns" if resource.namespaced else "", "one"),
            User("jane"),
            self,
            datetime(2026, 1, 1, tzinfo=UTC),
            warnings=self.warnings,
        )
        schema = SCHEMAS.of(resource, resource.storage_version)
        was_valid = schema.accepts(admitted)
        resource.behaviour.mutate(admitted, old, admission)
        if resource.behaviour.keeps_valid and was_valid:
            assert schema.accepts(admitted)
        if old is None:
            assert resource.behaviour.validate_create(admitted, admission) == ()
        else:
            assert resource.behaviour.validate_update(admitted, old, admission) == ()
        return admitted

    def vm(self, old: Document | None = None, **spec: Any) -> Document:
        return self.admit("VirtualMachine", machine(**spec), old)

    def refusal(self, kind: str, obj: Document, old: Document | None = None) -> tuple[str, Sequence[Cause]]:
        """Who refuses the object, and its causes as (reason without FieldValue, field, message)."""
        with pytest.raises(StatusError) as raised:
            self.admit(kind, obj, old)
        status = raised.value.status()
        assert (status["code"], status["reason"]) == (422, "Invalid")
        webhook, said = status["message"].removeprefix('admission webhook "').split('" denied the request: ')
        causes = status["details"]["causes"]
        assert said == ", ".join(one["message"] for one in causes)
        return webhook, [(one["reason"].removeprefix("FieldValue"), one["field"], one["message"]) for one in causes]

    def list(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Document]:
        return iter(())


def machine(**spec: Any) -> Document:
    """A VM whose template says nothing, but for what *spec* says."""
    template = spec.pop("template", {})
    base: dict[str, Any] = {"domain": {"devices": {}}, **template}
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": "one", "namespace": "ns"},
        "spec": {"runStrategy": "Halted", "template": {"spec": base}, **spec},
    }


@pytest.fixture
def gate() -> Gate:
    return Gate()


VALIDATOR = behaviour_vm.VALIDATOR
MUTATOR = behaviour_vm.MUTATOR
