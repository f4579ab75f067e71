"""
Query parameters: what they mean and what is wrong with them (reference kubernetes-api.md 2.2, 2.3).

Unknown parameters are ignored. An option error is 422 Invalid of the options kind with an empty name; a number that is none is a 400 with
Go's text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from solovirt.machinery import errors
from solovirt.machinery.errors import BadRequest, FieldError, Invalid
from solovirt.machinery.resource import Document
from solovirt.machinery.verbs.protocol import DeleteOptions, FieldValidation, ListOptions, Preconditions

_META = "meta.k8s.io"
_MANAGER_LIMIT = 128
_INTEGER = re.compile(r"[+-]?[0-9]+")
_INT64 = 1 << 63
_INT64_DIGITS = 19
_POLICIES = ("Foreground", "Background", "Orphan")

Query = Mapping[str, Sequence[str]]
NOTHING: Query = {}


def parse(query: str) -> Query:
    """Decode a query string; empty values count."""
    out: dict[str, list[str]] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        out.setdefault(key, []).append(value)
    return out


def first(query: Query, name: str) -> str:
    """The first value of a parameter, ``""`` if it is absent."""
    values = query.get(name)
    return values[0] if values else ""


def flag(query: Query, name: str) -> bool | None:
    """A boolean: `0` and `false` in any case are false, every other text, even none, is true; None if absent."""
    values = query.get(name)
    if not values:
        return None
    return values[0].lower() not in ("0", "false")


def integer(query: Query, name: str) -> int | None:
    """A number, None if absent or empty. Raises BadRequest with Go's text."""
    text = first(query, name)
    if not text:
        return None
    quoted = errors.go_quoted(text)
    if not _INTEGER.fullmatch(text):
        raise BadRequest(f"strconv.ParseInt: parsing {quoted}: invalid syntax")
    # Counted before it is converted: Python refuses numbers of some thousand digits with an error of its own.
    digits = text.lstrip("+-").lstrip("0") or "0"
    value = int(f"-{digits}" if text[0] == "-" else digits) if len(digits) <= _INT64_DIGITS else _INT64
    if not -_INT64 <= value < _INT64:
        raise BadRequest(f"strconv.ParseInt: parsing {quoted}: value out of range")
    return value


def _refuse(kind: str, found: Sequence[FieldError]) -> None:
    if found:
        raise Invalid.of(_META, kind, "", found)


def _dry_run_errors(values: Sequence[str]) -> list[FieldError]:
    if any(value != "All" for value in values):
        return [errors.not_supported("dryRun", list(values), ["All"])]
    return []


def _manager_errors(manager: str) -> list[FieldError]:
    found = []
    if len(manager.encode()) > _MANAGER_LIMIT:
        found.append(errors.too_long("fieldManager", _MANAGER_LIMIT))
    if not manager.isprintable():
        found += [
            errors.invalid("fieldManager", manager, f"invalid character {_go_rune(char)} (at position {at})")
            for at, char in enumerate(manager)
            if not char.isprintable()
        ]
    return found


def _go_rune(char: str) -> str:
    """Go's `%#U` of a character that does not print."""
    return f"U+{ord(char):04X}"


def default_manager(user_agent: str) -> str:
    """The field manager of a client that names none: its User-Agent up to the first slash, `unknown` if it sends none."""
    name = user_agent.partition("/")[0]
    name = "".join(char for char in name if char.isprintable())
    return name.encode()[:_MANAGER_LIMIT].decode(errors="ignore") or "unknown"


class WriteOptions:
    """dryRun, fieldManager and fieldValidation of a create, update or patch."""

    __slots__ = ("dry_run", "field_validation", "force", "manager")

    def __init__(self, query: Query, *, kind: str, apply: bool = False) -> None:
        """Read and validate. *kind* is the options kind (`CreateOptions`) that errors name."""
        self.dry_run = False
        self.manager = ""
        self.force: bool | None = None
        self.field_validation = FieldValidation.WARN
        if not query:
            if apply:
                _refuse(kind, [errors.required("fieldManager", "is required for apply patch")])
            return
        found: list[FieldError] = []
        self.force = flag(query, "force") if kind == "PatchOptions" else None
        self.manager = first(query, "fieldManager")
        if apply and not self.manager:
            found.append(errors.required("fieldManager", "is required for apply patch"))
        if not apply and self.force is not None:
            found.append(errors.forbidden_field("force", "may not be specified for non-apply patch"))
        found += _manager_errors(self.manager)
        dry_run = query.get("dryRun", ())
        found += _dry_run_errors(dry_run)
        self.dry_run = bool(dry_run)
        validation = first(query, "fieldValidation")
        if validation:
            try:
                self.field_validation = FieldValidation(validation)
            except ValueError:
                found.append(
                    errors.not_supported("fieldValidation", validation, ["", "Ignore", "Strict", "Warn"]),
                )
        _refuse(kind, found)


def list_options(query: Query) -> ListOptions:
    """The options of a list or deletecollection. Raises Invalid or BadRequest."""
    if not query:
        return _DEFAULT_LIST
    limit = integer(query, "limit")
    integer(query, "timeoutSeconds")
    options = ListOptions(
        label_selector=first(query, "labelSelector"),
        field_selector=first(query, "fieldSelector"),
        resource_version=first(query, "resourceVersion"),
        resource_version_match=first(query, "resourceVersionMatch"),
        limit=max(limit or 0, 0),
        continue_token=first(query, "continue"),
    )
    found = []
    if match := options.resource_version_match:
        if not options.resource_version:
            found.append(_forbidden_match("resourceVersionMatch is forbidden unless resourceVersion is provided"))
        if options.continue_token:
            found.append(_forbidden_match("resourceVersionMatch is forbidden when continue is provided"))
        if match not in ("Exact", "NotOlderThan"):
            found.append(errors.not_supported("resourceVersionMatch", match, ["Exact", "NotOlderThan", ""]))
        if match == "Exact" and options.resource_version == "0":
            found.append(_forbidden_match('resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    if "sendInitialEvents" in query:
        found.append(errors.forbidden_field("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    _refuse("ListOptions", found)
    return options


_DEFAULT_LIST = ListOptions()


def _forbidden_match(text: str) -> FieldError:
    return errors.forbidden_field("resourceVersionMatch", text)


class WatchOptions:
    """The options of a watch."""

    __slots__ = (
        "allow_bookmarks",
        "field_selector",
        "label_selector",
        "resource_version",
        "send_initial_events",
        "timeout_seconds",
    )

    def __init__(self, query: Query) -> None:
        """Read and validate. Raises Invalid or BadRequest."""
        integer(query, "limit")
        self.timeout_seconds = integer(query, "timeoutSeconds")
        self.label_selector = first(query, "labelSelector")
        self.field_selector = first(query, "fieldSelector")
        self.resource_version = first(query, "resourceVersion")
        self.allow_bookmarks = bool(flag(query, "allowWatchBookmarks"))
        self.send_initial_events = flag(query, "sendInitialEvents")
        match = first(query, "resourceVersionMatch")
        found = []
        if self.send_initial_events is not None and match != "NotOlderThan":
            found.append(_forbidden_match("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
        if match:
            if self.send_initial_events is None:
                found.append(
                    _forbidden_match("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
                )
            if match != "NotOlderThan":
                found.append(errors.not_supported("resourceVersionMatch", match, ["NotOlderThan"]))
            if first(query, "continue"):
                found.append(_forbidden_match("resourceVersionMatch is forbidden when continue is provided"))
        _refuse("ListOptions", found)


def delete_options(body: Document | None, query: Query) -> tuple[DeleteOptions, bool]:
    """DeleteOptions and whether it is a dry run: from *body* if there is one, else from the query. Raises Invalid or BadRequest."""
    if body is not None:
        grace, orphan, policy, dry_run = _from_body(body)
        preconditions = body.get("preconditions") or {}
    else:
        grace, orphan = integer(query, "gracePeriodSeconds"), flag(query, "orphanDependents")
        policy = first(query, "propagationPolicy") if "propagationPolicy" in query else None
        dry_run = list(query.get("dryRun", ()))
        preconditions = {}
    found: list[FieldError] = []
    if orphan is not None and policy is not None:
        found.append(
            errors.invalid("propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set")
        )
    if policy is not None and policy not in _POLICIES:
        found.append(errors.not_supported("propagationPolicy", policy, [*_POLICIES, "nil"]))
    found += _dry_run_errors(dry_run)
    _refuse("DeleteOptions", found)
    if grace is not None and grace < 0:
        grace = 1
    if not isinstance(preconditions, dict):
        raise _undecodable("preconditions", preconditions, "v1.Preconditions")
    return (
        DeleteOptions(
            propagation=policy,
            grace_seconds=grace,
            preconditions=Preconditions(preconditions.get("uid"), preconditions.get("resourceVersion")),
            orphan_dependents=orphan,
        ),
        bool(dry_run),
    )


def _from_body(body: Document) -> tuple[int | None, bool | None, str | None, list[str]]:
    grace, orphan = body.get("gracePeriodSeconds"), body.get("orphanDependents")
    policy, dry_run = body.get("propagationPolicy"), body.get("dryRun") or []
    if grace is not None and (isinstance(grace, bool) or not isinstance(grace, int)):
        raise _undecodable("gracePeriodSeconds", grace, "int64")
    if orphan is not None and not isinstance(orphan, bool):
        raise _undecodable("orphanDependents", orphan, "bool")
    if policy is not None and not isinstance(policy, str):
        raise _undecodable("propagationPolicy", policy, "v1.DeletionPropagation")
    if not isinstance(dry_run, list) or not all(isinstance(value, str) for value in dry_run):
        raise _undecodable("dryRun", dry_run, "[]string")
    return grace, orphan, policy, dry_run


_GO_NAMES: dict[type, str] = {
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
}


def _undecodable(field: str, value: Any, wanted: str) -> BadRequest:
    got = _GO_NAMES.get(type(value), "null")
    return BadRequest(
        'DeleteOptions in version "v1" cannot be handled as a DeleteOptions: '
        f"json: cannot unmarshal {got} into Go struct field DeleteOptions.{field} of type {wanted}"
    )
