"""
The handlers of subresources that act, and of resources that are only answered, one module for each activity.

A kind declares a subresource by name, or itself as virtual; `install` registers who answers it.
"""

from __future__ import annotations

from solovirt.kinds.access import Access
from solovirt.machinery.clock import Clock
from solovirt.machinery.registry import Registry
from solovirt.machinery.store.protocol import Store
from solovirt.machinery.verbs.protocol import Api
from solovirt.subresources import (
    access_reviews,
    identity_reviews,
    memory_dumps,
    namespace_finalize,
    pod_binding,
    pod_eviction,
    pod_streams,
    service_account_token,
    upload_token,
    virtual_machine_expansion,
    virtual_machine_lifecycle,
    volume_plugging,
)
from solovirt.subresources.upload_token import UploadTokens


def install(
    registry: Registry, api: Api, store: Store, *, clock: Clock, access: Access, upload_tokens: UploadTokens
) -> None:
    """Register every handler there is."""
    namespace_finalize.install(registry, api)
    pod_binding.install(registry, api)
    pod_eviction.install(registry, api, store)
    pod_streams.install(registry, store)
    virtual_machine_expansion.install(registry, store)
    virtual_machine_lifecycle.install(registry, api, store)
    volume_plugging.install(registry, api, store)
    memory_dumps.install(registry, api, store)
    access_reviews.install(registry, access.authoriser, access.roles)
    identity_reviews.install(registry, access.bearer, clock)
    upload_token.install(registry, upload_tokens)
    service_account_token.install(registry, store, access.accounts, clock)
