"""
Admission from outside, as the pipeline has it: what a write's reviewers said, put where it belongs.

A reviewer is asked at most once about each revision of the object: what it made of the document then takes the document's place whenever the change runs
again, so that whatever was drawn at random or read off the clock stays as the reviewer saw it.
"""

from __future__ import annotations

from dataclasses import replace

from solovirt.machinery import metadata
from solovirt.machinery.admission import Admission, Operation, Review, Reviewer
from solovirt.machinery.errors import InternalError
from solovirt.machinery.patch.values import copied
from solovirt.machinery.resource import Document, ScalePaths
from solovirt.machinery.schema.protocol import ObjectSchema
from solovirt.machinery.verbs import scale
from solovirt.machinery.verbs.waiting import Answers

# What a new object gets after the webhooks that may change it have been asked.
_STAMPED = ("uid", "creationTimestamp", "generation")


class Reviewing:
    """Asks *reviewer* about one write, and keeps what it says with *answers*. All methods raise Awaited until they know."""

    def __init__(self, reviewer: Reviewer, answers: Answers) -> None:
        self._reviewer = reviewer
        self._answers = answers

    def mutated(
        self,
        document: Document,
        old: Document | None,
        base: int,
        admission: Admission,
        field_manager: str,
        schema: ObjectSchema,
    ) -> Document:
        """
        *document* as the reviewer leaves it, the caller's own. *base* is the revision that it was made of.

        Raises StatusError for a refusal, InternalError if what is left is no object of the kind.
        """

        async def ask() -> Document:
            return await self._mutate(document, old, admission, field_manager, schema)

        made: Document = copied(self._answers.of(("mutated", admission.key, base), ask))
        return made

    async def _mutate(
        self, document: Document, old: Document | None, admission: Admission, field_manager: str, schema: ObjectSchema
    ) -> Document:
        given = document["metadata"]
        shown = copied(document)
        if old is None:
            for name in _STAMPED:
                shown["metadata"].pop(name, None)
        review = _review(admission, shown, old, field_manager)
        paths = _scale_paths(admission)
        made = await self._reviewer.mutate(review, lambda one: _settle(one, schema, as_it_is=paths is not None))
        assert made is not None, "of a document that there is comes a document"
        if paths is not None:
            scale.rescale(document, paths, made)
            return document
        meta = made["metadata"]
        metadata.clean(meta)
        for name in (*_STAMPED, "name", "namespace", "managedFields"):
            # The server's own to say.
            if name in given:
                meta[name] = given[name]
            else:
                meta.pop(name, None)
        if old is not None:
            metadata.restore(meta, old["metadata"])
        return made

    def validated(
        self, document: Document, old: Document | None, base: int, admission: Admission, field_manager: str
    ) -> None:
        """Raises StatusError for a refusal."""

        async def ask() -> None:
            await self._reviewer.validate(_review(admission, document, old, field_manager))

        self._answers.of(("validated", admission.key, base), ask)

    def deleted(self, old: Document, base: int, admission: Admission, field_manager: str) -> None:
        """Raises StatusError if the object, which is at revision *base*, may not be deleted."""

        async def ask() -> None:
            review = _review(admission, None, old, field_manager)
            await self._reviewer.mutate(review, lambda _: None)
            await self._reviewer.validate(review)

        self._answers.of(("deleted", admission.key, base), ask)


def _scale_paths(admission: Admission) -> ScalePaths | None:
    if admission.subresource != "scale":
        return None
    return next((one.paths for one in admission.resource.subresources if one.name == "scale"), None)


def _review(admission: Admission, document: Document | None, old: Document | None, field_manager: str) -> Review:
    review = Review(
        operation=admission.operation,
        resource=admission.resource,
        version=admission.version,
        key=admission.key,
        user=admission.user,
        document=document,
        old=old,
        subresource=admission.subresource,
        dry_run=admission.dry_run,
        field_manager=field_manager,
        warnings=admission.warnings,
    )
    paths = _scale_paths(admission)
    if paths is None or document is None or old is None or admission.operation is not Operation.UPDATE:
        return review
    # A Scale is what its users know of it.
    return replace(review, document=scale.scale_of(document, paths, 0), old=scale.scale_of(old, paths, 0))


def _settle(document: Document, schema: ObjectSchema, *, as_it_is: bool) -> None:
    """Refuse what is no object of the kind, and write its defaults."""
    if as_it_is:
        return
    if not isinstance(document.get("metadata"), dict):
        raise InternalError.of("Object 'metadata' is missing")
    wrong = metadata.decode_error(document["metadata"]) or schema.decode_error(document)
    if wrong is not None:
        raise InternalError.of(wrong)
    if not schema.accepts(document):
        schema.prune(document)
        schema.default(document)
    schema.normalise(document)
