"""What a file system takes of a claim, and what is left for a disk (reference cdi.md 6.1)."""

from __future__ import annotations

import math
from fractions import Fraction

from solovirt.machinery.resource import Document

_MEBIBYTE = 1 << 20
DEFAULT_OVERHEAD = "0.06"


def overhead(config: Document | None, class_name: str) -> Fraction:
    """The part of a file system that is not a disk's, by class, from the CDIConfig."""
    configured = ((config or {}).get("status") or {}).get("filesystemOverhead") or {}
    of_class = (configured.get("storageClass") or {}).get(class_name)
    return Fraction(str(of_class or configured.get("global") or DEFAULT_OVERHEAD))


def inflated(size: int, part: Fraction) -> int:
    """The claim that a disk of *size* bytes needs: 10Gi at 0.06 is 11381663335 (reference cdi.md 6.1)."""
    return math.ceil(math.ceil(size / _MEBIBYTE) * _MEBIBYTE * (1 + part))


def usable(size: int, part: Fraction) -> int:
    """The disk that fits into a claim of *size* bytes."""
    return math.ceil(size / (1 + part)) // _MEBIBYTE * _MEBIBYTE
