"""ClusterRoles that gather the rules of others by label (reference kubernetes-api.md 6)."""

from __future__ import annotations

from collections.abc import Iterable

from solovirt.machinery.resource import Document
from solovirt.machinery.selectors import LabelSelector, from_label_selector


def selectors(role: Document) -> list[LabelSelector]:
    """What a role gathers from; empty if it gathers nothing. Raises BadRequest for selectors that are none."""
    given = (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ()
    return [from_label_selector(one or {}) for one in given]


def gathered(role: Document, others: Iterable[Document]) -> list[Document]:
    """The rules that *role* is to have: those of the *others* that it selects, in the order of their names, each once."""
    found: list[Document] = []
    wanted = selectors(role)
    name = role["metadata"]["name"]
    for other in sorted(others, key=lambda one: str(one["metadata"]["name"])):
        metadata = other["metadata"]
        labels = metadata.get("labels") or {}
        if metadata["name"] != name and any(one.matches(labels) for one in wanted):
            found += [rule for rule in other.get("rules") or () if rule not in found]
    return found
