"""Strategies for JSON documents."""

from __future__ import annotations

from hypothesis import strategies as st

keys = st.sampled_from(["a", "b", "c", "a/b", "~", "~1", ""])
scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2, width=16) | st.text("ab~/", max_size=3)
solid_scalars = st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=3)


def trees(leaves):
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
    )


def objects(leaves):
    return st.dictionaries(keys, trees(leaves), max_size=4)


documents = objects(scalars)
solid_documents = objects(solid_scalars)
"""Without null, which merge patches cannot set."""
