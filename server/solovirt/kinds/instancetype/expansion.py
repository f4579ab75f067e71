"""A VirtualMachine with its instance type and preference written out (reference kubevirt-flavor.md 6.4, kubevirt-subresources.md 3.9)."""

from __future__ import annotations

import copy

from solovirt.kinds.instancetype import application
from solovirt.kinds.instancetype.finding import INSTANCETYPE, PREFERENCE, Get, has_matcher, spec_of
from solovirt.kinds.kubevirt import instance_defaults
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.machinery.resource import Document

_PATH = "spec.template.spec"


def expand(vm: Document, get: Get, *, cluster: Cluster = STANDARD) -> Document:
    """
    *vm* as it would be without matchers: the template filled and defaulted, matchers and the status' references to revisions gone.

    Returns *vm* itself if it has no matcher, otherwise a new document. Raises CannotFind and Conflicts.
    """
    if not has_matcher(vm["spec"]):
        return vm
    instancetype, preference = spec_of(INSTANCETYPE, vm, get), spec_of(PREFERENCE, vm, get)
    expanded = copy.deepcopy(vm)
    template = expanded["spec"]["template"]
    spec, metadata = template["spec"], template.get("metadata") or {}
    # Before the preference, which is for these devices too.
    instance_defaults.default_volume_disks(spec)
    instance_defaults.default_network(spec, cluster=cluster)
    application.apply(instancetype, preference, spec, metadata, path=_PATH)
    if metadata:
        template["metadata"] = metadata
    instance_defaults.default_template(spec, cluster=cluster)
    for matching in (INSTANCETYPE, PREFERENCE):
        expanded["spec"].pop(matching.field, None)
        if "status" in expanded:
            expanded["status"].pop(matching.status_field, None)
    return expanded


def applied(vm: Document, get: Get) -> Document:
    """
    The spec of *vm* with its template filled, to be compared with another: nothing is defaulted, matchers stay.

    Returns the VM's own spec if it has no matcher. Raises CannotFind and Conflicts.
    """
    spec: Document = vm["spec"]
    if not has_matcher(spec):
        return spec
    instancetype, preference = spec_of(INSTANCETYPE, vm, get), spec_of(PREFERENCE, vm, get)
    spec = copy.deepcopy(spec)
    application.apply(
        instancetype,
        preference,
        spec["template"]["spec"],
        spec["template"].setdefault("metadata", {}),
        path="spec",
    )
    return spec
