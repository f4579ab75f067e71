"""
What tests of other software import: a control plane that starts in a moment and leaves nothing behind.

`ControlPlane` runs in the test's own event loop; `BackgroundControlPlane` runs in a thread, for tests that are not
asynchronous. The pytest plugin (`solovirt.testing.plugin`, found by itself once Solovirt is installed) offers them as fixtures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from solovirt.testing.background import BackgroundControlPlane as BackgroundControlPlane

__all__ = ["BackgroundControlPlane"]


def __getattr__(name: str) -> object:
    # Loaded on first use: pytest imports this package in every run of every project that has Solovirt installed.
    if name == "BackgroundControlPlane":
        from solovirt.testing.background import BackgroundControlPlane

        return BackgroundControlPlane
    raise AttributeError(name)
