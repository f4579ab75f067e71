"""
What a kind declares.

A kind is declared once, as a `Resource`: its names, scope, served versions, field models, printer columns, subresources and
behaviour. Routes, discovery, OpenAPI, tables, storage and RBAC names all derive from the declaration; nothing else in the machinery
knows any kind by name.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from solovirt.machinery.admission import Behaviour
    from solovirt.machinery.conversion import Conversion, Forms
    from solovirt.machinery.schema.markers import ApiModel

Document = dict[str, Any]
"""A JSON object, as clients send it and as it is stored."""


class GroupResource(NamedTuple):
    """An API group and a plural: how the machinery names a set of objects, whatever the version. The core group is ``""``."""

    group: str
    plural: str

    def __str__(self) -> str:
        """`virtualmachines.kubevirt.io`, or `configmaps` in the core group: how Status messages name a resource."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


class ObjectKey(NamedTuple):
    """Namespace and name of an object among those of its resource. Cluster-scoped objects have the namespace ``""``."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Scope(Enum):
    """Whether objects live in a namespace."""

    NAMESPACED = "Namespaced"
    CLUSTER = "Cluster"


@dataclass(frozen=True, slots=True)
class Column:
    """
    One column of the Table that `kubectl get` prints.

    Exactly one of *json_path* (as a CustomResourceDefinition's additionalPrinterColumns) and *cell* (computed from the document and the
    current time, for built-in kinds) is given. *priority* above 0 shows with `-o wide` only.
    """

    name: str
    type: str = "string"
    json_path: str | None = None
    cell: Callable[[Document, CellContext], Any] | None = None
    format: str = ""
    description: str = ""
    priority: int = 0


class CellContext(NamedTuple):
    """What a computed cell may use beside its object."""

    now: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """
    A field model named by `module:Class`, imported when it is first needed.

    The models are large; a server that is asked for none of a kind's objects never imports that kind's.
    """

    path: str

    def load(self) -> type[ApiModel]:
        module, _, name = self.path.partition(":")
        model: type[ApiModel] = getattr(importlib.import_module(module), name)
        return model


@dataclass(frozen=True, slots=True)
class Version:
    """
    One API version of a resource.

    The schema comes from *model* (built-in kinds) or as *schema*, a structural schema in OpenAPI v3 form (users' kinds).
    All versions of a resource share one stored form, unless the resource has a conversion: otherwise that changes `apiVersion` alone.
    """

    name: str
    model: ModelRef | None = None
    schema: Mapping[str, Any] | None = None
    columns: Sequence[Column] = ()
    served: bool = True
    storage: bool = True
    deprecated: bool = False
    deprecation_warning: str | None = None


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """
    Where the `scale` subresource of a kind finds its numbers, as JSONPaths without arrays.

    What is at *label_selector* is a selector as text, or a LabelSelector.
    """

    spec_replicas: str = ".spec.replicas"
    status_replicas: str = ".status.replicas"
    label_selector: str = ".status.labelSelector"


@dataclass(frozen=True, slots=True)
class Subresource:
    """
    A path below an object: `…/<plural>/<name>/<subresource>`.

    `status` and `scale` are served by the machinery. Any other is declared here by name and handled by code registered for it
    (`solovirt.machinery.registry.Registry.handle`); start-up fails if nobody does. *group*, *version* and *kind* are those of the body
    where they differ from the parent's. With *model* the body is decoded and checked as an object of that type before the handler gets it, and
    a POST answers 201.
    """

    name: str
    verbs: tuple[str, ...]
    kind: str
    group: str | None = None
    version: str | None = None
    model: ModelRef | None = None
    # Earlier versions of the body, which are taken for the same (`policy/v1beta1` evictions).
    earlier_versions: tuple[str, ...] = ()
    # Discovery tells of it.
    listed: bool = True
    # Of `scale`.
    paths: ScalePaths | None = None


class Flavour(Enum):
    """
    Which of Kubernetes' two API servers a resource behaves like.

    BUILT_IN resources take strategic merge patches and protobuf, default a missing kind from the URL and list items without kind and
    apiVersion. CUSTOM ones are served as a CustomResourceDefinition's: none of that, and unconditional updates are refused.
    """

    BUILT_IN = "built-in"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """
    A second name for another kind's objects: nothing is stored twice.

    *of* is the kind that is stored. *renamed* has this kind's top-level fields that are called otherwise there; all others, and what is below any
    of them, are alike. The fields that can be selected by are declared in the stored kind's order.
    """

    of: Resource
    renamed: Mapping[str, str]


COLLECTION_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """
    A kind, declared.

    *behaviour* is the kind's defaulting, validation and life cycle. *selectable_fields* maps the field selectors that the kind supports beyond
    metadata.name and metadata.namespace to the path of their value (`spec.nodeName`).
    """

    group: str
    kind: str
    plural: str
    singular: str
    scope: Scope
    versions: tuple[Version, ...]
    behaviour: Behaviour
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    list_kind: str = ""
    flavour: Flavour = Flavour.CUSTOM
    verbs: tuple[str, ...] = COLLECTION_VERBS
    status_subresource: bool = False
    subresources: tuple[Subresource, ...] = ()
    selectable_fields: Mapping[str, str] = field(default_factory=dict)
    # Of those, the ones that cannot be selected by: other versions' of the kind. All are kept in the index, in one order.
    hidden_fields: frozenset[str] = frozenset()
    # What selectable fields that are no strings are while they are not set: `false`, `0`. Others are the empty text then.
    selectable_zeros: Mapping[str, str] = field(default_factory=dict)
    # The object carries metadata.generation, raised by each change outside metadata (and status, if that is a subresource).
    has_generation: bool = True
    # PUT without metadata.resourceVersion overwrites (reference: kubernetes-api.md 3.3).
    unconditional_update: bool = False
    # PUT of a missing object creates it.
    create_on_update: bool = False
    # The conditions of an object's row in a Table, [] if it has none: what `kubectl get` can leave out as completed.
    row_conditions: Callable[[Document], Sequence[Document]] | None = None
    # DELETE answers with the deleted object instead of a Status.
    returns_deleted: bool = False
    # Nothing is stored: POST computes an answer (access reviews). Served by a handler registered for the resource.
    virtual: bool = False
    # Discovery tells of it.
    listed: bool = True
    # The objects are another kind's, and are read and written as those.
    view: View | None = None
    # The name is one path segment rather than a DNS subdomain (RBAC).
    name_rule: str = "subdomain"
    # The resource as it is in some of its versions, where subresources or selectable fields differ from one version to another.
    versioned: Mapping[str, Resource] = field(default_factory=dict)
    # What makes one version of another, if that is more than another apiVersion.
    conversion: Conversion | None = None
    # What objects look like that were stored under another schema; None if there was never another.
    forms: Forms | None = None

    @property
    def as_stored(self) -> bool:
        """What is stored is what is shown, in all versions."""
        return self.conversion is None and self.forms is None

    @property
    def group_resource(self) -> GroupResource:
        return GroupResource(self.group, self.plural)

    @property
    def namespaced(self) -> bool:
        return self.scope is Scope.NAMESPACED

    @property
    def storage_version(self) -> Version:
        return next(version for version in self.versions if version.storage)

    def version(self, name: str) -> Version | None:
        """The version called *name* if it is served."""
        return next((version for version in self.versions if version.name == name and version.served), None)

    def at(self, version: str) -> Resource:
        """The resource as it is in that version: with the subresources and the selectable fields that it has there."""
        return self.versioned.get(version, self)

    def api_version(self, version: str) -> str:
        """`group/version`, or the version alone in the core group: the object's `apiVersion`."""
        return f"{self.group}/{version}" if self.group else version

    @property
    def list_kind_name(self) -> str:
        return self.list_kind or f"{self.kind}List"
