"""
What CDI's webhooks demand of DataImportCrons, VolumeImportSources and VolumeUploadSources (reference cdi.md 12.2 and 12.3).

As with DataVolumes, the first broken rule is the one that is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from solovirt.kinds.cdi import data_volume_rules
from solovirt.kinds.cdi.schedule import IllegalSchedule, next_time
from solovirt.kinds.kubevirt import denial
from solovirt.machinery.errors import Cause

Spec = Mapping[str, Any]

_LONGEST_NAME = 63
_SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)


def name_trouble(name: str) -> Cause | None:
    """Names become parts of names of DataVolumes and of labels."""
    if len(name) > _LONGEST_NAME:
        return denial.invalid("", f"Name cannot be longer than {_LONGEST_NAME} characters")
    return None


def first_broken_of_cron(spec: Spec) -> Cause | None:
    """The first rule that a DataImportCron's spec breaks."""
    template = (spec.get("template") or {}).get("spec") or {}
    source = template.get("source") or {}
    if source.get("registry") is None and source.get("pvc") is None:
        return denial.invalid("spec.Template", "Missing source")
    if any(template.get(field) for field in ("sourceRef", "contentType", "checkpoints", "finalCheckpoint")):
        text = "Unsettable fields: SourceRef, ContentType, Checkpoints, FinalCheckpoint"
        return denial.invalid("spec.Template", text)
    cause = data_volume_rules.first_broken(template)
    if cause is not None:
        # The template's own rules begin at its name.
        return Cause(cause.message, cause.reason, (cause.field or "").replace("spec.", "Template.", 1))
    if (schedule := spec.get("schedule")) and not _is_schedule(schedule):
        return denial.invalid("spec.Schedule", "Illegal cron schedule")
    if (kept := spec.get("importsToKeep")) is not None and kept < 0:
        return denial.invalid("spec.ImportsToKeep", "Illegal ImportsToKeep value")
    if spec.get("garbageCollect") not in (None, "Never", "Outdated"):
        return denial.invalid("spec.GarbageCollect", "Illegal GarbageCollect value")
    managed = spec.get("managedDataSource") or ""
    if not managed:
        return denial.invalid("spec.ManagedDataSource", "Illegal ManagedDataSource value")
    return name_trouble(managed)


def _is_schedule(text: str) -> bool:
    try:
        next_time(text, _SOME_TIME)
    except IllegalSchedule:
        return False
    return True


def first_broken_of_import_source(spec: Spec) -> Cause | None:
    """The first rule that a VolumeImportSource's spec breaks."""
    if cause := first_broken_of_upload_source(spec):
        return cause
    source = {name: given for name, given in (spec.get("source") or {}).items() if given is not None}
    if len(source) != 1:
        return denial.invalid(
            "spec.source", f"{'Multiple' if source else 'Missing'} VolumeImport source{'s' if source else ''}"
        )
    if is_multi_stage(spec) and not spec.get("targetClaim"):
        text = "Unable to do multi-stage import without specifying a target claim"
        return denial.invalid("spec.targetClaim", text)
    return next(data_volume_rules.check_source({"source": source, "contentType": spec.get("contentType")}), None)


def first_broken_of_upload_source(spec: Spec) -> Cause | None:
    if spec.get("contentType") not in (None, "", "kubevirt", "archive"):
        return denial.invalid("spec.contentType", "ContentType not one of: kubevirt, archive")
    return None


def is_multi_stage(spec: Spec) -> bool:
    """Whether the import is made in stages, whose checkpoints may be changed later."""
    source = spec.get("source") or {}
    return bool(spec.get("checkpoints")) and ("vddk" in source or "imageio" in source)
