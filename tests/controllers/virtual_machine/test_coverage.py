"""
Every row of the reference on virtual machines (kubevirt-vm.md 3 to 8, 10 and 11) has a test that proves it, or a reason why it can't.

The rows are those of `tests/reference/kubevirt-vm-rows.json`, by section and the words that they begin with.
"""

from __future__ import annotations

import ast
import json
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
ROWS = [
    (row["section"], row["row"]) for row in json.loads((TESTS / "reference/kubevirt-vm-rows.json").read_text("utf-8"))
]

_HERE = "controllers/virtual_machine/"
_TABLE = _HERE + "test_run_strategy.py::test_run_strategy_follows_the_table"
_WORDS = _HERE + "test_printable_status.py::test_the_first_claim_that_holds_is_the_word"
_STRATEGIES = _HERE + "test_strategies.py::"
_CONTROLLER = _HERE + "test_controller.py::"
_UPDATING = _HERE + "test_updating.py::"
_VOLUMES = _HERE + "test_plugged_volumes.py::"
_INTERFACES = _HERE + "test_plugged_interfaces.py::"
_CONDITIONS = _HERE + "test_conditions.py::"
_TEMPLATE = _HERE + "test_instance_template.py::"
_DISKS = _HERE + "test_data_volume_templates.py::"
_FAILURES = _HERE + "test_start_failure.py::"
_ENDPOINTS = "subresources/test_virtual_machine_lifecycle.py::"
_DEFAULTS = "kinds/kubevirt/test_behaviour_vmi.py::"
_MACHINE = "kinds/kubevirt/test_behaviour_vm.py::"
_CLONES = (
    "controllers/data_volume/test_clone_authorisation.py::test_a_machine_clones_by_the_leave_of_its_service_account"
)

PROVED_BY: dict[str, dict[str, list[str]]] = {
    "3": {
        "VM created": [_TABLE, _CONTROLLER + "test_a_running_vm_gets_an_instance"],
        "Guest powers off": [_TABLE, _STRATEGIES + "test_rerun_on_failure_lets_a_guest_that_powered_off_rest"],
        "Guest crash": [_TABLE, _CONTROLLER + "test_an_instance_that_ran_and_ended_is_replaced_at_once"],
        "Failed before ever Running": [
            _STRATEGIES + "test_hours_of_failing_starts",
            _STRATEGIES + "test_once_notes_a_failed_start_and_tries_no_other",
        ],
        "VMI object deleted by a user": [_STRATEGIES + "test_an_instance_that_its_user_deletes"],
        "start endpoint": [
            _ENDPOINTS + "test_starting_a_halted_vm_changes_whichever_field_it_uses",
            _ENDPOINTS + "test_a_start_is_queued_where_starts_are_by_hand",
            _ENDPOINTS + "test_these_start_by_themselves",
        ],
        "stop endpoint": [
            _ENDPOINTS + "test_stopping_what_runs_by_itself_halts_it",
            _ENDPOINTS + "test_a_stop_is_queued_where_the_strategy_is_kept",
            _ENDPOINTS + "test_a_halted_vm_can_only_be_hurried",
        ],
        "restart endpoint": [
            _ENDPOINTS + "test_a_restart_is_a_stop_and_a_start",
            _ENDPOINTS + "test_these_are_not_restarted",
        ],
        "Queued Stop with matching uid": [_TABLE, _STRATEGIES + "test_a_queued_stop_of_this_very_instance"],
        "Queued Start, no VMI": [_TABLE, _CONTROLLER + "test_a_start_request_switches_a_halted_vm_on"],
        "Template edited while running": [_UPDATING + "test_anything_else_takes_a_restart"],
        "Strategy changed to Halted": [_STRATEGIES + "test_halting_deletes_the_instance"],
        "Strategy changed to Always": [
            _STRATEGIES + "test_always_replaces_what_has_ended",
            _STRATEGIES + "test_always_starts_what_is_not_there",
        ],
        "Changed to RerunOnFailure, no VMI": [_STRATEGIES + "test_rerun_on_failure_starts_what_comes_to_it"],
        "VM deleted": [_STRATEGIES + "test_deleting_the_machine_takes_its_instance_along"],
        "WaitAsReceiver": [
            _STRATEGIES + "test_a_receiver_has_an_instance_that_waits_and_takes_up_its_strategy_then",
            _STRATEGIES + "test_receivers_are_behind_a_gate",
        ],
        "A VMI that does not receive": [_STRATEGIES + "test_a_receiver_with_an_instance_that_does_not_wait_fails"],
        "Data volumes block a start": [_STRATEGIES + "test_disks_that_are_not_ready_hold_everything_up"],
        "ManualRecoveryRequired blocks a start": [_STRATEGIES + "test_manual_recovery_keeps_a_machine_from_starting"],
    },
    "3.1": {
        "Delay formula": [
            _FAILURES + "test_delays_grow_with_the_square_and_end_at_five_minutes",
            _STRATEGIES + "test_hours_of_failing_starts",
        ],
        "Counted once per uid": [_FAILURES + "test_an_instance_that_never_ran_counts_once"],
        "Cleared by Running": [_FAILURES + "test_having_run_clears_the_count"],
        "Cleared by strategies": [
            _FAILURES + "test_strategies_that_do_not_restart_clear_the_count",
            _STRATEGIES + "test_changing_to_a_strategy_that_does_not_restart_clears_the_count",
        ],
        "Cleared by endpoints": [_ENDPOINTS + "test_what_is_queued_makes_crash_loops_begin_anew"],
        "Always and RerunOnFailure wait": [
            _HERE + "test_run_strategy.py::test_only_always_and_rerun_on_failure_wait_for_the_back_off"
        ],
    },
    "3.2": {
        "Only index 0 matters": [
            _HERE + "test_run_strategy.py::test_only_the_first_request_is_popped_and_only_when_it_is_done"
        ],
        "Paused start": [_TEMPLATE + "test_a_paused_start_request_sets_the_start_strategy"],
        "Stop popped": [_HERE + "test_run_strategy.py::test_only_the_first_request_is_popped_and_only_when_it_is_done"],
        "Start popped": [
            _HERE + "test_run_strategy.py::test_only_the_first_request_is_popped_and_only_when_it_is_done"
        ],
    },
    "3.3": {
        "Adoption of the VMI": [_CONTROLLER + "test_an_instance_that_nobody_owns_is_adopted"],
        "Adoption of data volumes": [_DISKS + "test_an_orphaned_disk_is_adopted"],
        "Finalizer of the VM": [_CONTROLLER + "test_deleting_the_vm_waits_for_its_instance"],
        "Generation annotation": [_CONTROLLER + "test_a_changed_strategy_needs_no_restart"],
        "Instance type first": [_HERE + "test_instancetypes.py::test_what_is_missing_is_told_and_nothing_starts"],
        "Dynamic annotations": [_UPDATING + "test_descheduler_annotations_follow_the_template"],
        "Finalizer of the VMI": [_CONTROLLER + "test_switching_off_deletes_the_instance_and_tells"],
    },
    "4": {
        "created": [_CONTROLLER + "test_a_running_vm_gets_an_instance"],
        "ready": [_CONTROLLER + "test_a_running_vm_gets_an_instance"],
        "runStrategy": [
            _CONTROLLER + "test_a_vm_that_is_not_running_has_none",
            _STRATEGIES + "test_rerun_on_failure_starts_what_comes_to_it",
        ],
        "startFailure": [_CONTROLLER + "test_a_crash_loop_backs_off_and_is_counted"],
        "stateChangeRequests": [_CONTROLLER + "test_a_stop_request_restarts_an_always_running_vm"],
        "volumeRequests": [_VOLUMES + "test_requested_volumes_go_to_template_and_instance"],
        "volumeSnapshotStatuses": [
            _HERE + "test_volume_snapshots.py::test_only_claims_are_snapshotted",
            _HERE + "test_volume_snapshots.py::test_its_storage_class_needs_a_snapshot_class",
            _HERE + "test_claims_of_machines.py::test_a_claim_that_comes_and_goes_changes_what_a_halted_machine_says",
        ],
        "observedGeneration and desiredGeneration": [
            _CONTROLLER + "test_a_changed_template_asks_for_a_restart",
            _STRATEGIES + "test_generations_are_those_of_the_instance",
            _STRATEGIES + "test_an_instance_that_was_adopted_has_no_generation",
        ],
        "snapshotInProgress and restoreInProgress": [
            _MACHINE + "test_a_snapshot_locks_volumes_and_running_state",
            _MACHINE + "test_a_restore_locks_the_strategy",
        ],
        "memoryDumpRequest": [_VOLUMES + "test_a_memory_dump_goes_through_its_phases"],
        "instancetypeRef and preferenceRef": [
            _HERE + "test_instancetypes.py::test_a_vm_keeps_what_it_first_met_as_controller_revisions"
        ],
    },
    "4.1": {
        word: [_WORDS]
        for word in (
            *("Terminating", "Stopping", "Migrating", "Paused", "Running", "ErrorPvcNotFound", "DataVolumeError"),
            *("ErrorUnschedulable", "Provisioning", "WaitingForVolumeBinding", "ErrImagePull", "ImagePullBackOff"),
            *("Starting", "CrashLoopBackOff", "Stopped", "WaitingForReceiver", "Unknown"),
        )
    },
    "4.2": {
        "Ready": [
            _CONDITIONS + "test_without_an_instance_the_vm_is_not_ready",
            _CONDITIONS + "test_an_instance_without_ready_is_missing_it",
        ],
        "Failure": [_CONTROLLER + "test_an_instance_of_another_owner_is_none_of_the_vms_business"],
        "RestartRequired": [
            _CONDITIONS + "test_restart_required_has_a_message_and_no_reason",
            _UPDATING + "test_sockets_that_take_a_restart",
        ],
        "ManualRecoveryRequired": [_STRATEGIES + "test_manual_recovery_keeps_a_machine_from_starting"],
        "Mirrored conditions": [_CONDITIONS + "test_conditions_of_the_instance_are_mirrored_and_go_while_it_lives"],
        "Mirrored conditions stay": [_CONDITIONS + "test_mirrored_conditions_outlive_the_instance"],
        "Replaced by status or reason": [
            _CONDITIONS + "test_a_condition_is_replaced_only_if_status_or_reason_changed",
            _CONDITIONS + "test_what_takes_a_restart_is_told_anew_unless_it_is_something_else_altogether",
        ],
    },
    "5": {
        "metadata": [_TEMPLATE + "test_metadata_comes_from_the_template_and_names_from_the_vm"],
        "ownerReferences": [_TEMPLATE + "test_metadata_comes_from_the_template_and_names_from_the_vm"],
        "finalizers": [_CONTROLLER + "test_a_running_vm_gets_an_instance"],
        "annotations": [_TEMPLATE + "test_metadata_comes_from_the_template_and_names_from_the_vm"],
        "spec": [
            _TEMPLATE + "test_a_paused_start_request_sets_the_start_strategy",
            _TEMPLATE + "test_the_vm_is_left_as_it_was",
            _VOLUMES + "test_a_memory_dump_goes_through_its_phases",
        ],
        "firmware uuid": [
            _TEMPLATE + "test_firmware_without_uuid_gets_one_that_depends_on_the_name_alone",
            _TEMPLATE + "test_a_stored_firmware_uuid_stays",
        ],
        "firmware of old VMs": [_UPDATING + "test_a_machine_without_firmware_uuid_gets_the_one_of_its_name"],
        "disks": [_DEFAULTS + "test_every_volume_gets_a_disk_and_every_disk_a_bus"],
        "input": [_TEMPLATE + "test_an_input_device_is_attached_when_asked_for"],
        "network": [_DEFAULTS + "test_a_masquerade_cluster_adds_a_masquerade_interface"],
        "instancetype": [_HERE + "test_instancetypes.py::test_an_instance_is_made_with_instance_type_and_preference"],
        "status": [_TEMPLATE + "test_the_start_revision_is_named"],
        "Firmware at creation": [_MACHINE + "test_a_new_vm_gets_architecture_machine_and_identity"],
        "Start revision": [
            _CONTROLLER + "test_each_start_keeps_one_revision",
            _HERE + "test_instancetypes.py::test_the_start_revision_insists_on_what_was_used",
        ],
        "VM finalizer and orphans": [
            _CONTROLLER + "test_deleting_the_vm_waits_for_its_instance",
            _STRATEGIES + "test_an_orphaned_instance_runs_on",
        ],
        "Adoption": [
            _CONTROLLER + "test_an_instance_that_nobody_owns_is_adopted",
            _CONTROLLER + "test_an_instance_of_another_owner_is_none_of_the_vms_business",
        ],
        "Grace": [_STRATEGIES + "test_grace_in_delete_options_means_nothing"],
    },
    "6.1": {
        "architecture and machine type": [_MACHINE + "test_a_new_vm_gets_architecture_machine_and_identity"],
        "firmware": [_MACHINE + "test_an_old_vm_gets_no_new_identity"],
    },
    "7": {
        "When created": [
            _DISKS + "test_a_halted_vm_has_its_disks_made_too",
            _DISKS + "test_a_deleted_disk_is_made_again",
        ],
        "Delayed creation": [_DISKS + "test_creation_can_be_left_to_the_first_start"],
        "Object": [_DISKS + "test_a_disk_is_imported_before_the_vm_starts"],
        "Ready phases": [
            _DISKS + "test_a_disk_is_imported_before_the_vm_starts",
            "controllers/test_end_to_end.py::test_a_disk_that_waits_for_its_consumer_lets_the_vm_start",
        ],
        "Not ready": [
            _STRATEGIES + "test_disks_that_are_not_ready_hold_everything_up",
            _DISKS + "test_a_failing_import_shows_on_the_vm",
        ],
        "Existing PVC of that name": [_DISKS + "test_a_claim_of_that_name_is_nobodys_failure"],
        "WFFC": ["controllers/test_end_to_end.py::test_a_disk_that_waits_for_its_consumer_lets_the_vm_start"],
        "Clone auth": [_CLONES],
        "Deletion": ["controllers/test_end_to_end.py::test_a_disk_is_imported_used_and_dies_with_the_vm"],
        "Start gate": [
            (
                "controllers/virtual_machine_instance/test_volumes.py::"
                "test_an_instance_waits_for_a_claim_that_does_not_exist"
            )
        ],
    },
    "8": {
        "cpu.sockets increase": [
            _UPDATING + "test_more_sockets_go_to_the_running_instance",
            "controllers/test_updates.py::test_processors_and_memory_grow_while_it_runs",
        ],
        "Sockets over the maximum": [_UPDATING + "test_sockets_that_take_a_restart"],
        "Fewer sockets": [_UPDATING + "test_sockets_that_take_a_restart"],
        "arm64": [_UPDATING + "test_arm_takes_a_restart"],
        "memory.guest increase": [
            _UPDATING + "test_more_memory_goes_to_the_running_instance",
            "controllers/test_updates.py::test_processors_and_memory_grow_while_it_runs",
        ],
        "Memory of what cannot migrate": [_UPDATING + "test_memory_that_takes_a_restart"],
        "Memory without maximum": [_UPDATING + "test_memory_of_a_small_guest_takes_a_restart"],
        "Memory below that at boot": [_UPDATING + "test_memory_that_takes_a_restart"],
        "Memory that cannot be plugged": [_UPDATING + "test_memory_that_takes_a_restart"],
        "Memory that failed": [_UPDATING + "test_memory_that_takes_a_restart"],
        "nodeSelector, affinity, tolerations": [_UPDATING + "test_scheduling_follows_the_template"],
        "Hotpluggable volumes and disks": [
            _VOLUMES + "test_a_hotpluggable_volume_goes_to_the_running_instance_and_comes_back"
        ],
        "Network interfaces": [
            _INTERFACES + "test_a_new_interface_goes_to_the_running_instance",
            _INTERFACES + "test_an_absent_interface_goes_from_the_guest_then_from_both_specs",
            _INTERFACES + "test_a_link_goes_down_and_up",
            _INTERFACES + "test_a_network_is_exchanged_where_the_instance_can_migrate",
            "controllers/test_updates.py::test_an_interface_comes_and_goes",
        ],
        "Anything else": [_UPDATING + "test_anything_else_takes_a_restart"],
        "Stage": [_UPDATING + "test_staged_changes_wait_for_a_restart"],
        "Strategy, labels, templates": [_UPDATING + "test_what_is_not_in_the_templates_spec_takes_none"],
        "While migrating": [_UPDATING + "test_nothing_changes_while_the_instance_migrates"],
        "Another change in progress": [
            _UPDATING + "test_one_change_of_processors_at_a_time",
            _UPDATING + "test_one_change_of_memory_at_a_time",
        ],
    },
    "10": {
        "SuccessfulCreate": [_CONTROLLER + "test_a_running_vm_gets_an_instance"],
        "SuccessfulDelete": [_CONTROLLER + "test_switching_off_deletes_the_instance_and_tells"],
        "FailedCreate": [_CONTROLLER + "test_an_instance_of_another_owner_is_none_of_the_vms_business"],
        "SuccessfulDataVolumeCreate": [_DISKS + "test_a_disk_is_imported_before_the_vm_starts"],
        "UnauthorizedDataVolumeCreate": [_CLONES],
        "FailedDataVolumeCreate": [_DISKS + "test_a_data_source_is_resolved"],
        "FailedDataVolumeImport": [_DISKS + "test_a_failing_import_shows_on_the_vm"],
        "SourcePVCNotAvailabe": [_DISKS + "test_a_data_source_is_resolved"],
    },
    "11": {
        "Declarative": [
            _VOLUMES + "test_a_hotpluggable_volume_goes_to_the_running_instance_and_comes_back",
            _VOLUMES + "test_a_changed_volume_is_taken_out_before_it_is_put_in_again",
            "controllers/test_updates.py::test_a_disk_comes_and_goes_and_comes_again",
        ],
        "CD-ROM media": [_VOLUMES + "test_a_medium_is_swapped_in_its_drive"],
        "Imperative": [
            _VOLUMES + "test_requested_volumes_go_to_template_and_instance",
            "subresources/test_volume_plugging.py::test_the_older_gate_makes_requests_of_it",
        ],
        "Memory dump": [
            _VOLUMES + "test_a_memory_dump_goes_through_its_phases",
            "controllers/test_updates.py::test_a_memory_dump_from_the_request_to_its_end",
        ],
        "Failed memory dump": [_VOLUMES + "test_a_memory_dump_that_failed_says_so"],
        "removememorydump": [
            _VOLUMES + "test_a_dump_can_be_dissociated_while_it_is_made",
            "subresources/test_memory_dumps.py::test_a_dump_is_requested_and_let_go",
        ],
    },
}

REASONS: dict[str, dict[str, str]] = {
    "4": {"volumeUpdateState and changedBlockTracking": "Volumes are not migrated while a guest runs, nor backed up."},
    "5": {
        "MAC addresses": "Nothing is persisted, so there is nothing to see; what the guest has is the runtimes' contract."
    },
    "8": {
        "Memory over the maximum": "The check that comes before it says the same in other words (`memory hotplug not supported`).",
        "PVC swaps with Migration": "Volumes are not migrated while a guest runs: a change of them asks for a restart.",
    },
    "10": {
        "FailedDelete": "A deletion by the controller is refused by nothing that is served.",
    },
}


@cache
def _tests_of(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize(("section", "row"), ROWS)
def test_every_row_has_its_test_or_its_reason(section, row):
    proofs, reason = PROVED_BY.get(section, {}).get(row, []), REASONS.get(section, {}).get(row)
    assert proofs or reason, f"nothing proves the row {row!r} of section {section}"
    assert not (proofs and reason), f"the row {row!r} of section {section} has a reason why it has no test, and tests"
    for proof in proofs:
        path, name = proof.split("::")
        assert name in _tests_of(path), f"{proof} is not there"


def test_nothing_else_is_named():
    named = {(section, row) for table in (PROVED_BY, REASONS) for section, found in table.items() for row in found}
    assert named == set(ROWS)
