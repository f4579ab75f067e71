"""Which version of a group Kubernetes prefers."""

from __future__ import annotations

import re

_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
_STAGES = {None: 2, "beta": 1, "alpha": 0}


def priority(version: str) -> tuple[int, int, int, int, str]:
    """Sorts the most preferred first: v2, v1, v1beta2, v1beta1, v1alpha1, then what is not named so, by name."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return (1, 0, 0, 0, version)
    return (0, -_STAGES[match[2]], -int(match[1]), -int(match[3] or 0), "")
