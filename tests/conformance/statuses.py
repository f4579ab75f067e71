"""Status objects as reference kubernetes-api.md 4 shows them, and what it takes to be equal to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.conformance.conftest import Reply


def status(code: int, reason: str | None, message: str, details: Any = None) -> dict[str, Any]:
    """A Status as section 4 shows it: reason and details are left out, not null, where there are none."""
    out: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
    }
    if reason is not None:
        out["reason"] = reason
    if details is not None:
        out["details"] = details
    return {**out, "code": code}


def check(reply: Reply, expected: dict[str, Any]) -> None:
    assert (reply.status, reply.json) == (expected["code"], expected)
    # "Key order as shown."
    assert list(reply.json) == list(expected)
    assert reply.headers["Content-Type"] == "application/json"


def bad_request(message: str) -> dict[str, Any]:
    return status(400, "BadRequest", message)


def option_error(kind: str, text: str, field: str, reason: str) -> dict[str, Any]:
    """2.2: reason Invalid, 422, the group meta.k8s.io and an empty name."""
    cause = {"reason": reason, "message": text, "field": field}
    details = {"group": "meta.k8s.io", "kind": kind, "causes": [cause]}
    return status(422, "Invalid", f'{kind}.meta.k8s.io "" is invalid: {field}: {text}', details)


def unrecognised(kind: str, why: str, shown: str) -> dict[str, Any]:
    return bad_request(f"the object provided is unrecognized (must be of type {kind}): {why} ({shown})")


def invalid(kind: str, name: str, *causes: tuple[str, str, str], group: str = "") -> dict[str, Any]:
    """4: reason Invalid; *causes* are reason, field and message. One reads on its own, several in brackets."""
    texts = list(dict.fromkeys(f"{field}: {message}" for _, field, message in causes))
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details: dict[str, Any] = {"name": name} if name else {}
    if group:
        details["group"] = group
    details["kind"] = kind
    details["causes"] = [{"reason": reason, "message": message, "field": field} for reason, field, message in causes]
    return status(422, "Invalid", f'{kind}{"." + group if group else ""} "{name}" is invalid: {joined}', details)


def not_found(resource: str, name: str, group: str = "") -> dict[str, Any]:
    details = {"name": name, **({"group": group} if group else {}), "kind": resource}
    return status(404, "NotFound", f'{resource}{"." + group if group else ""} "{name}" not found', details)
