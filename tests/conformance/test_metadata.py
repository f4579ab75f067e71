"""Names, system fields and optimistic concurrency (reference kubernetes-api.md 3.1, 3.2, 3.3)."""

from __future__ import annotations

import asyncio
import copy
import re
from typing import Any

import pytest

from tests.conformance import example
from tests.conformance.conftest import MERGE, Client, Space
from tests.conformance.statuses import bad_request, check, invalid, not_found, status

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric "
    "character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
    "'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
STALE = "the object has been modified; please apply your changes to the latest version and try again"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def bad_name(kind: str, name: str, why: str, group: str = ""):
    return invalid(kind, name, ("FieldValueInvalid", "metadata.name", f'Invalid value: "{name}": {why}'), group=group)


@pytest.mark.parametrize("name", ["A", "a_b", "-a", "a-", "a..b", "a b", ".a"])
async def test_most_names_are_subdomains(client: Client, space: Space, examples, name):
    """§3.1 DNS-1123 subdomain"""
    check(await client("POST", space.maps, {"metadata": {"name": name}}), bad_name("ConfigMap", name, SUBDOMAIN))
    check(await client("POST", space.vms, example.vm(name)), bad_name("VM", name, SUBDOMAIN, "example.com"))


async def test_names_of_253_characters_fit(client: Client, space: Space):
    """§3.1 too long"""
    assert (await client("POST", space.maps, {"metadata": {"name": "a" * 253}})).status == 201
    reply = await client("POST", space.maps, {"metadata": {"name": "a" * 254}})
    check(reply, bad_name("ConfigMap", "a" * 254, "must be no more than 253 characters"))


async def test_namespaces_are_labels(client: Client):
    """§3.1 DNS-1123 label"""
    reply = await client("POST", "/api/v1/namespaces", {"metadata": {"name": "A"}})
    check(reply, bad_name("Namespace", "A", LABEL))
    reply = await client("POST", "/api/v1/namespaces", {"metadata": {"name": "a" * 64}})
    # The label kubernetes.io/metadata.name has the same value, and is no label either.
    causes = [(one["field"], one["message"]) for one in reply.json["details"]["causes"]]
    long = f'Invalid value: "{"a" * 64}": must be no more than 63 characters'
    assert causes == [("metadata.name", long), ("metadata.labels", long)]


async def test_a_label_has_no_dots(client: Client):
    """§3.1 a label containing dots"""
    reply = await client("POST", "/api/v1/namespaces", {"metadata": {"name": "a.b"}})
    assert reply.status == 422
    assert "must not contain dots" in reply.message
    assert "regex" not in reply.message


async def test_roles_have_names_of_one_path_segment(client: Client, space: Space):
    """§3.1 path-segment names"""
    roles = space.of("rbac.authorization.k8s.io", "roles")
    for name, why in (
        (".", "may not be '.'"),
        ("..", "may not be '..'"),
        ("a/b", "may not contain '/'"),
        ("a%b", "may not contain '%'"),
    ):
        reply = await client("POST", roles, {"metadata": {"name": name}, "rules": []})
        check(reply, bad_name("Role", name, why, "rbac.authorization.k8s.io"))
    assert (await client("POST", roles, {"metadata": {"name": "System:A_b"}, "rules": []})).status == 201


async def test_an_object_has_a_name(client: Client, space: Space):
    """§3.1 none"""
    cause = ("FieldValueRequired", "metadata.name", "Required value: name or generateName is required")
    check(await client("POST", space.maps, {"metadata": {}}), invalid("ConfigMap", "", cause))


BAD_METADATA = [
    ({"labels": {"-a": "x"}}, "metadata.labels", "-a", QUALIFIED),
    ({"labels": {"A.b!/c": "x"}}, "metadata.labels", "A.b!/c", f"prefix part {SUBDOMAIN}"),
    ({"labels": {"a": "-x"}}, "metadata.labels", "-x", VALUE),
    ({"labels": {"a": "x" * 64}}, "metadata.labels", "x" * 64, "must be no more than 63 characters"),
    ({"annotations": {"-a": "x"}}, "metadata.annotations", "-a", QUALIFIED),
    ({"finalizers": ["-a/b"]}, "metadata.finalizers", "-a/b", f"prefix part {SUBDOMAIN}"),
]


@pytest.mark.parametrize(("metadata", "field", "value", "why"), BAD_METADATA)
async def test_keys_and_values_of_labels(client: Client, space: Space, metadata, field, value, why):
    """§3.1 qualified names and label values; fields without key suffix"""
    reply = await client("POST", space.maps, {"metadata": {"name": "a", **metadata}})
    check(reply, invalid("ConfigMap", "a", ("FieldValueInvalid", field, f'Invalid value: "{value}": {why}')))


async def test_annotations_have_256_kibibytes_together(client: Client, space: Space, examples):
    """§3.1, §9"""
    many = {f"a{number}": "x" * 65536 for number in range(4)}
    cause = ("FieldValueTooLong", "metadata.annotations", "Too long: may not be more than 262144 bytes")
    check(
        await client("POST", space.maps, {"metadata": {"name": "a", "annotations": many}}),
        invalid("ConfigMap", "a", cause),
    )
    document = example.vm("a")
    document["metadata"]["annotations"] = many
    check(await client("POST", space.vms, document), invalid("VM", "a", cause, group="example.com"))
    just = {"a": "x" * (262144 - 1)}
    assert (await client("POST", space.maps, {"metadata": {"name": "a", "annotations": just}})).status == 201


async def test_names_are_generated(client: Client, space: Space):
    """§3.1 generateName"""
    made = await client.made(space.maps, {"metadata": {"generateName": "a-"}})
    assert re.fullmatch(r"a-[bcdfghjklmnpqrstvwxz2456789]{5}", made["metadata"]["name"])
    assert made["metadata"]["generateName"] == "a-"
    made = await client.made(space.maps, {"metadata": {"generateName": "a" * 70}})
    assert re.fullmatch(r"a{58}[bcdfghjklmnpqrstvwxz2456789]{5}", made["metadata"]["name"])
    made = await client.made(space.maps, {"metadata": {"generateName": "a-", "name": "b"}})
    assert (made["metadata"]["name"], made["metadata"]["generateName"]) == ("b", "a-")
    reply = await client("POST", space.maps, {"metadata": {"generateName": "A"}})
    assert reply.status == 422
    assert [one["field"] for one in reply.json["details"]["causes"]] == ["metadata.generateName", "metadata.name"]


async def test_what_the_server_alone_says(client: Client, space: Space, examples):
    """§3.2 uid, creationTimestamp, generation, deletionTimestamp, selfLink on create"""
    theirs = {
        "uid": "mine",
        "creationTimestamp": "2001-01-01T00:00:00Z",
        "generation": 7,
        "deletionTimestamp": "2001-01-01T00:00:00Z",
        "deletionGracePeriodSeconds": 5,
        "selfLink": "/x",
    }
    document = example.vm("a")
    document["metadata"].update(theirs)
    made = (await client.made(space.vms, document))["metadata"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", made["uid"])
    assert TIME.fullmatch(made["creationTimestamp"])
    assert not made["creationTimestamp"].startswith("2001")
    assert made["generation"] == 1
    assert not {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"} & made.keys()
    assert made["namespace"] == space.name


async def test_what_an_update_cannot_change(client: Client, space: Space):
    """§3.2 update: uid immutable, the rest restored"""
    made = await client.made(space.maps, {"metadata": {"name": "a"}})
    changed = copy.deepcopy(made)
    changed["metadata"].update(
        creationTimestamp="2001-01-01T00:00:00Z",
        deletionTimestamp="2001-01-01T00:00:00Z",
        deletionGracePeriodSeconds=5,
        selfLink="/x",
        generation=9,
    )
    reply = await client("PUT", f"{space.maps}/a", changed)
    assert (reply.status, reply.json) == (200, made)
    reply = await client("PATCH", f"{space.maps}/a", {"metadata": {"uid": "1"}}, Content_Type=MERGE)
    assert reply.status in (409, 422)


async def test_an_object_that_is_created_has_no_version(client: Client, space: Space):
    """§3.2 resourceVersion"""
    reply = await client("POST", space.maps, {"metadata": {"name": "a", "resourceVersion": "5"}})
    check(reply, status(500, None, "resourceVersion should not be set on objects to be created"))


async def test_names_and_namespaces_are_those_of_the_path(client: Client, space: Space):
    """§3.2 namespace, name"""
    made = await client.made(space.maps, {"metadata": {"name": "a"}})
    other = "the namespace of the provided object does not match the namespace sent on the request"
    check(await client("POST", space.maps, {"metadata": {"name": "b", "namespace": "x"}}), bad_request(other))
    reply = await client("PUT", f"{space.maps}/a", {**made, "metadata": {**made["metadata"], "namespace": "x"}})
    check(reply, bad_request(other))
    reply = await client("PUT", f"{space.maps}/a", {**made, "metadata": {**made["metadata"], "name": "b"}})
    check(reply, bad_request("the name of the object (b) does not match the name on the URL (a)"))


async def test_owners(client: Client, space: Space):
    """§3.2 ownerReferences"""
    owner = {"apiVersion": "v1", "kind": "Secret", "name": "x", "uid": "1-2"}
    reply = await client("POST", space.maps, {"metadata": {"name": "a", "ownerReferences": [owner, owner]}})
    assert (reply.status, reply.json["metadata"]["ownerReferences"]) == (201, [owner])
    assert any("ownerReferences" in one for one in reply.warnings)
    two = [{**owner, "controller": True}, {**owner, "name": "y", "uid": "3", "controller": True}]
    reply = await client("POST", space.maps, {"metadata": {"name": "b", "ownerReferences": two}})
    assert reply.status == 422
    assert (
        'Only one reference can have Controller set to true. Found "true" in references for Secret/x and Secret/y'
        in reply.message
    )


WITH_GENERATION = {
    "/apis/apps/v1/namespaces/{}/deployments",
    "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices",
    "/apis/scheduling.k8s.io/v1/priorityclasses",
    "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
BODIES: dict[str, dict[str, Any]] = {
    "deployments": {"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}},
    "endpointslices": {"addressType": "IPv4", "endpoints": []},
    "priorityclasses": {"value": 5},
    "poddisruptionbudgets": {"spec": {}},
    "services": {"spec": {"ports": [{"port": 80}]}},
    "persistentvolumeclaims": {
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "resources": {"requests": {"storage": "1Gi"}},
        }
    },
    "roles": {"rules": []},
}
WITHOUT_GENERATION = {
    "/api/v1/namespaces/{}/configmaps",
    "/api/v1/namespaces/{}/secrets",
    "/api/v1/namespaces",
    "/api/v1/nodes",
    "/api/v1/namespaces/{}/services",
    "/api/v1/namespaces/{}/persistentvolumeclaims",
    "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "/api/v1/namespaces/{}/serviceaccounts",
}


@pytest.mark.parametrize("path", sorted(WITH_GENERATION | WITHOUT_GENERATION))
async def test_which_kinds_have_a_generation(client: Client, space: Space, path):
    """§3.2 generation"""
    body = BODIES.get(path.rpartition("/")[2], {})
    name = f"{space.name}-generation"
    made = await client.made(path.format(space.name), {"metadata": {"name": name}, **body})
    assert made["metadata"].get("generation") == (1 if path in WITH_GENERATION else None)


async def test_times(client: Client, space: Space):
    """§3.2: RFC 3339 UTC, whole seconds; MicroTime with six places"""
    leases = space.of("coordination.k8s.io", "leases")
    spec = {"renewTime": "2026-01-02T03:04:05.5+01:00", "acquireTime": "2026-01-02T03:04:05Z"}
    made = await client.made(leases, {"metadata": {"name": "a"}, "spec": spec})
    assert TIME.fullmatch(made["metadata"]["creationTimestamp"])
    assert made["spec"] == {"renewTime": "2026-01-02T02:04:05.500000Z", "acquireTime": "2026-01-02T03:04:05.000000Z"}
    assert (await client("POST", leases, {"metadata": {"name": "b", "creationTimestamp": None}})).status == 201


async def test_what_raises_the_generation(client: Client, space: Space, examples):
    """§3.2: spec yes, labels and status no, scale yes, deletion yes; the client's own value never"""
    await client.made(space.vms, {**example.vm("a"), "metadata": {"name": "a", "finalizers": ["x.io/y"]}})

    async def generation(path="", patch=None):
        return (await client.merged(f"{space.vms}/a{path}", patch))["metadata"].get("generation")

    assert await generation("", {"spec": {"cpu": 2}}) == 2
    assert await generation("", {"metadata": {"labels": {"a": "b"}, "annotations": {"a": "b"}}}) == 2
    assert await generation("", {"metadata": {"generation": 9}}) == 2
    assert await generation("/status", {"status": {"ready": True}}) == 2
    await client.merged(f"{space.vms}/a/scale", {"spec": {"replicas": 3}})
    assert (await client.get(f"{space.vms}/a"))["metadata"]["generation"] == 3
    assert (await client("DELETE", f"{space.vms}/a")).json["metadata"]["generation"] == 4


async def test_a_kind_without_status_subresource_counts_every_change_outside_metadata(client: Client, space: Space):
    """§3.2 generation of CRs without the status subresource"""
    definition = copy.deepcopy(example.DEFINITION)
    definition["metadata"]["name"] = "plains.example.org"
    definition["spec"].update(group="example.org", names={"plural": "plains", "kind": "Plain"})
    version = definition["spec"]["versions"][0]
    del version["subresources"]
    await client.made(example.DEFINITIONS, definition)
    path = space.of("example.org", "plains")
    await client.until(path, lambda reply: reply.status == 200)
    document = {"apiVersion": "example.org/v1", "kind": "Plain", "metadata": {"name": "a"}, "spec": {"cpu": 1}}
    made = await client.made(path, {**document, "status": {"ready": True}})
    assert made["status"] == {"ready": True}
    changed = await client.merged(f"{path}/a", {"status": {"ready": False}})
    assert changed["metadata"]["generation"] == 2
    assert (await client("GET", f"{path}/a/status")).status == 404


async def test_status_is_written_by_its_own_path_alone(client: Client, space: Space, examples):
    """§3.2 with the status subresource"""
    made = await client.made(space.vms, {**example.vm("a"), "status": {"ready": True}})
    assert "status" not in made
    await client.merged(f"{space.vms}/a/status", {"status": {"ready": True}})
    main = await client.merged(f"{space.vms}/a", {"status": {"ready": False}, "spec": {"cpu": 2}})
    assert (main["status"], main["spec"]["cpu"]) == ({"ready": True}, 2)
    document = copy.deepcopy(main)
    document["status"], document["spec"]["cpu"], document["metadata"]["labels"] = {"ready": False}, 5, {"a": "b"}
    put = await client("PUT", f"{space.vms}/a/status", document)
    assert (put.json["status"], put.json["spec"]["cpu"]) == ({"ready": False}, 2)
    assert "labels" not in put.json["metadata"]
    check(
        await client("PUT", f"{space.vms}/a/status", document),
        status(
            409,
            "Conflict",
            f'Operation cannot be fulfilled on vms.example.com "a": {STALE}',
            {"name": "a", "group": "example.com", "kind": "vms"},
        ),
    )


async def test_stale_versions_conflict(client: Client, space: Space, examples):
    """§3.3 stale rv: PUT, PATCH, apply"""
    made = await client.made(space.vms, example.vm("a"))
    await client.merged(f"{space.vms}/a", {"spec": {"cpu": 2}})
    expected = status(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on vms.example.com "a": {STALE}',
        {"name": "a", "group": "example.com", "kind": "vms"},
    )
    check(await client("PUT", f"{space.vms}/a", made), expected)
    version = made["metadata"]["resourceVersion"]
    patch = {"metadata": {"resourceVersion": version}, "spec": {"cpu": 3}}
    check(await client("PATCH", f"{space.vms}/a", patch, Content_Type=MERGE), expected)
    document = example.vm("a", mode="a")
    document["metadata"]["resourceVersion"] = version
    check(await client.applied(f"{space.vms}/a", document, "m"), expected)


MUST_NAME = ["/apis/coordination.k8s.io/v1/namespaces/{}/leases", "/apis/policy/v1/namespaces/{}/poddisruptionbudgets"]
LAST_WINS = [
    "/api/v1/namespaces/{}/configmaps",
    "/api/v1/namespaces/{}/secrets",
    "/api/v1/namespaces/{}/services",
    "/api/v1/namespaces",
    "/api/v1/namespaces/{}/persistentvolumeclaims",
    "/api/v1/nodes",
    "/api/v1/namespaces/{}/serviceaccounts",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "/apis/apps/v1/namespaces/{}/deployments",
]


@pytest.mark.parametrize("path", MUST_NAME + LAST_WINS)
async def test_a_put_without_version(client: Client, space: Space, path):
    """§3.3 PUT without rv"""
    body = BODIES.get(path.rpartition("/")[2], {})
    name = f"{space.name}-put"
    made = await client.made(path.format(space.name), {"metadata": {"name": name}, **body})
    del made["metadata"]["resourceVersion"]
    made["metadata"]["labels"] = {"put": "yes"}
    reply = await client("PUT", f"{path.format(space.name)}/{name}", made)
    if path in LAST_WINS:
        assert (reply.status, reply.json["metadata"]["labels"]["put"]) == (200, "yes")
    else:
        assert reply.status == 422
        plural = path.rpartition("/")[2]
        assert reply.json["details"]["kind"] == plural
        assert "metadata.resourceVersion: Invalid value: 0: must be specified for an update" in reply.message


async def test_custom_kinds_name_the_version_they_replace(client: Client, space: Space, examples):
    """§3.3 PUT without rv on CRs"""
    await client.made(space.vms, example.vm("a"))
    cause = ("FieldValueInvalid", "metadata.resourceVersion", "Invalid value: 0: must be specified for an update")
    check(await client("PUT", f"{space.vms}/a", example.vm("a")), invalid("vms", "a", cause, group="example.com"))


async def test_a_put_of_another_uid(client: Client, space: Space, examples):
    """§3.3 PUT with uid that differs"""
    made = await client.made(space.vms, example.vm("a"))
    uid, made["metadata"]["uid"] = made["metadata"]["uid"], "x"
    reply = await client("PUT", f"{space.vms}/a", made)
    message = (
        'Operation cannot be fulfilled on vms.example.com "a": StorageError: invalid object, Code: 4, Key: /registry/example.com/vms/'
        f"{space.name}/a, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: x, UID in object meta: {uid}"
    )
    check(reply, status(409, "Conflict", message, {"name": "a", "group": "example.com", "kind": "vms"}))


async def test_a_put_of_what_is_not_there(client: Client, space: Space, examples):
    """§3.3 PUT missing object: 404; Lease, Event, Endpoints, Service and the RBAC kinds are created"""
    check(await client("PUT", f"{space.maps}/a", {"metadata": {"name": "a"}}), not_found("configmaps", "a"))
    document = example.vm("a")
    document["metadata"]["resourceVersion"] = "1"
    check(await client("PUT", f"{space.vms}/a", document), not_found("vms", "a", "example.com"))
    rbac = "rbac.authorization.k8s.io"
    reference = {"apiGroup": rbac, "kind": "ClusterRole", "name": "view"}
    about = {"kind": "Pod", "namespace": space.name, "name": "x"}
    for path, body in (
        (space.of("coordination.k8s.io", "leases"), {}),
        (space.core("events"), {"involvedObject": about}),
        (space.core("endpoints"), {}),
        (space.core("services"), BODIES["services"]),
        (space.of(rbac, "roles"), {"rules": []}),
        (space.of(rbac, "rolebindings"), {"roleRef": reference}),
        (f"/apis/{rbac}/v1/clusterroles", {"rules": []}),
        (f"/apis/{rbac}/v1/clusterrolebindings", {"roleRef": reference}),
    ):
        reply = await client("PUT", f"{path}/{space.name}-put", {"metadata": {"name": f"{space.name}-put"}, **body})
        assert reply.status == 201, (path, reply.body)


async def test_an_apply_with_a_uid_creates_nothing(client: Client, space: Space, examples):
    """§3.3 apply patch with uid on missing object"""
    document = example.vm("a")
    document["metadata"]["uid"] = "x"
    reply = await client.applied(f"{space.vms}/a", document, "m")
    assert (reply.status, reply.json["reason"]) == (409, "Conflict")
    assert reply.message.endswith("uid mismatch: the provided object specified uid x, and no existing object was found")


async def test_what_changes_nothing_is_not_written(client: Client, space: Space, examples):
    """§3.3 identical PUT/PATCH/apply; §10 checklist 8"""
    made = await client.made(f"{space.vms}?fieldManager=m", example.vm("a"))
    applied = (await client.applied(f"{space.vms}/a", example.vm("a"), "n")).json
    for reply in (
        await client("PUT", f"{space.vms}/a?fieldManager=m", applied),
        await client("PATCH", f"{space.vms}/a?fieldManager=m", {"spec": {"cpu": 1}}, Content_Type=MERGE),
        await client.applied(f"{space.vms}/a", example.vm("a"), "n"),
    ):
        assert (reply.status, reply.json) == (200, applied)
    assert made["metadata"]["resourceVersion"] != applied["metadata"]["resourceVersion"]


async def test_preconditions_of_a_delete(client: Client, space: Space):
    """§3.3 delete preconditions"""
    made = await client.made(space.maps, {"metadata": {"name": "c1"}})
    version, uid = made["metadata"]["resourceVersion"], made["metadata"]["uid"]
    for preconditions, why in (
        (
            {"resourceVersion": "1"},
            (
                f"the ResourceVersion in the precondition (1) does not match the ResourceVersion in record ({version}). The object might "
                "have been modified"
            ),
        ),
        (
            {"uid": "x"},
            (
                f"the UID in the precondition (x) does not match the UID in record ({uid}). The object might have been deleted and then "
                "recreated"
            ),
        ),
    ):
        reply = await client("DELETE", f"{space.maps}/c1", {"preconditions": preconditions})
        message = f'Operation cannot be fulfilled on ConfigMap "c1": {why}'
        assert (reply.status, reply.json["reason"], reply.message) == (409, "Conflict", message)
    reply = await client("DELETE", f"{space.maps}/c1", {"preconditions": {"uid": uid, "resourceVersion": version}})
    assert reply.status == 200


async def test_a_patch_without_version_never_conflicts(client: Client, space: Space):
    """§3.3: the server reapplies the patch on races"""
    await client.made(space.maps, {"metadata": {"name": "a"}})
    await asyncio.gather(*(client.merged(f"{space.maps}/a", {"data": {f"k{n}": "v"}}) for n in range(20)))
    assert len((await client.get(f"{space.maps}/a"))["data"]) == 20
