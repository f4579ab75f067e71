"""What a running server says of its kinds in OpenAPI v3, references followed, and documents made from that alone."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]
"""Where a value is in a document: names of fields, indexes of items."""

PRESERVE = "x-kubernetes-preserve-unknown-fields"
# Of the whole object, and of objects embedded in it.
ENVELOPE = ("apiVersion", "kind", "metadata")
_FORMATS = {"date-time": "2026-01-01T00:00:00.000000Z", "byte": "YQ==", "int-or-string": 1}
_REF = "#/components/schemas/"


@dataclass(frozen=True)
class Kind:
    """One kind in one version, as discovery lists it."""

    group: str
    version: str
    kind: str
    plural: str = ""
    namespaced: bool = True
    verbs: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """The path of the group and version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    @property
    def collection(self) -> str:
        """Where its objects are, those of the namespace `default` if it has namespaces."""
        return f"{self.root}/namespaces/default/{self.plural}" if self.namespaced else f"{self.root}/{self.plural}"


def listed(group: str, version: str, resources: list[dict[str, Any]]) -> Iterator[Kind]:
    """The kinds in an APIResourceList."""
    for row in resources:
        if "/" not in row["name"]:
            below = tuple(
                sub["name"].partition("/")[2] for sub in resources if sub["name"].startswith(f"{row['name']}/")
            )
            yield Kind(group, version, row["kind"], row["name"], row["namespaced"], tuple(row["verbs"]), below)


class Component(dict[str, Any]):
    """A schema with its references followed, and the name that it is published under."""

    name = ""


class Served:
    """The schemas in a set of OpenAPI v3 documents, by path below /openapi/v3 (`apis/kubevirt.io/v1`)."""

    def __init__(self, documents: Mapping[str, Any]) -> None:
        self.components: dict[str, Schema] = {}
        for document in documents.values():
            for name, schema in document.get("components", {}).get("schemas", {}).items():
                known = self.components.setdefault(name, schema)
                assert known == schema, f"{name} differs between documents"
        self._kinds = {
            (gvk["group"], gvk["version"], gvk["kind"]): name
            for name, schema in self.components.items()
            for gvk in schema.get("x-kubernetes-group-version-kind", ())
        }

    def __repr__(self) -> str:
        return f"<{len(self.components)} schemas>"

    def of(self, kind: Kind) -> Component:
        """The schema of the objects of *kind*."""
        return self.follow({"$ref": _REF + self._kinds[kind.group, kind.version, kind.kind]})

    def has(self, kind: Kind) -> bool:
        return (kind.group, kind.version, kind.kind) in self._kinds

    def follow(self, schema: Schema) -> Component:
        """*schema* itself where it is a reference, alone or with words of its own beside it."""
        out = Component(schema)
        if "$ref" in out:
            out.name = out.pop("$ref").removeprefix(_REF)
        elif len(out.get("allOf", ())) == 1 and "$ref" in out["allOf"][0]:
            out.name = out.pop("allOf")[0]["$ref"].removeprefix(_REF)
        if out.name:
            for key, value in self.components[out.name].items():
                out.setdefault(key, value)
        return out

    def sample(self, schema: Schema) -> Any:
        """The least value that *schema* takes."""
        schema = self.follow(schema)
        if schema.get("default") not in (None, "", {}, []):
            return copy.deepcopy(schema["default"])
        if schema.get("enum"):
            return next(one for one in schema["enum"] if one != "")
        kind = schema.get("type")
        if kind == "object" or "properties" in schema:
            properties = schema.get("properties", {})
            return {name: self.sample(properties[name]) for name in schema.get("required", ())}
        if kind == "array":
            return [self.sample(schema["items"]) for _ in range(schema.get("minItems", 0))]
        if kind == "boolean":
            return True
        if kind in ("integer", "number"):
            return int(schema.get("minimum", 1))
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        return "a" * schema.get("minLength", 1) if kind == "string" else "1"

    def objects(self, schema: Schema) -> Iterator[tuple[Path, Component]]:
        """The path and schema of every object at and below *schema*: lists by their item 0, maps by a key `key`."""
        yield from self._objects(self.follow(schema), (), ())

    def _objects(self, schema: Component, path: Path, above: tuple[str, ...]) -> Iterator[tuple[Path, Component]]:
        if schema.name and schema.name in above:
            return
        above = (*above, schema.name)
        if schema.get("type") == "object":
            yield path, schema
        for name, child in schema.get("properties", {}).items():
            yield from self._objects(self.follow(child), (*path, name), above)
        for word, step in (("items", 0), ("additionalProperties", "key")):
            if isinstance(schema.get(word), Mapping):
                yield from self._objects(self.follow(schema[word]), (*path, step), above)

    def reach(self, document: Any, schema: Schema, path: Path) -> Any:
        """The value at *path* in *document*, which is filled in on the way with the least that *schema* takes."""
        node, schema = document, self.follow(schema)
        for step in path:
            if isinstance(step, int):
                schema = self.follow(schema["items"])
                while len(node) <= step:
                    node.append(self.sample(schema))
            else:
                schema = self.follow(schema.get("properties", {}).get(step) or schema["additionalProperties"])
                if node.get(step) is None:
                    node[step] = self.sample(schema)
            node = node[step]
        return node


def written(path: Path) -> str:
    """A path as messages write it: `spec.vols[0].name`."""
    out = ""
    for step in path:
        out += f"[{step}]" if isinstance(step, int) else f".{step}" if out else step
    return out


def at(document: Any, path: Path) -> Any:
    """The value at *path*; None if it is not there."""
    for step in path:
        try:
            document = document[step]
        except (KeyError, IndexError):
            return None
    return document
