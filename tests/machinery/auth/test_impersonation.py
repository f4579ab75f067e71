"""Acting as somebody else (reference kubernetes-api.md 6, "Impersonation")."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from solovirt.machinery.auth import impersonation
from solovirt.machinery.auth.identity import User
from solovirt.machinery.errors import BadRequest


def wanted(*headers):
    return impersonation.wanted(CIMultiDictProxy(CIMultiDict(headers)))


def test_without_the_headers_nobody_is_meant():
    assert wanted(("Accept", "*/*")) is None


def test_every_part_of_an_identity_can_be_claimed_and_must_be_allowed():
    user = wanted(
        ("Impersonate-User", "bob"),
        ("Impersonate-Group", "a"),
        ("impersonate-group", "b"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Extra-Acme.com%2Fproject", "x"),
        ("Impersonate-Extra-Acme.com%2Fproject", "y"),
    )
    assert user == User("bob", ("a", "b"), "7", {"acme.com/project": ("x", "y")})
    asked = [(one.group, one.resource, one.subresource, one.namespace, one.name) for one in impersonation.claims(user)]
    assert asked == [
        ("", "users", "", "", "bob"),
        ("", "groups", "", "", "a"),
        ("", "groups", "", "", "b"),
        ("authentication.k8s.io", "userextras", "acme.com/project", "", "x"),
        ("authentication.k8s.io", "userextras", "acme.com/project", "", "y"),
        ("authentication.k8s.io", "uids", "", "", "7"),
    ]
    assert {one.verb for one in impersonation.claims(user)} == {"impersonate"}


def test_a_service_account_is_asked_for_in_its_namespace_and_has_its_groups():
    user = wanted(("Impersonate-User", "system:serviceaccount:ns:robot"))
    (asked,) = impersonation.claims(user)
    assert (asked.resource, asked.namespace, asked.name) == ("serviceaccounts", "ns", "robot")
    assert impersonation.become(user).groups == (
        "system:serviceaccounts",
        "system:serviceaccounts:ns",
        "system:authenticated",
    )


@pytest.mark.parametrize(
    ("name", "groups", "become"),
    [
        ("bob", (), ("system:authenticated",)),
        ("bob", ("a",), ("a", "system:authenticated")),
        ("bob", ("system:authenticated",), ("system:authenticated",)),
        ("bob", ("system:unauthenticated",), ("system:unauthenticated",)),
        ("system:anonymous", (), ("system:unauthenticated",)),
        ("system:serviceaccount:ns:robot", ("a",), ("a", "system:authenticated")),
    ],
)
def test_groups_that_go_without_saying(name, groups, become):
    assert impersonation.become(User(name, groups)).groups == become


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("Impersonate-Group", 'UID:"", Groups:[]string{"x"}, Extra:map[string][]string(nil)'),
        ("Impersonate-Uid", 'UID:"x", Groups:[]string(nil), Extra:map[string][]string(nil)'),
        ("Impersonate-Extra-Scopes", 'UID:"", Groups:[]string(nil), Extra:map[string][]string{"scopes":[]string{"x"}}'),
    ],
)
def test_a_part_without_a_user_is_a_bad_request(header, shown):
    with pytest.raises(BadRequest) as refused:
        wanted((header, "x"))
    assert refused.value.message == (
        f'requested &user.DefaultInfo{{Name:"", {shown}}} without impersonating a user name'
    )
