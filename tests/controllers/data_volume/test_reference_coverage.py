"""
What CDI does (reference cdi.md), line by line, and the test that proves it here.

A line is a row of a table of the reference, by its section and what it is about. A line without a test has a reason. That the tests exist is
checked, so none goes without its lines being looked at.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
DV = "controllers/data_volume"
LIFE, FILES, FAIL, CLAIMS, POPULATED, CLONES = (
    f"{DV}/test_{one}.py"
    for one in ("controller", "files", "failures", "annotated_claim", "populator", "clone_authorisation")
)
ENGINE = "volumes/files"
IMPORT, REGISTRY, S3, ARCHIVE, OCI, MATRIX, UPLOADS, COPY = (
    f"{ENGINE}/test_{one}.py"
    for one in ("import", "registry", "s3", "archive", "image_archive", "matrix", "upload", "clone")
)
PROXY, SOURCES, CRONS, CONFIG = (
    "subresources/test_upload.py",
    "controllers/test_data_source.py",
    "controllers/test_data_import_cron.py",
    "controllers/test_cdi_config.py",
)
RULES, IMPORT_RULES, LEAVE = (
    f"kinds/cdi/test_{one}.py" for one in ("behaviour", "import_rules", "clone_authorisation")
)
MODELS = "kinds/test_models_custom.py"
VM, WORDS = (
    "controllers/virtual_machine/test_data_volume_templates.py",
    "controllers/virtual_machine/test_printable_status.py",
)
VMI = "controllers/virtual_machine_instance/test_volumes.py"
VM_RULES = "kinds/kubevirt/test_behaviour_vm.py"
SNAPSHOTS = "controllers/data_volume/test_snapshots.py"
KILLS = "durability/test_kill_volumes.py"

PROVED_BY: dict[str, str] = {
    # 1 and 2: kinds and fields
    "1.1 names, scopes, short names, categories": f"{MODELS}::test_names_scope_versions_and_subresources_are_the_definitions",
    "1.1 printer columns": f"{MODELS}::test_printer_columns_are_the_definitions",
    "1.2 UploadTokenRequest": f"{PROXY}::test_an_upload_goes_as_virtctl_does_it",
    "2 fields": f"{MODELS}::test_the_structural_schema_of_each_version_is_the_definitions",
    "2 content type archive": f"{ARCHIVE}::test_an_archive_is_unpacked_into_the_volumes_root",
    "2 preallocation": f"{IMPORT}::test_preallocation_takes_the_space",
    # 3: status
    "3 claimName": f"{LIFE}::test_an_import_goes_through_its_phases",
    "3 restartCount": f"{LIFE}::test_a_failing_import_is_retried_and_stays_in_progress",
    "3.1 phases of imports": f"{LIFE}::test_an_import_goes_through_its_phases",
    "3.1 WaitForFirstConsumer": f"{LIFE}::test_a_class_that_waits_for_its_consumer_shows",
    "3.1 unset while it cannot be rendered": f"{LIFE}::test_a_claim_that_cannot_be_rendered_is_told",
    "3.1 phases of clones": f"{LIFE}::test_a_clone_waits_for_its_source",
    "3.1 phases of uploads": f"{LIFE}::test_an_upload_becomes_ready_and_waits",
    "3.1 Failed": f"{LIFE}::test_a_checksum_mismatch_is_final",
    "3.2 Bound": f"{LIFE}::test_an_import_goes_through_its_phases",
    "3.2 Ready, TransferRunning": f"{LIFE}::test_an_import_goes_through_its_phases",
    "3.2 Running, Error": f"{FAIL}::test_a_server_that_misbehaves_is_tried_again_until_it_behaves",
    "3.2 Running, ImagePullFailed": f"{REGISTRY}::test_pulling_by_the_node_fails_as_an_image_pull",
    "3.2 Running, ChecksumError": f"{FILES}::test_a_wrong_checksum_fails_for_good",
    "3.2 Running, Completed": f"{FILES}::test_an_import_brings_the_disk_and_goes_through_cdis_phases",
    "3.3 progress of an import": f"{LIFE}::test_progress_follows_the_clock",
    "3.3 progress moves with the bytes": f"{IMPORT}::test_progress_moves_with_the_bytes",
    "3.3 blank": f"{LIFE}::test_a_blank_disk_has_no_progress_until_it_is_done",
    "3.3 upload": f"{PROXY}::test_an_upload_goes_as_virtctl_does_it",
    "3.3 adopted": f"{LIFE}::test_an_existing_claim_is_adopted_when_that_is_allowed",
    "3.3 populators": f"{POPULATED}::test_a_claim_waits_for_its_import_source_and_is_bound_when_it_is_filled",
    # 4: state machine
    "4.1 sourceRef": f"{SOURCES}::test_a_data_volume_is_cloned_by_reference",
    "4.1 ErrClaimNotValid": f"{LIFE}::test_a_claim_that_cannot_be_rendered_is_told",
    "4.1 usePopulator": f"{LIFE}::test_the_claim_is_made_as_cdi_makes_it",
    "4.1 instancetype labels": f"{FILES}::test_an_images_preference_gets_to_its_claim_and_data_volume_and_on_to_clones",
    "4.1 ErrExceededQuota": f"{LIFE}::test_a_quota_keeps_a_data_volume_pending",
    "4.3 events of imports": f"{FILES}::test_an_import_brings_the_disk_and_goes_through_cdis_phases",
    "4.3 events of clones": f"{FILES}::test_a_clone_waits_until_its_source_is_filled_and_is_the_same",
    "4.3 external population": f"{POPULATED}::test_a_data_volume_may_be_populated_by_a_source",
    "4.3 CloneWithoutSource": f"{LIFE}::test_a_clone_waits_for_its_source",
    "4.3 CloneValidationFailed": f"{LIFE}::test_a_clone_that_cannot_fit_is_told_and_waits",
    "4.3 CloneSourceInUse": f"{FILES}::test_a_source_in_use_is_not_cloned",
    "4.3 ErrImportFailed": f"{CLAIMS}::test_an_annotated_claim_that_fails_says_so",
    "4.3 ImportTargetInUse": f"{CLAIMS}::test_a_claim_that_a_pod_uses_is_left_alone",
    "4.3 events of populators": f"{POPULATED}::test_a_claim_waits_for_its_import_source_and_is_bound_when_it_is_filled",
    "4.3 clonePhase": f"{POPULATED}::test_a_clone_source_is_copied",
    "4.4 VolumeImportSource": f"{POPULATED}::test_a_claim_waits_for_its_import_source_and_is_bound_when_it_is_filled",
    "4.4 targetClaim": f"{POPULATED}::test_a_source_for_another_claim_is_left_alone",
    "4.4 VolumeUploadSource": f"{POPULATED}::test_an_upload_source_waits_for_an_upload_into_the_claim_in_its_place",
    "4.4 VolumeCloneSource": f"{POPULATED}::test_a_clone_source_is_copied",
    "4.4 claims without a DataVolume": f"{CLAIMS}::test_an_annotated_claim_is_imported_into",
    "4.5 deletion": f"{FILES}::test_deleting_the_data_volume_deletes_the_bytes",
    "4.5 an existing claim": f"{RULES}::test_a_claim_of_that_name_must_be_one_to_take_over",
    "4.5 adoption by annotation": f"{LIFE}::test_an_existing_claim_is_adopted_when_that_is_allowed",
    "4.5 adoption by gate": f"{CONFIG}::test_a_gate_lets_data_volumes_adopt_claims",
    "4.5 prePopulated": f"{LIFE}::test_a_claim_filled_elsewhere_is_taken_as_it_is",
    "4.5 populatedFor": f"{LIFE}::test_a_delayed_annotation_gets_to_the_claim_once_it_is_filled",
    "4.6 retried for ever": f"{FILES}::test_a_disk_that_is_too_large_is_tried_again_for_ever",
    "4.6 status other than 200": f"{IMPORT}::test_a_status_other_than_200_is_told_as_cdi_does_and_tried_again_after_the_back_off",
    "4.6 larger than the target": f"{IMPORT}::test_a_disk_larger_than_its_claim_is_refused_in_cdis_words",
    "4.6 too small, in simple words": f"{FAIL}::test_a_full_disk_is_too_small_until_there_is_room",
    "4.6 bad format, backing file": f"{FAIL}::test_a_broken_image_is_refused_again_and_again",
    "4.6 checksum mismatch": f"{FILES}::test_a_wrong_checksum_fails_for_good",
    "4.6 no progress": f"{FAIL}::test_a_server_that_misbehaves_is_tried_again_until_it_behaves",
    # 5: metadata of claims
    "5.1 labels and annotations": f"{LIFE}::test_the_claim_is_made_as_cdi_makes_it",
    "5.2 source annotations": f"{CLAIMS}::test_a_source_can_be_read_from_its_annotations",
    "5.2 missing or unknown source": f"{CLAIMS}::test_an_endpoint_without_a_source_or_with_an_unknown_one_is_http",
    "5.3 state annotations": f"{CLAIMS}::test_an_annotated_claim_is_imported_into",
    # 6: size and class
    "6.1 overhead": f"{CONFIG}::test_the_installations_configuration_is_copied_and_worked_out",
    "6.1 rendering": "controllers/data_volume/test_claim.py::test_modes_come_from_the_profile",
    "6.1 applyStorageProfile": f"{FILES}::test_a_claim_is_completed_from_the_storage_profile",
    "6.2 size of a snapshot": f"{SNAPSHOTS}::test_a_snapshot_keeps_what_a_claim_held",
    "6.3 immediate binding": f"{CRONS}::test_a_cron_imports_at_once_and_points_its_data_source_to_the_import",
    "6.4 labels of images": f"{REGISTRY}::test_environment_variables_are_labels",
    # 7: imports
    "7.1 formats": f"{MATRIX}::test_the_disk_is_what_was_put_in",
    "7.1 grown, never shrunk": f"{IMPORT}::test_a_raw_disk_arrives_byte_for_byte_and_grows_to_its_claim",
    "7.1 blank": f"{IMPORT}::test_blank_disks_have_the_size_of_their_claim_and_no_blocks",
    "7.2 http: credentials and headers": f"{IMPORT}::test_credentials_and_headers_come_from_secrets_and_go_along_redirects",
    "7.2 http: checksum": f"{IMPORT}::test_a_checksum_is_of_the_bytes_as_they_are_served",
    "7.2 archive": f"{ARCHIVE}::test_what_is_no_archive_is_refused",
    "7.2 s3": f"{S3}::test_a_signed_request_brings_the_object",
    "7.2 gcs, imageio, vddk": f"{IMPORT}::test_sources_that_are_not_built_are_refused_for_good",
    "7.2 registry": f"{REGISTRY}::test_the_first_file_below_disk_is_the_disk",
    "7.2 registry: no disk": f"{REGISTRY}::test_an_image_without_disk_is_told",
    "7.2 registry: architecture": f"{REGISTRY}::test_a_single_image_of_another_architecture_is_refused",
    "7.2 registry: credentials": f"{REGISTRY}::test_a_token_is_fetched_with_the_secrets_credentials",
    "7.2 registry: oci-archive": f"{OCI}::test_the_disk_is_the_images",
    # 8: uploads
    "8.1 virtctl image-upload dv": f"{PROXY}::test_an_upload_goes_as_virtctl_does_it",
    "8.1 virtctl image-upload pvc": f"{PROXY}::test_a_claim_without_a_data_volume_is_uploaded_into_as_virtctl_does_it",
    "8.2 tokens": f"{PROXY}::test_tokens_live_for_five_minutes_and_ten_seconds_of_leeway",
    "8.3 paths": f"{PROXY}::test_forms_and_the_answer_after_conversion",
    "8.3 archives": f"{PROXY}::test_an_archive_has_no_probe",
    "8.3 400": f"{PROXY}::test_what_is_too_large_is_a_bad_request_and_can_be_followed_by_something_smaller",
    "8.3 401": f"{PROXY}::test_only_a_token_lets_in",
    "8.3 503": f"{PROXY}::test_claims_that_are_no_target_are_refused",
    "8.3 CORS": f"{PROXY}::test_a_browser_may_ask_from_anywhere",
    "8.3 back to UploadReady": f"{KILLS}::test_an_upload_that_a_kill_cut_off_is_no_disk_and_can_be_sent_again",
    # 9: clones
    "9.1 copy": f"{COPY}::test_a_clone_is_the_same_and_grows_to_its_claim",
    "9.1 the source is not filled": f"{FILES}::test_a_clone_waits_until_its_source_is_filled_and_is_the_same",
    "9.1 snapshot source": f"{SNAPSHOTS}::test_a_snapshot_keeps_what_a_claim_held",
    "9.1 a snapshot that is not there yet": f"{SNAPSHOTS}::test_a_clone_waits_for_its_snapshot",
    "9.1 checks": f"{LIFE}::test_a_clone_that_cannot_fit_is_told_and_waits",
    "9.2 same namespace": f"{LEAVE}::test_within_a_namespace_everybody_may_and_a_missing_one_is_told",
    "9.2 claims and snapshots": f"{LEAVE}::test_the_rules_of_claims_and_snapshots",
    "9.2 denied": f"{CLONES}::test_a_user_without_leave_is_refused_in_cdis_words",
    "9.2 source namespace missing": f"{CLONES}::test_a_missing_namespace_is_a_bad_request",
    "9.2 sourceRef": f"{CLONES}::test_a_data_source_decides_what_is_cloned",
    "9.2 templates of machines": f"{CLONES}::test_a_machine_clones_by_the_leave_of_its_service_account",
    # 10 and 11
    "10 Ready": f"{SOURCES}::test_it_is_ready_when_its_claim_is_there_and_takes_its_labels",
    "10 NoSource": f"{SOURCES}::test_without_a_source_it_is_not_ready",
    "10 phase of the import": f"{SOURCES}::test_it_waits_for_the_import_into_its_claim",
    "10 snapshots": f"{SOURCES}::test_a_snapshot_that_is_not_there_is_not_ready",
    "10 snapshots that are ready": f"{SNAPSHOTS}::test_a_data_source_may_name_a_snapshot",
    "10 references": f"{SOURCES}::test_one_may_name_another_of_its_namespace_but_no_chain",
    "10 a missing one fails the creation": f"{RULES}::test_a_missing_data_source_fails_the_creation",
    "11 schedule": "kinds/cdi/test_schedule.py::test_a_schedule_is_due_next",
    "11 digest, pinned import, DataSource": f"{CRONS}::test_a_cron_imports_at_once_and_points_its_data_source_to_the_import",
    "11 outdated, importsToKeep": f"{CRONS}::test_a_new_image_is_imported_when_the_schedule_is_due_and_old_ones_go",
    "11 garbageCollect": f"{CRONS}::test_garbage_may_be_kept",
    "11 retentionPolicy": f"{CRONS}::test_what_is_not_retained_goes_with_the_cron",
    "11 serviceAccountName, NotAuthorized": f"{CRONS}::test_a_claim_of_another_namespace_needs_leave",
    "11 claims as sources": f"{CRONS}::test_a_claim_is_a_source_by_its_uid",
    "11 image streams": f"{CRONS}::test_an_image_stream_is_not_available_and_that_is_said",
    "11 no schedule": f"{CRONS}::test_without_a_schedule_nothing_is_polled",
    "11 ErrDataSourceAlreadyManaged": f"{CRONS}::test_a_data_source_has_one_manager",
    "11 an import in error": f"{CRONS}::test_an_import_that_fails_gives_way_to_a_newer_image",
    # 12: admission
    "12 two blanks, 422": f"{RULES}::test_the_message_has_two_blanks_and_the_cause_none",
    "12.1 rules": f"{RULES}::test_rules",
    "12.1 checksums": f"{RULES}::test_checksums",
    "12.1 names": f"{RULES}::test_a_name_may_be_so_long",
    "12.1 immutable": f"{RULES}::test_the_spec_does_not_change_but_may_be_written_differently",
    "12.1 checkpoints": f"{RULES}::test_checkpoints_of_an_import_in_stages_may_change",
    "12.2 rules": f"{IMPORT_RULES}::test_rules_of_crons",
    "12.2 immutable": f"{IMPORT_RULES}::test_a_cron_keeps_its_spec_and_a_short_name",
    "12.3 VolumeImportSource": f"{IMPORT_RULES}::test_rules_of_import_sources",
    "12.3 immutable": f"{IMPORT_RULES}::test_sources_keep_their_specs_but_for_checkpoints",
    "12.3 CDI": f"{IMPORT_RULES}::test_the_installation_may_be_kept_from_going_while_there_are_data_volumes",
    # 13: other kinds
    "13 StorageProfile": f"{CONFIG}::test_profiles_say_whether_their_provisioner_is_known",
    "13 CDIConfig": f"{CONFIG}::test_the_installations_configuration_is_copied_and_worked_out",
    # 14: KubeVirt's use
    "14.1 created DataVolume": f"{VM}::test_a_disk_is_imported_before_the_vm_starts",
    "14.1 sourceRef is resolved": f"{VM}::test_a_data_source_is_resolved",
    "14.1 on a halted machine": f"{VM}::test_a_halted_vm_has_its_disks_made_too",
    "14.1 immediate-data-volume-creation": f"{VM}::test_creation_can_be_left_to_the_first_start",
    "14.1 re-created": f"{VM}::test_a_deleted_disk_is_made_again",
    "14.1 orphans": f"{VM}::test_an_orphaned_disk_is_adopted",
    "14.1 UnauthorizedDataVolumeCreate": f"{CLONES}::test_a_machine_clones_by_the_leave_of_its_service_account",
    "14.1 admission": f"{VM_RULES}::test_data_volume_templates",
    "14.2 machine to instance": f"{VM}::test_a_disk_is_imported_before_the_vm_starts",
    "14.2 instance to guest": f"{VMI}::test_an_instance_waits_until_its_data_volume_has_arrived",
    "14.2 missing claim": f"{VMI}::test_an_instance_waits_for_a_claim_that_does_not_exist",
    "14.2 WaitForFirstConsumer, Provisioning": f"{VMI}::test_a_claim_that_waits_for_its_consumer_is_told_the_node",
    "14.2 failed DataVolume": f"{VMI}::test_a_failed_data_volume_fails_the_instance",
    "14.3 the first that holds": f"{WORDS}::test_the_first_claim_that_holds_is_the_word",
    "14.3 DataVolumeError": f"{VM}::test_a_failing_import_shows_on_the_vm",
}

REASONS: dict[str, str] = {
    "1.1 forklift's populators": "Another project's group.",
    "2 priorityClassName, serviceAccountName": "Noted on claims; there are no worker pods to have them.",
    "3.1 smart clones": "Claims are copied, sharing blocks where the file system can; there is no CSI driver.",
    "3.2 scratch space": "Transfers work in the volume's own directory and need no second claim.",
    "3.2 pod waiting, unschedulable": "There are no worker pods.",
    "3.3 metrics endpoint of importers": "There are no worker pods; progress is in the status.",
    "4.1 checkStaticVolume": "For volumes that a backup brings back with claims reserved; a claim takes such a volume by its claimRef anyway.",
    "4.6 OOMKilled": "There are no worker pods.",
    "4.6 bootc images": "Images without a disk are refused with the word for that.",
    "6.2 virtual size of the source": "A clone without a size is as large as its source's claim allows.",
    "7.3 scratch space": "As 3.2.",
    "8.2 401 for those who may not": "Kubernetes asks RBAC before it passes a request on to CDI, and refuses with 403; so it is here.",
    "9.1 snapshot and csi-clone": "As 3.1.",
    "9.2 clone token": "Leave is asked for at the door; nothing passes on a token.",
    "13 ObjectTransfer": "Deprecated, and used by nothing in CDI any more.",
}


@cache
def _tests_in(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("line", PROVED_BY)
def test_every_line_has_its_test(line: str) -> None:
    path, name = PROVED_BY[line].split("::")
    assert (TESTS / path).is_file(), f"{path} is not there"
    assert name in _tests_in(path), f"{name} is not in {path}"


def test_a_line_has_a_test_or_a_reason_and_not_both() -> None:
    assert not PROVED_BY.keys() & REASONS.keys()
    assert all(reason.endswith(".") for reason in REASONS.values())


def test_no_section_was_dropped() -> None:
    """The reference's sections but the last, which is advice."""
    sections = {line.split(" ")[0].split(".")[0] for line in (*PROVED_BY, *REASONS)}
    assert sections == {str(number) for number in range(1, 15)}
