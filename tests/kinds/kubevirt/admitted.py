"""Admission without a server: look-ups over documents, and what a refusal says."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from solovirt.kinds import builtin
from solovirt.kinds.kubevirt import configuration
from solovirt.machinery.admission import Admission, Operation
from solovirt.machinery.auth.identity import User
from solovirt.machinery.errors import StatusError
from solovirt.machinery.resource import Document, GroupResource, ObjectKey, Resource
from solovirt.machinery.store import encoding
from solovirt.machinery.store.index import index_of
from solovirt.machinery.store.protocol import Record

NOW = datetime(2026, 1, 1, tzinfo=UTC)
USER = User("jane")
CONTROLLER = User("system:serviceaccount:kubevirt:kubevirt-controller")
RESOURCES: dict[str, Resource] = {resource.kind: resource for resource in builtin()}

Cause = tuple[str, str | None, str]
"""Reason without `FieldValue`, field, message."""


class Documents:
    """A LookUp over the documents it was made of."""

    def __init__(self, *documents: Document) -> None:
        self._documents: dict[GroupResource, dict[ObjectKey, Document]] = {}
        for document in documents:
            meta = document["metadata"]
            resource = RESOURCES[document["kind"]].group_resource
            key = ObjectKey(meta.get("namespace", ""), meta["name"])
            self._documents.setdefault(resource, {})[key] = document

    def get(self, resource: GroupResource, key: ObjectKey) -> Document | None:
        return copy.deepcopy(self._documents.get(resource, {}).get(key))

    def list(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Document]:
        for key, document in sorted(self._documents.get(resource, {}).items()):
            if namespace in (None, "", key.namespace):
                yield copy.deepcopy(document)

    def records(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Record]:
        for document in self.list(resource, namespace):
            meta = document["metadata"]
            key = ObjectKey(meta.get("namespace", ""), meta["name"])
            yield Record(resource, key, 1, encoding.encode(document).body(1), index_of(document, ()))


def kubevirt(*gates: str, disabled: tuple[str, ...] = (), **config: Any) -> Document:
    """A KubeVirt CR with these feature gates and this configuration."""
    developer = {"featureGates": [*gates], "disabledFeatureGates": [*disabled]}
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "KubeVirt",
        "metadata": {"name": "kubevirt", "namespace": "kubevirt", "uid": "k"},
        "spec": {"configuration": {"developerConfiguration": developer, **config}},
    }


def cluster(*gates: str, **config: Any) -> Any:
    """The configuration that such a KubeVirt CR makes."""
    return configuration.read(kubevirt(*gates, **config), "kubevirt")


def admission(
    kind: str,
    *documents: Document,
    operation: Operation = Operation.CREATE,
    user: User = USER,
    name: str = "it",
    subresource: str = "",
) -> Admission:
    """A write of the object *name* in the namespace `default`, where *documents* exist."""
    key = ObjectKey("default", name)
    return Admission(operation, RESOURCES[kind], "v1", key, user, Documents(*documents), NOW, subresource)


def refusal(act: Callable[[], Any]) -> Document:
    """The Status that *act* is refused with."""
    try:
        act()
    except StatusError as error:
        return error.status()
    raise AssertionError("it is admitted")


def causes(act: Callable[[], Any], webhook: str) -> list[Cause]:
    """The causes that *webhook* names in refusing *act*; none if it is admitted."""
    try:
        act()
    except StatusError as error:
        status = error.status()
    else:
        return []
    assert (status["code"], status["reason"]) == (422, "Invalid"), status
    assert status["message"].startswith(f'admission webhook "{webhook}" denied the request: '), status["message"]
    return [
        (one["reason"].removeprefix("FieldValue"), one.get("field"), one["message"])
        for one in status["details"]["causes"]
    ]
