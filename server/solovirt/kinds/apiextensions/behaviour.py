"""CustomResourceDefinitions while they are written: defaults, what one must be like, and how it goes (reference kubernetes-api.md 7)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cache

from solovirt.kinds.apiextensions import names
from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.clock import timestamp
from solovirt.machinery.errors import AlreadyExists, FieldError, Forbidden
from solovirt.machinery.resource import Document, Flavour

_INSTALLED = "this definition belongs to the server, which serves it as it is: changes of its spec are ignored"


@cache
def installed() -> frozenset[str]:
    """Names of the definitions of what the server serves by itself: KubeVirt's and CDI's kinds."""
    from solovirt import kinds  # here, because it imports this package

    return frozenset(
        f"{one.plural}.{one.group}"
        for one in kinds.builtin()
        if one.flavour is Flavour.CUSTOM and one.verbs and not one.virtual
    )


class DefinitionBehaviour(Behaviour):
    """See the module."""

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        if old is None and admission.key.name in installed():
            raise AlreadyExists.of(names.DEFINITIONS, admission.key.name)
        if old is not None and admission.key.name in installed():
            if obj.get("spec") != old.get("spec"):
                obj["spec"] = old["spec"]
                admission.warnings.append(_INSTALLED)
            return
        spec = obj.get("spec")
        if not isinstance(spec, dict):
            return
        _default(spec)
        storage = next((one.get("name") for one in spec.get("versions") or () if one.get("storage")), None)
        if old is None:
            obj["status"] = {
                "acceptedNames": {"kind": "", "plural": ""},
                "storedVersions": [storage] if storage else [],
            }
        elif not admission.subresource and storage:
            status = obj.get("status") or {}
            if storage not in (status.get("storedVersions") or ()):
                # The old object's status is not to be changed.
                obj["status"] = {**status, "storedVersions": [*(status.get("storedVersions") or ()), storage]}

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        # Imported with the first definition that a user brings: the rules come with a CEL interpreter.
        from solovirt.kinds.apiextensions import definition_rules

        found = definition_rules.validate(obj)
        if not found:
            admission.warnings += definition_rules.warnings(obj, None)
            # What Go writes for conditions as long as nobody has set any (reference kubernetes-api.md 7); put here, after nulls were dropped.
            obj["status"]["conditions"] = None
        return found

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        from solovirt.kinds.apiextensions import definition_rules

        if admission.key.name in installed():
            return ()
        if admission.subresource == "status":
            return definition_rules.validate_status(obj)
        found = definition_rules.validate_update(obj, old)
        if not found and obj["spec"] != old["spec"]:
            admission.warnings += definition_rules.warnings(obj, old)
        return found

    def validate_delete(self, obj: Document, admission: Admission) -> None:
        if admission.key.name in installed():
            raise Forbidden.of(
                names.DEFINITIONS, admission.key.name, "it belongs to the server and is served as long as it runs"
            )

    def is_held(self, obj: Document) -> bool:
        # A definition is never gone at once: its objects go first, and `begin_delete` adds the finalizer that waits for them.
        return "deletionTimestamp" not in obj["metadata"]

    def begin_delete(self, obj: Document, admission: Admission) -> None:
        meta = obj["metadata"]
        if names.CLEANUP_FINALIZER not in (meta.get("finalizers") or ()):
            meta["finalizers"] = [*(meta.get("finalizers") or ()), names.CLEANUP_FINALIZER]
        obj["status"] = copy.deepcopy(obj.get("status") or {})
        names.set_condition(
            obj,
            names.TERMINATING,
            "True",
            "InstanceDeletionPending",
            "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
            timestamp(admission.now),
        )


def _default(spec: Document) -> None:
    if not spec.get("conversion"):
        spec["conversion"] = {"strategy": "None"}
    service = ((spec["conversion"].get("webhook") or {}).get("clientConfig") or {}).get("service")
    if isinstance(service, dict):
        service.setdefault("port", 443)
    declared = spec.get("names")
    if isinstance(declared, dict) and declared.get("kind"):
        if not declared.get("singular"):
            declared["singular"] = declared["kind"].lower()
        if not declared.get("listKind"):
            declared["listKind"] = f"{declared['kind']}List"
