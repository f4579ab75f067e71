"""
KubeVirt's feature gates: how far each has come, and which are open (reference kubevirt-vm.md 14).

A gate is always open once its feature is GA, and never again once that was discontinued. In between the KubeVirt CR decides, by
`developerConfiguration.featureGates` and `.disabledFeatureGates`, and where it says nothing a Beta feature is on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum


class State(StrEnum):
    """How far a feature has come, as KubeVirt spells it in its warnings."""

    ALPHA = "Alpha"
    BETA = "Beta"
    GA = "General Availability"
    DEPRECATED = "Deprecated"
    DISCONTINUED = "Discontinued"


_IN_STATE = {
    State.GA: (
        "AutoResourceLimitsGate",
        "BochsDisplayForEFIGuests",
        "CPUNodeDiscovery",
        "ClusterProfiler",
        "CommonInstancetypesDeploymentGate",
        "DisableCustomSELinuxPolicy",
        "DynamicPodInterfaceNaming",
        "EnableVirtioFsConfigVolumes",
        "ExpandDisks",
        "GPU",
        "HotplugNICs",
        "InstancetypeReferencePolicy",
        "LiveMigration",
        "LiveUpdateNADRef",
        "MigrationPriorityQueue",
        "NUMA",
        "NetworkBindingPlugins",
        "NonRoot",
        "PSA",
        "PanicDevices",
        "PersistentReservation",
        "SRIOVLiveMigration",
        "SecureExecution",
        "VMExport",
        "VMLiveUpdateFeatures",
        "VMPersistentState",
        "VideoConfig",
        "VolumeMigration",
        "VolumesUpdateStrategy",
    ),
    State.BETA: (
        "DeclarativeHotplugVolumes",
        "DecentralizedLiveMigration",
        "ImageVolume",
        "KubevirtSeccompProfile",
        "NodeRestriction",
        "PasstBinding",
        "RebootPolicy",
        "Snapshot",
        "WorkloadEncryptionSEV",
    ),
    State.DEPRECATED: ("DisableMDEVConfiguration", "DockerSELinuxMCSWorkaround", "HotplugVolumes", "MultiArchitecture"),
    State.DISCONTINUED: ("ExperimentalVirtiofsSupport", "Macvtap", "Passt", "PasstIPStackMigration"),
}
STATES = {gate: state for state, gates in _IN_STATE.items() for gate in gates}
"""The state of each gate that is not Alpha."""

_BINDING_IS_GONE = (
    "{} network binding is discontinued since v1.3. Please refer to Kubevirt user guide for alternatives."
)
DISCONTINUED_BINDINGS = {
    "Passt": ("passt", _BINDING_IS_GONE.format("Passt")),
    "Macvtap": ("macvtap", _BINDING_IS_GONE.format("Macvtap")),
}
"""Gates of network bindings that are gone: the field of an interface that each opened, and what is said to its users (rule 189)."""

_MESSAGES = {
    **{gate: text for gate, (_, text) in DISCONTINUED_BINDINGS.items()},
    "DockerSELinuxMCSWorkaround": "DockerSELinuxMCSWorkaround has been deprecated since v1.4.",
    "MultiArchitecture": "MultiArchitecture has been deprecated since v1.8.0",
    "DisableMDEVConfiguration": "DisableMDEVConfiguration has been deprecated since v1.8.0",
    "HotplugVolumes": (
        "HotplugVolumes has been deprecated since v1.9.0 and has been replaced by DeclarativeHotplugVolumes"
    ),
}
_GUIDE = "https://github.com/kubevirt/kubevirt/blob/main/docs/deprecation.md"


def in_force(enabled: Iterable[str] = (), disabled: Iterable[str] = ()) -> frozenset[str]:
    """The open gates where the KubeVirt CR lists *enabled* and *disabled*. A gate that is in both is open."""
    on = set(_IN_STATE[State.GA])
    on.update(gate for gate in enabled if STATES.get(gate) is not State.DISCONTINUED)
    shut = set(disabled)
    on.update(gate for gate in _IN_STATE[State.BETA] if gate not in shut)
    return frozenset(on)


def warnings(enabled: Sequence[str]) -> list[str]:
    """What is said to somebody who lists *enabled*: that some gates have nothing left to decide (reference kubevirt-validation.md 12)."""
    return [
        _MESSAGES.get(gate) or _redundant(gate, state)
        for gate in enabled
        if (state := STATES.get(gate)) not in (None, State.BETA)
    ]


def _redundant(gate: str, state: State | None) -> str:
    return (
        f'feature gate {gate} is deprecated (feature state is "{state}"), therefore it can be safely removed and is redundant. '
        f"For more info, please look at: {_GUIDE}"
    )
