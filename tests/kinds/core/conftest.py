"""Behaviours are called as the write pipeline calls them, over a handful of other objects."""

from __future__ import annotations

import copy
from datetime import UTC, datetime

import pytest

from solovirt import kinds
from solovirt.machinery.admission import Admission, Operation
from solovirt.machinery.auth.identity import User
from solovirt.machinery.resource import GroupResource, ObjectKey


class Others:
    """A `LookUp` over a dictionary."""

    def __init__(self):
        self.objects = {}

    def add(self, resource, document):
        metadata = document["metadata"]
        self.objects[resource, ObjectKey(metadata.get("namespace", ""), metadata["name"])] = document

    def get(self, resource, key):
        return copy.deepcopy(self.objects.get((resource, key)))

    def list(self, resource, namespace=None):
        for (of, key), document in sorted(self.objects.items()):
            if of == resource and namespace in (None, key.namespace):
                yield copy.deepcopy(document)


class Kind:
    """A kind's behaviour, driven through a write's steps."""

    def __init__(self, resource, others):
        self.resource = resource
        self.others = others

    def admission(self, operation, obj, subresource=""):
        metadata = obj["metadata"]
        return Admission(
            operation=operation,
            resource=self.resource,
            version="v1",
            key=ObjectKey(metadata.get("namespace", ""), metadata["name"]),
            user=User("someone", ("system:masters",)),
            lookup=self.others,
            now=datetime(2026, 1, 1, tzinfo=UTC),
            subresource=subresource,
        )

    def create(self, obj):
        """The object as it would be stored, and what is wrong with it."""
        obj = copy.deepcopy(obj)
        admission = self.admission(Operation.CREATE, obj)
        self.resource.behaviour.mutate(obj, None, admission)
        return obj, [str(error) for error in self.resource.behaviour.validate_create(obj, admission)]

    def created(self, obj):
        obj, errors = self.create(obj)
        assert errors == []
        return obj

    def update(self, old, change, subresource=""):
        obj = copy.deepcopy(old)
        change(obj)
        admission = self.admission(Operation.UPDATE, obj, subresource)
        self.resource.behaviour.mutate(obj, copy.deepcopy(old), admission)
        return obj, [str(error) for error in self.resource.behaviour.validate_update(obj, old, admission)]


@pytest.fixture
def others():
    return Others()


@pytest.fixture
def kind(others):
    resources = {one.group_resource: one for one in kinds.builtin()}

    def of(plural, group=""):
        return Kind(resources[GroupResource(group, plural)], others)

    return of
