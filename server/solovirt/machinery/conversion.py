"""
Versions that are not stored alike.

Most kinds have one stored form for all their versions, and converting changes `apiVersion` alone. A kind with a `Conversion` is stored in its storage
version, says so in each stored object, and is converted whenever another version is asked for. That may take a request to somebody else, so it is
awaited, and never inside the store's writer.

A user's kind may also get another schema while objects are stored. What they look like by the schema of today is found out when they are read, and
remembered in the kind's `Forms`; what is stored stays as it is until it is written (reference kubernetes-api.md 7).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Any

from solovirt.machinery.resource import Document

_MOST_KEPT = 4096
# Of objects that are as they should be, only that they are is remembered: some hundred bytes each.
_MOST_LOOKED_AT = 262_144


class Conversion(ABC):
    """Converts the objects of one resource. *unmarked* is the apiVersion of stored objects that do not say theirs."""

    def __init__(self, unmarked: str) -> None:
        self.unmarked = unmarked
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    @abstractmethod
    async def convert(self, documents: Sequence[Document], api_version: str) -> list[Document]:
        """*documents*, none of which is in *api_version*, in that version and in order. Raises StatusError if that fails."""

    def known(self, key: Hashable) -> Any:
        """What was kept under *key*, None if it was not or is forgotten."""
        return self._kept.get(key)

    def keep(self, key: Hashable, value: Any) -> None:
        """Remember *value* for a while: what is asked for again and again is converted once."""
        self._kept[key] = value
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)


class Forms:
    """What became of stored objects under one set of schemas: most are as they should be, and of others another form is shown."""

    def __init__(self) -> None:
        self._seen: OrderedDict[Hashable, tuple[Hashable, Any]] = OrderedDict()

    def known(self, key: Hashable, state: Hashable) -> Any:
        """What is shown of the object at *key* in *state*: True for what is stored, None if nobody has looked yet."""
        seen = self._seen.get(key)
        return seen[1] if seen is not None and seen[0] == state else None

    def keep(self, key: Hashable, state: Hashable, shown: Any) -> None:
        """Remember that of the object at *key*, in *state*, *shown* is shown."""
        self._seen[key] = (state, shown)
        if len(self._seen) > _MOST_LOOKED_AT:
            self._seen.popitem(last=False)
