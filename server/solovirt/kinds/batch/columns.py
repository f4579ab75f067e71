"""What `kubectl get` prints of the batch group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from datetime import datetime

from solovirt.kinds.cells import (
    AGE,
    NAME,
    NONE,
    at,
    label_selector_column,
    pod_template_columns,
    text_column,
    time_since,
)
from solovirt.machinery.http.ages import human_duration
from solovirt.machinery.resource import CellContext, Column, Document


def _job_status(document: Document, _: CellContext) -> str:
    true = {one.get("type") for one in at(document, "status.conditions") or () if one.get("status") == "True"}
    for finished in ("Complete", "Failed"):
        if finished in true:
            return finished
    if at(document, "metadata.deletionTimestamp"):
        return "Terminating"
    return next((word for word in ("Suspended", "FailureTarget", "SuccessCriteriaMet") if word in true), "Running")


def _completions(document: Document, _: CellContext) -> str:
    done = at(document, "status.succeeded") or 0
    wanted, parallel = at(document, "spec.completions"), at(document, "spec.parallelism") or 0
    if wanted is not None:
        return f"{done}/{wanted}"
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _duration(document: Document, context: CellContext) -> str:
    start, end = at(document, "status.startTime"), at(document, "status.completionTime")
    if not start:
        return ""
    if not end:
        return time_since(start, context)
    return human_duration((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())


JOBS = (
    NAME,
    Column("Status", cell=_job_status, description="How the job is doing."),
    Column("Completions", cell=_completions, description="How many pods have succeeded, of how many that must."),
    Column("Duration", cell=_duration, description="How long it has run, or ran."),
    AGE,
    *pod_template_columns(),
    label_selector_column(),
)
CRON_JOBS = (
    NAME,
    text_column("Schedule", "spec.schedule", "When it runs, as in a crontab."),
    text_column("Timezone", "spec.timeZone", "The zone of its schedule's times.", missing=NONE),
    Column(
        "Suspend",
        cell=lambda document, _: str(bool(at(document, "spec.suspend"))),
        description="Whether it is kept from running.",
    ),
    Column(
        "Active",
        "integer",
        cell=lambda document, _: len(at(document, "status.active") or ()),
        description="How many of its jobs are running.",
    ),
    Column(
        "Last Schedule",
        cell=lambda document, context: time_since(at(document, "status.lastScheduleTime"), context, missing=NONE),
        description="How long ago it started a job.",
    ),
    AGE,
    *pod_template_columns("spec.jobTemplate.spec.template.spec"),
    label_selector_column("spec.jobTemplate.spec.selector"),
)
