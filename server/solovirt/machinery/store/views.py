"""
SQL views of kinds, so that people can query objects with SQL: `virtual_machines`, `pods`, `data_volumes`.

A view takes an object's usual fields out of its JSON: those of every object, what `kubectl get` prints of the kind by path, and its selectable
fields. They follow from the declarations, so they are made anew whenever these have changed; a fact remembers which there are. Nothing in the
server reads them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from solovirt.machinery.resource import Resource
from solovirt.machinery.store import log
from solovirt.machinery.store.dialect import Database, Transaction
from solovirt.machinery.store.tables import fact, metadata

_SCOPE, _KEY = "views", "present"
_COMMON = {
    "created": "metadata.creationTimestamp",
    "deleted": "metadata.deletionTimestamp",
    "generation": "metadata.generation",
    "labels": "metadata.labels",
    "annotations": "metadata.annotations",
}
_WHOLE = ("spec", "status")
_RESERVED = (*_WHOLE, "namespace", "name", "uid", "resource_version", "object")
_TIMES = ("created", "deleted")
_STEP = re.compile(r"\[\?\(@\.type==['\"](?P<condition>\w+)['\"]\)\]|\[(?P<index>\d+)\]|\.?(?P<field>[A-Za-z_]\w*)")


@dataclass(frozen=True)
class View:
    """A view to be: its name, whose objects it shows, and the paths of its columns."""

    name: str
    group: str
    plural: str
    columns: Mapping[str, str]


def views_of(resources: Iterable[Resource]) -> list[View]:
    """A view for each stored kind; one whose name is taken has its group in the name."""
    views: dict[str, View] = {}
    for resource in resources:
        # Some kinds are only answered, some only have subresources, and some show another one's objects.
        if resource.virtual or not resource.verbs or resource.view is not None:
            continue
        name = _view_name(resource.kind, resource.plural)
        if name in views or name in metadata.tables:
            name = f"{name}_{re.sub(r'[^a-z0-9]', '_', resource.group)}"
        if name not in views:
            views[name] = View(name, resource.group, resource.plural, _columns(resource))
    return list(views.values())


def _view_name(kind: str, plural: str) -> str:
    """The words of the kind, in the plural that the API has."""
    words = _snake(kind)
    if plural.startswith(kind.lower()):
        return words + plural[len(kind) :]
    if plural.endswith("ies") and words.endswith("y"):
        return f"{words[:-1]}ies"
    return re.sub(r"[^a-z0-9]", "_", plural)


def _snake(text: str) -> str:
    # `podIPs` is pod_ips.
    text = re.sub(r"([A-Z]{2,})s\b", lambda found: found.group(1).capitalize() + "s", text)
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", text)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text).lower()


def _columns(resource: Resource) -> dict[str, str]:
    columns = dict(_COMMON)
    paths = [one.json_path for one in resource.storage_version.columns if one.json_path]
    paths += [f".{path.lstrip('.')}" for path in resource.selectable_fields.values()]
    for path in paths:
        steps = list(_STEP.finditer(path))
        if path.removeprefix(".").startswith("metadata.") or "".join(step.group(0) for step in steps) != path:
            continue
        named = [step for step in steps if step["index"] is None]
        condition = next((step["condition"] for step in named if step["condition"]), None)
        name = _snake(condition or named[-1]["field"])
        if name in columns or name in _RESERVED or (len(named) > 1 and named[0]["field"] not in _WHOLE):
            name = "_".join(_snake(step["field"]) for step in named if step["field"])
        columns.setdefault(name, path.removeprefix("."))
    return columns


def create_statement(view: View, dialect: str) -> str:
    """The DDL of *view* for `sqlite` or `postgresql`."""
    value = _postgresql if dialect == "postgresql" else _sqlite
    columns = ["namespace", "name", "uid", "resource_version"]
    for name, path in view.columns.items():
        text = value(path, whole=name in ("labels", "annotations"))
        if dialect == "postgresql" and name in _TIMES:
            text = f"({text})::timestamptz"
        if dialect == "postgresql" and name == "generation":
            text = f"({text})::bigint"
        columns.append(f'{text} AS "{name}"')
    columns += [f'{value(name, whole=True)} AS "{name}"' for name in _WHOLE]
    columns.append("object")
    # Group and plural are names of ours or have been validated as such: neither can hold a quote.
    return (
        f'CREATE VIEW "{view.name}" AS SELECT {", ".join(columns)} FROM object'  # noqa: S608
        f" WHERE api_group = '{view.group}' AND plural = '{view.plural}'"
    )


def _sqlite(path: str, *, whole: bool = False) -> str:  # noqa: ARG001 - json_extract gives objects as JSON by itself
    before, condition, after = _around_condition(path)
    if condition is None:
        return f"json_extract(object, '$.{path}')"
    return (
        f"(SELECT json_extract(one.value, '$.{after}') FROM json_each(object, '$.{before}') AS one"  # noqa: S608
        f" WHERE json_extract(one.value, '$.type') = '{condition}')"
    )


def _postgresql(path: str, *, whole: bool = False) -> str:
    before, condition, after = _around_condition(path)
    if condition is None:
        return f"object #{'>' if whole else '>>'} '{_steps(path)}'"
    return (
        f"(SELECT one #>> '{_steps(after)}' FROM json_array_elements(object #> '{_steps(before)}') AS one"  # noqa: S608
        f" WHERE one ->> 'type' = '{condition}' LIMIT 1)"
    )


def _steps(path: str) -> str:
    return "{" + ",".join(step["index"] or step["field"] for step in _STEP.finditer(path)) + "}"


def _around_condition(path: str) -> tuple[str, str | None, str]:
    for step in _STEP.finditer(path):
        if step["condition"]:
            return path[: step.start()], step["condition"], path[step.end() :].removeprefix(".")
    return path, None, ""


async def ensure(database: Database, resources: Iterable[Resource]) -> bool:
    """Have the views of *resources* be there, and no others of ours; whether anything had to be done. Raises the errors of `Database`."""
    wanted = views_of(resources)

    def look(transaction: Transaction) -> bool:
        digest = _digest(wanted, transaction.core.dialect.name)
        return _present(transaction.core).get("digest") != digest

    def work(transaction: Transaction) -> None:
        # One at a time: replicas start together.
        log.locked_head(transaction)
        if not look(transaction):
            return
        drop(transaction.core)
        dialect = transaction.core.dialect.name
        for view in wanted:
            transaction.core.exec_driver_sql(create_statement(view, dialect))
        value = json.dumps({"digest": _digest(wanted, dialect), "names": [view.name for view in wanted]}).encode()
        transaction.core.execute(sa.insert(fact), {"scope": _SCOPE, "key": _KEY, "value": value})

    if not await database.read(look):
        return False
    await database.write(work)
    return True


def drop(core: sa.Connection) -> None:
    """Remove the views: before a migration changes what they are made of, and before they are made anew."""
    for name in _present(core).get("names", ()):
        core.exec_driver_sql(f'DROP VIEW IF EXISTS "{name}"')
    core.execute(sa.delete(fact).where(fact.c.scope == _SCOPE, fact.c.key == _KEY))


def _present(core: sa.Connection) -> dict[str, Any]:
    query = sa.select(fact.c.value).where(fact.c.scope == _SCOPE, fact.c.key == _KEY)
    value = core.execute(query).scalar_one_or_none()
    present: dict[str, Any] = {} if value is None else json.loads(bytes(value))
    return present


def _digest(views: list[View], dialect: str) -> str:
    return hashlib.sha256("\n".join(create_statement(view, dialect) for view in views).encode()).hexdigest()
