"""
Cells that the tables of several built-in kinds share (reference kubernetes-api.md 5).

A cell is computed from the document as it is stored; it may be older than any defaulting, so nothing here relies on optional fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from solovirt.machinery.http.ages import age
from solovirt.machinery.resource import CellContext, Column, Document

NONE = "<none>"
UNKNOWN = "<unknown>"
UNSET = "<unset>"


def at(document: Document, path: str) -> Any:
    """The value at a dotted path, or None."""
    value: Any = document
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def text_column(name: str, path: str, description: str, *, missing: str = "", priority: int = 0) -> Column:
    """A column that shows the text at *path*, or *missing* where there is none."""

    def cell(document: Document, _: CellContext) -> str:
        value = at(document, path)
        return str(value) if value not in (None, "") else missing

    return Column(name, cell=cell, description=description, priority=priority)


def count_column(name: str, path: str, description: str, *, missing: int = 0) -> Column:
    """A column that shows the number at *path*."""

    def cell(document: Document, _: CellContext) -> int:
        value = at(document, path)
        return int(value) if value is not None else missing

    return Column(name, "integer", cell=cell, description=description)


def time_since(value: Any, context: CellContext, *, missing: str = UNKNOWN) -> str:
    """How long ago the RFC 3339 time *value* was; *missing* if there is none."""
    return age(value, context.now) if value else missing


def name_of(document: Document, _: CellContext) -> str:
    return str(at(document, "metadata.name") or "")


def age_of(document: Document, context: CellContext) -> str:
    return time_since(at(document, "metadata.creationTimestamp"), context)


def created_at(document: Document, _: CellContext) -> str:
    return str(at(document, "metadata.creationTimestamp") or "")


NAME = Column("Name", cell=name_of, format="name", description="What the object is called, unique in its namespace.")
AGE = Column("Age", cell=age_of, description="How long ago the object was made.")
CREATED_AT = Column("Created At", "date", cell=created_at, description="When the object was made.")


def labels_text(labels: Mapping[str, str] | None) -> str:
    """`a=1,b=2`, or `<none>`."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) if labels else NONE


_OPERATORS = {"In": "in", "NotIn": "notin"}


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """A LabelSelector as kubectl writes it: `a=1,b in (x,y),!c`; `<none>` if it selects everything or is missing."""
    if not selector:
        return NONE
    requirements = [(key, f"{key}={value}") for key, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or ():
        key, operator = expression["key"], expression["operator"]
        if operator == "Exists":
            requirements.append((key, key))
        elif operator == "DoesNotExist":
            requirements.append((key, f"!{key}"))
        else:
            values = ",".join(sorted(expression.get("values") or ()))
            requirements.append((key, f"{key} {_OPERATORS.get(operator, operator)} ({values})"))
    return ",".join(text for _, text in sorted(requirements)) or NONE


def pod_template_columns(path: str = "spec.template.spec") -> tuple[Column, Column]:
    """The wide columns that name the containers of a workload's pods and their images."""

    def joined(field: str, document: Document) -> str:
        containers: Sequence[Document] = at(document, f"{path}.containers") or ()
        return ",".join(str(one.get(field) or "") for one in containers)

    return (
        Column(
            "Containers",
            cell=lambda document, _: joined("name", document),
            description="The template's containers by name.",
            priority=1,
        ),
        Column(
            "Images",
            cell=lambda document, _: joined("image", document),
            description="The images that the template's containers run.",
            priority=1,
        ),
    )


def label_selector_column(path: str = "spec.selector") -> Column:
    """The wide column with a workload's LabelSelector."""
    return Column(
        "Selector",
        cell=lambda document, _: selector_text(at(document, path)),
        description="The labels of the pods that belong to it.",
        priority=1,
    )


_ACCESS_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def access_modes_text(modes: Sequence[str] | None) -> str:
    """Access modes by their initials, in the order in which kubectl lists them."""
    return ",".join(short for mode, short in _ACCESS_MODES.items() if modes and mode in modes)
