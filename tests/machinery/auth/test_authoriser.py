"""What holds whatever else decides (reference kubernetes-api.md 6)."""

from __future__ import annotations

import pytest

from solovirt.machinery.auth.authoriser import MastersOnly
from solovirt.machinery.auth.identity import ANONYMOUS, Attributes, User

MASTER = User("root", ("system:masters", "system:authenticated"))
ALICE = User("alice", ("system:authenticated",))
LIST_PODS = Attributes("list", "", "v1", "pods", namespace="default")


@pytest.mark.parametrize(
    ("user", "attributes", "allowed"),
    [
        (MASTER, LIST_PODS, True),
        (MASTER, Attributes("delete", path="/anything"), True),
        (ALICE, LIST_PODS, False),
        (ANONYMOUS, LIST_PODS, False),
        (ANONYMOUS, Attributes("get", path="/healthz"), True),
        (ANONYMOUS, Attributes("get", path="/livez/ping"), True),
        (ANONYMOUS, Attributes("post", path="/healthz"), False),
        (ANONYMOUS, Attributes("get", path="/healthy"), False),
        (ANONYMOUS, Attributes("get", path="/api"), False),
        (ALICE, Attributes("get", path="/apis/kubevirt.io/v1"), True),
        (ALICE, Attributes("get", path="/openapi/v2"), True),
        (ALICE, Attributes("get", path="/metrics"), False),
        (ALICE, Attributes("create", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"), True),
        (ANONYMOUS, Attributes("create", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"), False),
        (ALICE, Attributes("create", "authorization.k8s.io", "v1", "subjectaccessreviews"), False),
    ],
)
def test_what_is_allowed_without_rules(user, attributes, allowed):
    assert MastersOnly().allows(user, attributes) == (allowed, "")


def test_rules_decide_the_rest():
    class Rules:
        def allows(self, user, attributes):
            return user.name == "alice", "because"

    authoriser = MastersOnly(Rules())
    assert authoriser.allows(ALICE, LIST_PODS) == (True, "because")
    assert authoriser.allows(ANONYMOUS, LIST_PODS) == (False, "because")
    assert authoriser.allows(MASTER, LIST_PODS) == (True, "")
