"""
What tests of other software import: a control plane that starts in a moment and leaves nothing behind.

`solovirt.control_plane.ControlPlane` runs in the test's own event loop; `BackgroundControlPlane` in a thread, for tests that are not
asynchronous; `ServerProcess` in a process of its own, which can be killed. The pytest plugin (`solovirt.testing.plugin`, found by
itself once Solovirt is installed) offers fixtures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from solovirt.testing.background import BackgroundControlPlane
    from solovirt.testing.process import ServerProcess

__all__ = ["BackgroundControlPlane", "ServerProcess"]


def __getattr__(name: str) -> object:
    # Loaded on first use: pytest imports this package in every run of every project that has Solovirt installed.
    if name == "BackgroundControlPlane":
        from solovirt.testing.background import BackgroundControlPlane

        return BackgroundControlPlane
    if name == "ServerProcess":
        from solovirt.testing.process import ServerProcess

        return ServerProcess
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
