"""
What a built-in kind's values look like once Go's types have held them: `resource.Quantity`, `metav1.Time` and `metav1.MicroTime` of k8s.io/apimachinery
(reference kubernetes-api.md 3.2 for times).
"""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds.coordination.models.leases import Lease
from solovirt.kinds.core.models.events import Event
from solovirt.kinds.core.models.pods import Pod
from solovirt.kinds.core.models.quotas import ResourceQuota
from solovirt.kinds.kubevirt.models.vm import VirtualMachine
from solovirt.machinery.resource import Flavour
from solovirt.machinery.schema.compiled import ObjectSchema
from solovirt.machinery.schema.structural import structural


def normalised(model: type[Any], document: dict[str, Any], flavour: Flavour = Flavour.BUILT_IN) -> dict[str, Any]:
    ObjectSchema(structural(model), kind=model.__name__, flavour=flavour).normalise(document)
    return document


def test_quantities_take_their_canonical_form() -> None:
    hard = {"memory": "1024Mi", "cpu": "1000m", "pods": 10, "requests.storage": "1.5Gi", "exact": "1Gi"}
    assert normalised(ResourceQuota, {"spec": {"hard": hard}})["spec"]["hard"] == {
        "memory": "1Gi",
        "cpu": "1",
        "pods": "10",
        "requests.storage": "1536Mi",
        "exact": "1Gi",
    }
    pod = {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "0.5"}}}]}}
    assert normalised(Pod, pod)["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "500m"}}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-11-23T08:01:03+01:00", "2026-11-23T07:01:03Z"),
        ("2026-11-23T07:01:03.999Z", "2026-11-23T07:01:03Z"),
        ("2026-11-23T07:01:03Z", "2026-11-23T07:01:03Z"),
        ("soon", "soon"),
    ],
)
def test_times_are_in_utc_and_whole_seconds(sent: str, kept: str) -> None:
    assert normalised(Event, {"firstTimestamp": sent})["firstTimestamp"] == kept


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-11-23T08:01:03.000001+01:00", "2026-11-23T07:01:03.000001Z"),
        ("2026-11-23T07:01:03.000000+00:00", "2026-11-23T07:01:03.000000Z"),
        ("2026-11-23T07:01:03.123456Z", "2026-11-23T07:01:03.123456Z"),
    ],
)
def test_micro_times_have_six_digits(sent: str, kept: str) -> None:
    assert normalised(Lease, {"spec": {"renewTime": sent}})["spec"]["renewTime"] == kept
    assert normalised(Event, {"series": {"lastObservedTime": sent}})["series"]["lastObservedTime"] == kept


def test_custom_resources_are_kept_as_they_are() -> None:
    machine = {"spec": {"template": {"spec": {"domain": {"memory": {"guest": "1024Mi"}}}}}}
    assert normalised(VirtualMachine, machine, Flavour.CUSTOM) == {
        "spec": {"template": {"spec": {"domain": {"memory": {"guest": "1024Mi"}}}}}
    }
