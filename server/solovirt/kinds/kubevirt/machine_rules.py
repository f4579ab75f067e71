"""
The rules on a VirtualMachine beyond those on its template (reference kubevirt-validation.md 3).

Each function returns causes; their order, and which stage answers first, is decided in `behaviour_vm`. Numbers are the reference's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from solovirt.kinds.kubevirt import denial, run_strategy
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.machinery.errors import Cause
from solovirt.machinery.resource import Document

_STRATEGIES = ("Halted", "Manual", "Always", "RerunOnFailure", "Once")
_RECEIVER, _RECEIVER_GATE = "WaitAsReceiver", "DecentralizedLiveMigration"

RUNNING_IS_DEPRECATED = "spec.running is deprecated, please use spec.runStrategy instead."


def check_run_strategy(spec: Mapping[str, Any], *, cluster: Cluster = STANDARD) -> list[Cause]:
    """Rules 28 to 31."""
    running, strategy = spec.get("running"), spec.get("runStrategy")
    causes = []
    if running is not None and strategy is not None:
        text = "Running and RunStrategy are mutually exclusive. Note that Running is deprecated, please use RunStrategy instead"
        causes.append(denial.invalid("spec.running", text))
    if running is None and strategy is None:
        causes.append(denial.invalid("spec.running", "RunStrategy must be specified"))
    if strategy is not None and strategy not in _STRATEGIES:
        text = f"Invalid RunStrategy ({strategy})"
        if strategy != _RECEIVER:
            causes.append(denial.invalid("spec.runStrategy", text))
        elif not cluster.has(_RECEIVER_GATE):
            text += f", {_RECEIVER_GATE} feature gate is not enabled in kubevirt resource"
            causes.append(denial.invalid("spec.runStrategy", text))
    return causes


def check_data_volume_templates(spec: Mapping[str, Any]) -> list[Cause]:
    """Rules 35 to 41: at most one cause for each entry."""
    volumes = ((spec.get("template") or {}).get("spec") or {}).get("volumes") or ()
    used = {(volume.get("dataVolume") or {}).get("name") for volume in volumes}
    used |= {(volume.get("persistentVolumeClaim") or {}).get("claimName") for volume in volumes}
    causes = []
    for index, template in enumerate(spec.get("dataVolumeTemplates") or ()):
        path = f"spec.dataVolumeTemplate[{index}]"
        cause = _check_template(template, path)
        if cause is None and template["metadata"]["name"] not in used:
            text = f"DataVolumeTemplate entry {path} must be referenced in the VMI template's 'volumes' list"
            cause = denial.required(path, text)
        if cause is not None:
            causes.append(cause)
    return causes


def _check_template(template: Mapping[str, Any], path: str) -> Cause | None:
    if not (template.get("metadata") or {}).get("name"):
        text = f"'name' field must not be empty for DataVolumeTemplate entry {path}.name."
        return denial.required(f"{path}.name", text)
    spec = template.get("spec") or {}
    claim, storage = spec.get("pvc"), spec.get("storage")
    if claim is None and storage is None:
        return denial.invalid(f"{path}.PVC.Storage", "Missing Data volume PVC or Storage")
    if claim is not None and storage is not None:
        text = "Duplicate storage definition, both target storage and target pvc defined"
        return denial.invalid(f"{path}.PVC.Storage", text)
    return _check_source(spec, claim or storage or {}, path)


def _check_source(spec: Mapping[str, Any], target: Mapping[str, Any], path: str) -> Cause | None:
    source, reference = spec.get("source"), spec.get("sourceRef")
    is_external = target.get("dataSource") is not None or target.get("dataSourceRef") is not None
    if is_external:
        if source is not None or reference is not None:
            text = "External population is incompatible with Source and SourceRef"
            return denial.invalid(f"{path}.source", text)
        return None
    if source is None and reference is None:
        text = "Data volume should have either Source, SourceRef, or be externally populated"
        return denial.invalid(f"{path}.source.sourceRef", text)
    if source is not None and len(source) != 1:
        text = "Multiple dataVolume sources" if source else "Missing dataVolume valid source"
        return denial.invalid(f"{path}.source", text)
    return None


def check_template_namespaces(spec: Mapping[str, Any], namespace: str, old: Mapping[str, Any] | None) -> list[Cause]:
    """Rule 42. A namespace that the old spec had already is not looked at again."""
    before = (old or {}).get("dataVolumeTemplates") or ()
    causes = []
    for index, template in enumerate(spec.get("dataVolumeTemplates") or ()):
        given = (template.get("metadata") or {}).get("namespace")
        if not given or given == namespace or template in before:
            continue
        text = f"Embedded DataVolume namespace {given} differs from VM namespace {namespace}"
        causes.append(denial.invalid(f"spec.dataVolumeTemplates[{index}]", text))
    return causes


def check_locks(obj: Document, old: Document) -> list[Cause]:
    """Rules 52 to 54: what a snapshot or restore under way does not let change."""
    status, new, before = old.get("status") or {}, obj["spec"], old["spec"]
    if snapshot := status.get("snapshotInProgress"):
        if _volumes(new) != _volumes(before):
            text = f'Cannot update vm disks or volumes until snapshot "{snapshot}" completes'
            return [denial.not_supported("spec", text)]
        if any(new.get(field) != before.get(field) for field in ("running", "runStrategy")):
            text = f'Cannot update vm running state until snapshot "{snapshot}" completes'
            return [denial.not_supported("spec", text)]
    restore = status.get("restoreInProgress")
    if restore and run_strategy.effective(new) != run_strategy.effective(before):
        text = f'Cannot update VM runStrategy until restore "{restore}" completes'
        return [denial.not_supported("spec", text)]
    return []


def _volumes(spec: Mapping[str, Any]) -> Any:
    return ((spec.get("template") or {}).get("spec") or {}).get("volumes") or []
