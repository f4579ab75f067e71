"""Namespaces, by reference kubernetes-api.md 7."""

from __future__ import annotations

import pytest

from solovirt.machinery.admission import Operation
from solovirt.machinery.errors import Forbidden


@pytest.fixture
def namespaces(kind):
    return kind("namespaces")


def test_a_new_namespace_is_active_named_by_a_label_and_has_the_finalizer(namespaces):
    made = namespaces.created({"metadata": {"name": "a", "labels": {"x": "y", "kubernetes.io/metadata.name": "b"}}})
    assert made["metadata"]["labels"] == {"x": "y", "kubernetes.io/metadata.name": "a"}
    assert made["spec"] == {"finalizers": ["kubernetes"]}
    assert made["status"] == {"phase": "Active"}


def test_only_finalize_changes_the_finalizers(namespaces):
    made = namespaces.created({"metadata": {"name": "a"}})

    def drop(obj):
        obj["spec"] = {"finalizers": []}

    updated, errors = namespaces.update(made, drop)
    assert (updated, errors) == (made, [])
    finalized, errors = namespaces.update(made, drop, "finalize")
    assert finalized["spec"] == {"finalizers": []}
    assert errors == []
    assert not namespaces.resource.behaviour.is_held(finalized)
    assert namespaces.resource.behaviour.is_held(made)


def test_the_name_label_comes_back_when_it_is_removed(namespaces):
    made = namespaces.created({"metadata": {"name": "a"}})
    updated, _ = namespaces.update(made, lambda obj: obj["metadata"].pop("labels"))
    assert updated["metadata"]["labels"] == {"kubernetes.io/metadata.name": "a"}


def test_a_deleted_namespace_is_terminating_without_a_grace_period(namespaces):
    made = namespaces.created({"metadata": {"name": "a"}})
    made["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z", deletionGracePeriodSeconds=0)
    namespaces.resource.behaviour.begin_delete(made, namespaces.admission(Operation.DELETE, made))
    assert made["status"] == {"phase": "Terminating"}
    assert "deletionGracePeriodSeconds" not in made["metadata"]


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_some_namespaces_stay(namespaces, name):
    obj = {"metadata": {"name": name}}
    with pytest.raises(Forbidden) as refusal:
        namespaces.resource.behaviour.validate_delete(obj, namespaces.admission(Operation.DELETE, obj))
    assert refusal.value.message == f'namespaces "{name}" is forbidden: this namespace may not be deleted'


def test_other_namespaces_may_go(namespaces):
    obj = {"metadata": {"name": "kube-node-lease"}}
    namespaces.resource.behaviour.validate_delete(obj, namespaces.admission(Operation.DELETE, obj))
