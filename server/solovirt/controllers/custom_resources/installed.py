"""
The server's own kinds as CustomResourceDefinitions, and every version it serves as an APIService.

A KubeVirt cluster lists both, but hardly anybody looks, and the schemas are large: the objects are stored when they are first asked for, and
then kept as the registry is. Once stored they are objects like any other, to be listed, watched and selected.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Iterator

import orjson

from solovirt.controllers.custom_resources.controller import established
from solovirt.kinds.apiextensions import names
from solovirt.kinds.apiextensions.behaviour import installed
from solovirt.kinds.apiextensions.serving import definition_of
from solovirt.kinds.apiregistration.resources import SERVICES
from solovirt.machinery.clock import Clock, timestamp
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, Flavour, ObjectKey
from solovirt.machinery.store import encoding
from solovirt.machinery.store.index import index_of
from solovirt.machinery.store.protocol import Keep, Outcome, Put, Record, Remove, Store, View
from solovirt.machinery.versions import priority

AUTOMANAGED = "kube-aggregator.kubernetes.io/automanaged"
_SPEC_HASH = "solovirt.io/definition"
_KUBEVIRT_SERVED = "subresources.kubevirt.io"
_LISTING = ("list", "watch", "deletecollection")


class InstalledObjects:
    """`definitions` and `services` are called before requests for these resources are answered."""

    def __init__(self, registry: Registry, store: Store, clock: Clock) -> None:
        self._registry = registry
        self._store = store
        self._clock = clock
        self._lock = asyncio.Lock()
        self._defined = False
        self._services_generation = -1

    def install(self) -> None:
        """Have requests for definitions and services wait for what this makes."""
        self._registry.prepare(names.DEFINITIONS, self.definitions)
        self._registry.prepare(SERVICES, self.services)

    async def definitions(self, verb: str, name: str) -> None:
        """Store the server's own definitions, unless only another one is asked for."""
        if self._defined or not (name in installed() or (not name and verb in _LISTING)):
            return
        async with self._lock:
            if self._defined:
                return
            resources = [one for one in self._registry if f"{one.plural}.{one.group}" in installed()]
            # The models of every kind there is are imported: not on the loop.
            made = await asyncio.to_thread(lambda: [_digested(definition_of(one)) for one in resources])
            now = timestamp(self._clock.now())
            await asyncio.gather(*(self._put_definition(definition, now) for definition in made))
            self._defined = True

    async def _put_definition(self, definition: Document, now: str) -> None:
        definition["status"] = established(definition["spec"], now)

        def change(current: Record | None, _: View) -> Outcome:
            if current is None:
                return self._put(definition, now, generation=1)
            known = current.document("", "")
            annotations = known["metadata"].get("annotations") or {}
            digest = definition["metadata"]["annotations"][_SPEC_HASH]
            if annotations.get(_SPEC_HASH) == digest:
                return Keep()
            known["metadata"]["annotations"] = {**annotations, _SPEC_HASH: digest}
            known["metadata"]["generation"] = known["metadata"].get("generation", 1) + 1
            changed = {**definition, "metadata": known["metadata"]}
            return Put(encoding.encode(changed), index_of(changed, ()))

        await self._store.write(names.DEFINITIONS, ObjectKey("", definition["metadata"]["name"]), change)

    async def services(self, verb: str = "", name: str = "") -> None:
        """Store an APIService for every version that is served, and remove those of versions that are not."""
        if self._services_generation == self._registry.generation:
            return
        async with self._lock:
            generation = self._registry.generation
            if self._services_generation == generation:
                return
            now = timestamp(self._clock.now())
            wanted = {one["metadata"]["name"]: one for one in self._wanted_services(now)}
            await asyncio.gather(*(self._put_service(one, now) for one in wanted.values()))
            stale = [one for one in self._store.now.list(SERVICES) if one.key.name not in wanted]
            await asyncio.gather(*(self._remove_service(one) for one in stale))
            self._services_generation = generation

    async def follow(self) -> None:
        """Keep the services right for those who watch them; nothing as long as nobody has asked for any."""
        if self._services_generation >= 0:
            await self.services()

    def _wanted_services(self, now: str) -> Iterator[Document]:
        built_in = {one.group for one in self._registry if one.flavour is Flavour.BUILT_IN}
        groups = self._registry.groups()
        for group in groups:
            versions = sorted(group.versions, key=priority)
            for place, version in enumerate(versions):
                mode = "onstart" if group.name in built_in else "true"
                spec: Document = {
                    "groupPriorityMinimum": 18000 if not group.name else 17000 if group.name in built_in else 1000,
                    "version": version,
                    "versionPriority": 100 - place,
                }
                labels: Document = {AUTOMANAGED: mode}
                reason, message = "Local", "Local APIServices are always available"
                if group.name:
                    spec["group"] = group.name
                if group.name == _KUBEVIRT_SERVED:
                    spec["service"] = {"name": "virt-api", "namespace": "kubevirt", "port": 443}
                    labels = {"app.kubernetes.io/managed-by": "virt-operator", "kubevirt.io": "virt-api-aggregator"}
                    reason, message = "Passed", "all checks passed"
                condition = {"message": message, "reason": reason, "status": "True", "type": "Available"}
                yield {
                    "metadata": {"name": f"{version}.{group.name}", "labels": labels},
                    "spec": spec,
                    "status": {"conditions": [{"lastTransitionTime": now, **condition}]},
                }

    async def _put_service(self, service: Document, now: str) -> None:
        def change(current: Record | None, _: View) -> Outcome:
            return self._put(service, now) if current is None else Keep()

        await self._store.write(SERVICES, ObjectKey("", service["metadata"]["name"]), change)

    async def _remove_service(self, record: Record) -> None:
        def change(current: Record | None, _: View) -> Outcome:
            if current is None or AUTOMANAGED not in current.index.labels:
                return Keep()
            document = current.document("", "")
            return Remove(encoding.encode(document), current.index)

        if AUTOMANAGED in record.index.labels:
            await self._store.write(SERVICES, record.key, change)

    @staticmethod
    def _put(document: Document, now: str, *, generation: int = 0) -> Put:
        # Straight into the store: it is made by the server, and going through the verbs would cost more than all the rest.
        meta = {**document["metadata"], "creationTimestamp": now, "uid": str(uuid.uuid4())}
        if generation:
            meta["generation"] = generation
        whole = {**document, "metadata": meta}
        return Put(encoding.encode(whole), index_of(whole, ()))


def _digested(definition: Document) -> Document:
    """*definition* with a digest of its spec, by which a later version of the server knows that it has changed."""
    text = orjson.dumps(definition["spec"], option=orjson.OPT_SORT_KEYS)
    definition["metadata"]["annotations"] = {_SPEC_HASH: hashlib.sha256(text).hexdigest()[:16]}
    return definition
