"""Secrets and ConfigMaps, by reference kubernetes-api.md 7."""

from __future__ import annotations

import pytest

FROZEN = "Forbidden: field is immutable when `immutable` is set"


def secret(**fields):
    return {"metadata": {"namespace": "n", "name": "s"}, **fields}


@pytest.fixture
def secrets(kind):
    return kind("secrets")


@pytest.fixture
def config_maps(kind):
    return kind("configmaps")


def test_string_data_goes_into_data_and_is_not_kept(secrets):
    made = secrets.created(secret(data={"a": "eA==", "b": "eQ=="}, stringData={"a": "hello"}))
    assert made["data"] == {"a": "aGVsbG8=", "b": "eQ=="}
    assert "stringData" not in made


def test_a_secret_is_opaque_unless_it_says_otherwise(secrets):
    assert secrets.created(secret())["type"] == "Opaque"


def test_the_type_of_a_secret_does_not_change(secrets):
    made = secrets.created(secret())
    _, errors = secrets.update(made, lambda obj: obj.update(type="foo"))
    assert errors == ['type: Invalid value: "foo": field is immutable']


@pytest.mark.parametrize("plural", ["secrets", "configmaps"])
def test_immutable_freezes_data_and_itself(kind, plural):
    frozen = kind(plural).created(secret(data={"a": "eA=="}, immutable=True))
    _, errors = kind(plural).update(frozen, lambda obj: obj["data"].update(a="eQ=="))
    assert errors == [f"data: {FROZEN}"]
    _, errors = kind(plural).update(frozen, lambda obj: obj.update(immutable=False))
    assert errors == [f"immutable: {FROZEN}"]
    _, errors = kind(plural).update(frozen, lambda obj: obj["metadata"].update(labels={"a": "b"}))
    assert errors == []


@pytest.mark.parametrize(
    ("type", "data", "expected"),
    [
        ("kubernetes.io/tls", {}, ["data[tls.crt]: Required value", "data[tls.key]: Required value"]),
        ("kubernetes.io/tls", {"tls.crt": "", "tls.key": ""}, []),
        ("kubernetes.io/ssh-auth", {}, ["data[ssh-privatekey]: Required value"]),
        ("kubernetes.io/basic-auth", {"username": "eA=="}, []),
        ("kubernetes.io/basic-auth", {}, ["data[username]: Required value", "data[password]: Required value"]),
        (
            "kubernetes.io/service-account-token",
            {},
            ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
        ),
        ("helm.sh/release.v1", {"release": "eA=="}, []),
    ],
)
def test_types_that_are_known_need_their_keys(secrets, type, data, expected):
    assert secrets.create(secret(type=type, data=data))[1] == expected


def test_a_docker_configuration_must_be_json(secrets):
    _, errors = secrets.create(secret(type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": "eA=="}))
    assert len(errors) == 1
    assert errors[0].startswith('data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": ')
    assert secrets.create(secret(type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": "e30="}))[1] == []


def test_keys_are_file_names(secrets):
    text = (
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
        "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
    )
    assert secrets.create(secret(data={"a b": ""}))[1] == [f'data[a b]: Invalid value: "a b": {text}']


def test_a_secret_holds_one_mebibyte(secrets):
    mebibyte = "A" * (4 * (1 << 20) // 3 + 1)
    assert secrets.create(secret(data={"a": mebibyte + "AAAA"}))[1] == [
        "data: Too long: may not be more than 1048576 bytes"
    ]
    assert secrets.create(secret(data={"a": mebibyte[:-8]}))[1] == []


def test_a_config_map_holds_one_mebibyte_in_both_maps(config_maps):
    half = {"a": "x" * (1 << 19)}
    assert config_maps.create(secret(data=half, binaryData={"b": "A" * (1 << 20)}))[1] == [
        "[]: Too long: may not be more than 1048576 bytes"
    ]
    assert config_maps.create(secret(data=half))[1] == []


def test_a_key_is_in_one_map_only(config_maps):
    assert config_maps.create(secret(data={"a": ""}, binaryData={"a": ""}))[1] == [
        'data[a]: Invalid value: "a": duplicate of key present in binaryData'
    ]
