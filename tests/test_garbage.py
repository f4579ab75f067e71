"""The collector's policy, in a process of its own: it is one for the whole process."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import gc, weakref
from solovirt import garbage

class Cycle:
    def __init__(self):
        self.itself = self

garbage.settle()
garbage.settle()
frozen = gc.get_freeze_count()
kept = [Cycle() for _ in range(1000)]
lost = weakref.ref(Cycle())
gc.collect()
print(frozen > 1000, gc.get_freeze_count() >= frozen + 1000, lost() is None, gc.callbacks.count(garbage._freeze_survivors))
kept_one = weakref.ref(kept[0])
kept[0].itself = None
kept.clear()
print(kept_one() is None)
"""


def test_survivors_are_set_aside_and_garbage_is_still_collected() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True)
    # Without its cycle an object is freed by its count as ever, set aside or not.
    assert done.stdout.split() == ["True", "True", "True", "1", "True"]
