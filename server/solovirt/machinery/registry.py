"""
The set of kinds being served.

Built-in kinds are registered while the control plane is put together; users' CustomResourceDefinitions come and go at run time.
Whoever derives something from the set (routes, discovery, OpenAPI) compares `generation` instead of subscribing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from solovirt.machinery.resource import GroupResource, Resource, Version
from solovirt.machinery.versions import priority

if TYPE_CHECKING:
    from solovirt.machinery.resource import ObjectKey
    from solovirt.machinery.store.protocol import View
    from solovirt.machinery.verbs.protocol import SubresourceRequest

    Handler = Callable[[SubresourceRequest], Awaitable[Any]]
    Preparation = Callable[[str, str], Awaitable[None]]
    Limit = Callable[[GroupResource, ObjectKey, View], None]


@dataclass(frozen=True, slots=True)
class Group:
    """An API group with its versions, preferred first."""

    name: str
    versions: tuple[str, ...]


class Registry:
    """Resources by group, version and plural."""

    def __init__(self) -> None:
        self._resources: dict[GroupResource, Resource] = {}
        self._handlers: dict[tuple[GroupResource, str], Handler] = {}
        self._preparations: dict[GroupResource, Preparation] = {}
        self.farewells: list[Callable[[GroupResource], None]] = []
        """Called with what is not served any more, for whoever waits for something of it to happen."""
        self.limits: list[Limit] = []
        """Asked before there is one more object of a resource in a namespace; each raises Forbidden if that is too many."""
        # Preference of groups in /apis is the order of registration; that of versions in a group follows from their names.
        self.generation = 0

    def register(self, resource: Resource) -> None:
        """Serve *resource* from now on, in place of one of the same group and plural."""
        self._resources[resource.group_resource] = resource
        self.generation += 1

    def unregister(self, resource: GroupResource) -> None:
        """Stop serving; nothing happens if it is not served."""
        if self._resources.pop(resource, None) is not None:
            self.generation += 1
            for farewell in self.farewells:
                farewell(resource)

    def handle(self, resource: GroupResource, subresource: str, handler: Handler) -> None:
        """Let *handler* answer a declared subresource (or, with ``""``, a virtual resource)."""
        self._handlers[resource, subresource] = handler

    def handler(self, resource: GroupResource, subresource: str) -> Handler | None:
        return self._handlers.get((resource, subresource))

    def prepare(self, resource: GroupResource, preparation: Preparation) -> None:
        """Have *preparation* called, with verb and name, before clients' requests: for objects that are made when somebody looks."""
        self._preparations[resource] = preparation

    def preparation(self, resource: GroupResource) -> Preparation | None:
        return self._preparations.get(resource)

    def unhandled(self) -> list[str]:
        """Declared subresources and virtual resources that nobody handles; start-up fails unless empty."""
        missing = []
        for resource in self._resources.values():
            if resource.virtual and (resource.group_resource, "") not in self._handlers:
                missing.append(str(resource.group_resource))
            missing += [
                f"{resource.group_resource}/{sub.name}"
                for sub in resource.subresources
                if sub.name not in ("status", "scale") and (resource.group_resource, sub.name) not in self._handlers
            ]
        return missing

    def get(self, resource: GroupResource) -> Resource | None:
        return self._resources.get(resource)

    def selectable(self, resource: GroupResource) -> tuple[str, ...]:
        """Paths of the resource's selectable fields, in the order of `Index.fields`; none if it is not served."""
        served = self._resources.get(resource)
        return tuple(served.selectable_fields.values()) if served is not None else ()

    def find(self, group: str, version: str, plural: str) -> tuple[Resource, Version] | None:
        """The resource served at this path, as it is in this version, with the version."""
        resource = self._resources.get(GroupResource(group, plural))
        if resource is None or (served := resource.version(version)) is None:
            return None
        return resource.at(version), served

    def by_kind(self, group: str, kind: str) -> Resource | None:
        """The resource whose objects are of this kind (for owner references)."""
        return next((one for one in self._resources.values() if one.group == group and one.kind == kind), None)

    def __iter__(self) -> Iterator[Resource]:
        return iter(list(self._resources.values()))

    def groups(self) -> list[Group]:
        """All groups in the order of preference, the core group (``""``) among them."""
        versions: dict[str, dict[str, None]] = {}
        for resource in self._resources.values():
            of_group = versions.setdefault(resource.group, {})
            of_group.update((version.name, None) for version in resource.versions if version.served)
        return [Group(name, tuple(sorted(of_group, key=priority))) for name, of_group in versions.items()]
