"""SQL views: what a person with psql or the sqlite3 shell sees of objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from solovirt import kinds
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store import encoding, migrate, tables, views
from solovirt.machinery.store.dialect import Transaction, database_for
from solovirt.machinery.store.index import index_of
from solovirt.machinery.store.protocol import Change, Put
from tests.machinery.store.conftest import Stores

VMS = GroupResource("kubevirt.io", "virtualmachines")
PODS = GroupResource("", "pods")


def made(document: Document) -> Change:
    return lambda _current, _view: Put(encoding.encode(document), index_of(document, ()))


def machine(name: str, ready: str) -> Document:
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-{name}",
            "creationTimestamp": "2026-11-23T07:01:03Z",
            "labels": {"app": "web", "it's": 'a "quote"'},
            "generation": 2,
        },
        "spec": {"runStrategy": "Always"},
        "status": {
            "printableStatus": "Running",
            "conditions": [{"type": "LiveMigratable", "status": "False"}, {"type": "Ready", "status": ready}],
        },
    }


async def ask(stores: Stores, query: str) -> Sequence[Any]:
    database = database_for(stores.url, read_only=True)
    await database.open()
    try:
        return await database.read(lambda transaction: transaction.core.execute(sa.text(query)).all())
    finally:
        await database.close()


@pytest.fixture
async def filled(durable: Stores) -> Stores:
    store = await durable.open()
    await store.show(kinds.builtin())
    for name, ready in (("a", "True"), ("b", "False")):
        await store.write(VMS, ObjectKey("default", name), made(machine(name, ready)))
    # One that says nothing yet.
    bare = {
        "metadata": {"name": "c", "namespace": "other", "uid": "uid-c", "creationTimestamp": "2026-11-23T07:01:03Z"}
    }
    await store.write(VMS, ObjectKey("other", "c"), made(bare))
    pod = {
        "metadata": {"name": "p", "namespace": "default", "uid": "u"},
        "spec": {"nodeName": "node01"},
        "status": {"phase": "Running"},
    }
    await store.write(PODS, ObjectKey("default", "p"), made(pod))
    return durable


async def test_machines_are_queried_by_what_kubectl_prints(filled: Stores) -> None:
    rows = await ask(
        filled, "SELECT namespace, name, printable_status, ready, generation FROM virtual_machines ORDER BY name"
    )
    assert [tuple(row) for row in rows] == [
        ("default", "a", "Running", "True", 2),
        ("default", "b", "Running", "False", 2),
        ("other", "c", None, None, None),
    ]
    rows = await ask(filled, "SELECT name FROM virtual_machines WHERE ready = 'True'")
    assert [row.name for row in rows] == ["a"]


async def test_labels_and_the_whole_object_are_json(filled: Stores) -> None:
    rows = await ask(
        filled,
        "SELECT labels->>'app' AS app, spec->>'runStrategy' AS strategy, object FROM virtual_machines WHERE name = 'a'",
    )
    assert (rows[0].app, rows[0].strategy) == ("web", "Always")
    assert "uid-a" in str(rows[0].object)


async def test_times_compare_as_times(filled: Stores) -> None:
    rows = await ask(
        filled,
        "SELECT count(*) AS n FROM virtual_machines WHERE created < '2026-11-23T08:00:00Z' AND created > '2026-11-23T07:00:00Z'",
    )
    assert rows[0].n == 3


async def test_selectable_fields_are_columns(filled: Stores) -> None:
    rows = await ask(filled, "SELECT name, node_name, phase FROM pods")
    assert [tuple(row) for row in rows] == [("p", "node01", "Running")]


async def test_every_stored_kind_has_a_view_that_works(filled: Stores) -> None:
    wanted = views.views_of(kinds.builtin())
    assert {
        "virtual_machines",
        "virtual_machine_instances",
        "data_volumes",
        "config_maps",
        "network_policies",
        "storage_classes",
    } <= {view.name for view in wanted}
    assert not any(view.group.startswith(("subresources.", "events.")) for view in wanted), "they store nothing"
    assert len(wanted) > 70
    for view in wanted:
        await ask(filled, f'SELECT * FROM "{view.name}"')  # noqa: S608 - our own names


async def test_views_are_made_again_only_when_kinds_have_changed(filled: Stores) -> None:
    store = filled.opened[0]
    assert not await views.ensure(store._database, kinds.builtin())
    assert await views.ensure(store._database, kinds.builtin()[:3])
    with pytest.raises(Exception, match=r"virtual_machines|no such table"):
        await ask(filled, "SELECT * FROM virtual_machines")
    assert await views.ensure(store._database, kinds.builtin())


def set_schema(schema: str, serves_since: str | None) -> Any:
    def work(transaction: Transaction) -> None:
        core = transaction.core
        core.execute(sa.text("UPDATE alembic_version SET version_num = :schema"), {"schema": schema})
        core.execute(sa.delete(tables.fact).where(tables.fact.c.scope == "schema"))
        if serves_since is not None:
            row = {"scope": "schema", "key": "serves since", "value": serves_since.encode()}
            core.execute(sa.insert(tables.fact), row)

    return work


async def test_a_later_schema_that_took_nothing_away_is_served(filled: Stores) -> None:
    """Replicas of two versions run together while one replaces the other."""
    store = filled.opened[0]
    await store._database.write(set_schema("9999", tables.SCHEMA))
    again = await filled.restart(store)
    assert again.now.count(VMS) == 3
    # Nor does it migrate back.
    await filled.close(again)
    await migrate.upgrade(filled.url)
    again = await filled.open()
    assert again.now.count(VMS) == 3


@pytest.mark.parametrize("serves_since", ["9998", None])
async def test_a_later_schema_that_took_something_away_is_refused(filled: Stores, serves_since: str | None) -> None:
    store = filled.opened[0]
    await store._database.write(set_schema("9999", serves_since))
    await filled.close(store)
    with pytest.raises(
        migrate.SchemaNotCurrent,
        match=r"has schema 9999, which is later than this version's .* install a later version",
    ):
        await migrate.upgrade(filled.url)
    with pytest.raises(migrate.SchemaNotCurrent, match="has schema 9999, which is later"):
        await filled.open()
