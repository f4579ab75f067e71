"""
The protobuf field table, made of the upstream facts.

Run as a script it writes `solovirt/machinery/http/protobuf/fields.json`; a test checks that the file is what this makes.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[4]
_FACTS = _ROOT / "tests" / "reference" / "schema"
TABLE = _ROOT / "server" / "solovirt" / "machinery" / "http" / "protobuf" / "fields.json"

_PREFIXES = (
    "k8s.io.api.",
    "k8s.io.apimachinery.pkg.apis.",
    "k8s.io.apimachinery.pkg.",
    "k8s.io.apiextensions_apiserver.pkg.apis.",
)
_SCALARS = {"string": "string", "int32": "int", "int64": "int", "bool": "bool", "double": "double", "bytes": "bytes"}
_SPECIAL = {
    "api.resource.Quantity": "quantity",
    "meta.v1.Time": "time",
    "meta.v1.MicroTime": "microtime",
    "meta.v1.FieldsV1": "json",
    "meta.v1.Verbs": "strings",
    "runtime.RawExtension": "json",
    "util.intstr.IntOrString": "intorstring",
    "apiextensions.v1.JSON": "json",
    "apiextensions.v1.JSONSchemaPropsOrBool": "schema-or-bool",
    "apiextensions.v1.JSONSchemaPropsOrArray": "schema-or-array",
    "apiextensions.v1.JSONSchemaPropsOrStringArray": "schema-or-strings",
    "authentication.v1.ExtraValue": "strings",
    "authorization.v1.ExtraValue": "strings",
}
# JSON names that are not the protobuf name in another case.
_NAMES = {"ref": "$ref", "schema": "$schema"}
# Fields that Go holds by value rather than by pointer, and its JSON leaves out when they are zero: on the wire a zero of theirs is always
# there and says nothing. (Fields that JSON requires are kept in any case.) From the types' definitions.
_BY_VALUE = {
    "apps.v1.DaemonSetSpec": "minReadySeconds",
    "apps.v1.DaemonSetStatus": "numberAvailable numberUnavailable observedGeneration updatedNumberScheduled",
    "apps.v1.DeploymentSpec": "minReadySeconds paused",
    "apps.v1.DeploymentStatus": (
        "availableReplicas observedGeneration readyReplicas replicas unavailableReplicas updatedReplicas"
    ),
    "apps.v1.ReplicaSetSpec": "minReadySeconds",
    "apps.v1.ReplicaSetStatus": "availableReplicas fullyLabeledReplicas observedGeneration readyReplicas",
    "apps.v1.StatefulSetOrdinals": "start",
    "apps.v1.StatefulSetSpec": "minReadySeconds",
    "apps.v1.StatefulSetStatus": "currentReplicas observedGeneration readyReplicas updatedReplicas",
    "authentication.v1.TokenReviewStatus": "authenticated",
    "authorization.v1.SubjectAccessReviewStatus": "denied",
    "autoscaling.v1.ScaleSpec": "replicas",
    "autoscaling.v2.HorizontalPodAutoscalerStatus": "currentReplicas",
    "batch.v1.JobStatus": "active failed succeeded",
    "core.v1.AWSElasticBlockStoreVolumeSource": "partition readOnly",
    "core.v1.AzureFilePersistentVolumeSource": "readOnly",
    "core.v1.AzureFileVolumeSource": "readOnly",
    "core.v1.CSIPersistentVolumeSource": "readOnly",
    "core.v1.CephFSPersistentVolumeSource": "readOnly",
    "core.v1.CephFSVolumeSource": "readOnly",
    "core.v1.CinderPersistentVolumeSource": "readOnly",
    "core.v1.CinderVolumeSource": "readOnly",
    "core.v1.Container": "stdin stdinOnce tty",
    "core.v1.ContainerImage": "sizeBytes",
    "core.v1.ContainerPort": "hostPort",
    "core.v1.ContainerStateTerminated": "signal",
    "core.v1.EphemeralContainerCommon": "stdin stdinOnce tty",
    "core.v1.Event": "count",
    "core.v1.EventSeries": "count",
    "core.v1.FCVolumeSource": "readOnly",
    "core.v1.FlexPersistentVolumeSource": "readOnly",
    "core.v1.FlexVolumeSource": "readOnly",
    "core.v1.GCEPersistentDiskVolumeSource": "partition readOnly",
    "core.v1.GlusterfsPersistentVolumeSource": "readOnly",
    "core.v1.GlusterfsVolumeSource": "readOnly",
    "core.v1.ISCSIPersistentVolumeSource": "chapAuthDiscovery chapAuthSession readOnly",
    "core.v1.ISCSIVolumeSource": "chapAuthDiscovery chapAuthSession readOnly",
    "core.v1.NFSVolumeSource": "readOnly",
    "core.v1.NodeSpec": "unschedulable",
    "core.v1.PersistentVolumeClaimVolumeSource": "readOnly",
    "core.v1.PodCondition": "observedGeneration",
    "core.v1.PodSpec": "hostIPC hostNetwork hostPID",
    "core.v1.PodStatus": "observedGeneration",
    "core.v1.PortworxVolumeSource": "readOnly",
    "core.v1.Probe": "failureThreshold initialDelaySeconds periodSeconds successThreshold timeoutSeconds",
    "core.v1.QuobyteVolumeSource": "readOnly",
    "core.v1.RBDPersistentVolumeSource": "readOnly",
    "core.v1.RBDVolumeSource": "readOnly",
    "core.v1.ReplicationControllerSpec": "minReadySeconds",
    "core.v1.ReplicationControllerStatus": "availableReplicas fullyLabeledReplicas observedGeneration readyReplicas",
    "core.v1.ScaleIOPersistentVolumeSource": "readOnly sslEnabled",
    "core.v1.ScaleIOVolumeSource": "readOnly sslEnabled",
    "core.v1.ServicePort": "nodePort",
    "core.v1.ServiceSpec": "healthCheckNodePort publishNotReadyAddresses",
    "core.v1.StorageOSPersistentVolumeSource": "readOnly",
    "core.v1.StorageOSVolumeSource": "readOnly",
    "core.v1.VolumeMount": "readOnly",
    "core.v1.VolumeMountStatus": "readOnly",
    "events.v1.Event": "deprecatedCount",
    "networking.v1.ServiceBackendPort": "number",
    "policy.v1.PodDisruptionBudgetStatus": "observedGeneration",
    "scheduling.v1.PriorityClass": "globalDefault",
    "apiextensions.v1.CustomResourceColumnDefinition": "priority",
    "apiextensions.v1.CustomResourceDefinitionSpec": "preserveUnknownFields",
    "apiextensions.v1.CustomResourceDefinitionVersion": "deprecated",
    "apiextensions.v1.JSONSchemaProps": (
        "exclusiveMaximum exclusiveMinimum nullable uniqueItems x-kubernetes-embedded-resource x-kubernetes-int-or-string"
    ),
    "meta.v1.Condition": "observedGeneration",
    "meta.v1.ObjectMeta": "generation",
    "meta.v1.Status": "code",
    "meta.v1.StatusDetails": "retryAfterSeconds",
}
# Strings that Go holds by pointer and whose empty value says something.
_EMPTY_IS_VALUE = {"core.v1.PersistentVolumeClaimSpec": "storageClassName volumeAttributesClassName"}


def _short(name: str) -> str:
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def _published(message: str) -> str:
    """The name under which OpenAPI has a message."""
    return "io.k8s." + message.removeprefix("k8s.io.").replace("apiextensions_apiserver", "apiextensions-apiserver")


def _type(text: str, message: str, known: set[str]) -> str:
    if text in _SCALARS:
        return _SCALARS[text]
    text = text.removeprefix(".")
    full = text if text in known else f"{message.rpartition('.')[0]}.{text}"
    short = _short(full)
    return _SPECIAL.get(short, short)


def _kebab(name: str) -> str:
    return re.sub(r"[A-Z]", lambda found: "-" + found.group().lower(), name)


def _json_name(name: str, fields: dict[str, Any] | None) -> str:
    if fields is None or name in fields:
        return name
    by_case = {field.lower(): field for field in fields}
    if name.lower() in by_case:
        return by_case[name.lower()]
    for candidate in (_NAMES.get(name, ""), _kebab(name)):
        if candidate in fields:
            return candidate
    return name


def table() -> dict[str, dict[str, list[str]]]:
    """Message → field number → JSON name, type and flags (R repeated, M map, I inlined, Z zero is a value)."""
    messages = json.loads((_FACTS / "kubernetes-protobuf.json").read_text(encoding="utf-8"))
    types = json.loads((_FACTS / "kubernetes-v1.36.json").read_text(encoding="utf-8"))["types"]
    known = set(messages)
    out: dict[str, dict[str, list[str]]] = {}
    for message, fields in messages.items():
        short = _short(message)
        if short in _SPECIAL or (short.endswith("List") and "items" in fields):
            continue
        described = types.get(_published(message))
        by_json = described.get("fields") if described else None
        by_value = _BY_VALUE.get(short, "").split()
        with_empty = _EMPTY_IS_VALUE.get(short, "").split()
        entry = {}
        for name, field in sorted(fields.items(), key=lambda item: item[1]["n"]):
            json_name, flags, type_ = _json_name(name, by_json), "", field["type"]
            if type_.startswith("map<"):
                flags, type_ = "M", type_[len("map<string, ") : -1]
            elif field.get("repeated"):
                flags = "R"
            kind = _type(type_, message, known)
            if kind in ("int", "bool", "double"):
                flags += "" if json_name in by_value else "Z"
            elif kind == "string":
                flags += "Z" if json_name in with_empty else ""
            elif by_json is not None and json_name not in by_json and not flags:
                flags = "I"
            entry[str(field["n"])] = [json_name, kind, flags] if flags else [json_name, kind]
        out[short] = entry
    return out


def encoded() -> str:
    return json.dumps(table(), separators=(",", ":"), sort_keys=True) + "\n"


if __name__ == "__main__":
    TABLE.write_text(encoded(), encoding="utf-8")
