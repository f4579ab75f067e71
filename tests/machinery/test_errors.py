"""How values are printed in messages (reference kubernetes-api.md 4.1: strings Go-quoted)."""

from __future__ import annotations

import pytest

from solovirt.machinery import errors
from solovirt.machinery.errors import NotFound
from solovirt.machinery.resource import GroupResource


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("a b", '"a b"'),
        ("ü\N{GRINNING FACE}", '"ü\N{GRINNING FACE}"'),
        ('a"b\\c', r'"a\"b\\c"'),
        ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
        ("\x00\x1f\x7f", r'"\x00\x1f\x7f"'),
        ("\x85\u200b\ufeff", r'"\u0085\u200b\ufeff"'),
        ("\U000e0001", r'"\U000e0001"'),
    ],
)
def test_strings_are_quoted_as_go_quotes_them(text, quoted):
    assert errors.go_value(text) == quoted
    assert NotFound.of(GroupResource("", "pods"), text).message == f"pods {quoted} not found"
