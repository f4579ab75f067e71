"""
One script of kubectl commands, the same for each supported kubectl, against one server process for each.

Output is compared whole where it is the server's doing, with ages, times and uids masked. What a kubectl words in its own way depending on
its version is said where it is expected. Server behaviour is that of reference kubernetes-api.md (sections named below), columns 5 there
and kubevirt-vm.md 1.2; the rest is kubectl's own wording.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from solovirt.testing import ServerProcess
from tests.clients.kubectl import Kubectl, kubectl_binary, mask

MACHINE = """
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {name: NAME, labels: {tier: web}}
spec:
  runStrategy: Halted
  template:
    metadata: {labels: {vm: one}}
    spec:
      domain:
        devices: {}
        memory: {guest: 64Mi}
"""
SETTINGS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: x}}
data: {a: "1", b: "2"}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  clusterIP: None
  selector: {vm: one}
  ports: [{name: http, port: 80}]
"""
DISK = """
apiVersion: cdi.kubevirt.io/v1beta1
kind: DataVolume
metadata: {name: disk}
spec:
  source: {blank: {}}
  storage: {resources: {requests: {storage: 1Gi}}}
"""
KUSTOMIZE = Path(__file__).with_name("kustomize")


def _versions() -> list[Any]:
    """The newest always, the others with the slow tests; each kubectl's tests on one worker, which keeps its server."""
    marks = {minor: [pytest.mark.xdist_group(f"kubectl-{minor}")] for minor in ("20", "24", "28", "33", "37")}
    for minor in ("20", "24", "28", "33"):
        marks[minor].append(pytest.mark.slow)
    return [pytest.param(minor, marks=mark) for minor, mark in marks.items()]


@pytest.fixture(scope="module", params=_versions())
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    minor: str = request.param
    binary = kubectl_binary(minor)
    directory = tmp_path_factory.mktemp(f"kubectl{minor}")
    with ServerProcess(directory / "data") as server:
        yield Kubectl(minor, binary, server.kubeconfig, directory / "home")
    assert "Traceback" not in server.log.read_text()


@pytest.fixture
def kubectl(session: Kubectl, request: pytest.FixtureRequest) -> Kubectl:
    """kubectl in a namespace of the test's own, which it makes (in protobuf, from 1.32 on)."""
    name = re.sub(r"\[.*|^test_", "", request.node.name).replace("_", "-")[:60]
    assert session("create", "namespace", name) == f"namespace/{name} created\n"
    return session.within(name)


def machine(name: str, run: str = "Halted") -> str:
    return MACHINE.replace("NAME", name).replace("Halted", run)


def deleted(kubectl: Kubectl, what: str, how: str = "deleted") -> str:
    """What `delete` prints; the namespace is named from 1.34 on."""
    where = f" from {kubectl.namespace} namespace" if kubectl.version >= 34 else ""
    return f"{what} {how}{where}\n"


def wait_until_gone(kubectl: Kubectl, *what: str) -> None:
    done = kubectl.run("wait", "--for=delete", *what, "--timeout=30s")
    # What is gone before kubectl looks is an error for one version and a success for another.
    assert done.returncode == 0 or re.search("NotFound|no matching resources found", done.stderr), done.stderr


def managers(kubectl: Kubectl, what: str) -> list[str]:
    document = json.loads(kubectl("get", "--raw", what))
    return sorted(f"{entry['manager']} {entry['operation']}" for entry in document["metadata"]["managedFields"])


def test_objects_are_created_by_command(kubectl: Kubectl) -> None:
    """In protobuf from 1.32 on (9): every field that matters arrives."""
    assert kubectl("create", "secret", "generic", "pass", "--from-literal=word=pw") == "secret/pass created\n"
    assert kubectl("create", "configmap", "settings", "--from-literal=k=v") == "configmap/settings created\n"
    assert kubectl("create", "serviceaccount", "robot") == "serviceaccount/robot created\n"
    role = ("create", "role", "reader", "--verb=get,list", "--resource=virtualmachines.kubevirt.io")
    assert kubectl(*role) == "role.rbac.authorization.k8s.io/reader created\n"
    binding = ("create", "rolebinding", "readers", "--role=reader", f"--serviceaccount={kubectl.namespace}:robot")
    assert kubectl(*binding) == "rolebinding.rbac.authorization.k8s.io/readers created\n"
    assert kubectl("create", "quota", "few", "--hard=pods=3") == "resourcequota/few created\n"
    assert kubectl("get", "secret", "pass", "-o", "jsonpath={.type} {.data}") == 'Opaque {"word":"cHc="}'
    assert mask(kubectl("get", "sa,secret,cm,role,rolebinding", "-o", "wide")).splitlines() == [
        "NAME  AGE",
        "serviceaccount/default  <age>",
        "serviceaccount/robot  <age>",
        "",
        "NAME  TYPE  DATA  AGE",
        "secret/pass  Opaque  1  <age>",
        "",
        "NAME  DATA  AGE",
        "configmap/kube-root-ca.crt  1  <age>",
        "configmap/settings  1  <age>",
        "",
        "NAME  CREATED AT",
        "role.rbac.authorization.k8s.io/reader  <time>",
        "",
        "NAME  ROLE  AGE  USERS  GROUPS  SERVICEACCOUNTS",
        f"rolebinding.rbac.authorization.k8s.io/readers  Role/reader  <age>  {kubectl.namespace}/robot",
    ]
    assert kubectl("get", "quota", "few", "-o", "jsonpath={.spec.hard}") == '{"pods":"3"}'
    assert kubectl("get", "role", "reader", "-o", "jsonpath={.rules}") == (
        '[{"apiGroups":["kubevirt.io"],"resources":["virtualmachines"],"verbs":["get","list"]}]'
    )
    again = kubectl.refused("create", "configmap", "settings")
    assert again.replace("error: failed to create configmap: ", "Error from server (AlreadyExists): ") == (
        'Error from server (AlreadyExists): configmaps "settings" already exists\n'
    )


def test_tables(kubectl: Kubectl) -> None:
    """Section 5."""
    kubectl("create", "-f", "-", stdin=f"{machine('one')}---{machine('two')}---{SETTINGS}---{SERVICE}")
    kubectl("wait", "--for=condition=Ready=false", "vm", "--all", "--timeout=20s")
    rows = "one  <age>  Stopped  False\ntwo  <age>  Stopped  False"
    plain = f"NAME  AGE  STATUS  READY\n{rows}"
    assert mask(kubectl("get", "vm")) == plain
    assert mask(kubectl("get", "vms", "-o", "wide")) == plain
    assert mask(kubectl("get", "virtualmachines.v1.kubevirt.io", "one", "two")) == plain
    assert mask(kubectl("get", "vm", "--chunk-size=1")) == plain
    assert mask(kubectl("get", "vm", "--sort-by=.metadata.name")) == plain
    assert mask(kubectl("get", "vm", "--no-headers")) == rows
    assert mask(kubectl("get", "vm", "-l", "tier in (web,db),!nope")) == plain
    assert mask(kubectl("get", "vm", "one", "nope", "--ignore-not-found")) == "\n".join(plain.splitlines()[:2])
    only_two = [plain.splitlines()[0], plain.splitlines()[2]]
    assert mask(kubectl("get", "vm", "--field-selector", "metadata.name=two")).splitlines() == only_two
    assert mask(kubectl("get", "vm", "--show-labels")).splitlines() == [
        "NAME  AGE  STATUS  READY  LABELS",
        "one  <age>  Stopped  False  tier=web",
        "two  <age>  Stopped  False  tier=web",
    ]
    assert mask(kubectl("get", "vm", "-L", "tier,nope")).splitlines() == [
        "NAME  AGE  STATUS  READY  TIER  NOPE",
        "one  <age>  Stopped  False  web",
        "two  <age>  Stopped  False  web",
    ]
    everywhere = mask(kubectl("get", "vm", "-A")).splitlines()
    assert everywhere[0] == "NAMESPACE  NAME  AGE  STATUS  READY"
    assert {
        f"{kubectl.namespace}  one  <age>  Stopped  False",
        f"{kubectl.namespace}  two  <age>  Stopped  False",
    } <= set(everywhere)
    assert mask(kubectl("get", "vm/one", "cm/settings")).splitlines() == [
        "NAME  AGE  STATUS  READY",
        "virtualmachine.kubevirt.io/one  <age>  Stopped  False",
        "",
        "NAME  DATA  AGE",
        "configmap/settings  2  <age>",
    ]
    assert mask(kubectl("get", "all")).splitlines() == [
        "NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE",
        "service/web  ClusterIP  None  <none>  80/TCP  <age>",
        "",
        "NAME  AGE  STATUS  READY",
        "virtualmachine.kubevirt.io/one  <age>  Stopped  False",
        "virtualmachine.kubevirt.io/two  <age>  Stopped  False",
    ]


def test_other_outputs(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=f"{machine('one')}---{machine('two')}---{SETTINGS}")
    kubectl("wait", "--for=condition=Ready=false", "vm", "--all", "--timeout=20s")
    assert kubectl("get", "vm,cm", "-l", "tier=web", "-o", "name") == (
        "virtualmachine.kubevirt.io/one\nvirtualmachine.kubevirt.io/two\n"
    )
    raw = json.loads(
        kubectl("get", "--raw", f"/apis/kubevirt.io/v1/namespaces/{kubectl.namespace}/virtualmachines/one")
    )
    if kubectl.version > 20:  # from 1.21 on kubectl hides them
        del raw["metadata"]["managedFields"]
    assert json.loads(kubectl("get", "vm", "one", "-o", "json")) == raw
    assert yaml.safe_load(kubectl("get", "vm", "one", "-o", "yaml"))["spec"] == {
        "runStrategy": "Halted",
        "template": {
            "metadata": {"labels": {"vm": "one"}},
            "spec": {
                "architecture": "amd64",
                "domain": {
                    "devices": {},
                    "firmware": raw["spec"]["template"]["spec"]["domain"]["firmware"],
                    "machine": {"type": "q35"},
                    "memory": {"guest": "64Mi"},
                },
            },
        },
    }
    listed = yaml.safe_load(kubectl("get", "vm", "-o", "yaml"))
    assert (listed["apiVersion"], listed["kind"]) == ("v1", "List")
    assert [(item["apiVersion"], item["kind"], item["metadata"]["name"]) for item in listed["items"]] == [
        ("kubevirt.io/v1", "VirtualMachine", "one"),
        ("kubevirt.io/v1", "VirtualMachine", "two"),
    ]
    path = "{range .items[*]}{.metadata.name}={.spec.runStrategy}{'\\n'}{end}".replace("'", '"')
    assert kubectl("get", "vm", "-o", f"jsonpath={path}") == "one=Halted\ntwo=Halted\n"
    columns = "custom-columns=N:.metadata.name,S:.spec.runStrategy,X:.spec.nope"
    assert mask(kubectl("get", "vm", "-o", columns)) == "N  S  X\none  Halted  <none>\ntwo  Halted  <none>"
    template = "{{range .items}}{{.metadata.name}}/{{.kind}} {{end}}"
    assert kubectl("get", "vm", "-o", f"go-template={template}") == "one/VirtualMachine two/VirtualMachine "
    assert kubectl("get", "--raw", "/healthz") == "ok"


def test_what_cannot_be_read(kubectl: Kubectl) -> None:
    """Sections 2.4 and 4."""
    assert kubectl.refused("get", "vm", "nope") == (
        'Error from server (NotFound): virtualmachines.kubevirt.io "nope" not found\n'
    )
    assert kubectl.refused("get", "nope") == 'error: the server doesn\'t have a resource type "nope"\n'
    assert "field label not supported: spec.x" in kubectl.refused("get", "vm", "--field-selector", "spec.x=1")
    assert kubectl.run("get", "vm", "-l", "tier=web").stderr == (
        f"No resources found in {kubectl.namespace} namespace.\n"
    )
    assert kubectl.refused("get", "--raw", "/nope") == (
        "Error from server (NotFound): the server could not find the requested resource\n"
    )


def test_apply_on_the_clients_side(kubectl: Kubectl) -> None:
    """Three-way, as a merge patch for custom kinds and a strategic one for Kubernetes' (3.6)."""
    vm, cm = "virtualmachine.kubevirt.io/one", "configmap/settings"
    both = f"{machine('one')}---{SETTINGS}"
    assert kubectl("apply", "-f", "-", stdin=both) == f"{vm} created\n{cm} created\n"
    kubectl("wait", "--for=condition=Ready=false", "vm/one", "--timeout=20s")
    assert kubectl("apply", "-f", "-", stdin=both) == f"{vm} unchanged\n{cm} unchanged\n"
    assert kubectl("diff", "-f", "-", stdin=both) == ""
    changed = "---".join((machine("one").replace("vm: one", "vm: two"), SETTINGS.replace('b: "2"', 'c: "3"')))
    done = kubectl.run("diff", "-f", "-", stdin=changed)
    assert done.returncode == 1, done.stderr
    # Up to 1.24 it shows managedFields too; what it is about is said by its values.
    lines = [mask(line) for line in done.stdout.splitlines() if re.match(r"[-+] .*: \S*\w\S*$", line)]
    assert [
        line for line in lines if not re.search(r" (time|manager|operation|subresource|fieldsType|apiVersion): ", line)
    ] == [
        "-  generation: 1",
        "+  generation: 2",
        "-  vm: one",
        "+  vm: two",
        '-  b: "2"',
        '+  c: "3"',
    ]
    assert kubectl("apply", "-f", "-", stdin=changed) == f"{vm} configured\n{cm} configured\n"
    assert kubectl("get", "cm", "settings", "-o", "jsonpath={.data}") == '{"a":"1","c":"3"}'
    path = "jsonpath={.spec.template.metadata.labels} {.metadata.generation}"
    assert kubectl("get", "vm", "one", "-o", path) == '{"vm":"two"} 2'
    assert yaml.safe_load(kubectl("apply", "view-last-applied", "cm/settings"))["data"] == {"a": "1", "c": "3"}
    settings = f"/api/v1/namespaces/{kubectl.namespace}/configmaps/settings"
    assert managers(kubectl, settings) == ["kubectl-client-side-apply Update"]


def test_apply_on_the_servers_side(kubectl: Kubectl) -> None:
    """Section 3.5."""
    arguments = ("apply", "--server-side", "-f", "-")
    both = f"{machine('one')}---{SETTINGS}"
    applied = "virtualmachine.kubevirt.io/one serverside-applied\nconfigmap/settings serverside-applied\n"
    assert kubectl(*arguments, stdin=both) == applied
    assert kubectl(*arguments, stdin=both) == applied
    other = (*arguments, "--field-manager=other")
    for rival, field in (
        (machine("one", "Manual"), ".spec.runStrategy"),
        (SETTINGS.replace('"2"', '"9"'), ".data.b"),
    ):
        complaint = kubectl.refused(*other, stdin=rival)
        assert complaint.splitlines()[0] == f'error: Apply failed with 1 conflict: conflict with "kubectl": {field}'
        assert kubectl(*other, "--force-conflicts", stdin=rival).endswith(" serverside-applied\n")
    assert kubectl("get", "vm", "one", "-o", "jsonpath={.spec.runStrategy}") == "Manual"
    # `kubectl` gave `b` up to `other`, and no longer has an opinion on it: leaving it out removes nothing.
    without = SETTINGS.replace(', b: "2"', "")
    assert kubectl(*arguments, stdin=without) == "configmap/settings serverside-applied\n"
    assert kubectl("get", "cm", "settings", "-o", "jsonpath={.data}") == '{"a":"1","b":"9"}'
    # `a` is both's; when neither wants it, it goes.
    assert kubectl(*arguments, stdin=without.replace('a: "1"', "")) == "configmap/settings serverside-applied\n"
    assert kubectl("get", "cm", "settings", "-o", "jsonpath={.data}") == '{"a":"1","b":"9"}'
    kubectl(*other, stdin=SETTINGS.replace('{a: "1", b: "2"}', '{b: "9"}'))
    assert kubectl("get", "cm", "settings", "-o", "jsonpath={.data}") == '{"b":"9"}'
    settings = f"/api/v1/namespaces/{kubectl.namespace}/configmaps/settings"
    assert managers(kubectl, settings) == ["kubectl Apply", "other Apply"]
    dry = kubectl(*other, "--dry-run=server", stdin=SETTINGS)
    assert dry == "configmap/settings serverside-applied (server dry run)\n"
    assert kubectl("get", "cm", "settings", "-o", "jsonpath={.data}") == '{"b":"9"}'


def test_moving_to_apply_on_the_servers_side(kubectl: Kubectl) -> None:
    """From 1.26 on kubectl takes over what it once applied on its own side (3.5, last paragraph)."""
    kubectl("apply", "-f", "-", stdin=SETTINGS)
    assert kubectl("apply", "--server-side", "-f", "-", stdin=SETTINGS) == "configmap/settings serverside-applied\n"
    settings = f"/api/v1/namespaces/{kubectl.namespace}/configmaps/settings"
    expected = ["kubectl Apply", "kubectl-client-side-apply Update"]
    if kubectl.version >= 26:
        expected = ["kubectl Apply", "kubectl-last-applied Apply"]
    assert managers(kubectl, settings) == expected
    kubectl("apply", "--server-side", "-f", "-", stdin=SETTINGS.replace('a: "1", ', ""))
    left = '{"b":"2"}' if kubectl.version >= 26 else '{"a":"1","b":"2"}'
    assert kubectl("get", "cm", "settings", "-o", "jsonpath={.data}") == left


def test_edit_and_replace(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=f"{machine('one')}---{SETTINGS}")
    edited = kubectl("edit", "cm", "settings", KUBE_EDITOR="sed -i s/b:..2.$/b:\\ two/")
    assert edited == "configmap/settings edited\n"
    assert kubectl("get", "cm", "settings", "-o", "jsonpath={.data.b}") == "two"
    assert kubectl("edit", "vm", "one", KUBE_EDITOR="sed -i s/tier:.web/tier:\\ db/") == (
        "virtualmachine.kubevirt.io/one edited\n"
    )
    assert kubectl.run("edit", "vm", "one", KUBE_EDITOR="true").stderr == "Edit cancelled, no changes made.\n"
    refused = kubectl.run("edit", "vm", "one", KUBE_EDITOR="sed -i s/runStrategy:.*/runStrategy:\\ Bogus/")
    assert refused.returncode == 1
    assert 'error: virtualmachines.kubevirt.io "one" is invalid' in refused.stderr
    changed = SETTINGS.replace('"2"', '"7"')
    assert kubectl("replace", "-f", "-", stdin=changed) == "configmap/settings replaced\n"
    assert kubectl("replace", "-f", "-", stdin=machine("one")) == "virtualmachine.kubevirt.io/one replaced\n"
    assert kubectl("get", "vm", "one", "--show-labels", "--no-headers").split()[-1] == "tier=web"
    assert kubectl.refused("replace", "-f", "-", stdin=changed.replace("settings", "nope")) == (
        'Error from server (NotFound): error when replacing "STDIN": configmaps "nope" not found\n'
    )
    before = kubectl("get", "cm,vm", "-o", "jsonpath={.items[*].metadata.uid}")
    for text, what in ((changed, ("configmap", "settings")), (machine("one"), ("virtualmachine.kubevirt.io", "one"))):
        replaced = kubectl("replace", "--force", "-f", "-", stdin=text)
        assert replaced == deleted(kubectl, f'{what[0]} "{what[1]}"') + f"{what[0]}/{what[1]} replaced\n"
    kept = set(before.split()) & set(kubectl("get", "cm,vm", "-o", "jsonpath={.items[*].metadata.uid}").split())
    assert len(kept) == 1  # kube-root-ca.crt


def test_the_three_patches(kubectl: Kubectl) -> None:
    """Section 3.6."""
    kubectl("create", "-f", "-", stdin=f"{machine('one')}---{SETTINGS}---{SERVICE}")
    merge = ("patch", "vm", "one", "--type=merge", "-p", '{"spec":{"runStrategy":"Manual"}}')
    assert kubectl(*merge) == "virtualmachine.kubevirt.io/one patched\n"
    assert kubectl(*merge) == "virtualmachine.kubevirt.io/one patched (no change)\n"
    operations = '[{"op":"test","path":"/spec/runStrategy","value":"Manual"},{"op":"replace","path":"/spec/runStrategy","value":"Halted"}]'
    assert kubectl("patch", "vm", "one", "--type=json", "-p", operations) == "virtualmachine.kubevirt.io/one patched\n"
    failed = kubectl.refused("patch", "vm", "one", "--type=json", "-p", operations)
    detail = "" if kubectl.version < 25 else ": the server rejected our request due to an error in our request"
    assert failed == f"The request is invalid{detail}\n"
    assert kubectl("get", "vm", "one", "-o", "jsonpath={.spec.runStrategy} {.metadata.generation}") == "Halted 3"
    assert kubectl("patch", "cm", "settings", "-p", '{"data":{"q":"1","a":null}}') == "configmap/settings patched\n"
    assert kubectl("get", "cm", "settings", "-o", "jsonpath={.data}") == '{"b":"2","q":"1"}'
    assert kubectl.refused("patch", "cm", "settings", "-p", '{"data":{"q":1}}') == (
        'The request is invalid: patch: Invalid value: "map[data:map[q:1]]": cannot convert int64 to string\n'
    )
    ports = '{"spec":{"ports":[{"port":443,"name":"https"}]}}'
    assert kubectl("patch", "svc", "web", "-p", ports) == "service/web patched\n"
    assert kubectl("get", "svc", "web", "-o", "jsonpath={.spec.ports[*].name}") == "https http"
    strategic = kubectl.refused("patch", "vm", "one", "-p", '{"spec":{"runStrategy":"Manual"}}')
    assert "the body of the request was in an unknown format - accepted media types include:" in strategic
    if kubectl.version >= 24:
        status = (
            "patch",
            "vm",
            "one",
            "--subresource=status",
            "--type=merge",
            "-p",
            '{"status":{"startFailure":{"consecutiveFailCount":7}}}',
        )
        assert kubectl(*status).startswith("virtualmachine.kubevirt.io/one patched")
        assert kubectl("get", "vm", "one", "-o", "jsonpath={.metadata.generation}") == "3"


def test_labels_and_annotations(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=f"{machine('one')}---{machine('two')}")
    one = "virtualmachine.kubevirt.io/one"
    assert kubectl("label", "vm", "one", "x=y") == f"{one} labeled\n"
    if kubectl.version >= 28:
        assert kubectl("label", "vm", "one", "x=y") == f"{one} not labeled\n"
    assert kubectl.refused("label", "vm", "one", "x=z") == (
        "error: 'x' already has a value (y), and --overwrite is false\n"
    )
    assert kubectl("label", "vm", "one", "x=z", "--overwrite") == f"{one} labeled\n"
    assert sorted(kubectl("label", "vm", "one", "--list").split()) == ["tier=web", "x=z"]
    assert kubectl("label", "vm", "one", "x-") == f"{one} {'un' if kubectl.version >= 24 else ''}labeled\n"
    assert kubectl("label", "vm", "--all", "z=1") == f"{one} labeled\nvirtualmachine.kubevirt.io/two labeled\n"
    assert kubectl("get", "vm", "-l", "z=1,!x", "-o", "name") == f"{one}\nvirtualmachine.kubevirt.io/two\n"
    assert kubectl("annotate", "vm", "one", "note=first") == f"{one} annotated\n"
    assert kubectl("get", "vm", "one", "-o", "jsonpath={.metadata.annotations.note}") == "first"
    assert kubectl("annotate", "vm", "one", "note-") == f"{one} annotated\n"
    assert kubectl("get", "vm", "one", "-o", "jsonpath={.metadata.annotations.note}") == ""


def test_scaling(kubectl: Kubectl) -> None:
    deployment = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: front}
spec:
  selector: {matchLabels: {app: front}}
  template: {metadata: {labels: {app: front}}, spec: {containers: [{name: web, image: web}]}}
"""
    kubectl("create", "-f", "-", stdin=deployment)
    assert mask(kubectl("get", "deployment", "front")) == (
        "NAME  READY  UP-TO-DATE  AVAILABLE  AGE\nfront  0/1  0  0  <age>"
    )
    assert kubectl("scale", "deployment", "front", "--replicas=3") == "deployment.apps/front scaled\n"
    assert kubectl("get", "deployment", "front", "-o", "jsonpath={.spec.replicas} {.metadata.generation}") == "3 2"
    stale = kubectl.refused("scale", "deployment", "front", "--replicas=2", "--current-replicas=5")
    assert "Expected replicas to be 5, was 3" in stale
    assert kubectl("set", "image", "deployment/front", "web=newer") == "deployment.apps/front image updated\n"


def test_who_one_is_and_what_one_may(kubectl: Kubectl) -> None:
    """Section 6; in protobuf from 1.32 on."""
    assert kubectl("auth", "can-i", "create", "vm") == "yes\n"
    kubectl("create", "serviceaccount", "robot")
    who = f"--as=system:serviceaccount:{kubectl.namespace}:robot"
    refused = kubectl.run("auth", "can-i", "delete", "vm", who)
    assert (refused.returncode, refused.stdout) == (1, "no\n")
    kubectl("create", "role", "watcher", "--verb=get,list,watch", "--resource=vm")
    kubectl("create", "rolebinding", "watchers", "--role=watcher", f"--serviceaccount={kubectl.namespace}:robot")
    assert kubectl("auth", "can-i", "list", "vm", who) == "yes\n"
    assert "virtualmachines.kubevirt.io" in kubectl("auth", "can-i", "--list", who)
    forbidden = kubectl.refused("get", "secrets", who)
    assert forbidden == (
        f'Error from server (Forbidden): secrets is forbidden: User "system:serviceaccount:{kubectl.namespace}:robot" '
        f'cannot list resource "secrets" in API group "" in the namespace "{kubectl.namespace}"\n'
    )
    if kubectl.version >= 24:
        token = kubectl("create", "token", "robot", "--duration=20m").strip()
        assert token.count(".") == 2
    if kubectl.version >= 28:
        assert "system:masters" in kubectl("auth", "whoami")


def test_waiting(kubectl: Kubectl) -> None:
    """By condition, for the end, and by JSONPath: lists, watches and streaming lists by version (10)."""
    vm = "virtualmachine.kubevirt.io/one"
    kubectl("create", "-f", "-", stdin=machine("one", "Always"))
    assert kubectl("wait", "--for=condition=Ready", "vm/one", "--timeout=30s") == f"{vm} condition met\n"
    late = kubectl.refused("wait", "--for=condition=Paused", "vm/one", "--timeout=1s")
    assert late == "error: timed out waiting for the condition on virtualmachines/one\n"
    if kubectl.version >= 24:
        status = "--for=jsonpath={.status.printableStatus}=Running"
        assert kubectl("wait", status, "vm/one", "--timeout=10s") == f"{vm} condition met\n"
    if kubectl.version >= 33:
        assert kubectl("wait", "--for=create", "vm/one", "--timeout=10s") == f"{vm} condition met\n"
    assert kubectl("delete", "vm", "one", "--wait=false") == deleted(kubectl, 'virtualmachine.kubevirt.io "one"')
    wait_until_gone(kubectl, "vmi/one")
    wait_until_gone(kubectl, "pod", "-l", "vm=one")
    assert kubectl("get", "vm,vmi,pods", "-o", "name") == ""


def test_deletion(kubectl: Kubectl) -> None:
    """Section 3.4: what becomes of dependents is the cascade's business."""
    for name in ("background", "foreground", "orphan"):
        kubectl("create", "configmap", name)
        uid = kubectl("get", "cm", name, "-o", "jsonpath={.metadata.uid}")
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid, "blockOwnerDeletion": True}
        dependent = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"of-{name}", "ownerReferences": [owner]},
        }
        kubectl("create", "-f", "-", stdin=json.dumps(dependent))
        assert kubectl("delete", "cm", name, f"--cascade={name}") == deleted(kubectl, f'configmap "{name}"')
        if name == "foreground":
            assert kubectl("get", "secret", "of-foreground", "--ignore-not-found") == ""
    wait_until_gone(kubectl, "secret/of-background")
    assert kubectl("get", "secret", "-o", "name") == "secret/of-orphan\n"
    assert kubectl("get", "secret", "of-orphan", "-o", "jsonpath={.metadata.ownerReferences}") == ""

    kubectl("create", "-f", "-", stdin=f"{machine('one')}---{machine('two')}---{SERVICE}")
    assert kubectl("delete", "svc", "web", "--grace-period=0", "--force") == (
        deleted(kubectl, 'service "web"', "force deleted")
    )
    assert kubectl.refused("delete", "vm", "nope") == (
        'Error from server (NotFound): virtualmachines.kubevirt.io "nope" not found\n'
    )
    assert kubectl("delete", "vm", "nope", "--ignore-not-found") == ""
    assert kubectl("delete", "vm", "-l", "tier=db") == "No resources found\n"
    both = [deleted(kubectl, f'virtualmachine.kubevirt.io "{name}"') for name in ("one", "two")]
    assert kubectl("delete", "vm", "--all", "--now") == "".join(both)
    # What every namespace has comes back.
    kubectl("delete", "cm/kube-root-ca.crt", "sa/default")
    assert kubectl("get", "cm,sa", "-o", "name") == "configmap/kube-root-ca.crt\nserviceaccount/default\n"


def test_a_namespace_goes_with_all_that_is_in_it(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=f"{machine('one', 'Always')}---{SETTINGS}---{DISK}")
    assert kubectl("delete", "namespace", kubectl.namespace) == f'namespace "{kubectl.namespace}" deleted\n'
    assert kubectl("get", "vm,vmi,pods,cm,dv,pvc,secrets,sa", "-o", "name") == ""
    assert kubectl.refused("get", "namespace", kubectl.namespace) == (
        f'Error from server (NotFound): namespaces "{kubectl.namespace}" not found\n'
    )


def test_kustomize_applies_and_prunes(kubectl: Kubectl) -> None:
    flag = "--prune-allowlist" if kubectl.version >= 26 else "--prune-whitelist"
    prune = ("--prune", "-l", "app=shop", f"{flag}=core/v1/ConfigMap", f"{flag}=kubevirt.io/v1/VirtualMachine")
    applied = kubectl("apply", "-k", str(KUSTOMIZE), *prune)
    assert applied == "configmap/settings created\nvirtualmachine.kubevirt.io/shop created\n"
    less = kubectl("kustomize", str(KUSTOMIZE)).split("---\n")[0]
    assert kubectl("apply", "-f", "-", *prune, stdin=less) == (
        "configmap/settings unchanged\nvirtualmachine.kubevirt.io/shop pruned\n"
    )
    assert kubectl("get", "vm,cm", "-l", "app=shop", "-o", "name") == "configmap/settings\n"
    assert kubectl("delete", "-k", str(KUSTOMIZE), "--ignore-not-found") == deleted(kubectl, 'configmap "settings"')


def test_describe(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=f"{machine('one', 'Always')}---{DISK}---{SETTINGS}")
    kubectl("wait", "--for=condition=Ready", "vm/one", "dv/disk", "--timeout=40s")
    vm = mask(kubectl("describe", "vm", "one"))
    assert vm.startswith(f"Name:  one\nNamespace:  {kubectl.namespace}\nLabels:  tier=web\n")
    assert (
        "Spec:\n  Run Strategy:  Always\n  Template:\n  Metadata:\n  Labels:\n  Vm:  one\n  Spec:\n  Architecture:  amd64\n"
        "  Domain:\n  Devices:\n  Firmware:\n  Serial:  <uid>\n  Uuid:  <uid>\n  Machine:\n  Type:  q35\n  Memory:\n"
        "  Guest:  64Mi\nStatus:\n"
    ) in vm
    assert vm.endswith(
        "Events:\n  Type  Reason  Age  From  Message\n  ----  ------  ----  ----  -------\n  Normal  SuccessfulCreate  <age>"
        "  virtualmachine-controller  Started the virtual machine by creating the new virtual machine instance one"
    )
    vmi = mask(kubectl("describe", "vmi", "one"))
    assert re.search(r"^Labels: +kubevirt.io/nodeName=node0\d\n +vm=one$", vmi, re.MULTILINE), vmi
    for line in ("  Phase:  Running", "  Launcher Container Image Version:  quay.io/kubevirt/virt-launcher:v1.9.0"):
        assert line in vmi.splitlines()
    dv = mask(kubectl("describe", "dv", "disk"))
    assert "  Phase:  Succeeded\n  Progress:  100.0%\nEvents:\n" in dv
    assert "datavolume-import-controller  Successfully imported into PVC disk" in dv
    claim = mask(kubectl("describe", "pvc", "disk"))
    for line in ("Status:  Bound", "StorageClass:  local", "Finalizers:  [kubernetes.io/pvc-protection]"):
        assert line in claim.splitlines()
    assert "Normal  ProvisioningSucceeded  <age>  persistentvolume-controller  Successfully provisioned volume" in claim
    settings = mask(kubectl("describe", "cm", "settings"))
    assert settings.startswith(
        f"Name:  settings\nNamespace:  {kubectl.namespace}\nLabels:  app=x\nAnnotations:  <none>\n\nData\n====\n"
    )
    assert {"a:\n----\n1", "b:\n----\n2"} <= set(re.findall(r"^\w:\n----\n\d$", settings, re.MULTILINE))
    assert settings.splitlines()[-1] == "Events:  <none>"
    node = mask(kubectl("describe", "node", "node01"))
    for line in (
        "Name:  node01",
        "Roles:  worker",
        "Taints:  <none>",
        "Unschedulable:  false",
        "  HolderIdentity:  node01",
        "  Hostname:  node01",
        "  Kubelet Version:  v1.36.2",
    ):
        assert line in node.splitlines()
    assert re.search(r"^  Ready  True  .* KubeletReady  kubelet is posting ready status$", node, re.MULTILINE)


def test_events(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=machine("one", "Always"))
    kubectl("wait", "--for=condition=Ready", "vm/one", "--timeout=30s")
    header = "LAST SEEN  TYPE  REASON  OBJECT  MESSAGE"
    message = "Started the virtual machine by creating the new virtual machine instance one"
    selector = "involvedObject.name=one,involvedObject.kind=VirtualMachine"
    shown = re.sub(r"(?m)^\d+s ", "<age> ", mask(kubectl("get", "events", "--field-selector", selector)))
    assert shown == f"{header}\n<age>  Normal  SuccessfulCreate  virtualmachine/one  {message}"
    wide = mask(kubectl("get", "events", "-o", "wide")).splitlines()
    assert wide[0] == "LAST SEEN  TYPE  REASON  OBJECT  SUBOBJECT  SOURCE  MESSAGE  FIRST SEEN  COUNT  NAME"
    assert re.search(
        r"virt-handler(, node0\d)?  VirtualMachineInstance started\.  <age>  1  one\.[0-9a-f]+", "\n".join(wide)
    )
    new = kubectl("get", "events.v1.events.k8s.io", "-o", "jsonpath={.items[*].regarding.kind}").split()
    assert new == kubectl("get", "events", "-o", "jsonpath={.items[*].involvedObject.kind}").split()
    if kubectl.version >= 26:
        shown = re.sub(r"(?m)^\d+s ", "<age> ", mask(kubectl("events", "--for", "vm/one")))
        assert shown == f"{header}\n<age>  Normal  SuccessfulCreate  VirtualMachine/one  {message}"
        assert kubectl.run("events", "--types=Warning").stderr == f"No events found in {kubectl.namespace} namespace.\n"


def test_explain(session: Kubectl) -> None:
    """From v2 in protobuf up to 1.26, from v3 since (1.4)."""
    text = session("explain", "vm")
    assert re.search(r"^KIND: +VirtualMachine$", text, re.MULTILINE)
    fields = re.findall(r"^ +(\w+)\t<(\w+)>", text, re.MULTILINE)
    meta = "Object" if session.version < 27 else "ObjectMeta"
    assert fields == [
        ("apiVersion", "string"),
        ("kind", "string"),
        ("metadata", meta),
        ("spec", "Object"),
        ("status", "Object"),
    ]
    assert re.search(r"^ +spec\t<Object> -required-$", text, re.MULTILINE)
    recursive = re.findall(r"^( +)(\w+)\t<(.*?)>", session("explain", "cm", "--recursive"), re.MULTILINE)
    assert [(name, kind) for indent, name, kind in recursive if len(indent) <= 3] == [
        ("apiVersion", "string"),
        ("binaryData", "map[string]string"),
        ("data", "map[string]string"),
        ("immutable", "boolean"),
        ("kind", "string"),
        ("metadata", meta),
    ]
    deep = {name for indent, name, _ in recursive if len(indent) > 3}
    assert {"annotations", "ownerReferences", "blockOwnerDeletion", "managedFields", "fieldsV1"} <= deep
    assert re.search(r"FIELD: +image <string>", session("explain", "pods.spec.containers.image"))
    assert session.refused("explain", "vm.spec.nope").endswith('error: field "nope" does not exist\n')


def test_what_is_served(session: Kubectl) -> None:
    """Sections 1.1 and 1.2; the kinds are those of kubevirt-vm.md 1.1."""
    assert {"v1", "apps/v1", "kubevirt.io/v1", "kubevirt.io/v1alpha3", "cdi.kubevirt.io/v1beta1"} <= set(
        session("api-versions").split()
    )
    assert mask(session("api-resources", "--api-group=kubevirt.io")).splitlines() == [
        "NAME  SHORTNAMES  APIVERSION  NAMESPACED  KIND",
        "kubevirts  kv,kvs  kubevirt.io/v1  true  KubeVirt",
        "virtualmachineinstancemigrations  vmim,vmims  kubevirt.io/v1  true  VirtualMachineInstanceMigration",
        "virtualmachineinstancepresets  vmipreset,vmipresets  kubevirt.io/v1  true  VirtualMachineInstancePreset",
        "virtualmachineinstancereplicasets  vmirs,vmirss  kubevirt.io/v1  true  VirtualMachineInstanceReplicaSet",
        "virtualmachineinstances  vmi,vmis  kubevirt.io/v1  true  VirtualMachineInstance",
        "virtualmachines  vm,vms  kubevirt.io/v1  true  VirtualMachine",
    ]
    wide = mask(session("api-resources", "-o", "wide", "--namespaced=false")).splitlines()
    verbs = "create,delete,deletecollection,get,list,patch,update,watch"
    if session.version < 27:
        verbs = f"[{verbs.replace(',', ' ')}]"
    assert f"nodes  no  v1  false  Node  {verbs}" in wide
    names = session("api-resources", "--verbs=list,watch", "-o", "name").split()
    assert {
        "virtualmachines.kubevirt.io",
        "datavolumes.cdi.kubevirt.io",
        "events",
        "leases.coordination.k8s.io",
    } <= set(names)
    assert json.loads(session("version", "-o", "json"))["serverVersion"]["gitVersion"].startswith("v1.36.2")
    told = re.sub(r"\x1b\[[0-9;]*m", "", session("cluster-info"))
    assert re.match(r"Kubernetes (control plane|master) is running at https://127\.0\.0\.1:\d+\n", told)


def test_nodes_are_cordoned_and_tainted(session: Kubectl) -> None:
    assert session("cordon", "node03") == "node/node03 cordoned\n"
    assert mask(session("get", "node", "node03", "--no-headers")) == (
        "node03  Ready,SchedulingDisabled  worker  <age>  v1.36.2"
    )
    assert session("drain", "node03", "--ignore-daemonsets").splitlines()[0] == "node/node03 already cordoned"
    assert session("uncordon", "node03") == "node/node03 uncordoned\n"
    assert session("taint", "node", "node02", "a=b:NoSchedule") == "node/node02 tainted\n"
    assert session("get", "node", "node02", "-o", "jsonpath={.spec.taints}") == (
        '[{"effect":"NoSchedule","key":"a","value":"b"}]'
    )
    assert session("taint", "node", "node02", "a-") == "node/node02 untainted\n"


def test_autoscalers_quotas_and_components(kubectl: Kubectl) -> None:
    """autoscaling in the version that each kubectl writes; columns of section 5."""
    kubectl("create", "deployment", "scaled", "--image=web")
    newest = kubectl.version >= 34
    cpu = "--cpu=50%" if newest else "--cpu-percent=50"
    said = kubectl("autoscale", "deployment", "scaled", "--min=1", "--max=3", cpu)
    assert said == "horizontalpodautoscaler.autoscaling/scaled autoscaled\n"
    old = json.loads(kubectl("get", "horizontalpodautoscalers.v1.autoscaling", "scaled", "-o", "json"))
    new = json.loads(kubectl("get", "horizontalpodautoscalers.v2.autoscaling", "scaled", "-o", "json"))
    assert old["spec"]["targetCPUUtilizationPercentage"] == 50
    assert new["spec"]["metrics"][0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 50}
    table = "NAME  REFERENCE  TARGETS  MINPODS  MAXPODS  REPLICAS  AGE\n"
    assert mask(kubectl("get", "hpa")) == f"{table}scaled  Deployment/scaled  cpu: <unknown>/50%  1  3  0  <age>"
    assert kubectl("delete", "hpa", "scaled") == 'horizontalpodautoscaler.autoscaling "scaled" deleted' + (
        f" from {kubectl.namespace} namespace\n" if kubectl.version >= 34 else "\n"
    )

    kubectl("create", "quota", "few", "--hard=count/leases.coordination.k8s.io=1,services=2")
    told = kubectl("describe", "quota", "few")
    assert [line.split() for line in told.splitlines()[2:]] == [
        ["Resource", "Used", "Hard"],
        ["--------", "----", "----"],
        ["count/leases.coordination.k8s.io", "0", "1"],
        ["services", "0", "2"],
    ]
    for number in "12":
        kubectl("create", "service", "clusterip", f"s{number}", "--tcp=80")
    refused = kubectl.refused("create", "service", "clusterip", "s3", "--tcp=80")
    assert (
        'services "s3" is forbidden: exceeded quota: few, requested: services=1, used: services=2, limited: services=2'
        in refused
    )

    components = mask(kubectl("get", "componentstatuses"))
    assert components == (
        "NAME  STATUS  MESSAGE  ERROR\ncontroller-manager  Healthy  ok\netcd-0  Healthy  ok\nscheduler  Healthy  ok"
    )


def test_pods_are_read_reached_and_evicted(kubectl: Kubectl) -> None:
    """Section 8: logs and exec get as far as the node; drain evicts."""
    pod = """
apiVersion: v1
kind: Pod
metadata: {name: NAME, labels: {app: drained}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: a, image: web}, {name: b, image: web}]
"""
    kubectl("create", "-f", "-", stdin=pod.replace("NAME", "waits"))
    assert kubectl("logs", "waits", "-c", "a") == ""
    for command in (("exec", "waits", "-c", "a", "--", "ls"), ("attach", "waits", "-c", "a")):
        assert "pod waits does not have a host assigned" in kubectl.refused(*command)
    runs = pod.replace("NAME", "runs").replace("  containers", "  nodeName: node02\n  containers")
    kubectl("create", "-f", "-", stdin=runs)
    assert 'container "a" in pod "runs" is waiting to start: ContainerCreating' in kubectl.refused(
        "logs", "runs", "-c", "a"
    )
    assert "error dialing backend" in kubectl.refused("exec", "runs", "-c", "a", "--", "ls")
    budget = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: keep}
spec: {minAvailable: 1, selector: {matchLabels: {app: drained}}}
"""
    kubectl("create", "-f", "-", stdin=budget)
    # Of a pod that never began no budget is broken.
    drain = ("drain", "node02", "--force", "--pod-selector=app=drained", "--timeout=20s")
    said = kubectl(*drain, timeout=90)
    assert "node/node02 cordoned\n" in said
    assert "pod/runs evicted\n" in said
    assert kubectl("get", "pods", "-o", "name") == "pod/waits\n"
    kubectl("uncordon", "node02")
