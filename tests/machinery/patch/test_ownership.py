"""
Server-side apply's ownership against a dictionary of who owns what (reference kubernetes-api.md 3.5).

Some managers apply, some update; what they write are entries of a map and items of a set, which are owned one by one. A plain model says which values
there are and whose they are; the implementation has to agree after every step, in values, owners and conflicts.
"""

from __future__ import annotations

import copy
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from solovirt.machinery.errors import Conflict
from tests.machinery.patch.machines import machine
from tests.machinery.patch.test_apply import applied, updated

Leaf = tuple[str, str]
"""A key of the map (`selector`) or a value of the set (`tags`)."""

APPLIERS = st.sampled_from(["one", "two", "three"])
UPDATERS = st.sampled_from(["curl", "controller"])
KEYS = st.sampled_from(["a", "b", "c"])
SELECTORS = st.dictionaries(KEYS, st.sampled_from(["x", "y"]), max_size=3)
TAGS = st.sets(KEYS, max_size=3)


def leaves(selector: dict[str, str], tags: set[str]) -> dict[Leaf, str]:
    return {**{("selector", key): value for key, value in selector.items()}, **{("tags", tag): tag for tag in tags}}


def document(values: dict[Leaf, str]) -> dict[str, Any]:
    selector = {key: value for (kind, key), value in values.items() if kind == "selector"}
    tags = sorted(key for kind, key in values if kind == "tags")
    made: dict[str, Any] = machine(
        {**({"selector": selector} if selector else {}), **({"tags": tags} if tags else {}), "on": True}
    )
    return made


class Ownership(RuleBasedStateMachine):
    """Applies and updates one object, and the model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.live: dict[str, Any] | None = None
        self.values: dict[Leaf, str] = {}
        self.owners: dict[Leaf, set[tuple[str, str]]] = {}

    @rule(manager=APPLIERS, selector=SELECTORS, tags=TAGS, force=st.booleans())
    def apply(self, manager: str, selector: dict[str, str], tags: set[str], *, force: bool) -> None:
        stated = leaves(selector, tags)
        me = (manager, "Apply")
        changed = {leaf for leaf, value in stated.items() if self.values.get(leaf) != value}
        taken = {leaf for leaf in changed if self.owners.get(leaf, set()) - {me}}
        try:
            self.live = applied(self.live, document(stated), manager, force=force)
        except Conflict as conflict:
            assert not force
            told = len(conflict.details["causes"]) if conflict.details else 0
            assert told == sum(len(self.owners[leaf] - {me}) for leaf in taken) > 0
            return
        assert force or not taken
        for leaf in [leaf for leaf, owners in self.owners.items() if me in owners and leaf not in stated]:
            self.owners[leaf].discard(me)
            if not self.owners[leaf]:
                del self.owners[leaf], self.values[leaf]
        for leaf, value in stated.items():
            self.owners[leaf] = {me} if leaf in changed else self.owners.get(leaf, set()) | {me}
            self.values[leaf] = value

    @rule(manager=UPDATERS, selector=SELECTORS, tags=TAGS)
    def update(self, manager: str, selector: dict[str, str], tags: set[str]) -> None:
        if self.live is None:
            return
        values = leaves(selector, tags)
        changed = {leaf for leaf, value in values.items() if self.values.get(leaf) != value}
        before = self.live
        new = copy.deepcopy(before)
        new["spec"] = document(values)["spec"]
        self.live = updated(before, new, manager)
        for leaf in set(self.owners) - set(values):
            del self.owners[leaf]
        for leaf in changed:
            self.owners[leaf] = {(manager, "Update")}
        self.values = values

    @invariant()
    def what_is_there_is_the_models(self) -> None:
        if self.live is None:
            return
        spec = self.live.get("spec") or {}
        there = leaves(spec.get("selector") or {}, set(spec.get("tags") or ()))
        assert there == self.values

    @invariant()
    def who_owns_it_is_the_models(self) -> None:
        if self.live is None:
            return
        owners: dict[Leaf, set[tuple[str, str]]] = {}
        for entry in self.live["metadata"].get("managedFields") or ():
            spec = entry["fieldsV1"].get("f:spec") or {}
            for kind in ("selector", "tags"):
                # `f:a` is a key of the map, `v:"a"` a value of the set, `.` the whole of either.
                for member in set(spec.get(f"f:{kind}") or ()) - {"."}:
                    leaf = (kind, member[2:].strip('"'))
                    owners.setdefault(leaf, set()).add((entry["manager"], entry["operation"]))
        assert {leaf: who for leaf, who in owners.items() if leaf in self.values} == {
            leaf: who for leaf, who in self.owners.items() if who
        }
        # Nobody owns what is not there.
        assert set(owners) <= set(self.values)


TestOwnership = Ownership.TestCase
TestOwnership.settings = settings(max_examples=60, stateful_step_count=15, deadline=None)
