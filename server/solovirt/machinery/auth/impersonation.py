"""
Acting as somebody else: the Impersonate headers, and who may send them (reference kubernetes-api.md 6).

Each thing that is claimed (a user, a group, a uid, a value of an extra field) needs the verb `impersonate` on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from solovirt.machinery.auth.authoriser import AUTHENTICATED
from solovirt.machinery.auth.identity import ANONYMOUS, Attributes, User
from solovirt.machinery.errors import BadRequest, go_value

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

_USER = "Impersonate-User"
_UID = "Impersonate-Uid"
_GROUP = "Impersonate-Group"
_EXTRA = "impersonate-extra-"
_UNAUTHENTICATED = ANONYMOUS.groups[0]
_AUTHENTICATION = "authentication.k8s.io"


def wanted(headers: CIMultiDictProxy[str]) -> User | None:
    """Whom the headers claim to be, as they stand; None if nobody. Raises BadRequest for groups and the like without a user."""
    name = headers.get(_USER, "")
    uid = headers.get(_UID, "")
    groups = tuple(headers.getall(_GROUP, ()))
    extra: dict[str, tuple[str, ...]] = {}
    for header, value in headers.items():
        lower = header.lower()
        if lower.startswith(_EXTRA):
            key = unquote(lower[len(_EXTRA) :])
            extra[key] = (*extra.get(key, ()), value)
    if name:
        return User(name, groups, uid, extra)
    if uid or groups or extra:
        raise BadRequest(f"requested {_as_go_prints(groups, uid, extra)} without impersonating a user name")
    return None


def claims(user: User) -> Iterator[Attributes]:
    """What must be allowed for acting as *user*, in the order in which it is asked."""
    account = _service_account(user.name)
    if account is not None:
        namespace, name = account
        yield Attributes("impersonate", version="v1", resource="serviceaccounts", namespace=namespace, name=name)
    else:
        yield Attributes("impersonate", version="v1", resource="users", name=user.name)
    for group in user.groups:
        yield Attributes("impersonate", version="v1", resource="groups", name=group)
    for key, values in user.extra.items():
        for value in values:
            yield Attributes("impersonate", _AUTHENTICATION, "v1", "userextras", key, name=value)
    if user.uid:
        yield Attributes("impersonate", _AUTHENTICATION, "v1", "uids", name=user.uid)


def become(user: User) -> User:
    """*user* with the groups that go without saying."""
    groups = user.groups
    account = _service_account(user.name)
    if account is not None and not groups:
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{account[0]}")
    if user.name == ANONYMOUS.name:
        if _UNAUTHENTICATED not in groups:
            groups = (*groups, _UNAUTHENTICATED)
    elif AUTHENTICATED not in groups and _UNAUTHENTICATED not in groups:
        groups = (*groups, AUTHENTICATED)
    return User(user.name, groups, user.uid, user.extra)


def _service_account(name: str) -> tuple[str, str] | None:
    """Namespace and name of the ServiceAccount that a user name stands for."""
    parts = name.split(":")
    if len(parts) == 4 and parts[:2] == ["system", "serviceaccount"] and parts[2] and parts[3]:
        return parts[2], parts[3]
    return None


def _as_go_prints(groups: tuple[str, ...], uid: str, extra: Mapping[str, tuple[str, ...]]) -> str:
    """A user without a name, as Go's `%#v` prints it in the refusal."""

    def strings(values: tuple[str, ...]) -> str:
        return "[]string{" + ", ".join(go_value(one) for one in values) + "}"

    shown_groups = strings(groups) if groups else "[]string(nil)"
    shown_extra = "map[string][]string(nil)"
    if extra:
        pairs = ", ".join(f"{go_value(key)}:{strings(values)}" for key, values in sorted(extra.items()))
        shown_extra = "map[string][]string{" + pairs + "}"
    return f'&user.DefaultInfo{{Name:"", UID:{go_value(uid)}, Groups:{shown_groups}, Extra:{shown_extra}}}'
