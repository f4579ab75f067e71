"""What the rbac.authorization.k8s.io group serves."""

from __future__ import annotations

from solovirt.kinds.rbac import columns
from solovirt.kinds.rbac.behaviour import BindingBehaviour, RoleBehaviour
from solovirt.kinds.rbac.names import GROUP
from solovirt.machinery.resource import Flavour, ModelRef, Resource, Scope, Version

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=GROUP,
        kind="ClusterRoleBinding",
        plural="clusterrolebindings",
        singular="clusterrolebinding",
        scope=Scope.CLUSTER,
        versions=(
            Version(
                "v1",
                ModelRef("solovirt.kinds.rbac.models.roles:ClusterRoleBinding"),
                columns=columns.CLUSTER_ROLE_BINDINGS,
            ),
        ),
        behaviour=BindingBehaviour(cluster=True),
        flavour=Flavour.BUILT_IN,
        has_generation=False,
        unconditional_update=True,
        create_on_update=True,
        name_rule="path_segment",
    ),
    Resource(
        group=GROUP,
        kind="ClusterRole",
        plural="clusterroles",
        singular="clusterrole",
        scope=Scope.CLUSTER,
        versions=(
            Version("v1", ModelRef("solovirt.kinds.rbac.models.roles:ClusterRole"), columns=columns.CLUSTER_ROLES),
        ),
        behaviour=RoleBehaviour(cluster=True),
        flavour=Flavour.BUILT_IN,
        has_generation=False,
        unconditional_update=True,
        create_on_update=True,
        name_rule="path_segment",
    ),
    Resource(
        group=GROUP,
        kind="RoleBinding",
        plural="rolebindings",
        singular="rolebinding",
        scope=Scope.NAMESPACED,
        versions=(
            Version("v1", ModelRef("solovirt.kinds.rbac.models.roles:RoleBinding"), columns=columns.ROLE_BINDINGS),
        ),
        behaviour=BindingBehaviour(cluster=False),
        flavour=Flavour.BUILT_IN,
        has_generation=False,
        unconditional_update=True,
        create_on_update=True,
        name_rule="path_segment",
    ),
    Resource(
        group=GROUP,
        kind="Role",
        plural="roles",
        singular="role",
        scope=Scope.NAMESPACED,
        versions=(Version("v1", ModelRef("solovirt.kinds.rbac.models.roles:Role"), columns=columns.ROLES),),
        behaviour=RoleBehaviour(cluster=False),
        flavour=Flavour.BUILT_IN,
        has_generation=False,
        unconditional_update=True,
        create_on_update=True,
        name_rule="path_segment",
    ),
)
