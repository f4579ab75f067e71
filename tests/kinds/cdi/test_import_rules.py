"""CDI's webhooks for DataImportCrons and populators' sources (reference cdi.md 12.2, 12.3)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from solovirt.kinds.cdi.behaviour import InstallationBehaviour
from solovirt.kinds.cdi.resources import RESOURCES
from solovirt.machinery.admission import Admission, Operation
from solovirt.machinery.auth.identity import User
from solovirt.machinery.errors import StatusError
from solovirt.machinery.resource import ObjectKey
from tests.kinds.cdi.test_behaviour import Claims

URL = {"url": "docker://quay.io/a/b"}


def admission(kind: str, operation: Operation = Operation.CREATE) -> Admission:
    resource = next(one for one in RESOURCES if one.kind == kind)
    when = datetime(2026, 1, 1, tzinfo=UTC)
    return Admission(operation, resource, "v1beta1", ObjectKey("ns", "one"), User("jane"), Claims(), when)


def cause(
    kind: str, spec: dict[str, Any], *, name: str = "one", old: dict[str, Any] | None = None
) -> tuple[str, str, str] | None:
    asked = admission(kind, Operation.UPDATE if old is not None else Operation.CREATE)
    behaviour = asked.resource.behaviour
    document = {"metadata": {"name": name, "namespace": "ns"}, "spec": spec}
    try:
        if old is not None:
            behaviour.validate_update(document, {**document, "spec": old}, asked)
        else:
            behaviour.validate_create(document, asked)
    except StatusError as error:
        status = error.status()
        assert status["code"] == 422
        (found,) = status["details"]["causes"]
        assert status["message"].endswith(f"denied the request:  {found['message']}")
        return found["reason"], found.get("field", ""), found["message"]
    return None


def cron(template: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    of_template = {
        "source": {"registry": URL},
        "storage": {"resources": {"requests": {"storage": "1Gi"}}},
        **(template or {}),
    }
    return {"template": {"spec": of_template}, "schedule": "@daily", "managedDataSource": "golden", **spec}


def test_a_good_cron_is_admitted() -> None:
    assert cause("DataImportCron", cron(importsToKeep=0, garbageCollect="Never")) is None
    assert cause("DataImportCron", cron(schedule="")) is None


INVALID, DUPLICATE = "FieldValueInvalid", "FieldValueDuplicate"


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        (cron({"source": {"http": URL}}), "spec.Template", "Missing source"),
        (
            cron({"contentType": "kubevirt"}),
            "spec.Template",
            "Unsettable fields: SourceRef, ContentType, Checkpoints, FinalCheckpoint",
        ),
        (cron({"storage": None}), "Template.PVC", "Missing Data volume PVC"),
        (
            cron({"source": {"registry": {}}}),
            "Template.source.Registry",
            "Source registry should have either URL or ImageStream",
        ),
        (cron(schedule="* * *"), "spec.Schedule", "Illegal cron schedule"),
        (cron(importsToKeep=-1), "spec.ImportsToKeep", "Illegal ImportsToKeep value"),
        (cron(garbageCollect="Sometimes"), "spec.GarbageCollect", "Illegal GarbageCollect value"),
        (cron(managedDataSource=""), "spec.ManagedDataSource", "Illegal ManagedDataSource value"),
        (cron(managedDataSource="a" * 64), "", "Name cannot be longer than 63 characters"),
    ],
)
def test_rules_of_crons(spec: dict[str, Any], field: str, message: str) -> None:
    assert cause("DataImportCron", spec) == (INVALID, field, message)


def test_a_cron_keeps_its_spec_and_a_short_name() -> None:
    changed = cause("DataImportCron", cron(schedule="@hourly"), old=cron())
    assert changed == (DUPLICATE, "DataImportCron.Spec", "Cannot update DataImportCron Spec")
    assert cause("DataImportCron", cron(), old=cron()) is None
    long = cause("DataImportCron", cron(), name="a" * 64)
    assert long == (INVALID, "", "Name cannot be longer than 63 characters")


VDDK = {"secretRef": "s", "uuid": "u", "backingFile": "f", "thumbprint": "t"}
STAGES = {"source": {"vddk": VDDK}, "checkpoints": [{"previous": "", "current": "a"}]}


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        ({"source": {}}, "spec.source", "Missing VolumeImport source"),
        ({"source": {"http": URL, "blank": {}}}, "spec.source", "Multiple VolumeImport sources"),
        (
            {"source": {"http": {"url": "ftp://a"}}},
            "spec.source.HTTP.url",
            "spec.source Invalid source URL scheme: ftp://a",
        ),
        (STAGES, "spec.targetClaim", "Unable to do multi-stage import without specifying a target claim"),
        (
            {"source": {"blank": {}}, "contentType": "archive"},
            "spec.contentType",
            "SourceType cannot be blank and the contentType be archive",
        ),
        (
            {"source": {"blank": {}}, "contentType": "x"},
            "spec.contentType",
            "ContentType not one of: kubevirt, archive",
        ),
    ],
)
def test_rules_of_import_sources(spec: dict[str, Any], field: str, message: str) -> None:
    assert cause("VolumeImportSource", spec) == (INVALID, field, message)


def test_sources_keep_their_specs_but_for_checkpoints() -> None:
    spec: dict[str, Any] = {"source": {"blank": {}}}
    changed = cause("VolumeImportSource", {"source": {"http": {"url": "http://a"}}}, old=spec)
    assert changed == (DUPLICATE, "VolumeImportSource.Spec", "Cannot update VolumeImportSource Spec")
    staged = {**STAGES, "targetClaim": "disk"}
    assert cause("VolumeImportSource", {**staged, "finalCheckpoint": True}, old=staged) is None
    changed = cause("VolumeUploadSource", {"contentType": "archive"}, old={})
    assert changed == (DUPLICATE, "VolumeUploadSource.Spec", "Cannot update VolumeUploadSource Spec")


def test_the_installation_may_be_kept_from_going_while_there_are_data_volumes() -> None:
    class Two(Claims):
        def records(self, resource, namespace=None):
            return iter((None, None))

    asked = admission("CDI", Operation.DELETE)
    asked.lookup = Two()
    document = {"metadata": {"name": "cdi"}, "spec": {"uninstallStrategy": "BlockUninstallIfWorkloadsExist"}}
    with pytest.raises(StatusError) as refused:
        InstallationBehaviour().validate_delete(document, asked)
    assert refused.value.status()["code"] == 400
    assert "since there are still 2 DataVolumes present. Either delete" in str(refused.value.status()["message"])
    InstallationBehaviour().validate_delete({**document, "spec": {"uninstallStrategy": "RemoveWorkloads"}}, asked)
