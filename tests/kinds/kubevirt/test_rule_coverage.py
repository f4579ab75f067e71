"""
Every rule of KubeVirt's admission has a test that proves it, or a reason why it can't have one.

The rules are those of `tests/reference/kubevirt-validation-rules.json`. A test says which rules it is about: in its docstring (`Rules 44 to 47`), or by the
first column of the table `ROWS` that it walks. What is named here is held against that, so neither can go without the other.
"""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
RULES = {
    rule["number"]: rule["gist"]
    for rule in json.loads((TESTS / "reference/kubevirt-validation-rules.json").read_text("utf-8"))
}
_NUMBERS = r"(?:\d+(?: to \d+)?(?:, | and )?)+"

WHOLESALE = {
    # Constraints of schemas, all at once: every version of every kind is the very definition.
    "kinds/test_models_custom.py::test_the_structural_schema_of_each_version_is_the_definitions": "1 to 25",
    "kinds/test_models_custom.py::test_a_machine_names_its_flavor_as_in_every_version_that_had_flavors": "26",
}

PROVED_BY: dict[str, str] = {
    "kinds/kubevirt/test_behaviour_vm.py::test_run_strategies": "28 to 30",
    "kinds/kubevirt/test_behaviour_vm.py::test_waiting_for_a_migration_is_behind_a_gate": "31",
    "kinds/kubevirt/rules/test_sizing_rules.py::test_more_sockets_than_ever_are_refused": "32, 93",
    "kinds/kubevirt/rules/test_instance_rules.py::test_memory_hotplug_has_its_conditions": "33",
    "kinds/instancetype/test_admission.py::test_the_rules_see_the_machine_whole": "34",
    "kinds/kubevirt/test_behaviour_vm.py::test_data_volume_templates": "35 to 42",
    "kinds/instancetype/test_admission.py::test_a_matcher_needs_a_name_or_a_volume": "44",
    "kinds/instancetype/test_admission.py::test_a_volume_goes_with_neither_name_nor_kind": "45",
    "kinds/instancetype/test_admission.py::test_failure_policies_are_known": "46",
    "kinds/instancetype/test_admission.py::test_another_name_wants_another_revision": "47",
    "kinds/instancetype/test_inference.py::test_a_failure_is_refused_or_ignored": "48",
    "kinds/instancetype/test_application.py::test_annotations_conflict_by_key_if_they_differ": "49",
    "kinds/instancetype/test_admission.py::test_vcpus_that_cannot_be_spread_are_refused": "50",
    "kinds/instancetype/test_requirements.py::test_a_vm_without_cpu_gets_one_before_it_is_measured": "51",
    "kinds/kubevirt/test_behaviour_vm.py::test_a_snapshot_locks_volumes_and_running_state": "52, 53",
    "kinds/kubevirt/test_behaviour_vm.py::test_a_restore_locks_the_strategy": "54",
    "kinds/kubevirt/test_volume_requests.py::test_a_wrong_request_is_refused_where_the_machine_and_where_its_status_is_written": "56, 58, 59, 61 to 64",
    "kinds/kubevirt/test_volume_requests.py::test_nothing_is_plugged_while_the_instance_migrates": "57",
    "kinds/kubevirt/test_volume_requests.py::test_a_volume_of_the_running_instance_is_not_replaced": "60",
    "kinds/kubevirt/test_volume_requests.py::test_a_boot_order_of_zero_is_refused_under_the_name_of_the_second_disk": "65",
    "kinds/kubevirt/rules/test_creation_rules.py::test_reserved_labels_are_kubevirts": "66",
    "kinds/kubevirt/rules/test_creation_rules.py::test_annotations_behind_gates": "67, 68",
    "kinds/kubevirt/rules/test_instance_rules.py::test_a_broken_rule_gives_its_cause": "69, 72, 74, 78, 81, 93, 94, 98, 100, 104 to 106, 109 to 112, 114, 115, 117, 125, 128 to 132, 134, 137, 140, 145, 150, 153, 156, 157, 159 to 161, 163 to 165, 173, 176, 177",
    "kinds/kubevirt/rules/test_sizing_rules.py::test_a_broken_rule_gives_its_cause": "69 to 73, 75 to 80, 82 to 92, 95 to 97",
    "kinds/kubevirt/rules/test_network_rules.py::test_a_broken_rule_gives_its_cause": "99 to 103, 107, 108, 113, 116, 118 to 122, 124",
    "kinds/kubevirt/rules/test_instance_rules.py::test_discontinued_bindings_are_refused_for_new_objects_only": "123, 189",
    "kinds/kubevirt/rules/test_disk_rules.py::test_a_broken_rule_gives_its_cause": "126, 127, 129, 132, 133, 135, 136, 138 to 144",
    "kinds/kubevirt/rules/test_device_rules.py::test_a_broken_rule_gives_its_cause": "146 to 149, 151, 152, 154, 155, 178 to 186, 188",
    "kinds/kubevirt/rules/test_volume_rules.py::test_a_broken_rule_gives_its_cause": "157 to 160, 162, 164 to 172, 174, 175, 187",
    "kinds/kubevirt/rules/test_creation_rules.py::test_a_broken_rule_gives_its_cause": "190 to 199",
    "kinds/kubevirt/test_behaviour_replicaset.py::test_presets_that_contradict_each_other_make_the_instance_impossible": "200",
    "kinds/kubevirt/test_instance_changes.py::test_users_change_nothing_in_the_spec": "201",
    "kinds/kubevirt/test_instance_changes.py::test_users_change_no_reserved_labels": "202",
    "kinds/kubevirt/test_instance_changes.py::test_kubevirts_own_parts_break_a_rule": "203 to 206",
    "kinds/kubevirt/test_instance_changes.py::test_utility_volumes": "207",
    "kinds/kubevirt/test_instance_changes.py::test_a_nodes_handler_keeps_to_its_node": "208",
    "kinds/kubevirt/test_behaviour_replicaset.py::test_replica_sets": "209, 210",
    "kinds/kubevirt/test_behaviour_replicaset.py::test_the_template_of_a_replica_set_is_checked_as_an_instance": "211",
    "kinds/kubevirt/test_behaviour_replicaset.py::test_a_preset_has_a_domain": "218",
    "kinds/kubevirt/test_behaviour_migration.py::test_a_wrong_spec": "219, 220, 225",
    "kinds/kubevirt/test_behaviour_migration.py::test_an_instance_that_cannot_be_moved": "221 to 224",
    "kinds/kubevirt/test_behaviour_migration.py::test_the_spec_is_fixed": "226",
    "kinds/kubevirt/test_behaviour_migration.py::test_the_label_stays_while_the_migration_runs": "227",
    "subresources/test_pod_eviction.py::test_an_instance_that_is_to_migrate_is_marked_and_keeps_its_pod": "230",
    "kinds/instancetype/test_behaviour.py::test_a_percentage_is_one": "252",
    "kinds/instancetype/test_behaviour.py::test_overcommitted_memory_is_no_huge_pages": "253",
    "kinds/instancetype/test_behaviour.py::test_topologies_are_known": "254",
    "kinds/instancetype/test_behaviour.py::test_spread_options_say_nothing_for_another_topology": "255",
    "kinds/kubevirt/test_admission_on_the_wire.py::test_a_second_installation_is_a_plain_400": "256",
    "kinds/kubevirt/test_behaviour_kubevirt.py::test_an_installation_in_use_can_be_protected": "257",
    "kinds/kubevirt/test_behaviour_kubevirt.py::test_a_broken_rule_gives_its_cause": "258 to 265",
}

REASONS = {
    "27": "The schema check of the mutating webhook answers first (rule 1), so nobody can meet this one.",
    "43": "Held in the time of flavors only; today's data volumes are authorised when they are made.",
    "55": "Admission has the old object in hand: there is nothing to fetch that could fail.",
    "212 to 217": "Pools are served without admission of their own.",
    "228 and 229": "Migration policies are served without admission of their own.",
    "231 to 250": "Snapshots, restores, clones and exports are served without admission of their own.",
    "251": "Backups are not served.",
}


def numbers(text: str) -> set[int]:
    """The numbers of `44 to 47, 50 and 52`."""
    found: set[int] = set()
    for first, last in re.findall(r"(\d+)(?: to (\d+))?", text):
        found.update(range(int(first), int(last or first) + 1))
    return found


@cache
def _module(path: str) -> tuple[dict[str, ast.FunctionDef | ast.AsyncFunctionDef], set[int]]:
    """The tests of a module, and the rules in the first column of its table."""
    tree = ast.parse((TESTS / path).read_text("utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    rows: set[int] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(getattr(name, "id", "") == "ROWS" for name in node.targets):
            for row in getattr(node.value, "elts", ()):
                first = row.args[0] if isinstance(row, ast.Call) else row.elts[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, int):
                    rows.add(first.value)
    return functions, rows


def rules_of(test: str) -> set[int]:
    """The rules that *test* (`path::function`) says it is about."""
    path, name = test.split("::")
    functions, rows = _module(path)
    function = functions[name]
    found = set()
    for said in re.findall(rf"[Rr]ules? ({_NUMBERS})", ast.get_docstring(function) or ""):
        found |= numbers(said)
    if any(
        isinstance(node, ast.Name) and node.id == "ROWS" for one in function.decorator_list for node in ast.walk(one)
    ):
        found |= rows
    return found


def test_the_rules_are_numbered_without_gaps():
    assert sorted(RULES) == list(range(1, len(RULES) + 1))


@pytest.mark.parametrize("number", RULES)
def test_every_rule_has_its_test_or_its_reason(number):
    proofs = [test for test, text in {**WHOLESALE, **PROVED_BY}.items() if number in numbers(text)]
    reasons = [text for text in REASONS if number in numbers(text)]
    assert proofs or reasons, f"rule {number} ({RULES[number]}) has neither a test nor a reason why not"
    assert not (proofs and reasons), f"rule {number} has a reason why it has no test, and a test: {proofs}"


@pytest.mark.parametrize("test", PROVED_BY)
def test_a_test_that_is_named_here_says_so_itself(test):
    path, name = test.split("::")
    assert name in _module(path)[0], f"{test} is not there"
    missing = numbers(PROVED_BY[test]) - rules_of(test)
    assert not missing, f"{test} says nothing of rules {sorted(missing)}"


@pytest.mark.parametrize("test", WHOLESALE)
def test_a_wholesale_proof_is_there(test):
    path, name = test.split("::")
    assert name in _module(path)[0]
