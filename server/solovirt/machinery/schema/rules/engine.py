"""
CEL expressions: compiled once, evaluated often.

The library is a Rust interpreter of the core language. What Kubernetes has beyond it is added here: functions (`library`) are handed to an
evaluation if the expression calls them, and the syntax of optional values (`self.?x`, `self[?k]`, `optMap`), which the interpreter does not
parse, is rewritten into calls.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import logging
import re
from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType
from typing import Any

from solovirt.machinery.schema.rules import library

_NATIVE = frozenset(
    [
        "size",
        "contains",
        "startsWith",
        "endsWith",
        "uint",
        "double",
        "bytes",
        "timestamp",
        "duration",
        "type",
        "dyn",
        "hasValue",
        "value",
        "or",
        "orValue",
        "of",
        "none",
        "ofNonZeroValue",
        "optionalAsList",
        "listAsOptional",
        "getDate",
        "getDayOfMonth",
        "getDayOfWeek",
        "getDayOfYear",
        "getFullYear",
        "getHours",
        "getMilliseconds",
        "getMinutes",
        "getMonth",
        "getSeconds",
    ]
)
_CONSTANTS = frozenset(
    ["int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type", "optional"]
)
_STRINGS = re.compile(
    r"""[rRbB]{0,2}('''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")|//[^\n]*""",
    re.DOTALL,
)
_MACRO = re.compile(r"\.\s*(?:all|exists|exists_one|existsOne|map|filter|optMap)\s*\(\s*([A-Za-z_]\w*)\s*,")
_OPTIONAL = re.compile(r"\.\s*\?\s*([A-Za-z_]\w*)|(?<=[\w)\]}])\s*\[\s*\?|\.\s*(optMap)\s*\(")
# The interpreter's own `matches` has Rust's classes, Unicode, where Go's are ASCII; functions given to it don't come before its own.
_MATCHES = re.compile(r"\bmatches(?=\s*\()")
_SELECT = re.compile(r"\s*\.\s*([A-Za-z_]\w*)(?!\w)(?!\s*\()")
FIELD_STEP = re.compile(r"\.?([A-Za-z_][\w-]*)|\[['\"]([^'\"]*)['\"]\]")
"""One step of a rule's fieldPath: `.a` or `['a-b']`."""
_CLOSING = {"(": ")", "[": "]", "{": "}"}
# The interpreter recurses, without a limit, along chains of operators, selections and calls. Several times as many still fit on its stack; no rule has so many.
_STEP = re.compile(r"[-.\[({+*/%<>=!?&|]")
_MOST_STEPS = 3_000
_LONGEST = 100_000
_PYTHON_ERROR = re.compile(r"Python function call failed: (\w+): (.*?)\. Check function arguments", re.DOTALL)
_UNDEFINED = re.compile(r"Undefined variable or function: '([^']*)'")


class CompileError(Exception):
    """The expression is not one that can be evaluated; the text says where and why, as cel-go does."""


class EvaluationError(Exception):
    """The expression failed on these values; the text is cel-go's (`no such key: x`)."""


class Expression:
    """One compiled expression. Raises CompileError if *source* cannot be. *variables* are those that it may use."""

    __slots__ = ("_program", "functions", "source", "variables")

    def __init__(self, source: str, variables: frozenset[str] = frozenset(("self", "oldSelf"))) -> None:
        self.source = source
        if len(source) > _LONGEST:
            raise CompileError(
                _unlocated(f"expression code point size exceeds limit: size: {len(source)}, limit {_LONGEST}")
            )
        masked = mask(source)
        if sum(1 for _ in _STEP.finditer(masked)) > _MOST_STEPS:
            raise CompileError(_unlocated("expression recursion limit exceeded"))
        try:
            self._program = _cel().compile(_rewritten(source, masked))
        except ValueError as error:
            raise CompileError(_parse_error(str(error), source)) from None
        except BaseException as error:
            if _panicked(error):
                raise CompileError(_unlocated("expression recursion limit exceeded")) from None
            raise
        references = self._program.references()
        self.variables = frozenset(references["variables"])
        self.functions: dict[str, Any] = {}
        for name in references["functions"]:
            found = library.named(name, self.variables)
            if not found and name[:1].isalpha() and name not in _NATIVE:
                raise CompileError(
                    _located(source, masked, name, f"undeclared reference to '{name}' (in container '')")
                )
            self.functions.update(found)
        bound = {match.group(1) for match in _MACRO.finditer(masked)}
        for name in sorted(self.variables - bound - _CONSTANTS - library.NAMESPACES):
            if name not in variables:
                raise CompileError(
                    _located(source, masked, name, f"undeclared reference to '{name}' (in container '')")
                )

    def evaluate(self, environment: Any) -> Any:
        """Raises EvaluationError. *environment* comes from `environment`."""
        try:
            return self._program.execute(environment)
        except KeyError as error:
            raise EvaluationError(f"no such key: {error.args[0] if error.args else ''}") from None
        except ZeroDivisionError:
            raise EvaluationError("division by zero") from None
        except OverflowError:
            raise EvaluationError("integer overflow") from None
        except IndexError as error:
            raise EvaluationError(str(error)) from None
        except TypeError:
            raise EvaluationError("no such overload") from None
        except Exception as error:  # noqa: BLE001 - whatever the interpreter or a function raises is the rule's failure
            raise EvaluationError(_runtime_error(str(error))) from None
        except BaseException as error:
            if _panicked(error):
                raise EvaluationError("the expression cannot be evaluated") from None
            raise


def _panicked(error: BaseException) -> bool:
    """A panic of the interpreter must not take the server down; it is no Exception, so that it is not caught by accident."""
    return type(error).__name__ == "PanicException"


def environment(variables: Mapping[str, Any], functions: Mapping[str, Any]) -> Any:
    """Values and functions for evaluations. Values are converted once for all expressions that share it."""
    return _cel().Context(dict(variables), dict(functions))


def optional(value: Any = None, *, present: bool = True) -> Any:
    """A CEL optional with *value*, or without one."""
    kind = _cel().OptionalValue
    return kind.of(value) if present else kind.none()


@cache
def _cel() -> ModuleType:
    """
    The library's extension module, without its package.

    The package imports a command line with a terminal library behind it, half a second of CPU in the middle of a request.
    """
    package = importlib.util.find_spec("cel")
    locations = package.submodule_search_locations if package is not None else None
    spec = importlib.machinery.PathFinder.find_spec("cel.cel", locations)
    if spec is None or spec.loader is None:
        raise ImportError("the CEL library (common-expression-language) is not installed")
    # It logs what the functions given to it raise, which is how a rule fails on a value.
    logging.getLogger("cel").setLevel(logging.CRITICAL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    library.use_optionals(module.OptionalValue)
    return module


def mask(source: str) -> str:
    """*source* with the contents of strings and comments blanked, so that what is left can be searched."""
    return _STRINGS.sub(lambda match: " " * len(match.group()), source)


def _rewritten(source: str, masked: str) -> str:
    """Optional syntax as calls: `a.?b.c` becomes `a.optionalField("b").optionalField("c")`."""
    out = source
    for call in reversed(list(_MATCHES.finditer(masked))):
        at = call.start()
        out, masked = (f"{text[:at]}regexMatches{text[call.end() :]}" for text in (out, masked))
    while (match := _OPTIONAL.search(masked)) is not None:
        start, end = match.span()
        if match.group(1):
            out, masked, end = _select(out, masked, start, end, match.group(1))
            while (step := _SELECT.match(masked, end)) is not None:
                out, masked, end = _select(out, masked, *step.span(), step.group(1))
            continue
        close = _closing(masked, masked.index("[", start) if match.group(2) is None else end - 1)
        if match.group(2) is None:
            pieces = (".optionalField(", ")")
        else:
            pieces = (".optionalAsList().map(", ").listAsOptional()")
        out = out[:start] + pieces[0] + out[end:close] + pieces[1] + out[close + 1 :]
        masked = masked[:start] + pieces[0] + masked[end:close] + pieces[1] + masked[close + 1 :]
    return out


def _select(out: str, masked: str, start: int, end: int, name: str) -> tuple[str, str, int]:
    call = f'.optionalField("{name}")'
    return out[:start] + call + out[end:], masked[:start] + call + masked[end:], start + len(call)


def _closing(masked: str, opening: int) -> int:
    """Where the bracket at *opening* is closed; the end of the text if it is not, for the parser to complain of."""
    stack: list[str] = []
    for at in range(opening, len(masked)):
        character = masked[at]
        if character in _CLOSING:
            stack.append(_CLOSING[character])
        elif stack and character == stack[-1]:
            stack.pop()
            if not stack:
                return at
    return len(masked)


def selections(source: str, root: str) -> Iterator[tuple[int, list[str]]]:
    """The field selections on the variable *root* (`self.a.b`), as the position of their first dot and their names."""
    masked = mask(source)
    for match in re.finditer(rf"(?<![\w.?]){root}((?:\s*\.\s*[A-Za-z_]\w*)+)(\s*\()?", masked):
        steps = [step.strip() for step in match.group(1).split(".")[1:]]
        if match.group(2):
            steps.pop()
        if steps:
            yield match.start(1), steps


def located(source: str, at: int, message: str) -> str:
    """*message* with the place in *source*, as cel-go prints it."""
    line = source.count("\n", 0, at)
    column = at - (source.rfind("\n", 0, at) + 1)
    text = source.split("\n")[line]
    return f"ERROR: <input>:{line + 1}:{column + 1}: {message}\n | {text}\n | {'.' * column}^"


def _unlocated(message: str) -> str:
    return f"ERROR: <input>:-1:0: {message}"


def _located(source: str, masked: str, name: str, message: str) -> str:
    match = re.search(rf"\b{re.escape(name)}\b(\s*\()?", masked)
    if match is None:
        return located(source, 0, message)
    # cel-go points at a call's opening parenthesis and at a variable's first letter.
    return located(source, match.end() - 1 if match.group(1) else match.start(), message)


def _parse_error(text: str, source: str) -> str:
    _, _, found = text.partition(": ERROR")
    return f"ERROR{found.rstrip()}" if found else located(source, 0, text)


def _runtime_error(text: str) -> str:
    if (match := _PYTHON_ERROR.search(text)) is not None:
        # A function that is given something else than it takes trips over it.
        return match.group(2) if match.group(1) == "ValueError" else "no such overload"
    if _UNDEFINED.search(text) is not None:
        # Every name was known when the expression was compiled: what is missing is a form of it for these types.
        return "no such overload"
    return re.sub(
        r"^Function '\w+' error: ", "", text.removesuffix(" Check function arguments and their types.")
    ).rstrip(".")
