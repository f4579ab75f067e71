"""memorydump and removememorydump (reference kubevirt-subresources.md 3.8)."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.machinery.clock import ManualClock
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.machinery.verbs.api import Verbs
from solovirt.subresources import memory_dumps
from tests.subresources.conftest import KEY, Door

DUMP = {"claimName": "dump"}


class Dumps:
    """The door, with both subresources behind it."""

    def __init__(self, door: Door) -> None:
        self.door = door

    async def accepted(self, verb: str, body: Any = None) -> None:
        reply = await self.door.put(verb, body)
        assert (reply.status, reply.body) == (202, b""), reply.body

    async def refused(self, verb: str, body: Any, code: int, message: str) -> None:
        reply = await self.door.put(verb, body)
        assert (reply.status, reply.json["message"]) == (code, message)

    async def conflicts(self, verb: str, body: Any, why: str, of: str = 'virtualmachine.kubevirt.io "vm"') -> None:
        await self.refused(verb, body, 409, f"Operation cannot be fulfilled on {of}: {why}")

    async def claim(self, storage: str = "2Gi", **spec: Any) -> None:
        wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}, **spec}
        document = {"metadata": {"name": "dump", "namespace": "default"}, "spec": wanted}
        await self.door.user.create(core.PERSISTENT_VOLUME_CLAIMS, document)

    async def requested(self, **request: Any) -> None:
        def write(document: Document) -> None:
            document.setdefault("status", {})["memoryDumpRequest"] = {"claimName": "dump", **request}

        await self.door.system.edit(names.VIRTUAL_MACHINES, KEY, write, status=True)

    @property
    def request(self) -> Any:
        return self.door.status.get("memoryDumpRequest")


@pytest.fixture
async def dumps(door, served) -> Dumps:
    registry, schemas = served
    memory_dumps.install(registry, Verbs(registry, door.store, schemas, ManualClock()), door.store)
    await door.vm(runStrategy="Always")
    return Dumps(door)


async def test_a_dump_is_requested_and_let_go(dumps):
    await dumps.door.instance("Running")
    await dumps.claim()
    await dumps.accepted("memorydump", DUMP)
    assert dumps.request == {"claimName": "dump", "phase": "Associating"}
    await dumps.accepted("removememorydump")
    assert dumps.request == {"claimName": "dump", "phase": "Dissociating", "remove": True}


async def test_another_dump_goes_to_the_claim_that_is_associated(dumps):
    await dumps.door.instance("Running")
    await dumps.claim()
    for phase in ("Completed", "Failed"):
        await dumps.requested(phase=phase, fileName="old")
        await dumps.accepted("memorydump", {})
        assert dumps.request == {"claimName": "dump", "phase": "Associating"}


async def test_a_claim_has_to_be_named(dumps):
    await dumps.refused("memorydump", {}, 400, "Memory dump requires claim name to be set")


async def test_one_claim_at_a_time(dumps):
    await dumps.requested(phase="Completed")
    text = "can't request memory dump for pvc [other] while pvc [dump] is still associated as the memory dump pvc"
    await dumps.conflicts("memorydump", {"claimName": "other"}, text)


async def test_the_gate_has_to_be_open(dumps):
    def shut(document: Document) -> None:
        off = {"disabledFeatureGates": ["DeclarativeHotplugVolumes"]}
        document["spec"]["configuration"] = {"developerConfiguration": off}

    await dumps.door.system.edit(names.KUBEVIRTS, ObjectKey("kubevirt", "kubevirt"), shut)
    text = "Enable DeclarativeHotplugVolumes or HotplugVolumes feature gate to use this API."
    await dumps.refused("memorydump", DUMP, 400, text)


async def test_the_instance_has_to_run(dumps):
    await dumps.refused("memorydump", DUMP, 404, 'virtualmachineinstance.kubevirt.io "vm" not found')
    await dumps.door.instance("Scheduled")
    await dumps.conflicts("memorydump", DUMP, "VMI is not running", 'virtualmachineinstance.kubevirt.io "vm"')


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        ({"volumeMode": "Block"}, "pvc should be filesystem pvc"),
        ({"accessModes": ["ReadOnlyMany"]}, "pvc access mode can't be read only"),
        # 100Mi beside the memory, and 6% for the file system.
        ({"storage": "1Gi"}, "pvc size [1073742k] should be bigger then [1192Mi]"),
    ],
)
async def test_the_dump_has_to_fit(dumps, claim, why):
    await dumps.door.instance(
        "Running", domain={"devices": {}, "resources": {"requests": {"memory": "1Gi"}}, "memory": {"guest": "1Gi"}}
    )
    await dumps.refused("memorydump", DUMP, 404, 'persistentvolumeclaim.kubevirt.io "dump" not found')
    await dumps.claim(**claim)
    await dumps.conflicts("memorydump", DUMP, why, 'persistentvolumeclaim.kubevirt.io "dump"')


@pytest.mark.parametrize(
    ("phase", "why"),
    [
        ("Associating", "memory dump request for pvc [dump] already in progress"),
        ("InProgress", "memory dump request for pvc [dump] already in progress"),
        ("Unmounting", "memory dump request for pvc [dump] already in progress"),
        ("Dissociating", "can't dump memory for pvc [dump] a remove memory dump request is in progress"),
    ],
)
async def test_one_dump_at_a_time(dumps, phase, why):
    await dumps.door.instance("Running")
    await dumps.claim()
    await dumps.requested(phase=phase)
    await dumps.conflicts("memorydump", DUMP, why)


async def test_there_has_to_be_something_to_let_go(dumps):
    text = "can't remove memory dump association for vm vm, no association found"
    await dumps.conflicts("removememorydump", None, text)
    await dumps.requested(phase="Dissociating", remove=True)
    await dumps.conflicts("removememorydump", None, "memory dump remove request for pvc [dump] already exists")


@pytest.mark.parametrize("verb", ["memorydump", "removememorydump"])
async def test_nobody_is_not_found(dumps, verb):
    reply = await dumps.door.put(verb, DUMP, name="nobody")
    assert (reply.status, reply.json["message"]) == (404, 'virtualmachine.kubevirt.io "nobody" not found')
