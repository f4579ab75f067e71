"""
A user's kind from its definition to its end, over HTTP (reference kubernetes-api.md 7 "CRD lifecycle", 1.1, 1.4, 3.2, 4.1, 5).
"""

from __future__ import annotations

import json

import pytest

from tests.controllers.custom_resources.conftest import DEFINITIONS, SCHEMA, WIDGETS, a_definition, a_version, a_widget

NAME = f"{DEFINITIONS}/widgets.example.com"
UNCHECKED = (
    "some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def conditions(definition):
    return {one["type"]: (one["status"], one["reason"], one["message"]) for one in definition["status"]["conditions"]}


async def test_a_definition_is_established_and_its_names_accepted(server):
    answer = await server("POST", DEFINITIONS, a_definition())
    assert answer.status == 201
    assert answer.body["spec"]["names"] == {
        "plural": "widgets",
        "singular": "widget",
        "kind": "Widget",
        "listKind": "WidgetList",
    }
    assert answer.body["spec"]["conversion"] == {"strategy": "None"}
    assert answer.body["metadata"]["generation"] == 1
    assert answer.body["status"]["acceptedNames"] == {"plural": "", "kind": ""}
    assert answer.body["status"]["storedVersions"] == ["v1"]
    await server.settle()
    definition = await server.get(NAME)
    assert conditions(definition) == {
        "NamesAccepted": ("True", "NoConflicts", "no conflicts found"),
        "Established": ("True", "InitialNamesAccepted", "the initial names have been accepted"),
    }
    assert definition["status"]["acceptedNames"] == definition["spec"]["names"]


async def test_what_is_not_defined_is_not_found(server):
    answer = await server("GET", WIDGETS)
    assert (answer.status, answer.body) == (404, "404 page not found\n")


async def test_discovery_and_openapi_follow(server):
    before = await server("GET", "/openapi/v3/apis/example.com/v1")
    assert before.status == 404
    version = a_version(
        subresources={
            "status": {},
            "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
        }
    )
    await server.define(a_definition(version, shortNames=["wd"], categories=["all"]))
    listed = await server.get("/apis/example.com/v1")
    widget, scale, status = listed["resources"]
    assert widget["name"] == "widgets"
    assert widget["singularName"] == "widget"
    assert widget["shortNames"] == ["wd"]
    assert widget["categories"] == ["all"]
    assert widget["verbs"] == ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
    assert (scale["name"], scale["group"], scale["version"], scale["kind"]) == (
        *("widgets/scale", "autoscaling", "v1", "Scale"),
    )
    assert status["name"] == "widgets/status"
    assert "example.com" in [group["name"] for group in (await server.get("/apis"))["groups"]]
    document = await server.get("/openapi/v3/apis/example.com/v1")
    schema = document["components"]["schemas"]["com.example.v1.Widget"]
    assert schema["properties"]["spec"]["properties"]["limit"] == {"type": "integer", "default": 10}
    assert schema["x-kubernetes-group-version-kind"] == [{"group": "example.com", "version": "v1", "kind": "Widget"}]
    swagger = await server.get("/openapi/v2", Accept="application/json")
    assert "com.example.v1.Widget" in swagger["definitions"]


async def test_objects_are_defaulted_pruned_and_validated(server):
    await server.define(a_definition())
    made = await server("POST", WIDGETS, a_widget(unknown="x"))
    assert made.status == 201
    assert made.body["spec"] == {"size": 1, "limit": 10}
    assert made.warnings == ['299 - "unknown field \\"spec.unknown\\""']
    wrong = await server("POST", WIDGETS, a_widget("b", size=0, colour="green"))
    assert wrong.status == 422
    assert {(one["field"], one["message"]) for one in wrong.body["details"]["causes"]} == {
        ("spec.size", "Invalid value: 0: spec.size in body should be greater than or equal to 1"),
        ("spec.colour", 'Unsupported value: "green": supported values: "red", "blue"'),
        ("<nil>", f"Invalid value: null: {UNCHECKED}"),
    }
    ruled = await server("POST", WIDGETS, a_widget("b", size=11))
    assert ruled.body["message"] == 'Widget.example.com "b" is invalid: spec: Invalid value: size is over the limit'
    assert ruled.body["details"]["causes"] == [
        {"reason": "FieldValueInvalid", "message": "Invalid value: size is over the limit", "field": "spec"}
    ]


async def test_an_unchanged_invalid_value_may_stay(server):
    """Ratcheting, of the schema and of its rules."""
    await server.define(a_definition())
    await server("POST", WIDGETS, a_widget(size=5, colour="red"))
    stricter = json.loads(json.dumps(SCHEMA))
    stricter["properties"]["spec"]["properties"]["colour"]["enum"] = ["blue"]
    stricter["properties"]["spec"]["properties"]["size"]["x-kubernetes-validations"] = [{"rule": "self < 3"}]
    changed = await server("PATCH", NAME, {"spec": {"versions": [a_version(schema=stricter)]}})
    assert changed.status == 200
    await server.settle()
    kept = await server("PATCH", f"{WIDGETS}/a", {"spec": {"replicas": 2}})
    assert kept.status == 200
    refused = await server("PATCH", f"{WIDGETS}/a", {"spec": {"size": 4}})
    assert refused.body["details"]["causes"] == [
        {"reason": "FieldValueInvalid", "message": "Invalid value: failed rule: self < 3", "field": "spec.size"}
    ]


async def test_a_changed_schema_holds_at_once(server):
    await server.define(a_definition())
    wider = json.loads(json.dumps(SCHEMA))
    wider["properties"]["spec"]["properties"]["more"] = {"type": "string"}
    await server("PATCH", NAME, {"spec": {"versions": [a_version(schema=wider)]}})
    made = await server("POST", WIDGETS, a_widget(more="x"))
    assert made.body["spec"]["more"] == "x"
    assert (await server.get(NAME))["metadata"]["generation"] == 2


async def test_status_is_apart_where_it_is_a_subresource(server):
    await server.define(a_definition(a_version(subresources={"status": {}})))
    made = await server("POST", WIDGETS, {**a_widget(), "status": {"phase": "x"}})
    assert "status" not in made.body
    answer = await server("PATCH", f"{WIDGETS}/a/status", {"status": {"phase": "Ready"}, "spec": {"size": 9}})
    assert (answer.body["status"], answer.body["spec"]["size"]) == ({"phase": "Ready"}, 1)
    assert answer.body["metadata"]["generation"] == 1


async def test_scale_reads_and_writes_the_number_of_replicas(server):
    paths = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    await server.define(a_definition(a_version(subresources={"status": {}, "scale": paths})))
    made = await server("POST", WIDGETS, a_widget(replicas=2))
    await server("PATCH", f"{WIDGETS}/a/status", {"status": {"replicas": 1, "selector": "app=a"}})
    scale = await server.get(f"{WIDGETS}/a/scale")
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["metadata"]["uid"] == made.body["metadata"]["uid"]
    assert (scale["spec"], scale["status"]) == ({"replicas": 2}, {"replicas": 1, "selector": "app=a"})
    scale["spec"]["replicas"] = 3
    put = await server("PUT", f"{WIDGETS}/a/scale", scale)
    assert (put.status, put.body["spec"]) == (200, {"replicas": 3})
    stale = await server("PUT", f"{WIDGETS}/a/scale", scale)
    assert (stale.status, stale.body["reason"]) == (409, "Conflict")
    patched = await server("PATCH", f"{WIDGETS}/a/scale", {"spec": {"replicas": 4}})
    assert patched.body["spec"] == {"replicas": 4}
    widget = await server.get(f"{WIDGETS}/a")
    assert widget["spec"]["replicas"] == 4
    # It changes the spec (reference kubernetes-api.md 3.2).
    assert widget["metadata"]["generation"] == 3
    assert {"scale"} & {entry.get("subresource") for entry in widget["metadata"]["managedFields"]}
    negative = await server("PATCH", f"{WIDGETS}/a/scale", {"spec": {"replicas": -1}})
    assert negative.body["message"] == (
        'Scale.autoscaling "a" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
    )


async def test_scale_of_an_object_that_says_no_number_is_an_error(server):
    paths = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    await server.define(a_definition(a_version(subresources={"scale": paths})))
    await server("POST", WIDGETS, a_widget())
    answer = await server("GET", f"{WIDGETS}/a/scale")
    # k8s.io/apiextensions-apiserver, pkg/registry/customresource/etcd.go, ScaleREST
    assert (answer.status, answer.body["reason"]) == (500, "InternalError")
    assert answer.body["message"] == 'Internal error occurred: the spec replicas field ".spec.replicas" does not exist'
    empty = await server("PATCH", f"{WIDGETS}/a/scale", {"metadata": {"labels": {"a": "b"}}})
    assert (empty.status, empty.body["message"]) == (400, 'the spec replicas field ".spec.replicas" cannot be empty')
    patched = await server("PATCH", f"{WIDGETS}/a/scale", {"spec": {"replicas": 2}})
    assert patched.body["spec"] == {"replicas": 2}


async def test_columns_are_the_declared_ones(server):
    columns = [{"name": "Size", "type": "integer", "jsonPath": ".spec.size", "description": "How large"}]
    await server.define(a_definition(a_version(additionalPrinterColumns=columns)))
    await server("POST", WIDGETS, a_widget(size=3))
    table = await server.get(WIDGETS, Accept=TABLE)
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Size"]
    assert table["rows"][0]["cells"] == ["a", 3]
    # With none declared there is Age.
    await server("PATCH", NAME, {"spec": {"versions": [a_version()]}})
    table = await server.get(WIDGETS, Accept=TABLE)
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Age"]


async def test_selectable_fields_select(server):
    version = a_version(selectableFields=[{"jsonPath": ".spec.colour"}])
    await server.define(a_definition(a_version()))
    await server("POST", WIDGETS, a_widget("a", colour="red"))
    await server("POST", WIDGETS, a_widget("b", colour="blue"))
    refused = await server("GET", f"{WIDGETS}?fieldSelector=spec.colour=red")
    assert (refused.status, refused.body["message"]) == (400, "field label not supported: spec.colour")
    await server("PATCH", NAME, {"spec": {"versions": [version]}})
    found = await server.get(f"{WIDGETS}?fieldSelector=spec.colour=red")
    assert [one["metadata"]["name"] for one in found["items"]] == ["a"]
    await server.restart()
    found = await server.get(f"{WIDGETS}?fieldSelector=spec.colour=blue")
    assert [one["metadata"]["name"] for one in found["items"]] == ["b"]


async def test_versions_share_what_is_stored(server):
    old = a_version("v1beta1", storage=False, deprecated=True, deprecationWarning="use v1")
    await server.define(a_definition(old, a_version("v1")))
    await server("POST", WIDGETS, a_widget(size=2))
    answer = await server("GET", f"{WIDGETS.replace('v1', 'v1beta1')}/a")
    assert (answer.body["apiVersion"], answer.body["spec"]["size"]) == ("example.com/v1beta1", 2)
    assert answer.warnings == ['299 - "use v1"']
    group = await server.get("/apis/example.com")
    assert [one["version"] for one in group["versions"]] == ["v1", "v1beta1"]
    # Another version becomes the stored one: both are remembered; and one that is not served is not there.
    await server(
        "PATCH", NAME, {"spec": {"versions": [a_version("v1beta1"), a_version("v1", storage=False, served=False)]}}
    )
    assert (await server.get(NAME))["status"]["storedVersions"] == ["v1", "v1beta1"]
    assert (await server("GET", WIDGETS)).status == 404
    refused = await server("PATCH", NAME, {"spec": {"versions": [a_version("v1beta1")]}})
    assert refused.body["details"]["causes"][0]["field"] == "status.storedVersions[0]"


async def test_everything_is_served_again_after_a_restart(server):
    await server.define(a_definition())
    await server("POST", WIDGETS, a_widget(size=2))
    await server.restart()
    # The first request there is.
    assert (await server.get(f"{WIDGETS}/a"))["spec"]["size"] == 2


async def test_a_deleted_definition_takes_its_objects_along(server):
    await server.define(a_definition())
    await server("POST", WIDGETS, a_widget())
    answer = await server("DELETE", NAME)
    assert answer.status == 200
    assert answer.body["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    await server.settle()
    assert (await server("GET", NAME)).status == 404
    assert (await server("GET", WIDGETS)).status == 404
    # One of the same name begins with nothing.
    await server.define(a_definition())
    assert (await server.get(WIDGETS))["items"] == []


async def test_a_definition_is_terminating_as_long_as_its_objects_are_held(server):
    await server.define(a_definition())
    held = a_widget()
    held["metadata"]["finalizers"] = ["example.com/hold"]
    await server("POST", WIDGETS, held)
    await server("DELETE", NAME)
    await server.settle()
    definition = await server.get(NAME)
    assert conditions(definition)["Terminating"] == (
        *("True", "InstanceDeletionInProgress", "CustomResource deletion is in progress"),
    )
    assert (await server.get(f"{WIDGETS}/a"))["metadata"]["deletionTimestamp"]
    refused = await server("POST", WIDGETS, a_widget("new"))
    assert (refused.status, refused.body["message"]) == (
        403,
        'widgets.example.com "new" is forbidden: create not allowed while custom resource definition is terminating',
    )


async def test_names_that_another_kind_has_are_not_accepted_until_it_goes(server):
    await server.define(a_definition(shortNames=["w"]))
    other = a_definition(plural="gadgets", kind="Gadget", shortNames=["w"])
    definition = await server.define(other)
    assert conditions(definition) == {
        "NamesAccepted": ("False", "ShortNamesConflict", '"w" is already in use'),
        "Established": ("False", "NotAccepted", "not all names are accepted"),
    }
    assert (await server("GET", WIDGETS.replace("widgets", "gadgets"))).status == 404
    await server("DELETE", NAME)
    await server.settle()
    assert conditions(await server.get(f"{DEFINITIONS}/gadgets.example.com"))["Established"][0] == "True"


async def test_a_watch_of_a_users_kind_sees_its_objects(server):
    await server.define(a_definition())
    async with server.watch(WIDGETS) as stream:
        await server("POST", WIDGETS, a_widget())
        event = json.loads(await stream.content.readline())
    assert (event["type"], event["object"]["kind"]) == ("ADDED", "Widget")


@pytest.mark.parametrize("path", ["vmirs", "vmpool"])
async def test_kubevirts_replicated_kinds_can_be_scaled(server, path):
    template = {
        "metadata": {"labels": {"app": "a"}},
        "spec": {"domain": {"devices": {}, "resources": {"requests": {"memory": "64Mi"}}}},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "a"}}, "template": template}
    group, plural, kind = ("kubevirt.io/v1", "virtualmachineinstancereplicasets", "VirtualMachineInstanceReplicaSet")
    if path == "vmpool":
        group, plural, kind = ("pool.kubevirt.io/v1beta1", "virtualmachinepools", "VirtualMachinePool")
        labelled = {"metadata": {"labels": {"app": "a"}}, "spec": {"runStrategy": "Halted", "template": template}}
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": "a"}}, "virtualMachineTemplate": labelled}
    base = f"/apis/{group}/namespaces/default/{plural}"
    made = await server("POST", base, {"apiVersion": group, "kind": kind, "metadata": {"name": "a"}, "spec": spec})
    assert made.status == 201, made.body
    scaled = await server("PATCH", f"{base}/a/scale", {"spec": {"replicas": 2}})
    assert scaled.body["spec"] == {"replicas": 2}
    assert (await server.get(f"{base}/a"))["spec"]["replicas"] == 2


async def test_a_watch_ends_with_its_kind(server):
    await server.define(a_definition())
    await server("POST", WIDGETS, a_widget())
    async with server.watch(WIDGETS) as stream:
        await server("DELETE", NAME)
        await server.settle()
        events = [json.loads(line)["type"] for line in (await stream.content.read()).splitlines()]
    assert (events[0], events[-1]) == ("ADDED", "DELETED")


async def test_a_new_definition_has_no_conditions_yet(server):
    """§7 CRD lifecycle: what POST answers, before anybody has looked at the definition"""
    made = await server("POST", DEFINITIONS, a_definition())
    assert made.body["status"] == {
        "acceptedNames": {"kind": "", "plural": ""},
        "conditions": None,
        "storedVersions": ["v1"],
    }
    await server.settle()
    conditions = (await server.get(NAME))["status"]["conditions"]
    assert [(one["type"], one["status"]) for one in conditions] == [("NamesAccepted", "True"), ("Established", "True")]
