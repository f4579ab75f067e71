"""The fold in memory, against sorting a dictionary."""

from __future__ import annotations

from collections.abc import Sequence

import hypothesis.strategies as st
from hypothesis import given

from solovirt.machinery.resource import ObjectKey
from solovirt.machinery.store.memory import Memory, as_of
from solovirt.machinery.store.protocol import Event, EventType, Index, Record
from tests.machinery.store.objects import VMS

KEYS = st.builds(ObjectKey, st.sampled_from("ab"), st.sampled_from("cdefghijkl"))


@given(steps=st.lists(st.tuples(KEYS, st.booleans(), st.booleans()), max_size=60))
def test_lists_are_right_whenever_they_are_asked_for(steps: list[tuple[ObjectKey, bool, bool]]) -> None:
    """Lists are patched from the one before; when that one was made is up to Hypothesis."""
    memory = Memory()
    current: dict[ObjectKey, Record] = {}
    kept: list[tuple[Sequence[Record], list[Record]]] = []
    for revision, (key, remove, ask) in enumerate(steps, 1):
        previous = current.get(key)
        record = Record(VMS, key, revision, b"", Index("", {}))
        if remove and previous is None:
            continue
        event = Event(EventType.REMOVE if remove else EventType.PUT, record, previous)
        if remove:
            del current[key]
        else:
            current[key] = record
        memory.apply([event], revision)
        if ask:
            expected = [current[key] for key in sorted(current)]
            assert list(memory.list(VMS)) == expected
            assert list(memory.list(VMS, "a")) == [record for record in expected if record.key.namespace == "a"]
            kept.append((memory.records(VMS), expected))
    assert all(given == expected for given, expected in kept)


@given(steps=st.lists(st.tuples(KEYS, st.booleans()), max_size=40), back=st.integers(0, 40))
def test_walking_back_from_now_gives_the_state_before(steps: list[tuple[ObjectKey, bool]], back: int) -> None:
    states: list[dict[ObjectKey, Record]] = [{}]
    events: list[Event] = []
    for revision, (key, remove) in enumerate(steps, 1):
        previous = states[-1].get(key)
        record = Record(VMS, key, revision, b"", Index("", {}))
        if remove and previous is None:
            continue
        state = {other: value for other, value in states[-1].items() if other != key}
        if not remove:
            state[key] = record
        states.append(state)
        events.append(Event(EventType.REMOVE if remove else EventType.PUT, record, previous))
    start = max(0, len(events) - back)
    now = [states[-1][key] for key in sorted(states[-1])]
    assert as_of(now, events[start:]) == [states[start][key] for key in sorted(states[start])]
