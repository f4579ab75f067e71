"""
What pydantic's own vocabulary cannot say of a field, said beside its type.

A kind's field model is a tree of pydantic classes derived from `ApiModel`. Everything Kubernetes' structural schemas express
beyond type, default and bounds is attached with `typing.Annotated`, for example

    disks: Annotated[list[Disk] | None, ListMap("name")] = None

and read back by `solovirt.machinery.schema.structural`, which turns a model into the structural schema that is served,
validated against and pruned by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


def camel(attribute: str) -> str:
    """The wire name of a snake_case attribute: `node_selector` is `nodeSelector`. Names with acronyms give their alias explicitly."""
    head, *tail = attribute.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)


class ApiModel(BaseModel):
    """
    One object type of an API.

    A field with no default is required; `X | None = None` is optional. Wire names are the aliases (`camel` of the attribute where none is
    given). *schema_name* is the name
    under which the OpenAPI documents publish the type (`io.k8s.api.core.v1.Container`); a type without one is written out in
    place, which is how custom resources' types are published. A docstring becomes the type's description and `Field(description=…)` the
    field's.
    """

    model_config = ConfigDict(
        extra="forbid", populate_by_name=True, defer_build=True, protected_namespaces=(), alias_generator=camel
    )

    schema_name: ClassVar[str | None] = None
    # Rules over the whole object (x-kubernetes-validations), and x-kubernetes-map-type: atomic.
    rules: ClassVar[tuple[Rule, ...]] = ()
    atomic: ClassVar[bool] = False
    # x-kubernetes-preserve-unknown-fields on this object: unknown siblings are kept.
    preserve_unknown: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class ListMap:
    """x-kubernetes-list-type: map. Items are told apart by the values of *keys*."""

    keys: tuple[str, ...]

    def __init__(self, *keys: str) -> None:
        object.__setattr__(self, "keys", keys)


@dataclass(frozen=True, slots=True)
class ListSet:
    """x-kubernetes-list-type: set. No value occurs twice."""


@dataclass(frozen=True, slots=True)
class ListAtomic:
    """x-kubernetes-list-type: atomic, where it is declared and not merely the default."""


@dataclass(frozen=True, slots=True)
class MapAtomic:
    """x-kubernetes-map-type: atomic on this field."""


@dataclass(frozen=True, slots=True)
class MapGranular:
    """x-kubernetes-map-type: granular, where it is declared and not merely the default."""


@dataclass(frozen=True, slots=True)
class PatchStrategy:
    """How strategic merge patch treats the field: x-kubernetes-patch-strategy (comma joined) and x-kubernetes-patch-merge-key."""

    strategy: str
    merge_key: str | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """The OpenAPI format of a scalar: int32, int64, double, date-time, byte, int-or-string."""

    name: str


@dataclass(frozen=True, slots=True)
class Default:
    """A default which the API server writes into the stored object (a pydantic default would only make the field optional)."""

    value: Any


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of x-kubernetes-validations: a CEL rule over the value."""

    rule: str
    message: str | None = None
    message_expression: str | None = None
    reason: str | None = None
    field_path: str | None = None
    optional_old_self: bool | None = None


@dataclass(frozen=True, slots=True)
class IntOrStringMarker:
    """x-kubernetes-int-or-string: true."""


@dataclass(frozen=True, slots=True)
class PreserveUnknown:
    """x-kubernetes-preserve-unknown-fields: true: what is below is kept as it was sent."""


@dataclass(frozen=True, slots=True)
class EmbeddedResource:
    """x-kubernetes-embedded-resource: true: the value is itself a Kubernetes object."""


@dataclass(frozen=True, slots=True)
class Nullable:
    """nullable: true: an explicit null is kept. (Optional fields are not nullable: their null is dropped.)"""


@dataclass(frozen=True, slots=True)
class Named:
    """The scalar is published as a named OpenAPI type of its own, as built-in kinds' quantities and times are."""

    name: str


QUANTITY_PATTERN = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)

Int32 = Annotated[int, Format("int32")]
Int64 = Annotated[int, Format("int64")]
Time = Annotated[str, Format("date-time")]
MicroTime = Annotated[str, Format("date-time")]
Bytes = Annotated[str, Format("byte")]
IntOrString = Annotated[int | str, IntOrStringMarker()]
# A custom resource's quantity carries the pattern; a built-in kind's scalars below are published as named types.
Quantity = Annotated[int | str, IntOrStringMarker(), Field(pattern=QUANTITY_PATTERN)]
RawObject = Annotated[dict[str, Any], PreserveUnknown()]
CoreQuantity = Annotated[int | str, Named("io.k8s.apimachinery.pkg.api.resource.Quantity")]
CoreIntOrString = Annotated[int | str, Named("io.k8s.apimachinery.pkg.util.intstr.IntOrString")]
CoreTime = Annotated[str, Named("io.k8s.apimachinery.pkg.apis.meta.v1.Time")]
CoreMicroTime = Annotated[str, Named("io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime")]
CoreRawExtension = Annotated[dict[str, Any], Named("io.k8s.apimachinery.pkg.runtime.RawExtension")]
