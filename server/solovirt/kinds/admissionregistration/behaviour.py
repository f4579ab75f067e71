"""Configurations of admission webhooks while they are written: defaults, and what one must be like (texts of Kubernetes' own validation)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from solovirt.kinds import label_selectors, webhook_rules
from solovirt.machinery import names
from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.errors import FieldError, duplicate, invalid, not_supported, required, too_many
from solovirt.machinery.resource import Document

_NO_SIDE_EFFECTS = ("None", "NoneOnDryRun")
_MOST_CONDITIONS = 64
_VERSIONS = ", ".join(webhook_rules.REVIEW_VERSIONS)


class WebhookBehaviour(Behaviour):
    """A configuration of webhooks; *mutating* ones may be asked twice."""

    def __init__(self, *, mutating: bool) -> None:
        self._mutating = mutating

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        for hook in obj.get("webhooks") or ():
            defaults: Document = {
                "failurePolicy": "Fail",
                "matchPolicy": "Equivalent",
                "namespaceSelector": {},
                "objectSelector": {},
                "timeoutSeconds": 10,
            }
            if self._mutating:
                defaults["reinvocationPolicy"] = "Never"
            for name, value in defaults.items():
                hook.setdefault(name, value)
            for rule in hook.get("rules") or ():
                rule.setdefault("scope", "*")
            if service := (hook.get("clientConfig") or {}).get("service"):
                service.setdefault("port", 443)

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        return list(_webhooks(obj, known=()))

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        known = [
            one.get("expression") for hook in old.get("webhooks") or () for one in hook.get("matchConditions") or ()
        ]
        return list(_webhooks(obj, known=known))


class PolicyBehaviour(Behaviour):
    """Policies and their bindings: whoever writes one is told that nothing comes of it."""

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        if not admission.subresource and (old is None or old.get("spec") != obj.get("spec")):
            kind = admission.resource.kind
            admission.warnings.append(f"{kind} is kept, but admission policies are not evaluated")


def _webhooks(configuration: Document, known: Sequence[Any]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, hook in enumerate(configuration.get("webhooks") or ()):
        path = f"webhooks[{index}]"
        yield from _webhook(hook, path, known)
        versions = hook.get("admissionReviewVersions") or []
        where = f"{path}.admissionReviewVersions"
        yield from webhook_rules.review_versions(versions, where, f"must specify one of {_VERSIONS}")
        name = hook.get("name") or ""
        if name and name in seen:
            yield duplicate(f"{path}.name", name)
        seen.add(name)


def _webhook(hook: Document, path: str, known: Sequence[Any]) -> Iterator[FieldError]:
    yield from _qualified(hook.get("name") or "", f"{path}.name")
    for index, rule in enumerate(hook.get("rules") or ()):
        yield from _rule(rule, f"{path}.rules[{index}]")
    effects = hook.get("sideEffects")
    if not effects:
        yield required(f"{path}.sideEffects", f"must specify one of {', '.join(_NO_SIDE_EFFECTS)}")
    elif effects not in _NO_SIDE_EFFECTS:
        yield not_supported(f"{path}.sideEffects", effects, _NO_SIDE_EFFECTS)
    seconds = hook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= 30:
        yield invalid(f"{path}.timeoutSeconds", seconds, "the timeout value must be between 1 and 30 seconds")
    for name in ("namespaceSelector", "objectSelector"):
        yield from label_selectors.validate(hook.get(name), f"{path}.{name}")
    yield from webhook_rules.client_config(hook.get("clientConfig") or {}, f"{path}.clientConfig")
    yield from _conditions(hook.get("matchConditions") or [], f"{path}.matchConditions", known)


def _qualified(name: str, path: str) -> Iterator[FieldError]:
    if not name:
        yield required(path)
        return
    if complaints := names.subdomain(name):
        yield invalid(path, name, ",".join(complaints))
    elif name.count(".") < 2:
        yield invalid(path, name, "should be a domain with at least three segments separated by dots")


def _rule(rule: Document, path: str) -> Iterator[FieldError]:
    operations = rule.get("operations") or []
    if not operations:
        yield required(f"{path}.operations")
    elif len(operations) > 1 and "*" in operations:
        yield invalid(f"{path}.operations", operations, "if '*' is present, must not specify other operations")
    for field, what in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        values = rule.get(field) or []
        if not values:
            yield required(f"{path}.{field}")
        elif len(values) > 1 and "*" in values:
            yield invalid(f"{path}.{field}", values, f"if '*' is present, must not specify other {what}")
    for index, version in enumerate(rule.get("apiVersions") or ()):
        if not version:
            yield required(f"{path}.apiVersions[{index}]")
    yield from _resources(rule.get("resources") or [], f"{path}.resources")


def _resources(resources: list[str], path: str) -> Iterator[FieldError]:
    if not resources:
        yield required(path)
    whole: set[str] = set()
    everywhere: set[str] = set()
    for index, one in enumerate(resources):
        where = f"{path}[{index}]"
        if not one:
            yield required(where)
        resource, slash, subresource = one.partition("/")
        if not slash:
            continue
        if resource in whole:
            yield invalid(where, one, f"if '{resource}/*' is present, must not specify {one}")
        if subresource in everywhere:
            yield invalid(where, one, f"if '*/{subresource}' is present, must not specify {one}")
        if subresource == "*":
            whole.add(resource)
        if resource == "*":
            everywhere.add(subresource)
    if len(resources) > 1 and "*/*" in resources:
        yield invalid(path, resources, "if '*/*' is present, must not specify other resources")
    if "*" in resources and any("/" not in one and one != "*" for one in resources):
        text = "if '*' is present, must not specify other resources without subresources"
        yield invalid(path, resources, text)


def _conditions(conditions: list[Document], path: str, known: Sequence[Any]) -> Iterator[FieldError]:
    if len(conditions) > _MOST_CONDITIONS:
        yield too_many(path, len(conditions), _MOST_CONDITIONS)
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        where, name, source = f"{path}[{index}]", condition.get("name") or "", condition.get("expression") or ""
        if not source.strip():
            yield required(f"{where}.expression")
        elif source not in known:
            # Imported with the first condition that there is: it comes with a CEL interpreter.
            from solovirt.kinds.admissionregistration.conditions import problem

            if text := problem(source):
                yield invalid(f"{where}.expression", source, text)
        if not name:
            yield required(f"{where}.name")
        else:
            yield from (invalid(f"{where}.name", name, text) for text in names.qualified_name(name))
        if name in seen:
            yield duplicate(f"{where}.name", name)
        seen.add(name)
