"""VirtualMachines through the whole write pipeline: what clients get back (reference kubevirt-validation.md 1 and 2)."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds.kubevirt import names
from solovirt.machinery.errors import StatusError
from tests.controllers.conftest import World, machine

MUTATOR = 'admission webhook "virtualmachines-mutator.kubevirt.io" denied the request: '
VALIDATOR = 'admission webhook "virtualmachine-validator.kubevirt.io" denied the request: '


async def refusal(world: World, document: dict[str, Any]) -> dict[str, Any]:
    with pytest.raises(StatusError) as raised:
        await world.user.create(names.VIRTUAL_MACHINES, document)
    return raised.value.status()


async def test_running_with_run_strategy_is_refused_in_kubevirts_words(world):
    message = "Running and RunStrategy are mutually exclusive. Note that Running is deprecated, please use RunStrategy instead"
    status = await refusal(world, machine(running=False, runStrategy="Halted"))
    assert status == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": VALIDATOR + message,
        "reason": "Invalid",
        "details": {"causes": [{"reason": "FieldValueInvalid", "message": message, "field": "spec.running"}]},
        "code": 422,
    }


@pytest.mark.parametrize(
    ("spec", "texts"),
    [
        ({"template": {"spec": {}}}, ["spec.template.spec.domain in body is required"]),
        ({"template": {"spec": {"domain": {}}}}, ["spec.template.spec.domain.devices in body is required"]),
        ({"template": None}, ["spec.template in body is required"]),
        (
            {"template": {"spec": {"domain": {"devices": {}}, "volumes": [{"emptyDisk": {"capacity": "1Gi"}}]}}},
            ["spec.template.spec.volumes.0.name in body is required"],
        ),
        ({"running": "yes"}, ['spec.running in body must be of type boolean: "string"']),
    ],
)
async def test_malformed_machines_are_refused_by_the_mutating_webhook(world, spec, texts):
    document = machine(**{"running": False, **spec})
    if document["spec"]["template"] is None:
        del document["spec"]["template"]
    status = await refusal(world, document)
    assert status["message"] == MUTATOR + ", ".join(texts)
    assert (status["code"], status["details"]) == (422, {"causes": [{"message": text} for text in texts]})


async def test_more_than_256_volumes_are_the_api_servers_business(world):
    """Rule 4: the webhook's schema has no maxItems, so Kubernetes' own wording is left."""
    document = machine(running=False)
    volumes = [{"name": f"v{index}", "emptyDisk": {"capacity": "1Gi"}} for index in range(257)]
    document["spec"]["template"]["spec"]["volumes"] = volumes
    status = await refusal(world, document)
    assert status["message"].startswith('VirtualMachine.kubevirt.io "vm" is invalid: ')
    assert status["details"]["causes"][0] == {
        "reason": "FieldValueTooMany",
        "message": "Too many: 257: must have at most 256 items",
        "field": "spec.template.spec.volumes",
    }
