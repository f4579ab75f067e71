"""
`status.VSOCKCID`: by which number the host's VSOCK reaches an instance with `autoattachVSOCK` (reference kubevirt-vm.md 9.3).

KubeVirt gives it out when the instance is handed to its node. Here it is stored just before the guest is defined, so that the device gets the
number that the status tells, also if the server dies in between.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from solovirt.kinds.kubevirt import names
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.resource import Document, ObjectKey

_FIRST, _LAST = 3, 2**32 - 2
"""0 to 2 are the hypervisor's, the loopback's and the host's own; the highest stands for any."""


class ContextIds:
    """Gives each instance a number that no other has; *draw* picks where to begin to look, between its arguments."""

    def __init__(self, objects: Objects, *, draw: Callable[[int, int], int] = random.randint) -> None:
        self._objects = objects
        self._draw = draw
        # What was given out and is not stored yet.
        self._given: set[int] = set()

    async def ensure(self, instance: Document) -> Document:
        """*instance* with its number, if it is to have one. Raises StatusError."""
        if not (instance["spec"]["domain"].get("devices") or {}).get("autoattachVSOCK"):
            return instance
        if (instance.get("status") or {}).get("VSOCKCID") is not None:
            return instance
        number, uid = self._free_number(), instance["metadata"]["uid"]
        self._given.add(number)

        def give(document: Document) -> None:
            if document["metadata"]["uid"] == uid:
                document.setdefault("status", {}).setdefault("VSOCKCID", number)

        key = ObjectKey(instance["metadata"]["namespace"], instance["metadata"]["name"])
        try:
            return await self._objects.edit(names.VIRTUAL_MACHINE_INSTANCES, key, give) or instance
        finally:
            self._given.discard(number)

    def _free_number(self) -> int:
        taken = {
            (one.get("status") or {}).get("VSOCKCID") for one in self._objects.list(names.VIRTUAL_MACHINE_INSTANCES)
        }
        number = self._draw(_FIRST, _LAST)
        while number in taken or number in self._given:
            number = number + 1 if number < _LAST else _FIRST
        return number
