"""
Bad input, each with its exact Status (reference kubernetes-api.md 2.2, 2.3, 2.4, 3, 4, 9), from a whole control plane.

The texts in parentheses behind "unrecognized" are the first bytes of the body, as the reference's 4.2 shows them.
"""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests import documents
from tests.conformance.conftest import Client
from tests.conformance.statuses import bad_request, check, option_error, status, unrecognised

pytestmark = pytest.mark.asyncio(loop_scope="module")

VMS = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines"
MAPS = "/api/v1/namespaces/default/configmaps"
SECRETS = "/api/v1/namespaces/default/secrets"
MERGE = {"Content_Type": "application/merge-patch+json"}
JSON_PATCH = {"Content_Type": "application/json-patch+json"}
APPLY = {"Content_Type": "application/apply-patch+yaml"}
YAML = {"Content_Type": "application/yaml"}
TYPE_META = r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'
VM_ENVELOPE = {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine"}


def vm(name: str = "a") -> dict[str, Any]:
    return {
        **VM_ENVELOPE,
        **documents.BY_PLURAL["virtualmachines"],
        "metadata": {"name": name},
    }


NO_JSON = [
    (b"", "unexpected end of JSON input", "<empty>"),
    (b"{", "unexpected end of JSON input", "{"),
    (b"{nope", "invalid character 'n' looking for beginning of object key string", "{nope"),
    (b'{"kind":"VirtualMachine",}', "invalid character '}' looking for beginning of object key string", '{"kind":"VirtualMachine",}'),
    (b'{"a":NaN}', "invalid character 'N' looking for beginning of value", '{"a":NaN}'),
    (b'{"a":Infinity}', "invalid character 'I' looking for beginning of value", '{"a":Infinity}'),
    (b'{"a":01}', "invalid character '1' after object key:value pair", '{"a":01}'),
    (b"{} {}", "invalid character '{' after top-level value", "{} {}"),
    (b"apiVersion: v1", "invalid character 'a' looking for beginning of value", "61706956657273696f6e3a207631"),
    (b"[]", f"json: cannot unmarshal array into Go value of type {TYPE_META}", "5b5d"),
    (b'"x"', f"json: cannot unmarshal string into Go value of type {TYPE_META}", "227822"),
    (b'{"kind":7}', "json: cannot unmarshal number into Go struct field .kind of type string", '{"kind":7}'),
]  # fmt: skip


@pytest.mark.parametrize(("body", "problem", "shown"), NO_JSON)
@pytest.mark.parametrize(("path", "kind"), [(VMS, "VirtualMachine"), (MAPS, "ConfigMap")])
async def test_a_body_that_is_no_json_object_is_unrecognised(client: Client, path, kind, body, problem, shown):
    for method, where in (("POST", path), ("PUT", f"{path}/a")):
        reply = await client(method, where, body)
        check(reply, unrecognised(kind, f"couldn't get version/kind; json parse error: {problem}", shown))


@pytest.mark.parametrize("path", [VMS, MAPS])
async def test_a_body_of_more_than_three_mebibytes_is_too_large(client: Client, path):
    expected = status(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")
    check(await client("POST", path, io.BytesIO(b" " * 3145729)), expected)

    async def unannounced():
        for _ in range(49):
            yield b" " * 65536

    check(await client("POST", path, unannounced()), expected)
    # One byte less is read.
    assert (await client("POST", path, io.BytesIO(b" " * 3145728))).status == 400


@pytest.mark.parametrize("depth", [300, 9_000, 20_000, 150_000])
async def test_a_body_that_is_nested_too_deep_is_refused(client: Client, depth):
    """Go's limit is 10000 (9); nothing that deep can be stored here, so that everything beyond some hundred is refused in its words."""
    body = b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"},"data":' + b"[" * depth + b"]" * depth + b"}"
    reply = await client("POST", MAPS, body)
    assert reply.status == 400
    assert "exceeded max depth" in reply.message
    reply = await client("PATCH", f"{VMS}/a", b'{"a":' * depth + b"1" + b"}" * depth, **MERGE)
    check(reply, bad_request("error decoding patch: exceeded max depth"))
    reply = await client("POST", MAPS, b"a: " + b"[" * depth + b"]" * depth, **YAML)
    assert reply.status == 400


async def test_another_kind_or_version_is_refused(client: Client):
    check(
        await client("POST", MAPS, {"kind": "Nope", "apiVersion": "v1", "metadata": {"name": "a"}}),
        bad_request(
            'Nope in version "v1" cannot be handled as a ConfigMap: no kind "Nope" is registered for version "v1" '
            'in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"'
        ),
    )
    check(
        await client("POST", VMS, {**vm(), "kind": "Other"}),
        status(
            422,
            "Invalid",
            'VirtualMachine.kubevirt.io "a" is invalid: kind: Invalid value: "Other": must be VirtualMachine',
            {
                "name": "a",
                "group": "kubevirt.io",
                "kind": "VirtualMachine",
                "causes": [
                    {
                        "reason": "FieldValueInvalid",
                        "message": 'Invalid value: "Other": must be VirtualMachine',
                        "field": "kind",
                    }
                ],
            },
        ),
    )
    for path, given, wanted in ((VMS, "kubevirt.io/v2", "kubevirt.io/v1"), (MAPS, "v2", "v1")):
        kind = "VirtualMachine" if path is VMS else "ConfigMap"
        check(
            await client("POST", path, {"kind": kind, "apiVersion": given, "metadata": {"name": "a"}}),
            bad_request(f"the API version in the data ({given}) does not match the expected API version ({wanted})"),
        )
    body = b'{"metadata":{"name":"a"}}'
    check(
        await client("POST", VMS, body),
        unrecognised("VirtualMachine", f"Object 'Kind' is missing in '{body.decode()}'", body.decode()),
    )


BUILT_IN_TYPES = [
    (MAPS, "ConfigMap", {"data": {"a": 1}}, "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"),
    (MAPS, "ConfigMap", {"data": []}, "json: cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string"),
    (MAPS, "ConfigMap", {"immutable": "x"}, "json: cannot unmarshal string into Go struct field ConfigMap.immutable of type bool"),
    (SECRETS, "Secret", {"data": {"a": "%"}}, "illegal base64 data at input byte 0"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "kind", "fields", "problem"), BUILT_IN_TYPES)
async def test_a_value_of_a_wrong_type_cannot_be_decoded_for_built_in_kinds(
    client: Client, path, kind, fields, problem
):
    reply = await client("POST", path, {"metadata": {"name": "a"}, **fields})
    check(reply, bad_request(f'{kind} in version "v1" cannot be handled as a {kind}: {problem}'))


async def test_an_unknown_field_is_refused_under_strict_validation_alone(client: Client):
    document = {**vm(), "extra": 1}
    check(
        await client("POST", f"{VMS}?fieldValidation=Strict&dryRun=All", document),
        bad_request(
            'VirtualMachine in version "v1" cannot be handled as a VirtualMachine: strict decoding error: unknown field "extra"'
        ),
    )
    warned = await client("POST", f"{VMS}?dryRun=All", document)
    assert (warned.status, warned.warnings) == (201, ['unknown field "extra"'])
    ignored = await client("POST", f"{VMS}?dryRun=All&fieldValidation=Ignore", document)
    assert (ignored.status, ignored.warnings) == (201, [])


async def test_fields_given_twice_are_named_by_json_and_yaml(client: Client):
    body = b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}'
    check(
        await client("POST", f"{MAPS}?fieldValidation=Strict&dryRun=All", body),
        bad_request(
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data.a"'
        ),
    )
    warned = await client("POST", f"{MAPS}?dryRun=All", body)
    assert (warned.status, warned.warnings) == (201, ['duplicate field "data.a"'])
    body = b"kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: twice\ndata:\n  a: x\n  a: z\n  b: x\n  b: z\n"
    check(
        await client("POST", f"{MAPS}?fieldValidation=Strict&dryRun=All", body, **YAML),
        bad_request(
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
            'yaml: unmarshal errors:\n  line 7: key "a" already set in map\n  line 9: key "b" already set in map'
        ),
    )
    warned = await client("POST", f"{MAPS}?dryRun=All", body, **YAML)
    assert warned.status == 201
    assert warned.warnings == ['line 7: key "a" already set in map', 'line 9: key "b" already set in map']


SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def invalid(kind: str, name: str, causes: list[tuple[str, str, str]], group: str = "") -> dict[str, Any]:
    """422 for field errors: (reason, message, field)."""
    texts = [f"{field}: {message}" for _, message, field in causes]
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    qualified = f"{kind}.{group}" if group else kind
    details: dict[str, Any] = {"name": name} if name else {}
    if group:
        details["group"] = group
    details["kind"] = kind
    details["causes"] = [{"reason": reason, "message": message, "field": field} for reason, message, field in causes]
    return status(422, "Invalid", f'{qualified} "{name}" is invalid: {text}', details)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("A", SUBDOMAIN),
        ("-a", SUBDOMAIN),
        ("a_b", SUBDOMAIN),
        ("a/b", SUBDOMAIN),
        ("ü", SUBDOMAIN),
        ("a\u0000", SUBDOMAIN),
        ("x" * 254, "must be no more than 253 characters"),
    ],
)
async def test_a_bad_name_is_invalid(client: Client, name, why):
    # Values and names are printed as Go quotes them.
    quoted = json.dumps(name, ensure_ascii=False).replace("\\u0000", "\\x00")
    expected = invalid("ConfigMap", name, [("FieldValueInvalid", f"Invalid value: {quoted}: {why}", "metadata.name")])
    expected["message"] = expected["message"].replace(f'ConfigMap "{name}"', f"ConfigMap {quoted}")
    check(await client("POST", MAPS, {"metadata": {"name": name}}), expected)


async def test_an_object_needs_a_name(client: Client):
    reply = await client("POST", MAPS, {"metadata": {}})
    check(
        reply,
        invalid(
            "ConfigMap",
            "",
            [("FieldValueRequired", "Required value: name or generateName is required", "metadata.name")],
        ),
    )


async def test_names_and_namespaces_must_be_those_of_the_path(client: Client):
    check(
        await client("POST", MAPS, {"metadata": {"name": "a", "namespace": "other"}}),
        bad_request("the namespace of the provided object does not match the namespace sent on the request"),
    )
    check(
        await client("PUT", f"{MAPS}/a", {"metadata": {"name": "b"}}),
        bad_request("the name of the object (b) does not match the name on the URL (a)"),
    )
    check(
        await client("POST", "/api/v1/namespaces/none/configmaps", {"metadata": {"name": "a"}}),
        status(404, "NotFound", 'namespaces "none" not found', {"name": "none", "kind": "namespaces"}),
    )


SELECTORS = [
    ("labelSelector=a%3Db%3Dc", "found '=', expected: ',' or 'end of string'"),
    ("labelSelector=a in (x", "unable to parse requirement: found '', expected: ',' or ')'"),
    ("labelSelector=a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
    (
        "labelSelector=a<x",
        "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
    ),
    ("labelSelector=%3Db", "found '=', expected: !, identifier, or 'end of string'"),
    ("labelSelector=a%3Db,", "found '', expected: identifier after ','"),
    ("fieldSelector=data.a%3Db", '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"'),
    ("fieldSelector=a", "invalid selector: 'a'; can't understand 'a'"),
]


@pytest.mark.parametrize(("query", "message"), SELECTORS)
@pytest.mark.parametrize("verb", ["list", "watch", "deletecollection"])
async def test_a_bad_selector_is_a_bad_request(client: Client, query, message, verb):
    """2.4, wherever selectors are taken."""
    method, extra = {"list": ("GET", ""), "watch": ("GET", "&watch=1"), "deletecollection": ("DELETE", "")}[verb]
    reply = await client(method, f"{MAPS}?{query.replace(' ', '%20')}{extra}")
    # The reference has the text that the parser gives; what goes before it, if anything, is not in the table.
    assert reply.status == 400
    assert reply.message.endswith(message), reply.message
    assert reply.json == bad_request(reply.message)


async def test_a_custom_kind_has_the_field_selectors_that_it_declares(client: Client):
    check(await client("GET", f"{VMS}?fieldSelector=spec.cpu%3Dx"), bad_request("field label not supported: spec.cpu"))


async def test_a_stale_resource_version_conflicts(client: Client):
    made = await client("POST", VMS, vm("stale"))
    assert made.status == 201
    conflict = status(
        409,
        "Conflict",
        'Operation cannot be fulfilled on virtualmachines.kubevirt.io "stale": the object has been modified; '
        "please apply your changes to the latest version and try again",
        {"name": "stale", "group": "kubevirt.io", "kind": "virtualmachines"},
    )
    document = made.json
    document["metadata"]["resourceVersion"] = "1"
    check(await client("PUT", f"{VMS}/stale", document), conflict)
    patch = {"metadata": {"resourceVersion": "1", "labels": {"a": "b"}}}
    check(await client("PATCH", f"{VMS}/stale", patch, **MERGE), conflict)
    del document["metadata"]["resourceVersion"]
    check(
        await client("PUT", f"{VMS}/stale", document),
        status(
            422,
            "Invalid",
            'virtualmachines.kubevirt.io "stale" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
            {
                "name": "stale",
                "group": "kubevirt.io",
                "kind": "virtualmachines",
                "causes": [
                    {
                        "reason": "FieldValueInvalid",
                        "message": "Invalid value: 0: must be specified for an update",
                        "field": "metadata.resourceVersion",
                    }
                ],
            },
        ),
    )
    syntax = 'strconv.ParseUint: parsing "abc": invalid syntax'
    document["metadata"]["resourceVersion"] = "abc"
    check(await client("PUT", f"{VMS}/stale", document), status(500, None, syntax))
    check(
        await client("POST", VMS, {**vm("new"), "metadata": {"name": "new", "resourceVersion": "1"}}),
        status(500, None, "resourceVersion should not be set on objects to be created"),
    )
    check(
        await client("GET", f"{VMS}?resourceVersion=abc"),
        bad_request(f'invalid resource version: resourceVersion: Invalid value: "abc": {syntax}'),
    )
    check(
        await client("GET", f"{VMS}?resourceVersion=abc&watch=1"),
        status(500, None, f'resourceVersion: Invalid value: "abc": {syntax}'),
    )


@pytest.mark.slow
async def test_a_resource_version_of_the_future_times_out(client: Client):
    """After three seconds, with what a client needs to tell it from other time-outs (2.3)."""
    reply = await client("GET", f"{VMS}?resourceVersion=99999999")
    current = (await client("GET", VMS)).json["metadata"]["resourceVersion"]
    check(
        reply,
        status(
            504,
            "Timeout",
            f"Timeout: Too large resource version: 99999999, current: {current}",
            {
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                "retryAfterSeconds": 1,
            },
        ),
    )
    assert reply.headers["Retry-After"] == "1"


async def test_media_types_that_nobody_speaks_are_refused(client: Client):
    accepted = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    unknown = "the body of the request was in an unknown format - accepted media types include: "
    for path in (VMS, MAPS):
        check(
            await client("POST", path, b"x", Content_Type="text/plain"),
            status(415, "UnsupportedMediaType", unknown + accepted),
        )
        check(
            await client("GET", path, Accept="text/html"),
            status(406, "NotAcceptable", f"only the following media types are accepted: {accepted}"),
        )
    check(
        await client("PATCH", f"{VMS}/a", {}, Content_Type="application/strategic-merge-patch+json"),
        status(
            415,
            "UnsupportedMediaType",
            f"{unknown}application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        ),
    )
    check(
        await client("PATCH", f"{MAPS}/a", {}, Content_Type="application/json"),
        status(415, "UnsupportedMediaType", "415: Unsupported Media Type", {}),
    )


async def test_query_options_that_cannot_be_are_refused(client: Client):
    """2.2, and list and watch options of 2.3."""
    created = documents.BY_PLURAL["configmaps"]
    document = {"metadata": {"name": "options"}, **created}
    forbidden = "FieldValueForbidden"
    for query, kind, text, field, reason in (
        ("dryRun=x", "CreateOptions", 'Unsupported value: ["x"]: supported values: "All"', "dryRun", "FieldValueNotSupported"),
        (
            "fieldValidation=Loud",
            "CreateOptions",
            'Unsupported value: "Loud": supported values: "", "Ignore", "Strict", "Warn"',
            "fieldValidation",
            "FieldValueNotSupported",
        ),
        ("fieldManager=" + "x" * 129, "CreateOptions", "Too long: may not be more than 128 bytes", "fieldManager", "FieldValueTooLong"),
    ):  # fmt: skip
        check(await client("POST", f"{MAPS}?{query}", document), option_error(kind, text, field, reason))
    check(
        await client("PATCH", f"{MAPS}/a?force=true", {}, **MERGE),
        option_error("PatchOptions", "Forbidden: may not be specified for non-apply patch", "force", forbidden),
    )
    check(
        await client("PATCH", f"{MAPS}/a", {}, **APPLY),
        option_error(
            "PatchOptions", "Required value: is required for apply patch", "fieldManager", "FieldValueRequired"
        ),
    )
    check(
        await client("DELETE", f"{MAPS}/a?propagationPolicy=Bogus"),
        option_error(
            "DeleteOptions",
            'Unsupported value: "Bogus": supported values: "Foreground", "Background", "Orphan", "nil"',
            "propagationPolicy",
            "FieldValueNotSupported",
        ),
    )
    check(
        await client("DELETE", f"{MAPS}/a?propagationPolicy=Orphan&orphanDependents=true"),
        option_error(
            "DeleteOptions",
            'Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
            "propagationPolicy",
            "FieldValueInvalid",
        ),
    )
    for limit in ("abc", "1.5", "9" * 30):
        problem = "value out of range" if limit.isdigit() else "invalid syntax"
        check(
            await client("GET", f"{MAPS}?limit={limit}"),
            bad_request(f'strconv.ParseInt: parsing "{limit}": {problem}'),
        )
    reply = await client("GET", f"{MAPS}?continue=x")
    assert (reply.status, reply.json) == (400, bad_request(reply.message))
    assert reply.message.startswith("invalid continue token: continue key is not valid: ")
    check(
        await client("GET", f"{MAPS}?continue=x&resourceVersion=5"),
        bad_request("specifying resource version is not allowed when using continue"),
    )
    check(
        await client("GET", f"{MAPS}?includeObject=Bad", Accept="application/json;as=Table;v=v1;g=meta.k8s.io"),
        bad_request(
            'Unable to convert to Table as requested: includeObject: Invalid value: "Bad": '
            "must be 'Metadata', 'Object', 'None', or empty"
        ),
    )


LIST_OPTIONS = [
    ("resourceVersionMatch=Exact", "resourceVersionMatch is forbidden unless resourceVersion is provided"),
    (
        "resourceVersionMatch=NotOlderThan&resourceVersion=1&continue=x",
        "resourceVersionMatch is forbidden when continue is provided",
    ),
    (
        "resourceVersionMatch=Exact&resourceVersion=0",
        'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    ),
    ("sendInitialEvents=true", "sendInitialEvents is forbidden for list"),
    ("watch=1&sendInitialEvents=true", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"),
    (
        "watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=1",
        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
    ),
]


@pytest.mark.parametrize(("query", "text"), LIST_OPTIONS)
async def test_list_options_that_contradict_each_other_are_forbidden(client: Client, query, text):
    field = "sendInitialEvents" if text.startswith("sendInitialEvents is") else "resourceVersionMatch"
    expected = option_error("ListOptions", f"Forbidden: {text}", field, "FieldValueForbidden")
    check(await client("GET", f"{VMS}?{query}"), expected)


async def test_an_unknown_match_is_not_supported(client: Client):
    check(
        await client("GET", f"{VMS}?resourceVersionMatch=Foo&resourceVersion=1"),
        option_error(
            "ListOptions",
            'Unsupported value: "Foo": supported values: "Exact", "NotOlderThan", ""',
            "resourceVersionMatch",
            "FieldValueNotSupported",
        ),
    )


async def test_paths_that_lead_nowhere(client: Client):
    """4: a Status for built-in groups, Go's plain text for groups that come from definitions, and for what is no group at all."""
    nowhere = status(404, "NotFound", "the server could not find the requested resource", {})
    for path in ("/api/v1/nopes", "/api/v1/namespaces/default/nopes/a", f"{MAPS}/a/nope", "/apis/apps/v1/nopes"):
        check(await client("GET", path), nowhere)
    for path in (
        "/apis/kubevirt.io/v1/nopes",
        "/apis/kubevirt.io/v9/virtualmachines",
        "/apis/no.such/v1/things",
        "/nope",
        "//api",
    ):
        reply = await client("GET", path)
        assert (reply.status, reply.body.strip()) == (404, b"404 page not found"), path
        assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    for path, details in (
        (f"{MAPS}/none", {"name": "none", "kind": "configmaps"}),
        (f"{VMS}/none", {"name": "none", "group": "kubevirt.io", "kind": "virtualmachines"}),
    ):
        resource = ".".join(part for part in (details["kind"], details.get("group")) if part)
        for method in ("GET", "DELETE"):
            check(await client(method, path), status(404, "NotFound", f'{resource} "none" not found', details))


async def test_methods_that_a_path_does_not_have(client: Client):
    expected = status(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})
    for method, path in (
        ("POST", "/api/v1/configmaps"),
        ("PUT", MAPS),
        ("PATCH", MAPS),
        ("POST", f"{MAPS}/a"),
        ("DELETE", "/api/v1/namespaces"),
        ("POST", "/api/v1/watch/configmaps"),
        ("OPTIONS", MAPS),
        ("POST", "/version"),
    ):
        reply = await client(method, path, {"metadata": {"name": "a"}})
        assert reply.status == 405, (method, path, reply.body)
        check(reply, expected)
    check(await client("PUT", VMS, vm()), bad_request("name must be provided"))


async def test_patches_that_are_none(client: Client):
    assert (await client("POST", MAPS, {"metadata": {"name": "patched"}, "data": {"a": "1"}})).status == 201
    where = f"{MAPS}/patched"
    failed = status(422, "Invalid", "the server rejected our request due to an error in our request", {})
    for operation in (
        {"op": "test", "path": "/data/a", "value": "2"},
        {"op": "remove", "path": "/data/none"},
        {"op": "replace", "path": "/none/deeper", "value": 1},
        {"op": "bogus", "path": "/data/a"},
    ):
        check(await client("PATCH", where, [operation], **JSON_PATCH), failed)
    check(
        await client("PATCH", where, {"op": "remove"}, **JSON_PATCH),
        bad_request("error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"),
    )
    many = [{"op": "test", "path": "/data/a", "value": "1"}] * 10001
    check(
        await client("PATCH", where, many, **JSON_PATCH),
        status(
            413,
            "RequestEntityTooLarge",
            "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
        ),
    )
    check(
        await client("PATCH", where, b"{nope", **MERGE),
        bad_request("error decoding patch: invalid character 'n' looking for beginning of object key string"),
    )
    reply = await client("PATCH", f"{where}?fieldManager=m", b"a: [", **APPLY)
    assert (reply.status, reply.json) == (400, bad_request(reply.message))
    assert reply.message.startswith("error decoding YAML: ")
    for document, kind in (({"apiVersion": "v2", "kind": "ConfigMap"}, "v2, Kind=ConfigMap"), ({}, "/, Kind=")):
        check(
            await client("PATCH", f"{where}?fieldManager=m", {**document, "metadata": {"name": "patched"}}, **APPLY),
            bad_request(f"invalid object type: {kind}"),
        )


async def test_protobuf_that_is_none_is_refused(client: Client):
    """Custom kinds take no protobuf (9); of built-in ones what follows the magic number must be a message."""
    headers = {"Content_Type": "application/vnd.kubernetes.protobuf"}
    for body in (b"", b"k8s\x00", b"k8s\x00\xff\xff\xff", b"{}", b"k8s\x00\x0a\x7f", b"\x00" * 40):
        reply = await client("POST", MAPS, body, **headers)
        assert (reply.status, reply.json) == (400, bad_request(reply.message)), body
        assert reply.message
        assert (await client("POST", VMS, body, **headers)).status == 415


async def test_text_that_is_not_utf8_is_stored_with_replacement_characters(client: Client):
    """As Go decodes JSON: invalid bytes and surrogates without their other half become U+FFFD."""
    for name, text in (("bytes", b"\xff\xfe"), ("surrogates", b"\\ud800x"), ("pair", b"\\ud83d\\ude00")):
        body = b'{"metadata":{"name":"%b"},"data":{"a":"%b"}}' % (name.encode(), text)
        reply = await client("POST", MAPS, body)
        assert reply.status == 201, reply.body
        assert reply.json["data"]["a"] == {"bytes": "��", "surrogates": "�x", "pair": "\N{GRINNING FACE}"}[name]


@pytest.mark.parametrize("number", ["18446744073709551616", "-9223372036854775809", "1e30", "1.5"])
@pytest.mark.parametrize("form", ["json", "yaml"])
async def test_numbers_that_are_too_large_are_refused_where_they_have_a_type(client: Client, number, form):
    headers = YAML if form == "yaml" else {}
    machine = json.dumps(vm("number")).replace('"cores": 1', f'"cores": {number}')
    reply = await client("POST", f"{VMS}?dryRun=All", machine.encode(), **headers)
    assert reply.status == 422, reply.body
    assert reply.message.endswith('spec.template.spec.domain.cpu.cores in body must be of type int32: "float64"')
    pod = f'{{"metadata":{{"name":"n"}},"spec":{{"priority":{number},"containers":[{{"name":"c","image":"i"}}]}}}}'
    reply = await client("POST", "/api/v1/namespaces/default/pods?dryRun=All", pod.encode(), **headers)
    assert reply.status == 400, reply.body
    assert reply.message.endswith("into Go struct field PodSpec.spec.priority of type int32")


@pytest.mark.parametrize("form", ["json", "yaml"])
async def test_numbers_of_any_size_are_quantities(client: Client, form):
    """Go reads a quantity from a number's text."""
    for number in ("1", "1.5", "18446744073709551616", "1e30"):
        storage = f'"resources":{{"requests":{{"storage":{number}}}}}'
        claim = f'{{"metadata":{{"name":"n"}},"spec":{{"accessModes":["ReadWriteOnce"],{storage}}}}}'
        headers = YAML if form == "yaml" else {}
        reply = await client(
            "POST", "/api/v1/namespaces/default/persistentvolumeclaims?dryRun=All", claim.encode(), **headers
        )
        assert reply.status == 201, reply.body


@pytest.mark.parametrize(
    ("body", "problem", "shown"), [one for one in NO_JSON if one[1].startswith("invalid character")]
)
async def test_a_scale_that_is_no_json_is_unrecognised(client: Client, body, problem, shown):
    reply = await client("PUT", "/apis/apps/v1/namespaces/default/replicasets/r/scale", body)
    check(reply, unrecognised("Scale", f"couldn't get version/kind; json parse error: {problem}", shown))


@pytest.mark.parametrize(("spec", "found"), [([], "array"), ("x", "string"), ({"pvcName": 1}, "number")])
async def test_objects_that_are_answered_and_not_stored_must_be_decodable_too(client: Client, spec, found):
    """Reference cdi.md 8.2: "bad JSON 400"."""
    path = "/apis/upload.cdi.kubevirt.io/v1beta1/namespaces/default/uploadtokenrequests"
    body = {"apiVersion": "upload.cdi.kubevirt.io/v1beta1", "kind": "UploadTokenRequest", "spec": spec}
    reply = await client("POST", path, {**body, "metadata": {"name": "a"}})
    assert (reply.status, reply.json) == (400, bad_request(reply.message))
    assert f"json: cannot unmarshal {found} into Go struct field UploadTokenRequest.spec" in reply.message
