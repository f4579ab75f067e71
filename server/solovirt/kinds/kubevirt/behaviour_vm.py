"""
The life cycle of a VirtualMachine at the door: KubeVirt's mutating and validating webhooks for it.

Validation goes in stages, and the first that finds something answers alone (reference kubevirt-validation.md 1.3): flavor, instancetype and
preference; then the spec with its template, checked as the instance it would become; then what a snapshot or restore locks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import orjson

from solovirt.kinds.flavor import application as flavors
from solovirt.kinds.instancetype import admission as instancetypes
from solovirt.kinds.kubevirt import (
    configuration,
    denial,
    instance_defaults,
    machine_rules,
    schema_check,
    volume_requests,
)
from solovirt.kinds.kubevirt.rules import instance, metadata, sizing
from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.uids import random_uid

if TYPE_CHECKING:
    from solovirt.kinds.kubevirt.cluster import Cluster
    from solovirt.machinery.errors import Cause, FieldError, StatusError
    from solovirt.machinery.resource import Document

MUTATOR = "virtualmachines-mutator.kubevirt.io"
VALIDATOR = "virtualmachine-validator.kubevirt.io"
STATUS_VALIDATOR = "kubevirt-crd-status-validator.kubevirt.io"

_TEMPLATE = "spec.template.spec"


class VirtualMachineBehaviour(Behaviour):
    """Admission of VirtualMachines under the configuration in force."""

    # It writes names and random texts where texts are wanted, and takes out what is optional.
    keeps_valid = True

    def __init__(self) -> None:
        self._found_in_order = _FoundInOrder()

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        if admission.subresource or (obj.get("metadata") or {}).get("deletionTimestamp"):
            return
        template = _template_of(obj)
        if template is None:
            # Malformed: the structural schema is about to say so.
            return
        instancetypes.mutate(obj, old, admission, webhook=MUTATOR)
        cluster = configuration.in_force(admission.lookup)
        architecture = template["architecture"] = template.get("architecture") or cluster.architecture
        domain = template["domain"]
        machine = domain.setdefault("machine", {})
        if isinstance(machine, dict):
            machine["type"] = machine.get("type") or cluster.machine_type(str(architecture))
        if old is None:
            _identify_firmware(domain)

    def refuse_malformed(self, obj: Document, errors: Sequence[FieldError], admission: Admission) -> StatusError | None:
        return None if admission.subresource else schema_check.refusal(MUTATOR, errors)

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        self._validate(obj, None, admission)
        return ()

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        if admission.subresource == "status":
            self._validate_status(obj, admission)
        elif not admission.subresource:
            self._validate(obj, old, admission)
        return ()

    def _validate_status(self, obj: Document, admission: Admission) -> None:
        """What others than the schema say of a written status: that volumes are asked for which the machine can take."""
        if not (obj.get("status") or {}).get("volumeRequests"):
            return
        cluster = configuration.in_force(admission.lookup)
        template: Document = orjson.loads(orjson.dumps(obj["spec"]["template"]["spec"]))
        instance_defaults.default_spec(template, cluster=cluster, random_uuid=False)
        if causes := volume_requests.check(obj, template, admission, cluster=cluster):
            raise denial.deny(STATUS_VALIDATOR, causes)

    def _validate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        """Raise the first stage's refusal. An object that is being deleted is admitted unchecked."""
        if obj["metadata"].get("deletionTimestamp"):
            return
        if _depends_on_others(obj):
            self._check(obj, old, admission)
        elif old is None or obj["spec"] != old["spec"] or not self._found_in_order.covers(old, admission):
            self._check(obj, old, admission)
            if old is None or obj["spec"] == old["spec"]:
                self._found_in_order.note(obj if old is None else old, admission)
        # Only what is admitted is warned of (reference kubevirt-validation.md 12).
        if obj["spec"].get("running") is not None:
            admission.warnings.append(machine_rules.RUNNING_IS_DEPRECATED)

    def _check(self, obj: Document, old: Document | None, admission: Admission) -> None:
        # The template as the instance it would become; the object itself keeps what was sent.
        template: Document = orjson.loads(orjson.dumps(obj["spec"]["template"]["spec"]))
        for causes in self._stages(obj, old, template, admission):
            if causes:
                raise denial.deny(VALIDATOR, causes)

    def _stages(
        self, obj: Document, old: Document | None, template: Document, admission: Admission
    ) -> Iterator[list[Cause]]:
        cluster = configuration.in_force(admission.lookup)
        spec = obj["spec"]
        of_old = old["spec"] if old is not None else None
        of_template = spec["template"].get("metadata")
        yield _apply_flavor(spec, template, admission)
        application = instancetypes.Application(obj, admission)
        yield application.apply(template, of_template)
        instance_defaults.default_spec(template, cluster=cluster, random_uuid=False)
        yield application.check_requirements(template)
        if old is None:
            yield from instance.check_discontinued(template, _TEMPLATE, cluster=cluster)
        yield [
            *metadata.check(of_template, "spec.template.metadata", user=admission.user, cluster=cluster),
            *instance.check(template, _TEMPLATE, cluster=cluster),
            *machine_rules.check_data_volume_templates(spec),
            *machine_rules.check_run_strategy(spec, cluster=cluster),
            *sizing.check_memory_hotplug(template, _TEMPLATE),
        ]
        yield machine_rules.check_template_namespaces(spec, admission.key.namespace, of_old)
        if old is not None:
            yield machine_rules.check_locks(obj, old)
        yield volume_requests.check(obj, template, admission, cluster=cluster)


def _template_of(obj: Document) -> Document | None:
    """
    `spec.template.spec` if it and its domain are there and objects.

    A template without any spec gets one: it is not the spec that is required of a template, only what a spec has to have.
    """
    found = obj
    for field in ("spec", "template"):
        found = found.get(field)  # type: ignore[assignment]  # whatever was sent; looked at in the next line
        if not isinstance(found, dict):
            return None
    found = found.setdefault("spec", {"domain": {"devices": {}}})
    if not isinstance(found, dict):
        return None
    return found if isinstance(found.get("domain"), dict) else None


def _depends_on_others(obj: Document) -> bool:
    """Whether a flavor, an instance type or a preference fills the template, or volumes are held against a running instance."""
    spec = obj["spec"]
    return any(spec.get(field) is not None for field in ("flavor", "instancetype", "preference")) or bool(
        (obj.get("status") or {}).get("volumeRequests")
    )


class _FoundInOrder:
    """
    Stored specs that went through all rules, so that further changes of metadata alone need not take them there again.

    KubeVirt does so every time, and comes to the same end as long as the configuration is the same and the one who
    writes is not less trusted. A spec is told by its machine's uid and generation.
    """

    _MOST = 10_000

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, Cluster, bool]] = {}

    def covers(self, stored: Document, admission: Admission) -> bool:
        known = self._known.get(stored["metadata"].get("uid", ""))
        if known is None:
            return False
        generation, cluster, trusted = known
        now = configuration.in_force(admission.lookup)
        return (
            generation == stored["metadata"].get("generation")
            and (cluster is now or cluster == now)
            and (not trusted or metadata.is_kubevirt_account(admission.user, cluster=now))
        )

    def note(self, stored: Document, admission: Admission) -> None:
        meta, cluster = stored["metadata"], configuration.in_force(admission.lookup)
        if "uid" in meta and "generation" in meta:
            if len(self._known) >= self._MOST:
                # The one noted first; it costs one more check.
                del self._known[next(iter(self._known))]
            trusted = metadata.is_kubevirt_account(admission.user, cluster=cluster)
            self._known[meta["uid"]] = (meta["generation"], cluster, trusted)


def _identify_firmware(domain: Document) -> None:
    """Give a new machine the uuid and serial number that all its instances will have (reference kubevirt-vm.md 5)."""
    firmware = domain.setdefault("firmware", {})
    if isinstance(firmware, dict):
        firmware["uuid"] = firmware.get("uuid") or random_uid()
        firmware["serial"] = firmware.get("serial") or random_uid()


def _apply_flavor(spec: Document, template: Document, admission: Admission) -> list[Cause]:
    """Fill *template* from the flavor that *spec* names (reference kubevirt-flavor.md 4 and 5: F2, F5)."""
    matcher = spec.get("flavor")
    if matcher is None:
        return []
    if spec.get("instancetype") is not None:
        # Ours alone: no KubeVirt serves both.
        return [denial.invalid("spec.flavor", "Flavor and Instancetype are mutually exclusive")]
    try:
        flavors.apply(flavors.find(matcher, admission.key.namespace, admission.lookup.get), template)
    except flavors.FlavorNotFound as error:
        return [denial.not_found("spec.flavor", f"Could not find flavor: {error}")]
    except flavors.FlavorConflict:
        return [denial.invalid(f"{_TEMPLATE}.domain.cpu", "VMI field conflicts with selected Flavor")]
    return []
