"""Conditions of instances, pods and nodes: setting one keeps the time at which its status last changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from solovirt.machinery.clock import timestamp

Conditions = list[dict[str, Any]]


def find(conditions: Conditions, type: str) -> dict[str, Any] | None:
    return next((one for one in conditions if one["type"] == type), None)


def put(conditions: Conditions, type: str, status: str, *, now: datetime, reason: str = "", message: str = "") -> None:
    """Make the condition say this. One that says it already is left as it is, with its times."""
    wanted: dict[str, Any] = {"type": type, "status": status}
    if reason:
        wanted["reason"] = reason
    if message:
        wanted["message"] = message
    present = find(conditions, type)
    if present is None:
        conditions.append({**wanted, "lastProbeTime": None, "lastTransitionTime": timestamp(now)})
        return
    if all(present.get(key, "") == wanted.get(key, "") for key in ("status", "reason", "message")):
        return
    if present["status"] == status:
        wanted["lastTransitionTime"] = present.get("lastTransitionTime")
    else:
        wanted["lastTransitionTime"] = timestamp(now)
    present.clear()
    present.update(wanted, lastProbeTime=None)


def remove(conditions: Conditions, *types: str) -> None:
    """Take conditions away; nothing happens if they are not there."""
    conditions[:] = [one for one in conditions if one["type"] not in types]
