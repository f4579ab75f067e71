"""
The names that KubeVirt's parts agree on: resources, finalizers, labels and annotations (reference kubevirt-vm.md 13).

Resources of other groups that a VirtualMachine touches are here too, so that controllers and behaviours name each of them once.
"""

from __future__ import annotations

from solovirt.machinery.resource import GroupResource

GROUP = "kubevirt.io"
API_VERSION = "kubevirt.io/v1"

VIRTUAL_MACHINES = GroupResource(GROUP, "virtualmachines")
VIRTUAL_MACHINE_INSTANCES = GroupResource(GROUP, "virtualmachineinstances")
VIRTUAL_MACHINE_INSTANCE_REPLICA_SETS = GroupResource(GROUP, "virtualmachineinstancereplicasets")
VIRTUAL_MACHINE_INSTANCE_PRESETS = GroupResource(GROUP, "virtualmachineinstancepresets")
VIRTUAL_MACHINE_INSTANCE_MIGRATIONS = GroupResource(GROUP, "virtualmachineinstancemigrations")
KUBEVIRTS = GroupResource(GROUP, "kubevirts")

CONTROLLER_REVISIONS = GroupResource("apps", "controllerrevisions")
PERSISTENT_VOLUME_CLAIMS = GroupResource("", "persistentvolumeclaims")

# Finalizers.
VM_CONTROLLER_FINALIZER = "kubevirt.io/virtualMachineControllerFinalize"
"""On a VM until its instance is gone, and on an instance until the VM controller has seen how it ended."""
VMI_FOREGROUND_FINALIZER = "kubevirt.io/foregroundDeleteVirtualMachine"
"""On an instance until its guest is gone."""
MIGRATION_FINALIZER = "kubevirt.io/migrationJobFinalize"

# Labels.
CREATED_BY_LABEL = "kubevirt.io/created-by"
OUTDATED_LAUNCHER_LABEL = "kubevirt.io/outdatedLauncherImage"
MIGRATION_INSTANCE_LABEL = "kubevirt.io/vmi-name"
"""On a migration: the instance that it moves."""

# Annotations.
VM_GENERATION_ANNOTATION = "kubevirt.io/vm-generation"
LATEST_OBSERVED_API_VERSION_ANNOTATION = "kubevirt.io/latest-observed-api-version"
STORAGE_OBSERVED_API_VERSION_ANNOTATION = "kubevirt.io/storage-observed-api-version"
IMMEDIATE_DATA_VOLUME_CREATION_ANNOTATION = "kubevirt.io/immediate-data-volume-creation"
MIGRATION_TARGET_ANNOTATION = "kubevirt.io/create-migration-target"
"""On an instance that waits for one of another cluster to migrate here."""
RESTORE_RUN_STRATEGY_ANNOTATION = "kubevirt.io/restore-run-strategy"
"""On a machine: the strategy that it takes up when such an instance has come."""
PCI_TOPOLOGY_VERSION_ANNOTATION = "kubevirt.io/pci-topology-version"

# Phases of an instance (reference 9.1).
PENDING_PHASES = ("", "Pending", "Scheduling", "Scheduled")
FINAL_PHASES = ("Succeeded", "Failed")
