"""
Every section of the reference has tests that prove its rules over HTTP, or a reason why a rule can't have one.

A test of this folder says which sections it is about in its docstring (`§2.3`, or several), and what of them. Tests elsewhere, of real clients above all,
are listed in ELSEWHERE with the rules that they prove. Where the reference is at hand, its headings are held against the list.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
REFERENCE = TESTS.parents[1] / "shared" / "reference" / "kubernetes-api.md"

SECTIONS = {
    "1.1": "discovery: endpoints",
    "1.2": "aggregated discovery",
    "1.3": "version and health",
    "1.4": "OpenAPI",
    "2.1": "paths and status codes",
    "2.2": "query parameters",
    "2.3": "resourceVersion semantics",
    "2.4": "selectors",
    "2.5": "watch stream",
    "3.1": "names",
    "3.2": "system fields",
    "3.3": "optimistic concurrency",
    "3.4": "deletion, finalizers, GC",
    "3.5": "managedFields and server-side apply",
    "3.6": "patch types",
    "4": "errors: the Status object",
    "4.1": "field errors",
    "4.2": "decoding errors",
    "5": "tables and partial metadata",
    "6": "authentication and authorization",
    "7": "core kinds: minimum behaviour",
    "8": "streaming subresources",
    "9": "HTTP",
    "10": "what each client sends first",
}

ELSEWHERE: dict[str, dict[str, tuple[str, ...]]] = {
    "1.1": {
        "the whole of what is discovered is what Kubernetes announces": (
            "kinds/test_models_builtin.py::test_a_kind_is_discovered_as_kubernetes_announces_it",
        ),
        "order of groups; short names mean the first": (
            "kinds/test_declarations.py::test_groups_come_in_the_order_of_discovery",
            "kinds/test_declarations.py::test_a_short_name_means_one_kind",
        ),
    },
    "1.2": {
        "older kubectls ask for v2beta1": (
            "machinery/http/test_discovery.py::test_older_kubectls_get_the_older_aggregated_form",
        ),
        "what each client asks for": (
            "clients/test_kubectl_script.py::test_what_is_served",
            "clients/test_python_kr8s.py::test_discovery",
        ),
    },
    "1.3": {
        "a failing check": ("machinery/http/test_discovery.py::test_a_failing_check_fails_its_probe",),
        "/readyz/shutdown": ("machinery/http/test_discovery.py::test_a_server_that_shuts_down_is_not_ready",),
    },
    "1.4": {
        "who demands what: validation and explain by every kubectl": (
            "clients/test_kubectl_script.py::test_explain",
            "clients/test_kubectl_tour.py::test_validation_is_on_for_apply",
        ),
        "schemas and their names": (
            "conformance/test_openapi_types.py::test_every_type_of_the_built_in_kinds_is_published_as_kubernetes_has_it",
            "conformance/test_openapi_types.py::test_custom_kinds_are_published_as_their_definitions_have_them",
        ),
    },
    "2.5": {
        "bookmarks about every minute": (
            "machinery/http/test_watching.py::test_bookmarks_come_every_minute_and_shortly_before_the_end",
        ),
        "who uses streaming lists": ("clients/test_client_node.py::test_an_informer_and_objects_of_any_kind",),
    },
    "3.1": {
        "generateName: eight attempts, then 409": (
            "machinery/verbs/test_create.py::test_a_generated_name_that_is_taken_eight_times_is_given_up",
        ),
    },
    "3.5": {
        "who notices": (
            "clients/test_kubectl_script.py::test_apply_on_the_servers_side",
            "clients/test_kubectl_script.py::test_moving_to_apply_on_the_servers_side",
            "clients/test_python_lightkube.py::test_apply",
        ),
    },
    "4": {
        "Unauthorized, Forbidden": (
            "machinery/http/test_access.py::test_a_token_that_is_not_known_is_refused",
            "machinery/http/test_access.py::test_refusals_name_who_what_and_where_before_anything_is_looked_up",
        ),
        "InternalError": (
            "machinery/http/test_reading.py::test_an_unforeseen_failure_is_logged_with_the_requests_id_and_answered_as_internal",
        ),
        "every reason by its class": ("machinery/test_errors.py",),
    },
    "4.1": {
        "texts of the schema walker": ("machinery/schema/test_validation_texts.py",),
    },
    "4.2": {
        "not JSON, empty, unknown kinds, wrong Go types, bad base64": (
            "conformance/test_bad_input.py::test_a_body_that_is_no_json_object_is_unrecognised",
            "conformance/test_bad_input.py::test_another_kind_or_version_is_refused",
            "conformance/test_bad_input.py::test_a_value_of_a_wrong_type_cannot_be_decoded_for_built_in_kinds",
        ),
        "fields given twice": ("conformance/test_bad_input.py::test_fields_given_twice_are_named_by_json_and_yaml",),
        "unknown fields of any kind": (
            "conformance/test_unknown_fields.py::test_an_invented_sibling_of_any_object_is_refused_or_dropped",
        ),
    },
    "5": {
        "ages": ("machinery/http/test_ages.py::test_a_duration_gets_coarser_as_it_grows",),
        "JSONPath": ("machinery/http/test_json_path.py::test_the_first_result_is_found",),
        "conditions of pods": ("conformance/test_reading.py::test_a_pod_that_is_over_has_a_row_that_says_so",),
    },
    "6": {
        "certificates, tokens, anonymous": (
            "access/test_requests.py::test_a_certificate_from_the_command_line_proves_user_and_groups",
            "access/test_requests.py::test_bad_tokens_are_not_taken_for_nobody",
            "access/test_requests.py::test_anonymous_users_may_ask_for_health_and_version_alone",
            "access/test_requests.py::test_whoever_is_known_may_discover",
            "conformance/test_secured.py::test_credentials_are_looked_at_before_the_body",
        ),
        "forbidden texts, before existence": ("access/test_requests.py::test_nobodys_friend_is_refused",),
        "access reviews": (
            "access/test_reviews.py::test_masters_may_and_no_reason_is_given",
            "access/test_reviews.py::test_the_reason_names_binding_role_and_subject",
            "access/test_reviews.py::test_reviews_that_ask_nothing_or_too_much",
            "access/test_reviews.py::test_a_local_review_is_of_its_namespace",
            "access/test_reviews.py::test_my_rules_in_a_namespace",
        ),
        "selfsubjectreviews, tokenreviews": (
            "access/test_reviews.py::test_who_am_i",
            "access/test_service_accounts.py::test_reviews_of_other_tokens",
        ),
        "tokens of service accounts": (
            "access/test_service_accounts.py::test_a_token_says_what_the_reference_lists",
            "access/test_service_accounts.py::test_a_token_proves_its_account",
            "access/test_service_accounts.py::test_times_that_cannot_be_asked_for",
            "access/test_service_accounts.py::test_a_token_dies_with_its_account_though_another_takes_its_name",
            "access/test_service_accounts.py::test_the_published_keys_verify_it",
        ),
        "impersonation": (
            "access/test_requests.py::test_impersonation_needs_the_verb",
            "access/test_requests.py::test_impersonated_groups_need_a_user",
            "access/test_requests.py::test_who_acted_as_another_is_that_other",
        ),
        "RBAC's rules, aggregation, escalation": (
            "kinds/rbac/test_rules.py::test_what_a_rule_on_resources_allows",
            "kinds/rbac/test_rules.py::test_what_a_rule_on_paths_allows",
            "access/test_requests.py::test_a_named_object_can_be_listed_and_watched_by_its_name",
            "access/test_requests.py::test_an_aggregated_role_follows_its_parts",
            "kinds/rbac/test_escalation.py::test_a_role_may_not_hold_more",
            "kinds/rbac/test_escalation.py::test_a_binding_needs_what_its_role_holds",
            "kinds/core/test_small_kinds.py::test_the_role_of_a_binding_stays",
        ),
    },
    "7": {
        "Event: two views of one object": (
            "conformance/test_events.py::test_one_that_comes_by_the_new_api_is_an_event_of_the_old",
            "conformance/test_events.py::test_one_that_comes_by_the_old_api_is_an_event_of_the_new",
            "conformance/test_events.py::test_the_new_api_is_particular",
        ),
        "a secret for a token gets one, with the certificate authority": (
            "access/test_service_accounts.py::test_a_secret_for_a_token_gets_one",
        ),
        "leader election": ("clients/test_python_kubernetes.py::test_one_of_two_leads_and_the_other_follows",),
    },
    "8": {
        "KubeVirt's own console, vnc and portforward": ("subresources",),
    },
    "9": {
        "protobuf of typed clients": ("machinery/http/protobuf/test_decoder.py",),
        "shutdown: readiness first, then watches end": (
            "machinery/http/test_discovery.py::test_a_server_that_shuts_down_is_not_ready",
            "machinery/http/test_watching.py::test_watches_end_cleanly_when_the_server_stops",
        ),
    },
    "10": {
        "kubectl of five versions": (
            "clients/test_kubectl_script.py::test_tables",
            "clients/test_kubectl_script.py::test_apply_on_the_clients_side",
            "clients/test_kubectl_script.py::test_edit_and_replace",
            "clients/test_kubectl_script.py::test_the_three_patches",
            "clients/test_kubectl_script.py::test_labels_and_annotations",
            "clients/test_kubectl_script.py::test_scaling",
            "clients/test_kubectl_script.py::test_describe",
            "clients/test_kubectl_script.py::test_explain",
            "clients/test_kubectl_script.py::test_waiting",
            "clients/test_kubectl_script.py::test_deletion",
            "clients/test_kubectl_script.py::test_events",
            "clients/test_kubectl_script.py::test_who_one_is_and_what_one_may",
            "clients/test_kubectl_script.py::test_what_is_served",
        ),
        "helm": ("clients/test_helm.py::test_a_release_from_installation_to_its_end",),
        "kubernetes, DynamicClient": (
            "clients/test_python_kubernetes.py::test_a_config_map_from_creation_to_deletion",
            "clients/test_python_kubernetes.py::test_the_dynamic_client",
        ),
        "kubernetes-asyncio": ("clients/test_python_asyncio.py::test_typed_objects",),
        "kr8s": ("clients/test_python_kr8s.py::test_a_machine_is_awaited_and_watched",),
        "lightkube": ("clients/test_python_lightkube.py::test_machines_as_generic_resources",),
        "kopf": (
            "clients/test_custom_resources.py::test_an_operator_written_with_kopf_handles_its_kind",
            "clients/test_kopf.py::test_of_two_operators_the_more_important_one_works",
        ),
        "@kubernetes/client-node": ("clients/test_client_node.py::test_an_informer_and_objects_of_any_kind",),
    },
}

REASONS = {
    "1.4: OpenAPI v3 in protobuf": "No traced client asks for it; JSON is answered to clients that take both.",
    "2.1: the key order of built-in kinds": "They come out alphabetical, as custom ones: JSON objects have no order, and no client looks.",
    "2.4: spec.signerName of CertificateSigningRequests": "The kind is not served: certificates are issued on the command line.",
    "2.5: watches in protobuf": "Answered in JSON, which every client that asks for protobuf takes as well.",
    "4: ServerTimeout": "Nothing here gives up halfway: a write is committed or 504.",
    "7: CRD status.conditions null after POST": "Left out; every client reads both alike.",
    "7: defaults that a definition brings later, on read": "They are there from the next write of an object on.",
    "8: frames of exec, attach and port-forward": "No pod has a container here, so that no stream ever opens.",
    "9: nesting between some 250 and 10000 levels": "What is nested so deep can't be stored; it is refused in Go's words for more than 10000.",
    "9: 429 for too many requests": "No priority and fairness: nobody shares the server with strangers.",
    "9: HTTP/2": "Go's clients speak HTTP/1.1 as well.",
    "10: top": "Nothing serves metrics.k8s.io; kubectl says so as on a cluster without metrics-server.",
    "10: controller-runtime, terraform": "They are Go programs that can't be fetched in CI; their requests are among those of the clients above.",
}


@cache
def _tests(path: Path) -> dict[str, str]:
    """The tests of a module with their docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    return {
        node.name: ast.get_docstring(node) or ""
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def here() -> dict[str, list[str]]:
    """The tests of this folder by the sections that they name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for name, text in _tests(path).items():
            for section in re.findall(r"§(\d+(?:\.\d+)?)", text):
                found[section].append(f"{path.name}::{name}")
    return found


def test_no_test_names_a_section_that_is_not_there():
    assert here().keys() <= SECTIONS.keys()


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_has_its_tests(section):
    assert here().get(section) or ELSEWHERE.get(section), f"§{section} ({SECTIONS[section]}) has no test"


@pytest.mark.parametrize(
    "test", sorted({test for rules in ELSEWHERE.values() for tests in rules.values() for test in tests})
)
def test_what_is_named_here_is_there(test):
    path, _, name = test.partition("::")
    assert (TESTS / path).exists(), f"{path} is not there"
    if name:
        assert name in _tests(TESTS / path), f"{test} is not there"


@pytest.mark.parametrize("rule", REASONS)
def test_reasons_are_of_a_section(rule):
    assert rule.partition(":")[0] in SECTIONS


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference is kept beside the repository, not in it")
def test_the_sections_are_those_of_the_reference():
    headings = re.findall(r"^##+ (\d+(?:\.\d+)?)\.? ", REFERENCE.read_text("utf-8"), re.MULTILINE)
    # 1, 2 and 3 consist of their parts alone.
    assert {*headings} - {"1", "2", "3"} == SECTIONS.keys()
