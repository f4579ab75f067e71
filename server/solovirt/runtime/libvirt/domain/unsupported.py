"""What a host can't do for a guest."""

from __future__ import annotations

from solovirt.runtime.protocol import GuestError


class Unsupported(GuestError):
    """
    The instance asks for something that this host, or this runtime, can't give; it is refused rather than run differently.

    *field* is the path of what was asked for, from `spec` on, so that its owner finds it in a condition.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
