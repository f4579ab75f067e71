"""Claims and volumes find each other, and let go of each other (reference kubernetes-api.md 7, cdi.md 6.3)."""

from __future__ import annotations

import pytest

from solovirt.kinds.core import names
from solovirt.kinds.kubevirt import names as kubevirt

CLAIMS, VOLUMES, CLASSES, PODS = (
    names.PERSISTENT_VOLUME_CLAIMS,
    names.PERSISTENT_VOLUMES,
    names.STORAGE_CLASSES,
    names.PODS,
)


async def storage_class(cluster, name="local", **fields):
    return await cluster.create(CLASSES, name, provisioner="solovirt.io/local", **fields)


async def claim(cluster, name="c", size="1Gi", **spec):
    fields = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
        "storageClassName": "local",
        **spec,
    }
    made = await cluster.create(CLAIMS, name, spec=fields)
    await cluster.settle()
    return made


async def volume(cluster, name, size="1Gi", *, metadata=None, **spec):
    fields = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": size},
        "hostPath": {"path": f"/disks/{name}"},
        **spec,
    }
    made = await cluster.create(VOLUMES, name, metadata=metadata or {}, spec=fields)
    await cluster.settle()
    return made


def phase(cluster, resource, name):
    return cluster.get(resource, name)["status"]["phase"]


async def user(cluster, name="p", *, claim_name="c"):
    volumes = [{"name": "disk", "persistentVolumeClaim": {"claimName": claim_name}}]
    return await cluster.create(
        PODS, name, spec={"containers": [{"name": "c", "image": "a:1"}], "volumes": volumes, "nodeName": "node1"}
    )


async def test_a_claim_is_bound_to_a_volume_made_for_it(cluster):
    await storage_class(cluster, reclaimPolicy="Delete")
    made = await claim(cluster, size="2Gi")
    bound = cluster.get(CLAIMS, "c")
    name = f"pvc-{made['metadata']['uid']}"
    assert bound["spec"]["volumeName"] == name
    assert bound["status"] == {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "2Gi"}}
    annotations = bound["metadata"]["annotations"]
    assert annotations["pv.kubernetes.io/bind-completed"] == "yes"
    assert annotations["pv.kubernetes.io/bound-by-controller"] == "yes"
    assert annotations["volume.kubernetes.io/storage-provisioner"] == "solovirt.io/local"
    of_claim = cluster.get(VOLUMES, name)
    assert of_claim["status"]["phase"] == "Bound"
    assert of_claim["spec"]["claimRef"]["uid"] == made["metadata"]["uid"]
    assert of_claim["spec"]["capacity"] == {"storage": "2Gi"}
    assert of_claim["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
    assert of_claim["metadata"]["annotations"]["pv.kubernetes.io/provisioned-by"] == "solovirt.io/local"
    assert ("ProvisioningSucceeded", f"Successfully provisioned volume {name}") in cluster.events("c")


async def test_a_claim_takes_the_smallest_free_volume_that_fits(cluster):
    await volume(cluster, "small", "1Gi")
    await volume(cluster, "large", "5Gi")
    await volume(cluster, "fits", "3Gi")
    await volume(cluster, "block", "2Gi", volumeMode="Block")
    await volume(cluster, "of-another-class", "2Gi", storageClassName="fast")
    assert phase(cluster, VOLUMES, "fits") == "Available"
    await claim(cluster, size="2Gi", storageClassName="")
    assert cluster.get(CLAIMS, "c")["spec"]["volumeName"] == "fits"
    assert cluster.get(CLAIMS, "c")["status"]["capacity"] == {"storage": "3Gi"}
    assert phase(cluster, VOLUMES, "fits") == "Bound"


async def test_a_selector_chooses_among_volumes(cluster):
    await volume(cluster, "a", metadata={"labels": {"disk": "slow"}})
    await volume(cluster, "b", metadata={"labels": {"disk": "fast"}})
    await claim(cluster, storageClassName="", selector={"matchLabels": {"disk": "fast"}})
    assert cluster.get(CLAIMS, "c")["spec"]["volumeName"] == "b"


async def test_a_volume_reserved_for_a_claim_is_its(cluster):
    await volume(cluster, "a", "9Gi", claimRef={"namespace": "default", "name": "c"})
    await volume(cluster, "b", "1Gi")
    await claim(cluster, storageClassName="")
    assert cluster.get(CLAIMS, "c")["spec"]["volumeName"] == "a"


async def test_a_claim_that_names_its_volume_waits_for_it(cluster):
    await claim(cluster, storageClassName="", volumeName="v")
    assert phase(cluster, CLAIMS, "c") == "Pending"
    await volume(cluster, "v", claimRef={"namespace": "default", "name": "c"})
    assert phase(cluster, CLAIMS, "c") == "Bound"
    assert "pv.kubernetes.io/bound-by-controller" not in cluster.get(CLAIMS, "c")["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("class_name", "reason", "message"),
    [
        ("", "FailedBinding", "no persistent volumes available for this claim and no storage class is set"),
        ("missing", "ProvisioningFailed", 'storageclass.storage.k8s.io "missing" not found'),
    ],
)
async def test_a_claim_that_can_not_be_bound_says_why(cluster, class_name, reason, message):
    await claim(cluster, storageClassName=class_name)
    assert phase(cluster, CLAIMS, "c") == "Pending"
    assert cluster.events("c") == [(reason, message)]


async def test_a_pending_claim_is_bound_when_its_class_appears(cluster):
    await claim(cluster)
    await storage_class(cluster)
    await cluster.settle()
    assert phase(cluster, CLAIMS, "c") == "Bound"


async def test_a_claim_from_before_there_was_a_default_class_takes_it(cluster):
    await cluster.create(
        CLAIMS, "c", spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    )
    await cluster.settle()
    await storage_class(cluster, metadata={"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}})
    await cluster.settle()
    assert cluster.get(CLAIMS, "c")["spec"]["storageClassName"] == "local"
    assert phase(cluster, CLAIMS, "c") == "Bound"


async def test_a_claim_waits_for_its_first_consumer(cluster):
    await storage_class(cluster, volumeBindingMode="WaitForFirstConsumer")
    await claim(cluster)
    assert phase(cluster, CLAIMS, "c") == "Pending"
    assert cluster.events("c") == [("WaitForFirstConsumer", "waiting for first consumer to be created before binding")]
    await user(cluster)
    await cluster.settle()
    assert phase(cluster, CLAIMS, "c") == "Bound"


@pytest.mark.parametrize(
    "annotation", ["volume.kubernetes.io/selected-node", "cdi.kubevirt.io/storage.bind.immediate.requested"]
)
async def test_an_annotation_stands_in_for_a_consumer(cluster, annotation):
    await storage_class(cluster, volumeBindingMode="WaitForFirstConsumer")
    await claim(cluster)
    await cluster.patch(CLAIMS, "c", {"metadata": {"annotations": {annotation: ""}}})
    await cluster.settle()
    assert phase(cluster, CLAIMS, "c") == "Bound"


async def test_an_instance_is_a_consumer(cluster):
    await storage_class(cluster, volumeBindingMode="WaitForFirstConsumer")
    await claim(cluster)
    spec = {
        "domain": {
            "devices": {"disks": [{"name": "root", "disk": {}}]},
            "resources": {"requests": {"memory": "64Mi"}},
        },
        "volumes": [{"name": "root", "dataVolume": {"name": "c"}}],
    }
    await cluster.create(kubevirt.VIRTUAL_MACHINE_INSTANCES, "vm", spec=spec)
    await cluster.settle()
    assert phase(cluster, CLAIMS, "c") == "Bound"


async def test_a_deleted_claim_goes_when_nobody_uses_it_and_takes_its_volume_along(cluster):
    await storage_class(cluster)
    await claim(cluster)
    await user(cluster)
    await cluster.delete(CLAIMS, "c")
    assert cluster.get(CLAIMS, "c")["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    await cluster.delete(PODS, "p", grace_seconds=0)
    assert cluster.find(CLAIMS, "c") is None
    assert cluster.names(VOLUMES, None) == []


async def test_a_finished_pod_uses_nothing(cluster):
    await storage_class(cluster)
    await claim(cluster)
    await user(cluster)
    await cluster.patch(PODS, "p", {"status": {"phase": "Succeeded"}}, sub="status")
    await cluster.delete(CLAIMS, "c")
    assert cluster.find(CLAIMS, "c") is None


async def test_a_retained_volume_is_released(cluster):
    await storage_class(cluster, reclaimPolicy="Retain")
    await claim(cluster)
    await cluster.delete(CLAIMS, "c")
    (name,) = cluster.names(VOLUMES, None)
    assert phase(cluster, VOLUMES, name) == "Released"
    await claim(cluster, "other", storageClassName="")
    assert phase(cluster, CLAIMS, "other") == "Pending"


async def test_a_bound_volume_is_protected(cluster):
    await storage_class(cluster)
    await claim(cluster)
    (name,) = cluster.names(VOLUMES, None)
    await cluster.delete(VOLUMES, name)
    assert cluster.get(VOLUMES, name)["metadata"]["finalizers"] == ["kubernetes.io/pv-protection"]
    await cluster.delete(CLAIMS, "c")
    assert cluster.names(VOLUMES, None) == []


async def test_a_claim_whose_volume_vanished_is_lost(cluster):
    await storage_class(cluster)
    await claim(cluster)
    (name,) = cluster.names(VOLUMES, None)
    await cluster.patch(VOLUMES, name, {"metadata": {"finalizers": None}})
    await cluster.delete(VOLUMES, name)
    assert phase(cluster, CLAIMS, "c") == "Lost"
    assert cluster.events("c")[-1] == (
        "ClaimLost",
        "Bound claim has lost its PersistentVolume. Data on the volume is lost!",
    )


async def test_a_claim_grows_with_its_volume(cluster):
    await storage_class(cluster, allowVolumeExpansion=True)
    await claim(cluster)
    await cluster.patch(CLAIMS, "c", {"spec": {"resources": {"requests": {"storage": "5Gi"}}}})
    await cluster.settle()
    assert cluster.get(CLAIMS, "c")["status"]["capacity"] == {"storage": "5Gi"}
    (name,) = cluster.names(VOLUMES, None)
    assert cluster.get(VOLUMES, name)["spec"]["capacity"] == {"storage": "5Gi"}


async def test_a_claim_that_lost_its_status_gets_it_back(cluster, caplog):
    await storage_class(cluster)
    await claim(cluster)
    await cluster.patch(CLAIMS, "c", {"status": None}, sub="status")
    await cluster.settle()
    assert phase(cluster, CLAIMS, "c") == "Bound"
    assert caplog.records == []


async def test_two_claims_never_get_one_volume(cluster):
    for number in range(3):
        await volume(cluster, f"v{number}")
    for number in range(4):
        await cluster.create(
            CLAIMS,
            f"c{number}",
            spec={
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": "",
            },
        )
    await cluster.wait(30)
    bound = [one["spec"]["volumeName"] for one in cluster.all(CLAIMS) if one["status"]["phase"] == "Bound"]
    assert sorted(bound) == ["v0", "v1", "v2"]


@pytest.mark.parametrize("writes", range(6))
async def test_a_binding_that_was_interrupted_is_finished_after_a_restart(cluster, monkeypatch, writes):
    """The control loops are cut off after a number of their writes."""
    await storage_class(cluster)
    left = writes
    for verb in ("create", "edit"):
        real = getattr(cluster.api, verb)

        async def limited(*arguments, real=real):
            nonlocal left
            if arguments[-1].user.name.endswith(":persistentvolume-controller"):
                left -= 1
                if left < 0:
                    raise RuntimeError("cut off")
            return await real(*arguments)

        monkeypatch.setattr(cluster.api, verb, limited)
    await claim(cluster)
    await cluster.halt()
    monkeypatch.undo()
    await cluster.run()
    assert phase(cluster, CLAIMS, "c") == "Bound"
    assert len(cluster.names(VOLUMES, None)) == 1
    (name,) = cluster.names(VOLUMES, None)
    assert phase(cluster, VOLUMES, name) == "Bound"


async def test_a_volume_reserved_for_a_claim_without_name_disturbs_nobody(cluster, caplog):
    await volume(cluster, "odd", claimRef={"kind": "PersistentVolumeClaim"})
    await volume(cluster, "v")
    await claim(cluster, storageClassName="")
    assert cluster.get(CLAIMS, "c")["spec"]["volumeName"] == "v"
    assert caplog.records == []
