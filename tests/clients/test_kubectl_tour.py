"""
The README's tour and the daily verbs, by the oldest and the newest kubectl that are supported.

Output is compared whole, with ages and uids masked. Columns are those of reference kubevirt-vm.md 1.2 and kubernetes-api.md 5, events
and conditions those of kubevirt-vm.md 4.2 and 10; the rest is kubectl's own wording.
"""

from __future__ import annotations

import json
import re

import pytest

from tests.clients.kubectl import Kubectl, mask

STOPPED = """
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {name: stopped}
spec:
  runStrategy: Halted
  template:
    spec:
      domain:
        devices: {}
        memory: {guest: 64Mi}
"""


def wait_running(kubectl: Kubectl, name: str) -> None:
    assert kubectl("wait", "--for=condition=Ready", f"vm/{name}", "--timeout=50s") == (
        f"virtualmachine.kubevirt.io/{name} condition met\n"
    )


def test_an_empty_control_plane_shows_its_nodes(kubectl: Kubectl) -> None:
    lines = mask(kubectl("get", "nodes,vms,vmis,dv", "-A")).splitlines()
    assert [line.split("  ")[:4] for line in lines if line][1:] == [
        [f"node/node0{number}", "Ready", "worker", "<age>"] for number in (1, 2, 3)
    ]
    assert lines[0].split("  ") == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]


def test_the_examples_are_applied_and_run(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "examples/").splitlines() == [
        "virtualmachineflavor.flavor.kubevirt.io/small created",
        "virtualmachineclusterflavor.flavor.kubevirt.io/large created",
        "virtualmachine.kubevirt.io/testvm created",
        "virtualmachine.kubevirt.io/flavored created",
        "virtualmachine.kubevirt.io/imported created",
    ]
    wait_running(kubectl, "testvm")
    wait_running(kubectl, "imported")

    assert mask(kubectl("get", "vms")) == (
        "NAME  AGE  STATUS  READY\n"
        "flavored  <age>  Stopped  False\n"
        "imported  <age>  Running  True\n"
        "testvm  <age>  Running  True"
    )
    instances = mask(kubectl("get", "vmis")).splitlines()
    assert instances[0] == "NAME  AGE  PHASE  IP  NODENAME  READY"
    assert re.fullmatch(r"imported  <age>  Running  [0-9.]+  node0\d  True", instances[1])
    assert re.fullmatch(r"testvm  <age>  Running  [0-9.]+  node0\d  True", instances[2])
    wide = mask(kubectl("get", "vmis", "-o", "wide")).splitlines()
    assert wide[0] == "NAME  AGE  PHASE  IP  NODENAME  READY  LIVE-MIGRATABLE  PAUSED"
    assert mask(kubectl("get", "dv")) == (
        "NAME  PHASE  PROGRESS  RESTARTS  AGE\nimported-root  Succeeded  100.0%  <age>"
    )
    assert kubectl("apply", "-f", "examples/").splitlines() == [
        "virtualmachineflavor.flavor.kubevirt.io/small unchanged",
        "virtualmachineclusterflavor.flavor.kubevirt.io/large unchanged",
        "virtualmachine.kubevirt.io/testvm unchanged",
        "virtualmachine.kubevirt.io/flavored unchanged",
        "virtualmachine.kubevirt.io/imported unchanged",
    ]


def test_a_watch_shows_the_machine_start(kubectl: Kubectl) -> None:
    watching = kubectl.start("get", "vm", "-w")
    assert watching.stdin is not None
    assert watching.stdout is not None
    kubectl("apply", "-f", "examples/20-testvm.yaml")
    shown: list[str] = []
    for line in watching.stdout:
        columns = mask(line).split("  ")
        if columns[0] == "testvm" and len(columns) > 2 and columns[2] not in shown:
            shown.append(columns[2])
        if columns[2:4] == ["Running", "True"]:
            break
    watching.kill()
    watching.communicate()
    assert shown[-2:] == ["Starting", "Running"]


def test_describe_shows_conditions_and_events(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "examples/20-testvm.yaml")
    wait_running(kubectl, "testvm")
    vm = kubectl("describe", "vm", "testvm")
    assert re.search(r"^Name: +testvm$", vm, re.MULTILINE)
    assert re.search(r"^ +Printable Status: +Running$", vm, re.MULTILINE)
    assert re.search(
        r"Normal +SuccessfulCreate +\S+( \(.*\))? +virtualmachine-controller +"
        r"Started the virtual machine by creating the new virtual machine instance testvm",
        vm,
    )
    vmi = kubectl("describe", "vmi", "testvm")
    for source, reason, message in (
        ("virtualmachine-controller", "SuccessfulCreate", "Created virtual machine pod virt-launcher-testvm-"),
        ("virt-handler", "Created", "VirtualMachineInstance defined."),
        ("virt-handler", "Started", "VirtualMachineInstance started."),
    ):
        assert re.search(rf"Normal +{reason} +\S+( \(.*\))? +{source}[^\n]* +{re.escape(message)}", vmi), vmi


def test_explain_finds_a_field_deep_down(kubectl: Kubectl) -> None:
    text = kubectl("explain", "vm.spec.template.spec.domain.cpu")
    assert re.search(r"KIND: +VirtualMachine", text)
    assert re.search(r"(RESOURCE|FIELD): +cpu <Object>", text)
    for field, kind in (("cores", "integer"), ("sockets", "integer"), ("model", "string"), ("features", "[]Object")):
        assert re.search(rf"^ +{field}\t<{re.escape(kind)}>", text, re.MULTILINE), text


def test_the_daily_verbs(kubectl: Kubectl) -> None:
    assert kubectl("create", "-f", "-", stdin=STOPPED) == "virtualmachine.kubevirt.io/stopped created\n"
    assert "AlreadyExists" in kubectl.refused("create", "-f", "-", stdin=STOPPED)
    assert kubectl("label", "vm", "stopped", "tier=web") == "virtualmachine.kubevirt.io/stopped labeled\n"
    annotated = kubectl("annotate", "vm", "stopped", "note=hello")
    assert annotated == "virtualmachine.kubevirt.io/stopped annotated\n"
    patched = "virtualmachine.kubevirt.io/stopped patched\n"
    merge = json.dumps({"spec": {"template": {"spec": {"domain": {"cpu": {"cores": 2}}}}}})
    assert kubectl("patch", "vm", "stopped", "--type", "merge", "-p", merge) == patched
    operations = json.dumps([{"op": "replace", "path": "/spec/template/spec/domain/cpu/cores", "value": 4}])
    assert kubectl("patch", "vm", "stopped", "--type", "json", "-p", operations) == patched
    path = "{.spec.template.spec.domain.cpu.cores} {.metadata.labels.tier} {.metadata.annotations.note} {.metadata.generation}"
    assert kubectl("get", "vm", "stopped", "-o", f"jsonpath={path}").startswith("4 web hello ")
    edited = kubectl("edit", "vm", "stopped", KUBE_EDITOR="sed -i s/tier:.web/tier:\\ db/")
    assert edited == "virtualmachine.kubevirt.io/stopped edited\n"
    assert kubectl("get", "vm", "-l", "tier=db", "-o", "name") == "virtualmachine.kubevirt.io/stopped\n"
    assert kubectl("get", "vm", "-l", "tier=web", "-o", "name") == ""
    document = json.loads(kubectl("get", "vm", "stopped", "-o", "json"))
    assert document["spec"]["template"]["spec"]["domain"]["memory"] == {"guest": "64Mi"}
    assert "kind: VirtualMachine" in kubectl("get", "vm", "stopped", "-o", "yaml").splitlines()
    removed = kubectl("delete", "vm", "stopped")
    assert removed.startswith('virtualmachine.kubevirt.io "stopped" deleted')
    assert "NotFound" in kubectl.refused("get", "vm", "stopped")


def test_a_server_side_dry_run_changes_nothing(kubectl: Kubectl) -> None:
    created = kubectl("create", "--dry-run=server", "-f", "-", stdin=STOPPED)
    assert created == "virtualmachine.kubevirt.io/stopped created (server dry run)\n"
    assert "NotFound" in kubectl.refused("get", "vm", "stopped")
    kubectl("create", "-f", "-", stdin=STOPPED)
    kubectl("label", "--dry-run=server", "vm", "stopped", "tier=web")
    assert kubectl("get", "vm", "-l", "tier=web", "-o", "name") == ""
    kubectl("delete", "--dry-run=server", "vm", "stopped")
    assert kubectl("get", "vm", "stopped", "-o", "name") == "virtualmachine.kubevirt.io/stopped\n"


def test_deleting_a_machine_takes_its_instance_and_disks_along(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "examples/40-imported.yaml")
    wait_running(kubectl, "imported")
    assert kubectl("get", "dv,pvc,vmi", "-o", "name").splitlines() == [
        "datavolume.cdi.kubevirt.io/imported-root",
        "persistentvolumeclaim/imported-root",
        "virtualmachineinstance.kubevirt.io/imported",
    ]
    kubectl("delete", "vm", "imported")
    for kind in ("vmi", "dv", "pvc"):
        done = kubectl.run(
            "wait", "--for=delete", f"{kind}/imported{'-root' if kind != 'vmi' else ''}", "--timeout=50s"
        )
        # What is gone before kubectl looks is an error for one version and a success for another.
        assert done.returncode == 0 or re.search("NotFound|no matching resources found", done.stderr), done.stderr
    assert kubectl("get", "vm,vmi,dv,pvc,pods", "-o", "name") == ""


def test_validation_is_on_for_apply(kubectl: Kubectl) -> None:
    """kubectl 1.20 validates on its side by the served OpenAPI, 1.37 lets the server do it (kubernetes-api.md 1.4, 4.2)."""
    wrong = STOPPED.replace("runStrategy: Halted", "runStrategy: Halted\n  nonsense: true")
    complaint = kubectl.refused("apply", "-f", "-", stdin=wrong)
    if kubectl.minor == "20":
        assert 'unknown field "nonsense" in io.kubevirt.v1.VirtualMachine.spec' in complaint
    else:
        assert 'strict decoding error: unknown field "spec.nonsense"' in complaint


def test_webhook_denials_read_as_kubevirts_do(kubectl: Kubectl) -> None:
    """kubevirt-validation.md 1.2 and rule 28."""
    both = STOPPED.replace("runStrategy: Halted", "runStrategy: Halted\n  running: false")
    complaint = kubectl.refused("create", "-f", "-", stdin=both)
    assert complaint == (
        "The request is invalid: spec.running: Running and RunStrategy are mutually exclusive. "
        "Note that Running is deprecated, please use RunStrategy instead\n"
    )


@pytest.mark.parametrize("scope", ["namespaced", "cluster"])
def test_a_flavor_fills_the_cpu(kubectl: Kubectl, scope: str) -> None:
    kubectl("apply", "-f", "examples/10-flavors.yaml")
    matcher = "{name: small, kind: VirtualMachineFlavor}" if scope == "namespaced" else "{name: large}"
    machine = STOPPED.replace("runStrategy: Halted", f"runStrategy: Always\n  flavor: {matcher}")
    kubectl("create", "-f", "-", stdin=machine)
    wait_running(kubectl, "stopped")
    cpu = json.loads(kubectl("get", "vmi", "stopped", "-o", "json"))["spec"]["domain"]["cpu"]
    assert (cpu["sockets"], cpu["cores"], cpu["threads"]) == ((1, 1, 1) if scope == "namespaced" else (2, 2, 1))
    conflicting = machine.replace("name: stopped", "name: other").replace(
        "devices: {}", "cpu: {cores: 3}\n        devices: {}"
    )
    complaint = kubectl.refused("create", "-f", "-", stdin=conflicting)
    assert complaint == (
        "The request is invalid: spec.template.spec.domain.cpu: VMI field conflicts with selected Flavor\n"
    )
