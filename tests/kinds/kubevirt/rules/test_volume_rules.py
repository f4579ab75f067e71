"""Rules on volumes, credentials and what the pod gets (kubevirt-validation.md 5.5 and 5.6)."""

from __future__ import annotations

import pytest

from tests.kinds.kubevirt.rules.specs import (
    EVERY_GATE,
    INVALID,
    NOT_FOUND,
    REQUIRED,
    SUBDOMAIN_TEXT,
    P,
    Row,
    causes_of,
    changed,
    check,
)

V0, V1, A0 = f"{P}.volumes[0]", f"{P}.volumes[1]", f"{P}.accessCredentials[0]"
CLOUD_INIT, CONFIG_DRIVE = f"{V1}.cloudInitNoCloud", f"{V1}.cloudInitConfigDrive"


def volume(**source):
    return {"volumes.0": {"name": "root", **source}}


def credential(**kinds):
    return {"accessCredentials": [kinds]}


SSH = {"source": {"secret": {"secretName": "s"}}, "propagationMethod": {"qemuGuestAgent": {"users": ["jane"]}}}
NAMESERVERS = [f"10.0.0.{n}" for n in range(1, 5)]


def two(**source):
    return {f"volumes.{index}": {"name": f"v{index}", **source} for index in (2, 3)}


ROWS = [
    Row(157, volume(emptyDisk={"capacity": "1Gi"}, containerDisk={"image": "x"}), V0, INVALID, f"{V0} must have exactly one source type set"),
    Row(158, volume(dataVolume={"name": ""}), f"{V0}.name", REQUIRED, "DataVolume 'name' must be set"),
    Row(159, {"volumes.1": {"name": "cloudinit", "cloudInitConfigDrive": {"userData": "a", "secretRef": {"name": "s"}}}}, CONFIG_DRIVE, INVALID, f"{CONFIG_DRIVE} must have only one userdatasource set."),
    Row(160, {"volumes.1": {"name": "cloudinit", "cloudInitConfigDrive": {"networkDataBase64": "%"}}}, f"{CONFIG_DRIVE}.networkDataBase64", INVALID, f"{CONFIG_DRIVE}.networkDataBase64.cloudInitConfigDrive.networkDataBase64 is not a valid base64 value."),
    Row(162, {"volumes.1.cloudInitNoCloud": {"networkData": "a", "networkDataBase64": "YQ=="}}, CLOUD_INIT, INVALID, f"{CLOUD_INIT} must have only one networkdata source set."),
    Row(162, {"volumes.1.cloudInitNoCloud": {"networkData": "x" * 2049}}, CLOUD_INIT, INVALID, f"{CLOUD_INIT} networkdata exceeds 2048 byte limit. Should use NetworkDataSecretRef for larger data."),
    Row(164, volume(hostDisk={"path": "", "type": "Disk"}), f"{V0}.hostDisk.path", NOT_FOUND, f"{V0}.hostDisk.path is required for hostDisk volume", EVERY_GATE),
    Row(164, volume(hostDisk={"path": "/d", "type": "File"}), f"{V0}.hostDisk.type", INVALID, f"{V0}.hostDisk.type has invalid value 'File', allowed are 'Disk' or 'DiskOrCreate'", EVERY_GATE),
    Row(164, volume(hostDisk={"path": "/d", "type": "Disk", "capacity": "1Gi"}), f"{V0}.hostDisk.capacity", INVALID, f"{V0}.hostDisk.capacity is allowed to pass only with {V0}.hostDisk.type equal to 'DiskOrCreate'", EVERY_GATE),
    Row(165, volume(secret={}), f"{V0}.secret.secretName", INVALID, f"{V0}.secret.secretName is a required field"),
    Row(165, volume(serviceAccount={}), f"{V0}.serviceAccount.serviceAccountName", INVALID, f"{V0}.serviceAccount.serviceAccountName is a required field"),
    Row(166, two(serviceAccount={"serviceAccountName": "s"}), f"{P}.volumes", INVALID, f"{P}.volumes must have max one serviceAccount volume set"),
    Row(166, two(downwardMetrics={}), f"{P}.volumes", INVALID, f"{P}.volumes must have max one downwardMetric volume set", EVERY_GATE),
    Row(166, two(memoryDump={"claimName": "c"}), f"{P}.volumes", INVALID, f"{P}.volumes must have max one memory dump volume set"),
    Row(167, volume(downwardMetrics={}), V0, INVALID, "downwardMetrics disks are not allowed: DownwardMetrics feature gate is not enabled."),
    Row(168, {"utilityVolumes": [{"name": "u", "claimName": "c"}]}, f"{P}.utilityVolumes", INVALID, "cannot create VMI with utility volumes in spec, utility volumes can only be added via hotplug"),
    Row(169, credential(), A0, INVALID, f"{A0} must have exactly one access credential type set"),
    Row(169, credential(sshPublicKey=SSH, userPassword=SSH), A0, INVALID, f"{A0} must have exactly one access credential type set"),
    Row(170, credential(sshPublicKey={**SSH, "source": {}}), f"{A0}.sshPublicKey.source", INVALID, f"{A0} must have exactly one source set"),
    Row(170, credential(userPassword={**SSH, "propagationMethod": {}}), f"{A0}.userPassword.propagationMethod", INVALID, f"{A0} must have exactly one propagationMethod set"),
    Row(171, credential(sshPublicKey={**SSH, "propagationMethod": {"configDrive": {}}}), f"{A0}.sshPublicKey.propagationMethod", INVALID, f"{A0} requires a configDrive volume to exist when the configDrive propagationMethod is in use."),
    Row(171, {**credential(sshPublicKey={**SSH, "propagationMethod": {"noCloud": {}}}), "volumes.1": {"name": "cloudinit", "emptyDisk": {"capacity": "1Gi"}}}, f"{A0}.sshPublicKey.propagationMethod", INVALID, f"{A0} requires a noCloud volume to exist when the noCloud propagationMethod is in use."),
    Row(172, credential(sshPublicKey={**SSH, "propagationMethod": {"qemuGuestAgent": {"users": []}}}), f"{A0}.sshPublicKey.propagationMethod.qemuGuestAgent.users", INVALID, f"{A0} requires at least one user to be present in the users list"),
    Row(174, {"dnsPolicy": "None"}, f"{P}.dnsConfig", REQUIRED, "must provide `dnsConfig` when `dnsPolicy` is None"),
    Row(174, {"dnsPolicy": "None", "dnsConfig": {}}, "nameservers", REQUIRED, "must provide at least one DNS nameserver when `dnsPolicy` is None"),
    Row(175, {"dnsConfig": {"nameservers": NAMESERVERS}}, "nameservers", INVALID, "must not have more than 3 nameservers: [10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4]"),
    Row(175, {"dnsConfig": {"nameservers": ["dns.example.com"]}}, "nameservers", INVALID, "must be valid IP address: dns.example.com"),
    Row(175, {"dnsConfig": {"searches": [f"d{n}" for n in range(7)]}}, "searchDomains", INVALID, "must not have more than 6 search paths"),
    Row(175, {"dnsConfig": {"searches": ["a" * 200, "b" * 60]}}, "searchDomains", INVALID, "must not have more than 256 characters (including spaces) in the search list"),
    Row(175, {"dnsConfig": {"searches": ["No_Domain"]}}, "searchDomains", INVALID, SUBDOMAIN_TEXT),
    Row(175, {"dnsConfig": {"options": [{"value": "2"}]}}, "options", INVALID, "Option.Name must not be empty"),
    Row(187, {"serviceAccountName": "No_Name"}, f"{P}.serviceAccountName", INVALID, f"{P}.serviceAccountName is not a valid service account name: {SUBDOMAIN_TEXT}"),
    Row(187, {"serviceAccountName": "a", **volume(serviceAccount={"serviceAccountName": "b"})}, f"{P}.serviceAccountName", INVALID, 'spec.serviceAccountName "a" and serviceAccount volume "b" must reference the same service account'),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_a_broken_rule_gives_its_cause(row):
    check(row)


@pytest.mark.parametrize("strategy", ["None", "LiveMigrate", "LiveMigrateIfPossible", "External"])
def test_eviction_strategies_of_today_pass(strategy):
    """Rule 176."""
    assert causes_of(changed({"evictionStrategy": strategy})) == []


def test_user_data_is_measured_decoded():
    """Rule 161: 2048 bytes pass however long their base64 is."""
    import base64

    encoded = base64.b64encode(b"x" * 2048).decode()
    assert causes_of(changed({"volumes.1.cloudInitNoCloud": {"userDataBase64": encoded}})) == []
