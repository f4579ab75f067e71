"""The protobuf form holds what the JSON form holds, under the field numbers of gnostic's OpenAPIv2.proto."""

import json
import struct

# Field numbers of the messages that are looked into, from openapiv2/OpenAPIv2.proto of google/gnostic-models.
SCHEMA = {
    1: "$ref", 2: "format", 4: "description", 13: "pattern", 19: "required", 22: "type", 23: "items", 25: "properties",
    14: "maxItems", 11: "maxLength", 9: "minimum", 7: "maximum", 6: "multipleOf",
}  # fmt: skip


def fields(data):
    """Number and value of each field of a message: bytes, or the integer of a varint, or a float."""
    position = 0

    def varint():
        nonlocal position
        shift = value = 0
        while True:
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    while position < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 1:
            yield key >> 3, struct.unpack("<d", data[position : position + 8])[0]
            position += 8
        else:
            assert key & 7 == 2
            length = varint()
            yield key >> 3, data[position : position + length]
            position += length


def named(data):
    """A map written as repeated (1: name, 2: value) messages in field 1."""
    out = {}
    for number, entry in fields(data):
        assert number == 1
        parts = dict(fields(entry))
        out[parts[1].decode()] = parts.get(2, b"")
    return out


def any_value(data):
    return json.loads(dict(fields(data))[2])


def schema(data):
    out = {}
    for number, value in fields(data):
        if number == 5:
            out["default"] = any_value(value)
        elif number == 20:
            out.setdefault("enum", []).append(any_value(value))
        elif number == 31:
            entry = dict(fields(value))
            out[entry[1].decode()] = any_value(entry[2])
        elif number == 21:
            entry = dict(fields(value))
            out["additionalProperties"] = schema(entry[1]) if 1 in entry else bool(entry[2])
        else:
            name = SCHEMA[number]
            if name == "type":
                out[name] = dict(fields(value))[1].decode()
            elif name == "items":
                out[name] = schema(dict(fields(value))[1])
            elif name == "properties":
                out[name] = {key: schema(child) for key, child in named(value).items()}
            elif name == "required":
                out.setdefault(name, []).append(value.decode())
            else:
                out[name] = value.decode() if isinstance(value, bytes) else value
    return out


def test_every_definition_arrives_unchanged(openapi):
    message = dict(fields(openapi.v2_protobuf().content))
    assert message[1] == b"2.0"
    arrived = {name: schema(value) for name, value in named(message[9]).items()}
    assert arrived == json.loads(openapi.v2_json().content)["definitions"]


def test_paths_carry_actions_kinds_and_patch_parameters(openapi):
    message = dict(fields(openapi.v2_protobuf().content))
    paths = {}
    for number, entry in fields(message[8]):
        assert number == 2
        parts = dict(fields(entry))
        paths[parts[1].decode()] = parts[2]
    document = json.loads(openapi.v2_json().content)
    assert set(paths) == set(document["paths"])
    item = dict(fields(paths["/apis/example.com/v1/namespaces/{namespace}/vms/{name}"]))
    extensions, names = {}, set()
    for number, value in fields(item[8]):
        if number == 13:
            entry = dict(fields(value))
            extensions[entry[1].decode()] = any_value(entry[2])
        elif number == 8:
            parameter = dict(fields(dict(fields(value))[1]))
            if 2 in parameter:
                query = dict(fields(dict(fields(parameter[2]))[3]))
                names.add(query[4].decode())
    assert extensions == {
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": {"group": "example.com", "version": "v1", "kind": "VM"},
    }
    assert names == {"dryRun", "fieldManager", "fieldValidation", "force"}
