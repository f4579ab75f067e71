"""Every form of rule (reference kubernetes-api.md 6, "RBAC"), and what covers what."""

from __future__ import annotations

import pytest

from solovirt.kinds.rbac.rules import EVERYTHING, Rule, compact, missing
from solovirt.machinery.auth.identity import Attributes


def rule(verbs="get", groups="", resources="pods", names=""):
    return Rule(
        tuple(verbs.split()), tuple(groups.split(",")), tuple(resources.split()), tuple(names.split()) if names else ()
    )


def asked(verb="get", resource="pods", name="", group="", namespace="default"):
    plural, _, subresource = resource.partition("/")
    return Attributes(verb, group, "v1", plural, subresource, namespace, name)


@pytest.mark.parametrize(
    ("held", "request_", "allowed"),
    [
        (rule(), asked(), True),
        (rule(), asked("list"), False),
        (rule("*"), asked("deletecollection"), True),
        (rule("get list"), asked("list"), True),
        (rule(), asked(resource="services"), False),
        (rule(), asked(group="apps"), False),
        (rule(groups="*"), asked(group="apps"), True),
        (rule(groups=",apps"), asked(group="apps"), True),
        # `pods` does not cover its subresources, `*` does, `pods/*` means nothing.
        (rule(resources="pods"), asked(resource="pods/exec"), False),
        (rule(resources="pods/exec"), asked(resource="pods/exec"), True),
        (rule(resources="pods/exec"), asked(resource="pods"), False),
        (rule(resources="*"), asked(resource="pods/exec"), True),
        (rule(resources="pods/*"), asked(resource="pods/exec"), False),
        (rule(resources="*/scale"), asked(resource="deployments/scale"), True),
        (rule(resources="*/scale"), asked(resource="deployments"), False),
        (rule(resources="*/scale"), asked(resource="pods/exec"), False),
        (
            rule(resources="virtualmachineinstances/vnc/screenshot"),
            asked(resource="virtualmachineinstances/vnc"),
            False,
        ),
        # Names: not for what names no object.
        (rule(names="a b"), asked(name="b"), True),
        (rule(names="a b"), asked(name="c"), False),
        (rule("create", names="a"), asked("create"), False),
        (rule("deletecollection", names="a"), asked("deletecollection"), False),
        (rule("list", names="a"), asked("list"), False),
        (rule("list", names="a"), asked("list", name="a"), True),
    ],
)
def test_what_a_rule_on_resources_allows(held, request_, allowed):
    assert held.allows(request_) is allowed


@pytest.mark.parametrize(
    ("paths", "path", "allowed"),
    [
        ("/metrics", "/metrics", True),
        ("/metrics", "/metrics/slis", False),
        ("/api/*", "/api/v1", True),
        ("/api/*", "/api", False),
        ("/api*", "/apis", True),
        ("*", "/anything", True),
    ],
)
def test_what_a_rule_on_paths_allows(paths, path, allowed):
    held = Rule(("get",), paths=(paths,))
    assert held.allows(Attributes("get", path=path)) is allowed
    assert not held.allows(Attributes("post", path=path))


def test_rules_on_resources_say_nothing_of_paths():
    assert not EVERYTHING[0].allows(Attributes("get", path="/metrics"))
    assert not EVERYTHING[1].allows(asked())


@pytest.mark.parametrize(
    ("held", "wanted", "lacking"),
    [
        ([rule("get list")], [rule("get")], []),
        ([rule("get")], [rule("get list")], ["list"]),
        ([rule("get"), rule("list")], [rule("get list")], []),
        ([rule("*", "*", "*")], [rule("get", "apps", "deployments/scale", "x")], []),
        ([rule("get", names="a")], [rule("get")], ["get"]),
        ([rule("get")], [rule("get", names="a")], []),
        ([rule("get", names="a")], [rule("get", names="a b")], ["get"]),
        ([rule("get", resources="*/scale")], [rule("get", resources="deployments/scale")], []),
        ([rule("get", resources="deployments/scale")], [rule("get", resources="*/scale")], ["get"]),
        ([rule("get")], [rule("*")], ["*"]),
        ([Rule(("get",), paths=("/a/*",))], [Rule(("get",), paths=("/a/b",))], []),
        ([Rule(("get",), paths=("/a/*",))], [Rule(("get",), paths=("/b",))], ["get"]),
        ([rule("*", "*", "*")], [Rule(("get",), paths=("/b",))], ["get"]),
    ],
)
def test_what_is_missing(held, wanted, lacking):
    assert [verb for part in missing(held, wanted) for verb in part.verbs] == lacking


def test_missing_rights_are_printed_as_go_prints_them():
    parts = missing(
        [], [rule("get list", "apps", "deployments"), rule("get", names="a"), Rule(("get",), paths=("/x",))]
    )
    assert sorted(str(one) for one in compact(parts)) == [
        '{APIGroups:[""], Resources:["pods"], ResourceNames:["a"], Verbs:["get"]}',
        '{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}',
        '{NonResourceURLs:["/x"], Verbs:["get"]}',
    ]


def test_nulls_are_empty_texts_and_lists():
    held = Rule.of({"verbs": ["get"], "nonResourceURLs": [None], "apiGroups": None})
    assert (held.paths, held.groups) == (("",), ())
    assert not held.allows(Attributes("get", path="/x"))
    assert Rule.of(None) == Rule()
