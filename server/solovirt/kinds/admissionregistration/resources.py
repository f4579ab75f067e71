"""What the admissionregistration.k8s.io group serves. Policies are kept, and not evaluated."""

from __future__ import annotations

from typing import Any

from solovirt.kinds.admissionregistration.behaviour import PolicyBehaviour, WebhookBehaviour
from solovirt.kinds.admissionregistration.names import GROUP, MUTATING, VALIDATING
from solovirt.kinds.cells import AGE, NAME, at
from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Column, Document, Flavour, ModelRef, Resource, Scope, Version

_MODELS = "solovirt.kinds.admissionregistration.models"


def _count(path: str) -> Column:
    name = path.rpartition(".")[2].capitalize()

    def cell(document: Document, _: Any) -> int:
        return len(at(document, path) or ())

    return Column(name, "integer", cell=cell, description=f"How many {name.lower()} there are.")


def _resource(
    kind: str, plural: str, module: str, columns: tuple[Column, ...], behaviour: Behaviour, **more: Any
) -> Resource:
    return Resource(
        group=GROUP,
        kind=kind,
        plural=plural,
        singular=kind.lower(),
        scope=Scope.CLUSTER,
        versions=(Version("v1", ModelRef(f"{_MODELS}.{module}:{kind}"), columns=columns),),
        behaviour=behaviour,
        categories=("api-extensions",),
        flavour=Flavour.BUILT_IN,
        **more,
    )


_WEBHOOKS = (NAME, _count("webhooks"), AGE)
_BINDING = (
    NAME,
    Column("PolicyName", cell=lambda document, _: at(document, "spec.policyName") or "", description="What is bound."),
    AGE,
)

RESOURCES: tuple[Resource, ...] = (
    _resource("MutatingWebhookConfiguration", MUTATING.plural, "webhooks", _WEBHOOKS, WebhookBehaviour(mutating=True)),
    _resource(
        "ValidatingWebhookConfiguration", VALIDATING.plural, "webhooks", _WEBHOOKS, WebhookBehaviour(mutating=False)
    ),
    _resource(
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        "policies",
        (NAME, _count("spec.validations"), AGE),
        PolicyBehaviour(),
        status_subresource=True,
    ),
    _resource(
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        "policies",
        _BINDING,
        PolicyBehaviour(),
    ),
    _resource(
        "MutatingAdmissionPolicy",
        "mutatingadmissionpolicies",
        "policies",
        (NAME, _count("spec.mutations"), AGE),
        PolicyBehaviour(),
    ),
    _resource(
        "MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", "policies", _BINDING, PolicyBehaviour()
    ),
)
