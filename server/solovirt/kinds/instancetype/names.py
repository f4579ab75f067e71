"""The names of the instancetype.kubevirt.io group: resources, labels, annotations (reference kubevirt-flavor.md 6)."""

from __future__ import annotations

from solovirt.machinery.resource import GroupResource

GROUP = "instancetype.kubevirt.io"
VERSION = "v1beta1"

INSTANCETYPES = GroupResource(GROUP, "virtualmachineinstancetypes")
CLUSTER_INSTANCETYPES = GroupResource(GROUP, "virtualmachineclusterinstancetypes")
PREFERENCES = GroupResource(GROUP, "virtualmachinepreferences")
CLUSTER_PREFERENCES = GroupResource(GROUP, "virtualmachineclusterpreferences")
CLUSTER_SCOPED = (CLUSTER_INSTANCETYPES, CLUSTER_PREFERENCES)

# On volumes and what they are made from: what suits the system on them.
DEFAULT_INSTANCETYPE_LABEL = f"{GROUP}/default-instancetype"
DEFAULT_PREFERENCE_LABEL = f"{GROUP}/default-preference"

# On ControllerRevisions: what they are a copy of.
OBJECT_GENERATION_LABEL = f"{GROUP}/object-generation"
OBJECT_KIND_LABEL = f"{GROUP}/object-kind"
OBJECT_NAME_LABEL = f"{GROUP}/object-name"
OBJECT_UID_LABEL = f"{GROUP}/object-uid"
OBJECT_VERSION_LABEL = f"{GROUP}/object-version"

NAME_ANNOTATIONS = {
    INSTANCETYPES: "kubevirt.io/instancetype-name",
    CLUSTER_INSTANCETYPES: "kubevirt.io/cluster-instancetype-name",
    PREFERENCES: "kubevirt.io/preference-name",
    CLUSTER_PREFERENCES: "kubevirt.io/cluster-preference-name",
}
"""On an instance: the name of what it was made with."""
