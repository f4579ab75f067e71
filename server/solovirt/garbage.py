"""
How this process collects cyclic garbage.

What a control plane holds is freed by reference counting, and what lives long (modules, schemas, the state in memory) only makes Python's
collector walk it again and again: as it comes, it takes 7 % of the CPU of writes and stops the event loop for a tenth of a second at
10,000 objects.
"""

from __future__ import annotations

import gc

# Objects made and not freed before the youngest are looked at; then how many rounds until the next older generation's turn. All that a full
# collection looks at is then at most some 250,000 objects, or 20 ms.
_THRESHOLDS = (10_000, 5, 5)


def settle() -> None:
    """
    Set everything that is alive aside, now and after each full collection: the collector won't look at it again.

    A cycle that was alive at that moment and is garbage later stays; only requests just being answered have such, a few at a time. Call it when the
    process is up: it is for a process that does nothing but serve.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    if _freeze_survivors not in gc.callbacks:
        gc.callbacks.append(_freeze_survivors)


def _freeze_survivors(phase: str, info: dict[str, int]) -> None:
    if phase == "stop" and info["generation"] == 2:
        gc.freeze()
