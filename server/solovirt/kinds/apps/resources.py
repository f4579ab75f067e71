"""What the apps group serves."""

from __future__ import annotations

from solovirt.kinds.apps import columns
from solovirt.kinds.apps.behaviour import ControllerRevisionBehaviour
from solovirt.kinds.scaling import WORKLOAD_SCALE, WorkloadBehaviour
from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import Flavour, ModelRef, Resource, Scope, Version

GROUP = "apps"

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="ControllerRevision",
        plural="controllerrevisions",
        singular="controllerrevision",
        scope=Scope.NAMESPACED,
        versions=(
            Version(
                "v1",
                ModelRef("solovirt.kinds.apps.models.workloads:ControllerRevision"),
                columns=columns.CONTROLLER_REVISIONS,
            ),
        ),
        behaviour=ControllerRevisionBehaviour(),
        flavour=Flavour.BUILT_IN,
        has_generation=False,
        unconditional_update=True,
    ),
    Resource(
        group=GROUP,
        kind="DaemonSet",
        plural="daemonsets",
        singular="daemonset",
        scope=Scope.NAMESPACED,
        versions=(
            Version("v1", ModelRef("solovirt.kinds.apps.models.workloads:DaemonSet"), columns=columns.DAEMON_SETS),
        ),
        behaviour=Behaviour(),
        short_names=("ds",),
        categories=("all",),
        flavour=Flavour.BUILT_IN,
        status_subresource=True,
        unconditional_update=True,
    ),
    Resource(
        group=GROUP,
        kind="Deployment",
        plural="deployments",
        singular="deployment",
        scope=Scope.NAMESPACED,
        versions=(
            Version("v1", ModelRef("solovirt.kinds.apps.models.workloads:Deployment"), columns=columns.DEPLOYMENTS),
        ),
        behaviour=WorkloadBehaviour(),
        short_names=("deploy",),
        categories=("all",),
        flavour=Flavour.BUILT_IN,
        status_subresource=True,
        subresources=(WORKLOAD_SCALE,),
        unconditional_update=True,
    ),
    Resource(
        group=GROUP,
        kind="ReplicaSet",
        plural="replicasets",
        singular="replicaset",
        scope=Scope.NAMESPACED,
        versions=(
            Version("v1", ModelRef("solovirt.kinds.apps.models.workloads:ReplicaSet"), columns=columns.REPLICA_SETS),
        ),
        behaviour=WorkloadBehaviour(),
        short_names=("rs",),
        categories=("all",),
        flavour=Flavour.BUILT_IN,
        status_subresource=True,
        subresources=(WORKLOAD_SCALE,),
        selectable_fields={
            "status.replicas": "status.replicas",
        },
        selectable_zeros={"status.replicas": "0"},
        unconditional_update=True,
    ),
    Resource(
        group=GROUP,
        kind="StatefulSet",
        plural="statefulsets",
        singular="statefulset",
        scope=Scope.NAMESPACED,
        versions=(
            Version("v1", ModelRef("solovirt.kinds.apps.models.workloads:StatefulSet"), columns=columns.STATEFUL_SETS),
        ),
        behaviour=WorkloadBehaviour(),
        short_names=("sts",),
        categories=("all",),
        flavour=Flavour.BUILT_IN,
        status_subresource=True,
        subresources=(WORKLOAD_SCALE,),
        unconditional_update=True,
    ),
)
