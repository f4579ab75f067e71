"""
What is served, told to clients (reference kubernetes-api.md 1.1, 1.2).

Legacy and aggregated documents are both derived from the registry and kept until it changes.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import orjson

from solovirt.machinery.http import failures, negotiation
from solovirt.machinery.resource import Flavour, Resource, Subresource

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiohttp import web

    from solovirt.machinery.http.exchange import Exchange
    from solovirt.machinery.registry import Registry
    from solovirt.machinery.resource import Document

_STATUS_VERBS = ("get", "patch", "update")
# The order in which the verbs of a CustomResourceDefinition's kind are listed.
_CUSTOM_ORDER = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_AGGREGATED_VERSIONS = ("v2", "v2beta1")
_OTHER_PATHS = (
    "/healthz",
    "/healthz/ping",
    "/livez",
    "/livez/ping",
    "/metrics",
    "/openapi/v2",
    "/openapi/v3",
    "/readyz",
    "/readyz/ping",
    "/readyz/shutdown",
    "/version",
)


class Discovery:
    """Answers the paths above resources: `/`, `/api…`, `/apis…` and `/version`."""

    def __init__(self, registry: Registry, version_info: Document, *, paths: Sequence[str] = ()) -> None:
        """*paths* are served by others, and listed at `/`."""
        self._registry = registry
        self._paths = tuple(paths)
        self._version = orjson.dumps(version_info)
        self._generation = -1
        self._documents: dict[str, bytes] = {}
        self._etags: dict[str, str] = {}

    def answer(self, request: Exchange, segments: list[str]) -> web.Response:
        """Answer GET of *segments*. Raises PlainNotFound if they lead nowhere."""
        if self._generation != self._registry.generation:
            self._build()
        path = "/" + "/".join(segments)
        if path == "/version":
            return request.shaped(self._version, request.wanted(negotiation.DATA))
        if path in ("/api", "/apis") and (version := _aggregated(request.accept)) is not None:
            return self._aggregated_answer(request, path, version)
        document = self._documents.get(path)
        if document is None:
            raise failures.PlainNotFound
        if path == "/api":
            host = request.http.headers.get("Host", "")
            document = document.replace(b'"serverAddress":""', b'"serverAddress":%b' % orjson.dumps(host))
        return request.shaped(document, request.wanted(negotiation.DATA))

    def _aggregated_answer(self, request: Exchange, path: str, version: str) -> web.Response:
        key = f"{path} {version}"
        etag = self._etags[key]
        if request.http.headers.get("If-None-Match") == etag:
            response = request.not_modified()
        else:
            content_type = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
            response = request.answer(self._documents[key], 200, content_type)
        response.headers["ETag"] = etag
        response.headers["Vary"] = "Accept"
        response.headers["Cache-Control"] = "public"
        return response

    def _build(self) -> None:
        self._generation = self._registry.generation
        served: dict[str, dict[str, list[Resource]]] = {
            group.name: {version: [] for version in group.versions} for group in self._registry.groups()
        }
        for resource in self._registry:
            for version in resource.versions:
                if version.served:
                    served[resource.group][version.name].append(resource.at(version.name))
        documents: dict[str, Any] = {}
        groups = []
        for group, versions in served.items():
            for name, resources in versions.items():
                root = f"/apis/{group}/{name}" if group else f"/api/{name}"
                documents[root] = _resource_list(group, name, resources)
            if group:
                described = _group(group, list(versions))
                groups.append(described)
                documents[f"/apis/{group}"] = {"kind": "APIGroup", "apiVersion": "v1", **described}
        documents["/apis"] = {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        documents["/api"] = {
            "kind": "APIVersions",
            "versions": list(served.get("", {"v1": []})),
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}],
        }
        documents["/"] = {"paths": sorted({*documents, *_OTHER_PATHS, *self._paths})}
        self._documents = {path: orjson.dumps(document) for path, document in documents.items()}
        for form in _AGGREGATED_VERSIONS:
            self._add_aggregated("/api", form, {"": served.get("", {})})
            self._add_aggregated("/apis", form, {name: one for name, one in served.items() if name})

    def _add_aggregated(self, path: str, version: str, served: dict[str, dict[str, list[Resource]]]) -> None:
        items = []
        for group, versions in served.items():
            described = [
                {
                    "version": one,
                    "resources": [_aggregated_resource(resource) for resource in _sorted(resources)],
                    "freshness": "Current",
                }
                for one, resources in versions.items()
            ]
            items.append({"metadata": {"name": group} if group else {}, "versions": described})
        document = {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": f"apidiscovery.k8s.io/{version}",
            "metadata": {},
            "items": items,
        }
        body = orjson.dumps(document)
        key = f"{path} {version}"
        self._documents[key] = body
        self._etags[key] = f'"{hashlib.sha512(body).hexdigest().upper()}"'


def _aggregated(accept: str) -> str | None:
    """The version of the aggregated form if the client prefers it, None for the legacy form."""
    for clause in negotiation.clauses(accept):
        parameters = clause.parameters
        if parameters.get("as") == "APIGroupDiscoveryList":
            version = parameters.get("v")
            if (
                clause.media_type == negotiation.JSON
                and parameters.get("g") == "apidiscovery.k8s.io"
                and version in _AGGREGATED_VERSIONS
            ):
                return version
        elif clause.media_type in (negotiation.JSON, negotiation.YAML, "*/*", "application/*") and not parameters.get(
            "as"
        ):
            return None
    return None


def _group(name: str, versions: list[str]) -> Document:
    described = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": described, "preferredVersion": described[0]}


def _sorted(resources: Iterable[Resource]) -> list[Resource]:
    """Those that are told of: built-in kinds by name, custom ones as they were registered."""
    given = [resource for resource in resources if resource.listed]
    if all(resource.flavour is Flavour.BUILT_IN for resource in given):
        given.sort(key=lambda resource: resource.plural)
    return given


def _subresources(resource: Resource) -> list[Subresource]:
    found = [sub for sub in resource.subresources if sub.listed]
    if resource.status_subresource and all(sub.name != "status" for sub in found):
        found.append(Subresource("status", _STATUS_VERBS, resource.kind))
    return sorted(found, key=lambda sub: sub.name)


def _verbs(resource: Resource) -> list[str]:
    if resource.flavour is Flavour.BUILT_IN:
        return list(resource.verbs)
    ordered = [verb for verb in _CUSTOM_ORDER if verb in resource.verbs]
    return ordered + [verb for verb in resource.verbs if verb not in ordered]


def _resource_list(group: str, version: str, resources: list[Resource]) -> Document:
    entries: list[Document] = []
    for resource in _sorted(resources):
        if resource.kind and (resource.verbs or not resource.subresources):
            entries.append(_entry(resource))
        elif resource.virtual:
            # As subresources of no kind below: the name alone.
            nothing: Document = {"singularName": "", "namespaced": resource.namespaced, "kind": "", "verbs": []}
            entries.append({"name": resource.plural, **nothing})
        for sub in _subresources(resource):
            entry: Document = {
                "name": f"{resource.plural}/{sub.name}",
                "singularName": "",
                "namespaced": resource.namespaced,
            }
            if sub.group is not None:
                entry["group"] = sub.group
            if sub.version is not None:
                entry["version"] = sub.version
            entry["kind"] = sub.kind
            # A subresource of no kind is shown without verbs too (reference kubevirt-subresources.md 1).
            entry["verbs"] = list(sub.verbs) if sub.kind else []
            entries.append(entry)
    document: Document = {"kind": "APIResourceList"}
    if group:
        document["apiVersion"] = "v1"
    document["groupVersion"] = f"{group}/{version}" if group else version
    document["resources"] = entries
    return document


def _entry(resource: Resource) -> Document:
    entry: Document = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _verbs(resource),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if not resource.virtual and resource.verbs:
        entry["storageVersionHash"] = _storage_hash(resource)
    return entry


def _storage_hash(resource: Resource) -> str:
    stored = resource.view.of if resource.view is not None else resource
    text = f"{stored.group}/{stored.storage_version.name}/{stored.kind}"
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()


def _aggregated_resource(resource: Resource) -> Document:
    # Empty group and version stand for those of the enclosing list.
    out: Document = {
        "resource": resource.plural,
        "responseKind": {"group": "", "version": "", "kind": resource.kind},
        "scope": resource.scope.value,
        "singularResource": resource.singular,
        "verbs": _verbs(resource),
    }
    if resource.short_names:
        out["shortNames"] = list(resource.short_names)
    if resource.categories:
        out["categories"] = list(resource.categories)
    subresources = [
        {
            "subresource": sub.name,
            "responseKind": {"group": sub.group or "", "version": sub.version or "", "kind": sub.kind},
            "verbs": list(sub.verbs),
        }
        for sub in _subresources(resource)
    ]
    if subresources:
        out["subresources"] = subresources
    return out
