"""
Kubernetes' quantities: `500m`, `2Gi`, `1e3`.

A quantity is an exact number with a suffix that says how it likes to be printed. Arithmetic and comparison are on the number (`Fraction`, so
that nothing is rounded); `text` prints one the way Kubernetes canonicalises it.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

_BINARY = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60}
_DECIMAL = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    "": Fraction(1),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "T": Fraction(10**12),
    "P": Fraction(10**15),
    "E": Fraction(10**18),
}
_SYNTAX = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?P<suffix>[KMGTPE]i|[numkMGTPE]?|[eE](?P<exponent>[+-]?[0-9]+))"
)
# Binary quantities nearer to zero than this are printed as decimal ones.
_LEAST_BINARY = 1024
_MAX_EXPONENT = 100
"""Larger exponents say nothing that fits into 64 bits; they are refused before they become huge numbers."""


class QuantityError(ValueError):
    """The text is no quantity; the message is Kubernetes'."""

    def __init__(self) -> None:
        super().__init__("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")


def parse(quantity: str | float) -> Fraction:
    """The number that *quantity* stands for. Raises QuantityError if it is none."""
    if isinstance(quantity, bool):
        raise QuantityError
    return _parse(str(quantity))


# The same few sizes are read for every machine and node, again and again.
@lru_cache(maxsize=4096)
def _parse(text: str) -> Fraction:
    match = _SYNTAX.fullmatch(text)
    if match is None:
        raise QuantityError
    number = Fraction(match["number"])
    if match["exponent"] is not None:
        exponent = int(match["exponent"])
        if abs(exponent) > _MAX_EXPONENT:
            raise QuantityError
        return number * Fraction(10) ** exponent
    suffix = match["suffix"]
    return number * (_BINARY[suffix] if suffix in _BINARY else _DECIMAL[suffix])


def read(quantity: str | float | None, default: int = 0) -> Fraction:
    """As `parse`, but *default* for what is absent or no quantity (the structural schema has reported that already)."""
    if quantity is None:
        return Fraction(default)
    try:
        return parse(quantity)
    except QuantityError:
        return Fraction(default)


def number(quantity: str | float | None) -> int | Fraction:
    """As `read`, but a plain integer where the number is whole: what is compared with every write should be quick to compare."""
    return 0 if quantity is None else _number(str(quantity))


@lru_cache(maxsize=4096)
def _number(text: str) -> int | Fraction:
    exact = read(text)
    return exact.numerator if exact.denominator == 1 else exact


def whole(quantity: str | float | None) -> int:
    """The number rounded up to a whole one, as Go's `Value()`; 0 if absent."""
    return -(-number(quantity) // 1)


def milli(quantity: str | float | None) -> int:
    """Thousandths, rounded up, as Go's `MilliValue()`; 0 if absent."""
    return -(-read(quantity) * 1000 // 1)


@lru_cache(maxsize=1024)
def binary_text(number: int) -> str:
    """A count of bytes in the largest binary unit that divides it: 1073741824 is `1Gi`."""
    for suffix, factor in reversed(_BINARY.items()):
        if number and number % factor == 0:
            return f"{number // factor}{suffix}"
    return str(number)


def milli_text(thousandths: int) -> str:
    """A count of thousandths: 2000 is `2`, 100 is `100m`."""
    return f"{thousandths}m" if thousandths % 1000 else str(thousandths // 1000)


@lru_cache(maxsize=4096)
def text(quantity: str | float) -> str:
    """
    The quantity as Kubernetes prints it back: in the largest unit of its own family (binary, decimal, exponents) that leaves it whole.

    >>> text("1024Mi"), text("0.5"), text(1.0), text("2000m"), text("50e4")
    ('1Gi', '500m', '1', '2', '500e3')

    Raises QuantityError if it is none.
    """
    source = str(quantity)
    number = parse(source)
    if source.endswith("i") and abs(number) >= _LEAST_BINARY:
        # One that is not whole in bytes is rounded up to whole bytes.
        return binary_text(-(-number // 1))
    # Nothing is smaller than a thousand millionth.
    number = Fraction(-(-number * 10**9 // 1), 10**9)
    if not number:
        return "0"
    exponential = "e" in source or (source[-1:].isdigit() and "E" in source)
    for suffix, factor in reversed(_DECIMAL.items()):
        if (number / factor).denominator == 1:
            count = number // factor
            return f"{count}{_exponent(factor)}" if exponential else f"{count}{suffix}"
    return "0"


def _exponent(factor: Fraction) -> str:
    """The power of ten that *factor* is, as the exponent of a number; nothing for 1."""
    if factor == 1:
        return ""
    zeros = len(str(factor.numerator if factor > 1 else factor.denominator)) - 1
    return f"e{zeros if factor > 1 else -zeros}"
