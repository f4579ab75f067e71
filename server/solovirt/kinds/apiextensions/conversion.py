"""
Conversion webhooks: who makes one version of a user's kind of another.

The webhook gets a ConversionReview with the objects and the version that is wanted. What it may change is checked, in Kubernetes' words: neither kind nor
name, and of metadata nothing but labels and annotations (reference: k8s.io/apiextensions-apiserver, pkg/apiserver/conversion).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from solovirt.machinery import metadata
from solovirt.machinery.conversion import Conversion
from solovirt.machinery.errors import PlainError
from solovirt.machinery.http.outgoing import WebhookClient, WebhookConfig, WebhookUnreachable
from solovirt.machinery.patch.values import copied
from solovirt.machinery.resource import Document

SECONDS = 30.0
"""How long a conversion may take."""
_GROUP = "apiextensions.k8s.io"
_KNOWN_VERSIONS = ("v1", "v1beta1")
_MAPS = ("labels", "annotations")


class SameForm(Conversion):
    """The versions of a kind whose objects were once converted, and share a form now: only apiVersion changes."""

    async def convert(self, documents: Sequence[Document], api_version: str) -> list[Document]:
        return [{**document, "apiVersion": api_version} for document in documents]


class WebhookConversion(Conversion):
    """Converts by the webhook of *declared*, the `webhook` of a definition's conversion."""

    def __init__(self, unmarked: str, declared: Mapping[str, Any], client: WebhookClient) -> None:
        super().__init__(unmarked)
        self._config = WebhookConfig.of(declared.get("clientConfig") or {})
        asked = declared.get("conversionReviewVersions") or ()
        self._version = next((one for one in asked if one in _KNOWN_VERSIONS), None)
        self._client = client

    async def convert(self, documents: Sequence[Document], api_version: str) -> list[Document]:
        first = documents[0]
        group, _, version = first["apiVersion"].rpartition("/")
        what = f"{group}/{version}, Kind={first['kind']}"
        if self._version is None:
            raise PlainError("no supported conversion review versions")
        uid = str(uuid.uuid4())
        review = {
            "kind": "ConversionReview",
            "apiVersion": f"{_GROUP}/{self._version}",
            "request": {"uid": uid, "desiredAPIVersion": api_version, "objects": list(documents)},
        }
        try:
            answer = await self._client.post(self._config, review, seconds=SECONDS)
            converted = self._converted(answer, uid)
        except WebhookUnreachable as error:
            raise PlainError(f"conversion webhook for {what} failed: {error}") from error
        if len(converted) != len(documents):
            raise PlainError(
                f"conversion webhook for {what} returned {len(converted)} objects, expected {len(documents)}"
            )
        return [
            _checked(original, made, api_version, what, index)
            for index, (original, made) in enumerate(zip(documents, converted, strict=True))
        ]

    def _converted(self, answer: Document, uid: str) -> list[Any]:
        """The objects in a webhook's answer. Raises WebhookUnreachable."""
        given = f"{answer.get('apiVersion')}, Kind={answer.get('kind')}"
        wanted = f"{_GROUP}/{self._version}, Kind=ConversionReview"
        if given != wanted and self._version == "v1":
            raise WebhookUnreachable(f"expected webhook response of {wanted}, got {given}")
        response = answer.get("response")
        if not isinstance(response, dict):
            raise WebhookUnreachable("no response provided")
        if self._version == "v1" and response.get("uid") != uid:
            raise WebhookUnreachable(f'expected response.uid="{uid}", got "{response.get("uid") or ""}"')
        result = response.get("result")
        status = result.get("status") if isinstance(result, dict) else ""
        if status != "Success":
            message = result.get("message") if isinstance(result, dict) else ""
            raise WebhookUnreachable(str(message or f"response.result.status was '{status or ''}', not 'Success'"))
        converted = response.get("convertedObjects") or []
        return converted if isinstance(converted, list) else []


def _checked(original: Document, made: Any, api_version: str, what: str, index: int) -> Document:
    """*made* with the metadata that only the server sets. Raises PlainError if it is not what *original* can become."""

    def invalid(problem: str) -> PlainError:
        return PlainError(f"conversion webhook for {what} returned invalid object at index {index}: {problem}")

    if not isinstance(made, dict):
        raise invalid("no object")
    if made.get("apiVersion") != api_version:
        raise invalid(f"invalid groupVersion (expected {api_version}, received {made.get('apiVersion') or ''})")
    if made.get("kind") != original["kind"]:
        raise invalid(f"invalid kind (expected {original['kind']}, received {made.get('kind') or ''})")
    before, after = original["metadata"], made.get("metadata")
    wrong = PlainError(f"conversion webhook for {what} returned invalid metadata: missing metadata in converted object")
    if not isinstance(after, dict):
        raise wrong
    for name in ("name", "namespace", "uid"):
        if before.get(name, "") != after.get(name, ""):
            shown = "UID" if name == "uid" else name
            different = f"{before.get(name, '')} != {after.get(name, '')}"
            raise PlainError(
                f"conversion webhook for {what} returned invalid object: must have the same {shown}: {different}"
            )
    kept: Document = copied(before)
    for name in _MAPS:
        kept.pop(name, None)
        if (given := after.get(name)) is not None:
            kept[name] = given
    problem = metadata.decode_error({name: kept[name] for name in _MAPS if name in kept})
    if problem is not None:
        raise PlainError(f"conversion webhook for {what} returned invalid metadata: {problem}")
    return {**made, "metadata": kept}
