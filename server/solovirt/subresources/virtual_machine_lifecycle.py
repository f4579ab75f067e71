"""
start, stop and restart of a VirtualMachine (reference kubevirt-subresources.md 3.2 to 3.5).

Nothing is started or stopped here. According to the run strategy the wish is written into the VM, either as another strategy in its spec
or as a request in its status, and the VM's controller acts on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from solovirt.kinds.kubevirt import names, run_strategy
from solovirt.kinds.kubevirt.run_strategy import RunStrategy
from solovirt.machinery.auth.identity import User
from solovirt.machinery.errors import BadRequest, Conflict, InternalError, NotFound
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Store, parse
from solovirt.machinery.verbs.protocol import Answer, Api, Caller, SubresourceRequest, Target

VIRT_API = User(
    "system:serviceaccount:kubevirt:kubevirt-apiserver",
    ("system:serviceaccounts", "system:serviceaccounts:kubevirt", "system:authenticated"),
)
SUBRESOURCES = GroupResource("subresources.kubevirt.io", "virtualmachines")
# How virt-api names the kinds in its errors: singular and in lower case.
_VM = GroupResource(names.GROUP, "virtualmachine")
_ACCEPTED = Answer(202)
_ENDED = ("Succeeded", "Failed", "Unknown", "")
_RECOVERY = (
    "VM recovery required: Volume migration failed, leaving some volumes pointing to non-consistent targets; "
    "manual intervention is needed to reassign them to their original volumes."
)


def install(registry: Registry, api: Api, store: Store) -> None:
    """Answer start, stop and restart from now on."""
    lifecycle = _Lifecycle(registry, api, store)
    registry.handle(SUBRESOURCES, "start", lifecycle.start)
    registry.handle(SUBRESOURCES, "stop", lifecycle.stop)
    registry.handle(SUBRESOURCES, "restart", lifecycle.restart)


class _Lifecycle:
    def __init__(self, registry: Registry, api: Api, store: Store) -> None:
        self._registry = registry
        self._api = api
        self._store = store

    async def start(self, request: SubresourceRequest) -> Answer:
        """Let the VM run. Raises NotFound, and Conflict where the strategy or the instance's state leaves nothing to start."""
        vm, instance = self._read(request)
        if instance is not None and _phase(instance) not in _ENDED:
            raise _conflict(vm, "VM is already running")
        if _has_condition(vm, "ManualRecoveryRequired"):
            raise _conflict(vm, _RECOVERY)
        paused = _option(request, "paused", bool) or False
        caller = _caller(request)
        start: Document = {"action": "Start"}
        if paused:
            start["data"] = {"paused": "true"}
        match run_strategy.effective(vm["spec"]):
            case RunStrategy.HALTED if not paused:
                await self._switch(request, caller, on=True)
            case RunStrategy.HALTED:
                await self._queue(request, caller, [start])
            case RunStrategy.MANUAL:
                await self._queue(request, caller, [*_stop_of(instance), start])
            case RunStrategy.RERUN_ON_FAILURE:
                if instance is not None and _phase(instance) == "Failed":
                    raise _conflict(vm, "RerunOnFailure does not support starting VM from failed state")
                await self._queue(request, caller, [*_stop_of(instance), start])
            case RunStrategy.WAIT_AS_RECEIVER:
                return _ACCEPTED
            case strategy:
                raise _conflict(vm, f"{strategy} does not support manual start requests")
        return _ACCEPTED

    async def stop(self, request: SubresourceRequest) -> Answer:
        """Let the VM end, within another grace period if one is given. Raises NotFound and Conflict."""
        vm, instance = self._read(request)
        grace = _option(request, "gracePeriod", int)
        caller = _caller(request)
        running = instance if instance is not None and _phase(instance) not in names.FINAL_PHASES else None
        # Read before it is changed: a halted VM can only be hurried.
        before = None if running is None else running["spec"].get("terminationGracePeriodSeconds")
        strategy = run_strategy.effective(vm["spec"])
        if strategy not in (RunStrategy.ALWAYS, RunStrategy.ONCE) and running is None:
            raise _conflict(vm, "VM is not running")
        if strategy is RunStrategy.HALTED and (grace is None or (before is not None and grace >= before)):
            raise _conflict(vm, "Halted only supports manual stop requests with a shorter graceperiod")
        if running is not None and grace is not None:
            await self._set_grace(running, grace, caller)
        if strategy in (RunStrategy.ALWAYS, RunStrategy.ONCE):
            await self._switch(request, caller, on=False)
        else:
            await self._queue(request, caller, _stop_of(running))
        return _ACCEPTED

    async def restart(self, request: SubresourceRequest) -> Answer:
        """Let the instance end and another begin; with a grace period of 0, at once. Raises NotFound, Conflict, BadRequest."""
        vm, instance = self._read(request)
        grace = _option(request, "gracePeriodSeconds", int)
        if grace is not None and grace > 0:
            raise BadRequest("For force restart, only gracePeriod=0 is supported for now")
        if grace is not None and grace < 0:
            raise BadRequest("gracePeriod has to be greater or equal to 0")
        if _has_condition(vm, "VolumesChange"):
            raise _conflict(vm, _RECOVERY)
        strategy = run_strategy.effective(vm["spec"])
        if strategy in (RunStrategy.HALTED, RunStrategy.ONCE):
            raise _conflict(vm, f"RunStategy {strategy} does not support manual restart requests")
        if instance is None:
            raise _conflict(vm, "VM is not running: Halted")
        caller = _caller(request)
        if grace == 0:
            await self._set_grace(instance, 1, caller)
        await self._queue(request, caller, [*_stop_of(instance), {"action": "Start"}])
        return _ACCEPTED

    def _read(self, request: SubresourceRequest) -> tuple[Document, Document | None]:
        """The VM and its instance. Raises NotFound for a missing VM."""
        key = request.target.key
        vm = self._get(names.VIRTUAL_MACHINES, key)
        if vm is None:
            raise NotFound.of(_VM, key.name)
        spec = vm["spec"]
        if spec.get("running") is not None and spec.get("runStrategy"):
            raise InternalError.of("Running and RunStrategy are mutually exclusive")
        return vm, self._get(names.VIRTUAL_MACHINE_INSTANCES, key)

    def _get(self, resource: GroupResource, key: ObjectKey) -> Document | None:
        record = self._store.now.get(resource, key)
        declared = self._registry.get(resource)
        if record is None or declared is None:
            return None
        return parse(record, names.API_VERSION, declared.kind)

    async def _switch(self, request: SubresourceRequest, caller: Caller, *, on: bool) -> None:
        """Change the strategy, in whichever of the two fields the VM uses."""

        def edit(vm: Document) -> None:
            spec = vm["spec"]
            if spec.get("runStrategy"):
                spec["runStrategy"] = RunStrategy.ALWAYS if on else RunStrategy.HALTED
            else:
                spec["running"] = on

        await self._edit(request.target.key, names.VIRTUAL_MACHINES, edit, caller)
        # A new wish starts with a clean slate: the crash-loop count goes.
        if (self._get(names.VIRTUAL_MACHINES, request.target.key) or {}).get("status", {}).get("startFailure"):
            await self._edit(request.target.key, names.VIRTUAL_MACHINES, _forget_failures, caller, "status")

    async def _queue(self, request: SubresourceRequest, caller: Caller, wanted: list[Document]) -> None:
        """Put the requests into the VM's status (reference 3.5)."""

        def edit(vm: Document) -> None:
            status = vm.setdefault("status", {})
            if status.get("stateChangeRequests") and [one["action"] for one in wanted] != ["Stop"]:
                raise InternalError.of("unable to complete request: stop/start already underway")
            status["stateChangeRequests"] = wanted
            _forget_failures(vm)

        await self._edit(request.target.key, names.VIRTUAL_MACHINES, edit, caller, "status")

    async def _set_grace(self, instance: Document, seconds: int, caller: Caller) -> None:
        def edit(document: Document) -> None:
            document["spec"]["terminationGracePeriodSeconds"] = seconds

        key = ObjectKey(instance["metadata"]["namespace"], instance["metadata"]["name"])
        await self._edit(key, names.VIRTUAL_MACHINE_INSTANCES, edit, caller)

    async def _edit(
        self,
        key: ObjectKey,
        resource: GroupResource,
        edit: Callable[[Document], None],
        caller: Caller,
        subresource: str = "",
    ) -> None:
        declared = self._registry.get(resource)
        if declared is None:
            raise NotFound.path()
        target = Target(declared, declared.storage_version.name, key.namespace, key.name, subresource)
        await self._api.edit(target, edit, caller)


def _caller(request: SubresourceRequest) -> Caller:
    """virt-api writes for whoever asked, under its own field manager and identity."""
    dry_run = _option(request, "dryRun", list) or []
    caller = request.caller
    return Caller(
        user=VIRT_API,
        field_manager="virt-api",
        dry_run=caller.dry_run or "All" in dry_run,
        field_validation=caller.field_validation,
        request_id=caller.request_id,
        warnings=caller.warnings,
    )


def _option(request: SubresourceRequest, name: str, type: type) -> Any:
    """A field of the body, None if it is not there. Raises BadRequest if it is of another type."""
    value = (request.body or {}).get(name)
    if value is None:
        return None
    if not isinstance(value, type) or (type is int and isinstance(value, bool)):
        raise BadRequest(
            f"Can not unmarshal Request body to struct, error: json: cannot unmarshal into Go struct field .{name} of type {type.__name__}"
        )
    return value


def _phase(instance: Document) -> str:
    return str((instance.get("status") or {}).get("phase") or "")


def _stop_of(instance: Document | None) -> list[Document]:
    return [] if instance is None else [{"action": "Stop", "uid": instance["metadata"]["uid"]}]


def _forget_failures(vm: Document) -> None:
    (vm.get("status") or {}).pop("startFailure", None)


def _has_condition(vm: Document, type: str) -> bool:
    conditions = (vm.get("status") or {}).get("conditions") or []
    return any(one.get("type") == type and one.get("status") == "True" for one in conditions)


def _conflict(vm: Document, why: str) -> Conflict:
    return Conflict.of(_VM, vm["metadata"]["name"], why)
