"""What the core kinds do at least (reference kubernetes-api.md 7); Events have a module of their own."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import re

import pytest

from tests.conformance import example
from tests.conformance.conftest import MERGE, Client, Space
from tests.conformance.statuses import check, invalid, status

pytestmark = pytest.mark.asyncio(loop_scope="module")

POD = {"containers": [{"name": "c", "image": "i"}]}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": POD}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
IMMUTABLE = "field is immutable when `immutable` is set"


def named(name: str, **more):
    return {"metadata": {"name": name}, **more}


# Namespace


async def test_a_namespace(client: Client):
    """§7 Namespace: label, finalizer, phase; ServiceAccount default and ConfigMap kube-root-ca.crt within a moment"""
    made = await client.made("/api/v1/namespaces", named("n1"))
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "n1"}
    assert (made["spec"], made["status"]) == ({"finalizers": ["kubernetes"]}, {"phase": "Active"})
    await client.until("/api/v1/namespaces/n1/serviceaccounts/default", lambda reply: reply.status == 200)
    await client.until("/api/v1/namespaces/n1/configmaps/kube-root-ca.crt", lambda reply: reply.status == 200)
    changed = await client.merged(
        "/api/v1/namespaces/n1", {"metadata": {"labels": {"kubernetes.io/metadata.name": "x"}}}
    )
    assert changed["metadata"]["labels"]["kubernetes.io/metadata.name"] == "n1"


async def test_a_namespace_goes_with_what_is_in_it(client: Client, examples):
    """§7 Namespace: DELETE, Terminating, refusals, conditions while stuck, /finalize"""
    await client.made("/api/v1/namespaces", named("n2"))
    space = Space("n2")
    await client.made(space.maps, {"metadata": {"name": "stuck", "finalizers": ["x.io/y"]}})
    await client.made(space.vms, example.vm("a"))
    reply = await client("DELETE", "/api/v1/namespaces/n2")
    assert (reply.status, reply.json["kind"], reply.json["status"]["phase"]) == (200, "Namespace", "Terminating")
    assert reply.json["metadata"]["deletionTimestamp"]
    assert "deletionGracePeriodSeconds" not in reply.json["metadata"]
    check(
        await client("POST", space.maps, named("g")),
        status(
            403,
            "Forbidden",
            'configmaps "g" is forbidden: unable to create new content in namespace n2 because it is being terminated',
            {
                "name": "g",
                "kind": "configmaps",
                "causes": [
                    {
                        "reason": "NamespaceTerminating",
                        "message": "namespace n2 is being terminated",
                        "field": "metadata.namespace",
                    }
                ],
            },
        ),
    )
    await client.merged(f"{space.maps}/stuck", {"data": {"still": "written"}})
    await client.gone(f"{space.vms}/a")

    def stuck(reply) -> bool:
        return {one["type"] for one in reply.json["status"].get("conditions", ()) if one["status"] == "True"} == {
            "NamespaceContentRemaining",
            "NamespaceFinalizersRemaining",
        }

    shown = (await client.until("/api/v1/namespaces/n2", stuck)).json
    conditions = {one["type"]: one for one in shown["status"]["conditions"]}
    assert conditions.keys() == {
        "NamespaceDeletionDiscoveryFailure",
        "NamespaceDeletionGroupVersionParsingFailure",
        "NamespaceDeletionContentFailure",
        "NamespaceContentRemaining",
        "NamespaceFinalizersRemaining",
    }
    assert conditions["NamespaceContentRemaining"]["message"] == (
        "Some resources are remaining: configmaps. has 1 resource instances"
    )
    assert conditions["NamespaceFinalizersRemaining"]["message"] == (
        "Some content in the namespace has finalizers remaining: x.io/y in 1 resource instances"
    )
    await client.merged(f"{space.maps}/stuck", {"metadata": {"finalizers": None}})
    await client.gone("/api/v1/namespaces/n2")


async def test_a_namespace_is_finalized_by_its_own_path(client: Client):
    """§7 Namespace: PUT /finalize with empty spec.finalizers removes it"""
    await client.made("/api/v1/namespaces", {"metadata": {"name": "n3"}, "spec": {"finalizers": ["x.io/y"]}})
    shown = await client.get("/api/v1/namespaces/n3")
    assert set(shown["spec"]["finalizers"]) == {"kubernetes", "x.io/y"}
    await client("DELETE", "/api/v1/namespaces/n3")
    shown = (
        await client.until("/api/v1/namespaces/n3", lambda reply: reply.json["spec"]["finalizers"] == ["x.io/y"])
    ).json
    shown["spec"] = {}
    reply = await client("PUT", "/api/v1/namespaces/n3/finalize", shown)
    assert reply.status == 200
    await client.gone("/api/v1/namespaces/n3")


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
async def test_some_namespaces_stay(client: Client, name):
    """§7 Namespace: undeletable"""
    check(
        await client("DELETE", f"/api/v1/namespaces/{name}"),
        status(
            403,
            "Forbidden",
            f'namespaces "{name}" is forbidden: this namespace may not be deleted',
            {"name": name, "kind": "namespaces"},
        ),
    )


# Secret and ConfigMap


async def test_a_secret(client: Client, space: Space):
    """§7 Secret: stringData, type, immutability"""
    path = space.core("secrets")
    made = await client.made(path, named("a", data={"x": "eA=="}, stringData={"y": "z"}))
    assert (made["data"], made["type"]) == ({"x": "eA==", "y": "eg=="}, "Opaque")
    assert "stringData" not in made
    changed = await client.merged(f"{path}/a", {"stringData": {"x": "w"}})
    assert changed["data"] == {"x": "dw==", "y": "eg=="}
    reply = await client("PATCH", f"{path}/a", {"type": "foo"}, Content_Type=MERGE)
    cause = ("FieldValueInvalid", "type", 'Invalid value: "foo": field is immutable')
    check(reply, invalid("Secret", "a", cause))
    await client.merged(f"{path}/a", {"immutable": True})
    reply = await client("PATCH", f"{path}/a", {"data": {"x": None}}, Content_Type=MERGE)
    check(reply, invalid("Secret", "a", ("FieldValueForbidden", "data", f"Forbidden: {IMMUTABLE}")))
    reply = await client("PATCH", f"{path}/a", {"immutable": None}, Content_Type=MERGE)
    check(reply, invalid("Secret", "a", ("FieldValueForbidden", "immutable", f"Forbidden: {IMMUTABLE}")))
    await client.merged(f"{path}/a", {"metadata": {"labels": {"x": "y"}}})


async def test_what_a_secret_may_hold(client: Client, space: Space):
    """§7 Secret: ≤1 MiB; kubernetes.io/tls needs its keys; keys regex"""
    path = space.core("secrets")
    big = base64.b64encode(b"x" * (1048576 + 1)).decode()
    reply = await client("POST", path, named("a", data={"x": big}))
    assert reply.status == 422
    assert "Too long: may not be more than 1048576 bytes" in reply.message
    just = base64.b64encode(b"x" * 1048576).decode()
    assert (await client("POST", path, named("just", data={"x": just}))).status == 201
    reply = await client("POST", path, named("a", type="kubernetes.io/tls"))
    required = [("FieldValueRequired", f"data[{key}]", "Required value") for key in ("tls.crt", "tls.key")]
    check(reply, invalid("Secret", "a", *required))
    reply = await client("POST", path, named("a", data={"a/b": ""}))
    assert reply.json["details"]["causes"][0]["field"] == "data[a/b]"
    assert "regex used for validation is '[-._a-zA-Z0-9]+'" in reply.message


async def test_a_config_map(client: Client, space: Space):
    """§7 ConfigMap"""
    made = await client.made(space.maps, named("a", data={"x": "y"}, binaryData={"b": "eA=="}))
    assert (made["data"], made["binaryData"]) == ({"x": "y"}, {"b": "eA=="})
    reply = await client("POST", space.maps, named("b", data={"a": "y"}, binaryData={"a": "eA=="}))
    cause = ("FieldValueInvalid", "data[a]", 'Invalid value: "a": duplicate of key present in binaryData')
    assert (cause[1], cause[2]) in [(one["field"], one["message"]) for one in reply.json["details"]["causes"]]
    reply = await client("POST", space.maps, named("b", data={"a": "x" * 1048577}))
    check(reply, invalid("ConfigMap", "b", ("FieldValueTooLong", "[]", "Too long: may not be more than 1048576 bytes")))
    await client.merged(f"{space.maps}/a", {"immutable": True})
    reply = await client("PATCH", f"{space.maps}/a", {"data": {"x": "z"}}, Content_Type=MERGE)
    check(reply, invalid("ConfigMap", "a", ("FieldValueForbidden", "data", f"Forbidden: {IMMUTABLE}")))


async def test_a_helm_release(client: Client, space: Space):
    """§7 helm releases: a Secret found by its labels, its bytes kept"""
    path = space.core("secrets")
    release = base64.b64encode(base64.b64encode(gzip.compress(b"{}"))).decode()
    labels = {"name": "r", "owner": "helm", "status": "deployed", "version": "1", "modifiedAt": "1700000000"}
    secret = {
        "metadata": {"name": "sh.helm.release.v1.r.v1", "labels": labels},
        "type": "helm.sh/release.v1",
        "data": {"release": release},
    }
    await client.made(path, secret)
    found = await client.get(f"{path}?labelSelector=name%3Dr%2Cowner%3Dhelm%2Cstatus+in+%28deployed%2Csuperseded%29")
    assert [one["data"]["release"] for one in found["items"]] == [release]
    assert (await client.get(f"{path}?fieldSelector=type%3Dhelm.sh%2Frelease.v1"))["items"] == found["items"]


# Events (test_events.py has what the two APIs share)


async def test_an_event_is_in_the_namespace_of_what_it_is_about(client: Client, space: Space):
    """§7 Event: involvedObject.namespace; cluster objects use default"""
    reply = await client("POST", space.core("events"), named("a", involvedObject={"kind": "Pod", "namespace": "other"}))
    cause = ("FieldValueInvalid", "involvedObject.namespace", 'Invalid value: "other": does not match event.namespace')
    check(reply, invalid("Event", "a", cause))
    about = {"kind": "Node", "name": "x"}
    await client.made("/api/v1/namespaces/default/events", named(f"of-{space.name}", involvedObject=about))


async def test_a_client_counts_an_event_on(client: Client, space: Space):
    """§7 Event: clients aggregate by PATCHing count and lastTimestamp; a PATCH hitting 404 makes them create again"""
    path = space.core("events")
    about = {"kind": "Pod", "namespace": space.name, "name": "p"}
    await client.made(path, named("p.17", involvedObject=about, count=1, lastTimestamp="2026-01-01T00:00:00Z"))
    patch = {"count": 2, "lastTimestamp": "2026-01-01T00:01:00Z"}
    strategic = "application/strategic-merge-patch+json"
    reply = await client("PATCH", f"{path}/p.17", patch, Content_Type=strategic)
    assert (reply.status, reply.json["count"], reply.json["lastTimestamp"]) == (200, 2, "2026-01-01T00:01:00Z")
    assert (await client("PATCH", f"{path}/p.18", patch, Content_Type=strategic)).status == 404


# ServiceAccount


async def test_a_service_account(client: Client, space: Space):
    """§7 ServiceAccount: no auto token secrets; a secret of the type gets a token"""
    await client.made(space.core("serviceaccounts"), named("a"))
    secret = {
        "metadata": {"name": "t", "annotations": {"kubernetes.io/service-account.name": "a"}},
        "type": "kubernetes.io/service-account-token",
    }
    await client.made(space.core("secrets"), secret)
    filled = await client.until(f"{space.core('secrets')}/t", lambda reply: "token" in reply.json.get("data", {}))
    # And the certificate authority's, where there is TLS (tests/access/test_service_accounts.py).
    assert {"token", "namespace"} <= filled.json["data"].keys()
    assert [one["metadata"]["name"] for one in (await client.get(space.core("secrets")))["items"]] == ["t"]


# Service


async def test_a_service(client: Client, space: Space):
    """§7 Service: defaults, addresses"""
    path = space.core("services")
    made = await client.made(path, named("a", spec={"ports": [{"port": 80}]}))
    spec = made["spec"]
    assert spec["type"] == "ClusterIP"
    assert (spec["sessionAffinity"], spec["internalTrafficPolicy"]) == ("None", "Cluster")
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")
    assert spec["ports"] == [{"protocol": "TCP", "port": 80, "targetPort": 80}]
    assert re.fullmatch(r"10\.96\.\d+\.\d+|10\.\d+\.\d+\.\d+", spec["clusterIP"])
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    reply = await client(
        "PATCH", f"{path}/a", {"spec": {"clusterIP": "10.96.9.9", "clusterIPs": ["10.96.9.9"]}}, Content_Type=MERGE
    )
    cause = ("FieldValueInvalid", "spec.clusterIPs[0]", 'Invalid value: ["10.96.9.9"]: may not change once set')
    check(reply, invalid("Service", "a", cause))
    headless = await client.made(path, named("b", spec={"clusterIP": "None", "ports": [{"port": 80}]}))
    assert headless["spec"]["clusterIP"] == "None"
    reply = await client("POST", path, named("c", spec={"clusterIP": "10.96.0.1", "ports": [{"port": 80}]}))
    assert reply.status == 422
    assert "failed to allocate IP 10.96.0.1: provided IP is already allocated" in reply.message
    node = await client.made(path, named("d", spec={"type": "NodePort", "ports": [{"port": 80}]}))
    assert 30000 <= node["spec"]["ports"][0]["nodePort"] <= 32767
    kubernetes = await client.get("/api/v1/namespaces/default/services/kubernetes")
    assert kubernetes["spec"]["clusterIP"] == "10.96.0.1"


# Pod


async def test_a_pod(client: Client, space: Space):
    """§7 Pod: defaults, phase, class, what stays"""
    path = space.core("pods")
    made = await client.made(path, named("a", spec=POD))
    spec = made["spec"]
    assert (spec["restartPolicy"], spec["dnsPolicy"], spec["terminationGracePeriodSeconds"]) == (
        "Always",
        "ClusterFirst",
        30,
    )
    assert (spec["schedulerName"], spec["serviceAccountName"]) == ("default-scheduler", "default")
    assert spec["containers"][0]["imagePullPolicy"] == "Always"
    assert (made["status"]["phase"], made["status"]["qosClass"]) == ("Pending", "BestEffort")
    for patch, code in (
        ({"spec": {"hostNetwork": True}}, 422),
        ({"spec": {"containers": [{**spec["containers"][0], "image": "j"}]}}, 200),
        ({"spec": {"activeDeadlineSeconds": 5}}, 200),
        ({"spec": {"tolerations": [*spec.get("tolerations", ()), {"key": "x", "operator": "Exists"}]}}, 200),
    ):
        reply = await client("PATCH", f"{path}/a", patch, Content_Type=MERGE)
        assert reply.status == code, (patch, reply.body)


# Node


async def test_a_node(client: Client):
    """§7 Node"""
    for node in (await client.get("/api/v1/nodes"))["items"]:
        name = node["metadata"]["name"]
        assert node["metadata"]["labels"]["kubernetes.io/hostname"] == name
        ready = {one["type"]: one["status"] for one in node["status"]["conditions"]}
        assert ready["Ready"] == "True"
        assert {"kubeletVersion", "osImage", "kernelVersion", "containerRuntimeVersion"} <= node["status"][
            "nodeInfo"
        ].keys()
        assert {one["type"] for one in node["status"]["addresses"]} >= {"InternalIP", "Hostname"}
        assert {"cpu", "memory", "pods"} <= node["status"]["allocatable"].keys()
        assert {"cpu", "memory", "pods"} <= node["status"]["capacity"].keys()
        lease = await client.get(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}")
        assert lease["spec"]["holderIdentity"] == name


# Storage


async def test_claims_and_volumes(client: Client, space: Space):
    """§7 PVC / PV: phases, protection, binding, what stays"""
    volume = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": "/a"},
        "storageClassName": "by-hand",
    }
    name = f"of-{space.name}"
    made = await client.made("/api/v1/persistentvolumes", named(name, spec=volume))
    assert "kubernetes.io/pv-protection" in made["metadata"]["finalizers"]
    path = space.core("persistentvolumeclaims")
    waiting = await client.made(path, named("b", spec={**CLAIM, "storageClassName": "nothing"}))
    assert waiting["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    assert waiting["status"]["phase"] == "Pending"
    await client.made(path, named("a", spec={**CLAIM, "storageClassName": "by-hand"}))
    bound = (await client.until(f"{path}/a", lambda reply: reply.json["status"]["phase"] == "Bound")).json
    assert bound["spec"]["volumeName"] == name
    assert bound["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"] == "yes"
    shown = (
        await client.until(f"/api/v1/persistentvolumes/{name}", lambda reply: reply.json["status"]["phase"] == "Bound")
    ).json
    assert (shown["spec"]["claimRef"]["namespace"], shown["spec"]["claimRef"]["name"]) == (space.name, "a")
    reply = await client("PATCH", f"{path}/a", {"spec": {"accessModes": ["ReadWriteMany"]}}, Content_Type=MERGE)
    assert (reply.status, reply.json["details"]["causes"][0]["field"]) == (422, "spec")
    reply = await client(
        "PATCH", f"{path}/b", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}, Content_Type=MERGE
    )
    assert reply.status in {422, 403}


async def test_a_storage_class(client: Client, space: Space):
    """§7 StorageClass: defaults, what stays, the default class"""
    path = "/apis/storage.k8s.io/v1/storageclasses"
    made = await client.made(path, named(space.name, provisioner="x", parameters={"a": "b"}))
    assert (made["reclaimPolicy"], made["volumeBindingMode"]) == ("Delete", "Immediate")
    for patch, field in (({"provisioner": "y"}, "provisioner"), ({"parameters": {"a": "c"}}, "parameters")):
        reply = await client("PATCH", f"{path}/{space.name}", patch, Content_Type=MERGE)
        assert (reply.status, reply.json["details"]["causes"][0]["field"]) == (422, field)
    defaults = [
        one
        for one in (await client.get(path))["items"]
        if one["metadata"].get("annotations", {}).get("storageclass.kubernetes.io/is-default-class") == "true"
    ]
    assert len(defaults) == 1


# Lease, ControllerRevision, PriorityClass


async def test_a_lease_is_taken_by_one_alone(client: Client, space: Space):
    """§7 Lease: create-on-update yes, unconditional update no, MicroTime, 409 for stale rv"""
    path = f"{space.of('coordination.k8s.io', 'leases')}/l"
    document = named("l", spec={"holderIdentity": "a", "renewTime": "2026-01-01T00:00:00.000000Z"})
    made = await client("PUT", path, document)
    assert (made.status, made.json["spec"]["renewTime"]) == (201, "2026-01-01T00:00:00.000000Z")
    first, second = copy.deepcopy(made.json), copy.deepcopy(made.json)
    first["spec"]["holderIdentity"], second["spec"]["holderIdentity"] = "b", "c"
    assert (await client("PUT", path, first)).status == 200
    assert (await client("PUT", path, second)).status == 409
    assert (await client("PUT", path, document)).status == 422


async def test_a_controller_revision(client: Client, space: Space):
    """§7 ControllerRevision: data immutable"""
    path = space.of("apps", "controllerrevisions")
    await client.made(path, named("a", revision=1, data={"spec": {"x": 1}}))
    reply = await client("PATCH", f"{path}/a", {"data": {"spec": {"x": 2}}}, Content_Type=MERGE)
    assert (reply.status, reply.json["details"]["causes"][0]["field"]) == (422, "data")
    changed = await client.merged(f"{path}/a", {"revision": 2})
    assert changed["revision"] == 2
    reply = await client("POST", path, named("b", revision="x", data={}))
    assert reply.status == 400


async def test_priority_classes(client: Client, space: Space):
    """§7 PriorityClass"""
    path = "/apis/scheduling.k8s.io/v1/priorityclasses"
    assert (await client.get(f"{path}/system-cluster-critical"))["value"] == 2000000000
    assert (await client.get(f"{path}/system-node-critical"))["value"] == 2000001000
    await client.made(path, named(space.name, value=5))
    reply = await client("PATCH", f"{path}/{space.name}", {"value": 6}, Content_Type=MERGE)
    assert (reply.status, reply.json["details"]["causes"][0]["field"]) == (422, "value")


# APIService, NetworkAttachmentDefinition


async def test_every_version_has_an_api_service(client: Client):
    """§7 APIService: one per served gv, label, condition; KubeVirt's subresources have a service"""
    items = {
        one["metadata"]["name"]: one
        for one in (await client.get("/apis/apiregistration.k8s.io/v1/apiservices"))["items"]
    }
    groups = (await client.get("/apis"))["groups"]
    served = {f"{one['version']}.{group['name']}" for group in groups for one in group["versions"]}
    assert items.keys() == {"v1.", *served}
    for name in ("v1.", "v1.apps", "v1.rbac.authorization.k8s.io"):
        assert items[name]["metadata"]["labels"]["kube-aggregator.kubernetes.io/automanaged"] == "onstart"
    assert items["v1.kubevirt.io"]["metadata"]["labels"]["kube-aggregator.kubernetes.io/automanaged"] == "true"
    for name, one in items.items():
        (condition,) = [each for each in one["status"]["conditions"] if each["type"] == "Available"]
        assert condition["status"] == "True"
        if name.endswith(".subresources.kubevirt.io"):
            assert one["spec"]["service"]["name"]
        elif "service" not in one["spec"]:
            assert (condition["reason"], condition["message"]) == ("Local", "Local APIServices are always available")


async def test_a_network_attachment_definition(client: Client, space: Space):
    """§7 NetworkAttachmentDefinition: k8s.cni.cncf.io/v1, spec.config string JSON, shortName"""
    config = json.dumps({"cniVersion": "0.3.1", "type": "bridge"})
    document = {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": "a"},
        "spec": {"config": config},
    }
    made = await client.made(space.of("k8s.cni.cncf.io", "network-attachment-definitions"), document)
    assert made["spec"]["config"] == config
    resources = (await client.get("/apis/k8s.cni.cncf.io/v1"))["resources"]
    (kind,) = [one for one in resources if one["name"] == "network-attachment-definitions"]
    assert "net-attach-def" in kind["shortNames"]
    crds = await client.get(example.DEFINITIONS)
    assert "network-attachment-definitions.k8s.cni.cncf.io" in {one["metadata"]["name"] for one in crds["items"]}


# CustomResourceDefinition


def definition(plural: str, kind: str, **spec):
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.core.example"},
        "spec": {
            "group": "core.example",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": example.SPEC}}},
                }
            ],
            **spec,
        },
    }


async def test_the_life_of_a_definition(client: Client, space: Space):
    """§7 CRD lifecycle: POST, conditions, defaults, DELETE with instances"""
    reply = await client("POST", example.DEFINITIONS, definition("lives", "Life"))
    assert reply.status == 201
    names = {"plural": "", "kind": ""}
    assert reply.json["status"] == {"conditions": None, "acceptedNames": names, "storedVersions": ["v1"]}
    assert reply.json["spec"]["conversion"] == {"strategy": "None"}
    names = {"plural": "lives", "singular": "life", "kind": "Life", "listKind": "LifeList"}
    assert reply.json["spec"]["names"] == names
    url = f"{example.DEFINITIONS}/lives.core.example"

    def established(reply) -> bool:
        return len(reply.json["status"].get("conditions") or ()) == 2

    shown = (await client.until(url, established)).json
    told = [(one["type"], one["status"], one["reason"], one["message"]) for one in shown["status"]["conditions"]]
    assert told == [
        ("NamesAccepted", "True", "NoConflicts", "no conflicts found"),
        ("Established", "True", "InitialNamesAccepted", "the initial names have been accepted"),
    ]
    assert shown["status"]["acceptedNames"] == names
    path = space.of("core.example", "lives")
    assert (await client("GET", path)).status == 200
    document = {
        "apiVersion": "core.example/v1",
        "kind": "Life",
        "metadata": {"name": "a", "finalizers": ["x.io/y"]},
        "spec": {"cpu": 1},
    }
    await client.made(path, document)
    gone = await client("DELETE", url)
    assert gone.json["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]

    def terminating(reply) -> bool:
        return any(one["reason"] == "InstanceDeletionInProgress" for one in reply.json["status"]["conditions"])

    shown = (await client.until(url, terminating)).json
    (condition,) = [one for one in shown["status"]["conditions"] if one["type"] == "Terminating"]
    assert (condition["status"], condition["reason"]) == ("True", "InstanceDeletionInProgress")
    document["metadata"] = {"name": "new"}
    check(
        await client("POST", path, document),
        status(
            403,
            "Forbidden",
            'lives.core.example "new" is forbidden: create not allowed while custom resource definition is terminating',
            {"name": "new", "group": "core.example", "kind": "lives"},
        ),
    )
    await client.merged(f"{path}/a", {"metadata": {"finalizers": None}})
    await client.gone(url)
    assert (await client("GET", path)).status == 404


async def test_a_definition_is_called_by_plural_and_group(client: Client):
    """§7 CRD: name must be <plural>.<group>; structural schema required"""
    wrong = definition("wrongs", "Wrong")
    wrong["metadata"]["name"] = "other.core.example"
    reply = await client("POST", example.DEFINITIONS, wrong)
    assert (reply.status, reply.json["details"]["causes"][0]["field"]) == (422, "metadata.name")
    loose = definition("looses", "Loose")
    loose["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {}}}}
    reply = await client("POST", example.DEFINITIONS, loose)
    assert reply.status == 422
    assert any("type: Required value" in f"{one['field']}: {one['message']}" for one in reply.json["details"]["causes"])


async def test_defaults_and_nulls(client: Client, space: Space, examples):
    """§7 CRD processing order: prune, default (also on read); null with nullable:false and a default is replaced, otherwise null pruned"""
    made = await client.made(space.vms, example.vm("a", odd=None, maybe=None, mode=None, unknown={"x": 1}))
    assert made["spec"] == {"cpu": 1, "size": "small", "odd": "dull", "maybe": None}
    document = example.vm("b")
    document["metadata"]["zip"] = "zap"
    reply = await client("POST", space.vms, document)
    assert (reply.status, reply.warnings) == (201, ['unknown field "metadata.zip"'])
    assert "zip" not in reply.json["metadata"]


async def test_what_was_invalid_before_may_stay(client: Client, space: Space):
    """§7 CRD ratcheting: an update may keep an already-invalid unchanged value"""
    document = definition("ratchets", "Ratchet")
    await client.made(example.DEFINITIONS, document)
    path = space.of("core.example", "ratchets")
    await client.until(path, lambda reply: reply.status == 200)
    await client.made(path, {"apiVersion": "core.example/v1", "kind": "Ratchet", **named("a", spec={"cpu": 6})})
    url = f"{example.DEFINITIONS}/ratchets.core.example"
    shown = await client.get(url)
    shown["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["cpu"]["maximum"] = 4
    assert (await client("PUT", url, shown)).status == 200
    await client.until(f"{path}?dryRun=All", lambda reply: reply.status == 200)
    kept = await client.merged(f"{path}/a", {"spec": {"mode": "a"}})
    assert kept["spec"] == {"cpu": 6, "mode": "a", "size": "small", "odd": "dull"}
    reply = await client("PATCH", f"{path}/a", {"spec": {"cpu": 5}}, Content_Type=MERGE)
    assert (reply.status, reply.json["details"]["causes"][0]["field"]) == (422, "spec.cpu")


async def test_rules_see_the_old_object_on_update_alone(client: Client, space: Space):
    """§7 CRD: CEL self and oldSelf; transition rules only on update; §4.1 reason and fieldPath"""
    document = definition("rules", "Rule")
    spec = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = copy.deepcopy(
        example.SPEC
    )
    spec["x-kubernetes-validations"] = [
        {
            "rule": "self.cpu >= oldSelf.cpu",
            "message": "cpu never shrinks",
            "reason": "FieldValueForbidden",
            "fieldPath": ".cpu",
        },
        {"rule": "self.cpu != 6"},
    ]
    await client.made(example.DEFINITIONS, document)
    path = space.of("core.example", "rules")
    await client.until(path, lambda reply: reply.status == 200)
    body = {"apiVersion": "core.example/v1", "kind": "Rule", **named("a", spec={"cpu": 3})}
    await client.made(path, body)
    reply = await client("PATCH", f"{path}/a", {"spec": {"cpu": 2}}, Content_Type=MERGE)
    check(
        reply,
        invalid("Rule", "a", ("FieldValueForbidden", "spec.cpu", "Forbidden: cpu never shrinks"), group="core.example"),
    )
    reply = await client("PATCH", f"{path}/a", {"spec": {"cpu": 6}}, Content_Type=MERGE)
    assert reply.status == 422
    assert reply.json["details"]["causes"][0]["message"] == "Invalid value: failed rule: self.cpu != 6"


async def test_versions_differ_by_their_name_alone(client: Client, space: Space):
    """§7 CRD multi-version with strategy None: only apiVersion changes on read; storedVersions keeps history"""
    document = definition("manies", "Many")
    first = document["spec"]["versions"][0]
    document["spec"]["versions"].append({**copy.deepcopy(first), "name": "v1beta1", "storage": False})
    await client.made(example.DEFINITIONS, document)
    path, beta = space.of("core.example", "manies"), space.of("core.example", "manies", "v1beta1")
    await client.until(path, lambda reply: reply.status == 200)
    made = await client.made(
        beta, {"apiVersion": "core.example/v1beta1", "kind": "Many", **named("a", spec={"cpu": 1})}
    )
    assert made["apiVersion"] == "core.example/v1beta1"
    shown = await client.get(f"{path}/a")
    assert shown == {**made, "apiVersion": "core.example/v1"}
    url = f"{example.DEFINITIONS}/manies.core.example"
    crd = await client.get(url)
    for version in crd["spec"]["versions"]:
        version["storage"] = version["name"] == "v1beta1"
    assert (await client("PUT", url, crd)).json["status"]["storedVersions"] == ["v1", "v1beta1"]


# HorizontalPodAutoscaler


async def test_an_autoscaler_has_two_versions(client: Client, space: Space):
    """§2.1 paths, §3.3: what is written in one version is read, watched and changed in the other"""
    old, new = (space.of("autoscaling", "horizontalpodautoscalers", version) for version in ("v1", "v2"))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    spec = {"maxReplicas": 3, "scaleTargetRef": target}
    made = await client.made(old, named("a", spec={**spec, "targetCPUUtilizationPercentage": 50}))
    assert made["apiVersion"] == "autoscaling/v1"
    assert made["spec"] == {**spec, "minReplicas": 1, "targetCPUUtilizationPercentage": 50}
    shown = await client.get(f"{new}/a")
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
    assert (shown["apiVersion"], shown["spec"]["metrics"]) == ("autoscaling/v2", [cpu])
    assert shown["metadata"]["uid"] == made["metadata"]["uid"]
    memory = {
        "type": "Resource",
        "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 60}},
    }
    await client.merged(f"{new}/a", {"spec": {"metrics": [cpu, memory]}})
    async with client.watch(old) as events:
        event = await events.next()
    assert event["object"]["spec"] == made["spec"]
    held = event["object"]["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/metrics"]
    assert json.loads(held)[0]["resource"]["targetAverageUtilization"] == 60
    changed = await client.merged(f"{old}/a", {"spec": {"maxReplicas": 9}})
    assert changed["spec"]["maxReplicas"] == 9
    assert (await client.get(f"{new}/a"))["spec"]["metrics"] == [memory, cpu]
    (row,) = (await client.get(old, Accept="application/json;as=Table;v=v1;g=meta.k8s.io"))["rows"]
    assert row["cells"][:5] == ["a", "Deployment/d", "memory: <unknown>/60%, cpu: <unknown>/50%", "1", 9]
    plain = await client.made(new, named("b", spec=spec))
    assert plain["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 80
    assert (await client.get(f"{old}/b"))["spec"]["targetCPUUtilizationPercentage"] == 80
