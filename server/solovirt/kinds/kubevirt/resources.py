"""What the kubevirt.io group serves."""

from __future__ import annotations

from solovirt.kinds.kubevirt.behaviour_kubevirt import KubeVirtBehaviour
from solovirt.kinds.kubevirt.behaviour_migration import MigrationBehaviour
from solovirt.kinds.kubevirt.behaviour_preset import PresetBehaviour
from solovirt.kinds.kubevirt.behaviour_replicaset import ReplicaSetBehaviour
from solovirt.kinds.kubevirt.behaviour_vm import VirtualMachineBehaviour
from solovirt.kinds.kubevirt.behaviour_vmi import VirtualMachineInstanceBehaviour
from solovirt.kinds.scaling import SCALE
from solovirt.machinery.resource import Column, ModelRef, Resource, Scope, Version

GROUP = "kubevirt.io"

DEPRECATED_V1ALPHA3 = "kubevirt.io/v1alpha3 is now deprecated and will be removed in a future release."

_KUBE_VIRTS_COLUMNS = (
    Column("Age", "date", json_path=".metadata.creationTimestamp"),
    Column("Phase", json_path=".status.phase"),
)
_VIRTUAL_MACHINE_INSTANCE_MIGRATIONS_COLUMNS = (
    Column("Phase", json_path=".status.phase"),
    Column("VMI", json_path=".spec.vmiName"),
)
_VIRTUAL_MACHINE_INSTANCE_REPLICA_SETS_COLUMNS = (
    Column("Desired", "integer", json_path=".spec.replicas"),
    Column("Current", "integer", json_path=".status.replicas"),
    Column("Ready", "integer", json_path=".status.readyReplicas"),
    Column("Age", "date", json_path=".metadata.creationTimestamp"),
)
_VIRTUAL_MACHINE_INSTANCES_COLUMNS = (
    Column("Age", "date", json_path=".metadata.creationTimestamp"),
    Column("Phase", json_path=".status.phase"),
    Column("IP", json_path=".status.interfaces[0].ipAddress"),
    Column("NodeName", json_path=".status.nodeName"),
    Column("Ready", json_path=".status.conditions[?(@.type=='Ready')].status"),
    Column("Live-Migratable", json_path=".status.conditions[?(@.type=='LiveMigratable')].status", priority=1),
    Column("Paused", json_path=".status.conditions[?(@.type=='Paused')].status", priority=1),
)
_VIRTUAL_MACHINES_COLUMNS = (
    Column("Age", "date", json_path=".metadata.creationTimestamp"),
    Column("Status", json_path=".status.printableStatus"),
    Column("Ready", json_path=".status.conditions[?(@.type=='Ready')].status"),
)

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="KubeVirt",
        plural="kubevirts",
        singular="kubevirt",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1", ModelRef("solovirt.kinds.kubevirt.models.installation:KubeVirt"), columns=_KUBE_VIRTS_COLUMNS
            ),
            Version(
                "v1alpha3",
                ModelRef("solovirt.kinds.kubevirt.models.installation:KubeVirt"),
                columns=_KUBE_VIRTS_COLUMNS,
                storage=False,
                deprecated=True,
                deprecation_warning=DEPRECATED_V1ALPHA3,
            ),
        ),
        behaviour=KubeVirtBehaviour(),
        short_names=("kv", "kvs"),
        categories=("all",),
        status_subresource=True,
    ),
    Resource(
        group=GROUP,
        kind="VirtualMachineInstanceMigration",
        plural="virtualmachineinstancemigrations",
        singular="virtualmachineinstancemigration",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1",
                ModelRef("solovirt.kinds.kubevirt.models.migration:VirtualMachineInstanceMigration"),
                columns=_VIRTUAL_MACHINE_INSTANCE_MIGRATIONS_COLUMNS,
            ),
            Version(
                "v1alpha3",
                ModelRef("solovirt.kinds.kubevirt.models.migration:VirtualMachineInstanceMigration"),
                columns=_VIRTUAL_MACHINE_INSTANCE_MIGRATIONS_COLUMNS,
                storage=False,
                deprecated=True,
                deprecation_warning=DEPRECATED_V1ALPHA3,
            ),
        ),
        behaviour=MigrationBehaviour(),
        short_names=("vmim", "vmims"),
        categories=("all",),
        status_subresource=True,
    ),
    Resource(
        group=GROUP,
        kind="VirtualMachineInstancePreset",
        plural="virtualmachineinstancepresets",
        singular="virtualmachineinstancepreset",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1",
                ModelRef("solovirt.kinds.kubevirt.models.preset:VirtualMachineInstancePreset"),
                storage=False,
                deprecated=True,
            ),
            Version(
                "v1alpha3",
                ModelRef("solovirt.kinds.kubevirt.models.preset:VirtualMachineInstancePreset"),
                deprecated=True,
                deprecation_warning=DEPRECATED_V1ALPHA3,
            ),
        ),
        behaviour=PresetBehaviour(),
        short_names=("vmipreset", "vmipresets"),
        categories=("all",),
    ),
    Resource(
        group=GROUP,
        kind="VirtualMachineInstanceReplicaSet",
        plural="virtualmachineinstancereplicasets",
        singular="virtualmachineinstancereplicaset",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1",
                ModelRef("solovirt.kinds.kubevirt.models.replicaset:VirtualMachineInstanceReplicaSet"),
                columns=_VIRTUAL_MACHINE_INSTANCE_REPLICA_SETS_COLUMNS,
            ),
            Version(
                "v1alpha3",
                ModelRef("solovirt.kinds.kubevirt.models.replicaset:VirtualMachineInstanceReplicaSet"),
                columns=_VIRTUAL_MACHINE_INSTANCE_REPLICA_SETS_COLUMNS,
                storage=False,
                deprecated=True,
                deprecation_warning=DEPRECATED_V1ALPHA3,
            ),
        ),
        behaviour=ReplicaSetBehaviour(),
        short_names=("vmirs", "vmirss"),
        categories=("all",),
        status_subresource=True,
        subresources=(SCALE,),
    ),
    Resource(
        group=GROUP,
        kind="VirtualMachineInstance",
        plural="virtualmachineinstances",
        singular="virtualmachineinstance",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1",
                ModelRef("solovirt.kinds.kubevirt.models.vmi:VirtualMachineInstance"),
                columns=_VIRTUAL_MACHINE_INSTANCES_COLUMNS,
            ),
            Version(
                "v1alpha3",
                ModelRef("solovirt.kinds.kubevirt.models.vmi:VirtualMachineInstance"),
                columns=_VIRTUAL_MACHINE_INSTANCES_COLUMNS,
                storage=False,
                deprecated=True,
                deprecation_warning=DEPRECATED_V1ALPHA3,
            ),
        ),
        behaviour=VirtualMachineInstanceBehaviour(),
        short_names=("vmi", "vmis"),
        categories=("all",),
    ),
    Resource(
        group=GROUP,
        kind="VirtualMachine",
        plural="virtualmachines",
        singular="virtualmachine",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1", ModelRef("solovirt.kinds.kubevirt.models.vm:VirtualMachine"), columns=_VIRTUAL_MACHINES_COLUMNS
            ),
            Version(
                "v1alpha3",
                ModelRef("solovirt.kinds.kubevirt.models.vm:VirtualMachine"),
                columns=_VIRTUAL_MACHINES_COLUMNS,
                storage=False,
                deprecated=True,
                deprecation_warning=DEPRECATED_V1ALPHA3,
            ),
        ),
        behaviour=VirtualMachineBehaviour(),
        short_names=("vm", "vms"),
        categories=("all",),
        status_subresource=True,
    ),
)
