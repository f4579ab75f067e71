"""A database restored from a backup."""

from __future__ import annotations

import pytest

from solovirt.machinery.errors import Expired
from solovirt.machinery.store import migrate, restore
from tests.machinery.store.conftest import Stores
from tests.machinery.store.objects import VMS, document, key, putting, removing, value_of


async def test_no_revision_is_used_again_and_older_watches_expire(durable: Stores) -> None:
    store = await durable.open()
    for number in range(3):
        await store.write(VMS, key("a"), putting(document(key("a"), number)))
    await store.write(VMS, key("b"), putting(document(key("b"))))
    await store.write(VMS, key("b"), removing)
    backed_up = store.now.revision
    await durable.close(store)
    head = await restore.leap(durable.url, by=1000)
    assert head == backed_up + 1000

    store = await durable.open()
    assert store.now.revision == head
    assert {record.key.name: value_of(record) for record in store.now.list(VMS)} == {"a": 2}
    lost = backed_up + 7  # handed out after the backup was made
    for revision in (backed_up, lost):
        with pytest.raises(Expired, match="too old resource version"):
            store.watch(VMS, revision)
        with pytest.raises(Expired):
            await store.at(VMS, revision)
    cursor = store.watch(VMS, head)
    written = await store.write(VMS, key("a"), putting(document(key("a"), "new")))
    assert written.after is not None
    assert written.after.revision == head + 1
    (event,) = cursor.pending()
    assert value_of(event.previous) == 2
    await store.compact(keep_revisions=0, keep_seconds=0)
    assert value_of(store.now.get(VMS, key("a"))) == "new"


async def test_an_empty_database_has_nothing_to_leap_over(durable: Stores) -> None:
    with pytest.raises(migrate.SchemaNotCurrent):
        await restore.leap(durable.url)
