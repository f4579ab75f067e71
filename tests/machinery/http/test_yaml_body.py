"""YAML bodies become what JSON would have given (reference kubernetes-api.md 4.2, 9)."""

from __future__ import annotations

import pytest

from solovirt.machinery.http import yaml_body


def read(text):
    return yaml_body.parse(text.encode()).value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 2026-01-01", {"a": "2026-01-01"}),
        ("a: 2026-01-01T00:00:00Z", {"a": "2026-01-01T00:00:00Z"}),
        ("a: 12:30:45", {"a": "12:30:45"}),
        ("a: 0644", {"a": 420}),
        ("a: 0o17", {"a": 15}),
        ("a: 0x1F", {"a": 31}),
        ("a: 1_000", {"a": 1000}),
        ("a: 1.5", {"a": 1.5}),
        ("a: 1e3", {"a": 1000.0}),
        ("a: 18446744073709551615", {"a": 18446744073709551615}),
        ("a: 18446744073709551616", {"a": 18446744073709551616.0}),
        ("a: -9223372036854775809", {"a": -9223372036854775809.0}),
        (f"a: 0x{'f' * 17}", {"a": f"0x{'f' * 17}"}),
        (f"a: 1{'0' * 400}", {"a": f"1{'0' * 400}"}),
        (f"a: {'9' * 5000}", {"a": "9" * 5000}),
        ("a: 1e999", {"a": "1e999"}),
        ("a: yes", {"a": True}),
        ("a: off", {"a": False}),
        ("a: y", {"a": True}),
        ("a: ~", {"a": None}),
        ("a:", {"a": None}),
        ('a: "yes"', {"a": "yes"}),
        ("a: '1'", {"a": "1"}),
        ("a: !!str 1", {"a": "1"}),
        ("1: x", {"1": "x"}),
        ("true: x", {"true": "x"}),
        ("- 1\n- [a, {b: c}]", [1, ["a", {"b": "c"}]]),
        ("x: &x {a: 1}\nz: *x", {"x": {"a": 1}, "z": {"a": 1}}),
        ("x: &x {a: 1, b: 2}\nz:\n  <<: *x\n  b: 3", {"x": {"a": 1, "b": 2}, "z": {"b": 3, "a": 1}}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("", None),
    ],
)
def test_values_are_read_as_go_yaml_reads_them(text, value):
    assert read(text) == value


@pytest.mark.parametrize(("text", "value"), [(".inf", "+Inf"), ("-.Inf", "-Inf"), (".NAN", "NaN")])
def test_floats_that_json_has_no_words_for_are_refused(text, value):
    with pytest.raises(yaml_body.YamlError, match=rf"json: unsupported value: {value.replace('+', '[+]')}"):
        read(f"a: {text}")


def test_keys_set_twice_are_noted():
    assert yaml_body.parse(b"spec:\n  cpu: 1\n  vols:\n  - name: a\n    name: b\n  cpu: 2\n").duplicates == [
        'line 5: key "name" already set in map',
        'line 6: key "cpu" already set in map',
    ]


def test_an_alias_bomb_is_refused():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    with pytest.raises(yaml_body.YamlError, match="document contains excessive aliasing"):
        read(bomb)


@pytest.mark.parametrize("text", ["[" * 100_000, "a: [", "a: b: c", "\t- x", "a: *nobody", "? [a]\n: b", "\x00"])
def test_what_is_no_yaml_is_refused(text):
    with pytest.raises(yaml_body.YamlError, match="yaml: "):
        read(text)
