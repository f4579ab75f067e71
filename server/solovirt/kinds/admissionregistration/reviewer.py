"""
Calls the webhooks that the stored configurations name.

Mutating webhooks are asked one after the other, in the order of their configurations' names, and those that want it once more if another changed the object
after them. Validating ones are asked at the same time. Nothing is asked of the store's writer: see `solovirt.machinery.verbs.waiting`.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence

from solovirt.kinds.admissionregistration import reviews
from solovirt.kinds.admissionregistration.hooks import Hook, own_labels
from solovirt.kinds.admissionregistration.names import GROUP, MUTATING, VALIDATING
from solovirt.kinds.core.service_addresses import resolver
from solovirt.machinery.admission import Operation, Review
from solovirt.machinery.errors import BadRequest, Forbidden, InternalError, Invalid, NotFound, StatusError, go_quoted
from solovirt.machinery.http.outgoing import WebhookClient, WebhookUnreachable
from solovirt.machinery.patch import json_patch
from solovirt.machinery.patch.values import copied
from solovirt.machinery.resource import Document, GroupResource, ObjectKey, Resource
from solovirt.machinery.store.protocol import Store

logger = logging.getLogger("solovirt.webhooks")

_NAMESPACES = GroupResource("", "namespaces")


class WebhookReviewer:
    """Implements `solovirt.machinery.admission.Reviewer` by webhooks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._client = WebhookClient(resolver(store))
        self._hooks: dict[GroupResource, tuple[tuple[int, ...], list[Hook]]] = {}

    async def close(self) -> None:
        await self._client.close()

    def concerns(self, resource: Resource, operation: Operation, subresource: str) -> bool:
        now = self._store.now
        if not now.count(MUTATING) and not now.count(VALIDATING):
            return False
        if resource.group == GROUP:
            # Or nobody could undo what makes everything fail.
            return False
        return any(
            hook.concerns(resource, operation, subresource)
            for which in (MUTATING, VALIDATING)
            for hook in self._of(which)
        )

    def _of(self, which: GroupResource) -> Sequence[Hook]:
        """The webhooks of all configurations of one sort, compiled anew when one of these has changed."""
        records = list(self._store.now.list(which))
        revisions = tuple(record.revision for record in records)
        known = self._hooks.get(which)
        if known is None or known[0] != revisions:
            hooks = []
            for record in records:
                document = record.document("", "")
                hooks += [Hook(one, record.key.name) for one in document.get("webhooks") or ()]
            known = self._hooks[which] = (revisions, hooks)
        return known[1]

    # --- mutating

    async def mutate(self, review: Review, settle: Callable[[Document], None]) -> Document | None:
        earlier: list[Hook] = []
        again: list[Hook] = []
        changed_at_all = False
        hooks = list(self._of(MUTATING))
        for hook in hooks:
            asked, changed = await self._mutated_by(hook, review, settle)
            if changed:
                again += earlier
                earlier = []
                changed_at_all = True
            if asked and hook.reinvocable:
                earlier.append(hook)
        if changed_at_all:
            for hook in [hook for hook in hooks if hook in again]:
                await self._mutated_by(hook, review, settle)
        return review.document

    async def _mutated_by(self, hook: Hook, review: Review, settle: Callable[[Document], None]) -> tuple[bool, bool]:
        """Whether *hook* was asked, and whether it changed the document, which is then in *review*."""
        request = await self._request(hook, review)
        if request is None:
            return False, False
        try:
            response = await self._ask(hook, review, request, mutating=True)
            operations = reviews.operations(response)
        except WebhookUnreachable as error:
            self._fail(hook, error)
            return True, False
        if not operations:
            return True, False
        if review.document is None:
            raise InternalError.of(
                f"admission webhook {go_quoted(hook.name)} attempted to modify the object, which is not supported for this "
                "operation"
            )
        version = request["resource"]["version"]
        before = request["object"]
        try:
            made = json_patch.apply(before, json_patch.parse(operations))
        except (Invalid, BadRequest) as error:
            raise InternalError.of(str(error.__cause__ or error)) from error
        if version != review.version and not review.subresource:
            made = await _in_version(made, review.resource, review.version)
        settle(made)
        changed = made != review.document
        review.document = made
        return True, changed

    # --- validating

    async def validate(self, review: Review) -> None:
        asked = []
        for hook in self._of(VALIDATING):
            request = await self._request(hook, review)
            if request is not None:
                asked.append((hook, request))
        outcomes = await asyncio.gather(
            *(self._validated_by(hook, review, request) for hook, request in asked), return_exceptions=True
        )
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def _validated_by(self, hook: Hook, review: Review, request: Document) -> None:
        try:
            await self._ask(hook, review, request, mutating=False)
        except WebhookUnreachable as error:
            self._fail(hook, error)

    # --- both

    async def _request(self, hook: Hook, review: Review) -> Document | None:
        """What *hook* is to be asked, None if it does not want to know. Raises StatusError."""
        version = hook.version(review)
        if not version or not hook.selects(review, self._namespace_labels(review)):
            return None
        documents = [review.document, review.old]
        if version != review.version and review.subresource != "scale":
            documents = [None if one is None else await _in_version(one, review.resource, version) for one in documents]
        request = reviews.request(review, version, *documents)
        if (conditions := hook.conditions) is not None:
            from solovirt.kinds.admissionregistration.conditions import ConditionFailed

            try:
                if not conditions.hold(request):
                    return None
            except ConditionFailed as error:
                if hook.ignores_failure:
                    return None
                raise Forbidden.of(review.resource.group_resource, review.key.name, str(error)) from error
        return request

    def _namespace_labels(self, review: Review) -> Mapping[str, str] | None:
        own = own_labels(review)
        if own is not None:
            return own
        namespace = review.key.namespace
        if review.resource.group_resource == _NAMESPACES:
            namespace = review.key.name
        if not namespace:
            return None
        record = self._store.now.get(_NAMESPACES, ObjectKey("", namespace))
        if record is None:
            raise NotFound.of(_NAMESPACES, namespace)
        return record.index.labels

    async def _ask(self, hook: Hook, review: Review, request: Document, *, mutating: bool) -> Document:
        """The response of a webhook that allows the request. Raises StatusError for a refusal, WebhookUnreachable for any other failure."""
        if review.dry_run and not hook.takes_dry_run:
            raise BadRequest(f"admission webhook {go_quoted(hook.name)} does not support dry run")
        if not hook.review_version:
            raise WebhookUnreachable(
                "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)"
            )
        uid = str(uuid.uuid4())
        asked = reviews.whole({"uid": uid, **request}, hook.review_version)
        try:
            answer = await self._client.post(hook.config, asked, seconds=hook.seconds)
        except WebhookUnreachable as error:
            raise WebhookUnreachable(f"failed to call webhook: {error}") from error
        response = reviews.response(answer, hook.review_version, uid, mutating=mutating)
        for text in response.get("warnings") or ():
            review.warnings.append(str(text))
        if not response.get("allowed"):
            raise reviews.Denied(hook.name, response.get("status"))
        return response

    @staticmethod
    def _fail(hook: Hook, error: WebhookUnreachable) -> None:
        """Refuse the request, or let it pass, as the webhook's failurePolicy has it."""
        text = f"failed calling webhook {go_quoted(hook.name)}: {error}"
        if not hook.ignores_failure:
            raise InternalError.of(text) from error
        logger.warning("%s; it is let pass", text)


async def _in_version(document: Document, resource: Resource, version: str) -> Document:
    """*document* in another version of its resource. Raises StatusError if that fails."""
    wanted = resource.api_version(version)
    if resource.conversion is None:
        return {**copied(document), "apiVersion": wanted}
    try:
        return (await resource.conversion.convert([document], wanted))[0]
    except StatusError as error:
        raise InternalError.of(error.message) from error
