"""Status bodies: the one place where a refusal is put on the wire (reference kubernetes-api.md 4)."""

from __future__ import annotations

import orjson

from solovirt.machinery.auth.identity import Attributes, User
from solovirt.machinery.errors import Forbidden, StatusError, go_value
from solovirt.machinery.resource import Document, GroupResource, Resource


class PlainNotFound(Exception):
    """Nothing is served at this path, and the answer is text rather than a Status."""


PAGE_NOT_FOUND = b"404 page not found\n"
TOO_DEEP = "exceeded max depth"
"""What Go's decoder says of JSON that is nested too deep (reference kubernetes-api.md 9)."""


def is_too_deep(error: Exception) -> bool:
    """Whether *error* says that a document is nested deeper than it can be walked, or encoded by orjson (254 levels)."""
    return isinstance(error, RecursionError) or (
        isinstance(error, TypeError) and str(error) == "Recursion limit reached"
    )


def encode_status(failure: StatusError) -> bytes:
    return orjson.dumps(failure.status())


def forbidden(user: User, attributes: Attributes, why: str) -> Forbidden:
    """The refusal of an authoriser, worded as an API server words it (reference kubernetes-api.md 6)."""
    name = go_value(user.name)
    if attributes.path:
        text = f"User {name} cannot {attributes.verb} path {go_value(attributes.path)}"
        return Forbidden(f"forbidden: {text}{': ' + why if why else ''}", details={})
    resource = attributes.resource
    if attributes.subresource:
        resource += f"/{attributes.subresource}"
    text = (
        f"User {name} cannot {attributes.verb} resource {go_value(resource)} in API group {go_value(attributes.group)}"
    )
    if attributes.namespace:
        text += f" in the namespace {go_value(attributes.namespace)}"
    else:
        text += " at the cluster scope"
    if why:
        text += f": {why}"
    return Forbidden.of(GroupResource(attributes.group, attributes.resource), attributes.name, text)


def deleted(resource: Resource, name: str, uid: str) -> Document:
    """The Status that says an object is gone (reference kubernetes-api.md 2.1)."""
    details: Document = {"name": name}
    if resource.group:
        details["group"] = resource.group
    details["kind"] = resource.plural
    details["uid"] = uid
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
