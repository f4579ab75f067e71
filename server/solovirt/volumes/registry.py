"""
Finds a back end of volumes by name.

A back end is a function that takes a `VolumesContext` and returns `Volumes`, published as an entry point of the group `solovirt.volumes`.
The ones that ship with Solovirt are known here too, so that a checkout works without being installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from solovirt.machinery import quantity
from solovirt.volumes.protocol import VolumesUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from solovirt.machinery.clock import Clock
    from solovirt.volumes.protocol import Cluster, Volumes

ENTRY_POINTS = "solovirt.volumes"


@dataclass(frozen=True, slots=True)
class VolumesContext:
    """What a back end gets to work with."""

    clock: Clock
    cluster: Cluster
    data_dir: Path
    """A directory for files; the back end makes its own below it."""
    quota: str = ""
    """What all volumes together may take up on disk, as a quantity such as `100Gi`; empty for what there is."""
    instant: bool = False
    """What is simulated takes no time, unless annotations say otherwise."""


def load_volumes(name: str, context: VolumesContext) -> Volumes:
    """Make the back end called *name*. Raises VolumesUnavailable if there is none or it can't be imported."""
    # Imported one by one: the real one brings an HTTP client, which a control plane that simulates does without.
    if name == "simulated":
        from solovirt.volumes.simulated import DEFAULT_SECONDS, SimulatedTransfers

        return SimulatedTransfers(context.clock, seconds=0 if context.instant else DEFAULT_SECONDS)
    if name == "files":
        from solovirt.volumes.files import FileVolumes
        from solovirt.volumes.files.limits import Limits

        limits = Limits(quota=_bytes(context.quota))
        return FileVolumes(context.data_dir / "volumes", clock=context.clock, cluster=context.cluster, limits=limits)
    found = metadata.entry_points(group=ENTRY_POINTS)
    if name not in found.names:
        known = ", ".join(sorted({"files", "simulated", *found.names}))
        raise VolumesUnavailable(f"there is no back end for volumes called {name!r}; installed: {known}")
    try:
        made: Volumes = found[name].load()(context)
    except ImportError as error:
        raise VolumesUnavailable(f"the back end {name!r} for volumes can't be imported: {error}") from error
    return made


def _bytes(text: str) -> int | None:
    if not text:
        return None
    try:
        size = int(quantity.parse(text))
    except ValueError as error:
        raise VolumesUnavailable(f"the quota {text!r} for volumes is no quantity, such as 100Gi") from error
    if size <= 0:
        raise VolumesUnavailable("the quota for volumes must be more than nothing")
    return size
