"""
The rules of roles: what one allows, what one covers of another, and how refusals print them (reference kubernetes-api.md 6).

Rules only ever allow. `*` stands for all verbs, groups, resources (subresources too) and paths; `*/scale` for one subresource of everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from solovirt.machinery.auth.identity import Attributes
from solovirt.machinery.errors import go_value
from solovirt.machinery.resource import Document

_ALL = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """One PolicyRule."""

    verbs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    @classmethod
    def of(cls, document: dict[str, Any] | None) -> Rule:
        """Read an entry of a role's `rules`."""
        document = document or {}
        return cls(
            verbs=_texts(document.get("verbs")),
            groups=_texts(document.get("apiGroups")),
            resources=_texts(document.get("resources")),
            names=_texts(document.get("resourceNames")),
            paths=_texts(document.get("nonResourceURLs")),
        )

    def allows(self, attributes: Attributes) -> bool:
        """Whether the rule allows it."""
        if attributes.path:
            return self.allows_path(attributes.verb, attributes.path)
        return self.reaches(
            attributes.verb, attributes.group, attributes.resource, attributes.subresource
        ) and self.names_one(attributes.name)

    def allows_path(self, verb: str, path: str) -> bool:
        """Whether *verb* on a path that is no resource's is allowed. A pattern ends with `*`, which stands for anything."""
        if verb not in self.verbs and _ALL not in self.verbs:
            return False
        return any(
            pattern in (_ALL, path) or (pattern.endswith(_ALL) and path.startswith(pattern.rstrip(_ALL)))
            for pattern in self.paths
        )

    def reaches(self, verb: str, group: str, resource: str, subresource: str) -> bool:
        """Whether *verb* on some object of the resource is allowed: all but the names."""
        if verb not in self.verbs and _ALL not in self.verbs:
            return False
        if group not in self.groups and _ALL not in self.groups:
            return False
        resources = self.resources
        if _ALL in resources:
            return True
        if not subresource:
            return resource in resources
        return f"{resource}/{subresource}" in resources or f"*/{subresource}" in resources

    def names_one(self, name: str) -> bool:
        """Whether the rule is about all objects or about the one called *name* (``""`` where the request names none)."""
        return not self.names or name in self.names

    def parts(self) -> Iterator[Rule]:
        """The same as rules of one verb on one resource (of one name) or path each."""
        for group in self.groups:
            for resource in self.resources:
                for verb in self.verbs:
                    part = Rule((verb,), (group,), (resource,))
                    if self.names:
                        yield from (replace(part, names=(name,)) for name in self.names)
                    else:
                        yield part
        for path in self.paths:
            for verb in self.verbs:
                yield Rule((verb,), paths=(path,))

    def covers(self, part: Rule) -> bool:
        """Whether this rule allows everything that *part* (of `parts`) does."""
        if not (_all_in(part.verbs, self.verbs) and _all_in(part.groups, self.groups)):
            return False
        if not all(_resource_in(one, self.resources) for one in part.resources):
            return False
        if self.names and not (part.names and set(part.names) <= set(self.names)):
            return False
        return all(_path_in(one, self.paths) for one in part.paths)

    def resource_document(self) -> Document:
        """As a rules review shows what it says of resources."""
        out: Document = {
            "verbs": list(self.verbs),
            "apiGroups": list(self.groups),
            "resources": list(self.resources),
        }
        if self.names:
            out["resourceNames"] = list(self.names)
        return out

    def path_document(self) -> Document:
        """As a rules review shows what it says of paths."""
        return {"verbs": list(self.verbs), "nonResourceURLs": list(self.paths)}

    def __str__(self) -> str:
        """As refusals print it: `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`."""
        shown = (
            ("APIGroups", self.groups),
            ("Resources", self.resources),
            ("NonResourceURLs", self.paths),
            ("ResourceNames", self.names),
            ("Verbs", self.verbs),
        )
        return "{" + ", ".join(f"{name}:{go_strings(values)}" for name, values in shown if values) + "}"


EVERYTHING = (Rule((_ALL,), (_ALL,), (_ALL,)), Rule((_ALL,), paths=(_ALL,)))
"""What a cluster administrator may do."""


def go_strings(values: Iterable[str]) -> str:
    """Strings as Go's `%q` prints a slice of them: `["a" "b"]`."""
    return "[" + " ".join(go_value(value) for value in values) + "]"


def missing(held: Sequence[Rule], wanted: Iterable[Rule]) -> list[Rule]:
    """What of *wanted* is covered by no rule of *held*, in parts."""
    return [part for rule in wanted for part in rule.parts() if not any(own.covers(part) for own in held)]


def compact(parts: Iterable[Rule]) -> list[Rule]:
    """Parts with the verbs on one resource put together."""
    out: list[Rule] = []
    simple: dict[tuple[str, str], Rule] = {}
    for part in parts:
        if part.names or part.paths:
            out.append(part)
            continue
        key = (part.groups[0], part.resources[0])
        known = simple.get(key)
        simple[key] = part if known is None else replace(known, verbs=known.verbs + part.verbs)
    return out + list(simple.values())


def _texts(values: Iterable[str | None] | None) -> tuple[str, ...]:
    # A null in a list is an empty text to Go.
    return tuple(value or "" for value in values or ())


def _all_in(wanted: tuple[str, ...], held: tuple[str, ...]) -> bool:
    return _ALL in held or set(wanted) <= set(held)


def _resource_in(wanted: str, held: tuple[str, ...]) -> bool:
    if _ALL in held or wanted in held:
        return True
    _, slash, subresource = wanted.partition("/")
    return bool(slash) and f"*/{subresource}" in held


def _path_in(wanted: str, held: tuple[str, ...]) -> bool:
    return any(
        pattern in (_ALL, wanted) or (pattern.endswith(_ALL) and wanted.startswith(pattern.rstrip(_ALL)))
        for pattern in held
    )
