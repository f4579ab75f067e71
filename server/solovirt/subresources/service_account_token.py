"""`serviceaccounts/<name>/token`: a token of a ServiceAccount, for as long and for whom it is asked (reference kubernetes-api.md 6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from solovirt.kinds.authentication.service_accounts import ISSUER, Bound, ServiceAccountTokens
from solovirt.kinds.core import names
from solovirt.machinery import errors
from solovirt.machinery.clock import Clock, timestamp
from solovirt.machinery.errors import BadRequest, Conflict, FieldError, Invalid, NotFound
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Record, Store, parse
from solovirt.machinery.verbs.protocol import SubresourceRequest

_GROUP, _KIND = "authentication.k8s.io", "TokenRequest"
_DEFAULT_SECONDS = 3600
_LEAST_SECONDS = 600
_MOST_SECONDS = 1 << 32
_BINDABLE = {"Pod": names.PODS, "Secret": names.SECRETS, "Node": names.NODES}


def install(registry: Registry, store: Store, tokens: ServiceAccountTokens, clock: Clock) -> None:
    """Answer the subresource from now on."""

    async def request_token(request: SubresourceRequest) -> Document:
        document = request.body or {}
        account = ObjectKey(request.target.namespace, request.target.name)
        record = store.now.get(names.SERVICE_ACCOUNTS, account)
        if record is None:
            raise NotFound.of(names.SERVICE_ACCOUNTS, account.name)
        metadata: Document = document["metadata"]
        spec: Document = dict(document.get("spec") or {})
        seconds = _DEFAULT_SECONDS if spec.get("expirationSeconds") is None else spec["expirationSeconds"]
        _refuse(account.name, metadata, seconds)
        reference = spec.get("boundObjectRef")
        bound = None if reference is None else _bound(store, account, reference)
        audiences = spec.get("audiences") or [ISSUER]
        now = clock.now()
        token = await tokens.issue(account, record.index.uid, audiences=audiences, seconds=seconds, bound=bound)
        metadata.update(name=account.name, namespace=account.namespace, creationTimestamp=timestamp(now))
        document["spec"] = {
            "audiences": list(audiences),
            "expirationSeconds": seconds,
            "boundObjectRef": reference,
        }
        document["status"] = {
            "token": token,
            "expirationTimestamp": timestamp(now + timedelta(seconds=seconds)),
        }
        return document

    registry.handle(names.SERVICE_ACCOUNTS, "token", request_token)


def _refuse(name: str, metadata: Document, seconds: int) -> None:
    found: list[FieldError] = []
    if metadata.get("name") and metadata["name"] != name:
        why = "must match the service account name if specified"
        raise Invalid.of(_GROUP, _KIND, name, [errors.invalid("metadata.name", metadata["name"], why)])
    if seconds < _LEAST_SECONDS:
        why = "may not specify a duration less than 10 minutes"
        found.append(errors.invalid("spec.expirationSeconds", seconds, why))
    if seconds > _MOST_SECONDS:
        why = "may not specify a duration larger than 2^32 seconds"
        found.append(errors.invalid("spec.expirationSeconds", seconds, why))
    if found:
        raise Invalid.of(_GROUP, _KIND, "", found)


def _bound(store: Store, account: ObjectKey, reference: dict[str, Any]) -> Bound:
    """What the token is to die with. Raises BadRequest, NotFound, or Conflict if it is not the object that is meant."""
    kind, name = reference.get("kind") or "", reference.get("name") or ""
    api_version = reference.get("apiVersion") or ""
    group, _, version = api_version.rpartition("/")
    resource = _BINDABLE.get(kind) if not group else None
    if resource is None:
        raise BadRequest(f"cannot bind token to object of type {group}/{version}, Kind={kind}")
    key = ObjectKey("" if kind == "Node" else account.namespace, name)
    record = store.now.get(resource, key)
    if record is None:
        raise NotFound.of(resource, name)
    uid = record.index.uid
    node = None
    if kind == "Pod":
        spec = parse(record, "v1", kind).get("spec") or {}
        if spec.get("serviceAccountName") != account.name:
            raise BadRequest(
                f'cannot bind token for serviceaccount "{account.name}" to pod running with different serviceaccount name.'
            )
        node = _node(store.now.get(names.NODES, ObjectKey("", spec.get("nodeName") or "")))
    asked = reference.get("uid") or ""
    if asked and asked != uid:
        why = (
            f"the UID in the bound object reference ({asked}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise Conflict.of(GroupResource("", kind), name, why)
    return Bound(kind, name, uid, node)


def _node(record: Record | None) -> tuple[str, str] | None:
    return None if record is None else (record.key.name, record.index.uid)
