"""
start, stop and restart of a VirtualMachine (reference kubevirt-subresources.md 3.2 to 3.5).

Nothing is started or stopped here. According to the run strategy the wish is written into the VM, either as another strategy in its spec
or as a request in its status, and the VM's controller acts on it.
"""

from __future__ import annotations

from collections.abc import Callable

from solovirt.kinds.kubevirt import names, run_strategy
from solovirt.kinds.kubevirt.run_strategy import RunStrategy
from solovirt.machinery.auth.identity import User
from solovirt.machinery.errors import BadRequest, Conflict, InternalError, Invalid, NotFound, StatusError, not_supported
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Store, parse
from solovirt.machinery.verbs.protocol import Answer, Api, Caller, SubresourceRequest, Target
from solovirt.subresources import options as bodies

VIRT_API = User(
    "system:serviceaccount:kubevirt:kubevirt-apiserver",
    ("system:serviceaccounts", "system:serviceaccounts:kubevirt", "system:authenticated"),
)
SUBRESOURCES = GroupResource("subresources.kubevirt.io", "virtualmachines")
# How virt-api names the kinds in its errors: singular and in lower case.
_VM = GroupResource(names.GROUP, "virtualmachine")
_ACCEPTED = Answer(202)
_SHORTEST_GRACE = 1
_NOT_RUNNING = ("Succeeded", "Failed", "Unknown", "")
_CHANGED = "jsonpatch test operation does not apply"
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
        vm = self._vm(request)
        instance = self._instance(request)
        if instance is not None and _phase(instance) not in _NOT_RUNNING:
            raise _conflict(vm, "VM is already running")
        if _has_condition(vm, "ManualRecoveryRequired"):
            raise _conflict(vm, _RECOVERY)
        options = await bodies.options(request, "StartOptions", paused=bool)
        start: Document = {"action": "Start"}
        if options.get("paused"):
            start["data"] = {"paused": "true"}
        caller = _caller(request, options)
        match _strategy(vm):
            case RunStrategy.HALTED if not options.get("paused"):
                await self._switch(vm, caller, on=True)
            case RunStrategy.HALTED:
                await self._queue(vm, caller, [start])
            case RunStrategy.MANUAL:
                await self._queue(vm, caller, [*_stop_of_ended(instance, names.FINAL_PHASES), start])
            case RunStrategy.RERUN_ON_FAILURE:
                if instance is not None and _phase(instance) == "Failed":
                    raise _conflict(vm, "RerunOnFailure does not support starting VM from failed state")
                await self._queue(vm, caller, [*_stop_of_ended(instance, ("Succeeded",)), start])
            case RunStrategy.WAIT_AS_RECEIVER:
                pass
            case strategy:
                raise _conflict(vm, f"{strategy} does not support manual start requests")
        return _ACCEPTED

    async def stop(self, request: SubresourceRequest) -> Answer:
        """
        Let the VM end, within another grace period if one is given. Raises NotFound and Conflict.

        The grace period is the instance's from now on even if the stop is refused then, as in KubeVirt.
        """
        options = await bodies.options(request, "StopOptions", gracePeriod=int)
        vm = self._vm(request)
        strategy = _strategy(vm)
        instance = self._instance(request)
        grace = options.get("gracePeriod")
        caller = _caller(request, options)
        running = instance if instance is not None and _phase(instance) not in names.FINAL_PHASES else None
        if running is not None and grace is not None:
            await self._set_grace(running, grace, caller)
        if strategy in (RunStrategy.ALWAYS, RunStrategy.ONCE):
            await self._switch(vm, caller, on=False)
        elif strategy is not RunStrategy.WAIT_AS_RECEIVER:
            if running is None:
                raise _conflict(vm, "VM is not running")
            before = running["spec"].get("terminationGracePeriodSeconds")
            if strategy is RunStrategy.HALTED and (grace is None or (before is not None and grace >= before)):
                raise _conflict(vm, "Halted only supports manual stop requests with a shorter graceperiod")
            await self._queue(vm, caller, [_stop_of(running)])
        return _ACCEPTED

    async def restart(self, request: SubresourceRequest) -> Answer:
        """Let the instance end and another begin; with a grace period of 0, at once. Raises NotFound, Conflict, BadRequest."""
        options = await bodies.options(request, "RestartOptions", gracePeriodSeconds=int)
        grace = options.get("gracePeriodSeconds")
        if grace is not None and grace > 0:
            raise BadRequest("For force restart, only gracePeriod=0 is supported for now")
        if grace is not None and grace < 0:
            raise BadRequest("gracePeriod has to be greater or equal to 0")
        vm = self._vm(request)
        if _has_condition(vm, "VolumesChange"):
            raise _conflict(vm, _RECOVERY)
        strategy = _strategy(vm)
        if strategy in (RunStrategy.HALTED, RunStrategy.ONCE):
            raise _conflict(vm, f"RunStategy {strategy} does not support manual restart requests")
        instance = self._instance(request)
        if instance is None:
            raise _conflict(vm, "VM is not running: Halted")
        caller = _caller(request, options)
        if grace == 0:
            await self._set_grace(instance, _SHORTEST_GRACE, caller)
        try:
            await self._queue(vm, caller, [_stop_of(instance), {"action": "Start"}])
        except StatusError:
            if grace == 0:
                await self._set_grace(instance, instance["spec"].get("terminationGracePeriodSeconds"), caller)
            raise
        return _ACCEPTED

    def _vm(self, request: SubresourceRequest) -> Document:
        """Raises NotFound."""
        key = request.target.key
        vm = self._get(names.VIRTUAL_MACHINES, key)
        if vm is None:
            raise NotFound.of(_VM, key.name)
        return vm

    def _instance(self, request: SubresourceRequest) -> Document | None:
        return self._get(names.VIRTUAL_MACHINE_INSTANCES, request.target.key)

    def _get(self, resource: GroupResource, key: ObjectKey) -> Document | None:
        record = self._store.now.get(resource, key)
        declared = self._registry.get(resource)
        if record is None or declared is None:
            return None
        return parse(record, names.API_VERSION, declared.kind)

    async def _switch(self, vm: Document, caller: Caller, *, on: bool) -> None:
        """Change the strategy, in whichever of the two fields the VM uses."""
        field: str
        value: bool | str
        if vm["spec"].get("runStrategy") is not None:
            field, value = "runStrategy", (RunStrategy.ALWAYS if on else RunStrategy.HALTED).value
        else:
            field, value = "running", on

        def edit(document: Document) -> None:
            if document["spec"].get(field) != vm["spec"].get(field):
                raise _conflict(vm, _CHANGED)
            document["spec"][field] = value

        await self._edit(names.VIRTUAL_MACHINES, vm, edit, caller)

    async def _queue(self, vm: Document, caller: Caller, wanted: list[Document]) -> None:
        """Put the requests into the VM's status; the crash-loop count begins anew (reference 3.5)."""
        queued = (vm.get("status") or {}).get("stateChangeRequests") or []
        if queued and [one["action"] for one in wanted] != ["Stop"]:
            raise InternalError.of("unable to complete request: stop/start already underway")

        def edit(document: Document) -> None:
            status = document.setdefault("status", {})
            if (status.get("stateChangeRequests") or []) != queued:
                raise _conflict(vm, _CHANGED)
            status["stateChangeRequests"] = wanted
            status.pop("startFailure", None)

        await self._edit(names.VIRTUAL_MACHINES, vm, edit, caller, "status")

    async def _set_grace(self, instance: Document, seconds: int | None, caller: Caller) -> None:
        def edit(document: Document) -> None:
            if seconds is None:
                document["spec"].pop("terminationGracePeriodSeconds", None)
            else:
                document["spec"]["terminationGracePeriodSeconds"] = seconds

        await self._edit(names.VIRTUAL_MACHINE_INSTANCES, instance, edit, caller)

    async def _edit(
        self,
        resource: GroupResource,
        document: Document,
        edit: Callable[[Document], None],
        caller: Caller,
        subresource: str = "",
    ) -> None:
        """Write for virt-api, which wraps every refusal but a Conflict of its own (reference 3.5)."""
        declared = self._registry.get(resource)
        if declared is None:
            raise NotFound.path()
        metadata = document["metadata"]
        target = Target(declared, declared.storage_version.name, metadata["namespace"], metadata["name"], subresource)
        try:
            await self._api.edit(target, edit, caller)
        except Conflict:
            raise
        except StatusError as error:
            raise InternalError.of(error.message) from error


def _strategy(vm: Document) -> RunStrategy:
    """Raises InternalError for a VM that says it in both fields, which admission does not let through."""
    if vm["spec"].get("running") is not None and vm["spec"].get("runStrategy") is not None:
        raise InternalError.of("running and runstrategy are mutually exclusive")
    return run_strategy.effective(vm["spec"])


def _caller(request: SubresourceRequest, options: Document) -> Caller:
    """virt-api writes for whoever asked, under its own field manager and identity. Raises InternalError for an unknown dry run."""
    asked = options.get("dryRun") or []
    if any(one != "All" for one in asked):
        invalid = Invalid.of("meta.k8s.io", "PatchOptions", "", [not_supported("dryRun", asked, ["All"])])
        raise InternalError.of(invalid.message)
    caller = request.caller
    return Caller(
        user=VIRT_API,
        field_manager="virt-api",
        dry_run=bool(asked),
        field_validation=caller.field_validation,
        request_id=caller.request_id,
    )


def _phase(instance: Document) -> str:
    return str((instance.get("status") or {}).get("phase") or "")


def _stop_of(instance: Document) -> Document:
    return {"action": "Stop", "uid": instance["metadata"]["uid"]}


def _stop_of_ended(instance: Document | None, phases: tuple[str, ...]) -> list[Document]:
    """The request that makes room for a start: for an instance that ended in one of *phases* and is still there."""
    return [_stop_of(instance)] if instance is not None and _phase(instance) in phases else []


def _has_condition(vm: Document, type: str) -> bool:
    conditions = (vm.get("status") or {}).get("conditions") or []
    return any(one.get("type") == type and one.get("status") == "True" for one in conditions)


def _conflict(vm: Document, why: str) -> Conflict:
    return Conflict.of(_VM, vm["metadata"]["name"], why)
