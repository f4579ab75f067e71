"""
What every namespace gets by itself: a ServiceAccount `default` and the ConfigMap `kube-root-ca.crt` (reference kubernetes-api.md 7).

Both come back when they are deleted, and the certificate is put right when it was changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from solovirt.kinds.core import names
from solovirt.machinery.control.protocol import DONE, Result, Source, Tools
from solovirt.machinery.errors import AlreadyExists, Forbidden, NotFound
from solovirt.machinery.resource import Document, GroupResource, ObjectKey


class _InEveryNamespace:
    """Keeps one object in each namespace that is not on its way out."""

    resource: ClassVar[GroupResource] = names.NAMESPACES

    def __init__(self, tools: Tools, kept: GroupResource, name: str) -> None:
        self._objects = tools.objects
        self._kept = kept
        self._name = name
        self.sources: Sequence[Source] = (Source(kept, self._keys),)

    def _keys(self, document: Document) -> Iterable[ObjectKey]:
        metadata = document["metadata"]
        return (ObjectKey("", metadata["namespace"]),) if metadata["name"] == self._name else ()

    def _content(self) -> Document:
        """What the object has beside its metadata."""
        return {}

    async def reconcile(self, key: ObjectKey) -> Result:
        namespace = self._objects.get(names.NAMESPACES, key)
        if namespace is None or namespace["metadata"].get("deletionTimestamp"):
            return DONE
        content = self._content()
        found = self._objects.get(self._kept, ObjectKey(key.name, self._name))
        if found is None:
            try:
                await self._objects.create(
                    self._kept, {"metadata": {"namespace": key.name, "name": self._name}, **content}
                )
            except (AlreadyExists, NotFound, Forbidden):
                # Somebody was quicker, or the namespace began to go.
                return DONE
        elif any(found.get(field) != value for field, value in content.items()):
            await self._objects.edit(self._kept, ObjectKey(key.name, self._name), lambda obj: obj.update(content))
        return DONE


class ServiceAccountController(_InEveryNamespace):
    """The ServiceAccount `default`."""

    name: ClassVar[str] = "service-account-controller"

    def __init__(self, tools: Tools) -> None:
        super().__init__(tools, names.SERVICE_ACCOUNTS, names.DEFAULT_SERVICE_ACCOUNT)


class RootCertificateController(_InEveryNamespace):
    """The ConfigMap with the certificate, in PEM, by which the API server is known; empty if it is served without TLS."""

    name: ClassVar[str] = "root-ca-certificate-publisher-controller"

    def __init__(self, tools: Tools, *, certificate: str) -> None:
        super().__init__(tools, names.CONFIG_MAPS, names.ROOT_CERTIFICATE_CONFIG_MAP)
        self._certificate = certificate

    def _content(self) -> Document:
        return {"data": {"ca.crt": self._certificate}}
