"""
Writes that have to hear somebody first: a webhook that admits them, or converts their object.

A change runs inside the store's writer, where nothing may wait. So it does not: where an answer is missing it gives up (`Awaited`), the answer is
fetched outside, and the change runs again, on the object as it is then. Answers are kept by the revision of the object that they are about;
if somebody else has written it meanwhile, they are asked for anew, as in the guaranteed update of a real API server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from solovirt.machinery.errors import StatusError

T = TypeVar("T")
_NONE_YET: Any = object()


class Awaited(Exception):
    """A change cannot go on without an answer; `settle` gets it, and then it may be tried again."""

    def __init__(self, answers: Answers, key: Hashable, ask: Callable[[], Awaitable[Any]]) -> None:
        super().__init__(f"waits for {key}")
        self._answers = answers
        self._key = key
        self._ask = ask

    async def settle(self) -> None:
        try:
            answer: Any = await self._ask()
        except StatusError as refusal:
            answer = refusal
        self._answers.keep(self._key, answer)


class Answers:
    """What one write has been told so far."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Any] = {}

    def keep(self, key: Hashable, answer: Any) -> None:
        self._known[key] = answer

    def of(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer to *key*. Raises Awaited if *ask* has to be awaited for it, and the refusal if that is what it answered."""
        known = self._known.get(key, _NONE_YET)
        if known is _NONE_YET:
            raise Awaited(self, key, ask)
        if isinstance(known, StatusError):
            raise known
        answer: T = known
        return answer


async def patiently(run: Callable[[], T]) -> T:
    """The result of *run*, which is called again after each answer that it lacked."""
    while True:
        try:
            return run()
        except Awaited as waiting:
            missing = waiting
        await missing.settle()
