"""The models of custom kinds say what the CustomResourceDefinitions of KubeVirt v1.9 and CDI say, constraint by constraint."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds import builtin
from solovirt.machinery.resource import Flavour, Resource
from solovirt.machinery.schema.structural import structural
from tests.kinds.schema_facts import differences, facts, without_descriptions

# subresources.kubevirt.io has paths and no objects: an aggregated API there, not a definition.
CUSTOM = {
    str(resource.group_resource): resource
    for resource in builtin()
    if resource.flavour is Flavour.CUSTOM and resource.verbs and not resource.virtual
}
# Ours alone: the flavors of KubeVirt v0.53 (reference kubevirt-flavor.md 3.2) are not among the definitions of v1.9.
FLAVORS = {"virtualmachineflavors.flavor.kubevirt.io", "virtualmachineclusterflavors.flavor.kubevirt.io"}
# Those of the external-snapshotter, which no release of KubeVirt or CDI brings.
SNAPSHOTS = {
    f"{name}.snapshot.storage.k8s.io" for name in ("volumesnapshots", "volumesnapshotcontents", "volumesnapshotclasses")
}
# Brought by Multus (reference kubernetes-api.md 7).
OTHERS = {*FLAVORS, *SNAPSHOTS, "network-attachment-definitions.k8s.cni.cncf.io"}
NOT_SERVED = {
    "openstackvolumepopulators.forklift.cdi.kubevirt.io",
    "ovirtvolumepopulators.forklift.cdi.kubevirt.io",
    "plugins.plugin.kubevirt.io",
    "virtualmachinebackups.backup.kubevirt.io",
    "virtualmachinebackuptrackers.backup.kubevirt.io",
}


def stored_schema(definition: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = next(version["schema"] for version in definition["versions"] if version["storage"])
    return schema


def our_schema(resource: Resource, version: str) -> dict[str, Any]:
    served = resource.version(version)
    assert served is not None
    assert served.model is not None
    schema: dict[str, Any] = without_descriptions(structural(served.model.load()))
    assert "name" in schema["properties"]["metadata"]["properties"], "metadata is an ObjectMeta"
    # A definition leaves metadata to the API server.
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


def test_every_definition_is_served_but_those_named_here():
    assert set(CUSTOM) - OTHERS == set(facts("crds")) - NOT_SERVED


@pytest.mark.parametrize("name", sorted(set(CUSTOM) - OTHERS))
def test_the_structural_schema_of_each_version_is_the_definitions(name):
    definition = facts("crds")[name]
    theirs = without_descriptions(stored_schema(definition))
    for version in definition["versions"]:
        ours = our_schema(CUSTOM[name], version["name"])
        if name == "virtualmachines.kubevirt.io":
            flavor = ours["properties"]["spec"]["properties"].pop("flavor")
            assert flavor["required"] == ["name"]
        found = [
            line
            for line in differences(ours, theirs)
            # The pool's template and the content of a snapshot carry a whole VirtualMachine spec, so a flavor too.
            if not line.startswith(
                (
                    ".properties.spec.properties.virtualMachineTemplate.properties.spec.properties.flavor:",
                    ".properties.spec.properties.source.properties.virtualMachine.properties.spec.properties.flavor:",
                )
            )
        ]
        assert found == [], f"{name} {version['name']}"


@pytest.mark.parametrize("name", sorted(set(CUSTOM) - OTHERS))
def test_names_scope_versions_and_subresources_are_the_definitions(name):
    resource, definition = CUSTOM[name], facts("crds")[name]
    names = definition["names"]
    assert resource.kind == names["kind"]
    assert resource.plural == names["plural"]
    assert resource.singular == names["singular"]
    assert resource.list_kind_name == names.get("listKind", f"{names['kind']}List")
    assert list(resource.short_names) == names.get("shortNames", [])
    assert list(resource.categories) == names.get("categories", [])
    assert resource.scope.value == definition["scope"]
    ours = {one.name: one for one in resource.versions}
    assert set(ours) == {version["name"] for version in definition["versions"]}
    for version in definition["versions"]:
        served = ours[version["name"]]
        assert (served.served, served.storage, served.deprecated) == (
            version["served"],
            version["storage"],
            version["deprecated"],
        )
        subresources = version["subresources"] or {}
        assert resource.status_subresource == ("status" in subresources)
        assert any(sub.name == "scale" for sub in resource.subresources) == ("scale" in subresources)


@pytest.mark.parametrize("name", sorted(set(CUSTOM) - OTHERS))
def test_printer_columns_are_the_definitions(name):
    for version in facts("crds")[name]["versions"]:
        served = CUSTOM[name].version(version["name"])
        assert served is not None
        assert [(one.name, one.type, one.json_path, one.priority) for one in served.columns] == [
            (column["name"], column["type"], column["jsonPath"], column.get("priority", 0))
            for column in version["columns"]
        ]


def test_a_flavor_has_the_cpu_of_its_era():
    """Reference kubevirt-flavor.md 3.1 and 3.2: v0.53 flavors carry a v1.CPU that does not know maxSockets yet."""
    era, today = (
        facts("kubevirt-v0.53")["types"]["v1.CPU"]["fields"],
        facts("kubevirt-v1.9")["types"]["v1.CPU"]["fields"],
    )
    assert set(today) - set(era) == {"maxSockets"}
    for name in FLAVORS:
        schema = our_schema(CUSTOM[name], "v1alpha1")
        assert schema["required"] == ["spec"]
        assert set(schema["properties"]["spec"]["properties"]) == {"cpu"}
        cpu = schema["properties"]["spec"]["properties"]["cpu"]
        assert set(cpu["properties"]) == set(era)
        machine = our_schema(CUSTOM["virtualmachineinstances.kubevirt.io"], "v1")
        live = machine["properties"]["spec"]["properties"]["domain"]["properties"]["cpu"]["properties"]
        assert {field: live[field] for field in era} == cpu["properties"]


def test_a_machine_names_its_flavor_as_in_every_version_that_had_flavors():
    """Reference kubevirt-flavor.md 3.4."""
    matcher = our_schema(CUSTOM["virtualmachines.kubevirt.io"], "v1")["properties"]["spec"]["properties"]["flavor"]
    assert matcher["required"] == ["name"]
    assert matcher["properties"] == {field: {"type": "string"} for field in ("name", "kind", "profile", "revisionName")}


@pytest.mark.parametrize(
    ("name", "short_names"),
    [
        ("virtualmachineflavors.flavor.kubevirt.io", ("vmflavor", "vmflavors", "vmf", "vmfs")),
        ("virtualmachineclusterflavors.flavor.kubevirt.io", ("vmclusterflavor", "vmclusterflavors", "vmcf", "vmcfs")),
    ],
)
def test_flavors_are_called_as_in_their_last_version(name, short_names):
    """Reference kubevirt-flavor.md 2."""
    resource = CUSTOM[name]
    assert resource.short_names == short_names
    assert resource.categories == ("all",)
    assert [version.name for version in resource.versions] == ["v1alpha1"]
    assert not resource.status_subresource


def test_deprecated_versions_warn_in_kubevirts_words():
    """Reference kubevirt-vm.md 1.1."""
    version = CUSTOM["virtualmachines.kubevirt.io"].version("v1alpha3")
    assert version is not None
    assert (
        version.deprecation_warning == "kubevirt.io/v1alpha3 is now deprecated and will be removed in a future release."
    )
