"""Schedules as robfig's cron library reads them, which CDI uses (reference cdi.md 11, 12.2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from solovirt.kinds.cdi.schedule import IllegalSchedule, next_time

# A Thursday.
NOW = datetime(2026, 1, 1, 10, 30, 15, 500, tzinfo=UTC)


def at(month: int, day: int, hour: int = 0, minute: int = 0, *, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("0 */12 * * *", at(1, 1, 12)),
        ("30 10 * * *", at(1, 2, 10, 30)),
        ("31-33 10 * * ?", at(1, 1, 10, 31)),
        ("0 0 * jan mon", at(1, 5)),
        ("@hourly", at(1, 1, 11)),
        ("@daily", at(1, 2)),
        ("@midnight", at(1, 2)),
        ("@weekly", at(1, 4)),
        ("@monthly", at(2, 1)),
        ("@yearly", at(1, 1, year=2027)),
        ("TZ=Asia/Tokyo 0 0 * * *", at(1, 1, 15)),
        ("CRON_TZ=UTC @daily", at(1, 2)),
        ("@every 1h30m", datetime(2026, 1, 1, 12, 0, 15, tzinfo=UTC)),
        ("@every 10ms", NOW.replace(microsecond=0) + timedelta(seconds=1)),
    ],
)
def test_a_schedule_is_due_next(schedule: str, due: datetime) -> None:
    assert next_time(schedule, NOW) == due


@pytest.mark.parametrize(
    "schedule",
    ["", "* * * *", "* * * * * *", "61 * * * *", "@sometimes", "@every", "@every 1x", "TZ=Nowhere/Land * * * * *"],
)
def test_what_is_no_schedule_is_refused(schedule: str) -> None:
    with pytest.raises(IllegalSchedule):
        next_time(schedule, NOW)
