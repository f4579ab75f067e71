"""
Claims get their volumes (reference kubernetes-api.md 7, cdi.md 6.3 and 15).

There are no provisioners and no scheduler here, so this one loop does what they would: a claim is bound to a volume that is there and
fits, or one is made for it, at once or (binding mode WaitForFirstConsumer) when a pod or an instance that uses the claim
shows up. Every StorageClass is provisioned for, whatever its provisioner, but `kubernetes.io/no-provisioner`. A volume here is the
object alone; the bytes are the volumes room's business.

`persistent_volume.py` looks after volumes whose claims have gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names
from solovirt.kinds.core.behaviour.volume import is_default_class
from solovirt.kinds.kubevirt import names as kubevirt
from solovirt.machinery import quantity
from solovirt.machinery.control.protocol import DONE, Result, Source, Tools
from solovirt.machinery.control.relation import Relation
from solovirt.machinery.errors import AlreadyExists
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Store

_FINAL_PHASES = ("Succeeded", "Failed")
_LOOK_AGAIN = timedelta(seconds=15)
"""How often an unbound claim looks for a volume or a class that was made meanwhile (kube-controller-manager's resync)."""


class PersistentVolumeClaimController:
    """See the module."""

    name: ClassVar[str] = "persistentvolume-controller"
    resource: ClassVar[GroupResource] = names.PERSISTENT_VOLUME_CLAIMS

    def __init__(self, tools: Tools, *, store: Store, registry: Registry) -> None:
        self._objects = tools.objects
        self._recorder = tools.recorder
        self._pods = Relation(store, registry, names.PODS, claims_of_pod)
        self._instances = Relation(store, registry, kubevirt.VIRTUAL_MACHINE_INSTANCES, claims_of_instance)
        self._volumes = Relation(store, registry, names.PERSISTENT_VOLUMES, _fits_whom)
        self.sources: Sequence[Source] = (
            Source(names.PERSISTENT_VOLUMES, _claim_of_volume),
            Source(names.PODS, _keys(claims_of_pod)),
            Source(kubevirt.VIRTUAL_MACHINE_INSTANCES, _keys(claims_of_instance)),
            Source(names.STORAGE_CLASSES, self._unbound_claims_of_class),
        )

    async def reconcile(self, key: ObjectKey) -> Result:
        claim = self._objects.get(names.PERSISTENT_VOLUME_CLAIMS, key)
        if claim is None:
            return DONE
        if claim["metadata"].get("deletionTimestamp"):
            await self._release(claim, key)
            return DONE
        volume_name = claim["spec"].get("volumeName")
        if volume_name and _annotations(claim).get(names.BIND_COMPLETED_ANNOTATION):
            return await self._keep_bound(claim, key, volume_name)
        if volume_name:
            return await self._bind_to_named(claim, key, volume_name)
        return await self._find_volume(claim, key)

    # -- binding

    async def _find_volume(self, claim: Document, key: ObjectKey) -> Result:
        class_name = claim["spec"].get("storageClassName")
        if class_name is None:
            class_name = await self._take_default_class(key)
        storage_class = self._objects.get(names.STORAGE_CLASSES, ObjectKey("", class_name)) if class_name else None
        # A volume made for this claim by a run that was interrupted has a claimRef to it, and fits before all others.
        if (volume := self._fitting_volume(claim, class_name or "")) is not None:
            wait_for_consumer = False
        else:
            wait_for_consumer = (storage_class or {}).get("volumeBindingMode") == "WaitForFirstConsumer"
        if wait_for_consumer and not self._has_consumer(claim, key):
            self._recorder.event(
                claim,
                "Normal",
                "WaitForFirstConsumer",
                "waiting for first consumer to be created before binding",
            )
            return DONE
        if volume is None and _is_populated(claim):
            # No volume is made for it: whoever populates it hands one over (kubernetes-csi's volume populators).
            return DONE
        if volume is None:
            volume = await self._provision(claim, class_name, storage_class)
        if volume is None:
            return Result(_LOOK_AGAIN)
        await self._bind(claim, key, volume)
        return DONE

    async def _bind_to_named(self, claim: Document, key: ObjectKey, volume_name: str) -> Result:
        """Bind a claim that says which volume it wants, as soon as that is there and free."""
        volume = self._objects.get(names.PERSISTENT_VOLUMES, ObjectKey("", volume_name))
        if volume is None:
            return DONE
        reference = volume["spec"].get("claimRef")
        if reference is not None and not _refers_to(reference, claim):
            self._recorder.event(
                claim, "Warning", "FailedBinding", f'volume "{volume_name}" already bound to a different claim.'
            )
            return Result(_LOOK_AGAIN)
        await self._bind(claim, key, volume)
        return DONE

    def _fitting_volume(self, claim: Document, class_name: str) -> Document | None:
        """The volume that is reserved for the claim, else the smallest free one that it fits."""
        for key in self._volumes.find("", _reserved_for(claim["metadata"])):
            volume = self._objects.get(names.PERSISTENT_VOLUMES, key)
            if volume is not None and _refers_to(volume["spec"].get("claimRef") or {}, claim):
                return volume
        free = (
            self._objects.get(names.PERSISTENT_VOLUMES, key) for key in self._volumes.find("", _free_in(class_name))
        )
        fitting = [volume for volume in free if volume is not None and _fits(claim["spec"], volume)]
        return min(fitting, key=lambda one: (_storage(one["spec"]["capacity"]), one["metadata"]["name"]), default=None)

    async def _take_default_class(self, key: ObjectKey) -> str | None:
        """Give a claim from before there was a default class that class."""
        defaults = [one for one in self._objects.list(names.STORAGE_CLASSES) if is_default_class(one)]
        if not defaults:
            return None
        newest = max(one["metadata"]["creationTimestamp"] for one in defaults)
        name = min(str(one["metadata"]["name"]) for one in defaults if one["metadata"]["creationTimestamp"] == newest)

        def take(obj: Document) -> None:
            obj["spec"].setdefault("storageClassName", name)

        await self._objects.edit(names.PERSISTENT_VOLUME_CLAIMS, key, take)
        return name

    async def _provision(
        self, claim: Document, class_name: str | None, storage_class: Document | None
    ) -> Document | None:
        """Make a volume for the claim; None, told in an event, if its class does not allow it."""
        if not class_name:
            text = "no persistent volumes available for this claim and no storage class is set"
            self._recorder.event(claim, "Normal", "FailedBinding", text)
            return None
        if storage_class is None:
            text = f'storageclass.storage.k8s.io "{class_name}" not found'
            self._recorder.event(claim, "Warning", "ProvisioningFailed", text)
            return None
        provisioner = storage_class["provisioner"]
        if provisioner == names.NO_PROVISIONER:
            text = "no persistent volumes available for this claim and no storage class is set"
            self._recorder.event(claim, "Normal", "FailedBinding", text)
            return None
        volume = _new_volume(claim, storage_class)
        try:
            volume = await self._objects.create(names.PERSISTENT_VOLUMES, volume)
        except AlreadyExists:
            return self._objects.get(names.PERSISTENT_VOLUMES, ObjectKey("", volume["metadata"]["name"]))
        text = f"Successfully provisioned volume {volume['metadata']['name']}"
        self._recorder.event(claim, "Normal", "ProvisioningSucceeded", text)
        return volume

    async def _bind(self, claim: Document, key: ObjectKey, volume: Document) -> None:
        """Point volume and claim at each other and say so in both's status; every step may have been done before."""
        name = volume["metadata"]["name"]
        volume_key = ObjectKey("", name)
        reference = _reference(claim)

        def reserve(obj: Document) -> None:
            known = obj["spec"].get("claimRef")
            if known is None or (_refers_to(known, claim) and not known.get("uid")):
                obj["spec"]["claimRef"] = reference

        if (volume["spec"].get("claimRef") or {}).get("uid") != reference["uid"]:
            reserved = await self._objects.edit(names.PERSISTENT_VOLUMES, volume_key, reserve)
            if reserved is None or not _refers_to(reserved["spec"]["claimRef"], claim):
                raise _Taken(f"volume {name} was bound to another claim")
        await self._objects.edit(names.PERSISTENT_VOLUMES, volume_key, _say_bound, status=True)
        spec = volume["spec"]
        provisioner = _annotations(volume).get(names.PROVISIONED_BY_ANNOTATION)

        def point(obj: Document) -> None:
            annotations = obj["metadata"].setdefault("annotations", {})
            annotations[names.BIND_COMPLETED_ANNOTATION] = "yes"
            if not obj["spec"].get("volumeName"):
                annotations[names.BOUND_BY_CONTROLLER_ANNOTATION] = "yes"
                obj["spec"]["volumeName"] = name
            if provisioner:
                annotations[names.STORAGE_PROVISIONER_ANNOTATION] = provisioner
                annotations[_BETA_STORAGE_PROVISIONER_ANNOTATION] = provisioner

        def say(obj: Document) -> None:
            obj["status"] = {
                **(obj.get("status") or {}),
                "phase": "Bound",
                "accessModes": spec["accessModes"],
                "capacity": spec["capacity"],
            }

        if await self._objects.edit(names.PERSISTENT_VOLUME_CLAIMS, key, point) is not None:
            await self._objects.edit(names.PERSISTENT_VOLUME_CLAIMS, key, say, status=True)

    async def _keep_bound(self, claim: Document, key: ObjectKey, volume_name: str) -> Result:
        """See that a bound claim has its volume still, and as large as it asks."""
        volume = self._objects.get(names.PERSISTENT_VOLUMES, ObjectKey("", volume_name))
        # The status is anybody's to write, and to leave out.
        phase = (claim.get("status") or {}).get("phase")
        if volume is None or not _refers_to(volume["spec"].get("claimRef") or {}, claim):
            if phase != "Lost":
                await self._objects.edit(names.PERSISTENT_VOLUME_CLAIMS, key, _say_lost, status=True)
                text = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
                self._recorder.event(claim, "Warning", "ClaimLost", text)
            return DONE
        if phase != "Bound":
            await self._bind(claim, key, volume)
            return DONE
        asked = claim["spec"]["resources"]["requests"]["storage"]
        if _storage(volume["spec"]["capacity"]) < quantity.read(asked):
            await self._grow(key, volume_name, asked)
        return DONE

    async def _grow(self, key: ObjectKey, volume_name: str, size: str) -> None:
        def grow_volume(obj: Document) -> None:
            obj["spec"]["capacity"] = {**obj["spec"]["capacity"], "storage": size}

        def grow_claim(obj: Document) -> None:
            status = obj.get("status") or {}
            obj["status"] = {**status, "capacity": {**(status.get("capacity") or {}), "storage": size}}

        # The claim first: a crash in between leaves the volume too small, which is what the next run looks at.
        await self._objects.edit(names.PERSISTENT_VOLUME_CLAIMS, key, grow_claim, status=True)
        await self._objects.edit(names.PERSISTENT_VOLUMES, ObjectKey("", volume_name), grow_volume)

    # -- consumers

    def _has_consumer(self, claim: Document, key: ObjectKey) -> bool:
        annotations = _annotations(claim)
        return (
            names.SELECTED_NODE_ANNOTATION in annotations or cdi.BIND_IMMEDIATELY in annotations or self._is_used(key)
        )

    def _is_used(self, key: ObjectKey) -> bool:
        """Whether a pod or an instance that has not ended has the claim among its volumes."""
        for relation, resource in (
            (self._pods, names.PODS),
            (self._instances, kubevirt.VIRTUAL_MACHINE_INSTANCES),
        ):
            for user in relation.find(key.namespace, key.name):
                document = self._objects.get(resource, user)
                if document is not None and (document.get("status") or {}).get("phase") not in _FINAL_PHASES:
                    return True
        return False

    async def _release(self, claim: Document, key: ObjectKey) -> None:
        """Take the protection off a claim that is being deleted and that nothing uses."""
        if names.PVC_PROTECTION_FINALIZER in claim["metadata"].get("finalizers", ()) and not self._is_used(key):
            await self._objects.edit(
                names.PERSISTENT_VOLUME_CLAIMS, key, lambda obj: drop_finalizer(obj, names.PVC_PROTECTION_FINALIZER)
            )

    def _unbound_claims_of_class(self, storage_class: Document) -> list[ObjectKey]:
        """The claims that a class which was made or became the default may concern."""
        name = storage_class["metadata"]["name"]
        return [
            ObjectKey(claim["metadata"]["namespace"], claim["metadata"]["name"])
            for claim in self._objects.list(names.PERSISTENT_VOLUME_CLAIMS)
            if not claim["spec"].get("volumeName") and claim["spec"].get("storageClassName") in (name, None)
        ]


class _Taken(Exception):
    """Somebody else got the volume between looking and binding; another look is due."""


_BETA_STORAGE_PROVISIONER_ANNOTATION = "volume.beta.kubernetes.io/storage-provisioner"


def claims_of_pod(pod: Document) -> Iterable[str]:
    """The claims that a pod mounts."""
    for volume in pod["spec"].get("volumes") or ():
        if source := volume.get("persistentVolumeClaim"):
            yield source["claimName"]
        elif volume.get("ephemeral"):
            yield f"{pod['metadata']['name']}-{volume['name']}"


def claims_of_instance(instance: Document) -> Iterable[str]:
    """The claims among an instance's volumes; a DataVolume's claim has its name."""
    for volume in (instance.get("spec") or {}).get("volumes") or ():
        if source := volume.get("persistentVolumeClaim") or (volume.get("ephemeral") or {}).get(
            "persistentVolumeClaim"
        ):
            yield source["claimName"]
        elif source := volume.get("dataVolume"):
            yield source["name"]


def drop_finalizer(obj: Document, finalizer: str) -> None:
    """Take *finalizer* off, in place."""
    left = [one for one in obj["metadata"].pop("finalizers", None) or () if one != finalizer]
    if left:
        obj["metadata"]["finalizers"] = left


def _is_populated(claim: Document) -> bool:
    """Whether the claim names something that fills it which is no other claim."""
    reference = claim["spec"].get("dataSourceRef") or {}
    return reference.get("apiGroup") not in (None, "")


def _fits_whom(volume: Document) -> Iterable[str]:
    reference = volume["spec"].get("claimRef")
    return (_free_in(volume["spec"].get("storageClassName") or "") if reference is None else _reserved_for(reference),)


def _reserved_for(claim: Document) -> str:
    return f"for {claim.get('namespace')}/{claim.get('name')}"


def _free_in(class_name: str) -> str:
    return f"free in {class_name}"


def _fits(spec: Document, volume: Document) -> bool:
    """Whether a free volume of the right class is what a claim with *spec* asks for."""
    of_volume = volume["spec"]
    return (
        of_volume.get("claimRef") is None
        and not volume["metadata"].get("deletionTimestamp")
        and of_volume.get("volumeMode", "Filesystem") == spec.get("volumeMode", "Filesystem")
        and set(spec["accessModes"]) <= set(of_volume["accessModes"])
        and _storage(of_volume["capacity"]) >= _storage(spec["resources"]["requests"])
        and _selects(spec.get("selector"), volume)
    )


def _keys(claims: Any) -> Any:
    def keys(document: Document) -> Iterable[ObjectKey]:
        namespace = document["metadata"]["namespace"]
        return [ObjectKey(namespace, name) for name in claims(document)]

    return keys


def _claim_of_volume(volume: Document) -> Iterable[ObjectKey]:
    reference = volume["spec"].get("claimRef")
    return (ObjectKey(reference.get("namespace", ""), reference.get("name", "")),) if reference else ()


def _annotations(obj: Document) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def _storage(quantities: dict[str, Any]) -> Any:
    return quantity.read(quantities.get("storage"))


def _reference(claim: Document) -> Document:
    metadata = claim["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "resourceVersion": metadata["resourceVersion"],
        "uid": metadata["uid"],
    }


def _refers_to(reference: Document, claim: Document) -> bool:
    """Whether a claimRef means this claim; one without uid, as an administrator writes it, reserves by name."""
    metadata = claim["metadata"]
    return (reference.get("namespace"), reference.get("name")) == (metadata["namespace"], metadata["name"]) and (
        reference.get("uid") or metadata["uid"]
    ) == metadata["uid"]


def _selects(selector: Document | None, volume: Document) -> bool:
    """Whether a claim's label selector takes the volume."""
    if not selector:
        return True
    labels = volume["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_meets(requirement, labels) for requirement in selector.get("matchExpressions") or ())


def _meets(requirement: Document, labels: dict[str, str]) -> bool:
    value = labels.get(requirement["key"])
    match requirement["operator"]:
        case "In":
            return value in requirement["values"]
        case "NotIn":
            return value not in requirement["values"]
        case "Exists":
            return value is not None
        case _:
            return value is None


def _new_volume(claim: Document, storage_class: Document) -> Document:
    spec = claim["spec"]
    provisioner = storage_class["provisioner"]
    name = f"pvc-{claim['metadata']['uid']}"
    return {
        "metadata": {"name": name, "annotations": {names.PROVISIONED_BY_ANNOTATION: provisioner}},
        "spec": {
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "claimRef": _reference(claim),
            "csi": {"driver": provisioner, "volumeHandle": name},
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "storageClassName": storage_class["metadata"]["name"],
            "volumeMode": spec.get("volumeMode", "Filesystem"),
            **({"mountOptions": options} if (options := storage_class.get("mountOptions")) else {}),
        },
    }


def _say_bound(obj: Document) -> None:
    obj["status"] = {**(obj.get("status") or {}), "phase": "Bound"}


def _say_lost(obj: Document) -> None:
    obj["status"] = {**(obj.get("status") or {}), "phase": "Lost"}
