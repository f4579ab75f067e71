"""Field models become structural schemas word for word."""

from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field

from solovirt.machinery.schema import markers, meta
from solovirt.machinery.schema.markers import ApiModel
from solovirt.machinery.schema.structural import NamedSchema, structural


class Disk(ApiModel):
    """A disk."""

    name: str
    boot_order: Annotated[int | None, Field(ge=1, le=9)] = None


class Spec(ApiModel):
    rules: ClassVar[tuple[markers.Rule, ...]] = (markers.Rule("self.cpu > 0", message="no"),)

    cpu: markers.Int32 = Field(description="How many.")
    disks: Annotated[list[Disk] | None, markers.ListMap("name"), Field(max_length=3)] = None
    first: Annotated[Disk | None, Field(description="The first.")] = None
    memory: markers.Quantity | None = None
    mode: Literal["a", "b"] | None = None
    name: Annotated[str | None, Field(pattern="^a", min_length=1), markers.Default("ab")] = None
    cleared: Annotated[str | None, markers.Nullable()] = None
    raw: markers.RawObject | None = None
    labels: Annotated[dict[str, str] | None, markers.MapAtomic()] = None
    anything: Any | None = None
    finalizers: Annotated[list[str] | None, markers.ListSet(), markers.PatchStrategy("merge")] = None
    cidr: str | None = Field(None, alias="podCIDR")


def test_every_word_is_carried_over():
    assert structural(Spec) == {
        "type": "object",
        "required": ["cpu"],
        "x-kubernetes-validations": [{"rule": "self.cpu > 0", "message": "no"}],
        "properties": {
            "cpu": {"type": "integer", "format": "int32", "description": "How many."},
            "disks": {
                "type": "array",
                "maxItems": 3,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {
                    "type": "object",
                    "description": "A disk.",
                    "required": ["name"],
                    "properties": {
                        "name": {"type": "string"},
                        "bootOrder": {"type": "integer", "minimum": 1, "maximum": 9},
                    },
                },
            },
            "first": {**structural(Disk), "description": "The first."},
            "memory": {
                "anyOf": [{"type": "integer"}, {"type": "string"}],
                "pattern": markers.QUANTITY_PATTERN,
                "x-kubernetes-int-or-string": True,
            },
            "mode": {"type": "string", "enum": ["a", "b"]},
            "name": {"type": "string", "pattern": "^a", "minLength": 1, "default": "ab"},
            "cleared": {"type": "string", "nullable": True},
            "raw": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}, "x-kubernetes-map-type": "atomic"},
            "anything": {"x-kubernetes-preserve-unknown-fields": True},
            "finalizers": {
                "type": "array",
                "items": {"type": "string"},
                "x-kubernetes-list-type": "set",
                "x-kubernetes-patch-strategy": "merge",
            },
            "podCIDR": {"type": "string"},
        },
    }


def test_reading_a_model_does_not_make_pydantic_build_it():
    structural(Spec)
    assert not Spec.__pydantic_complete__


def test_a_schema_is_read_once():
    assert structural(Spec) is structural(Spec)


class Tree(ApiModel):
    """A tree."""

    schema_name = "example.Tree"

    children: "list[Tree] | None" = None
    by_name: "dict[str, Branch] | None" = None
    best: "Annotated[Tree | None, Field(description='The best.')]" = None


class Branch(ApiModel):
    tree: Tree


def test_named_types_may_contain_themselves():
    tree = structural(Tree)
    assert isinstance(tree, NamedSchema)
    assert tree["properties"]["children"]["items"] is tree
    assert tree["properties"]["byName"]["additionalProperties"]["properties"]["tree"] is tree
    best = tree["properties"]["best"]
    assert best["description"] == "The best."
    assert best["properties"] is tree["properties"]
    assert (best.name, best.base, best.own) == ("example.Tree", tree, {"description": "The best."})


class Endless(ApiModel):
    child: "Endless | None" = None


def test_a_type_without_a_name_may_not_contain_itself():
    with pytest.raises(TypeError, match="Endless contains itself"):
        structural(Endless)


class Odd(ApiModel):
    value: int | bool


def test_what_a_schema_cannot_say_is_refused_with_its_place():
    with pytest.raises(TypeError, match=r"Odd\.value"):
        structural(Odd)


def test_object_metadata_is_published_under_kubernetes_name():
    schema = structural(meta.ObjectMeta)
    assert isinstance(schema, NamedSchema)
    assert schema.name == "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    owners = schema["properties"]["ownerReferences"]
    assert owners["x-kubernetes-list-map-keys"] == ["uid"]
    assert owners["x-kubernetes-patch-merge-key"] == "uid"
