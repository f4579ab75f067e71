"""AdmissionReviews: what a webhook is asked, and what it may answer (k8s.io/apiserver, pkg/admission/plugin/webhook)."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson

from solovirt.machinery.admission import Operation, Review
from solovirt.machinery.errors import StatusError, go_quoted
from solovirt.machinery.http.outgoing import WebhookUnreachable
from solovirt.machinery.resource import Document

_GROUP = "admission.k8s.io"
_NAMESPACES = "namespaces"
_OPTIONS = {Operation.CREATE: "CreateOptions", Operation.UPDATE: "UpdateOptions", Operation.DELETE: "DeleteOptions"}


class Denied(StatusError):
    """The webhook refused; reason and code are its own."""

    def __init__(self, name: str, result: Any) -> None:
        told: Document = result if isinstance(result, dict) else {}
        message, reason, code = told.get("message"), told.get("reason"), told.get("code")
        by = f"admission webhook {go_quoted(name)} denied the request"
        text = f"{by}: {message or reason}" if message or reason else f"{by} without explanation"
        details = told.get("details")
        super().__init__(text, details=details if isinstance(details, dict) else None)
        self.reason = str(reason) if reason else None
        self.code = code if isinstance(code, int) and 400 <= code < 600 else 400


def request(review: Review, version: str, document: Document | None, old: Document | None) -> Document:
    """The request of an AdmissionReview about *review*, whose object is shown in *version*; its uid is still missing."""
    resource = review.resource
    kind = {"group": resource.group, "version": version, "kind": resource.kind}
    if review.subresource == "scale":
        kind = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    asked_kind = kind if review.subresource == "scale" else {**kind, "version": review.version}
    shown = {"group": resource.group, "version": version, "resource": resource.plural}
    user: Document = {"username": review.user.name}
    if review.user.uid:
        user["uid"] = review.user.uid
    if review.user.groups:
        user["groups"] = list(review.user.groups)
    if review.user.extra:
        user["extra"] = {key: list(values) for key, values in review.user.extra.items()}
    options: Document = {"kind": _OPTIONS[review.operation], "apiVersion": "meta.k8s.io/v1"}
    if review.field_manager and review.operation is not Operation.DELETE:
        options["fieldManager"] = review.field_manager
    if review.dry_run:
        options["dryRun"] = ["All"]
    out: Document = {
        "kind": kind,
        "resource": shown,
        "requestKind": asked_kind,
        "requestResource": {**shown, "version": review.version},
        "name": review.key.name,
        "operation": review.operation.value,
        "userInfo": user,
        "object": document,
        "oldObject": old,
        "dryRun": review.dry_run,
        "options": options,
    }
    # A namespace is in itself, as admission has it.
    if namespace := review.key.name if resource.plural == _NAMESPACES and not resource.group else review.key.namespace:
        out["namespace"] = namespace
    if review.subresource:
        out["subResource"] = out["requestSubResource"] = review.subresource
    return out


def whole(request: Document, version: str) -> Document:
    """The AdmissionReview, of API version *version*, that asks *request*."""
    return {"kind": "AdmissionReview", "apiVersion": f"{_GROUP}/{version}", "request": request}


def response(answer: Document, version: str, uid: str, *, mutating: bool) -> Document:
    """The response in what a webhook has answered. Raises WebhookUnreachable if it is none."""

    def invalid(problem: str) -> WebhookUnreachable:
        return WebhookUnreachable(f"received invalid webhook response: {problem}")

    found = answer.get("response")
    if not isinstance(found, dict):
        raise invalid("webhook response was absent")
    if version == "v1":
        if found.get("uid") != uid:
            raise invalid(f'expected response.uid="{uid}", got "{found.get("uid") or ""}"')
        given, wanted = f"{answer.get('apiVersion')}, Kind={answer.get('kind')}", f"{_GROUP}/v1, Kind=AdmissionReview"
        if given != wanted:
            raise invalid(f"expected webhook response of {wanted}, got {given}")
        patch, kind = found.get("patch"), found.get("patchType")
        if mutating and patch and kind is None:
            raise invalid("webhook returned response.patch but not response.patchType")
        if mutating and not patch and kind is not None:
            raise invalid("webhook returned response.patchType but not response.patch")
        if not mutating and patch:
            raise invalid("validating webhook may not return response.patch")
        if not mutating and kind is not None:
            raise invalid("validating webhook may not return response.patchType")
    return found


def operations(response: Document) -> Any:
    """The JSON patch in a response, decoded; None if there is none. Raises WebhookUnreachable."""
    patch = response.get("patch")
    if not patch:
        return None
    kind = response.get("patchType") or "JSONPatch"
    if kind != "JSONPatch":
        raise WebhookUnreachable(f'unsupported patch type "{kind}"')
    try:
        return orjson.loads(base64.b64decode(patch, validate=True))
    except (binascii.Error, ValueError, TypeError) as error:
        raise WebhookUnreachable(f"received undecodable patch in webhook response: {error}") from None
