"""
The rules on what a KubeVirt CR may say (reference kubevirt-validation.md 11, rules 258 to 265), and the warnings for what it still may (12).

Several are held against changes only, so that an installation from before a rule can still be edited elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from solovirt.kinds.kubevirt import denial, feature_gates
from solovirt.kinds.kubevirt.rules import scheduling
from solovirt.machinery import names
from solovirt.machinery.errors import Cause, FieldError, Invalid, go_value, invalid

Spec = Mapping[str, Any]

_CONFIGURATION = "spec.configuration"
_HOUR = 3600.0
_SECONDS = {"h": _HOUR, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"[+-]?(?:0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_CA_LIFE, _CERTIFICATE_LIFE, _RENEWED_BEFORE = 168 * _HOUR, 24 * _HOUR, 0.2
_OLD_INTERVALS = ("caRotateInterval", "certRotateInterval", "caOverlapInterval")
_CIPHERS = frozenset(
    {
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    }
)
"""What Go's TLS library offers."""


class BadDuration(ValueError):
    """A text is no duration; the message is Go's."""

    def __init__(self, text: str) -> None:
        super().__init__(f"time: invalid duration {go_value(text)}")


def check(spec: Spec, old: Spec) -> list[Cause]:
    """Everything wrong with changing an installation's *old* spec to *spec*. Raises BadDuration."""
    config, before = spec.get("configuration") or {}, old.get("configuration") or {}
    causes = [
        *_check_patches(spec.get("customizeComponents") or {}),
        *_check_certificates((spec.get("certificateRotateStrategy") or {}).get("selfSigned")),
        *_check_ratio(config.get("additionalGuestMemoryOverheadRatio")),
    ]
    if config.get("tlsConfiguration") != before.get("tlsConfiguration"):
        causes += _check_tls(config.get("tlsConfiguration") or {})
    for part, workload in (("infra", "Deployment"), ("workloads", "DaemonSet")):
        if spec.get(part) != old.get(part):
            causes += _check_placement((spec.get(part) or {}).get("nodePlacement") or {}, workload)
    if config.get("seccompConfiguration") != before.get("seccompConfiguration"):
        causes += _check_seccomp(config.get("seccompConfiguration") or {})
    if (spec.get("infra") or {}).get("replicas") == 0:
        causes.append(denial.invalid(None, "infra replica count can't be 0"))
    return [*causes, *_check_gates(config), *_check_gated(config, before)]


def _check_patches(customised: Spec) -> Iterator[Cause]:
    """Rule 258."""
    for patch in customised.get("patches") or ():
        text = patch.get("patch") or ""
        try:
            json.loads(text)
        except ValueError:
            yield denial.not_supported(None, f"patch {go_value(text)} is not valid JSON")


def seconds(duration: str) -> float:
    """A duration as Go writes it: `168h`, `1h30m`. Raises BadDuration."""
    if not _DURATION.fullmatch(duration):
        raise BadDuration(duration)
    sign = -1 if duration.startswith("-") else 1
    return sign * sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(duration))


def _check_certificates(settings: Spec | None) -> Iterator[Cause]:
    """Rule 259."""
    if settings is None:
        return
    authority, server = settings.get("ca"), settings.get("server")
    if any(settings.get(key) is not None for key in _OLD_INTERVALS) and (authority is not None or server is not None):
        text = (
            "caRotateInterval, certRotateInterval and caOverlapInterval are deprecated and conflict with CertConfig "
            "defined rotation parameters"
        )
        yield denial.not_supported(None, text)
    path = "spec.certificateRotationStrategy.selfSigned"
    ca_life = _given(authority, "duration", settings.get("caRotateInterval"), _CA_LIFE)
    ca_renewal = _given(authority, "renewBefore", settings.get("caOverlapInterval"), ca_life * _RENEWED_BEFORE)
    life = _given(server, "duration", settings.get("certRotateInterval"), _CERTIFICATE_LIFE)
    renewal = _given(server, "renewBefore", None, life * _RENEWED_BEFORE)
    if ca_life < ca_renewal:
        text = f"CA RenewBefore cannot exceed Duration ({path}.ca.duration < {path}.ca.renewBefore)"
        yield denial.invalid(None, text)
    if life < renewal:
        text = f"Cert RenewBefore cannot exceed Duration ({path}.server.duration < {path}.server.renewBefore)"
        yield denial.invalid(None, text)
    if life > ca_life:
        text = f"Certificate duration cannot exceed CA ({path}.server.duration > {path}.ca.duration)"
        yield denial.invalid(None, text)


def _given(settings: Spec | None, key: str, older: str | None, default: float) -> float:
    text = (settings or {}).get(key) or older
    return seconds(text) if text else default


def _check_ratio(ratio: str | None) -> Iterator[Cause]:
    """Rule 263."""
    if ratio is None:
        return
    try:
        number = float(ratio)
    except ValueError:
        error = f"strconv.ParseFloat: parsing {go_value(ratio)}: invalid syntax"
        yield denial.not_supported(None, f"ratio provided, {ratio}, cannot be parsed into float: {error}")
        return
    if number < 1.0:
        yield denial.not_supported(None, f"ratio provided, {ratio}, cannot be smaller than 1.0")


def _check_tls(settings: Spec) -> Iterator[Cause]:
    """Rule 260."""
    ciphers = settings.get("ciphers") or ()
    field = f"{_CONFIGURATION}.tlsConfiguration.ciphers"
    if settings.get("minTLSVersion") in (None, "", "VersionTLS13"):
        if ciphers:
            text = f"You cannot specify ciphers when {_CONFIGURATION}.tlsConfiguration.minTLSVersion is empty or VersionTLS13"
            yield denial.not_supported(field, text)
        return
    for index, cipher in enumerate(ciphers):
        if cipher not in _CIPHERS:
            yield denial.not_supported(f"{field}#{index}", f"{cipher} is not a valid cipher")


def _check_placement(placement: Spec, kind: str) -> Iterator[Cause]:
    """Rule 262: KubeVirt asks Kubernetes for a workload that would be placed so, without running it, and passes on the refusal."""
    path = "spec.template.spec"
    errors = [
        *_node_selector_errors(placement.get("nodeSelector") or {}, f"{path}.nodeSelector"),
        *scheduling.affinity_errors(placement.get("affinity") or {}, f"{path}.affinity"),
    ]
    if errors:
        yield denial.invalid(None, Invalid.of("apps", kind, "placement-validation-webhook", errors).message)


def _node_selector_errors(selector: Mapping[str, str], path: str) -> Iterator[FieldError]:
    for key, value in selector.items():
        for text in names.qualified_name(key):
            yield invalid(path, key, text)
        for text in names.label_value(value):
            yield invalid(path, value, text)


def _check_seccomp(settings: Spec) -> Iterator[Cause]:
    """Rule 261."""
    profile = settings.get("virtualMachineInstanceProfile")
    if profile is None:
        return
    field = f"{_CONFIGURATION}.seccompConfiguration.virtualMachineInstanceProfile.customProfile"
    custom = profile.get("customProfile")
    if custom is None:
        yield denial.invalid(field, f"{field} needs to be set")
    elif custom.get("localhostProfile") is not None and custom.get("runtimeDefaultProfile"):
        local, default = f"{field}.localhostProfile", f"{field}.runtimeDefaultProfile"
        yield denial.invalid(local, f"{local} cannot be set when {default} is set")
        yield denial.invalid(default, f"{default} cannot be set when {local} is set")


def _check_gates(config: Spec) -> Iterator[Cause]:
    """Rule 264."""
    developer = config.get("developerConfiguration") or {}
    disabled = developer.get("disabledFeatureGates") or ()
    for gate in developer.get("featureGates") or ():
        if gate in disabled:
            text = f'feature gate "{gate}" exists on both "FeatureGates" and "DisabledFeatureGates"'
            yield denial.forbidden(f"{_CONFIGURATION}.developerConfiguration.featureGates", text)


def _check_gated(config: Spec, before: Spec) -> Iterator[Cause]:
    """Rule 265."""
    developer = config.get("developerConfiguration") or {}
    gates = feature_gates.in_force(developer.get("featureGates") or (), developer.get("disabledFeatureGates") or ())
    if (config.get("virtTemplateDeployment") or {}).get("enabled") and "Template" not in gates:
        text = "VirtTemplateDeployment cannot be enabled without enabling the Template feature gate"
        yield denial.invalid(f"{_CONFIGURATION}.virtTemplateDeployment.enabled", text)
    if config.get("roleAggregationStrategy") == "Manual" and "OptOutRoleAggregation" not in gates:
        text = "RoleAggregationStrategy cannot be set to Manual without enabling the OptOutRoleAggregation feature gate"
        yield denial.invalid(f"{_CONFIGURATION}.roleAggregationStrategy", text)
    downtime, downtime_before = ((one.get("migrations") or {}).get("maxDowntimeMs") for one in (config, before))
    if downtime is not None and downtime != downtime_before and not gates & _DOWNTIME_GATES:
        text = (
            "maxDowntimeMs cannot be modified without enabling the MigrationStallDetection or "
            "MigrationDowntimeTuning feature gate"
        )
        yield denial.invalid(f"{_CONFIGURATION}.migrationConfiguration.maxDowntimeMs", text)


_DOWNTIME_GATES = frozenset(("MigrationStallDetection", "MigrationDowntimeTuning"))


def warnings(spec: Spec, old: Spec) -> list[str]:
    """What is said to somebody who changes an installation's *old* spec to *spec*, which is admitted."""
    config, before = spec.get("configuration") or {}, old.get("configuration") or {}
    gates, gates_before = (
        (one.get("developerConfiguration") or {}).get("featureGates") or () for one in (config, before)
    )
    out = feature_gates.warnings(gates) if gates != gates_before else []
    devices = config.get("mediatedDevicesConfiguration") or {}
    path = f"{_CONFIGURATION}.mediatedDevicesConfiguration"
    if devices.get("mediatedDevicesTypes") is not None:
        out.append(f"{path}.mediatedDevicesTypes is deprecated, use mediatedDeviceTypes")
    for index, of_node in enumerate(devices.get("nodeMediatedDeviceTypes") or ()):
        if of_node.get("mediatedDevicesTypes") is not None:
            field = f"{path}.nodeMediatedDeviceTypes[{index}].mediatedDevicesTypes"
            out.append(f"{field} is deprecated, use mediatedDeviceTypes")
    if (config.get("architectureConfiguration") or {}).get("ppc64le") is not None:
        out.append(f"{_CONFIGURATION}.architectureConfiguration.ppc64le is deprecated and no longer supported.")
    return out
