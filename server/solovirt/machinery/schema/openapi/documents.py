"""
The documents that are served, built on demand and kept as bytes.

Each group and version has a v3 document of its own, built when it is asked for, or when the index or v2 needs all of them. What
is built is forgotten when the registry changes. Building all takes some tenths of a second of pure Python: call it from a thread
(`asyncio.to_thread`); one lock makes each document be built once.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from solovirt.machinery.resource import Flavour
from solovirt.machinery.schema import meta
from solovirt.machinery.schema.openapi import gnostic, names, swagger
from solovirt.machinery.schema.openapi.definitions import Components
from solovirt.machinery.schema.openapi.operations import UNAUTHORIZED, Paths

if TYPE_CHECKING:
    from solovirt.machinery.registry import Registry
    from solovirt.machinery.schema.protocol import Schemas


@dataclass(frozen=True, slots=True)
class Hashed:
    """A document and the upper-case hexadecimal SHA-512 of its bytes: its `hash` parameter and, in quotes, its ETag."""

    content: bytes
    hash: str

    @classmethod
    def of(cls, content: bytes) -> Hashed:
        return cls(content, hashlib.sha512(content).hexdigest().upper())


class OpenAPI:
    """The OpenAPI documents of everything that *registry* serves. *version* is the server's, as /version says it."""

    def __init__(self, registry: Registry, schemas: Schemas, *, version: str = "v1.36.2") -> None:
        self._registry = registry
        self._schemas = schemas
        self._info = {"title": "Kubernetes", "version": version}
        self._generation = registry.generation
        self._lock = threading.RLock()
        self._documents: dict[str, Hashed] = {}
        self._swagger: dict[str, Hashed] = {}

    def paths(self) -> list[str]:
        """The v3 documents there are, by their path below /openapi/v3: `api`, `api/v1`, `apis/kubevirt.io/v1`, `version`, …"""
        out = {"api", "apis", "version"}
        for group in self._registry.groups():
            out.update(names.document(group.name, version) for version in group.versions)
            if group.name and self._is_built_in(group.name):
                out.add(names.document(group.name))
        return sorted(out)

    def v3_index(self) -> Hashed:
        """The body of /openapi/v3: every document with its hash."""
        with self._lock:
            self._check_generation()
            if "" not in self._documents:
                paths = {
                    path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={self._v3(path).hash}"}
                    for path in self.paths()
                }
                self._documents[""] = Hashed.of(orjson.dumps({"paths": paths}))
            return self._documents[""]

    def v3(self, path: str) -> Hashed | None:
        """The document at *path* below /openapi/v3 (`apis/kubevirt.io/v1`), or None if there is none."""
        with self._lock:
            self._check_generation()
            return self._v3(path) if path in self.paths() else None

    def v2_json(self) -> Hashed:
        """The Swagger 2.0 document as JSON."""
        return self._v2("json")

    def v2_protobuf(self) -> Hashed:
        """The Swagger 2.0 document as the protobuf message openapi.v2.Document."""
        return self._v2("protobuf")

    def build(self, path: str) -> dict[str, Any]:
        """The v3 document at *path*, as a tree, not cached. Raises KeyError if there is none."""
        if path not in self.paths():
            raise KeyError(path)
        components = Components(self._kinds())
        content = dict(sorted(self._content(path, components)))
        return {
            "openapi": "3.0.0",
            "info": self._info,
            "paths": content,
            "components": {
                "schemas": dict(sorted(components.schemas.items())),
                "securitySchemes": {
                    "BearerToken": {
                        "type": "apiKey",
                        "description": "A bearer token.",
                        "name": "authorization",
                        "in": "header",
                    }
                },
            },
        }

    def _kinds(self) -> dict[str, list[dict[str, str]]]:
        """What definitions that are not only a custom resource's call themselves: built-in kinds, and the shared ones."""
        out = {meta.META + kind: [_gvk("", "v1", kind)] for kind in _DISCOVERY_KINDS}
        out["io.k8s.api.autoscaling.v1.Scale"] = [_gvk("autoscaling", "v1", "Scale")]
        spoken = {("", "v1")}
        for resource in self._registry:
            if resource.flavour is Flavour.BUILT_IN:
                for version in resource.versions:
                    spoken.add((resource.group, version.name))
                    name = names.of_built_in(resource.group, version.name, resource.kind)
                    out[name] = [_gvk(resource.group, version.name, resource.kind)]
        for kind in ("DeleteOptions", "WatchEvent"):
            out[meta.META + kind] = [_gvk(group, version, kind) for group, version in sorted(spoken)]
        return out

    def _check_generation(self) -> None:
        if self._generation != self._registry.generation:
            self._generation = self._registry.generation
            self._documents.clear()
            self._swagger.clear()

    def _v3(self, path: str) -> Hashed:
        if path not in self._documents:
            self._documents[path] = Hashed.of(orjson.dumps(self.build(path)))
        return self._documents[path]

    def _v2(self, form: str) -> Hashed:
        with self._lock:
            self._check_generation()
            if form not in self._swagger:
                document = swagger.swagger((self.build(path) for path in self.paths()), self._info)
                self._swagger["json"] = Hashed.of(orjson.dumps(document))
                self._swagger["protobuf"] = Hashed.of(gnostic.document(document))
            return self._swagger[form]

    def _is_built_in(self, group: str) -> bool:
        return any(one.group == group and one.flavour is Flavour.BUILT_IN for one in self._registry)

    def _content(self, path: str, components: Components) -> Iterator[tuple[str, Any]]:
        group, version = _parse(path)
        if path == "version":
            yield (
                "/version/",
                _read("version", "getCodeVersion", "Which version the server is.", components.model(meta.Info)),
            )
        elif path == "api":
            schema = components.model(meta.APIVersions)
            yield "/api/", _read("core", "getCoreAPIVersions", "The versions of the core API.", schema)
        elif path == "apis":
            schema = components.model(meta.APIGroupList)
            yield "/apis/", _read("apis", "getAPIVersions", "All API groups.", schema)
        elif not version:
            schema = components.model(meta.APIGroup)
            text = "The versions of the group."
            yield f"/{path}/", _read(names.tag(group), names.operation("get", group, "", "APIGroup"), text, schema)
        else:
            schema = components.model(meta.APIResourceList)
            name = names.operation("get", group, version, "APIResources")
            yield f"/{path}/", _read(names.tag(group, version), name, "The resources of the group and version.", schema)
            yield from self._resources(group, version, components)

    def _resources(self, group: str, version: str, components: Components) -> Iterator[tuple[str, Any]]:
        for resource in self._registry:
            served = resource.version(version) if resource.group == group else None
            if served is None:
                continue
            has_objects = served.model is not None or served.schema is not None
            schema = self._schemas.of(resource, served).structural if has_objects else None
            yield from Paths(resource.at(version), served, schema, components).write().items()


_DISCOVERY_KINDS = ("Status", "APIVersions", "APIGroup", "APIGroupList", "APIResourceList")


def _gvk(group: str, version: str, kind: str) -> dict[str, str]:
    return {"group": group, "version": version, "kind": kind}


def _parse(path: str) -> tuple[str, str]:
    """Group and version of a document's path; either may be empty."""
    root, _, rest = path.partition("/")
    if root == "api":
        return "", rest
    group, _, version = rest.partition("/")
    return group, version


def _read(tag: str, name: str, text: str, schema: dict[str, Any]) -> dict[str, Any]:
    content = {media: {"schema": schema} for media in ("application/json", "application/yaml")}
    return {
        "get": {
            "tags": [tag],
            "description": text,
            "operationId": name,
            "responses": {"200": {"description": "OK", "content": content}} | UNAUTHORIZED,
        }
    }
