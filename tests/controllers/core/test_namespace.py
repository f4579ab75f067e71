"""The life and end of namespaces, by reference kubernetes-api.md 7."""

from __future__ import annotations

import pytest

from solovirt.kinds.core import names
from solovirt.machinery.errors import Forbidden
from solovirt.machinery.verbs.protocol import SubresourceRequest

NAMESPACES, CONFIG_MAPS, SECRETS = names.NAMESPACES, names.CONFIG_MAPS, names.SECRETS


def conditions(namespace):
    return {one["type"]: (one["status"], one["reason"], one["message"]) for one in namespace["status"]["conditions"]}


async def test_a_new_namespace_gets_an_account_and_the_root_certificate(cluster):
    await cluster.create(NAMESPACES, "n")
    await cluster.settle()
    assert cluster.names(names.SERVICE_ACCOUNTS, "n") == ["default"]
    assert cluster.get(CONFIG_MAPS, "kube-root-ca.crt", namespace="n")["data"] == {"ca.crt": "PEM"}


async def test_both_come_back_when_they_are_deleted_or_changed(cluster):
    await cluster.delete(names.SERVICE_ACCOUNTS, "default")
    await cluster.patch(CONFIG_MAPS, "kube-root-ca.crt", {"data": {"ca.crt": "forged"}})
    await cluster.settle()
    assert cluster.names(names.SERVICE_ACCOUNTS) == ["default"]
    assert cluster.get(CONFIG_MAPS, "kube-root-ca.crt")["data"] == {"ca.crt": "PEM"}


async def test_a_deleted_namespace_goes_with_everything_in_it(cluster):
    await cluster.create(NAMESPACES, "n")
    for number in range(100):
        await cluster.create(SECRETS, f"s{number}", namespace="n")
    await cluster.create(CONFIG_MAPS, "other")
    await cluster.delete(NAMESPACES, "n")
    assert cluster.find(NAMESPACES, "n") is None
    assert cluster.names(SECRETS, "n") == []
    assert cluster.find(CONFIG_MAPS, "other") is not None


async def test_a_namespace_waits_for_what_is_held_and_says_so(cluster):
    await cluster.create(NAMESPACES, "n")
    await cluster.create(CONFIG_MAPS, "held", namespace="n", metadata={"finalizers": ["x.io/y"]})
    await cluster.delete(NAMESPACES, "n")
    namespace = cluster.get(NAMESPACES, "n")
    assert namespace["status"]["phase"] == "Terminating"
    told = conditions(namespace)
    assert told["NamespaceContentRemaining"] == (
        "True",
        "SomeResourcesRemain",
        "Some resources are remaining: configmaps. has 1 resource instances",
    )
    assert told["NamespaceFinalizersRemaining"] == (
        "True",
        "SomeFinalizersRemain",
        "Some content in the namespace has finalizers remaining: x.io/y in 1 resource instances",
    )
    for type_ in (
        "NamespaceDeletionDiscoveryFailure",
        "NamespaceDeletionGroupVersionParsingFailure",
        "NamespaceDeletionContentFailure",
    ):
        assert told[type_][0] == "False"
    await cluster.patch(CONFIG_MAPS, "held", {"metadata": {"finalizers": None}}, namespace="n")
    await cluster.settle()
    assert cluster.find(NAMESPACES, "n") is None


async def test_nothing_new_comes_into_a_terminating_namespace(cluster):
    await cluster.create(NAMESPACES, "n1")
    await cluster.create(CONFIG_MAPS, "held", namespace="n1", metadata={"finalizers": ["x.io/y"]})
    await cluster.delete(NAMESPACES, "n1")
    with pytest.raises(Forbidden) as refusal:
        await cluster.create(CONFIG_MAPS, "g", namespace="n1")
    assert refusal.value.message == (
        'configmaps "g" is forbidden: unable to create new content in namespace n1 because it is being terminated'
    )


async def test_a_deletion_that_was_interrupted_goes_on_after_a_restart(cluster):
    await cluster.create(NAMESPACES, "n")
    await cluster.create(SECRETS, "s", namespace="n")
    await cluster.halt()
    await cluster.delete(NAMESPACES, "n")
    assert cluster.find(NAMESPACES, "n") is not None
    await cluster.run()
    assert cluster.find(NAMESPACES, "n") is None


async def test_a_finalizer_of_somebody_else_keeps_the_namespace_until_finalize(cluster):
    await cluster.create(NAMESPACES, "n", spec={"finalizers": ["example.com/mine"]})
    await cluster.delete(NAMESPACES, "n")
    namespace = cluster.get(NAMESPACES, "n")
    assert namespace["spec"]["finalizers"] == ["example.com/mine"]
    namespace["spec"]["finalizers"] = []
    handler = cluster.registry.handler(NAMESPACES, "finalize")
    target = cluster.target(NAMESPACES, "n", sub="finalize")
    await handler(SubresourceRequest(target, cluster.caller(), "update", None, namespace))
    assert cluster.find(NAMESPACES, "n") is None


async def test_the_same_name_can_be_used_again(cluster):
    await cluster.create(NAMESPACES, "n")
    await cluster.delete(NAMESPACES, "n")
    await cluster.create(NAMESPACES, "n")
    await cluster.settle()
    assert cluster.names(names.SERVICE_ACCOUNTS, "n") == ["default"]
