"""Match conditions: expressions in CEL that say whether a webhook wants to know of a request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from solovirt.machinery.resource import Document
from solovirt.machinery.schema.rules import engine

VARIABLES = frozenset(("object", "oldObject", "request"))


def problem(source: str) -> str:
    """Why *source* is no condition, `""` if it is one."""
    try:
        engine.Expression(source, VARIABLES)
    except engine.CompileError as error:
        return f"compilation failed: {error}"
    return ""


class ConditionFailed(Exception):
    """A condition could not be evaluated, and none said no."""


class Conditions:
    """The compiled conditions of one webhook."""

    def __init__(self, declared: Sequence[Document]) -> None:
        self._expressions = [engine.Expression(one["expression"], VARIABLES) for one in declared]
        self._functions: dict[str, Any] = {}
        for expression in self._expressions:
            self._functions.update(expression.functions)

    def hold(self, request: Document) -> bool:
        """Whether all hold of an AdmissionReview's request. Raises ConditionFailed."""
        shown = {name: value for name, value in request.items() if name not in ("object", "oldObject", "uid")}
        values = {"object": request.get("object"), "oldObject": request.get("oldObject"), "request": shown}
        environment = engine.environment(values, self._functions)
        failures = []
        for expression in self._expressions:
            try:
                if expression.evaluate(environment) is False:
                    return False
            except engine.EvaluationError as error:
                failures.append(f"expression '{expression.source}' resulted in error: {error}")
        if failures:
            raise ConditionFailed(failures[0] if len(failures) == 1 else f"[{', '.join(failures)}]")
        return True
