"""
What a path means.

Paths are taken apart by hand rather than by a router: kinds come and go while the server runs, and every request is authorised
by what its path says before it is known whether anything is served there (reference kubernetes-api.md 2.1, 6).
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

_NAMESPACE_SUBRESOURCES = ("status", "finalize")
_NAME_SELECTOR = re.compile(r"(?:^|,)\s*metadata\.name\s*==?\s*([^,\\]+?)\s*(?:,|$)")
_READING = {"GET": "get", "HEAD": "get"}
_NAMED_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"} | _READING
_COLLECTION_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "deletecollection"} | dict.fromkeys(
    _READING, "list"
)


class ResourcePath(NamedTuple):
    """A path under `/api/<version>` or `/apis/<group>/<version>`: a collection, an object or a subresource."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    """All segments after the name, joined: `status`, `vnc/screenshot`."""
    watch: bool = False
    """The old `/watch/` form."""

    def verb(self, method: str, *, watching: bool) -> str:
        """The API verb of an HTTP method here, as authorisation names it; the method in lower case if it is none."""
        # A HEAD has no stream to follow, and nothing can be written through the old form.
        if method == "GET" and (self.watch or (watching and not self.name)):
            return "watch"
        return (_NAMED_VERBS if self.name else _COLLECTION_VERBS).get(method, method.lower())


def split(path: str) -> list[str] | None:
    """The decoded segments of *path* without the outer slashes; None if there is an empty one within (`//api`)."""
    segments = path[1:].split("/")
    if segments[-1] == "":
        segments.pop()
    if "" in segments:
        return None
    if "%" in path:
        return [unquote(segment) for segment in segments]
    return segments


def resource_path(segments: list[str]) -> ResourcePath | None:
    """
    Read *segments* as the path of a resource, None if they are not of that form (discovery, health, nonsense).

    `namespaces/x/pods` is the pods in x, `namespaces/x` the namespace itself, `namespaces/x/finalize` a subresource of it.
    """
    if not segments:
        return None
    if segments[0] == "api":
        if len(segments) < 3:
            return None
        group, version, rest = "", segments[1], segments[2:]
    elif segments[0] == "apis":
        if len(segments) < 4:
            return None
        group, version, rest = segments[1], segments[2], segments[3:]
    else:
        return None
    watch = rest[0] == "watch" and len(rest) > 1
    if watch:
        rest = rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and (group or rest[2] not in _NAMESPACE_SUBRESOURCES):
            rest = rest[2:]
    count = len(rest)
    return ResourcePath(
        group,
        version,
        rest[0],
        namespace,
        rest[1] if count > 1 else "",
        "/".join(rest[2:]) if count > 2 else "",
        watch,
    )


def selected_name(field_selector: str) -> str:
    """The one name that a field selector asks for, or ``""``: authorisation takes such a list or watch for one of that object."""
    found = _NAME_SELECTOR.search(field_selector)
    return found.group(1) if found else ""
