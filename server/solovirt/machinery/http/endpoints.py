"""
What is served at a group, version and plural, with everything that can be made ready once.

The set follows the registry: a change of its generation empties the cache, so that a kind registered at run time is there with the next
request.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import orjson

from solovirt.machinery.admission import Behaviour
from solovirt.machinery.http import tables
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Flavour, Resource, Subresource, Version
from solovirt.machinery.store import encoding
from solovirt.machinery.verbs.protocol import Api, Target
from solovirt.machinery.verbs.views import Renaming, ViewApi


@dataclass(frozen=True, slots=True)
class Envelope:
    """A list around its items: *head*, resourceVersion and what else metadata has, *tail*."""

    built_in: bool
    api_version: bytes
    kind: bytes

    def head(self, metadata: bytes) -> bytes:
        """Everything before the items; *metadata* is the ListMeta, encoded."""
        if self.built_in:
            return b'{"kind":%b,"apiVersion":%b,"metadata":%b,"items":[' % (self.kind, self.api_version, metadata)
        return b'{"apiVersion":%b,"items":[' % self.api_version

    def tail(self, metadata: bytes) -> bytes:
        """Everything after the items."""
        if self.built_in:
            return b"]}"
        return b'],"kind":%b,"metadata":%b}' % (self.kind, metadata)


def list_meta(revision: int, continue_token: str = "", remaining: int | None = None) -> bytes:
    """A metav1.ListMeta, encoded."""
    metadata: dict[str, object] = {"resourceVersion": str(revision)}
    if continue_token:
        metadata["continue"] = continue_token
    if remaining is not None:
        metadata["remainingItemCount"] = remaining
    return orjson.dumps(metadata)


class Endpoint:
    """One version of one resource, as it is served."""

    def __init__(self, resource: Resource, version: Version) -> None:
        self.resource = resource
        self.version = version
        self.built_in = resource.flavour is Flavour.BUILT_IN
        self.api_version = resource.api_version(version.name)
        self.verbs = frozenset(resource.verbs)
        # What every request for a deprecated version is warned with; Kubernetes has a text for versions that bring none.
        self.deprecation: str | None = None
        if version.deprecated:
            self.deprecation = version.deprecation_warning or f"{self.api_version} {resource.kind} is deprecated"
        self.prefix = encoding.prefix(self.api_version, resource.kind)
        # A built-in kind's list items carry neither kind nor apiVersion (reference kubernetes-api.md 2.1).
        self.item_prefix = encoding.BARE_PREFIX if self.built_in else self.prefix
        self.envelope = Envelope(self.built_in, orjson.dumps(self.api_version), orjson.dumps(resource.list_kind_name))
        self.subresources = {sub.name: sub for sub in resource.subresources}
        self.renaming = Renaming(resource) if resource.view is not None else None
        self.has_status = resource.status_subresource or "status" in self.subresources

    @property
    def stored(self) -> Resource:
        """The kind whose objects these are: another's, if this one is a view of it."""
        return self.resource if self.renaming is None else self.renaming.stored

    def api(self, api: Api) -> Api:
        """The verbs, as they act on this endpoint's objects."""
        return api if self.renaming is None else ViewApi(api, self.renaming)

    @cached_property
    def bodies(self) -> dict[str, Endpoint]:
        """The bodies of subresources that have a type of their own, as endpoints to decode by."""
        return {
            name: Endpoint(_body(self.resource, sub), Version(sub.version or self.version.name, sub.model))
            for name, sub in self.subresources.items()
            if sub.model is not None
        }

    @cached_property
    def table(self) -> tables.Layout:
        """The columns, compiled."""
        return tables.Layout(self.resource, self.version)

    def list_metadata(self, revision: int, continue_token: str = "", remaining: int | None = None) -> bytes:
        """The metadata of a list of whole objects. Custom kinds show an empty `continue` on a list that is complete, keys by name."""
        if self.built_in:
            return list_meta(revision, continue_token, remaining)
        metadata: dict[str, object] = {"continue": continue_token}
        if remaining is not None:
            metadata["remainingItemCount"] = remaining
        metadata["resourceVersion"] = str(revision)
        return orjson.dumps(metadata)

    def target(self, namespace: str, name: str = "", subresource: str = "") -> Target:
        return Target(
            self.resource, self.version.name, namespace if self.resource.namespaced else "", name, subresource
        )


def _body(parent: Resource, subresource: Subresource) -> Resource:
    """The type of a subresource's body, declared as a kind that is not stored."""
    return Resource(
        group=parent.group if subresource.group is None else subresource.group,
        kind=subresource.kind,
        plural=parent.plural,
        singular="",
        scope=parent.scope,
        versions=(Version(subresource.version or parent.storage_version.name, subresource.model),),
        behaviour=Behaviour(),
        flavour=parent.flavour,
        virtual=True,
    )


class Endpoints:
    """All endpoints, by what their paths say."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._generation = -1
        self._found: dict[tuple[str, str, str], Endpoint] = {}
        self._built_in: frozenset[tuple[str, str]] = frozenset()

    def find(self, group: str, version: str, plural: str) -> Endpoint | None:
        """The endpoint at this path, None if nothing is served there."""
        if self._generation != self._registry.generation:
            self._refresh()
        key = (group, version, plural)
        endpoint = self._found.get(key)
        if endpoint is None and (found := self._registry.find(group, version, plural)) is not None:
            endpoint = self._found[key] = Endpoint(*found)
        return endpoint

    def is_built_in(self, group: str, version: str) -> bool:
        """Whether the version belongs to a built-in group, where an unknown path is answered with a Status rather than text."""
        if self._generation != self._registry.generation:
            self._refresh()
        return (group, version) in self._built_in

    def _refresh(self) -> None:
        self._generation = self._registry.generation
        self._found = {}
        self._built_in = frozenset(
            (resource.group, version.name)
            for resource in self._registry
            if resource.flavour is Flavour.BUILT_IN
            for version in resource.versions
            if version.served
        )
