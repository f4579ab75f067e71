"""Resource versions are read as Go reads unsigned integers (reference kubernetes-api.md 2.3)."""

from __future__ import annotations

import pytest

from solovirt.machinery import revisions


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("007", 7), ("18446744073709551615", 2**64 - 1), ("0" * 5000 + "1", 1)]
)
def test_unsigned_numbers_of_64_bits_are_read(text, number):
    assert revisions.parse(text) == number


@pytest.mark.parametrize("text", ["", "abc", "-1", "+1", "1_0", " 1", "1.0", "²", "١"])  # noqa: RUF001 - digits elsewhere
def test_what_is_no_number_is_refused(text):
    with pytest.raises(revisions.NoRevision) as refused:
        revisions.parse(text)
    assert str(refused.value) == f'strconv.ParseUint: parsing "{text}": invalid syntax'


@pytest.mark.parametrize("text", ["18446744073709551616", "9" * 5000])
def test_what_is_too_large_is_refused(text):
    with pytest.raises(revisions.NoRevision) as refused:
        revisions.parse(text)
    assert str(refused.value) == f'strconv.ParseUint: parsing "{text}": value out of range'
