"""
Schedules of DataImportCrons, as CDI's cron library reads them (reference cdi.md 11): five fields, a descriptor such as `@daily`, or `@every 1h30m`;
`CRON_TZ=` or `TZ=` before them names a time zone.
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, datetime, timedelta, tzinfo

_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_ZONE = re.compile(r"(?:CRON_)?TZ=(\S+)\s+(.+)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


class IllegalSchedule(ValueError):
    """The text is no schedule."""


def next_time(schedule: str, after: datetime) -> datetime:
    """When *schedule* is due next, later than *after*; in UTC, to the second. Raises IllegalSchedule."""
    zone: tzinfo = UTC
    if found := _ZONE.fullmatch(schedule.strip()):
        try:
            zone, schedule = zoneinfo.ZoneInfo(found[1]), found[2]
        except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
            raise IllegalSchedule(f"{found[1]} is no time zone") from error
    schedule = schedule.strip()
    if schedule.startswith("@every "):
        return after.replace(microsecond=0) + _every(schedule.removeprefix("@every ").strip())
    if schedule.startswith("@") and schedule not in _DESCRIPTORS:
        raise IllegalSchedule(f"{schedule} is no descriptor")
    fields = _DESCRIPTORS.get(schedule, schedule).replace("?", "*")
    if len(fields.split()) != 5:
        raise IllegalSchedule("a schedule has five fields")
    # Loaded with the first schedule: most control planes have none.
    from cronsim import CronSim, CronSimError

    try:
        return next(CronSim(fields, after.astimezone(zone))).astimezone(UTC)
    except (CronSimError, StopIteration) as error:
        raise IllegalSchedule(str(error)) from error


def _every(text: str) -> timedelta:
    """A duration as Go writes it; less than a second counts as one."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise IllegalSchedule(f"{text} is no duration")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return timedelta(seconds=max(1, int(seconds)))
