"""Go's words for what is no JSON (encoding/json's scanner), as Status messages quote them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solovirt.machinery.http import go_json


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "unexpected end of JSON input"),
        (b"  ", "unexpected end of JSON input"),
        (b'{"a":', "unexpected end of JSON input"),
        (b"nonsense", "invalid character 'o' in literal null (expecting 'u')"),
        (b"hello", "invalid character 'h' looking for beginning of value"),
        (b"{a:1}", "invalid character 'a' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b":2}', "invalid character '\"' after object key:value pair"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b"{} x", "invalid character 'x' after top-level value"),
        (b"01", "invalid character '1' after top-level value"),
        (b"-x", "invalid character 'x' in numeric literal"),
        (b"1.x", "invalid character 'x' after decimal point in numeric literal"),
        (b"1ex", "invalid character 'x' in exponent of numeric literal"),
        (b'"\\q"', "invalid character 'q' in string escape code"),
        (b'"\\u00g0"', "invalid character 'g' in \\u hexadecimal character escape"),
        (b'"a\nb"', "invalid character '\\n' in string literal"),
        (b"'a'", "invalid character '\\'' looking for beginning of value"),
        (b"[" * 10001, "exceeded max depth"),
    ],
)
def test_the_first_byte_that_does_not_fit_is_named(body, message):
    assert go_json.error(body) == message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    ),
    st.sampled_from((None, 2)),
)
def test_nothing_is_wrong_with_json(value, indent):
    assert go_json.error(json.dumps(value, indent=indent).encode()) is None


@given(st.text(alphabet='{}[]",:0123456789.-+eEtruefalsn\\u \n', max_size=30))
def test_it_agrees_with_a_strict_decoder_on_what_is_json(text):
    def constant(name: str) -> float:
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=constant)
        valid = True
    except ValueError:
        valid = False
    assert (go_json.error(text.encode()) is None) == valid
