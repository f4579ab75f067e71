"""History is trimmed, and the database told to tidy up after itself."""

from __future__ import annotations

from datetime import timedelta

from solovirt.machinery.clock import Clock
from solovirt.machinery.store.protocol import Store


class Compaction:
    """The background task that trims history, once a minute by the control plane's clock."""

    name = "compaction"
    _EVERY = timedelta(minutes=1)

    def __init__(self, store: Store, clock: Clock, *, keep_revisions: int, keep_seconds: float) -> None:
        self._store = store
        self._clock = clock
        self._keep_revisions = keep_revisions
        self._keep_seconds = keep_seconds

    async def run(self) -> None:
        while True:
            await self._clock.sleep_until(self._clock.now() + self._EVERY)
            await self._store.compact(keep_revisions=self._keep_revisions, keep_seconds=self._keep_seconds)
