"""
String formats, judged as a CustomResourceDefinition's validation judges them.

Formats that are not listed are ignored. Section: reference kubernetes-api.md 4.1 (`format`); the date-time check is looser than RFC 3339 in
the same places as the original (seconds fraction after any character, any offset).
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Callable, Mapping

_TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})")
_UUID = "[0-9a-f]{8}-?[0-9a-f]{4}-?%s[0-9a-f]{3}-?%s[0-9a-f]{3}-?[0-9a-f]{12}"
_MAC = re.compile(
    r"([0-9a-f]{2}[:-]){5}[0-9a-f]{2}|([0-9a-f]{2}[:-]){7}[0-9a-f]{2}|([0-9a-f]{4}\.){2}[0-9a-f]{4}", re.IGNORECASE
)
_LABEL = re.compile(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,62}")
_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_DURATION_UNIT = (
    "ns|us|µs|ms|s|m|h|d|w|ns|nanoseconds?|microseconds?|milliseconds?|seconds?|minutes?|hours?|days?|weeks?"
)
_DURATION = re.compile(rf"[+-]?((\d+)(\.\d*)?\s*({_DURATION_UNIT})\s*)+|0")


def _is_date(value: str) -> bool:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return False
    try:
        dt.date.fromisoformat(value)
    except ValueError:
        # Go knows a year 0, Python does not.
        return value.startswith("0000-") and _is_date("0004" + value[4:])
    return True


def is_date_time(value: str) -> bool:
    date, _, time = value.lower().partition("t")
    if not _is_date(date) or (match := _TIME.fullmatch(time)) is None:
        return False
    return match[1] <= "23" and match[2] <= "59" and match[3] <= "59"


def _is_address(kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        try:
            kind(value)
        except ValueError:
            return False
        return True

    return check


def _is_cidr(value: str) -> bool:
    try:
        ipaddress.ip_interface(value)
    except ValueError:
        return False
    return "/" in value


def _is_uuid(version: str, variant: str) -> Callable[[str], bool]:
    pattern = re.compile(_UUID % (version, variant), re.IGNORECASE)
    return lambda value: pattern.fullmatch(value) is not None


def _is_hostname(value: str) -> bool:
    return 0 < len(value) <= 255 and all(_LABEL.fullmatch(label) for label in value.rstrip(".").split("."))


CHECKS: Mapping[str, Callable[[str], bool]] = {
    "date-time": is_date_time,
    "datetime": is_date_time,
    "date": _is_date,
    "byte": lambda value: _BASE64.fullmatch(value) is not None,
    "ipv4": _is_address(ipaddress.IPv4Address),
    "ipv6": _is_address(ipaddress.IPv6Address),
    "cidr": _is_cidr,
    "mac": lambda value: _MAC.fullmatch(value) is not None,
    "uuid": _is_uuid("[0-9a-f]", "[0-9a-f]"),
    "uuid3": _is_uuid("3", "[0-9a-f]"),
    "uuid4": _is_uuid("4", "[89ab]"),
    "uuid5": _is_uuid("5", "[89ab]"),
    "hostname": _is_hostname,
    "email": lambda value: _EMAIL.fullmatch(value) is not None,
    "duration": lambda value: _DURATION.fullmatch(value.strip()) is not None,
    "uri": lambda value: re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|/", value) is not None,
    "hexcolor": lambda value: re.fullmatch(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", value) is not None,
    "password": lambda value: True,  # noqa: ARG005 - every string may be a password
}

_LONG = "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
_SHORT = "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"

QUICK_PATTERNS: Mapping[str, str] = {
    "date-time": rf"^[0-9]{{4}}-(?:{_LONG}|{_SHORT}|02-(?:0[1-9]|1[0-9]|2[0-8]))T{_CLOCK}$",
    "byte": "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$",
}
"""Patterns that only valid values match, though not all of them, for formats that are worth a quick yes."""
