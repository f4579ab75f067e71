from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solovirt.machinery import quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1Gi", 2**30),
        ("500m", Fraction(1, 2)),
        ("1e3", 1000),
        ("2E", 2 * 10**18),
        ("1Ei", 2**60),
        (".5", Fraction(1, 2)),
        ("-1", -1),
        (2, 2),
        (0.1, Fraction(1, 10)),
    ],
)
def test_a_quantity_is_an_exact_number(text, number):
    assert quantity.parse(text) == number


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "1gi", "one", "1e999999999", True])
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(quantity.QuantityError):
        quantity.parse(text)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("1024Mi", "1Gi"),
        ("1536Mi", "1536Mi"),
        ("0.5", "500m"),
        ("2000m", "2"),
        ("1000M", "1G"),
        ("0", "0"),
        (1.0, "1"),
        ("0.5Gi", "512Mi"),
        ("0.5Ki", "512"),
        ("1e3", "1e3"),
        ("1e1", "10"),
        ("50E4", "500e3"),
        ("1e-3", "1e-3"),
        ("2E", "2E"),
        ("1500m", "1500m"),
        ("0.1n", "1n"),
        (1000, "1k"),
    ],
)
def test_a_quantity_is_printed_in_the_largest_unit_of_its_family(text, printed):
    """k8s.io/apimachinery resource.Quantity: canonical form."""
    assert quantity.text(text) == printed


@given(st.integers(min_value=0, max_value=2**62))
def test_bytes_are_printed_without_loss(number):
    assert quantity.parse(quantity.binary_text(number)) == number


@given(st.integers(min_value=0, max_value=10**9))
def test_thousandths_are_printed_without_loss(number):
    assert quantity.milli(quantity.milli_text(number)) == number
