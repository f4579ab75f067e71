"""Requests that a client might send by mistake: documents of every served kind with something wrong in them, options that make no sense."""

from __future__ import annotations

import copy
import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

from tests.served import Kind, Schema, Served

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["", "1Gi", "-1", "a/b", "../x", "2026-01-01T00:00:00Z", "Always", "x" * 300, "\x00", "ü", "*", "1e99999999"]),
)  # fmt: skip
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
            "", "1", "0", "true", "All", "Strict", "Warn", "abc", "-5", "a=b", "a in (b", "metadata.name=x", "metadata.name=fuzzed",
            "None", "Object", "Exact", "NotOlderThan", "Foreground", "9" * 5000, "spec.nodeName=", "a,b,!c,d notin (e)",
        ]
    ),
    st.text(max_size=10),
)  # fmt: skip
_PARAMETERS = (
    "limit", "continue", "resourceVersion", "resourceVersionMatch", "labelSelector", "fieldSelector", "dryRun", "fieldManager",
    "fieldValidation", "force", "propagationPolicy", "gracePeriodSeconds", "orphanDependents", "includeObject", "pretty",
    "sendInitialEvents", "allowWatchBookmarks", "timeout", "watch", "timeoutSeconds",
)  # fmt: skip
parameters = st.dictionaries(st.sampled_from(_PARAMETERS), words, max_size=3)
content_types = st.sampled_from(
    [
        None, "application/json", "application/yaml", "application/merge-patch+json", "application/json-patch+json",
        "application/strategic-merge-patch+json", "application/apply-patch+yaml", "application/vnd.kubernetes.protobuf", "text/plain", "*/*",
        "application/json;charset=utf-7", ";", "application/apply-patch+cbor",
    ]
)  # fmt: skip
patch_types = st.sampled_from(
    [
        "application/merge-patch+json", "application/json-patch+json", "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
    ]
)  # fmt: skip
accepts = st.sampled_from(
    [
        "application/json", "*/*", "application/yaml", "text/html", "application/vnd.kubernetes.protobuf", ";;,", "application/json;q=x",
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
        "application/json;as=Table;v=v2;g=meta.k8s.io", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, repr=False)
class Subject:
    """A kind to ask about: where it is, what it looks like, and a document of it that is taken."""

    kind: Kind
    schema: Schema
    document: dict[str, Any]

    def __repr__(self) -> str:
        return f"<{self.kind.api_version} {self.kind.plural}>"


@st.composite
def mutated(draw: st.DrawFn, document: dict[str, Any]) -> Any:
    """The document with up to three values somewhere in it replaced, removed or added."""
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


@st.composite
def grown(draw: st.DrawFn, served: Served, subject: Subject) -> Any:
    """A document of the kind with some of what its schema allows, and now and then a value of another type."""
    out = copy.deepcopy(subject.document)
    root = served.follow(subject.schema)
    node, schema = out, root
    for _ in range(draw(st.integers(1, 12))):
        properties = schema.get("properties") or {}
        if not properties:
            node, schema = out, root
            continue
        name = draw(st.sampled_from(sorted(properties)))
        child = served.follow(properties[name])
        if draw(st.integers(0, 5)) == 0:
            node[name] = draw(values)
            continue
        if not isinstance(node.get(name), dict | list):
            node[name] = served.sample(child)
        below = node[name]
        if isinstance(below, list) and isinstance(child.get("items"), Mapping):
            child = served.follow(child["items"])
            below.append(served.sample(child))
            below = below[-1]
        if isinstance(below, dict):
            node, schema = below, child
            if isinstance(child.get("additionalProperties"), Mapping):
                below[draw(st.text(max_size=4))] = draw(values)
    return out


pointers = st.one_of(
    st.sampled_from(
        [
            "/spec/runStrategy", "/metadata/labels/a", "/metadata/name", "/spec/template/spec/volumes/0", "/spec/ports/-", "/data/a",
            "", "/", "x", "/a~2", "/metadata", "/spec", "/status", "/kind", "/metadata/resourceVersion", "/metadata/managedFields",
        ]
    ),
    st.lists(st.sampled_from(["metadata", "spec", "labels", "0", "-", "-1", "01", "~0", "template", ""]), max_size=4).map(
        lambda parts: "".join(f"/{part}" for part in parts)
    ),
)  # fmt: skip
operations = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "remove", "replace", "test", "move", "copy", "bogus"]), "path": pointers},
        optional={"value": values, "from": pointers, "extra": values},
    ),
    max_size=3,
)
directives: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"$patch": "delete"}, {"$patch": "replace"}, {"$patch": "bogus"}, {"$patch": 1}, {"$retainKeys": ["a"]}, {"$retainKeys": 1},
        {"$setElementOrder/finalizers": ["a"]}, {"$setElementOrder/ports": [{"x": 1}]}, {"$setElementOrder/containers": {"x": 1}},
        {"$deleteFromPrimitiveList/finalizers": ["a"]}, {"$deleteFromPrimitiveList/finalizers": {}},
    ]
)  # fmt: skip


@st.composite
def directed(draw: st.DrawFn, document: dict[str, Any]) -> Any:
    """A strategic merge patch: the document, changed, with a directive in it."""
    out = draw(mutated(document))
    node: Any = out
    while isinstance(node, dict | list) and node:
        if isinstance(node, dict) and draw(st.booleans()):
            node.update(copy.deepcopy(draw(directives)))
            break
        key: Any = draw(st.sampled_from(list(node) if isinstance(node, dict) else list(range(len(node)))))
        node = node[key]
    return out


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


_DELETE_OPTIONS = {
    "apiVersion": "v1",
    "kind": "DeleteOptions",
    "gracePeriodSeconds": 0,
    "propagationPolicy": "Background",
    "preconditions": {"uid": "x", "resourceVersion": "1"},
    "dryRun": ["All"],
}
_METHODS = (*("GET", "POST", "PUT", "PATCH") * 3, "PATCH", "DELETE", "HEAD", "OPTIONS")
# Of what no schema and no document was the model.
odd = st.one_of(
    st.none(),
    values.map(_json),
    st.binary(max_size=60),
    st.binary(max_size=60).map(lambda raw: b"k8s\x00" + raw),
    st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")),
)


@st.composite
def _path(draw: st.DrawFn, subject: Subject, method: str) -> str:
    path = subject.kind.collection
    if draw(st.integers(0, 9)) == 0:
        path = f"{subject.kind.root}/{draw(st.sampled_from(['', 'watch/']))}{subject.kind.plural}"
    if method in ("PUT", "PATCH") or draw(st.booleans()):
        name = "fuzzed" if draw(st.integers(0, 5)) else quote(draw(st.text(min_size=1, max_size=6)), safe="")
        below = [f"/{sub}" for sub in subject.kind.subresources]
        path += f"/{name}{draw(st.sampled_from(['', '', '', '', '', '/', '/bogus', *below]))}"
    return path


@st.composite
def _body(draw: st.DrawFn, served: Served, subject: Subject, method: str) -> bytes | None:
    changed = mutated(subject.document).map(_json)
    by_schema = grown(served, subject).map(_json)
    if draw(st.integers(0, 6)) == 0:
        return draw(odd)
    if method == "PATCH":
        return draw(st.one_of(operations.map(_json), changed, by_schema, directed(subject.document).map(_json)))
    if method in ("POST", "PUT"):
        body = draw(st.one_of(changed, by_schema))
        if method == "POST" and draw(st.integers(0, 3)):
            body = body.replace(b'"fuzzed"', b'"fuzzed-%d"' % draw(st.integers(0, 10**9)))
        return body
    return draw(st.one_of(st.none(), st.none(), mutated(_DELETE_OPTIONS).map(_json)))


@st.composite
def requests(draw: st.DrawFn, served: Served, subjects: Sequence[Subject]) -> Request:
    """Any request about one of *subjects*."""
    subject = draw(st.sampled_from(subjects))
    method = draw(st.sampled_from(_METHODS))
    path = draw(_path(subject, method))
    query = draw(parameters)
    headers = {}
    if method in ("POST", "PUT", "PATCH") and draw(st.booleans()):
        query.setdefault("dryRun", "All")
    if method == "PATCH":
        headers["Content-Type"] = draw(patch_types)
        if "apply" in headers["Content-Type"]:
            query.setdefault("fieldManager", "fuzz")
    if draw(st.integers(0, 7)) == 0 and (content_type := draw(content_types)) is not None:
        headers["Content-Type"] = content_type
    if draw(st.booleans()):
        headers["Accept"] = draw(accepts)
    text = urlencode(query)
    return Request(method, f"{path}?{text}" if text else path, headers, draw(_body(served, subject, method)))


# --- what is no HTTP, or hardly

_tokens = st.sampled_from(
    [
        b"GET", b"POST", b"PRI", b"G\x00T", b"", b" ", b"/", b"/version", b"/api/v1/pods?watch=1", b"http://x/version", b"*", b"HTTP/1.1",
        b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"Host: x\r\n", b"Content-Length: 5\r\n",
        b"Content-Length: -1\r\n", b"Content-Length: 5, 6\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n",
        b"5\r\nhello\r\n", b"zz\r\n", b"0\r\n\r\n", b"Content-Encoding: gzip\r\n", b"Content-Encoding: br\r\n", b"Expect: 100-continue\r\n",
        b"Expect: x\r\n", b"Upgrade: websocket\r\n", b"Connection: upgrade\r\n", b"Sec-WebSocket-Key: x\r\n", b"Sec-WebSocket-Version: 13\r\n",
        b"Connection: close\r\n", b": x\r\n", b"A\xff: \xfe\r\n", b"X: \x00\r\n", b" folded\r\n", b"Accept: " + b"x," * 500 + b"\r\n",
        b"Authorization: Bearer\r\n", b"Cookie: a=b; c\r\n", b"Content-Type: application/json\r\n", b"{}", b"\x16\x03\x01\x02\x00",
    ]
)  # fmt: skip
_paths = st.sampled_from(
    [
        "/version", "/api/v1/namespaces/default/configmaps", "/apis/kubevirt.io/v1/virtualmachines?watch=1", "/%zz", "/%00", "//", "/a b", "?",
        "/api/v1/namespaces/default/configmaps?limit=%ff&a=%zz&&=", "/apis/" + "x" * 3000, "/" * 200, "/openapi/v3/../..", "/\xfc",
        "/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachineinstances/x/console", "/metrics?x", "/openapi/v2?x",
    ]
)  # fmt: skip


@st.composite
def raw_requests(draw: st.DrawFn) -> bytes:
    """Bytes for the socket: mostly a request with one or the other line that is none."""
    if draw(st.integers(0, 4)) == 0:
        return b"".join(draw(st.lists(st.one_of(_tokens, st.binary(max_size=20)), max_size=12)))
    head = f"{draw(st.sampled_from(['GET', 'POST', 'PUT', 'DELETE', 'BREW', 'CONNECT']))} {draw(_paths)} HTTP/1.1\r\nHost: x\r\n"
    lines = b"".join(draw(st.lists(_tokens, max_size=5)))
    return head.encode("latin-1") + lines + b"\r\n" + draw(st.binary(max_size=30))
