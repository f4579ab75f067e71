"""Garbage collection, by reference kubernetes-api.md 3.4."""

from __future__ import annotations

import pytest

from solovirt.kinds.core import names

CONFIG_MAPS, SECRETS, NAMESPACES = names.CONFIG_MAPS, names.SECRETS, names.NAMESPACES


async def test_a_dependent_goes_with_its_owner(cluster, owned_by):
    parent = await cluster.create(CONFIG_MAPS, "parent")
    child = await cluster.create(SECRETS, "child", metadata=owned_by(parent))
    await cluster.create(SECRETS, "grandchild", metadata=owned_by(child))
    await cluster.create(SECRETS, "stranger")
    await cluster.settle()
    assert cluster.names(SECRETS) == ["child", "grandchild", "stranger"]
    await cluster.delete(CONFIG_MAPS, "parent")
    assert cluster.names(SECRETS) == ["stranger"]


async def test_a_dependent_of_several_owners_outlives_all_but_the_last(cluster, owned_by):
    first, second = [await cluster.create(CONFIG_MAPS, name) for name in ("first", "second")]
    await cluster.create(SECRETS, "child", metadata=owned_by(first, second))
    await cluster.delete(CONFIG_MAPS, "first")
    left = cluster.get(SECRETS, "child")["metadata"]["ownerReferences"]
    assert [reference["name"] for reference in left] == ["second"]
    await cluster.delete(CONFIG_MAPS, "second")
    assert cluster.find(SECRETS, "child") is None


@pytest.mark.parametrize("wrong", ["uid", "name", "kind"])
async def test_an_owner_that_is_not_quite_the_one_counts_as_absent(cluster, owned_by, wrong):
    parent = await cluster.create(CONFIG_MAPS, "parent")
    reference = owned_by(parent)["ownerReferences"][0]
    reference[wrong] = {"uid": "11111111-1111", "name": "other", "kind": "Secret"}[wrong]
    await cluster.create(SECRETS, "child", metadata={"ownerReferences": [reference]})
    await cluster.settle()
    assert cluster.find(SECRETS, "child") is None


async def test_an_owner_of_a_kind_that_nobody_serves_is_not_judged(cluster, owned_by):
    reference = {"apiVersion": "example.com/v1", "kind": "Unknown", "name": "a", "uid": "1"}
    await cluster.create(SECRETS, "child", metadata=owned_by(reference))
    await cluster.wait(600)
    assert cluster.find(SECRETS, "child") is not None


async def test_an_owner_in_another_namespace_counts_as_absent_and_is_complained_of(cluster, owned_by):
    await cluster.create(NAMESPACES, "other")
    parent = await cluster.create(CONFIG_MAPS, "parent", namespace="other")
    await cluster.create(SECRETS, "child", metadata=owned_by(parent))
    await cluster.settle()
    assert cluster.find(SECRETS, "child") is None
    uid = parent["metadata"]["uid"]
    assert cluster.events("child") == [
        (
            "OwnerRefInvalidNamespace",
            (
                f"ownerRef [v1/ConfigMap, namespace: default, name: parent, uid: {uid}] does not exist in namespace "
                '"default"'
            ),
        )
    ]


async def test_a_cluster_scoped_dependent_of_a_namespaced_owner_is_complained_of_and_stays(cluster, owned_by):
    parent = await cluster.create(CONFIG_MAPS, "parent")
    await cluster.create(names.PRIORITY_CLASSES, "child", value=1, metadata=owned_by(parent))
    await cluster.delete(CONFIG_MAPS, "parent")
    assert cluster.find(names.PRIORITY_CLASSES, "child") is not None
    assert [reason for reason, _ in cluster.events("child")] == ["OwnerRefInvalidNamespace"]


async def test_a_cluster_scoped_owner_takes_namespaced_dependents_with_it(cluster, owned_by):
    parent = await cluster.create(names.PRIORITY_CLASSES, "parent", value=1)
    await cluster.create(SECRETS, "child", metadata=owned_by(parent))
    await cluster.settle()
    assert cluster.find(SECRETS, "child") is not None
    await cluster.delete(names.PRIORITY_CLASSES, "parent")
    assert cluster.find(SECRETS, "child") is None


async def test_in_the_foreground_an_owner_waits_for_the_dependents_that_block_it(cluster, owned_by):
    parent = await cluster.create(CONFIG_MAPS, "parent")
    held = {**owned_by(parent, block=True), "finalizers": ["example.com/hold"]}
    await cluster.create(SECRETS, "blocking", metadata=held)
    await cluster.create(SECRETS, "other", metadata=owned_by(parent))
    await cluster.delete(CONFIG_MAPS, "parent", propagation="Foreground")
    assert cluster.get(CONFIG_MAPS, "parent")["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert cluster.names(SECRETS) == ["blocking"]
    assert cluster.get(SECRETS, "blocking")["metadata"]["deletionTimestamp"]
    await cluster.patch(SECRETS, "blocking", {"metadata": {"finalizers": None}})
    await cluster.settle()
    assert cluster.names(SECRETS) == []
    assert cluster.find(CONFIG_MAPS, "parent") is None


async def test_in_the_foreground_dependents_that_do_not_block_are_not_waited_for(cluster, owned_by):
    parent = await cluster.create(CONFIG_MAPS, "parent")
    held = {**owned_by(parent), "finalizers": ["example.com/hold"]}
    await cluster.create(SECRETS, "child", metadata=held)
    await cluster.delete(CONFIG_MAPS, "parent", propagation="Foreground")
    assert cluster.find(CONFIG_MAPS, "parent") is None
    assert cluster.get(SECRETS, "child")["metadata"]["deletionTimestamp"]


async def test_the_foreground_reaches_down_to_the_last_dependent_first(cluster, owned_by):
    parent = await cluster.create(CONFIG_MAPS, "a")
    child = await cluster.create(CONFIG_MAPS, "b", metadata=owned_by(parent, block=True))
    held = {**owned_by(child, block=True), "finalizers": ["example.com/hold"]}
    await cluster.create(CONFIG_MAPS, "c", metadata=held)
    await cluster.delete(CONFIG_MAPS, "a", propagation="Foreground")
    assert cluster.get(CONFIG_MAPS, "b")["metadata"]["finalizers"] == ["foregroundDeletion"]
    await cluster.patch(CONFIG_MAPS, "c", {"metadata": {"finalizers": None}})
    await cluster.settle()
    assert [name for name in cluster.names(CONFIG_MAPS) if len(name) == 1] == []


async def test_a_dependent_that_stops_blocking_lets_its_owner_go(cluster, owned_by):
    parent = await cluster.create(CONFIG_MAPS, "parent")
    held = {**owned_by(parent, block=True), "finalizers": ["example.com/hold"]}
    await cluster.create(SECRETS, "child", metadata=held)
    await cluster.delete(CONFIG_MAPS, "parent", propagation="Foreground")
    await cluster.patch(SECRETS, "child", {"metadata": owned_by(parent)})
    await cluster.settle()
    assert cluster.find(CONFIG_MAPS, "parent") is None


async def test_two_that_own_each_other_both_go(cluster, owned_by):
    first = await cluster.create(CONFIG_MAPS, "first")
    second = await cluster.create(CONFIG_MAPS, "second", metadata=owned_by(first, block=True))
    await cluster.patch(CONFIG_MAPS, "first", {"metadata": owned_by(second, block=True)})
    await cluster.delete(CONFIG_MAPS, "first", propagation="Foreground")
    assert "first" not in cluster.names(CONFIG_MAPS)
    assert "second" not in cluster.names(CONFIG_MAPS)


async def test_orphans_lose_their_reference_and_live(cluster, owned_by):
    parent, other = [await cluster.create(CONFIG_MAPS, name) for name in ("parent", "other")]
    await cluster.create(SECRETS, "child", metadata=owned_by(parent))
    await cluster.create(SECRETS, "shared", metadata=owned_by(parent, other))
    await cluster.delete(CONFIG_MAPS, "parent", propagation="Orphan")
    assert cluster.find(CONFIG_MAPS, "parent") is None
    assert "ownerReferences" not in cluster.get(SECRETS, "child")["metadata"]
    assert [one["name"] for one in cluster.get(SECRETS, "shared")["metadata"]["ownerReferences"]] == ["other"]


async def test_a_finalizer_on_the_owner_keeps_its_dependents(cluster, owned_by):
    parent = await cluster.create(CONFIG_MAPS, "parent", metadata={"finalizers": ["example.com/hold"]})
    await cluster.create(SECRETS, "child", metadata=owned_by(parent))
    await cluster.delete(CONFIG_MAPS, "parent")
    assert cluster.find(SECRETS, "child") is not None
    await cluster.patch(CONFIG_MAPS, "parent", {"metadata": {"finalizers": None}})
    await cluster.settle()
    assert cluster.find(SECRETS, "child") is None


@pytest.mark.parametrize("propagation", ["Background", "Foreground", "Orphan"])
async def test_what_was_deleted_while_nobody_collected_is_collected_after_a_restart(cluster, owned_by, propagation):
    parent = await cluster.create(CONFIG_MAPS, "parent")
    child = await cluster.create(SECRETS, "child", metadata=owned_by(parent, block=True))
    await cluster.create(SECRETS, "grandchild", metadata=owned_by(child))
    await cluster.settle()
    await cluster.halt()
    await cluster.delete(CONFIG_MAPS, "parent", propagation=propagation)
    assert cluster.names(SECRETS) == ["child", "grandchild"]
    await cluster.run()
    assert cluster.find(CONFIG_MAPS, "parent") is None
    assert cluster.names(SECRETS) == (["child", "grandchild"] if propagation == "Orphan" else [])


async def test_a_reference_added_later_to_an_absent_owner_is_noticed(cluster, owned_by):
    parent = await cluster.create(CONFIG_MAPS, "parent")
    await cluster.create(SECRETS, "child")
    await cluster.delete(CONFIG_MAPS, "parent")
    await cluster.patch(SECRETS, "child", {"metadata": owned_by(parent)})
    await cluster.settle()
    assert cluster.find(SECRETS, "child") is None
