"""
Secrets of type `kubernetes.io/service-account-token`: they get the token of the ServiceAccount they name (reference kubernetes-api.md 7).

One whose ServiceAccount is gone, or is another of the same name, goes too.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import ClassVar

from solovirt.kinds.authentication.service_accounts import ServiceAccountTokens
from solovirt.kinds.core import names
from solovirt.machinery.control.protocol import DONE, Result, Source, Tools
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Store

TYPE = "kubernetes.io/service-account-token"
_NAME = "kubernetes.io/service-account.name"
_UID = "kubernetes.io/service-account.uid"


class ServiceAccountTokenController:
    """Fills the Secrets, and removes those of nobody. *certificate* is the PEM by which the API server is known."""

    name: ClassVar[str] = "tokens-controller"
    resource: ClassVar[GroupResource] = names.SECRETS

    def __init__(self, tools: Tools, *, store: Store, tokens: ServiceAccountTokens, certificate: str) -> None:
        self._objects = tools.objects
        self._store = store
        self._tokens = tokens
        self._certificate = certificate
        self.sources: Sequence[Source] = (Source(names.SERVICE_ACCOUNTS, self._of_account),)

    def _of_account(self, account: Document) -> Iterable[ObjectKey]:
        # Secrets know their type without being parsed; of the namespace's few that are tokens all are looked at.
        return [
            record.key
            for record in self._store.now.list(names.SECRETS, account["metadata"]["namespace"])
            if TYPE in record.index.fields
        ]

    async def reconcile(self, key: ObjectKey) -> Result:
        record = self._store.now.get(names.SECRETS, key)
        if record is None or record.index.deleting or TYPE not in record.index.fields:
            return DONE
        secret = self._objects.get(names.SECRETS, key)
        if secret is None:
            return DONE
        annotations = secret["metadata"].get("annotations") or {}
        account = self._store.now.get(names.SERVICE_ACCOUNTS, ObjectKey(key.namespace, annotations.get(_NAME, "")))
        if account is None or annotations.get(_UID, account.index.uid) != account.index.uid:
            await self._objects.delete(names.SECRETS, key, uid=secret["metadata"]["uid"])
            return DONE
        wanted = {"namespace": _encoded(key.namespace)}
        if self._certificate:
            wanted["ca.crt"] = _encoded(self._certificate)
        data = secret.get("data") or {}
        if not data.get("token"):
            token = await self._tokens.issue_for_secret(account.key, account.index.uid, key.name)
            wanted["token"] = _encoded(token)
        uid = account.index.uid
        if annotations.get(_UID) == uid and all(data.get(name) == value for name, value in wanted.items()):
            return DONE

        def write(document: Document) -> None:
            document["metadata"].setdefault("annotations", {})[_UID] = uid
            held = document.get("data") or {}
            document["data"] = {**held, **wanted}
            if held.get("token"):
                # Somebody else was quicker, and theirs may be in use.
                document["data"]["token"] = held["token"]

        await self._objects.edit(names.SECRETS, key, write)
        return DONE


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
