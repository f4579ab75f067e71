"""
Reviews of access: may somebody do something, and what may I do (reference kubernetes-api.md 6).

What is asked is put to the authoriser that decides about requests, so a review says what a request would meet with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from solovirt.machinery import errors
from solovirt.machinery.auth.identity import Attributes, Authoriser, User
from solovirt.machinery.errors import BadRequest, FieldError, Invalid
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource
from solovirt.machinery.verbs.protocol import SubresourceRequest

GROUP = "authorization.k8s.io"
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


class Holdings(Protocol):
    """Knows what somebody may do."""

    def rules(self, user: User, namespace: str) -> tuple[list[Document], list[Document], str]:
        """Rules on resources, rules on other paths, and why there may be more than these (``""`` if there are not)."""
        ...


def install(registry: Registry, authoriser: Authoriser, holdings: Holdings) -> None:
    """Answer the reviews from now on."""

    async def own_access(request: SubresourceRequest) -> Document:
        review = _body(request)
        spec = review.get("spec") or {}
        _refuse(_attribute_errors(spec) + _metadata_errors(review))
        return _decided(review, authoriser, request.caller.user, spec)

    async def access(request: SubresourceRequest) -> Document:
        review = _body(request)
        spec = review.get("spec") or {}
        _refuse(_attribute_errors(spec) + _subject_errors(spec) + _metadata_errors(review))
        return _decided(review, authoriser, _subject(spec), spec)

    async def local_access(request: SubresourceRequest) -> Document:
        review = _body(request)
        spec = review.get("spec") or {}
        _refuse(_attribute_errors(spec) + _subject_errors(spec) + _local_errors(review, spec))
        return _decided(review, authoriser, _subject(spec), spec)

    async def own_rules(request: SubresourceRequest) -> Document:
        review = _body(request)
        namespace = (review.get("spec") or {}).get("namespace")
        if not namespace:
            raise BadRequest("no namespace on request")
        resources, paths, trouble = holdings.rules(request.caller.user, namespace)
        status: Document = {"resourceRules": resources, "nonResourceRules": paths, "incomplete": False}
        if trouble:
            status["evaluationError"] = trouble
        # The answer is a new object: the question is not repeated.
        return {
            "kind": review["kind"],
            "apiVersion": review["apiVersion"],
            "metadata": {},
            "spec": {},
            "status": status,
        }

    registry.handle(GroupResource(GROUP, "selfsubjectaccessreviews"), "", own_access)
    registry.handle(GroupResource(GROUP, "subjectaccessreviews"), "", access)
    registry.handle(GroupResource(GROUP, "localsubjectaccessreviews"), "", local_access)
    registry.handle(GroupResource(GROUP, "selfsubjectrulesreviews"), "", own_rules)


def _body(request: SubresourceRequest) -> Document:
    if request.body is None:
        raise BadRequest("a review is expected in the body")
    return request.body


def _decided(review: Document, authoriser: Authoriser, user: User, spec: Mapping[str, Any]) -> Document:
    allowed, reason = authoriser.allows(user, _attributes(spec))
    status: Document = {"allowed": allowed}
    if reason:
        status["reason"] = reason
    review["status"] = status
    return review


def _attributes(spec: Mapping[str, Any]) -> Attributes:
    path = spec.get("nonResourceAttributes")
    if path is not None:
        return Attributes(path.get("verb") or "", path=path.get("path") or "")
    asked = spec.get("resourceAttributes") or {}
    return Attributes(
        verb=asked.get("verb") or "",
        group=asked.get("group") or "",
        version=asked.get("version") or "",
        resource=asked.get("resource") or "",
        subresource=asked.get("subresource") or "",
        namespace=asked.get("namespace") or "",
        name=asked.get("name") or "",
    )


def _subject(spec: Mapping[str, Any]) -> User:
    extra = {key: tuple(values or ()) for key, values in (spec.get("extra") or {}).items()}
    return User(spec.get("user") or "", tuple(spec.get("groups") or ()), spec.get("uid") or "", extra)


def _attribute_errors(spec: Mapping[str, Any]) -> list[FieldError]:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    found = []
    if resource is not None and path is not None:
        # Go's own names of the fields: the type that is printed has no others.
        shown = {"Path": path.get("path") or "", "Verb": path.get("verb") or ""}
        why = "cannot be specified in combination with resourceAttributes"
        found.append(errors.invalid("spec.nonResourceAttributes", shown, why))
    if resource is None and path is None:
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        found.append(errors.invalid("spec.resourceAttributes", None, why))
    for name in ("fieldSelector", "labelSelector"):
        selector = (resource or {}).get(name)
        if selector is not None:
            found += _selector_errors(f"spec.resourceAttributes.{name}", name, selector)
    return found


def _selector_errors(path: str, name: str, selector: Mapping[str, Any]) -> list[FieldError]:
    raw, requirements = selector.get("rawSelector") or "", selector.get("requirements") or ()
    found = []
    if raw and requirements:
        found.append(errors.invalid(f"{path}.rawSelector", raw, "may not specified at the same time as requirements"))
    if not raw and not requirements:
        found.append(
            errors.required(
                f"{path}.requirements", f"when {path} is specified, requirements or rawSelector is required"
            )
        )
    for index, requirement in enumerate(requirements):
        at, operator = f"{path}.requirements[{index}]", (requirement or {}).get("operator") or ""
        values = (requirement or {}).get("values") or ()
        if operator in ("In", "NotIn") and not values:
            found.append(errors.required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
        elif operator in ("Exists", "DoesNotExist") and values:
            found.append(
                errors.forbidden_field(
                    f"{at}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                )
            )
        elif operator not in _OPERATORS and name == "labelSelector":
            # A field selector's operators may be newer than the server.
            found.append(errors.invalid(f"{at}.operator", operator, "not a valid selector operator"))
        if not (requirement or {}).get("key"):
            found.append(errors.required(f"{at}.key", "must be specified"))
    return found


def _subject_errors(spec: Mapping[str, Any]) -> list[FieldError]:
    if spec.get("user") or spec.get("groups"):
        return []
    return [errors.invalid("spec.user", spec.get("user") or "", "at least one of user or group must be specified")]


def _metadata_errors(review: Document) -> list[FieldError]:
    given = {key: value for key, value in review["metadata"].items() if key != "managedFields" and value}
    return [errors.invalid("metadata", given, "must be empty")] if given else []


def _local_errors(review: Document, spec: Mapping[str, Any]) -> list[FieldError]:
    metadata = review["metadata"]
    given = {key: value for key, value in metadata.items() if key not in ("managedFields", "namespace") and value}
    found = []
    if given:
        shown = {**given, "namespace": metadata.get("namespace")}
        found.append(errors.invalid("metadata", shown, "must be empty except for namespace"))
    resource = spec.get("resourceAttributes")
    if resource is not None and (resource.get("namespace") or "") != metadata.get("namespace"):
        found.append(
            errors.invalid(
                "spec.resourceAttributes.namespace", resource.get("namespace") or "", "must match metadata.namespace"
            )
        )
    if spec.get("nonResourceAttributes") is not None:
        path = spec["nonResourceAttributes"]
        shown = {"Path": path.get("path") or "", "Verb": path.get("verb") or ""}
        found.append(errors.invalid("spec.nonResourceAttributes", shown, "disallowed on this kind of request"))
    return found


def _refuse(found: list[FieldError]) -> None:
    if found:
        # Kubernetes names the kind of its internal object here, which has none.
        raise Invalid.of(GROUP, "", "", found)
