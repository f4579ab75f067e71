"""
The roles that an installation of KubeVirt and CDI brings: `kubevirt.io:view`, `:edit`, `:admin` and CDI's, which become part of
Kubernetes' roles of those names, and what everybody who is known may read.

The rules are those of KubeVirt v1.9; flavors have those that KubeVirt v0.53 gave them.
"""

from __future__ import annotations

from solovirt.kinds.rbac.bootstrap import AUTHENTICATED, AUTO_UPDATE, READ, binding, cluster_role, rule
from solovirt.machinery.resource import Document

_ACTING = "subresources.kubevirt.io"
_LABELS = {"kubevirt.io": ""}
_CDI_LABELS = {"cdi.kubevirt.io": ""}
_EDIT = ("get", "delete", "create", "update", "patch", "list", "watch")
_ADMIN = (*_EDIT, "deletecollection")
_CORE = (
    "virtualmachines",
    "virtualmachineinstances",
    "virtualmachineinstancepresets",
    "virtualmachineinstancereplicasets",
)
_TYPES = (
    *("virtualmachineinstancetypes", "virtualmachineclusterinstancetypes"),
    *("virtualmachinepreferences", "virtualmachineclusterpreferences"),
)
_KINDS = (
    ("snapshot.kubevirt.io", ("virtualmachinesnapshots", "virtualmachinesnapshotcontents", "virtualmachinerestores")),
    ("backup.kubevirt.io", ("virtualmachinebackups", "virtualmachinebackuptrackers")),
    ("export.kubevirt.io", ("virtualmachineexports",)),
    ("clone.kubevirt.io", ("virtualmachineclones",)),
    ("instancetype.kubevirt.io", _TYPES),
    ("pool.kubevirt.io", ("virtualmachinepools",)),
    ("flavor.kubevirt.io", ("virtualmachineflavors", "virtualmachineclusterflavors")),
)
_MIGRATION_POLICIES = rule("migrations.kubevirt.io", ["migrationpolicies"], READ)
_MIGRATIONS = rule("kubevirt.io", ["virtualmachineinstancemigrations"], READ)
_INSTALLATION = rule("kubevirt.io", ["kubevirts"], ("get", "list"))
_EXPAND = rule(_ACTING, ["expand-vm-spec"], ["update"])


def cluster_roles() -> list[Document]:
    """All of them."""
    everybody = rule(_ACTING, ["version", "guestfs"], ("get", "list"))
    cluster_types = [name for name in _TYPES if "cluster" in name]
    migrations = rule("kubevirt.io", ["virtualmachineinstancemigrations"], _ADMIN)
    return [
        cluster_role(
            "kubevirt.io:default",
            [_INSTALLATION, everybody],
            labels=_LABELS | {"kubernetes.io/bootstrapping": "rbac-defaults"},
            annotations=AUTO_UPDATE,
        ),
        cluster_role("kubevirt.io:admin", _writing("admin"), labels=_LABELS, aggregate_to="admin"),
        cluster_role("kubevirt.io:edit", _writing("edit"), labels=_LABELS, aggregate_to="edit"),
        cluster_role("kubevirt.io:view", _viewing(), labels=_LABELS, aggregate_to="view"),
        cluster_role(
            "kubevirt.io:migrate",
            [rule(_ACTING, ["virtualmachines/migrate"], ["update"]), migrations],
            labels=_LABELS,
        ),
        cluster_role(
            "instancetype.kubevirt.io:view",
            [rule("instancetype.kubevirt.io", cluster_types, READ)],
            labels=_LABELS,
        ),
        *_cdi(),
    ]


def cluster_role_bindings() -> list[Document]:
    """What everybody who is known has."""
    return [
        binding("kubevirt.io:default", AUTHENTICATED, labels=_LABELS, annotations=AUTO_UPDATE),
        binding("instancetype.kubevirt.io:view", AUTHENTICATED, labels=_LABELS, annotations=AUTO_UPDATE),
        binding("cdi.kubevirt.io:config-reader", AUTHENTICATED, "system:serviceaccount", labels=_CDI_LABELS),
    ]


def _instances(*names: str) -> list[str]:
    return [f"virtualmachineinstances/{name}" for name in names]


def _machines(*names: str) -> list[str]:
    return [f"virtualmachines/{name}" for name in names]


def _writing(role: str) -> list[Document]:
    """What `admin` and `edit` have: they differ in deleting collections, and in one path."""
    verbs = _ADMIN if role == "admin" else _EDIT
    screens = ("vnc", "vnc/screenshot") if role == "admin" else ("vnc",)
    looking = _instances(
        *("console", *screens, "portforward", "guestosinfo", "filesystemlist", "userlist"),
        *("sev/fetchcertchain", "sev/querylaunchmeasurement", "usbredir"),
    )
    acting = _instances(
        *("pause", "unpause", "addvolume", "removevolume", "freeze", "unfreeze", "softreboot", "reset"),
        *("sev/setupsession", "sev/injectlaunchsecret", "evacuate/cancel"),
    )
    starting = _machines(
        *("start", "stop", "restart", "addvolume", "removevolume", "memorydump", "removememorydump"),
        "evacuate/cancel",
    )
    graphs = ["virtualmachines/objectgraph", "virtualmachineinstances/objectgraph"]
    return [
        rule(_ACTING, [*looking, *graphs], ["get"]),
        rule(_ACTING, acting, ["update"]),
        rule(_ACTING, _machines("expand-spec", "portforward"), ["get"]),
        rule(_ACTING, starting, ["update"]),
        _EXPAND,
        rule("kubevirt.io", _CORE, verbs),
        _MIGRATIONS,
        *(rule(group, kinds, verbs) for group, kinds in _KINDS),
        *([_INSTALLATION] if role == "edit" else []),
        *([rule("plugin.kubevirt.io", ["plugins"], verbs)] if role == "admin" else []),
        _MIGRATION_POLICIES,
    ]


def _viewing() -> list[Document]:
    looking = [
        *_machines("expand-spec"),
        *_instances("guestosinfo", "filesystemlist", "userlist", "sev/fetchcertchain", "sev/querylaunchmeasurement"),
        *("virtualmachines/objectgraph", "virtualmachineinstances/objectgraph"),
    ]
    return [
        _INSTALLATION,
        rule(_ACTING, looking, ["get"]),
        _EXPAND,
        rule("kubevirt.io", [*_CORE, "virtualmachineinstancemigrations"], READ),
        *(rule(group, kinds, READ) for group, kinds in _KINDS),
        _MIGRATION_POLICIES,
        rule("plugin.kubevirt.io", ["plugins"], READ),
    ]


def _cdi() -> list[Document]:
    group = "cdi.kubevirt.io"
    sources = ("volumeimportsources", "volumeuploadsources", "volumeclonesources")
    cloning = rule(group, ["datavolumes/source"], ["create"])
    writing = [
        rule(group, ["datavolumes", "dataimportcrons", "datasources", *sources], ["*"]),
        cloning,
        rule("upload.cdi.kubevirt.io", ["uploadtokenrequests"], ["*"]),
    ]
    viewed = ("cdiconfigs", "dataimportcrons", "datasources", "datavolumes", "objecttransfers", "storageprofiles")
    viewing = [rule(group, [*viewed, *sources], READ), cloning]
    configuration = rule(group, ["cdiconfigs", "storageprofiles"], READ)
    return [
        cluster_role("cdi.kubevirt.io:admin", writing, labels=_CDI_LABELS, aggregate_to="admin"),
        cluster_role("cdi.kubevirt.io:edit", writing, labels=_CDI_LABELS, aggregate_to="edit"),
        cluster_role("cdi.kubevirt.io:view", viewing, labels=_CDI_LABELS, aggregate_to="view"),
        cluster_role("cdi.kubevirt.io:config-reader", [configuration], labels=_CDI_LABELS),
    ]
