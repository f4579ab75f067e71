"""
The paths of a resource and what can be done with them, in OpenAPI v3 form.

Clients read little of this, but that little must be right: `x-kubernetes-action` and `x-kubernetes-group-version-kind` of every operation, and the
query parameters of PATCH, by which kubectl decides whether the server validates fields and can do dry runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from solovirt.machinery.resource import Flavour, Resource, Subresource, Version
from solovirt.machinery.schema import meta
from solovirt.machinery.schema.openapi import names
from solovirt.machinery.schema.openapi.definitions import Components
from solovirt.machinery.schema.structural import Schema

Operation = dict[str, Any]


def _query(name: str, type_: str, description: str) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": {"type": type_, "uniqueItems": True}}


def _path(name: str, description: str) -> Schema:
    schema = {"type": "string", "uniqueItems": True}
    return {"name": name, "in": "path", "description": description, "required": True, "schema": schema}


PRETTY = _query("pretty", "string", "true: the answer is indented.")
NAMESPACE = _path("namespace", "Namespace of the objects.")
_DRY_RUN = _query("dryRun", "string", "All: go through every step but store nothing.")
_FIELD_MANAGER = _query(
    "fieldManager",
    "string",
    "Who makes the change, at most 128 printable characters. Needed for apply patches; else taken from the user agent.",
)
_FIELD_VALIDATION = _query(
    "fieldValidation", "string", "What becomes of unknown and duplicate fields: Ignore, Warn (the default) or Strict."
)
_FORCE = _query("force", "boolean", "Take over fields that belong to other managers. For apply patches only.")
_WRITE = [_DRY_RUN, _FIELD_MANAGER, _FIELD_VALIDATION]
_CONTINUE = _query(
    "continue", "string", "Token of the previous page; the other parameters must be the same as for that page."
)
_FIELD_SELECTOR = _query("fieldSelector", "string", "Only objects whose fields match.")
_LABEL_SELECTOR = _query("labelSelector", "string", "Only objects whose labels match.")
_LIMIT = _query("limit", "integer", "Size of a page; the answer then has a token for the next one.")
_RESOURCE_VERSION = _query(
    "resourceVersion", "string", "Version from which, or not older than which, is to be answered."
)
_RESOURCE_VERSION_MATCH = _query(
    "resourceVersionMatch", "string", "How resourceVersion is meant: Exact or NotOlderThan."
)
_SEND_INITIAL = _query("sendInitialEvents", "boolean", "Begin a watch with all existing objects, then a bookmark.")
_TIMEOUT = _query("timeoutSeconds", "integer", "Seconds after which a list or watch ends.")
LIST = [
    _query("allowWatchBookmarks", "boolean", "Send bookmarks in a watch."),
    _CONTINUE,
    _FIELD_SELECTOR,
    _LABEL_SELECTOR,
    _LIMIT,
    _RESOURCE_VERSION,
    _RESOURCE_VERSION_MATCH,
    _SEND_INITIAL,
    _TIMEOUT,
    _query("watch", "boolean", "Stream changes instead of listing."),
]
_DELETE = [
    _DRY_RUN,
    _query("gracePeriodSeconds", "integer", "Seconds the object may take to end; 0 deletes at once."),
    _query("ignoreStoreReadErrorWithClusterBreakingPotential", "boolean", "Delete even what cannot be read."),
    _query("orphanDependents", "boolean", "Deprecated: true is the propagation policy Orphan, false Background."),
    _query("propagationPolicy", "string", "What happens to dependents: Background, Foreground or Orphan."),
]
_DELETE_COLLECTION = sorted(
    [*_DELETE, *(one for one in LIST if one["name"] not in ("allowWatchBookmarks", "watch"))],
    key=lambda one: one["name"],
)

_BUILT_IN_TYPES = ("application/json", "application/vnd.kubernetes.protobuf", "application/yaml")
_CUSTOM_TYPES = ("application/json", "application/yaml")
_PATCH_TYPES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
# Methods of a subresource that is a connection rather than an object, by verb.
_CONNECT = {"get": "get", "create": "post", "update": "put", "patch": "patch", "delete": "delete"}
UNAUTHORIZED = {"401": {"description": "Unauthorized"}}


class Paths:
    """Writes the paths of one resource in one version."""

    def __init__(
        self, resource: Resource, version: Version, schema: Mapping[str, Any] | None, components: Components
    ) -> None:
        """Without *schema* the resource has no objects here, only subresources that act (subresources.kubevirt.io)."""
        self._resource = resource
        self._version = version.name
        self._schema = schema or {}
        self._components = components
        self._built_in = resource.flavour is Flavour.BUILT_IN
        self._types = _BUILT_IN_TYPES if self._built_in else _CUSTOM_TYPES
        self._object = {} if schema is None else components.kind(resource, version.name, schema)
        # What operations are named after.
        self._noun = resource.kind or "".join(part[:1].upper() + part[1:] for part in resource.plural.split("-"))

    def write(self) -> dict[str, Any]:
        resource = self._resource
        root = "/" + names.document(resource.group, self._version)
        space = "Namespaced" if resource.namespaced else ""
        base = f"{root}/namespaces/{{namespace}}/{resource.plural}" if space else f"{root}/{resource.plural}"
        common = [NAMESPACE, PRETTY] if space else [PRETTY]
        out: dict[str, Any] = {}
        kind = self._noun
        if space and "list" in resource.verbs:
            operation = self._list(f"{kind}ForAllNamespaces")
            out[f"{root}/{resource.plural}"] = {"get": operation, "parameters": [PRETTY]}
        collection = self._collection(space)
        if collection:
            out[base] = {**collection, "parameters": common}
        named = [_path("name", f"Name of the {kind}."), *common]
        item = {} if resource.virtual else self._item(space)
        if item:
            out[f"{base}/{{name}}"] = {**item, "parameters": named}
        for subresource in self._subresources():
            operations = self._subresource(space, subresource)
            if operations:
                out[f"{base}/{{name}}/{subresource.name}"] = {**operations, "parameters": named}
        if self._built_in and "watch" in resource.verbs:
            out.update(self._watches(root, base, space, named))
        return out

    def _subresources(self) -> Iterable[Subresource]:
        if self._resource.status_subresource:
            yield Subresource("status", verbs=("get", "patch", "update"), kind=self._resource.kind)
        for subresource in self._resource.subresources:
            if subresource.name != "status" or not self._resource.status_subresource:
                yield subresource

    def _collection(self, space: str) -> dict[str, Operation]:
        kind, verbs = self._resource.kind, self._resource.verbs
        out: dict[str, Operation] = {}
        if "list" in verbs and self._resource.virtual and not kind:
            text = f"Get {self._resource.plural}."
            out["get"] = self._operation("connect", "connect", f"Get{space}{self._noun}", text, types=("*/*",))
        elif "list" in verbs:
            out["get"] = self._list(f"{space}{kind}")
        if "create" in verbs:
            out["post"] = self._write("create", "post", f"{space}{kind}", "Create a", ("200", "201", "202"))
        if "update" in verbs and self._resource.virtual:
            text = f"Send to {self._resource.plural}."
            out["put"] = self._operation("connect", "connect", f"Put{space}{self._noun}", text, types=("*/*",))
        if "deletecollection" in verbs:
            out["delete"] = self._operation(
                "delete",
                "deletecollection",
                f"Collection{space}{kind}",
                f"Delete a collection of {kind} objects.",
                parameters=_DELETE_COLLECTION,
                body={"*/*": self._components.model(meta.DeleteOptions)},
                answer=self._components.model(meta.Status),
            )
        return out

    def _item(self, space: str) -> dict[str, Operation]:
        kind, verbs = self._resource.kind, self._resource.verbs
        what = f"{space}{kind}"
        out: dict[str, Operation] = {}
        if "get" in verbs:
            out["get"] = self._operation("read", "get", what, f"Read a {kind}.", answer=self._object)
        if "update" in verbs:
            out["put"] = self._write("replace", "put", what, "Replace a", ("200", "201"))
        if "delete" in verbs:
            answer = self._object if self._resource.returns_deleted else self._components.model(meta.Status)
            out["delete"] = self._operation(
                "delete",
                "delete",
                what,
                f"Delete a {kind}.",
                parameters=_DELETE,
                body={"*/*": self._components.model(meta.DeleteOptions)},
                answer=answer,
                codes=("200", "202"),
            )
        if "patch" in verbs:
            out["patch"] = self._patch(what, f"Change parts of a {kind}.", self._object)
        return out

    def _subresource(self, space: str, subresource: Subresource) -> dict[str, Operation]:
        resource = self._resource
        own_kind = (
            bool(self._object) and subresource.kind == resource.kind and subresource.group in (None, resource.group)
        )
        what = f"{space}{self._noun}{''.join(part[:1].upper() + part[1:] for part in subresource.name.split('/'))}"
        text = f"{subresource.name} of a {self._noun}"
        gvk = {
            "group": resource.group if subresource.group is None else subresource.group,
            "version": subresource.version or self._version,
            "kind": subresource.kind,
        }
        own_model = None if own_kind or subresource.model is None else self._components.model(subresource.model.load())
        if own_kind or own_model is not None or subresource.name == "scale":
            schema = self._object if own_kind else own_model or self._components.model(meta.Scale)
            out: dict[str, Operation] = {}
            if "get" in subresource.verbs:
                out["get"] = self._operation("read", "get", what, f"Read the {text}.", answer=schema, gvk=gvk)
            if "update" in subresource.verbs:
                out["put"] = self._write(
                    "replace", "put", what, f"Replace the {text}", ("200", "201"), schema=schema, gvk=gvk
                )
            if "patch" in subresource.verbs:
                out["patch"] = self._patch(what, f"Change parts of the {text}.", schema, gvk)
            if "create" in subresource.verbs:
                out["post"] = self._write(
                    "create", "post", what, f"Create the {text}", ("200", "201", "202"), schema=schema, gvk=gvk
                )
            return out
        return {
            method: self._operation(
                "connect", "connect", f"{method.capitalize()}{what}", f"Connect to the {text}.", types=("*/*",), gvk=gvk
            )
            for verb, method in _CONNECT.items()
            if verb in subresource.verbs
        }

    def _watches(self, root: str, base: str, space: str, named: list[Schema]) -> dict[str, Any]:
        resource = self._resource
        event = self._components.model(meta.WatchEvent)
        streams = (*self._types, "application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")

        def watch(action: str, what: str, parameters: list[Schema]) -> dict[str, Any]:
            text = f"Watch {resource.kind} objects. Deprecated: list with the parameter watch does the same."
            operation = self._operation("watch", action, what, text, answer=event, types=streams)
            return {"get": operation, "parameters": sorted([*LIST, *parameters], key=lambda one: one["name"])}

        out: dict[str, Any] = {}
        if space:
            all_of_them = watch("watchlist", f"{resource.kind}ListForAllNamespaces", [PRETTY])
            out[f"{root}/watch/{resource.plural}"] = all_of_them
        below = base.replace(root, f"{root}/watch", 1)
        out[below] = watch("watchlist", f"{space}{resource.kind}List", named[1:])
        if "get" in resource.verbs:
            out[f"{below}/{{name}}"] = watch("watch", f"{space}{resource.kind}", named)
        return out

    def _list(self, what: str) -> Operation:
        answer = self._components.list_of(self._resource, self._version, self._schema)
        types = self._types
        if self._built_in:
            types = (*types, "application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")
        text = f"List or watch {self._resource.kind} objects."
        return self._operation("list", "list", what, text, parameters=LIST, answer=answer, types=types)

    def _write(
        self,
        verb: str,
        action: str,
        what: str,
        text: str,
        codes: tuple[str, ...],
        *,
        schema: Schema | None = None,
        gvk: Schema | None = None,
    ) -> Operation:
        body = schema or self._object
        media = ("*/*",) if self._built_in else self._types
        description = f"{text}." if schema else f"{text} {self._resource.kind}."
        return self._operation(
            verb,
            action,
            what,
            description,
            parameters=_WRITE,
            body=dict.fromkeys(media, body),
            required=True,
            answer=body,
            codes=codes,
            gvk=gvk,
        )

    def _patch(self, what: str, text: str, schema: Schema, gvk: Schema | None = None) -> Operation:
        patch = self._components.model(meta.Patch)
        types = _PATCH_TYPES if self._built_in else _PATCH_TYPES[:-1]
        return self._operation(
            "patch",
            "patch",
            what,
            text,
            parameters=[*_WRITE, _FORCE],
            body=dict.fromkeys(types, patch),
            required=True,
            answer=schema,
            codes=("200", "201"),
            gvk=gvk,
        )

    def _operation(
        self,
        verb: str,
        action: str,
        what: str,
        description: str,
        *,
        parameters: list[Schema] | None = None,
        body: dict[str, Schema] | None = None,
        required: bool = False,
        answer: Schema | None = None,
        codes: tuple[str, ...] = ("200",),
        types: tuple[str, ...] | None = None,
        gvk: Schema | None = None,
    ) -> Operation:
        group = self._resource.group
        out: Operation = {
            "tags": [names.tag(group, self._version)],
            "description": description,
            "operationId": names.operation(verb, group, self._version, what),
        }
        if parameters:
            out["parameters"] = parameters
        if body:
            out["requestBody"] = {"content": {media: {"schema": schema} for media, schema in body.items()}}
            if required:
                out["requestBody"]["required"] = True
        content = {media: {"schema": answer or {"type": "string"}} for media in types or self._types}
        words = {"200": "OK", "201": "Created", "202": "Accepted"}
        out["responses"] = {code: {"description": words[code], "content": content} for code in codes} | UNAUTHORIZED
        out["x-kubernetes-action"] = action
        named = gvk or {"group": group, "version": self._version, "kind": self._resource.kind}
        if named["kind"]:
            out["x-kubernetes-group-version-kind"] = named
        return out
