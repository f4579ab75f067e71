"""What a path means (reference kubernetes-api.md 2.1, 6)."""

from __future__ import annotations

import pytest

from solovirt.machinery.http.paths import ResourcePath, resource_path, selected_name, split


def parse(path):
    segments = split(path)
    return None if segments is None else resource_path(segments)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/pods", ResourcePath("", "v1", "pods")),
        ("/api/v1/namespaces", ResourcePath("", "v1", "namespaces")),
        ("/api/v1/namespaces/a", ResourcePath("", "v1", "namespaces", "a", "a")),
        ("/api/v1/namespaces/a/finalize", ResourcePath("", "v1", "namespaces", "a", "a", "finalize")),
        ("/api/v1/namespaces/a/status", ResourcePath("", "v1", "namespaces", "a", "a", "status")),
        ("/api/v1/namespaces/a/pods", ResourcePath("", "v1", "pods", "a")),
        ("/api/v1/namespaces/a/pods/b/log", ResourcePath("", "v1", "pods", "a", "b", "log")),
        ("/apis/g/v1/vms/b", ResourcePath("g", "v1", "vms", "", "b")),
        ("/apis/g/v1/namespaces/a/vms/b/vnc/screenshot", ResourcePath("g", "v1", "vms", "a", "b", "vnc/screenshot")),
        ("/apis/g/v1/watch/namespaces/a/vms/b", ResourcePath("g", "v1", "vms", "a", "b", watch=True)),
        ("/apis/g/v1/namespaces/a/vms/x%2Fy", ResourcePath("g", "v1", "vms", "a", "x/y")),
    ],
)
def test_resources_are_told_apart(path, expected):
    assert parse(path) == expected


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/v1", "/api/v1/", "/apis/g", "/apis/g/v1/", "/healthz/ping", "//api"]
)
def test_other_paths_are_no_resources(path):
    assert parse(path) is None


@pytest.mark.parametrize(
    ("method", "path", "watching", "verb"),
    [
        ("GET", "/api/v1/pods", False, "list"),
        ("GET", "/api/v1/pods", True, "watch"),
        ("HEAD", "/api/v1/pods", False, "list"),
        ("GET", "/api/v1/namespaces/a/pods/b", True, "get"),
        ("GET", "/api/v1/watch/namespaces/a/pods/b", False, "watch"),
        ("HEAD", "/api/v1/pods", True, "list"),
        ("HEAD", "/api/v1/watch/pods", False, "list"),
        ("POST", "/api/v1/watch/pods", False, "create"),
        ("OPTIONS", "/api/v1/pods", False, "options"),
        ("DELETE", "/api/v1/namespaces/a/pods", False, "deletecollection"),
        ("DELETE", "/api/v1/namespaces/a/pods/b", False, "delete"),
        ("PATCH", "/api/v1/namespaces/a/pods/b", False, "patch"),
    ],
)
def test_a_method_becomes_the_verb_that_authorisation_names(method, path, watching, verb):
    found = parse(path)
    assert found is not None
    assert found.verb(method, watching=watching) == verb


@pytest.mark.parametrize(
    ("selector", "name"),
    [("metadata.name=a", "a"), ("x=y,metadata.name==b", "b"), ("metadata.name!=a", ""), ("other.metadata.name=a", "")],
)
def test_a_field_selector_for_one_name_is_a_request_for_that_object(selector, name):
    assert selected_name(selector) == name
