"""
Whatever is sent, the answer is HTTP with a Status that says what is wrong: no dropped connection, no 500 but those that a real API
server gives too (reference kubernetes-api.md: 2.3 unparsable resourceVersion, 3.2 resourceVersion on create, 3.5 apply's typed
errors, 3.6 strategic merge directives).
"""

from __future__ import annotations

import copy
import http.client
import json
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solovirt.testing import BackgroundControlPlane

VM: dict[str, Any] = {
    "apiVersion": "kubevirt.io/v1",
    "kind": "VirtualMachine",
    "metadata": {
        "name": "fuzzed",
        "labels": {"a": "b"},
        "annotations": {"c": "d"},
        "finalizers": ["example.com/hold"],
        "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "y"}],
    },
    "spec": {
        "runStrategy": "Halted",
        "dataVolumeTemplates": [
            {
                "metadata": {"name": "dv"},
                "spec": {"source": {"blank": {}}, "storage": {"resources": {"requests": {"storage": "1Gi"}}}},
            }
        ],
        "template": {
            "metadata": {"labels": {"x": "y"}},
            "spec": {
                "domain": {
                    "cpu": {"cores": 1},
                    "devices": {
                        "disks": [{"name": "d", "disk": {"bus": "virtio"}}],
                        "interfaces": [{"name": "n", "bridge": {}}],
                    },
                    "memory": {"guest": "64Mi"},
                    "resources": {"requests": {"memory": "64Mi"}},
                },
                "networks": [{"name": "n", "pod": {}}],
                "volumes": [{"name": "d", "dataVolume": {"name": "dv"}}],
            },
        },
    },
}
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "fuzzed"}, "data": {"a": "1"}}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "fuzzed"},
    "spec": {"ports": [{"port": 80, "name": "http"}], "selector": {"a": "b"}},
}
DATA_VOLUME = {
    "apiVersion": "cdi.kubevirt.io/v1beta1",
    "kind": "DataVolume",
    "metadata": {"name": "fuzzed"},
    "spec": {
        "source": {"http": {"url": "http://x/y"}},
        "pvc": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    },
}
FLAVOR = {
    "apiVersion": "flavor.kubevirt.io/v1alpha1",
    "kind": "VirtualMachineFlavor",
    "metadata": {"name": "fuzzed"},
    "spec": {"cpu": {"cores": 1}},
}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "fuzzed"},
    "spec": {"containers": [{"name": "c", "image": "i", "env": [{"name": "E", "value": "v"}]}]},
}

COLLECTIONS = {
    "/apis/kubevirt.io/v1/namespaces/default/virtualmachines": VM,
    "/apis/kubevirt.io/v1alpha3/namespaces/default/virtualmachines": VM,
    "/api/v1/namespaces/default/configmaps": CONFIG_MAP,
    "/api/v1/namespaces/default/services": SERVICE,
    "/api/v1/namespaces/default/pods": POD,
    "/apis/cdi.kubevirt.io/v1beta1/namespaces/default/datavolumes": DATA_VOLUME,
    "/apis/flavor.kubevirt.io/v1alpha1/namespaces/default/virtualmachineflavors": FLAVOR,
}

# What the reference lets a real API server answer 500 to.
KNOWN_500 = (
    "resourceVersion should not be set on objects to be created",
    "strconv.ParseUint: parsing",
    "failed to create typed patch object",
    "does not contain declared merge key",
    "unknown patch type: ",
    "resourceVersion: Invalid value: ",
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["", "1Gi", "-1", "a/b", "../x", "2026-01-01T00:00:00Z", "Always", "x" * 300, "\x00", "ü", "*"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(string.ascii_letters, max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
words = st.one_of(
    st.sampled_from(
        [
            "",
            "1",
            "0",
            "true",
            "All",
            "Strict",
            "Warn",
            "abc",
            "-5",
            "a=b",
            "a in (b",
            "metadata.name=x",
            "99999999999",
            "None",
            "Exact",
            "NotOlderThan",
            "Foreground",
        ]
    ),
    st.text(max_size=10),
)
parameters = st.dictionaries(
    st.sampled_from(
        [
            "limit", "continue", "resourceVersion", "resourceVersionMatch", "labelSelector", "fieldSelector", "dryRun", "fieldManager",
            "fieldValidation", "force", "propagationPolicy", "gracePeriodSeconds", "orphanDependents", "includeObject", "pretty",
            "sendInitialEvents", "allowWatchBookmarks", "timeout",
        ]
    ),
    words,
    max_size=3,
)  # fmt: skip
content_types = st.sampled_from(
    [
        None, "application/json", "application/yaml", "application/merge-patch+json", "application/json-patch+json",
        "application/strategic-merge-patch+json", "application/apply-patch+yaml", "application/vnd.kubernetes.protobuf", "text/plain", "*/*",
    ]
)  # fmt: skip
accepts = st.sampled_from(
    [
        None, "application/json", "*/*", "application/yaml", "text/html", "application/vnd.kubernetes.protobuf",
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    ]
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, document: dict[str, Any]) -> Any:
    """The document with one to three values somewhere in it replaced, removed or added."""
    out = copy.deepcopy(document)
    for _ in range(draw(st.integers(0, 3))):
        node: Any = out
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(node[key], dict | list) and node[key] and draw(st.booleans()):
                node = node[key]
                continue
            action = draw(st.sampled_from(["replace", "remove", "add"]))
            if action == "replace":
                node[key] = draw(values)
            elif action == "remove":
                del node[key]
            elif isinstance(node, dict):
                node[draw(st.text(max_size=8))] = draw(values)
            else:
                node.append(draw(values))
            break
    return out


operations = st.lists(
    st.fixed_dictionaries(
        {
            "op": st.sampled_from(["add", "remove", "replace", "test", "move", "copy", "bogus"]),
            "path": st.sampled_from(
                [
                    "/spec/runStrategy",
                    "/metadata/labels/a",
                    "/metadata/name",
                    "/spec/template/spec/volumes/0",
                    "/spec/ports/-",
                    "/data/a",
                    "",
                    "/",
                    "x",
                    "/a~2",
                ]
            ),
        },
        optional={"value": values, "from": st.sampled_from(["/spec", "/metadata/labels", "/nowhere"])},
    ),
    max_size=3,
)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None


@st.composite
def requests(draw: st.DrawFn) -> Request:
    collection = draw(st.sampled_from(sorted(COLLECTIONS)))
    document = COLLECTIONS[collection]
    method = draw(st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]))
    path = collection
    if draw(st.booleans()):
        path += "/" + draw(
            st.one_of(st.just("fuzzed"), st.text(min_size=1, max_size=6).map(lambda text: quote(text, safe="")))
        )
        path += draw(st.sampled_from(["", "", "", "/status", "/scale", "/bogus", "/"]))
    query = urlencode(draw(parameters))
    body = draw(
        st.one_of(
            st.none(),
            mutated(document).map(lambda value: json.dumps(value).encode()),
            mutated(document).map(lambda value: json.dumps(value).encode()),
            operations.map(lambda value: json.dumps(value).encode()),
            values.map(lambda value: json.dumps(value).encode()),
            st.binary(max_size=60),
            st.binary(max_size=60).map(lambda raw: b"k8s\x00" + raw),
        )
    )
    headers = {}
    if (content_type := draw(content_types)) is not None:
        headers["Content-Type"] = content_type
    if (accept := draw(accepts)) is not None:
        headers["Accept"] = accept
    return Request(method, f"{path}?{query}" if query else path, headers, body)


@pytest.fixture(scope="module")
def connection() -> Iterator[http.client.HTTPConnection]:
    with BackgroundControlPlane(insecure_http=True) as control_plane:
        host, _, port = control_plane.url.removeprefix("http://").partition(":")
        client = http.client.HTTPConnection(host, int(port), timeout=20)
        for collection, document in COLLECTIONS.items():
            body = json.dumps(
                {
                    **document,
                    "apiVersion": document["apiVersion"] if "v1alpha3" not in collection else "kubevirt.io/v1alpha3",
                }
            )
            client.request("POST", collection, body, {"Content-Type": "application/json"})
            client.getresponse().read()
        yield client
        client.close()


def check(connection: http.client.HTTPConnection, request: Request) -> None:
    connection.request(request.method, request.path, request.body, request.headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status >= 500 and answer.status != 504:
        text = json.loads(body)["message"] if body else ""
        assert any(known in text for known in KNOWN_500), (request, body)
    if answer.status >= 400 and body.startswith(b"{"):
        status = json.loads(body)
        assert (status["kind"], status["status"], status["code"]) == ("Status", "Failure", answer.status)
        assert status["message"]


checks = [
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
    HealthCheck.function_scoped_fixture,
]


@given(request_=requests())
@settings(max_examples=300, deadline=None, suppress_health_check=checks)
def test_every_request_gets_an_answer_that_says_what_is_wrong(
    connection: http.client.HTTPConnection, request_: Request
) -> None:
    check(connection, request_)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@given(request_=requests())
@settings(max_examples=50_000, deadline=None, suppress_health_check=checks)
def test_very_many_requests_get_an_answer(connection: http.client.HTTPConnection, request_: Request) -> None:
    check(connection, request_)
