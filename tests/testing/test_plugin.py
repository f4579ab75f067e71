"""The pytest plugin and the control plane in a thread, as tests of other software use them."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from solovirt.testing import BackgroundControlPlane

pytest_plugins = ["pytester"]

VIRTUAL_MACHINES = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines"
INSTANCES = "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances"


def ask(control_plane: BackgroundControlPlane, method: str, path: str, body: object = None) -> Any:
    headers = {"Content-Type": "application/json"}
    context = None
    if control_plane.url.startswith("https"):
        pem = control_plane.control_plane.authority_pem
        assert pem is not None
        context = ssl.create_default_context(cadata=pem.decode())
        headers["Authorization"] = f"Bearer {control_plane.token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(control_plane.url + path, method=method, data=data, headers=headers)
    with urllib.request.urlopen(request, context=context) as answer:
        return json.load(answer)


def machine(name: str = "vm", **annotations: str) -> dict[str, Any]:
    """A VirtualMachine that is kept running; the guest gets *annotations* of the fake runtime."""
    named = {f"fake.solovirt.io/{key.replace('_', '-')}": value for key, value in annotations.items()}
    domain = {"devices": {}, "resources": {"requests": {"memory": "64Mi"}}}
    template = {"metadata": {"annotations": named}, "spec": {"domain": domain}}
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": name},
        "spec": {"runStrategy": "Always", "template": template},
    }


def printable_status(control_plane: BackgroundControlPlane, name: str = "vm") -> str:
    status: str = ask(control_plane, "GET", f"{VIRTUAL_MACHINES}/{name}")["status"]["printableStatus"]
    return status


def test_importing_the_plugin_imports_nothing_of_the_server():
    code = (
        "import sys, pytest; before = set(sys.modules); import solovirt.testing.plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["solovirt", "solovirt.testing", "solovirt.testing.plugin"]


def test_guests_boot_at_once(solovirt):
    ask(solovirt, "POST", VIRTUAL_MACHINES, machine())
    solovirt.settle()
    assert printable_status(solovirt) == "Running"
    assert solovirt.kubeconfig.endswith("/kubeconfig")
    assert solovirt.url in Path(solovirt.kubeconfig).read_text()


def test_a_guest_can_be_told_to_crash_and_time_to_pass(frozen_solovirt):
    ask(frozen_solovirt, "POST", VIRTUAL_MACHINES, machine(fail_to_start="no such luck"))
    frozen_solovirt.advance(2)
    assert printable_status(frozen_solovirt) == "CrashLoopBackOff"
    started = time.monotonic()
    frozen_solovirt.advance(3600)
    assert time.monotonic() - started < 60
    failures = ask(frozen_solovirt, "GET", f"{VIRTUAL_MACHINES}/vm")["status"]["startFailure"]
    # Five minutes is the longest wait between two starts (kubevirt-vm.md, crash loop back-off).
    assert failures["consecutiveFailCount"] >= 12


def test_a_frozen_guest_boots_when_its_time_has_come(frozen_solovirt):
    ask(frozen_solovirt, "POST", VIRTUAL_MACHINES, machine(boot_seconds="30"))
    frozen_solovirt.advance(29)
    assert printable_status(frozen_solovirt) == "Starting"
    frozen_solovirt.advance(1)
    assert printable_status(frozen_solovirt) == "Running"


def test_real_time_cannot_be_moved(solovirt):
    with pytest.raises(TypeError, match="frozen"):
        solovirt.advance(1)


@pytest.mark.solovirt(nodes=1, insecure_http=True)
class TestMarker:
    def test_settings_come_from_it(self, solovirt):
        assert solovirt.url.startswith("http://")
        assert len(ask(solovirt, "GET", "/api/v1/nodes")["items"]) == 1

    @pytest.mark.solovirt(nodes=2)
    def test_the_nearest_goes_first(self, frozen_solovirt):
        assert frozen_solovirt.url.startswith("http://")
        assert len(ask(frozen_solovirt, "GET", "/api/v1/nodes")["items"]) == 2


def test_the_environment_does_not_count(monkeypatch):
    monkeypatch.setenv("SOLOVIRT_NODES", "7")
    monkeypatch.setenv("SOLOVIRT_RUNTIME", "vapour")
    with BackgroundControlPlane(insecure_http=True) as control_plane:
        assert len(ask(control_plane, "GET", "/api/v1/nodes")["items"]) == 3


def test_a_start_that_fails_leaves_nothing_behind():
    failing = BackgroundControlPlane(runtime="vapour")
    with pytest.raises(Exception, match="there is no runtime 'vapour'"), failing:
        pass
    assert not failing.control_plane.settings.data_dir.exists()


def test_a_further_one_in_the_process_takes_less_than_a_third_of_a_second():
    """The design's budget, in CPU: on a busy machine it is all that can be held against the program."""
    with BackgroundControlPlane(insecure_http=True):
        pass
    took = []
    for _ in range(3):
        started = time.process_time()
        with BackgroundControlPlane():
            took.append(time.process_time() - started)
    assert min(took) < 0.3


@pytest.mark.slow
def test_what_tests_forget_is_closed_also_in_parallel(pytester):
    """Five tests on two workers, of which one fails and one leaves a watch open: nothing listens or lies around after them."""
    pytester.makepyfile(
        """
        import json, pathlib, urllib.request
        import pytest

        HERE = pathlib.Path(__file__).parent
        WATCHES = []

        def note(solovirt):
            data_dir = solovirt.control_plane.settings.data_dir
            name = solovirt.url.rsplit(":", 1)[1]
            (HERE / f"port-{name}").write_text(str(data_dir))

        @pytest.mark.parametrize("number", range(3))
        def test_alone_in_the_world(solovirt, number):
            note(solovirt)

        def test_fails(frozen_solovirt):
            note(frozen_solovirt)
            assert False

        @pytest.mark.solovirt(insecure_http=True)
        def test_leaves_a_watch_open(solovirt):
            note(solovirt)
            WATCHES.append(urllib.request.urlopen(solovirt.url + "/api/v1/namespaces?watch=1&resourceVersion=0"))
            assert json.loads(WATCHES[0].readline())["type"] == "ADDED"
        """
    )
    outcome = pytester.runpytest_subprocess("-n", "2", "-p", "no:cacheprovider")
    outcome.assert_outcomes(passed=4, failed=1)
    notes = list(pytester.path.glob("port-*"))
    assert len(notes) == 5
    for one in notes:
        assert not Path(one.read_text()).exists()
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", int(one.name.removeprefix("port-")))) != 0


@pytest.mark.slow
def test_the_marker_wants_names(pytester):
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.solovirt("nodes")
        def test_one(solovirt):
            pass
        """
    )
    outcome = pytester.runpytest_subprocess("--strict-markers", "-p", "no:cacheprovider")
    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines(["*the marker solovirt takes settings by name*"])


@pytest.mark.slow
def test_the_examples_of_the_documentation_work(pytester):
    """The Python in docs/testing.md, as it is printed there."""
    page = Path(__file__).resolve().parents[2] / "docs" / "testing.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    pytester.makepyfile("\n".join(blocks))
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)
