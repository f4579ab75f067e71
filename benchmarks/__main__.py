"""
Measure against the budgets: `python -m benchmarks [NAME …] [--scale N] [--json FILE] [--against URL …]`.

NAMEs pick from the list below; without any all run. TLS, token authentication, admission, validation, managedFields and fsync are on, and
the load is another process than the server. Each figure is printed beside its budget and what kube-apiserver with etcd needs.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from benchmarks import connections, imports, lists, requests, running, start, watches
from benchmarks.measure import Report
from benchmarks.profile import profiled
from benchmarks.target import Target

ON_TARGETS = {"requests": requests, "lists": lists, "watches": watches, "connections": connections, "running": running}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join([*ON_TARGETS, 'start', 'imports', 'guests'])}"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the counts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument(
        "--profile", type=Path, metavar="DIR", help="keep a profile of the server per benchmark there (py-spy)"
    )
    parser.add_argument("--against", metavar="URL", help="measure this Kubernetes-style server instead")
    parser.add_argument("--token", help="its administrator's bearer token")
    parser.add_argument("--ca", type=Path, help="its certificate authority, PEM")
    parser.add_argument(
        "--pid", type=int, action="append", default=[], help="a process of it on this machine; repeatable"
    )
    given = parser.parse_args()
    if unknown := set(given.names) - {*ON_TARGETS, "start", "imports", "guests"}:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    report = Report()
    names = given.names or [*ON_TARGETS, *([] if given.against else ["start", "imports"])]
    for name in names:
        if name == "start":
            asyncio.run(start.run(report))
            continue
        if name == "imports":
            asyncio.run(imports.run(report, given.scale))
            continue
        if name == "guests":
            # Imported here, and run by name only: it needs root, libvirtd and libvirt's binding.
            from benchmarks import guests

            guests.run(report, given.scale)
            continue
        module = ON_TARGETS[name]
        if given.against:
            authority = given.ca.read_text() if given.ca else None
            target = Target(given.against.rstrip("/"), authority, given.token, tuple(given.pid))
            asyncio.run(module.run(target, given.scale, report))
        else:
            with module.default() as target, profiled(target, given.profile, name):
                asyncio.run(module.run(target, given.scale, report))
    if given.json:
        report.write(given.json)


if __name__ == "__main__":
    main()
