"""Admission of KubeVirt CRs (kubevirt-validation.md 11 and 12)."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds.kubevirt.behaviour_kubevirt import CREATE_WEBHOOK, DELETE_WEBHOOK, UPDATE_WEBHOOK
from solovirt.machinery.admission import Operation
from tests.kinds.kubevirt.admitted import RESOURCES, admission, causes, kubevirt, refusal

KIND = "KubeVirt"
BEHAVIOUR = RESOURCES[KIND].behaviour
CONFIG = "spec.configuration"
TLS, PROFILE = (
    f"{CONFIG}.tlsConfiguration",
    f"{CONFIG}.seccompConfiguration.virtualMachineInstanceProfile.customProfile",
)
SELF_SIGNED = "spec.certificateRotationStrategy.selfSigned"


def installation(**spec: Any) -> dict[str, Any]:
    out = kubevirt()
    out["spec"].update(spec)
    return out


def configured(**config: Any) -> dict[str, Any]:
    return installation(configuration=config)


def certificates(**settings: Any) -> dict[str, Any]:
    return installation(certificateRotateStrategy={"selfSigned": settings})


def changed(new: dict[str, Any], old: dict[str, Any] | None = None) -> list[Any]:
    asked = admission(KIND, operation=Operation.UPDATE)
    return causes(lambda: BEHAVIOUR.validate_update(new, old or kubevirt(), asked), UPDATE_WEBHOOK)


ROWS = [
    (258, installation(customizeComponents={"patches": [{"patch": "{"}]}), ("NotSupported", None, 'patch "{" is not valid JSON')),
    (259, certificates(ca={"duration": "1h", "renewBefore": "2h"}, server={"duration": "30m"}), ("Invalid", None, f"CA RenewBefore cannot exceed Duration ({SELF_SIGNED}.ca.duration < {SELF_SIGNED}.ca.renewBefore)")),
    (259, certificates(server={"duration": "1h", "renewBefore": "1h30m"}), ("Invalid", None, f"Cert RenewBefore cannot exceed Duration ({SELF_SIGNED}.server.duration < {SELF_SIGNED}.server.renewBefore)")),
    (259, certificates(server={"duration": "200h"}), ("Invalid", None, f"Certificate duration cannot exceed CA ({SELF_SIGNED}.server.duration > {SELF_SIGNED}.ca.duration)")),
    (259, certificates(ca={"duration": "48h"}, caRotateInterval="48h"), ("NotSupported", None, "caRotateInterval, certRotateInterval and caOverlapInterval are deprecated and conflict with CertConfig defined rotation parameters")),
    (260, configured(tlsConfiguration={"ciphers": ["TLS_AES_128_GCM_SHA256"]}), ("NotSupported", f"{TLS}.ciphers", f"You cannot specify ciphers when {TLS}.minTLSVersion is empty or VersionTLS13")),
    (260, configured(tlsConfiguration={"minTLSVersion": "VersionTLS12", "ciphers": ["TLS_AES_128_GCM_SHA256", "ROT13"]}), ("NotSupported", f"{TLS}.ciphers#1", "ROT13 is not a valid cipher")),
    (261, configured(seccompConfiguration={"virtualMachineInstanceProfile": {}}), ("Invalid", PROFILE, f"{PROFILE} needs to be set")),
    (261, configured(seccompConfiguration={"virtualMachineInstanceProfile": {"customProfile": {"localhostProfile": "x", "runtimeDefaultProfile": True}}}), ("Invalid", f"{PROFILE}.localhostProfile", f"{PROFILE}.localhostProfile cannot be set when {PROFILE}.runtimeDefaultProfile is set")),
    (262, installation(infra={"replicas": 0}), ("Invalid", None, "infra replica count can't be 0")),
    (262, installation(infra={"nodePlacement": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}}}), ("Invalid", None, 'Deployment.apps "placement-validation-webhook" is invalid: spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term')),
    (263, configured(additionalGuestMemoryOverheadRatio="much"), ("NotSupported", None, 'ratio provided, much, cannot be parsed into float: strconv.ParseFloat: parsing "much": invalid syntax')),
    (263, configured(additionalGuestMemoryOverheadRatio="0.9"), ("NotSupported", None, "ratio provided, 0.9, cannot be smaller than 1.0")),
    (264, configured(developerConfiguration={"featureGates": ["Sidecar"], "disabledFeatureGates": ["Sidecar"]}), ("Forbidden", f"{CONFIG}.developerConfiguration.featureGates", 'feature gate "Sidecar" exists on both "FeatureGates" and "DisabledFeatureGates"')),
    (265, configured(virtTemplateDeployment={"enabled": True}), ("Invalid", f"{CONFIG}.virtTemplateDeployment.enabled", "VirtTemplateDeployment cannot be enabled without enabling the Template feature gate")),
    (265, configured(roleAggregationStrategy="Manual"), ("Invalid", f"{CONFIG}.roleAggregationStrategy", "RoleAggregationStrategy cannot be set to Manual without enabling the OptOutRoleAggregation feature gate")),
    (265, configured(migrations={"maxDowntimeMs": 100}), ("Invalid", f"{CONFIG}.migrationConfiguration.maxDowntimeMs", "maxDowntimeMs cannot be modified without enabling the MigrationStallDetection or MigrationDowntimeTuning feature gate")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "new", "expected"), ROWS)
def test_a_broken_rule_gives_its_cause(rule, new, expected):
    assert expected in changed(new), rule


@pytest.mark.parametrize(
    "config",
    [
        {"tlsConfiguration": {"minTLSVersion": "VersionTLS12", "ciphers": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]}},
        {"seccompConfiguration": {"virtualMachineInstanceProfile": {"customProfile": {"localhostProfile": "x"}}}},
        {"additionalGuestMemoryOverheadRatio": "1.5"},
        {"roleAggregationStrategy": "Manual", "developerConfiguration": {"featureGates": ["OptOutRoleAggregation"]}},
        {"virtTemplateDeployment": {"enabled": True}, "developerConfiguration": {"featureGates": ["Template"]}},
    ],
)
def test_what_is_in_order_passes(config):
    """Rules 260, 261, 263 and 265."""
    assert changed(configured(**config)) == []


def test_rules_for_changes_leave_alone_what_stays():
    """Rules 260 to 262 and 265 are held against changes alone."""
    old = configured(tlsConfiguration={"ciphers": ["ROT13"]}, migrations={"maxDowntimeMs": 100})
    new = configured(tlsConfiguration={"ciphers": ["ROT13"]}, migrations={"maxDowntimeMs": 100}, cpuModel="host-model")
    assert changed(new, old) == []


def test_a_duration_that_is_none_is_a_plain_refusal():
    """Rule 259: it does not decode."""
    asked = admission(KIND, operation=Operation.UPDATE)
    new = certificates(ca={"duration": "a week"})
    status = refusal(lambda: BEHAVIOUR.validate_update(new, kubevirt(), asked))
    assert status["message"] == (
        f'admission webhook "{UPDATE_WEBHOOK}" denied the request: time: invalid duration "a week"'
    )
    assert status["code"] == 400


def test_there_is_one_installation():
    """Rule 256."""
    BEHAVIOUR.validate_create(kubevirt(), admission(KIND))
    status = refusal(lambda: BEHAVIOUR.validate_create(kubevirt(), admission(KIND, kubevirt())))
    assert status["message"] == f'admission webhook "{CREATE_WEBHOOK}" denied the request: Kubevirt is already created'
    assert status["code"] == 400


def workload(kind: str) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "w", "namespace": "default"}}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("VirtualMachineInstance", "Virtual Machine Instances"),
        ("VirtualMachine", "Virtual Machines"),
        ("VirtualMachineInstanceReplicaSet", "Virtual Machine Instance Replica Sets"),
    ],
)
def test_an_installation_in_use_can_be_protected(kind, words):
    """Rule 257."""
    protected = {**installation(uninstallStrategy="BlockUninstallIfWorkloadsExist"), "status": {"phase": "Deployed"}}

    def delete(*documents):
        return admission(KIND, *documents, operation=Operation.DELETE)

    status = refusal(lambda: BEHAVIOUR.validate_delete(protected, delete(workload(kind))))
    assert status["message"] == (
        f'admission webhook "{DELETE_WEBHOOK}" denied the request: Rejecting the uninstall request, since there are still '
        f"{words} present. Either delete all KubeVirt related workloads or change the uninstall strategy before "
        "uninstalling KubeVirt."
    )
    BEHAVIOUR.validate_delete(protected, delete())
    BEHAVIOUR.validate_delete(installation(uninstallStrategy="RemoveWorkloads"), delete(workload(kind)))


REDUNDANT = (
    'feature gate NUMA is deprecated (feature state is "General Availability"), therefore it can be safely removed and is '
    "redundant. For more info, please look at: https://github.com/kubevirt/kubevirt/blob/main/docs/deprecation.md"
)


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (kubevirt("NUMA", "Sidecar"), [REDUNDANT]),
        (kubevirt("HotplugVolumes"), ["HotplugVolumes has been deprecated since v1.9.0 and has been replaced by DeclarativeHotplugVolumes"]),
        (configured(mediatedDevicesConfiguration={"mediatedDevicesTypes": ["a"], "nodeMediatedDeviceTypes": [{"nodeSelector": {}, "mediatedDevicesTypes": ["b"]}]}), [f"{CONFIG}.mediatedDevicesConfiguration.mediatedDevicesTypes is deprecated, use mediatedDeviceTypes", f"{CONFIG}.mediatedDevicesConfiguration.nodeMediatedDeviceTypes[0].mediatedDevicesTypes is deprecated, use mediatedDeviceTypes"]),
        (configured(architectureConfiguration={"ppc64le": {}}), [f"{CONFIG}.architectureConfiguration.ppc64le is deprecated and no longer supported."]),
        (kubevirt(), []),
    ],
)  # fmt: skip
def test_warnings(new, expected):
    """Section 12."""
    asked = admission(KIND, operation=Operation.UPDATE)
    BEHAVIOUR.validate_update(new, kubevirt(), asked)
    assert asked.warnings == expected
