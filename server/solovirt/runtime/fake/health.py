"""How simulated guests answer probes, and in which words a kubelet tells that they don't."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from solovirt.runtime.fake.life import Life
from solovirt.runtime.protocol import GuestError, GuestState

_STANDING = (GuestState.RUNNING, GuestState.SHUTTING_DOWN)
_UP = (*_STANDING, GuestState.PAUSED)


def problem(life: Life, now: datetime, check: Mapping[str, Any]) -> str | None:
    """Why the guest fails this probe at *now*; None if it passes. Raises GuestError if it is off."""
    moment = life.at(now)
    if moment.state not in _UP:
        raise GuestError(f"{life.name} is {moment.state.value}")
    elapsed = life.elapsed(now)
    script = life.script
    hangs = moment.state is GuestState.PAUSED or (script.hangs_after is not None and elapsed >= script.hangs_after)
    if "guestAgentPing" in check:
        return None if moment.agent and not hangs else "the guest agent does not answer"
    answers = not hangs and script.answers_after is not None and elapsed >= script.answers_after
    return None if answers else _refusal(life, check, hangs=hangs)


def _refusal(life: Life, check: Mapping[str, Any], *, hangs: bool) -> str:
    if "exec" in check:
        command = " ".join(check["exec"].get("command") or ())
        return "command timed out" if hangs else f"command {command!r} exited with 1"
    kind = "httpGet" if "httpGet" in check else "tcpSocket"
    wanted = check.get(kind) or {}
    host = wanted.get("host") or next((nic.addresses[0] for nic in life.nics if nic.addresses), "")
    port = wanted.get("port", "")
    trouble = f"dial tcp {host}:{port}: " + ("i/o timeout" if hangs else "connect: connection refused")
    if kind == "tcpSocket":
        return trouble
    scheme, path = (wanted.get("scheme") or "HTTP").lower(), wanted.get("path") or "/"
    return f'Get "{scheme}://{host}:{port}{path}": {trouble}'
