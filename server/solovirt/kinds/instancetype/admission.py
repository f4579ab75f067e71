"""
What instance types and preferences do while a VirtualMachine is admitted (reference kubevirt-flavor.md 6.2 and 6.3).

Before its defaults are written, `mutate` checks the matchers, infers those that ask for it and writes what must be known early. While it is
validated, `Application` fills a copy of the template, so that the rules see the machine whole. What is not there (yet) is no error at either point: the VM's
controller will tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from solovirt.kinds.instancetype import application, inference, preference_application, requirements, topology
from solovirt.kinds.instancetype.finding import INSTANCETYPE, PREFERENCE, CannotFind, Matching, has_matcher, spec_of
from solovirt.kinds.kubevirt import denial
from solovirt.machinery.admission import Admission
from solovirt.machinery.errors import Cause
from solovirt.machinery.resource import Document

_POLICIES = ("Ignore", "Reject")
_TEMPLATE = "spec.template.spec"


def mutate(vm: Document, old: Document | None, admission: Admission, *, webhook: str) -> None:
    """
    What the mutating webhook (its full name is *webhook*) does for matchers, in place.

    Raises its denials. *vm* has a template with a domain; whatever else is in it may be malformed, and is then left to the schema.
    """
    if not has_matcher(vm["spec"]):
        return
    try:
        _mutate(vm, old, admission, webhook)
    except (AttributeError, KeyError, TypeError):
        # Something in it is of a wrong type, or missing, and the structural schema is about to say what. Should the schema
        # find nothing, `Application` meets the same exception again and lets it out.
        return


def _mutate(vm: Document, old: Document | None, admission: Admission, webhook: str) -> None:
    for causes in (
        *(_check_change(matching, vm, old) for matching in (INSTANCETYPE, PREFERENCE) if old is not None),
        *(_check_matcher(matching, vm) for matching in (INSTANCETYPE, PREFERENCE)),
    ):
        if causes:
            raise denial.deny(webhook, causes)
    try:
        inference.infer(vm, admission.key.namespace, admission.lookup.get)
    except inference.CannotInfer as error:
        raise denial.deny_plainly(webhook, str(error)) from None
    preference = _spec(PREFERENCE, vm, admission)
    if preference is not None:
        _prefer_early(preference, vm["spec"])


def _check_change(matching: Matching, vm: Document, old: Document | None) -> list[Cause]:
    """Rule 47: a revision belongs to a name."""
    new, before = matching.matcher(vm), matching.matcher(old or {})
    if not new or not before:
        return []
    revision = new.get("revisionName")
    if revision and before.get("revisionName") == revision and before.get("name") != new.get("name"):
        text = "the Matcher Name has been updated without updating the RevisionName"
        return [denial.invalid(f"spec.{matching.field}.revisionName", text)]
    return []


def _check_matcher(matching: Matching, vm: Document) -> list[Cause]:
    """Rules 44 to 46."""
    matcher, path = matching.matcher(vm), f"spec.{matching.field}"
    if matcher is None:
        return []
    causes = []
    volume = matcher.get("inferFromVolume")
    if not matcher.get("name") and not volume:
        text = f"Either Name or InferFromVolume should be provided within the {matching.title}"
        causes.append(denial.not_found(path, text))
    if volume:
        for other, title in (("name", "Name"), ("kind", "Kind")):
            if matcher.get(other):
                text = f"{title} already set, should be cleared before setting inferFromVolume"
                causes.append(denial.not_supported(f"{path}.{other}", text))
    policy = matcher.get("inferFromVolumeFailurePolicy")
    if policy is not None and policy not in _POLICIES:
        text = f"Invalid value '{policy}' for InferFromVolumeFailurePolicy"
        causes.append(denial.invalid(f"{path}.inferFromVolumeFailurePolicy", text))
    return causes


def _prefer_early(preference: Document, spec: Document) -> None:
    """Write those preferences into the VM that would come too late at a start, or that defaults would be before."""
    template = spec["template"]["spec"]
    preference_application.apply_architecture(preference, template)
    if machine := (preference.get("machine") or {}).get("preferredMachineType"):
        of_domain = template["domain"].get("machine") or {}
        template["domain"]["machine"] = {**of_domain, "type": of_domain.get("type") or machine}
    storage_class = (preference.get("volumes") or {}).get("preferredStorageClassName")
    if not storage_class:
        return
    for data_volume in spec.get("dataVolumeTemplates") or ():
        for target in ("pvc", "storage"):
            wanted = (data_volume.get("spec") or {}).get(target)
            if wanted is not None and wanted.get("storageClassName") is None:
                wanted["storageClassName"] = storage_class


def _spec(matching: Matching, vm: Document, admission: Admission) -> Document | None:
    """The spec that the VM's matcher means, None also if it cannot be found."""
    # The namespace of a new object is the request's, whether or not the object says it.
    named = {**vm, "metadata": {**(vm.get("metadata") or {}), "namespace": admission.key.namespace}}
    try:
        return spec_of(matching, named, admission.lookup.get)
    except CannotFind:
        return None


class Application:
    """The instance type and preference of a VM that is being validated, as far as they were found."""

    def __init__(self, vm: Document, admission: Admission) -> None:
        inference.infer(vm, admission.key.namespace, admission.lookup.get)
        self._instancetype = _spec(INSTANCETYPE, vm, admission)
        self._preference = _spec(PREFERENCE, vm, admission)

    def apply(self, template: Document, metadata: Mapping[str, Any] | None) -> list[Cause]:
        """Fill *template* in place; *metadata*, the template's, is only compared. Rules 49 and 50."""
        if self._instancetype is not None:
            text = topology.indivisible(int(self._instancetype["cpu"]["guest"]), self._preference)
            if text is not None:
                return [denial.invalid("instancetype.spec.cpu.guest", text)]
        try:
            application.apply(self._instancetype, self._preference, template, dict(metadata or {}), path=_TEMPLATE)
        except application.Conflicts as conflicts:
            return [denial.invalid(path, application.message_of(path)) for path in conflicts.paths]
        return []

    def check_requirements(self, template: Document) -> list[Cause]:
        """Hold *template*, filled and with its defaults, against what the preference requires. Rule 51."""
        try:
            requirements.check(self._instancetype, self._preference, template)
        except requirements.NotMet as error:
            return [denial.not_found(", ".join(error.paths), f"failure checking preference requirements: {error}")]
        return []
