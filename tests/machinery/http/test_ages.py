"""How ages are printed (reference kubernetes-api.md 5, "Age rendering")."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from solovirt.machinery.http.ages import age, human_duration

_M, _H, _D = 60, 3600, 86400
_Y = 365 * _D


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-2, "<invalid>"),
        (-0.5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (150, "2m30s"),
        (10 * _M, "10m"),
        (179 * _M, "179m"),
        (3 * _H, "3h"),
        (3 * _H + 5 * _M, "3h5m"),
        (8 * _H + 59 * _M, "8h"),
        (47 * _H, "47h"),
        (2 * _D, "2d"),
        (2 * _D + 3 * _H, "2d3h"),
        (8 * _D + 23 * _H, "8d"),
        (729 * _D, "729d"),
        (2 * _Y, "2y"),
        (2 * _Y + 10 * _D, "2y10d"),
        (8 * _Y + 10 * _D, "8y"),
    ],
)
def test_a_duration_gets_coarser_as_it_grows(seconds, text):
    assert human_duration(seconds) == text


def test_a_date_column_shows_the_time_since():
    now = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert age("2025-12-31T23:59:30Z", now) == "30s"
    assert age("no date", now) == "<invalid>"
    assert age(5, now) == "<invalid>"
    assert age("0001-01-01T00:00:00Z", now) == "<unknown>"
