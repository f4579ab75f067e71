"""
What KubeVirt says of instances (reference kubevirt-vm.md 9 and 10) and of flavors (kubevirt-flavor.md), line by line, and the test that proves it.

A line is a row of a table of the reference, by its section and what its first column says. A line without a test has a reason. That the tests
exist is checked, so none goes without its lines being looked at.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
VMI = "controllers/virtual_machine_instance"
LIFE, PROBES, VOLUMES, POD = (f"{VMI}/test_{one}.py" for one in ("life_cycle", "probes", "volumes", "launcher_pod"))
PLACEMENT, MIGRATABLE, HOTPLUG, LIVE = (
    f"{VMI}/test_{one}.py" for one in ("placement", "migratability", "hotplug", "live_update")
)
VM_FLAVORS, FLAVOR = "controllers/virtual_machine/test_flavors.py", "kinds/flavor/test_application.py"
MODELS = "kinds/test_models_custom.py"

PROVED_BY: dict[str, str] = {
    # 9.1 Phases
    "9.1 Pending": f"{VOLUMES}::test_an_instance_waits_for_a_claim_that_does_not_exist",
    "9.1 Pending to Failed": f"{VOLUMES}::test_a_failed_data_volume_fails_the_instance",
    "9.1 Scheduling": f"{LIFE}::test_watchers_see_each_phase_of_a_start",
    "9.1 Scheduling, the pod is gone": f"{PLACEMENT}::test_losing_the_pod_while_waiting_for_a_node_is_the_end",
    "9.1 Scheduled": f"{LIFE}::test_watchers_see_each_phase_of_a_start",
    "9.1 Scheduled to Failed": f"{LIFE}::test_a_guest_that_fails_to_start_never_was_running",
    "9.1 Running": f"{LIFE}::test_an_instance_is_scheduled_and_then_runs",
    "9.1 Succeeded": f"{LIFE}::test_a_guest_that_powers_off_has_succeeded",
    "9.1 Failed": f"{LIFE}::test_a_guest_that_crashes_has_failed",
    "9.1 Failed, the pod or launcher is lost": f"{LIFE}::test_a_guest_that_vanished_has_failed",
    "9.1 WaitingForSync": "controllers/virtual_machine/test_strategies.py::test_a_receiver_has_an_instance_that_waits_and_takes_up_its_strategy_then",
    "9.1 phaseTransitionTimestamps": f"{LIFE}::test_an_instance_is_scheduled_and_then_runs",
    "9.1 the grace expires": f"{LIFE}::test_a_guest_that_ignores_the_request_is_killed_after_thirty_seconds",
    "9.1 an orderly stop": f"{LIFE}::test_deleting_shuts_the_guest_down_and_then_the_instance_is_gone",
    # 9.2 Conditions
    "9.2 Ready, PodNotExists": f"{VOLUMES}::test_an_instance_waits_for_a_claim_that_does_not_exist",
    "9.2 Ready, PodTerminating": f"{LIFE}::test_deleting_shuts_the_guest_down_and_then_the_instance_is_gone",
    "9.2 Ready, GuestNotRunning": f"{LIFE}::test_watchers_see_each_phase_of_a_start",
    "9.2 Ready, copied from the pod": f"{PROBES}::test_an_instance_is_ready_once_its_probe_has_succeeded",
    "9.2 Synchronized, FailedCreate": f"{PLACEMENT}::test_an_instance_that_fits_nowhere_waits_in_scheduling",
    "9.2 Synchronized, FailedPvcNotFound": f"{VOLUMES}::test_an_instance_waits_for_a_claim_that_does_not_exist",
    "9.2 Synchronized, FailedDataVolumeImport": f"{VOLUMES}::test_a_failed_data_volume_fails_the_instance",
    "9.2 Synchronized, Synchronizing with the Domain failed.": f"{LIFE}::test_a_refused_start_is_told_and_tried_again",
    "9.2 LiveMigratable": f"{MIGRATABLE}::test_what_is_in_the_way_of_a_live_migration",
    "9.2 LiveMigratable, SecureExecution": f"{MIGRATABLE}::test_secure_execution_is_launch_security_on_s390x",
    "9.2 StorageLiveMigratable": f"{MIGRATABLE}::test_volumes_can_be_moved_whatever_they_are_made_of_unless_the_machine_can_not",
    "9.2 Paused": f"{LIFE}::test_pausing_shows_and_takes_readiness_away",
    "9.2 AgentConnected": f"{LIFE}::test_the_agent_is_seen_when_it_answers",
    "9.2 DataVolumesReady": f"{VOLUMES}::test_an_instance_waits_until_its_data_volume_has_arrived",
    "9.2 PodScheduled": f"{PLACEMENT}::test_an_instance_that_fits_nowhere_waits_in_scheduling",
    "9.2 Provisioning": f"{VOLUMES}::test_a_claim_that_waits_for_its_consumer_is_told_the_node",
    "9.2 AccessCredentialsSynchronized": f"{VMI}/test_access_credentials.py::test_keys_and_passwords_get_in_when_the_agent_answers",
    "9.2 HotVCPUChange": f"{LIVE}::test_processors_are_plugged_in",
    "9.2 HotMemoryChange": f"{LIVE}::test_memory_is_plugged_in",
    "9.2 EvictionRequested": f"{LIFE}::test_an_instance_that_is_to_leave_its_node_says_so",
    # 9.3 Status
    "9.3 nodeName": f"{LIFE}::test_a_running_instance_tells_about_itself",
    "9.3 interfaces": f"{LIFE}::test_a_running_instance_tells_about_itself",
    "9.3 interfaces, by the agent": f"{LIFE}::test_the_agent_is_seen_when_it_answers",
    "9.3 guestOSInfo": f"{LIFE}::test_the_agent_is_seen_when_it_answers",
    "9.3 guestOSInfo, empty": "kinds/kubevirt/test_behaviour_vmi.py::test_a_new_instance_starts_pending_with_its_sizes_in_the_status",
    "9.3 volumeStatus": f"{VOLUMES}::test_it_starts_when_the_claim_is_bound",
    "9.3 volumeStatus, target": f"{VOLUMES}::test_devices_are_lettered_by_bus_in_the_order_of_the_disks",
    "9.3 volumeStatus, size": f"{VOLUMES}::test_a_cloud_init_disk_has_a_size",
    "9.3 volumeStatus, hotplugVolume and phases": f"{HOTPLUG}::test_a_volume_is_plugged_in_phase_by_phase",
    "9.3 volumeStatus, memoryDumpVolume": f"{HOTPLUG}::test_a_memory_dump_is_written_and_told",
    "9.3 activePods": f"{LIFE}::test_a_running_instance_tells_about_itself",
    "9.3 launcherContainerImageVersion": f"{LIFE}::test_an_instance_with_a_launcher_of_another_version_is_marked",
    "9.3 migrationMethod": f"{MIGRATABLE}::test_the_method",
    "9.3 migrationTransport": f"{LIFE}::test_a_running_instance_tells_about_itself",
    "9.3 qosClass": f"{LIFE}::test_a_running_instance_tells_about_itself",
    "9.3 memory": f"{LIFE}::test_a_running_instance_tells_about_itself",
    "9.3 currentCPUTopology": f"{LIFE}::test_a_running_instance_tells_about_itself",
    "9.3 machine": f"{LIFE}::test_a_running_instance_tells_about_itself",
    "9.3 runtimeUser": "kinds/kubevirt/test_behaviour_vmi.py::test_a_new_instance_starts_pending_with_its_sizes_in_the_status",
    "9.3 selinuxContext": f"{LIFE}::test_a_running_instance_tells_about_itself",
    "9.3 virtualMachineRevisionName": "controllers/virtual_machine/test_instance_template.py::test_the_start_revision_is_named",
    "9.3 VSOCKCID": f"{VMI}/test_vsock.py::test_each_instance_with_a_socket_gets_a_number_of_its_own_and_keeps_it",
    "9.3 evacuationNodeName": f"{LIFE}::test_an_instance_that_is_to_leave_its_node_says_so",
    # 9.4 The launcher pod
    "9.4 name": f"{POD}::test_the_pod_of_an_instance",
    "9.4 labels": f"{POD}::test_the_pod_of_an_instance",
    "9.4 labels, a long name": f"{POD}::test_a_long_name_becomes_a_label_by_its_hash",
    "9.4 annotations": f"{POD}::test_the_pod_of_an_instance",
    "9.4 owner": f"{POD}::test_the_pod_of_an_instance",
    "9.4 container": f"{POD}::test_the_pod_of_an_instance",
    "9.4 container, probes": f"{PROBES}::test_the_pod_shows_the_probes",
    "9.4 readiness gate": f"{LIFE}::test_pausing_shows_and_takes_readiness_away",
    "9.4 attachment pods": f"{HOTPLUG}::test_one_pod_mounts_all_volumes_and_gives_way_to_the_next",
    "9.4 without pods": f"{LIFE}::test_without_launcher_pods_everything_else_is_the_same",
    # 10 Events of instances
    "10 SuccessfulCreate": f"{LIFE}::test_the_events_of_a_start",
    "10 SuccessfulDelete": f"{LIFE}::test_deleting_shuts_the_guest_down_and_then_the_instance_is_gone",
    "10 FailedPvcNotFound": f"{VOLUMES}::test_an_instance_waits_for_a_claim_that_does_not_exist",
    "10 Created": f"{LIFE}::test_the_events_of_a_start",
    "10 Started": f"{LIFE}::test_the_events_of_a_start",
    "10 ShuttingDown": f"{LIFE}::test_deleting_shuts_the_guest_down_and_then_the_instance_is_gone",
    "10 Deleted": f"{LIFE}::test_a_guest_that_ignores_the_request_is_killed_after_thirty_seconds",
    "10 Stopped, shut down": f"{LIFE}::test_a_guest_that_powers_off_has_succeeded",
    "10 Stopped, crashed": f"{LIFE}::test_a_guest_that_crashes_has_failed",
    "10 SyncFailed": f"{LIFE}::test_a_refused_start_is_told_and_tried_again",
    "10 Paused, Unpaused": f"{LIFE}::test_pausing_shows_and_takes_readiness_away",
    "10 Migrated, not migratable": f"{MIGRATABLE}::test_an_instance_that_should_leave_a_drained_node_and_can_not_is_told_of",
    # What flavors are
    "flavor 2 kinds": f"{MODELS}::test_flavors_are_called_as_in_their_last_version",
    "flavor 3.2 spec": f"{MODELS}::test_a_flavor_has_the_cpu_of_its_era",
    "flavor 3.4 name": f"{MODELS}::test_a_machine_names_its_flavor_as_in_every_version_that_had_flavors",
    "flavor 3.4 kind": f"{FLAVOR}::test_kinds_are_matched_in_any_case_and_number_and_default_to_the_clusters",
    "flavor 3.4 where": f"{FLAVOR}::test_a_namespaced_flavor_is_looked_for_in_the_vms_namespace_only",
    # How flavors are applied
    "flavor 4 at admission": f"{VM_FLAVORS}::test_admission_refuses_flavors_that_cannot_be_applied",
    "flavor 4 at the start": f"{VM_FLAVORS}::test_a_flavor_fills_the_instances_cpu",
    "flavor 4 the whole CPU": f"{FLAVOR}::test_the_cpu_is_taken_whole",
    "flavor 4 any CPU conflicts": f"{FLAVOR}::test_any_cpu_in_the_template_conflicts",
    "flavor 4 no CPU": f"{FLAVOR}::test_a_flavor_without_cpu_changes_and_refuses_nothing",
    "flavor 4 annotations": f"{FLAVOR}::test_the_instance_names_its_flavor_by_kind",
    "flavor 4 the live flavor": f"{VM_FLAVORS}::test_every_start_reads_the_live_flavor",
    # What goes wrong with flavors
    "flavor 5 F2": f"{VM_FLAVORS}::test_admission_refuses_flavors_that_cannot_be_applied",
    "flavor 5 F5": f"{VM_FLAVORS}::test_admission_refuses_flavors_that_cannot_be_applied",
    "flavor 5 F11": f"{VM_FLAVORS}::test_a_flavor_that_conflicts_by_now_fails_the_start_and_tells",
    "flavor 5 a failed start": f"{VM_FLAVORS}::test_a_flavor_that_went_away_fails_the_start_and_tells",
    "flavor 5 inner texts": f"{FLAVOR}::test_a_flavor_that_is_not_there_is_named",
    "flavor 7 with instancetype": f"{VM_FLAVORS}::test_flavor_and_instancetype_exclude_each_other",
}

REASONS: dict[str, str] = {
    "9.1 Unknown": "A node is lost when its machine stops answering; simulated machines are always there, and libvirt's say what became of a guest.",
    "9.2 Ready, PodConditionMissing": "Launcher pods are made with the condition.",
    "9.2 Synchronized, FailedDelete": "Nothing between the controller and the pod can refuse to delete it.",
    "9.2 Synchronized, ErrImagePull, ImagePullBackOff": "No image is pulled for a launcher pod, which runs no container.",
    "9.2 Synchronized, FailedGuaranteeResources": "A pod here gets what it asks for.",
    "9.2 Synchronized, FailedBackendStorageCreate, FailedBackendStorageProbe, BackendStorageNotReady": "Persistent state of TPM and EFI needs no claim of its own here.",
    "9.2 AgentVersionNotSupported": "The simulated agent is a new one; every real agent that libvirt speaks to has the commands that are used.",
    "9.2 VolumesChange": "Tested with migrations.",
    "9.2 MigrationRequired": "Tested with migrations.",
    "9.3 fsFreezeStatus": "Set and cleared by freeze and unfreeze, and tested with these.",
    "9.3 topologyHints": "Says at which frequency a guest's time stamp counter runs; no node tells its own.",
    "9.3 kernelBootStatus": "Check sums of images that are pulled; nothing is pulled.",
    "9.3 migrationState": "Tested with migrations.",
    "9.3 migratedVolumes": "Tested with migrations.",
    "9.3 changedBlockTracking": "Incremental backup is behind a gate that is off unless opened.",
    "9.4 migration target": "Tested with migrations.",
    "10 FailedGuaranteeResources": "See 9.2.",
    "10 PreparingTarget, Migrating": "Tested with migrations.",
    "flavor 3.1 profiles": "The API of v0.47 to v0.52; what holds here for spec.flavor is v0.53's.",
    "flavor 3.3 spec of v0.54": "As above.",
    "flavor 5 F1, F4, F7, F8, F10": "As above: profiles.",
    "flavor 5 F3, F6": "As above: v0.54.",
    "flavor 5 F9": "Only says that a flavor is decoded, as every object is.",
}


@cache
def _tests_in(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("line", PROVED_BY)
def test_every_line_has_its_test(line):
    path, name = PROVED_BY[line].split("::")
    assert (TESTS / path).is_file(), f"{path} is not there"
    assert name in _tests_in(path), f"{name} is not in {path}"


def test_a_line_has_a_test_or_a_reason_and_not_both():
    assert not PROVED_BY.keys() & REASONS.keys()
    assert all(reason.endswith(".") for reason in REASONS.values())


@pytest.mark.parametrize(
    ("section", "lines"),
    [("9.1", 15), ("9.2", 28), ("9.3", 29), ("9.4", 11), ("10", 14), ("flavor", 23)],
)
def test_no_line_was_dropped(section, lines):
    """How many lines the sections have, in this breakdown of theirs."""
    found = [line for line in (*PROVED_BY, *REASONS) if line.startswith(f"{section} ")]
    assert len(found) == lines
