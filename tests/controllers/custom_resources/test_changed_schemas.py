"""
Objects that were stored under an earlier schema of their kind (Kubernetes: "Extend the Kubernetes API with CustomResourceDefinitions", Defaulting and
Nullable: defaults apply "when reading from etcd using the storage version defaults"; k8s.io/apiextensions-apiserver,
pkg/apiserver/customresource_handler.go, which prunes what it reads likewise).
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.controllers.custom_resources.conftest import DEFINITIONS, WIDGETS, Server, a_definition, a_version

NAME = f"{DEFINITIONS}/widgets.example.com"
V2 = WIDGETS.replace("/v1/", "/v2/")
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
SIZE = {"size": {"type": "integer"}, "old": {"type": "string"}}
COLOUR = {"size": {"type": "integer"}, "colour": {"type": "string", "default": "red"}}


def schema(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}


def widget(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


async def define(server: Server, properties: dict[str, Any], **more: Any) -> None:
    """Bring the definition, or change it."""
    definition = a_definition(a_version("v1", schema(properties), **more))
    if (await server("GET", NAME)).status == 404:
        await server.define(definition)
        return
    answer = await server("PATCH", NAME, {"spec": {"versions": definition["spec"]["versions"]}})
    assert answer.status == 200, answer.body
    await server.settle()


async def test_a_default_that_came_later_is_read_but_not_stored(server: Server) -> None:
    await define(server, SIZE)
    made = await server("POST", WIDGETS, widget("a", size=1, old="x"))
    await define(
        server, COLOUR, additionalPrinterColumns=[{"name": "Colour", "type": "string", "jsonPath": ".spec.colour"}]
    )

    read = await server.get(f"{WIDGETS}/a")
    # What the schema knows no more is pruned.
    assert read["spec"] == {"size": 1, "colour": "red"}
    assert read["metadata"]["resourceVersion"] == made.body["metadata"]["resourceVersion"]
    listed = await server.get(WIDGETS)
    assert [one["spec"] for one in listed["items"]] == [{"size": 1, "colour": "red"}]
    table = await server.get(WIDGETS, Accept=TABLE)
    assert [row["cells"] for row in table["rows"]] == [["a", "red"]]
    async with server.watch(WIDGETS) as stream:
        added = json.loads(await stream.content.readline())
    assert (added["type"], added["object"]["spec"]) == ("ADDED", {"size": 1, "colour": "red"})

    # The default of today is read, not one that a reader met before.
    await define(server, {**COLOUR, "colour": {"type": "string", "default": "blue"}})
    assert (await server.get(f"{WIDGETS}/a"))["spec"] == {"size": 1, "colour": "blue"}


async def test_what_is_written_under_the_new_schema_is_kept_beside_the_old(server: Server) -> None:
    await define(server, SIZE)
    await server("POST", WIDGETS, widget("a", size=1))
    await define(server, COLOUR)
    await server("POST", WIDGETS, widget("b", size=2, colour="green"))
    listed = await server.get(WIDGETS)
    assert [one["spec"]["colour"] for one in listed["items"]] == ["red", "green"]
    first = await server.get(f"{WIDGETS}?limit=1")
    assert [one["spec"]["colour"] for one in first["items"]] == ["red"]
    rest = await server.get(f"{WIDGETS}?limit=1&continue={first['metadata']['continue']}")
    assert [one["metadata"]["name"] for one in rest["items"]] == ["b"]


async def test_selectors_see_the_defaults(server: Server) -> None:
    selectable = {"selectableFields": [{"jsonPath": ".spec.colour"}]}
    await define(server, SIZE)
    await server("POST", WIDGETS, widget("a", size=1))
    await define(server, COLOUR, **selectable)
    found = await server.get(f"{WIDGETS}?fieldSelector=spec.colour%3Dred")
    assert [one["metadata"]["name"] for one in found["items"]] == ["a"]
    assert (await server.get(f"{WIDGETS}?fieldSelector=spec.colour%3Dblue"))["items"] == []


async def test_watchers_are_sent_away_by_a_new_schema_and_see_it_when_they_come_back(server: Server) -> None:
    await define(server, SIZE)
    made = await server("POST", WIDGETS, widget("a", size=1))
    before = int(made.body["metadata"]["resourceVersion"]) - 1
    async with server.watch(WIDGETS) as stream:
        first = json.loads(await stream.content.readline())
        await define(server, COLOUR)
        assert await asyncio.wait_for(stream.content.read(), 20) == b""
    assert first["object"]["spec"] == {"size": 1}
    # Neither does what was made for the first watcher come again.
    async with server.watch(f"{WIDGETS}?resourceVersion={before}") as stream:
        again = json.loads(await stream.content.readline())
        await server("PATCH", f"{WIDGETS}/a", {"spec": {"size": 2}})
        changed = json.loads(await stream.content.readline())
        await server("DELETE", f"{WIDGETS}/a")
        deleted = json.loads(await stream.content.readline())
    assert again["object"]["spec"] == {"size": 1, "colour": "red"}
    assert (changed["type"], changed["object"]["spec"]) == ("MODIFIED", {"size": 2, "colour": "red"})
    assert (deleted["type"], deleted["object"]["spec"]) == ("DELETED", {"size": 2, "colour": "red"})


async def test_a_write_that_changes_nothing_stores_the_new_form_once(server: Server) -> None:
    """As `GuaranteedUpdate` does, which compares what would be stored: so users migrate what is stored."""
    await define(server, SIZE)
    made = await server("POST", WIDGETS, widget("a", size=1))
    await define(server, COLOUR)
    one = await server("PUT", f"{WIDGETS}/a", await server.get(f"{WIDGETS}/a"))
    assert one.body["spec"] == {"size": 1, "colour": "red"}
    assert one.body["metadata"]["resourceVersion"] != made.body["metadata"]["resourceVersion"]
    assert one.body["metadata"]["generation"] == 1
    two = await server("PUT", f"{WIDGETS}/a", await server.get(f"{WIDGETS}/a"))
    assert two.body["metadata"]["resourceVersion"] == one.body["metadata"]["resourceVersion"]
    # From then on the default is the object's own.
    await define(server, {**COLOUR, "colour": {"type": "string", "default": "blue"}})
    assert (await server.get(f"{WIDGETS}/a"))["spec"]["colour"] == "red"


async def test_a_server_that_starts_knows_no_less(server: Server) -> None:
    await define(server, SIZE)
    await server("POST", WIDGETS, widget("a", size=1))
    await define(server, COLOUR)
    await server.restart()
    assert (await server.get(f"{WIDGETS}/a"))["spec"] == {"size": 1, "colour": "red"}


async def test_defaults_are_those_of_the_version_that_is_stored(server: Server) -> None:
    await define(server, SIZE)
    await server("POST", WIDGETS, widget("a", size=1))
    other = {"size": {"type": "integer"}, "colour": {"type": "string", "default": "white"}, "more": {"type": "string"}}
    versions = [a_version("v1", schema(COLOUR)), a_version("v2", schema(other), storage=False)]
    await server("PATCH", NAME, {"spec": {"versions": versions}})
    await server.settle()
    read = await server.get(f"{V2}/a")
    assert (read["apiVersion"], read["spec"]) == ("example.com/v2", {"size": 1, "colour": "red"})
