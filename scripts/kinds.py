"""
Write docs/kinds.md: every kind that is served, and how far it goes.

What is in the table is asked of a control plane, so that it can't say more than is true; tests/test_kinds_page.py keeps it fresh. Run it as
`make docs`.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from solovirt import settings
from solovirt.control_plane import ControlPlane
from solovirt.machinery.resource import GroupResource, Resource

PAGE = Path(__file__).resolve().parents[1] / "docs" / "kinds.md"

HEAD = """\
# Kinds

Made by `make docs` from a running control plane. *Worked on by* names the control loops that act on objects of the kind; a kind without
one is kept, validated, defaulted and watched as the API has it, but nothing comes of it by itself (other loops may read it). *Computed*
kinds are answers to a request and are not kept. Three loops see every kind and are left out: garbage collection, the deletion of namespaces, and
the one that removes terminating pods.

Each kind has get, list, watch, create, update, patch (JSON, merge, apply; strategic merge where Kubernetes has it), delete and
deletecollection, unless its verbs say less; `status` is a subresource like the others.
"""


def section(group: str, resources: Sequence[Resource], loops: Mapping[GroupResource, Sequence[str]]) -> str:
    lines = [
        f"\n## {group or 'core'}\n",
        "| kind | versions | names | scope | subresources | worked on by |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in resources:
        versions = ", ".join(version.name for version in one.versions if version.served)
        names = ", ".join(f"`{name}`" for name in (one.plural, *one.short_names))
        parts = (["status"] if one.status_subresource else []) + [part.name for part in one.subresources]
        work = "computed" if one.virtual else ", ".join(dict.fromkeys(loops.get(one.group_resource, ())))
        lines.append(f"| {one.kind} | {versions} | {names} | {one.scope.value} | {', '.join(parts)} | {work} |")
    return "\n".join(lines) + "\n"


async def page() -> str:
    """The page as it should be."""
    with tempfile.TemporaryDirectory() as scratch:
        given = settings.given(
            data_dir=Path(scratch), database_url="sqlite+aiosqlite://", listen="127.0.0.1:0", insecure_http=True
        )
        control_plane = ControlPlane(given)
        await control_plane.start()
        try:
            loops = control_plane.manager.reconciled()
            groups: dict[str, list[Resource]] = {}
            for resource in control_plane.registry:
                groups.setdefault(resource.group, []).append(resource)
        finally:
            await control_plane.stop()
    return HEAD + "".join(section(group, resources, loops) for group, resources in groups.items())


if __name__ == "__main__":
    PAGE.write_text(asyncio.run(page()))
