"""GET: versions, limits, tokens, selectors (reference kubernetes-api.md 2.2, 2.3, 2.4)."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from solovirt.machinery.errors import BadRequest, Expired, NotFound, Timeout
from solovirt.machinery.verbs import listing
from solovirt.machinery.verbs.protocol import DeleteOptions, Listed, ListOptions, PatchType
from tests.machinery.verbs.conftest import World, vm


@pytest.fixture
async def five(world: World) -> World:
    for number in range(5):
        document = vm(f"vm{number}", cpu=number + 1)
        document["metadata"]["labels"] = {"odd": str(number % 2 == 1).lower()}
        await world.create("vms", document)
    return world


async def listed(world: World, **options: Any) -> Listed:
    return await world.api.list(world.target("vms"), ListOptions(**options))


def names(answer: Listed) -> list[str]:
    return [record.key.name for record in answer.records]


async def test_a_list_is_in_key_order_at_the_newest_version(five: World) -> None:
    answer = await listed(five)
    assert names(answer) == ["vm0", "vm1", "vm2", "vm3", "vm4"]
    assert answer.revision == five.store.now.revision
    assert (answer.continue_token, answer.remaining) == ("", None)


async def test_pages_are_of_one_state(five: World) -> None:
    """2.3: all pages carry the version of page one; remainingItemCount while there is more."""
    first = await listed(five, limit=2)
    assert (names(first), first.remaining) == (["vm0", "vm1"], 3)
    await five.create("vms", vm("vm10"))
    await five.api.delete(five.target("vms", "vm3"), DeleteOptions(), five.asking())
    await five.api.patch(five.target("vms", "vm2"), PatchType.MERGE, {"spec": {"cpu": 8}}, five.asking())
    second = await listed(five, limit=2, continue_token=first.continue_token)
    assert (names(second), second.revision, second.remaining) == (["vm2", "vm3"], first.revision, 1)
    assert five.document(second.records[0])["spec"] == {"cpu": 3}
    third = await listed(five, limit=2, continue_token=second.continue_token)
    assert (names(third), third.revision, third.continue_token, third.remaining) == (["vm4"], first.revision, "", None)


async def test_a_selector_hides_the_remaining_count(five: World) -> None:
    answer = await listed(five, limit=1, label_selector="odd=false")
    assert (names(answer), answer.remaining) == (["vm0"], None)
    rest = await listed(five, continue_token=answer.continue_token, label_selector="odd=false")
    assert names(rest) == ["vm2", "vm4"]


async def test_version_zero_ignores_the_limit(five: World) -> None:
    assert len(names(await listed(five, limit=2, resource_version="0"))) == 5


async def test_an_exact_version_is_listed_as_it_was(five: World) -> None:
    then = five.store.now.revision
    await five.api.delete(five.target("vms", "vm0"), DeleteOptions(), five.asking())
    exact = await listed(five, resource_version=str(then), resource_version_match="Exact")
    assert len(names(exact)) == 5
    assert exact.revision == then
    legacy = await listed(five, resource_version=str(then), limit=500)
    assert len(names(legacy)) == 5
    newer = await listed(five, resource_version=str(then), resource_version_match="NotOlderThan")
    assert len(names(newer)) == 4


async def test_a_future_version_times_out(five: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """2.3: 504 with the current version, retry after a second."""
    monkeypatch.setattr(listing, "_PATIENCE_SECONDS", 0.01)
    current = five.store.now.revision
    for read in (
        listed(five, resource_version="99999999"),
        five.api.get(five.target("vms", "vm0"), resource_version="99999999"),
    ):
        with pytest.raises(Timeout) as refused:
            await read
        assert refused.value.message == f"Timeout: Too large resource version: 99999999, current: {current}"
        assert refused.value.status()["details"] == {
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        }


async def test_a_version_that_is_no_number_is_a_bad_request(five: World) -> None:
    with pytest.raises(BadRequest) as refused:
        await listed(five, resource_version="abc")
    assert refused.value.message == (
        'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax'
    )


async def test_the_token_has_upstreams_form(five: World) -> None:
    """2.2: base64url without padding of {"v":…,"rv":…,"start":…}."""
    token = (await listed(five, limit=2)).continue_token
    assert "=" not in token
    raw = json.loads(base64.urlsafe_b64decode(token + "=="))
    assert raw == {"v": "meta.k8s.io/v1", "rv": five.store.now.revision, "start": "vm1\0"}


@pytest.mark.parametrize("token", ["garbage", "e30", base64.urlsafe_b64encode(b'{"v":"x"}').decode(), "ä"])
async def test_a_token_of_somebody_elses_is_refused(five: World, token: str) -> None:
    with pytest.raises(BadRequest, match=r"^invalid continue token: continue key is not valid: "):
        await listed(five, continue_token=token)


async def test_a_token_and_a_version_exclude_each_other(five: World) -> None:
    token = (await listed(five, limit=2)).continue_token
    with pytest.raises(BadRequest) as refused:
        await listed(five, continue_token=token, resource_version="5")
    assert refused.value.message == "specifying resource version is not allowed when using continue"


async def test_an_expired_token_comes_with_a_fresh_one(five: World) -> None:
    """2.3, 410 forms: the Status carries a token to go on inconsistently."""
    token = (await listed(five, limit=2)).continue_token
    await five.create("vms", vm("vm9"))
    await five.store.compact(keep_revisions=0, keep_seconds=0)
    with pytest.raises(Expired) as refused:
        await listed(five, continue_token=token)
    assert refused.value.message.startswith(
        "The provided continue parameter is too old to display a consistent list result. "
    )
    fresh = refused.value.status()["metadata"]["continue"]
    assert json.loads(base64.urlsafe_b64decode(fresh + "=="))["rv"] == -1
    assert names(await listed(five, continue_token=fresh)) == ["vm2", "vm3", "vm4", "vm9"]


async def test_field_selectors_find_by_name(five: World) -> None:
    assert names(await listed(five, field_selector="metadata.name=vm3")) == ["vm3"]
    assert names(await listed(five, field_selector="metadata.namespace=other")) == []
    with pytest.raises(BadRequest) as refused:
        await listed(five, field_selector="spec.cpu=1")
    assert refused.value.message == "field label not supported: spec.cpu"


async def test_a_selection_lets_others_run_and_is_of_one_state(five: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_BETWEEN_TURNS", 2)
    before = five.store.now.revision
    selecting = asyncio.create_task(listed(five, label_selector="odd=false"))
    await asyncio.sleep(0)
    await five.api.delete(five.target("vms", "vm4"), DeleteOptions(), five.asking())
    assert selecting.done()
    answer = await selecting
    assert (names(answer), answer.revision) == (["vm0", "vm2", "vm4"], before)


async def test_a_missing_object_is_not_found(five: World) -> None:
    with pytest.raises(NotFound) as refused:
        await five.api.get(five.target("vms", "nobody"))
    assert refused.value.message == 'vms.example.com "nobody" not found'
