"""
The `scale` subresource: an object seen as a number of replicas (reference kubernetes-api.md 1.1, 3.2).

A Scale is computed from the object whenever it is asked for; writing one writes the object's wanted number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from solovirt.machinery import errors
from solovirt.machinery.errors import BadRequest, Conflict, InternalError, Invalid
from solovirt.machinery.resource import Document, ScalePaths
from solovirt.machinery.verbs.protocol import Api, Caller, Stored, Target

_SHOWN = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
_OPERATORS = {"In": "in", "NotIn": "notin"}
_INT32 = 2**31 - 1
# The number that an object without one shows to whoever writes its scale, in Kubernetes too.
_UNSET = -(2**31)


def scale_of(document: Document, paths: ScalePaths, default: int | None = None) -> Document:
    """
    The autoscaling/v1 Scale of *document*.

    If it does not say how many replicas are wanted, that is *default*; without one, raises InternalError as Kubernetes does.
    """
    wanted = _number(document, paths.spec_replicas)
    if wanted is None:
        wanted = default
    if wanted is None:
        # k8s.io/apiextensions-apiserver, pkg/registry/customresource/etcd.go
        raise InternalError.of(f"the spec replicas field {errors.go_value(paths.spec_replicas)} does not exist")
    meta = document["metadata"]
    status: Document = {"replicas": _number(document, paths.status_replicas) or 0}
    selector = _at(document, paths.label_selector) if paths.label_selector else None
    if isinstance(selector, Mapping):
        selector = selector_text(selector)
    if isinstance(selector, str) and selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: meta[name] for name in _SHOWN if name in meta},
        "spec": {"replicas": wanted} if wanted else {},
        "status": status,
    }


async def write(
    api: Api, target: Target, paths: ScalePaths, change: Callable[[Document], Any], caller: Caller
) -> tuple[Stored, Document]:
    """
    Replace the object's Scale by what *change* makes of it; the answer is the new one.

    Raises Conflict if the result has another resourceVersion than the object, Invalid if it can't be.
    """
    resource = target.resource

    def edit(document: Document) -> None:
        before = scale_of(document, paths, default=_UNSET)
        scale = change(before)
        meta = scale.get("metadata") if isinstance(scale, dict) else None
        asked = (meta or {}).get("resourceVersion") if isinstance(meta, dict) else None
        if asked and asked != document["metadata"].get("resourceVersion"):
            raise Conflict.of(resource.group_resource, target.name)
        if ((scale.get("spec") if isinstance(scale, dict) else None) or {}) == {"replicas": _UNSET}:
            field = errors.go_value(paths.spec_replicas)
            raise BadRequest(f"the spec replicas field {field} cannot be empty")
        _set(document, paths.spec_replicas, _replicas(scale, target.name))

    stored = await api.edit(target, edit, caller)
    document = stored.record.document(resource.api_version(target.version), resource.kind)
    return stored, scale_of(document, paths)


def rescale(document: Document, paths: ScalePaths, scale: Document) -> None:
    """Have *document*, in place, want as many replicas as *scale*. Raises Invalid if that is no number of them."""
    _set(document, paths.spec_replicas, _replicas(scale, document["metadata"]["name"]))


def selector_text(selector: Mapping[str, Any]) -> str:
    """A LabelSelector, or a plain map of labels, as text: `app=a,tier in (x,y)`."""
    if not selector.keys() & {"matchLabels", "matchExpressions"}:
        return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    out = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for one in selector.get("matchExpressions") or ():
        key, operator = one.get("key", ""), one.get("operator", "")
        if operator in _OPERATORS:
            out.append(f"{key} {_OPERATORS[operator]} ({','.join(sorted(one.get('values') or ()))})")
        else:
            out.append(key if operator == "Exists" else f"!{key}")
    return ",".join(out)


def _replicas(scale: Any, name: str) -> int:
    spec = scale.get("spec") if isinstance(scale, dict) else None
    replicas = (spec or {}).get("replicas", 0) if isinstance(spec or {}, dict) else None
    if replicas is None:
        replicas = 0
    found = None
    if isinstance(replicas, bool) or not isinstance(replicas, int) or replicas > _INT32:
        found = errors.invalid("spec.replicas", replicas, "must be an integer")
    elif replicas < 0:
        found = errors.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
    if found is not None:
        raise Invalid.of("autoscaling", "Scale", name, [found])
    return int(replicas)


def _steps(path: str) -> list[str]:
    return path.removeprefix(".").split(".")


def _at(document: Document, path: str) -> Any:
    value: Any = document
    for step in _steps(path):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def _number(document: Document, path: str) -> int | None:
    value = _at(document, path)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _set(document: Document, path: str, value: int) -> None:
    *above, last = _steps(path)
    for step in above:
        document = document.setdefault(step, {})
    document[last] = value
