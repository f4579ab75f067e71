"""
Finds a runtime by name.

A runtime is a function that takes a `RuntimeContext` and returns a `Runtime`, published as an entry point of the group
`solovirt.runtimes`. The ones that ship with Solovirt are known here too, so that a checkout works without being installed.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from solovirt.machinery.clock import Clock
    from solovirt.machinery.store.facts import Facts
    from solovirt.runtime.protocol import Runtime

ENTRY_POINTS = "solovirt.runtimes"
_SHIPPED = {
    "fake": "solovirt.runtime.fake:create_runtime",
    "libvirt": "solovirt.runtime.libvirt.runtime:create_runtime",
}


class RuntimeLoadError(Exception):
    """There is no such runtime, or it can't be loaded; the text says which there are."""


class RuntimeUnavailable(Exception):
    """A runtime can't start; the text says why and what to do, for a person."""


@dataclass(frozen=True, slots=True)
class RuntimeContext:
    """What a runtime gets to work with."""

    clock: Clock
    facts: Facts
    """Durable memory, shared with everybody who uses the same database. A runtime prefixes its scopes with its name."""
    data_dir: Path
    """A directory for files; the runtime makes its own below it."""
    nodes: int = 3
    """How many nodes to simulate, for runtimes that do."""
    instant: bool = False
    """What is simulated takes no time, unless a guest's annotations say otherwise."""
    shared: bool = False
    """Several processes run guests through the same facts, so what another one did has to be looked for."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Settings of one runtime alone, by name: libvirt_uri, libvirt_domain_type, node_guests."""


class Factory(Protocol):
    """Makes a runtime. It must not connect to anything yet: `Runtime.start` does."""

    def __call__(self, context: RuntimeContext) -> Runtime: ...


def load_runtime(name: str, context: RuntimeContext) -> Runtime:
    """Make the runtime called *name*. Raises RuntimeLoadError if there is none or it can't be imported."""
    # Shipped ones first: reading the metadata of every installed distribution takes time that a test's server has not.
    if name in _SHIPPED:
        module, _, function = _SHIPPED[name].partition(":")
        try:
            factory: Factory = getattr(importlib.import_module(module), function)
        except ImportError as error:
            raise RuntimeLoadError(
                f"the runtime {name!r} needs what is not installed: {error}; `pip install 'solovirt[{name}]'` brings it"
            ) from error
        return factory(context)
    found = metadata.entry_points(group=ENTRY_POINTS)
    if name not in found.names:
        known = ", ".join(sorted({*_SHIPPED, *found.names}))
        raise RuntimeLoadError(f"there is no runtime {name!r}; installed: {known}")
    try:
        factory = found[name].load()
    except ImportError as error:
        raise RuntimeLoadError(f"the runtime {name!r} can't be imported: {error}") from error
    return factory(context)
