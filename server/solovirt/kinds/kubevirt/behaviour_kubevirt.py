"""KubeVirt CRs at the door (reference kubevirt-validation.md 11 and 12). The rules on what one says are in `installation_rules`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from solovirt.kinds.kubevirt import denial, installation_rules, names
from solovirt.machinery.admission import Admission, Behaviour

if TYPE_CHECKING:
    from solovirt.machinery.errors import FieldError
    from solovirt.machinery.resource import Document

CREATE_WEBHOOK = "kubevirt-create-validator.kubevirt.io"
UPDATE_WEBHOOK = "kubevirt-update-validator.kubevirt.io"
DELETE_WEBHOOK = "kubevirt-validator.kubevirt.io"

_WORKLOADS = (
    (names.VIRTUAL_MACHINE_INSTANCES, "Virtual Machine Instances"),
    (names.VIRTUAL_MACHINES, "Virtual Machines"),
    (names.VIRTUAL_MACHINE_INSTANCE_REPLICA_SETS, "Virtual Machine Instance Replica Sets"),
)
_BLOCKED_BY_WORKLOADS = "BlockUninstallIfWorkloadsExist"


class KubeVirtBehaviour(Behaviour):
    """
    Admission of KubeVirt CRs.

    What the first one says is not checked: KubeVirt's webhooks come with it. The next change of it is.
    """

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        """Rule 256."""
        if next(admission.lookup.records(names.KUBEVIRTS), None) is not None:
            raise denial.deny_plainly(CREATE_WEBHOOK, "Kubevirt is already created")
        return ()

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        if admission.subresource:
            return ()
        try:
            causes = installation_rules.check(obj.get("spec") or {}, old.get("spec") or {})
        except installation_rules.BadDuration as error:
            raise denial.deny_plainly(UPDATE_WEBHOOK, str(error)) from None
        if causes:
            raise denial.deny(UPDATE_WEBHOOK, causes)
        admission.warnings += installation_rules.warnings(obj.get("spec") or {}, old.get("spec") or {})
        return ()

    def validate_delete(self, obj: Document, admission: Admission) -> None:
        """Rule 257."""
        if (obj.get("spec") or {}).get("uninstallStrategy") != _BLOCKED_BY_WORKLOADS:
            return
        if (obj.get("status") or {}).get("phase") != "Deployed":
            return
        for resource, kinds in _WORKLOADS:
            if next(admission.lookup.records(resource), None) is not None:
                text = (
                    f"Rejecting the uninstall request, since there are still {kinds} present. Either delete all KubeVirt "
                    "related workloads or change the uninstall strategy before uninstalling KubeVirt."
                )
                raise denial.deny_plainly(DELETE_WEBHOOK, text)
