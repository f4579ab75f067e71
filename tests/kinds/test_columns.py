"""What kubectl prints of built-in kinds (reference kubernetes-api.md 5)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from solovirt.kinds import builtin
from solovirt.machinery.resource import CellContext, Flavour

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
TWO_MINUTES_AGO = "2026-11-23T11:58:00Z"
AN_HOUR_AGO = "2026-11-23T11:00:00Z"

# The table "Built-in columns": what has a star is for -o wide.
HEADERS = {
    "namespaces": "Name,Status,Age",
    "nodes": "Name,Status,Roles,Age,Version,Internal-IP*,External-IP*,OS-Image*,Kernel-Version*,Container-Runtime*",
    "pods": "Name,Ready,Status,Restarts,Age,IP*,Node*,Nominated Node*,Readiness Gates*",
    "services": "Name,Type,Cluster-IP,External-IP,Port(s),Age,Selector*",
    "configmaps": "Name,Data,Age",
    "secrets": "Name,Type,Data,Age",
    "serviceaccounts": "Name,Age",
    "persistentvolumeclaims": "Name,Status,Volume,Capacity,Access Modes,StorageClass,VolumeAttributesClass,Age,VolumeMode*",
    "persistentvolumes": (
        "Name,Capacity,Access Modes,Reclaim Policy,Status,Claim,StorageClass,VolumeAttributesClass,Reason,Age,VolumeMode*"
    ),
    "storageclasses": "Name,Provisioner,ReclaimPolicy,VolumeBindingMode,AllowVolumeExpansion,Age",
    "events": "Last Seen,Type,Reason,Object,Subobject*,Source*,Message,First Seen*,Count*,Name*",
    "leases": "Name,Holder,Age",
    "controllerrevisions": "Name,Controller,Revision,Age",
    "roles": "Name,Created At",
    "clusterroles": "Name,Created At",
    "rolebindings": "Name,Role,Age,Users*,Groups*,ServiceAccounts*",
    "clusterrolebindings": "Name,Role,Age,Users*,Groups*,ServiceAccounts*",
    "priorityclasses": "Name,Value,Global-Default,Age,PreemptionPolicy",
    "resourcequotas": "Name,Request,Limit,Age",
    "poddisruptionbudgets": "Name,Min Available,Max Unavailable,Allowed Disruptions,Age",
    "deployments": "Name,Ready,Up-to-date,Available,Age,Containers*,Images*,Selector*",
    "jobs": "Name,Status,Completions,Duration,Age,Containers*,Images*,Selector*",
    "limitranges": "Name,Created At",
    "networkpolicies": "Name,Pod-Selector,Age",
    "endpointslices": "Name,AddressType,Ports,Endpoints,Age",
}


def columns(plural: str):
    resource = next(one for one in builtin() if one.plural == plural and one.flavour is Flavour.BUILT_IN)
    return resource.versions[0].columns


def row(plural: str, document: dict[str, Any]) -> dict[str, Any]:
    """The document's cells by their column."""
    context = CellContext(NOW.timestamp())
    return {column.name: column.cell(document, context) for column in columns(plural)}


@pytest.mark.parametrize(("plural", "headers"), HEADERS.items())
def test_headers_are_those_of_the_reference(plural, headers):
    ours = [f"{column.name}{'*' * column.priority}" for column in columns(plural)]
    assert ",".join(ours) == headers


def test_every_cell_of_an_object_without_anything_can_be_printed():
    for resource in builtin():
        if resource.flavour is Flavour.BUILT_IN:
            row(resource.plural, {"metadata": {"name": "x"}})


def test_types_of_columns_are_those_of_the_reference():
    assert {column.name: column.type for column in columns("priorityclasses")} == {
        "Name": "string",
        "Value": "integer",
        "Global-Default": "boolean",
        "Age": "string",
        "PreemptionPolicy": "string",
    }
    assert [column.type for column in columns("roles")] == ["string", "date"]
    assert columns("namespaces")[0].format == "name"


def test_an_age_that_is_not_known_says_so():
    assert row("configmaps", {"metadata": {"name": "c"}})["Age"] == "<unknown>"
    aged = {
        "metadata": {"name": "c", "creationTimestamp": TWO_MINUTES_AGO},
        "data": {"a": "1"},
        "binaryData": {"b": ""},
    }
    assert row("configmaps", aged) == {"Name": "c", "Data": 2, "Age": "2m"}


class TestNodes:
    def test_a_ready_node_with_roles(self):
        node = {
            "metadata": {
                "name": "node01",
                "creationTimestamp": AN_HOUR_AGO,
                "labels": {"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": ""},
            },
            "status": {
                "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}],
                "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": "node01"}],
                "nodeInfo": {"kubeletVersion": "v1.36.2"},
            },
        }
        assert row("nodes", node) == {
            "Name": "node01",
            "Status": "Ready",
            "Roles": "control-plane,worker",
            "Age": "60m",
            "Version": "v1.36.2",
            "Internal-IP": "10.0.0.1",
            "External-IP": "<none>",
            "OS-Image": "<unknown>",
            "Kernel-Version": "<unknown>",
            "Container-Runtime": "<unknown>",
        }

    @pytest.mark.parametrize(
        ("ready", "unschedulable", "status"),
        [
            ("False", False, "NotReady"),
            ("Unknown", False, "NotReady"),
            (None, False, "Unknown"),
            ("True", True, "Ready,SchedulingDisabled"),
        ],
    )
    def test_status(self, ready, unschedulable, status):
        conditions = [{"type": "Ready", "status": ready}] if ready else []
        node = {"spec": {"unschedulable": unschedulable}, "status": {"conditions": conditions}}
        assert row("nodes", node)["Status"] == status

    def test_a_node_without_roles_has_none(self):
        assert row("nodes", {})["Roles"] == "<none>"


def pod(*, init=(), init_statuses=(), statuses=(), phase="Running", conditions=(), deleting=False, **status):
    return {
        "metadata": {"name": "p", **({"deletionTimestamp": AN_HOUR_AGO} if deleting else {})},
        "spec": {"containers": [{"name": "a"}, {"name": "b"}], "initContainers": list(init)},
        "status": {
            "phase": phase,
            "conditions": list(conditions),
            "initContainerStatuses": list(init_statuses),
            "containerStatuses": list(statuses),
            **status,
        },
    }


RUNNING = {"name": "a", "ready": True, "restartCount": 0, "state": {"running": {}}}


class TestPods:
    def test_a_running_pod(self):
        printed = row("pods", pod(statuses=[RUNNING, RUNNING], podIPs=[{"ip": "10.1.0.1"}]))
        assert printed == {
            "Name": "p",
            "Ready": "2/2",
            "Status": "Running",
            "Restarts": "0",
            "Age": "<unknown>",
            "IP": "10.1.0.1",
            "Node": "<none>",
            "Nominated Node": "<none>",
            "Readiness Gates": "<none>",
        }

    def test_a_waiting_container_speaks_for_the_pod(self):
        crashing = {
            "name": "b",
            "ready": False,
            "restartCount": 3,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"finishedAt": TWO_MINUTES_AGO}},
        }
        printed = row("pods", pod(statuses=[RUNNING, crashing]))
        assert (printed["Ready"], printed["Status"], printed["Restarts"]) == ("1/2", "CrashLoopBackOff", "3 (2m ago)")

    @pytest.mark.parametrize(
        ("terminated", "status"),
        [
            ({"reason": "Error", "exitCode": 1}, "Error"),
            ({"exitCode": 3}, "ExitCode:3"),
            ({"signal": 9, "exitCode": 137}, "Signal:9"),
        ],
    )
    def test_a_stopped_container_speaks_for_the_pod(self, terminated, status):
        stopped = {"name": "a", "ready": False, "restartCount": 0, "state": {"terminated": terminated}}
        assert row("pods", pod(statuses=[stopped], phase="Failed"))["Status"] == status

    def test_a_pod_that_initialises_counts_its_steps(self):
        init = [{"name": "one"}, {"name": "two"}]
        done = {"name": "one", "restartCount": 0, "state": {"terminated": {"exitCode": 0}}}
        working = {"name": "two", "restartCount": 0, "state": {"running": {}}}
        waiting = {"name": "a", "ready": False, "restartCount": 0, "state": {"waiting": {"reason": "PodInitializing"}}}
        printed = row("pods", pod(init=init, init_statuses=[done, working], statuses=[waiting], phase="Pending"))
        assert (printed["Ready"], printed["Status"]) == ("0/2", "Init:1/2")

    def test_a_failed_init_container_speaks_for_the_pod(self):
        failed = {"name": "one", "restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
        printed = row("pods", pod(init=[{"name": "one"}], init_statuses=[failed], phase="Pending"))
        assert (printed["Status"], printed["Restarts"]) == ("Init:CrashLoopBackOff", "2")

    def test_a_sidecar_is_one_of_the_containers(self):
        sidecar = {"name": "proxy", "started": True, "ready": True, "restartCount": 1, "state": {"running": {}}}
        printed = row(
            "pods",
            pod(
                init=[{"name": "proxy", "restartPolicy": "Always"}],
                init_statuses=[sidecar],
                statuses=[RUNNING, RUNNING],
            ),
        )
        assert (printed["Ready"], printed["Restarts"]) == ("3/3", "1")

    def test_a_pod_with_a_container_that_is_done_still_runs(self):
        done = {"name": "a", "ready": False, "restartCount": 0, "state": {"terminated": {"reason": "Completed"}}}
        ready = {"type": "Ready", "status": "True"}
        assert row("pods", pod(statuses=[done, RUNNING], conditions=[ready]))["Status"] == "Running"
        assert row("pods", pod(statuses=[done, RUNNING]))["Status"] == "NotReady"

    def test_a_deleted_pod_terminates_unless_it_is_over_or_lost(self):
        assert row("pods", pod(deleting=True))["Status"] == "Terminating"
        assert row("pods", pod(deleting=True, phase="Succeeded"))["Status"] == "Succeeded"
        assert row("pods", pod(deleting=True, reason="NodeLost"))["Status"] == "Unknown"

    def test_a_gated_pod_says_so(self):
        gated = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}
        assert row("pods", pod(phase="Pending", conditions=[gated]))["Status"] == "SchedulingGated"


class TestServices:
    def test_ports_with_and_without_a_port_on_the_nodes(self):
        service = {
            "metadata": {"name": "s"},
            "spec": {
                "type": "NodePort",
                "clusterIPs": ["10.96.0.7"],
                "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}],
                "selector": {"b": "2", "a": "1"},
            },
        }
        assert row("services", service) == {
            "Name": "s",
            "Type": "NodePort",
            "Cluster-IP": "10.96.0.7",
            "External-IP": "<none>",
            "Port(s)": "80:30080/TCP,53/UDP",
            "Age": "<unknown>",
            "Selector": "a=1,b=2",
        }

    @pytest.mark.parametrize(
        ("spec", "ingress", "shown"),
        [
            ({"type": "ClusterIP", "externalIPs": ["1.1.1.1"]}, [], "1.1.1.1"),
            ({"type": "LoadBalancer"}, [], "<pending>"),
            ({"type": "LoadBalancer", "externalIPs": ["9.9.9.9"]}, [{"ip": "1.2.3.4"}], "1.2.3.4,9.9.9.9"),
            ({"type": "LoadBalancer"}, [{"hostname": "lb.example"}], "lb.example"),
            ({"type": "ExternalName", "externalName": "db.example"}, [], "db.example"),
        ],
    )
    def test_external_addresses(self, spec, ingress, shown):
        service = {"spec": spec, "status": {"loadBalancer": {"ingress": ingress}}}
        assert row("services", service)["External-IP"] == shown


class TestVolumes:
    def test_a_bound_claim(self):
        claim = {
            "metadata": {"name": "c"},
            "spec": {"volumeName": "pv-1", "storageClassName": "local", "volumeMode": "Block"},
            "status": {
                "phase": "Bound",
                "capacity": {"storage": "10Gi"},
                "accessModes": ["ReadWriteMany", "ReadWriteOnce"],
            },
        }
        assert row("persistentvolumeclaims", claim) == {
            "Name": "c",
            "Status": "Bound",
            "Volume": "pv-1",
            "Capacity": "10Gi",
            "Access Modes": "RWO,RWX",
            "StorageClass": "local",
            "VolumeAttributesClass": "<unset>",
            "Age": "<unknown>",
            "VolumeMode": "Block",
        }

    def test_an_unbound_claim_shows_no_size(self):
        claim = {"status": {"phase": "Pending", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}}
        printed = row("persistentvolumeclaims", claim)
        assert (printed["Status"], printed["Capacity"], printed["Access Modes"]) == ("Pending", "", "")

    def test_a_claim_that_goes_is_terminating(self):
        assert (
            row("persistentvolumeclaims", {"metadata": {"deletionTimestamp": NOW.isoformat()}})["Status"]
            == "Terminating"
        )

    def test_a_volume_names_its_claim(self):
        volume = {"spec": {"claimRef": {"namespace": "ns", "name": "c"}, "capacity": {"storage": "5Gi"}}}
        printed = row("persistentvolumes", volume)
        assert (printed["Claim"], printed["Capacity"]) == ("ns/c", "5Gi")

    def test_the_default_class_is_marked(self):
        annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
        storage_class = {"metadata": {"name": "local", "annotations": annotations}, "provisioner": "x"}
        assert row("storageclasses", storage_class) == {
            "Name": "local (default)",
            "Provisioner": "x",
            "ReclaimPolicy": "Delete",
            "VolumeBindingMode": "Immediate",
            "AllowVolumeExpansion": False,
            "Age": "<unknown>",
        }


class TestEvents:
    def test_an_event_of_the_older_kind(self):
        event = {
            "metadata": {"name": "vm.17"},
            "involvedObject": {"kind": "VirtualMachine", "name": "vm"},
            "type": "Normal",
            "reason": "SuccessfulCreate",
            "message": "Started\n",
            "source": {"component": "virtualmachine-controller", "host": "node01"},
            "firstTimestamp": AN_HOUR_AGO,
            "lastTimestamp": TWO_MINUTES_AGO,
            "count": 4,
        }
        assert row("events", event) == {
            "Last Seen": "2m",
            "Type": "Normal",
            "Reason": "SuccessfulCreate",
            "Object": "virtualmachine/vm",
            "Subobject": "",
            "Source": "virtualmachine-controller, node01",
            "Message": "Started",
            "First Seen": "60m",
            "Count": 4,
            "Name": "vm.17",
        }

    def test_an_event_of_the_newer_kind(self):
        event = {"eventTime": "2026-11-23T11:58:00.000000Z", "reportingComponent": "c", "reportingInstance": "i"}
        printed = row("events", event)
        assert (printed["Last Seen"], printed["First Seen"], printed["Count"]) == ("2m", "2m", 1)
        assert printed["Source"] == "c, i"


class TestWorkloads:
    def test_a_deployment(self):
        deployment = {
            "metadata": {"name": "d"},
            "spec": {
                "replicas": 3,
                "selector": {
                    "matchLabels": {"app": "x"},
                    "matchExpressions": [
                        {"key": "tier", "operator": "In", "values": ["b", "a"]},
                        {"key": "old", "operator": "DoesNotExist"},
                    ],
                },
                "template": {"spec": {"containers": [{"name": "a", "image": "i:1"}, {"name": "b", "image": "j:2"}]}},
            },
            "status": {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1},
        }
        assert row("deployments", deployment) == {
            "Name": "d",
            "Ready": "2/3",
            "Up-to-date": 3,
            "Available": 1,
            "Age": "<unknown>",
            "Containers": "a,b",
            "Images": "i:1,j:2",
            "Selector": "app=x,!old,tier in (a,b)",
        }

    def test_a_revision_names_the_machine_it_belongs_to(self):
        owner = {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "name": "vm", "controller": True}
        revision = {"metadata": {"name": "r", "ownerReferences": [owner]}, "revision": 2}
        printed = row("controllerrevisions", revision)
        assert (printed["Controller"], printed["Revision"]) == ("virtualmachine.kubevirt.io/vm", 2)
        assert row("controllerrevisions", {"metadata": {"name": "r"}})["Controller"] == "<none>"

    def test_a_finished_job(self):
        job = {
            "spec": {"completions": 2},
            "status": {
                "succeeded": 2,
                "startTime": AN_HOUR_AGO,
                "completionTime": "2026-11-23T11:00:42Z",
                "conditions": [{"type": "Complete", "status": "True"}],
            },
        }
        printed = row("jobs", job)
        assert (printed["Status"], printed["Completions"], printed["Duration"]) == ("Complete", "2/2", "42s")

    def test_a_role_binding(self):
        binding = {
            "roleRef": {"kind": "ClusterRole", "name": "admin"},
            "subjects": [
                {"kind": "User", "name": "alice"},
                {"kind": "Group", "name": "team"},
                {"kind": "ServiceAccount", "namespace": "ns", "name": "sa"},
            ],
        }
        printed = row("rolebindings", binding)
        assert printed["Role"] == "ClusterRole/admin"
        assert (printed["Users"], printed["Groups"], printed["ServiceAccounts"]) == ("alice", "team", "ns/sa")

    def test_an_autoscaler_shows_what_it_measures(self):
        autoscaler = {
            "spec": {
                "scaleTargetRef": {"kind": "Deployment", "name": "d"},
                "maxReplicas": 5,
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
                    }
                ],
            },
            "status": {"currentMetrics": [{"type": "Resource", "resource": {"current": {"averageUtilization": 30}}}]},
        }
        printed = row("horizontalpodautoscalers", autoscaler)
        assert (printed["Reference"], printed["Targets"]) == ("Deployment/d", "cpu: 30%/80%")
        assert (printed["MinPods"], printed["MaxPods"]) == ("<unset>", 5)

    def test_a_quota_keeps_limits_apart(self):
        quota = {
            "status": {
                "hard": {"requests.cpu": "4", "limits.memory": "8Gi", "pods": "10"},
                "used": {"pods": "2", "requests.cpu": "1"},
            }
        }
        printed = row("resourcequotas", quota)
        assert printed["Request"] == "pods: 2/10, requests.cpu: 1/4"
        assert printed["Limit"] == "limits.memory: 0/8Gi"
