"""start, stop and restart under every run strategy (reference kubevirt-subresources.md 3.1 to 3.5)."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds.kubevirt import names
from tests.subresources.conftest import KEY

LIVE = ("Pending", "Scheduling", "Scheduled", "Running")
FINAL = ("Succeeded", "Failed")
RECOVERY = (
    "VM recovery required: Volume migration failed, leaving some volumes pointing to non-consistent targets; "
    "manual intervention is needed to reassign them to their original volumes."
)
FAILED_ONCE = {"startFailure": {"consecutiveFailCount": 1, "lastFailedVMIUID": "x"}, "printableStatus": "Stopped"}


def conflict(text: str) -> dict[str, Any]:
    """Section 2."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f'Operation cannot be fulfilled on virtualmachine.kubevirt.io "vm": {text}',
        "reason": "Conflict",
        "details": {"name": "vm", "group": "kubevirt.io", "kind": "virtualmachine"},
        "code": 409,
    }


async def accepted(door, verb: str, body: Any = None) -> None:
    reply = await door.put(verb, body)
    assert (reply.status, reply.body) == (202, b"")


async def refused(door, verb: str, text: str, body: Any = None) -> None:
    reply = await door.put(verb, body)
    assert (reply.status, reply.json) == (409, conflict(text))


async def failed(door, verb: str, text: str, body: Any = None) -> None:
    reply = await door.put(verb, body)
    assert (reply.status, reply.json["reason"]) == (500, "InternalError")
    assert reply.json["message"] == f"Internal error occurred: {text}"
    assert reply.json["details"]["causes"] == [{"message": text}]


@pytest.fixture(params=["v1", "v1alpha3"])
def versions(request, door):
    door.version = request.param


@pytest.mark.usefixtures("versions")
@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
async def test_a_vm_that_is_not_there_is_not_found(door, verb):
    reply = await door.put(verb)
    assert (reply.status, reply.json["reason"]) == (404, "NotFound")
    assert reply.json["message"] == 'virtualmachine.kubevirt.io "vm" not found'
    assert reply.json["details"] == {"name": "vm", "group": "kubevirt.io", "kind": "virtualmachine"}


@pytest.mark.usefixtures("versions")
async def test_every_verb_is_served_in_both_versions(door):
    await door.vm(runStrategy="Halted")
    await accepted(door, "start")
    assert door.spec["runStrategy"] == "Always"
    await door.instance("Running")
    await accepted(door, "restart")
    await accepted(door, "stop")
    assert door.spec["runStrategy"] == "Halted"


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
async def test_only_put_is_for_acting(door, verb):
    await door.vm(runStrategy="Halted")
    path = f"/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachines/vm/{verb}"
    for method in ("GET", "POST", "PATCH", "DELETE"):
        assert (await door.ask(method, path)).status == 405


# start


@pytest.mark.parametrize(("field", "value", "after"), [("runStrategy", "Halted", "Always"), ("running", False, True)])
async def test_starting_a_halted_vm_changes_whichever_field_it_uses(door, field, value, after):
    await door.vm(**{field: value})
    await accepted(door, "start")
    assert door.spec[field] == after
    assert not {"running", "runStrategy"} - {field} & door.spec.keys()
    assert "stateChangeRequests" not in door.status


@pytest.mark.parametrize("strategy", ["Halted", "Manual", "RerunOnFailure"])
async def test_a_paused_start_is_queued(door, strategy):
    await door.vm(runStrategy=strategy)
    await accepted(door, "start", {"paused": True})
    assert door.status["stateChangeRequests"] == [{"action": "Start", "data": {"paused": "true"}}]
    assert door.spec["runStrategy"] == strategy


@pytest.mark.parametrize("body", [None, {}, {"paused": False}, {"kind": "StartOptions", "apiVersion": "v1", "x": 1}])
@pytest.mark.parametrize("strategy", ["Manual", "RerunOnFailure"])
async def test_a_start_is_queued_where_starts_are_by_hand(door, strategy, body):
    await door.vm(runStrategy=strategy)
    await accepted(door, "start", body)
    assert door.status["stateChangeRequests"] == [{"action": "Start"}]


@pytest.mark.parametrize(
    ("strategy", "phase", "stops"),
    [
        ("Manual", "Succeeded", True),
        ("Manual", "Failed", True),
        ("Manual", "Unknown", False),
        ("Manual", "", False),
        ("RerunOnFailure", "Succeeded", True),
        ("RerunOnFailure", "Unknown", False),
    ],
)
async def test_an_instance_that_ended_makes_room_first(door, strategy, phase, stops):
    await door.vm(runStrategy=strategy)
    uid = await door.instance(phase)
    await accepted(door, "start")
    start = {"action": "Start"}
    assert door.status["stateChangeRequests"] == ([{"action": "Stop", "uid": uid}, start] if stops else [start])


async def test_rerun_on_failure_does_not_start_what_failed(door):
    await door.vm(runStrategy="RerunOnFailure")
    await door.instance("Failed")
    await refused(door, "start", "RerunOnFailure does not support starting VM from failed state")


@pytest.mark.parametrize("phase", [None, *FINAL])
@pytest.mark.parametrize("strategy", ["Always", "Once"])
async def test_these_start_by_themselves(door, strategy, phase):
    await door.vm(runStrategy=strategy)
    if phase is not None:
        await door.instance(phase)
    await refused(door, "start", f"{strategy} does not support manual start requests")


async def test_running_true_is_always(door):
    await door.vm(running=True)
    await refused(door, "start", "Always does not support manual start requests")


@pytest.mark.parametrize("phase", LIVE)
async def test_what_runs_is_not_started(door, phase):
    """The first of all checks, under every strategy."""
    await door.vm(runStrategy="Always")
    await door.instance(phase)
    for strategy in ("Always", "Halted", "Manual", "RerunOnFailure", "Once"):
        await door.user.edit(names.VIRTUAL_MACHINES, KEY, lambda vm, to=strategy: vm["spec"].update(runStrategy=to))
        await refused(door, "start", "VM is already running")


async def test_a_receiver_is_not_started_and_nobody_says_so(door):
    await door.vm(runStrategy="WaitAsReceiver")
    for verb in ("start", "stop"):
        await accepted(door, verb)
    assert (door.spec["runStrategy"], "stateChangeRequests" in door.status) == ("WaitAsReceiver", False)


async def test_volumes_that_need_a_hand_keep_a_vm_from_starting(door):
    await door.vm({"conditions": [{"type": "ManualRecoveryRequired", "status": "True"}]}, runStrategy="Halted")
    await refused(door, "start", RECOVERY)


# stop


@pytest.mark.parametrize("phase", [None, "Running", *FINAL])
@pytest.mark.parametrize(
    ("field", "value", "after"),
    [("runStrategy", "Always", "Halted"), ("runStrategy", "Once", "Halted"), ("running", True, False)],
)
async def test_stopping_what_runs_by_itself_halts_it(door, field, value, after, phase):
    await door.vm(**{field: value})
    if phase is not None:
        await door.instance(phase)
    await accepted(door, "stop")
    assert door.spec[field] == after
    assert "stateChangeRequests" not in door.status


@pytest.mark.parametrize("strategy", ["Manual", "RerunOnFailure"])
async def test_a_stop_is_queued_where_the_strategy_is_kept(door, strategy):
    await door.vm(runStrategy=strategy)
    uid = await door.instance("Running")
    await accepted(door, "stop")
    assert door.status["stateChangeRequests"] == [{"action": "Stop", "uid": uid}]
    assert door.spec["runStrategy"] == strategy


@pytest.mark.parametrize("phase", [None, *FINAL])
@pytest.mark.parametrize("strategy", ["Manual", "RerunOnFailure", "Halted"])
async def test_what_does_not_run_is_not_stopped(door, strategy, phase):
    await door.vm(runStrategy=strategy)
    if phase is not None:
        await door.instance(phase)
    await refused(door, "stop", "VM is not running", {"gracePeriod": 0})


@pytest.mark.parametrize(
    ("before", "grace", "goes"),
    [(30, None, False), (30, 30, False), (30, 60, False), (30, 5, True), (None, 60, True), (None, None, False)],
)
async def test_a_halted_vm_can_only_be_hurried(door, before, grace, goes):
    await door.vm(runStrategy="Halted")
    uid = await door.instance("Running", **({} if before is None else {"terminationGracePeriodSeconds": before}))
    body = {} if grace is None else {"gracePeriod": grace}
    if goes:
        await accepted(door, "stop", body)
        assert door.status["stateChangeRequests"] == [{"action": "Stop", "uid": uid}]
    else:
        await refused(door, "stop", "Halted only supports manual stop requests with a shorter graceperiod", body)
    # It is written first, whatever comes then.
    assert door.grace == (before if grace is None else grace)


@pytest.mark.parametrize("strategy", ["Always", "Once", "Manual", "RerunOnFailure"])
async def test_a_grace_period_is_the_instances_from_then_on(door, strategy):
    await door.vm(runStrategy=strategy)
    await door.instance("Running", terminationGracePeriodSeconds=30)
    await accepted(door, "stop", {"gracePeriod": 0})
    assert door.grace == 0


async def test_a_grace_period_is_not_for_an_instance_that_ended(door):
    await door.vm(runStrategy="Always")
    await door.instance("Failed")
    await accepted(door, "stop", {"gracePeriod": 3})
    assert door.grace is None


# restart


@pytest.mark.parametrize("phase", ["Running", "Succeeded", "Failed", "Scheduling"])
@pytest.mark.parametrize("strategy", ["Always", "Manual", "RerunOnFailure"])
async def test_a_restart_is_a_stop_and_a_start(door, strategy, phase):
    await door.vm(runStrategy=strategy)
    uid = await door.instance(phase)
    await accepted(door, "restart")
    assert door.status["stateChangeRequests"] == [{"action": "Stop", "uid": uid}, {"action": "Start"}]
    assert (door.spec["runStrategy"], door.grace) == (strategy, None)


@pytest.mark.parametrize("strategy", ["Halted", "Once"])
async def test_these_are_not_restarted(door, strategy):
    await door.vm(runStrategy=strategy)
    await door.instance("Running")
    await refused(door, "restart", f"RunStategy {strategy} does not support manual restart requests")


@pytest.mark.parametrize("strategy", ["Always", "Manual", "RerunOnFailure"])
async def test_what_has_no_instance_is_not_restarted(door, strategy):
    await door.vm(runStrategy=strategy)
    await refused(door, "restart", "VM is not running: Halted")


async def test_a_forced_restart_shortens_the_grace_period(door):
    await door.vm(runStrategy="Always")
    await door.instance("Running", terminationGracePeriodSeconds=30)
    await accepted(door, "restart", {"gracePeriodSeconds": 0})
    assert door.grace == 1


@pytest.mark.parametrize("before", [30, None])
async def test_a_forced_restart_that_fails_gives_the_grace_period_back(door, before):
    await door.vm({"stateChangeRequests": [{"action": "Start"}]}, runStrategy="Always")
    await door.instance("Running", **({} if before is None else {"terminationGracePeriodSeconds": before}))
    await failed(door, "restart", "unable to complete request: stop/start already underway", {"gracePeriodSeconds": 0})
    assert door.grace == before


@pytest.mark.parametrize(
    ("grace", "text"),
    [
        (1, "For force restart, only gracePeriod=0 is supported for now"),
        (-1, "gracePeriod has to be greater or equal to 0"),
    ],
)
async def test_a_forced_restart_knows_no_other_grace_period(door, grace, text):
    """Said before it is looked whether there is such a VM."""
    reply = await door.put("restart", {"gracePeriodSeconds": grace})
    assert (reply.status, reply.json["reason"], reply.json["message"]) == (400, "BadRequest", text)


async def test_volumes_that_change_keep_a_vm_from_restarting(door):
    await door.vm({"conditions": [{"type": "VolumesChange", "status": "True"}]}, runStrategy="Always")
    await door.instance("Running")
    await refused(door, "restart", RECOVERY)


# What is queued already (section 3.5)


QUEUES: list[list[dict[str, str]]] = [
    [{"action": "Start"}],
    [{"action": "Stop", "uid": "a"}, {"action": "Start"}],
    [{"action": "Stop", "uid": "a"}],
]


@pytest.mark.parametrize("queued", QUEUES)
@pytest.mark.parametrize("verb", ["start", "restart"])
async def test_only_one_thing_can_be_under_way(door, verb, queued):
    await door.vm({"stateChangeRequests": queued}, runStrategy="Manual")
    await door.instance("Succeeded")
    await failed(door, verb, "unable to complete request: stop/start already underway")
    assert door.status["stateChangeRequests"] == queued


@pytest.mark.parametrize("queued", QUEUES)
async def test_a_stop_replaces_what_is_under_way(door, queued):
    await door.vm({"stateChangeRequests": queued}, runStrategy="Manual")
    uid = await door.instance("Running")
    await accepted(door, "stop")
    assert door.status["stateChangeRequests"] == [{"action": "Stop", "uid": uid}]


async def test_what_is_queued_makes_crash_loops_begin_anew(door):
    for verb, phase in (("start", "Succeeded"), ("restart", "Running"), ("stop", "Running")):
        await door.vm(dict(FAILED_ONCE), runStrategy="Manual")
        await door.instance(phase)
        await accepted(door, verb)
        assert "startFailure" not in door.status
        for resource in (names.VIRTUAL_MACHINES, names.VIRTUAL_MACHINE_INSTANCES):
            await door.user.edit(resource, KEY, lambda one: one["metadata"].update(finalizers=[]))
            await door.user.delete(resource, KEY)


async def test_a_change_of_strategy_leaves_the_status_alone(door):
    """The controller forgets the failures when it sees the new strategy (kubevirt-vm.md 3.1)."""
    await door.vm(dict(FAILED_ONCE), runStrategy="Always")
    await accepted(door, "stop")
    assert "startFailure" in door.status


async def test_what_admission_refuses_is_an_internal_error(door):
    """Section 3.5: other errors of the patch are 500, here that of rule 53."""
    await door.vm({"snapshotInProgress": "s"}, runStrategy="Halted")
    text = (
        'admission webhook "virtualmachine-validator.kubevirt.io" denied the request: '
        'Cannot update vm running state until snapshot "s" completes'
    )
    await failed(door, "start", text)


# Bodies


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
async def test_a_dry_run_changes_nothing(door, verb):
    await door.vm(runStrategy="Manual")
    await door.instance("Succeeded" if verb == "start" else "Running", terminationGracePeriodSeconds=30)
    before = door.store.now.get(names.VIRTUAL_MACHINES, KEY), door.grace
    body: dict[str, Any] = {"dryRun": ["All"]}
    if verb != "start":
        body["gracePeriod" if verb == "stop" else "gracePeriodSeconds"] = 0
    await accepted(door, verb, body)
    assert (door.store.now.get(names.VIRTUAL_MACHINES, KEY), door.grace) == before


@pytest.mark.parametrize(("verb", "strategy"), [("start", "Halted"), ("stop", "Always")])
async def test_a_dry_run_changes_no_strategy(door, verb, strategy):
    await door.vm(runStrategy=strategy)
    await accepted(door, verb, {"dryRun": ["All"]})
    assert door.spec["runStrategy"] == strategy


async def test_a_dry_run_is_refused_as_the_real_thing(door):
    await door.vm(runStrategy="Always")
    await refused(door, "start", "Always does not support manual start requests", {"dryRun": ["All"]})


async def test_an_unknown_dry_run_is_refused_by_the_patch(door):
    await door.vm(runStrategy="Halted")
    reply = await door.put("start", {"dryRun": ["Some"]})
    assert reply.status == 500
    assert reply.json["message"].startswith('Internal error occurred: PatchOptions.meta.k8s.io "" is invalid: dryRun:')


@pytest.mark.parametrize(
    ("verb", "body", "text"),
    [
        ("start", {"paused": "yes"}, "cannot unmarshal string into Go struct field StartOptions.paused of type bool"),
        (
            "stop",
            {"gracePeriod": "5"},
            "cannot unmarshal string into Go struct field StopOptions.gracePeriod of type int64",
        ),
        (
            "stop",
            {"gracePeriod": 1.5},
            "cannot unmarshal number 1.5 into Go struct field StopOptions.gracePeriod of type int64",
        ),
        (
            "restart",
            {"gracePeriodSeconds": True},
            "cannot unmarshal bool into Go struct field RestartOptions.gracePeriodSeconds of type int64",
        ),
        (
            "start",
            {"dryRun": "All"},
            "cannot unmarshal string into Go struct field StartOptions.dryRun of type []string",
        ),
        ("start", {"dryRun": [1]}, "cannot unmarshal number into Go struct field StartOptions.dryRun of type string"),
    ],
)
async def test_options_of_another_type_are_a_bad_request(door, verb, body, text):
    await door.vm(runStrategy="Halted")
    reply = await door.put(verb, body)
    assert (reply.status, reply.json["reason"]) == (400, "BadRequest")
    assert reply.json["message"] == f"Can not unmarshal Request body to struct, error: json: {text}"


async def test_a_body_that_is_none_is_a_bad_request_after_a_vm_that_is_none(door):
    """Section 3.2: start looks for the VM first. The others read the body first."""
    garbled = "Can not unmarshal Request body to struct, error: "
    for verb, status in (("start", 404), ("stop", 400), ("restart", 400)):
        assert (await door.put(verb, b"{")).status == status
    await door.vm(runStrategy="Halted")
    reply = await door.put("start", b"{")
    assert reply.status == 400
    assert reply.json["message"].startswith(garbled)
    assert door.spec["runStrategy"] == "Halted"


async def test_bodies_may_be_yaml(door):
    await door.vm(runStrategy="Manual")
    reply = await door.put("start", b"paused: true\n", **{"Content-Type": "application/yaml"})
    assert reply.status == 202
    assert door.status["stateChangeRequests"][0]["data"] == {"paused": "true"}
