"""Health: named checks behind /healthz, /livez and /readyz (reference kubernetes-api.md 1.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from solovirt.machinery.errors import MethodNotAllowed
from solovirt.machinery.http import failures, options

if TYPE_CHECKING:
    from aiohttp import web

    from solovirt.machinery.http.exchange import Exchange

Check = Callable[[], str | None]
"""Says what is wrong, None if nothing is. Called for every probe: it looks at memory and never waits."""


class Health:
    """
    What the probes ask.

    A check added with *ready_only* counts for /readyz alone: a server that is not ready should get no requests, one that is not live should
    be restarted.
    """

    def __init__(self) -> None:
        self._live: dict[str, Check] = {"ping": lambda: None}
        self._ready: dict[str, Check] = {}
        self._shutting_down = False

    def add(self, name: str, check: Check, *, ready_only: bool = False) -> None:
        """Ask *check* from now on, in place of one of the same name."""
        (self._ready if ready_only else self._live)[name] = check

    def shut_down(self) -> None:
        """Fail `/readyz` from now on: shutdown has begun."""
        self._shutting_down = True

    def _checks(self, probe: str) -> dict[str, Check]:
        if probe != "readyz":
            return self._live
        return {
            **self._live,
            **self._ready,
            "shutdown": lambda: "process is shutting down" if self._shutting_down else None,
        }

    def answer(self, request: Exchange, probe: str, rest: list[str]) -> web.Response:
        """Answer *probe* (`healthz`, `livez`, `readyz`), or one of its checks if *rest* names it."""
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed
        checks = self._checks(probe)
        if rest:
            check = checks.get("/".join(rest))
            if check is None:
                raise failures.PlainNotFound
            problem = check()
            if problem is not None:
                return request.text(f"internal server error: {problem}\n", 500)
            return request.text("ok")
        return self._all(request, probe, checks)

    def _all(self, request: Exchange, probe: str, checks: dict[str, Check]) -> web.Response:
        excluded = set(request.query.get("exclude", ()))
        lines, failed = [], False
        for name, check in checks.items():
            if name in excluded:
                lines.append(f"[+]{name} excluded: ok")
            elif check() is None:
                lines.append(f"[+]{name} ok")
            else:
                failed = True
                lines.append(f"[-]{name} failed: reason withheld")
        if failed:
            return request.text("\n".join([*lines, f"{probe} check failed", ""]), 500)
        if options.flag(request.query, "verbose"):
            return request.text("\n".join([*lines, f"{probe} check passed", ""]))
        return request.text("ok")
