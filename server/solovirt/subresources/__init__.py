"""
The handlers of subresources that act, one module for each activity.

A kind declares a subresource by name; `install` registers who answers it.
"""

from __future__ import annotations

from solovirt.machinery.registry import Registry
from solovirt.machinery.store.protocol import Store
from solovirt.machinery.verbs.protocol import Api
from solovirt.subresources import namespace_finalize, virtual_machine_lifecycle


def install(registry: Registry, api: Api, store: Store) -> None:
    """Register every handler there is."""
    namespace_finalize.install(registry, api)
    virtual_machine_lifecycle.install(registry, api, store)
