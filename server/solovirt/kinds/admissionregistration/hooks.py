"""Which webhooks want to know of a write: rules, selectors and conditions of the stored configurations, compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from solovirt.machinery import selectors
from solovirt.machinery.admission import Operation, Review
from solovirt.machinery.resource import Document, GroupResource, Resource

if TYPE_CHECKING:
    from solovirt.kinds.admissionregistration.conditions import Conditions
    from solovirt.machinery.http.outgoing import WebhookConfig

_NAMESPACES = GroupResource("", "namespaces")


class Rule(NamedTuple):
    """One entry of a webhook's rules."""

    operations: frozenset[str]
    groups: frozenset[str]
    versions: frozenset[str]
    resources: frozenset[tuple[str, str]]
    scope: str

    @classmethod
    def of(cls, declared: Mapping[str, Any]) -> Rule:
        resources = frozenset(
            (resource, subresource)
            for resource, _, subresource in (one.partition("/") for one in declared.get("resources") or ())
        )
        return cls(
            frozenset(declared.get("operations") or ()),
            frozenset(declared.get("apiGroups") or ()),
            frozenset(declared.get("apiVersions") or ()),
            resources,
            declared.get("scope") or "*",
        )

    def concerns(self, resource: Resource, operation: Operation, subresource: str) -> bool:
        """Whether it matches in some version."""
        namespaced = resource.namespaced
        return (
            self.scope in ("*", "Namespaced" if namespaced else "Cluster")
            and (operation.value in self.operations or "*" in self.operations)
            and (resource.group in self.groups or "*" in self.groups)
            and any(one in ("*", resource.plural) and sub in ("*", subresource) for one, sub in self.resources)
        )

    def takes(self, version: str) -> bool:
        return version in self.versions or "*" in self.versions


class Hook:
    """One webhook."""

    def __init__(self, declared: Document, configuration: str) -> None:
        self.name: str = declared["name"]
        # Two of the same name may be in different configurations.
        self.id = (configuration, self.name)
        self.ignores_failure = declared.get("failurePolicy") == "Ignore"
        self.seconds = float(declared.get("timeoutSeconds") or 10)
        self.reinvocable = declared.get("reinvocationPolicy") == "IfNeeded"
        self.takes_dry_run = declared.get("sideEffects") in ("None", "NoneOnDryRun")
        asked = declared.get("admissionReviewVersions") or ()
        self.review_version = next((one for one in asked if one in ("v1", "v1beta1")), "")
        self._client_config = declared.get("clientConfig") or {}
        self._config: WebhookConfig | None = None
        self._rules = [Rule.of(one) for one in declared.get("rules") or ()]
        self._equivalent = declared.get("matchPolicy", "Equivalent") == "Equivalent"
        self._namespaces = selectors.from_label_selector(declared.get("namespaceSelector") or {})
        self._objects = selectors.from_label_selector(declared.get("objectSelector") or {})
        self._declared_conditions = declared.get("matchConditions") or ()
        self._conditions: Conditions | None = None

    @property
    def config(self) -> WebhookConfig:
        """Where it is."""
        if self._config is None:
            from solovirt.machinery.http.outgoing import WebhookConfig

            self._config = WebhookConfig.of(self._client_config)
        return self._config

    @property
    def conditions(self) -> Conditions | None:
        """What must hold of a request beyond rules and selectors, None if nothing need."""
        if self._conditions is None and self._declared_conditions:
            from solovirt.kinds.admissionregistration.conditions import Conditions

            self._conditions = Conditions(self._declared_conditions)
        return self._conditions

    def concerns(self, resource: Resource, operation: Operation, subresource: str) -> bool:
        """Whether it might want to know of such a write."""
        return any(rule.concerns(resource, operation, subresource) for rule in self._rules)

    def version(self, review: Review) -> str:
        """The version in which the webhook wants to see the object; `""` if no rule matches."""
        matching = [
            rule for rule in self._rules if rule.concerns(review.resource, review.operation, review.subresource)
        ]
        if any(rule.takes(review.version) for rule in matching):
            return review.version
        if not self._equivalent:
            return ""
        for rule in matching:
            for version in review.resource.versions:
                if version.served and rule.takes(version.name):
                    return version.name
        return ""

    def selects(self, review: Review, namespace_labels: Mapping[str, str] | None) -> bool:
        """Whether its selectors match; *namespace_labels* are None for what is in no namespace."""
        if namespace_labels is not None and not self._namespaces.matches(namespace_labels):
            return False
        if self._objects.empty:
            return True
        shown = (review.document, review.old)
        return any(one is not None and self._objects.matches(_labels(one)) for one in shown)


def _labels(document: Document) -> Mapping[str, str]:
    return (document.get("metadata") or {}).get("labels") or {}


def own_labels(review: Review) -> Mapping[str, str] | None:
    """The labels that a namespace's own creation or change is selected by; None if it is nothing of the kind."""
    if review.resource.group_resource != _NAMESPACES or review.subresource or review.document is None:
        return None
    return _labels(review.document)
