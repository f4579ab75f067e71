"""Who is asking (reference kubernetes-api.md 6)."""

from __future__ import annotations

import pytest

from solovirt.machinery.auth.identity import Credentials, User
from solovirt.machinery.auth.tokens import TokenAuthenticator
from solovirt.machinery.errors import Unauthorized


@pytest.fixture
def authenticator():
    return TokenAuthenticator({"secret": User("alice", ("team",))})


def test_a_token_proves_its_user_who_is_then_authenticated(authenticator):
    user = authenticator.authenticate(Credentials("secret"))
    assert (user.name, user.groups) == ("alice", ("team", "system:authenticated"))


def test_no_token_proves_nobody(authenticator):
    assert authenticator.authenticate(Credentials()) is None


@pytest.mark.parametrize("token", ["", "secre", "secrets", "Secret", "s\udcffecret"])
def test_a_false_token_is_refused(authenticator, token):
    with pytest.raises(Unauthorized):
        authenticator.authenticate(Credentials(token))


def test_a_certificate_goes_before_a_token(authenticator):
    user = authenticator.authenticate(Credentials("secret", "bob", ("system:masters",)))
    assert (user.name, user.groups) == ("bob", ("system:masters", "system:authenticated"))
