"""Clones across namespaces, asked for by users and by VirtualMachines (reference cdi.md 9.2, 14.1)."""

from __future__ import annotations

import pytest

from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names as kubevirt
from solovirt.kinds.rbac import names as rbac
from solovirt.machinery.auth.identity import User
from solovirt.machinery.errors import StatusError
from solovirt.machinery.resource import Document
from tests.controllers.conftest import World, machine

ADMINISTRATOR = User("root", ("system:masters",))
SOURCE = {"pvc": {"namespace": "default", "name": "golden"}}
STORAGE = {"resources": {"requests": {"storage": "1Gi"}}}
TEXT = "User {} has insufficient permissions in clone source namespace default"


async def test_a_user_without_leave_is_refused_in_cdis_words(world: World) -> None:
    document: Document = {
        "metadata": {"name": "copy", "namespace": "kubevirt"},
        "spec": {"source": SOURCE, "storage": STORAGE},
    }
    with pytest.raises(StatusError) as refused:
        await world.user.create(cdi.DATA_VOLUMES, document)
    status = refused.value.status()
    assert status["code"] == 422
    message = TEXT.format("jane")
    assert status["details"]["causes"] == [
        {"reason": "FieldValueInvalid", "message": message, "field": "spec.source.PVC.namespace"}
    ]
    prefix = 'admission webhook "datavolume-mutate.cdi.kubevirt.io" denied the request:  '
    assert status["message"] == prefix + message
    # One who takes a claim that is there clones nothing.
    document["metadata"]["annotations"] = {"cdi.kubevirt.io/storage.prePopulated": "copy"}
    await world.user.create(cdi.DATA_VOLUMES, document)


async def test_a_data_source_decides_what_is_cloned(world: World) -> None:
    named = {"metadata": {"name": "golden", "namespace": "kubevirt"}, "spec": {"source": SOURCE}}
    await world.user.create(cdi.DATA_SOURCES, named)
    document: Document = {
        "metadata": {"name": "copy", "namespace": "kubevirt"},
        "spec": {"sourceRef": {"kind": "DataSource", "name": "golden"}, "storage": STORAGE},
    }
    with pytest.raises(StatusError, match="insufficient permissions"):
        await world.user.create(cdi.DATA_VOLUMES, document)


async def test_a_missing_namespace_is_a_bad_request(world: World) -> None:
    source = {"pvc": {"namespace": "nowhere", "name": "golden"}}
    document: Document = {
        "metadata": {"name": "copy", "namespace": "default"},
        "spec": {"source": source, "storage": STORAGE},
    }
    with pytest.raises(StatusError) as refused:
        await world.user.create(cdi.DATA_VOLUMES, document)
    assert refused.value.status()["code"] == 400


async def test_a_machine_clones_by_the_leave_of_its_service_account(world: World) -> None:
    await world.system.create(core.NAMESPACES, {"metadata": {"name": "team"}})
    vm = machine(
        running=False,
        dataVolumeTemplates=[{"metadata": {"name": "copy"}, "spec": {"source": SOURCE, "storage": STORAGE}}],
    )
    vm["metadata"]["namespace"] = "team"
    vm["spec"]["template"]["spec"]["volumes"] = [{"name": "root", "dataVolume": {"name": "copy"}}]
    vm["spec"]["template"]["spec"]["domain"]["devices"]["disks"] = [{"name": "root", "disk": {}}]
    await world.user.create(kubevirt.VIRTUAL_MACHINES, vm)
    await world.manager.settle()
    account = "system:serviceaccount:team:default"
    refused = f"Not authorized to create DataVolume copy: {TEXT.format(account)}"
    assert ("Warning", "UnauthorizedDataVolumeCreate", refused) in world.events()
    role = {
        "metadata": {"name": "cloner", "namespace": "default"},
        "rules": [{"apiGroups": ["cdi.kubevirt.io"], "resources": ["datavolumes/source"], "verbs": ["create"]}],
    }
    binding = {
        "metadata": {"name": "cloner", "namespace": "default"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "cloner"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "team"}],
    }
    administrator = world.manager.tools("solovirt", user=ADMINISTRATOR).objects
    await administrator.create(rbac.ROLES, role)
    await administrator.create(rbac.ROLE_BINDINGS, binding)
    await world.advance(120)
    made = "Created DataVolume copy"
    assert ("Normal", "SuccessfulDataVolumeCreate", made) in world.events()
