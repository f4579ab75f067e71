"""Admission of replica sets and presets (kubevirt-validation.md 8), and what presets do to instances (6)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from solovirt.kinds.kubevirt import behaviour_preset, behaviour_replicaset, behaviour_vmi
from solovirt.machinery.admission import Operation
from tests.kinds.kubevirt.admitted import RESOURCES, admission, causes, refusal

REPLICA_SET, PRESET, INSTANCE = (f"VirtualMachineInstance{suffix}" for suffix in ("ReplicaSet", "Preset", ""))
DOMAIN = {"devices": {}, "memory": {"guest": "1Gi"}}


def replica_set(**changes: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"domain": DOMAIN}}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template, **changes}
    return {"metadata": {"name": "it", "namespace": "default"}, "spec": copy.deepcopy(spec)}


BAD_OPERATOR = {"matchExpressions": [{"key": "app", "operator": "Like"}]}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"template": None}, [("Required", "spec.template", "missing virtual machine template.")]),
        (
            {"selector": {"matchLabels": {"app": "db"}}},
            [("Invalid", "spec.selector", "selector does not match labels.")],
        ),
        ({"selector": BAD_OPERATOR}, [("Invalid", "spec.selector", '"Like" is not a valid label selector operator')]),
    ],
)
def test_replica_sets(changes, expected):
    """Rules 209 and 210, at creation and later: the selector may change."""
    behaviour, obj = RESOURCES[REPLICA_SET].behaviour, replica_set(**changes)
    webhook = behaviour_replicaset.VALIDATOR
    assert causes(lambda: behaviour.validate_create(obj, admission(REPLICA_SET)), webhook) == expected
    update = admission(REPLICA_SET, operation=Operation.UPDATE)
    assert causes(lambda: behaviour.validate_update(obj, replica_set(), update), webhook) == expected


def test_the_template_of_a_replica_set_is_checked_as_an_instance():
    """Rule 211."""
    obj = replica_set()
    obj["spec"]["template"]["spec"]["evictionStrategy"] = "Never"
    field = "spec.template.spec.evictionStrategy"
    expected = [("Invalid", field, f"{field} is set with an unrecognized option: Never")]
    act = RESOURCES[REPLICA_SET].behaviour.validate_create
    assert causes(lambda: act(obj, admission(REPLICA_SET)), behaviour_replicaset.VALIDATOR) == expected


def test_scaling_a_replica_set_checks_nothing():
    asked = admission(REPLICA_SET, operation=Operation.UPDATE, subresource="scale")
    RESOURCES[REPLICA_SET].behaviour.validate_update(replica_set(selector=BAD_OPERATOR), replica_set(), asked)


def preset(name: str = "small", labels: dict[str, str] | None = None, **domain: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "default"}
    selector = {"matchLabels": {"flavor": "small"} if labels is None else labels}
    return {"kind": PRESET, "metadata": meta, "spec": {"selector": selector, "domain": domain}}


def test_a_preset_has_a_domain():
    """Rule 218."""
    behaviour, obj = RESOURCES[PRESET].behaviour, preset()
    behaviour.validate_create(obj, admission(PRESET))
    del obj["spec"]["domain"]
    expected = [("Required", "spec.domain", "missing domain.")]
    webhook = behaviour_preset.VALIDATOR
    assert causes(lambda: behaviour.validate_create(obj, admission(PRESET)), webhook) == expected
    update = admission(PRESET, operation=Operation.UPDATE)
    assert causes(lambda: behaviour.validate_update(obj, preset(), update), webhook) == expected


def instance(*presets: dict[str, Any], annotations: dict[str, str] | None = None, **domain: Any) -> dict[str, Any]:
    """What becomes of an instance where there are *presets*."""
    meta = {"name": "it", "namespace": "default", "labels": {"flavor": "small"}}
    if annotations is not None:
        meta["annotations"] = annotations
    obj = {"metadata": meta, "spec": {"domain": {**copy.deepcopy(DOMAIN), **domain}}}
    RESOURCES[INSTANCE].behaviour.mutate(obj, None, admission(INSTANCE, *presets))
    return obj


def test_a_preset_fills_what_an_instance_leaves_out():
    """Rule 200's counterpart: no conflict."""
    made = instance(preset(cpu={"cores": 4}, ioThreadsPolicy="auto", devices={"watchdog": {"name": "w"}}))
    domain = made["spec"]["domain"]
    assert (domain["cpu"]["cores"], domain["ioThreadsPolicy"]) == (4, "auto")
    assert domain["devices"]["watchdog"]["name"] == "w"
    assert made["metadata"]["annotations"] == {"virtualmachinepreset.kubevirt.io/small": "kubevirt.io/v1"}


def test_an_instance_keeps_its_own():
    made = instance(preset(cpu={"cores": 4}), cpu={"cores": 1})
    assert made["spec"]["domain"]["cpu"]["cores"] == 1
    assert "annotations" not in made["metadata"]


def test_requests_and_clocks_of_presets():
    made = instance(
        preset(resources={"requests": {"memory": "2Gi"}}, clock={"utc": {}, "timer": {"hpet": {}}}), memory={}
    )
    domain = made["spec"]["domain"]
    assert domain["resources"] == {"requests": {"memory": "2Gi"}}
    assert domain["clock"] == {"utc": {}, "timer": {"hpet": {}}}
    assert domain["memory"]["guest"] == "2Gi"


@pytest.mark.parametrize(
    ("presets", "annotations"),
    [
        ([preset(labels={"flavor": "large"}, cpu={"cores": 4})], None),
        ([preset(cpu={"cores": 4})], {"virtualmachineinstancepresets.admission.kubevirt.io/exclude": "true"}),
    ],
)
def test_presets_for_others_and_instances_that_want_none(presets, annotations):
    assert instance(*presets, annotations=annotations)["spec"]["domain"]["cpu"]["cores"] == 1


def test_presets_that_contradict_each_other_make_the_instance_impossible():
    """Rule 200: 422 with a text alone."""
    status = refusal(lambda: instance(preset("a", ioThreadsPolicy="auto"), preset("b", ioThreadsPolicy="shared")))
    assert status["message"] == (
        f'admission webhook "{behaviour_vmi.MUTATOR}" denied the request: VirtualMachinePresets cannot be applied due to '
        "conflicts: presets 'b' and 'a' conflict: spec.ioThreadsPolicy: shared != auto"
    )
    assert status["code"] == 422
    assert "details" not in status
