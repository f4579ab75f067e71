"""Deletion, finalizers and the garbage collector (reference kubernetes-api.md 3.4)."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance import example
from tests.conformance.conftest import MERGE, Client, Space
from tests.conformance.statuses import check, invalid, status

pytestmark = pytest.mark.asyncio(loop_scope="module")

POD = {"containers": [{"name": "c", "image": "i"}]}


def held(name: str, *finalizers: str):
    return {"metadata": {"name": name, "finalizers": list(finalizers)}}


def owned(name: str, *owners, **reference):
    references = [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            **reference,
        }
        for owner in owners
    ]
    return {"metadata": {"name": name, "ownerReferences": references}}


async def test_what_nothing_holds_goes_at_once(client: Client, space: Space):
    """§3.4 1: removed; DELETED event"""
    path = space.core("secrets")
    await client.made(path, {"metadata": {"name": "a"}})
    async with client.watch(path, "resourceVersion=0") as events:
        assert (await client("DELETE", f"{path}/a")).json["kind"] == "Status"
        assert await events.told(2) == [("ADDED", "a"), ("DELETED", "a")]
    assert (await client("GET", f"{path}/a")).status == 404


async def test_a_finalizer_holds_an_object(client: Client, space: Space, examples):
    """§3.4 2: deletionTimestamp, grace 0, generation+1, MODIFIED, 200 with the object; again the same"""
    document = example.vm("a")
    document["metadata"]["finalizers"] = ["x.io/y"]
    await client.made(space.vms, document)
    async with client.watch(space.vms) as events:
        await events.next()
        first = await client("DELETE", f"{space.vms}/a")
        event = await events.next()
    assert (first.status, first.json["kind"]) == (200, "VM")
    metadata = first.json["metadata"]
    assert metadata["deletionTimestamp"]
    assert (metadata["deletionGracePeriodSeconds"], metadata["generation"]) == (0, 2)
    assert event == {"type": "MODIFIED", "object": first.json}
    again = await client("DELETE", f"{space.vms}/a")
    assert (again.status, again.json) == (200, first.json)


async def test_the_last_finalizer_lets_it_go(client: Client, space: Space):
    """§3.4 3: that request returns 200 with the object; watchers get DELETED"""
    path = space.core("secrets")
    await client.made(path, held("a", "x.io/y", "x.io/z"))
    await client("DELETE", f"{path}/a")
    await client.merged(f"{path}/a", {"metadata": {"finalizers": ["x.io/z"]}})
    async with client.watch(path) as events:
        await events.next()
        reply = await client("PATCH", f"{path}/a", {"metadata": {"finalizers": None}}, Content_Type=MERGE)
        assert (await events.next())["type"] == "DELETED"
    assert (reply.status, reply.json["kind"]) == (200, "Secret")
    assert "finalizers" not in reply.json["metadata"]
    assert (await client("GET", f"{path}/a")).status == 404


async def test_no_finalizer_is_added_to_what_goes(client: Client, space: Space):
    """§3.4 4"""
    await client.made(space.maps, held("a", "x.io/y"))
    await client("DELETE", f"{space.maps}/a")
    reply = await client(
        "PATCH", f"{space.maps}/a", {"metadata": {"finalizers": ["x.io/y", "y.io/g"]}}, Content_Type=MERGE
    )
    text = (
        "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers "
        '[]string{"y.io/g"}'
    )
    check(reply, invalid("ConfigMap", "a", ("FieldValueForbidden", "metadata.finalizers", text)))


async def test_what_goes_still_has_its_name(client: Client, space: Space, examples):
    """§3.4 5"""
    document = example.vm("b3")
    document["metadata"]["finalizers"] = ["x.io/y"]
    await client.made(space.vms, document)
    await client("DELETE", f"{space.vms}/b3")
    check(
        await client("POST", space.vms, example.vm("b3")),
        status(
            409,
            "AlreadyExists",
            'object is being deleted: vms.example.com "b3" already exists',
            {"name": "b3", "group": "example.com", "kind": "vms"},
        ),
    )


async def test_pods_are_given_grace(client: Client, space: Space):
    """§3.4 6: now + grace; without node at once; 0 at once; a later DELETE may only shorten it"""
    pods = space.core("pods")
    await client.made(pods, {"metadata": {"name": "a"}, "spec": POD})
    assert (await client("DELETE", f"{pods}/a")).status == 200
    assert (await client("GET", f"{pods}/a")).status == 404
    # A node that nobody runs: nothing ends the pod before its time.
    for name in "bcd":
        await client.made(pods, {"metadata": {"name": name}, "spec": {**POD, "nodeName": "nobodys"}})
    first = (await client("DELETE", f"{pods}/b")).json["metadata"]
    assert first["deletionGracePeriodSeconds"] == 30
    longer = (await client("DELETE", f"{pods}/b?gracePeriodSeconds=60")).json["metadata"]
    assert longer["deletionGracePeriodSeconds"] == 30
    shorter = (await client("DELETE", f"{pods}/b?gracePeriodSeconds=5")).json["metadata"]
    assert shorter["deletionGracePeriodSeconds"] == 5
    assert shorter["deletionTimestamp"] <= first["deletionTimestamp"]
    assert (await client("DELETE", f"{pods}/b?gracePeriodSeconds=0")).status == 200
    await client.gone(f"{pods}/b")
    assert (await client("DELETE", f"{pods}/c?gracePeriodSeconds=0")).status == 200
    await client.gone(f"{pods}/c")


async def test_finalizers_without_a_path_are_warned_of(client: Client, space: Space, examples):
    """§3.4 finalizer name warnings on CRs"""
    for finalizer, path in (("foo", ""), ("foo.io", " including a path (/)")):
        document = example.vm(f"a-{len(finalizer)}")
        document["metadata"]["finalizers"] = [finalizer]
        reply = await client("POST", space.vms, document)
        assert reply.status == 201
        assert reply.warnings == [
            (
                f'metadata.finalizers: "{finalizer}": prefer a domain-qualified finalizer name{path} to avoid accidental conflicts with '
                "other finalizer writers"
            )
        ]


async def test_background(client: Client, space: Space, examples):
    """§3.4 Background: the default; dependents whose all owners are gone are deleted"""
    one, two = [await client.made(space.vms, example.vm(name)) for name in ("one", "two")]
    await client.made(space.maps, owned("of-one", one))
    await client.made(space.maps, owned("of-both", one, two))
    assert (await client("DELETE", f"{space.vms}/one")).json["kind"] == "Status"
    await client.gone(f"{space.maps}/of-one")
    # The reference to the absent owner is dropped if a live owner remains.
    both = await client.until(
        f"{space.maps}/of-both", lambda reply: len(reply.json["metadata"].get("ownerReferences", ())) == 1
    )
    assert both.json["metadata"]["ownerReferences"][0]["name"] == "two"
    await client("DELETE", f"{space.vms}/two?propagationPolicy=Background")
    await client.gone(f"{space.maps}/of-both")


async def test_foreground(client: Client, space: Space):
    """§3.4 Foreground: the owner waits for dependents that block"""
    owner = await client.made(space.maps, {"metadata": {"name": "owner"}})
    await client.made(space.core("secrets"), owned("free", owner))
    blocking = owned("blocking", owner, blockOwnerDeletion=True)
    blocking["metadata"]["finalizers"] = ["x.io/y"]
    await client.made(space.core("secrets"), blocking)
    reply = await client("DELETE", f"{space.maps}/owner", {"propagationPolicy": "Foreground"})
    assert reply.json["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert reply.json["metadata"]["deletionTimestamp"]
    await client.gone(f"{space.core('secrets')}/free")
    await client.until(f"{space.core('secrets')}/blocking", lambda reply: "deletionTimestamp" in reply.json["metadata"])
    assert (await client("GET", f"{space.maps}/owner")).status == 200
    await client.merged(f"{space.core('secrets')}/blocking", {"metadata": {"finalizers": None}})
    await client.gone(f"{space.core('secrets')}/blocking")
    await client.gone(f"{space.maps}/owner")


@pytest.mark.parametrize("query", ["propagationPolicy=Orphan", "orphanDependents=true"])
async def test_orphan(client: Client, space: Space, query):
    """§3.4 Orphan: the reference is stripped from dependents, then the finalizer is removed"""
    owner = await client.made(space.maps, {"metadata": {"name": "owner"}})
    await client.made(space.maps, owned("dependent", owner))
    reply = await client("DELETE", f"{space.maps}/owner?{query}")
    assert reply.json["metadata"]["finalizers"] == ["orphan"]
    await client.gone(f"{space.maps}/owner")
    dependent = await client.get(f"{space.maps}/dependent")
    assert "ownerReferences" not in dependent["metadata"]


async def test_a_reference_with_a_wrong_uid_is_to_nobody(client: Client, space: Space):
    """§3.4: counts as absent, the dependent is deleted within seconds"""
    owner = await client.made(space.maps, {"metadata": {"name": "owner"}})
    owner["metadata"]["uid"] = "wrong"
    await client.made(space.maps, owned("dependent", owner))
    await client.gone(f"{space.maps}/dependent")
    assert (await client("GET", f"{space.maps}/owner")).status == 200


async def test_owners_share_the_namespace(client: Client, space: Space):
    """§3.4: cluster-scoped dependents may not have namespaced owners; the garbage collector says OwnerRefInvalidNamespace"""
    elsewhere = await client.made("/api/v1/namespaces/default/configmaps", {"metadata": {"name": f"of-{space.name}"}})
    await client.made(space.maps, owned("stranger", elsewhere))
    events = await client.until(
        f"{space.core('events')}?fieldSelector=reason%3DOwnerRefInvalidNamespace",
        lambda reply: bool(reply.json["items"]),
    )
    (event,) = events.json["items"]
    assert (event["involvedObject"]["name"], event["type"]) == ("stranger", "Warning")
    await client.gone(f"{space.maps}/stranger")
    role = owned(space.name, elsewhere)
    await client.made("/apis/rbac.authorization.k8s.io/v1/clusterroles", {**role, "rules": []})
    await asyncio.sleep(0.2)
    # It stays: what can't be looked up is not known to be gone.
    assert (await client("GET", f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{space.name}")).status == 200


async def test_block_owner_deletion_needs_no_right_of_its_own(client: Client, space: Space):
    """§3.4: only if that admission plugin is on, which it is not by default"""
    owner = await client.made(space.maps, {"metadata": {"name": "owner"}})
    made = await client.made(space.maps, owned("dependent", owner, blockOwnerDeletion=True, controller=True))
    assert made["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] is True
