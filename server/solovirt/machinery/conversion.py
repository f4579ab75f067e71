"""
Versions that are not stored alike.

Most kinds have one stored form for all their versions, and converting changes `apiVersion` alone. A kind with a `Conversion` is stored in its storage
version, says so in each stored object, and is converted whenever another version is asked for. That may take a request to somebody else, so it is
awaited, and never inside the store's writer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Any

from solovirt.machinery.resource import Document

_MOST_KEPT = 4096


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
