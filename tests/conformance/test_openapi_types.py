"""
The OpenAPI v3 that a running server sends says of every type what Kubernetes, KubeVirt and CDI say of it, field by field.

`tests/reference/schema` holds what they say: the CustomResourceDefinitions with all their constraints, and the Go types behind them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from solovirt.kinds import builtin
from solovirt.machinery.resource import Flavour
from tests.kinds.schema_facts import differences, facts, without_descriptions
from tests.kinds.test_models_builtin import ATOMIC_TYPES
from tests.kinds.test_models_custom import NOT_SERVED
from tests.served import ENVELOPE, PRESERVE, Component, Kind, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")

KUBERNETES = facts("kubernetes-v1.36")["types"]
GVK = "x-kubernetes-group-version-kind"


def as_fact(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A published schema in the words of the facts: references by name, `required` on the field, no prose."""
    references = [schema, *schema.get("allOf", ())]
    name = next((one["$ref"].rpartition("/")[2] for one in references if "$ref" in one), None)
    apart = ("description", "properties", "required", "items", "additionalProperties", "allOf", "$ref", "default", GVK)
    out: dict[str, Any] = {key: value for key, value in schema.items() if key not in apart}
    if name is not None:
        # Of what a field adds to its type the facts have the patch strategies alone.
        return {"ref": name, **{key: value for key, value in out.items() if key.startswith("x-kubernetes-patch")}}
    if "properties" in schema:
        required = schema.get("required", ())
        out["fields"] = {
            field: {**as_fact(child), **({"required": True} if field in required else {})}
            for field, child in schema["properties"].items()
        }
    for word, fact in (("items", "items"), ("additionalProperties", "values")):
        if word in schema:
            out[fact] = as_fact(schema[word])
    return out


def references(fact: Any) -> Iterator[str]:
    if isinstance(fact, dict):
        if isinstance(fact.get("ref"), str):
            yield fact["ref"]
        for child in fact.values():
            yield from references(child)


async def test_every_type_of_the_built_in_kinds_is_published_as_kubernetes_has_it(served: Served):
    wanted = {
        name
        for resource in builtin()
        if resource.flavour is Flavour.BUILT_IN and not resource.virtual
        for version in resource.versions
        for name, fact in KUBERNETES.items()
        if {"group": resource.group, "version": version.name, "kind": resource.kind} in fact.get("gvk", ())
    }
    wanted |= {f"{name}List" for name in wanted}
    wanted |= {name for name in served.components if name in KUBERNETES}
    left, compared = set(wanted), set()
    while left:
        name = left.pop()
        compared.add(name)
        fact = {key: value for key, value in KUBERNETES[name].items() if key != "gvk"}
        left |= set(references(fact)) - compared
        assert name in served.components, name
        if "fields" not in fact:
            continue
        if name in ATOMIC_TYPES:
            fact["x-kubernetes-map-type"] = "atomic"
        assert differences(as_fact(served.components[name]), fact) == [], name
    assert len(compared) > 350


async def test_scalars_of_the_built_in_kinds_are_published_as_clients_read_them(served: Served):
    for name, fact in KUBERNETES.items():
        if "fields" in fact or name not in served.components:
            continue
        schema = served.components[name]
        types = {schema.get("type")} | {one.get("type") for one in schema.get("oneOf", ())}
        assert (None if fact["type"] == "any" else fact["type"]) in types, name
        assert schema.get("format") == fact.get("format"), name


async def test_protocols_of_ports_have_the_default_that_completes_their_keys(served: Served):
    """Kubernetes' `+default="TCP"`: without it an apply could not tell which port of the list is meant (reference 3.5)."""
    for name in ("ContainerPort", "ServicePort"):
        schema = served.components[f"io.k8s.api.core.v1.{name}"]
        assert schema["properties"]["protocol"]["default"] == "TCP", name


DEFINITIONS = facts("crds")


@pytest.mark.parametrize("name", sorted(set(DEFINITIONS) - NOT_SERVED))
async def test_custom_kinds_are_published_as_their_definitions_have_them(served: Served, name):
    definition = DEFINITIONS[name]
    theirs = without_descriptions(next(one["schema"] for one in definition["versions"] if one["storage"]))
    group = name.partition(".")[2]
    for version in definition["versions"]:
        component = served.of(Kind(group, version["name"], definition["names"]["kind"]))
        ours = without_descriptions({key: value for key, value in component.items() if key != GVK})
        found = [
            line
            for line in differences(_bare(ours), _bare(theirs))
            # What this server adds: the flavor of KubeVirt v0.53 (reference kubevirt-flavor.md 3.4), wherever a VM's spec occurs.
            if not line.split(":")[0].endswith(".properties.flavor")
        ]
        assert found == [], f"{name} {version['name']}"
        _check_envelope(served, component)


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    properties = {key: value for key, value in schema["properties"].items() if key not in ENVELOPE}
    return {**schema, "properties": properties}


def _check_envelope(served: Served, component: Component) -> None:
    """Reference kubernetes-api.md 1.4: the server adds apiVersion, kind, and metadata as a reference."""
    properties = component["properties"]
    assert properties["apiVersion"]["type"] == properties["kind"]["type"] == "string"
    assert served.follow(properties["metadata"]).name == "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


# What the definitions have in the place of Go types with an encoding of their own.
_SCALARS = {
    "Quantity": "int-or-string",
    "IntOrString": "int-or-string",
    "Time": "string",
    "Duration": "string",
    "FieldsV1": "object",
    "RawExtension": "object",
}


class Comparison:
    """Walks Go types and what is published of them, side by side."""

    def __init__(self, served: Served, types: Mapping[str, Any]) -> None:
        self._served = served
        self._types = types
        self.types: set[str] = set()
        self.found: list[str] = []

    def kind(self, kind: Kind) -> None:
        """Compare a served kind, all but its metadata."""
        name = f"{kind.version}.{kind.kind}"
        self.types.add(name)
        fields = self._types[name]["fields"]
        properties = self._served.of(kind)["properties"]
        for field in sorted(set(fields) - set(ENVELOPE)):
            self._value(fields[field], self._served.follow(properties[field]), f"{kind.kind}.{field}")

    def _type(self, name: str, schema: Component, path: str) -> None:
        short = name.rpartition(".")[2]
        if short in _SCALARS:
            self._expect(path, _type_of(schema), _SCALARS[short])
            return
        self._expect(path, schema.get("type"), "object")
        if schema.get(PRESERVE) and "properties" not in schema:
            # A definition leaves the metadata of embedded objects open, which a Go type can not say.
            self._expect(path, short, "ObjectMeta")
            return
        self.types.add(name)
        fields = self._types[name].get("fields", {})
        properties = schema.get("properties", {})
        for missing in sorted(set(fields) - set(properties)):
            self.found.append(f"{path}.{missing}: not published")
        for other in sorted(set(properties) - set(fields)):
            self.found.append(f"{path}.{other}: published, but no field of {name}")
        required = {field for field, fact in fields.items() if fact.get("required")}
        for field in sorted(required ^ set(schema.get("required", ()))):
            self.found.append(f"{path}.{field}: required in {'Go' if field in required else 'OpenAPI'} alone")
        for field in sorted(set(fields) & set(properties)):
            self._value(fields[field], self._served.follow(properties[field]), f"{path}.{field}")

    def _value(self, fact: Mapping[str, Any], schema: Component, path: str) -> None:
        if "ref" in fact:
            self._type(fact["ref"], schema, path)
            return
        wanted = fact["type"]
        if isinstance(wanted, list):
            wanted = "string" if "null" in wanted else "int-or-string"
        self._expect(path, _type_of(schema), wanted)
        # Formats of numbers are left out: what the definitions say of them, compared above, is not what the Go types say.
        for word in ("x-kubernetes-list-type", "x-kubernetes-list-map-keys"):
            if word in fact:
                self._expect(f"{path} {word}", schema.get(word), fact[word])
        for word, published in (("items", "items"), ("values", "additionalProperties")):
            if word in fact:
                self._value(fact[word], self._served.follow(schema.get(published, {})), f"{path}[]")

    def _expect(self, path: str, shown: Any, wanted: Any) -> None:
        if shown != wanted:
            self.found.append(f"{path}: {shown}, not {wanted}")


def _type_of(schema: Component) -> Any:
    return "int-or-string" if schema.get("x-kubernetes-int-or-string") else schema.get("type")


# Types that no object of a served kind is made of: bodies and answers of subresources, and what NOT_SERVED is made of. The meta types are
# published under Kubernetes' names, and compared with those above.
_APART = {
    "kubevirt-v1.9": {
        *(
            f"v1.{name}Options"
            for name in ("EvacuateCancel", "Migrate", "ObjectGraph", "Pause", "Restart", "SEVSecret")
        ),
        *(f"v1.{name}Options" for name in ("SEVSession", "Start", "Stop", "Unpause")),
        *("v1.FreezeUnfreezeTimeout", "v1.GuestAgentCommandInfo", "v1.ObjectGraphNode"),
        *("v1.SEVMeasurementInfo", "v1.SEVPlatformInfo"),
        *(f"v1.VirtualMachineInstance{name}" for name in ("FileSystem", "FileSystemDisk", "FileSystemInfo")),
        *(f"v1.VirtualMachineInstance{name}" for name in ("GuestAgentInfo", "GuestOSUser")),
        *("v1alpha1.BackupCheckpoint", "v1alpha1.BackupOptions"),
        *(f"v1alpha1.VirtualMachineBackup{name}" for name in ("", "Spec", "Status")),
    },
    "cdi": {f"v1beta1.UploadTokenRequest{name}" for name in ("", "Spec", "Status")},
}
_META = {name.rpartition(".")[2] for name in KUBERNETES if name.startswith("io.k8s.apimachinery.")} | {
    *("APIGroup", "APIGroupList", "Duration", "RootPaths"),
}


@pytest.mark.parametrize(("source", "cdi"), [("kubevirt-v1.9", False), ("cdi", True)])
async def test_every_go_type_behind_the_custom_kinds_is_published(served: Served, kinds, source, cdi):
    types = facts(source)["types"]
    comparison = Comparison(served, types)
    for kind in kinds.values():
        ours = kind.group.endswith("kubevirt.io") and kind.group != "flavor.kubevirt.io"
        if ours and (kind.group == "cdi.kubevirt.io") is cdi and f"{kind.version}.{kind.kind}" in types:
            comparison.kind(kind)
    found = [
        line
        for line in dict.fromkeys(comparison.found)
        # Ours alone (reference kubevirt-flavor.md 3.4); and what CDI's own definition leaves out of its template.
        if not line.endswith(".flavor: published, but no field of v1.VirtualMachineSpec")
        and not line.startswith("DataImportCron.spec.template.metadata.")
    ]
    assert found == []
    left = {name for name in set(types) - comparison.types - _APART[source] if not name.endswith("List")}
    assert {name for name in left if name.rpartition(".")[2] not in _META} == set()


@pytest.mark.parametrize("kind", ["VirtualMachineFlavor", "VirtualMachineClusterFlavor"])
async def test_flavors_are_published_as_their_last_version_had_them(served: Served, kind):
    """KubeVirt v0.53 (reference kubevirt-flavor.md 3.2)."""
    comparison = Comparison(served, facts("kubevirt-v0.53")["types"])
    comparison.kind(Kind("flavor.kubevirt.io", "v1alpha1", kind))
    assert comparison.found == []
    assert "v1.CPU" in comparison.types
