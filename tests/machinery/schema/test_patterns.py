"""Patterns mean what they mean in Go."""

import pytest

from solovirt.machinery.schema import patterns
from solovirt.machinery.schema.formats import CHECKS
from solovirt.machinery.schema.markers import QUANTITY_PATTERN


@pytest.mark.parametrize(
    ("pattern", "value", "found"),
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        ("^a$", "a\n", False),
        (r"^\d+$", "12", True),
        (r"^\d+$", "١٢", False),
        (r"^[\d.]+$", "1.2", True),
        (r"^[^\s]+$", "a\u00a0b", True),
        (r"^\W$", "é", True),
        (r"^[]a]+$", "a]", True),
        (r"\.", "a", False),
        ("^[[:alpha:]]$", "a", True),
        (QUANTITY_PATTERN, "1.5Gi", True),
        (QUANTITY_PATTERN, "1e-3", True),
        (QUANTITY_PATTERN, "1 Gi", False),
    ],
)
def test_matching(pattern, value, found):
    assert patterns.matches(pattern, value) is found


def test_an_impossible_pattern_is_refused():
    with pytest.raises(ValueError, match="not a regular expression"):
        patterns.matches("(", "a")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        (
            "date-time",
            ["2026-11-23T07:01:03Z", "2024-02-29t00:00:00.123+01:00"],
            ["x", "2026-02-29T00:00:00Z", "2026-11-23", "2026-11-23T24:00:00Z"],
        ),
        ("byte", ["QQ=="], ["Q", "a b="]),
        ("ipv4", ["10.0.0.1"], ["10.0.0", "::1"]),
        ("ipv6", ["::1"], ["10.0.0.1"]),
        ("cidr", ["10.0.0.0/8"], ["10.0.0.0"]),
        ("mac", ["02:00:00:00:00:01"], ["02:00"]),
        ("uuid", ["0f8fad5b-d9cb-469f-a165-70867728950e"], ["x"]),
        ("uuid4", ["0f8fad5b-d9cb-469f-a165-70867728950e"], ["0f8fad5b-d9cb-169f-a165-70867728950e"]),
        ("hostname", ["a.example.com"], ["-a", ""]),
        ("date", ["2026-11-23"], ["2026-13-01"]),
    ],
)
def test_formats(name, good, bad):
    assert [value for value in good if not CHECKS[name](value)] == []
    assert [value for value in bad if CHECKS[name](value)] == []
