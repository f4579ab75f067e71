"""Users' kinds with real clients: kubectl of two ages, and an operator written with kopf."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from solovirt.testing import BackgroundControlPlane
from tests.clients.kubectl import Kubectl

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            description: What is wanted.
            properties:
              size: {type: integer, description: How large it is.}
              replicas: {type: integer}
            x-kubernetes-validations:
            - {rule: self.size < 100, message: size is too large}
          status:
            type: object
            x-kubernetes-preserve-unknown-fields: true
"""
WIDGET = """
apiVersion: example.com/v1
kind: Widget
metadata: {name: first}
spec: {size: %d, replicas: 1}
"""


@pytest.mark.slow
def test_kubectl_brings_a_kind_uses_it_and_takes_it_away(kubectl: Kubectl):
    kubectl("apply", "-f", "-", stdin=DEFINITION)
    kubectl("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=20s")
    assert kubectl("apply", "-f", "-", stdin=WIDGET % 3) == "widget.example.com/first created\n"
    assert kubectl("apply", "-f", "-", stdin=WIDGET % 4) == "widget.example.com/first configured\n"
    assert kubectl("get", "wd").split() == ["NAME", "SIZE", "first", "4"]
    refused = kubectl.run("apply", "-f", "-", stdin=WIDGET % 100)
    assert refused.returncode == 1
    assert 'The Widget "first" is invalid: spec: Invalid value: size is too large' in refused.stderr
    explained = kubectl("explain", "widgets.spec.size")
    assert "How large it is." in explained
    assert "<integer>" in explained
    kubectl("scale", "wd/first", "--replicas=3")
    assert kubectl("get", "wd", "first", "-o", "jsonpath={.spec.replicas}") == "3"
    listed = kubectl("get", "crd", "-o", "name")
    assert "customresourcedefinition.apiextensions.k8s.io/virtualmachines.kubevirt.io\n" in listed
    services = kubectl("get", "apiservices")
    assert "v1.subresources.kubevirt.io" in services
    assert "kubevirt/virt-api" in services
    kubectl("delete", "crd", "widgets.example.com", "--timeout=20s")
    gone = kubectl.run("get", "widgets.example.com")
    assert gone.returncode == 1


OPERATOR = """
import kopf

@kopf.on.create("example.com", "v1", "widgets")
def created(spec, **_):
    return {"doubled": spec["size"] * 2}

@kopf.on.update("example.com", "v1", "widgets", field="spec.size")
def resized(new, **_):
    return {"to": new}

@kopf.on.delete("example.com", "v1", "widgets")
def deleted(**_):
    pass
"""


@pytest.mark.slow
@pytest.mark.parametrize("kubectl", ["37"], indirect=True)
def test_an_operator_written_with_kopf_handles_its_kind(
    server: BackgroundControlPlane, kubectl: Kubectl, tmp_path: Path
):
    """kopf: finalizers by JSON patch with a test, progress by merge patches, status through its subresource (reference 10)."""
    kubectl("apply", "-f", "-", stdin=DEFINITION)
    kubectl("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=20s")
    script = tmp_path / "operator.py"
    script.write_text(OPERATOR)
    command = [sys.executable, "-m", "kopf", "run", "--namespace=default", "--standalone", str(script)]
    log = (tmp_path / "operator.log").open("w")
    environment = {"KUBECONFIG": str(server.kubeconfig), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    with log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as operator:
        try:
            kubectl("apply", "-f", "-", stdin=WIDGET % 4)
            status = _until(kubectl, lambda widget: widget.get("status", {}).get("created"))
            assert status == {"doubled": 8}
            kubectl("patch", "wd/first", "--type=merge", "-p", '{"spec":{"size":5}}')
            assert _until(kubectl, lambda widget: widget["status"].get("resized/spec.size")) == {"to": 5}
            # Its finalizer holds the object until its handler has run.
            kubectl("delete", "wd/first", "--timeout=20s")
        finally:
            operator.terminate()
            operator.wait(20)


def _until(kubectl: Kubectl, found, seconds: float = 20):
    deadline = time.monotonic() + seconds
    while True:
        widget = json.loads(kubectl("get", "wd", "first", "-o", "json"))
        if (value := found(widget)) is not None:
            return value
        assert time.monotonic() < deadline, widget
        time.sleep(0.2)
