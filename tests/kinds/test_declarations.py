"""What holds of every declared kind, and what importing the declarations costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from solovirt.kinds import builtin
from solovirt.machinery import names
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Flavour
from solovirt.machinery.schema.markers import ApiModel


def test_every_model_can_be_loaded():
    for resource in builtin():
        if not resource.kind:
            # Paths without objects have no model: subresources.kubevirt.io.
            assert resource.subresources or resource.virtual
            continue
        for version in resource.versions:
            assert version.model is not None
            assert issubclass(version.model.load(), ApiModel)


def test_every_kind_has_one_stored_version():
    for resource in builtin():
        assert sum(version.storage for version in resource.versions) == 1, resource.kind


def test_every_name_rule_exists():
    for resource in builtin():
        assert names.rule(resource.name_rule)("a") == []


def test_namespaces_services_and_roles_have_names_of_their_own_form():
    """Reference kubernetes-api.md 3.1."""
    rules = {resource.plural: resource.name_rule for resource in builtin() if resource.name_rule != "subdomain"}
    assert rules == {
        "namespaces": "label",
        "services": "label",
        **dict.fromkeys(("roles", "rolebindings", "clusterroles", "clusterrolebindings"), "path_segment"),
        # `v1.`, the core group's.
        "apiservices": "path_segment",
    }


def test_no_resource_is_declared_twice():
    declared = [resource.group_resource for resource in builtin()]
    assert len(declared) == len(set(declared))


def test_groups_come_in_the_order_of_discovery():
    """Kubernetes' groups before the others; a group's newest stable version first (reference kubernetes-api.md 1.1)."""
    registry = Registry()
    for resource in builtin():
        registry.register(resource)
    groups = {group.name: group.versions for group in registry.groups()}
    assert next(iter(groups)) == ""
    kubernetes = {resource.group for resource in builtin() if resource.flavour is Flavour.BUILT_IN}
    order = list(groups)
    assert set(order[: len(kubernetes)]) == kubernetes
    assert groups["kubevirt.io"] == ("v1", "v1alpha3")
    assert groups["cdi.kubevirt.io"] == ("v1beta1", "v1alpha1")
    assert groups["export.kubevirt.io"] == ("v1", "v1beta1")
    assert groups["pool.kubevirt.io"] == ("v1beta1", "v1alpha1")


@pytest.mark.parametrize(("short", "kind"), [("vm", "VirtualMachine"), ("vmi", "VirtualMachineInstance")])
def test_a_short_name_means_one_kind(short, kind):
    assert [resource.kind for resource in builtin() if short in resource.short_names] == [kind]


def test_vmf_means_an_instancetype_first_as_in_kubevirt_today():
    """Flavors had the name before; discovery order decides (reference kubevirt-vm.md 1.1, kubevirt-flavor.md 2)."""
    assert [resource.kind for resource in builtin() if "vmf" in resource.short_names] == [
        "VirtualMachineInstancetype",
        "VirtualMachineFlavor",
    ]


def test_declarations_import_no_model():
    script = (
        "import sys; from solovirt.kinds import builtin; builtin(); "
        "print([name for name in sys.modules if '.models' in name and name.startswith('solovirt') or name == 'pydantic'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
