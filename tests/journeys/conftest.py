"""
Whole journeys of a machine: a real kubectl against a real server on real HTTP, whose clock the test moves.

All journeys of a module share a control plane and have a namespace each; time goes on for all of them.
"""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from solovirt.runtime.fake import FakeRuntime
from solovirt.runtime.protocol import GuestId
from solovirt.testing import BackgroundControlPlane
from tests import databases
from tests.clients.kubectl import Kubectl, kubectl_binary, mask

_numbers = itertools.count(1)


@dataclass
class Journey:
    """A namespace with a machine called `vm`, and what its user does and sees."""

    kubectl: Kubectl
    server: BackgroundControlPlane
    watches: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def namespace(self) -> str:
        return self.kubectl.namespace

    # -- what the user does

    def apply(self, document: dict[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", stdin=json.dumps(document))
        self.server.settle()

    def start(self, seconds: float = 5, **spec: Any) -> None:
        """Apply a machine, and give it time to boot."""
        self.apply(machine(**spec))
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.server.advance(seconds)

    def ask(self, what: str, **options: Any) -> str:
        """PUT to a subresource of the machine, as virtctl does; the complaint if it is refused."""
        path = f"/apis/subresources.kubevirt.io/v1/namespaces/{self.namespace}/virtualmachines/vm/{what}"
        done = self.kubectl.run("replace", "--raw", path, "-f", "-", stdin=json.dumps(options))
        self.server.settle()
        return done.stderr.strip()

    def patch(self, **spec: Any) -> None:
        self.kubectl("patch", "vm", "vm", "--type=merge", "-p", json.dumps({"spec": spec}))
        self.server.settle()

    def delete(self, kind: str) -> None:
        self.kubectl("delete", kind, "vm", "--wait=false")
        self.server.settle()

    def power_off(self) -> None:
        self.server.call(self._runtime().power_off(GuestId(self.uid())))
        self.server.settle()

    def crash(self) -> None:
        self.server.call(self._runtime().crash(GuestId(self.uid())))
        self.server.settle()

    def _runtime(self) -> FakeRuntime:
        runtime = self.server.control_plane.runtime
        assert isinstance(runtime, FakeRuntime)
        return runtime

    # -- what the user sees

    def shown(self) -> tuple[str, str]:
        """STATUS and READY of the machine."""
        _, _, status, ready = self.kubectl("get", "vm", "vm", "--no-headers").split()
        return status, ready

    def instance(self) -> str:
        """PHASE of the instance, empty if there is none."""
        return self.value("vmi", "{.status.phase}")

    def uid(self) -> str:
        return self.value("vmi", "{.metadata.uid}")

    def value(self, kind: str, path: str) -> str:
        return self.kubectl("get", kind, "vm", "--ignore-not-found", "-o", f"jsonpath={path}")

    def events(self, kind: str) -> list[tuple[str, str, str]]:
        """Type, reason and message of the Events about objects of *kind*, in the order in which they came."""
        columns = "custom-columns=K:.involvedObject.kind,N:.metadata.name,T:.type,R:.reason,M:.message"
        rows = [
            line.split(None, 4) for line in self.kubectl("get", "events", "--no-headers", "-o", columns).splitlines()
        ]
        rows.sort(key=lambda row: row[1].rpartition(".")[2])
        return [(row[2], row[3], mask(row[4])) for row in rows if row[0] == kind]

    def watch(self, kind: str) -> subprocess.Popen[str]:
        """Start `kubectl get -w`, and return when it has shown what is there."""
        process = self.kubectl.start("get", kind, "-w")
        self.watches.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("NAME")
        return process

    def watched_until(self, process: subprocess.Popen[str], word: str) -> list[str]:
        """What a watch prints, columns squeezed and repetitions left out, up to the first line with *word* in its third column."""
        lines: list[str] = []
        while not lines or lines[-1].split()[2] != word:
            (line,) = self.watched(process, 1)
            if line not in lines:
                lines.append(line)
        return lines

    def watched(self, process: subprocess.Popen[str], lines: int) -> list[str]:
        """The next *lines* that a watch prints, their columns squeezed."""
        assert process.stdout is not None
        return [" ".join(process.stdout.readline().split()) for _ in range(lines)]


def machine(*, annotations: dict[str, str] | None = None, domain: Any = None, **spec: Any) -> dict[str, Any]:
    """A machine that has no agent and a masqueraded interface; *spec* goes over it."""
    template = {
        "metadata": {"annotations": {"fake.solovirt.io/agent-after": "never", **(annotations or {})}},
        "spec": {
            "domain": {
                "devices": {"interfaces": [{"name": "default", "masquerade": {}}]},
                **({"memory": {"guest": "64Mi"}} if domain is None else domain),
            },
            "networks": [{"name": "default", "pod": {}}],
        },
    }
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": "vm"},
        "spec": {"runStrategy": "Always", "template": template, **spec},
    }


@pytest.fixture(scope="module")
def server() -> Iterator[BackgroundControlPlane]:
    with BackgroundControlPlane(frozen=True, database_url=databases.url()) as control_plane:
        yield control_plane


@pytest.fixture
def journey(server: BackgroundControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    home: Path = tmp_path_factory.getbasetemp() / "home"
    namespace = f"journey-{next(_numbers)}"
    kubectl = Kubectl("37", kubectl_binary("37"), Path(server.kubeconfig), home, namespace)
    kubectl("create", "namespace", namespace)
    journey = Journey(kubectl, server)
    yield journey
    for process in journey.watches:
        process.kill()
        process.communicate()
    # What loops would go on looping under the next test's hours.
    kubectl("delete", "vm", "--all", "--wait=false")
    server.advance(60)
