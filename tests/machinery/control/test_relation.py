"""A relation answers from the state that the store has at the moment."""

from __future__ import annotations

import pytest

from solovirt.machinery.control.relation import Relation
from solovirt.machinery.errors import Expired
from solovirt.machinery.resource import GroupResource, ObjectKey

SECRETS = GroupResource("", "secrets")


def keys_of(secret):
    return (secret.get("data") or {}).keys()


@pytest.fixture
def relation(world):
    return Relation(world.store, world.registry, SECRETS, keys_of)


async def test_it_follows_creation_change_and_deletion(world, relation):
    key = ObjectKey("default", "s")
    assert relation.find("default", "a") == []
    await world.create(SECRETS, "s", data={"a": "", "b": ""})
    assert relation.find("default", "a") == [key]
    assert relation.find("other", "a") == []
    await world.edit(SECRETS, "s", data={"b": ""})
    assert relation.find("default", "a") == []
    assert relation.find("default", "b") == [key]
    await world.delete(SECRETS, "s")
    assert relation.find("default", "b") == []


async def test_it_starts_over_when_it_has_missed_events(world, relation, monkeypatch):
    await world.create(SECRETS, "s", data={"a": ""})
    assert relation.find("default", "a") != []
    cursor = relation._cursor
    real = type(cursor).pending

    def pending(self):
        if self is cursor:
            raise Expired("too old resource version: 1 (5)")
        return real(self)

    await world.delete(SECRETS, "s")
    monkeypatch.setattr(type(cursor), "pending", pending)
    assert relation.find("default", "a") == []
