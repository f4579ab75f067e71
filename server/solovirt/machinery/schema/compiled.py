"""
Schemas ready for use: `SchemaSet` hands them out, `ObjectSchema` is one.

A document is first shown to the compiled validator (`fast`), which says yes to most; only what it refuses is walked by the exact modules: `pruning`,
`defaulting`, `validation`, and `decoding` for built-in kinds. Nothing is compiled before the first document of a kind comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from solovirt.machinery.resource import Document, Flavour, Resource, Version
from solovirt.machinery.schema import decoding, defaulting, meta, normalising, pruning, validation
from solovirt.machinery.schema.structural import structural

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

    from solovirt.machinery.errors import FieldError
    from solovirt.machinery.registry import Registry
    from solovirt.machinery.schema.rules.tree import Node


class ObjectSchema:
    """What objects of one version of a resource may contain (the protocol is `solovirt.machinery.schema.protocol.ObjectSchema`)."""

    def __init__(self, schema: Mapping[str, Any], *, kind: str, flavour: Flavour) -> None:
        self._schema = schema
        self._kind = kind
        self._built_in = flavour is Flavour.BUILT_IN
        self._validator: SchemaValidator | None = None
        # Kubernetes checks rules of custom resources only. Found when the first document has to be held against them.
        self._rules: Node | None = None
        self._rules_unread = flavour is Flavour.CUSTOM
        self._plan: normalising.Plan | None = None
        self._unplanned = True

    @property
    def structural(self) -> Mapping[str, Any]:
        """The structural schema. Shared: not to be changed."""
        return self._schema

    def accepts(self, document: Document) -> bool:
        """Whether the document is valid and complete as it stands. A no may be over-cautious; the exact walkers then find nothing."""
        if self._validator is None:
            self._validator = self._compile()
        return self._validator.isinstance_python(document)

    def _compile(self) -> SchemaValidator:
        from solovirt.machinery.schema import fast

        built_in = self._built_in
        return fast.compile_object(
            self._schema,
            built_in=built_in,
            check=lambda value, schema: validation.is_valid(value, schema, built_in=built_in),
        )

    def decode_error(self, document: Document) -> str | None:
        """Why Go would fail to decode it; None for custom resources, which are decoded without a schema."""
        return decoding.decode_error(document, self._schema, self._kind) if self._built_in else None

    def unknown_fields(self, document: Document) -> list[str]:
        """Paths of unknown fields: in document order for built-in kinds, sorted for custom resources."""
        found = pruning.unknown_fields(document, self._schema)
        return found if self._built_in else sorted(found)

    def prune(self, document: Document) -> None:
        pruning.prune(document, self._schema)

    def default(self, document: Document) -> None:
        defaulting.default(document, self._schema, built_in=self._built_in)

    def normalise(self, document: Document) -> None:
        if not self._built_in:
            return
        if self._unplanned:
            self._plan, self._unplanned = normalising.plan(self._schema), False
        if self._plan is not None:
            self._plan.run(document)

    def validate(self, document: Document, old: Document | None = None) -> Sequence[FieldError]:
        return validation.validate(document, self._schema, old, built_in=self._built_in)

    def check_rules(
        self, document: Document, old: Document | None, wrong: Sequence[FieldError] = ()
    ) -> Sequence[FieldError]:
        """What the rules in CEL find; nothing where *wrong*, the errors of `validate`, leaves them no values to look at."""
        if self._rules_unread:
            self._read_rules()
        if self._rules is None or any(error.type in validation.BLOCKING for error in wrong):
            return ()
        from solovirt.machinery.schema.rules import tree

        return tree.check(self._rules, document, old)

    def _read_rules(self) -> None:
        if validation.has_rules(self._schema):
            from solovirt.machinery.schema.rules import tree

            self._rules = tree.build(self._schema)
        self._rules_unread = False


class SchemaSet:
    """
    The schemas of the versions that are served.

    A schema lives as long as its Version is registered; that of a model is the same for all versions and resources that share the model.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._generation = registry.generation
        self._schemas: dict[tuple[Any, ...], tuple[Any, ObjectSchema]] = {}
        self._metadata: ObjectSchema | None = None

    def of(self, resource: Resource, version: Version) -> ObjectSchema:
        """The schema of *version*. Raises LookupError if the version declares neither model nor schema."""
        if self._registry.generation != self._generation:
            self._forget_unregistered()
        key = self._key(resource, version)
        known = self._schemas.get(key)
        if known is not None:
            return known[1]
        if version.model is not None:
            source: Any = version.model
            schema: Mapping[str, Any] = structural(version.model.load())
        elif version.schema is not None:
            source = schema = version.schema
        else:
            raise LookupError(f"{resource.group_resource} {version.name} declares neither a model nor a schema")
        made = ObjectSchema(schema, kind=resource.kind, flavour=resource.flavour)
        # The source is kept so that its identity, which is in the key, is not given to another.
        self._schemas[key] = (source, made)
        return made

    @property
    def metadata(self) -> ObjectSchema:
        """
        ObjectMeta as a schema of its own, to be given `{"metadata": …}`'s value.

        For `accepts`, `unknown_fields` and `prune` of metadata, whose paths are to be prefixed with `metadata.`.
        """
        if self._metadata is None:
            self._metadata = ObjectSchema(structural(meta.ObjectMeta), kind="ObjectMeta", flavour=Flavour.CUSTOM)
        return self._metadata

    @staticmethod
    def _key(resource: Resource, version: Version) -> tuple[Any, ...]:
        if version.model is not None:
            return (version.model.path, resource.kind, resource.flavour)
        return (id(version.schema), resource.kind, resource.flavour)

    def _forget_unregistered(self) -> None:
        self._generation = self._registry.generation
        live = {self._key(resource, version) for resource in self._registry for version in resource.versions}
        self._schemas = {key: value for key, value in self._schemas.items() if key in live}
