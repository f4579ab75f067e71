"""
May they: role-based access control over the roles and bindings that are stored (reference kubernetes-api.md 6).

Bindings are read once and found by whom they are for; what a user holds in a namespace, and which of it concerns a resource, is
remembered until a role or binding changes. A request that was seen before costs a few look-ups in dictionaries. Changes are taken from the
store's event log when a request comes, so the answer is as new as the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from solovirt.kinds.rbac import bindings, names
from solovirt.kinds.rbac.bindings import Binding, Holder
from solovirt.kinds.rbac.rules import Rule
from solovirt.machinery.auth.identity import Attributes, User
from solovirt.machinery.errors import Expired
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Cursor, EventType, Record, Store, parse

_VERSION = f"{names.GROUP}/v1"
_REMEMBERED = 4096
"""How many users' rights, and how many questions about each, are remembered."""


class Right(NamedTuple):
    """A rule that somebody holds, and through which binding."""

    rule: Rule
    source: str


@dataclass(slots=True)
class Rights:
    """What a user holds in a namespace (or in the whole cluster)."""

    all: tuple[Right, ...]
    errors: tuple[str, ...]
    """Bindings to roles that are not there."""
    about: dict[tuple[str, str, str, str], tuple[Right, ...]] = field(default_factory=dict)
    """Those that concern a verb on a resource, whatever the object's name."""

    def allowing(self, attributes: Attributes) -> Right | None:
        """The first right that allows it."""
        if attributes.path:
            return next((one for one in self.all if one.rule.allows(attributes)), None)
        key = (attributes.verb, attributes.group, attributes.resource, attributes.subresource)
        found = self.about.get(key)
        if found is None:
            if len(self.about) >= _REMEMBERED:
                self.about.clear()
            found = self.about[key] = tuple(one for one in self.all if one.rule.reaches(*key))
        for right in found:
            if right.rule.names_one(attributes.name):
                return right
        return None

    @property
    def trouble(self) -> str:
        """Why there may be fewer rights than meant; ``""`` if there are not."""
        return aggregate(self.errors)


def aggregate(errors: Iterable[str]) -> str:
    """Several errors as Go prints them: one as it is, more in brackets, each once."""
    distinct = list(dict.fromkeys(errors))
    return distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]" if distinct else ""


def rights_of(
    who: list[Holder], given: Iterable[Binding], rules_of: Callable[[ObjectKey], tuple[Rule, ...] | None]
) -> Rights:
    """What *given* bindings give to *who*. A role that *rules_of* does not know (None) gives nothing and is noted."""
    found: list[Right] = []
    errors: list[str] = []
    for binding in given:
        subject = bindings.subject_of(binding, who)
        if subject is None:
            continue
        rules = rules_of(binding.role)
        if rules is None:
            kind = "role" if binding.role.namespace else "clusterrole"
            errors.append(f'{kind}.{names.GROUP} "{binding.role.name}" not found')
            continue
        source = binding.source(subject)
        found += [Right(rule, source) for rule in rules]
    return Rights(tuple(found), tuple(errors))


class RbacAuthoriser:
    """
    Decides by roles and bindings. The store must be open.

    `allows` gives the reason of access reviews; `rights` everything that somebody holds.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen = -1
        self._cursors: dict[GroupResource, Cursor] = {}
        self._bindings: dict[ObjectKey, Binding] = {}
        self._given: dict[Holder, set[ObjectKey]] = {}
        self._roles: dict[ObjectKey, tuple[Rule, ...]] = {}
        self._rights: dict[tuple[str, tuple[str, ...], str], Rights] = {}

    def allows(self, user: User, attributes: Attributes) -> tuple[bool, str]:
        rights = self.rights(user, attributes.namespace)
        right = rights.allowing(attributes)
        if right is not None:
            return True, f"RBAC: allowed by {right.source}"
        return False, f"RBAC: {rights.trouble}" if rights.errors else ""

    def rules(self, user: User, namespace: str) -> tuple[list[Document], list[Document], str]:
        """What *user* holds in *namespace* as reviews show it: rules on resources, rules on paths, and what is amiss (or ``""``)."""
        rights = self.rights(user, namespace)
        held = [right.rule for right in rights.all]
        resources = [one.resource_document() for one in held if one.resources]
        paths = [one.path_document() for one in held if one.paths]
        return resources, paths, rights.trouble

    def rights(self, user: User, namespace: str) -> Rights:
        """What *user* holds in *namespace*; in the whole cluster if that is empty."""
        now = self._store.now.revision
        if now != self._seen:
            self._catch_up()
            self._seen = now
        key = (user.name, user.groups, namespace)
        known = self._rights.get(key)
        if known is None:
            if len(self._rights) >= _REMEMBERED:
                self._rights.clear()
            known = self._rights[key] = self._resolve(user, namespace)
        return known

    def _resolve(self, user: User, namespace: str) -> Rights:
        who = bindings.holders(user)
        keys = {key for holder in who for key in self._given.get(holder, ()) if key.namespace in ("", namespace)}
        # The cluster's bindings first, each sort by name.
        return rights_of(who, (self._bindings[key] for key in sorted(keys)), self._rules)

    def _rules(self, role: ObjectKey) -> tuple[Rule, ...] | None:
        known = self._roles.get(role)
        if known is None:
            resource = names.ROLES if role.namespace else names.CLUSTER_ROLES
            record = self._store.now.get(resource, role)
            if record is None:
                return None
            document = parse(record, _VERSION, "")
            known = self._roles[role] = tuple(Rule.of(one) for one in document.get("rules") or ())
        return known

    def _catch_up(self) -> None:
        changed = False
        try:
            for resource, record, gone in self._news():
                changed = True
                if resource in (names.ROLES, names.CLUSTER_ROLES):
                    self._roles.pop(record.key, None)
                    continue
                self._forget(record.key)
                if not gone:
                    self._learn(record)
        except Expired:
            # More happened than the log remembers (a restore): everything is read anew.
            self._rebuild()
            changed = True
        if changed:
            self._rights.clear()

    def _news(self) -> Iterator[tuple[GroupResource, Record, bool]]:
        """What changed since the last call: resource, object, whether it is gone."""
        if not self._cursors:
            self._rebuild()
            self._rights.clear()
            return
        for resource, cursor in self._cursors.items():
            for event in cursor.pending():
                yield resource, event.record, event.type is EventType.REMOVE

    def _rebuild(self) -> None:
        for cursor in self._cursors.values():
            cursor.close()
        self._bindings.clear()
        self._given.clear()
        self._roles.clear()
        watched = (names.CLUSTER_ROLE_BINDINGS, names.ROLE_BINDINGS, names.CLUSTER_ROLES, names.ROLES)
        self._cursors = {resource: self._store.watch(resource) for resource in watched}
        for resource in (names.CLUSTER_ROLE_BINDINGS, names.ROLE_BINDINGS):
            for record in self._store.now.list(resource):
                self._learn(record)

    def _learn(self, record: Record) -> None:
        binding = bindings.read(parse(record, _VERSION, ""))
        # A ClusterRoleBinding and a RoleBinding of one name differ in their keys: only one has a namespace.
        self._bindings[binding.key] = binding
        for subject in binding.subjects:
            self._given.setdefault(subject.holder, set()).add(binding.key)

    def _forget(self, key: ObjectKey) -> None:
        binding = self._bindings.pop(key, None)
        if binding is None:
            return
        for subject in binding.subjects:
            keys = self._given.get(subject.holder)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._given[subject.holder]
