"""Fields given twice (reference kubernetes-api.md 4.2)."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solovirt.machinery.http import duplicates


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        (b'{"a":1,"a":2}', ("a",)),
        (b'{"spec":{"cpu":1,"mem":2,"cpu":3}}', ("spec.cpu",)),
        (b'{"spec":{"vols":[{"name":"a"},{"name":"b","name":"c"}]}}', ("spec.vols[1].name",)),
        (b'{"a" :1,"a":2}', ("a",)),
        (b'{"a\\u0022:b":1,"a\\u0022:b":2}', ('a":b',)),
        (b'{"a":1,"\\u0061":2}', ("a",)),
        (b'{"a":1,"b":{"a":1}}', ()),
        (b'{"text":"\\":\\":","more":" : "}', ()),
    ],
)
def test_every_duplicate_is_found_with_its_path(body, paths):
    assert duplicates.find(body) == paths
    if paths:
        assert duplicates.possible(body, orjson.dumps(orjson.loads(body)))


def test_ordinary_machine_made_bodies_need_no_second_parse():
    document = {
        "metadata": {"name": "a", "annotations": {"x": '{"a":"b"}', "y": "<html>&"}},
        "spec": {"list": [1, "a:b"]},
    }
    for body in (
        orjson.dumps(document),
        json.dumps(document).encode(),
        json.dumps(document, indent=2).encode(),
        orjson.dumps(document).replace(b"<", b"\\u003c").replace(b"&", b"\\u0026"),
    ):
        assert not duplicates.possible(body, orjson.dumps(document))


_KEYS = st.text(alphabet='a":\\ é', max_size=3)


@st.composite
def _objects(draw, depth=2):
    """An object written by hand, so to speak: any spacing, any spelling of characters, perhaps keys twice."""
    pairs = []
    for _ in range(draw(st.integers(0, 3))):
        key = json.dumps(draw(_KEYS))
        if draw(st.booleans()):
            key = '"' + "".join(f"\\u{ord(char):04x}" for char in json.loads(key)) + '"'
        value = draw(_objects(depth - 1)) if depth and draw(st.booleans()) else json.dumps(draw(_KEYS))
        space = draw(st.sampled_from(("", " ", "\n", "\t")))
        pairs.append(f"{key}{space}:{space}{value}")
    return "{" + ",".join(pairs) + "}"


@given(_objects())
def test_the_quick_check_never_misses_one(text):
    body = text.encode()
    if duplicates.find(body):
        assert duplicates.possible(body, orjson.dumps(orjson.loads(body)))
