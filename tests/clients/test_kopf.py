"""
Operators written with kopf that share a peering (reference kubernetes-api.md 10): the one of higher priority works, the other waits for its end.

kopf keeps a peering in the status of an object of its own kind, by merge patches of which only the newest counts, and posts core/v1 Events of what
its handlers do.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from solovirt.testing import BackgroundControlPlane

pytestmark = pytest.mark.slow

OPERATOR = """
import kopf, os

@kopf.on.create("kubevirt.io", "v1", "virtualmachines", labels={"by": "kopf"})
def created(body, patch, **_):
    kopf.info(body, reason="Handled", message="by " + os.environ["OPERATOR"])
    patch.metadata.annotations["example.com/handled-by"] = os.environ["OPERATOR"]

@kopf.on.delete("kubevirt.io", "v1", "virtualmachines", labels={"by": "kopf"})
def deleted(**_):
    pass
"""


def peering() -> dict[str, Any]:
    """The definition that kopf's documentation has people post."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "kopfpeerings.kopf.dev"},
        "spec": {
            "scope": "Namespaced",
            "group": "kopf.dev",
            "names": {"kind": "KopfPeering", "plural": "kopfpeerings", "singular": "kopfpeering"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {"status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                        }
                    },
                }
            ],
        },
    }


def machine(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": name, "labels": {"by": "kopf"}},
        "spec": {
            "runStrategy": "Halted",
            "template": {"spec": {"domain": {"devices": {}, "memory": {"guest": "64Mi"}}}},
        },
    }


def until(found: Callable[[], Any], seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)
    return value


@contextmanager
def operator(name: str, priority: int, script: Path, kubeconfig: str) -> Iterator[Path]:
    """A process of its own while the block lasts; gives its log."""
    log = script.with_name(f"{name}.log")
    command = [
        sys.executable,
        "-m",
        "kopf",
        "run",
        "--namespace=default",
        "--peering=default",
        f"--priority={priority}",
    ]
    environment = {"KUBECONFIG": kubeconfig, "HOME": str(script.parent), "PATH": os.environ["PATH"], "OPERATOR": name}
    with (
        log.open("w") as out,
        subprocess.Popen([*command, str(script)], env=environment, stdout=out, stderr=out) as process,
    ):
        try:
            yield log
        finally:
            process.terminate()
            process.wait(30)


def test_of_two_operators_the_more_important_one_works(cluster: BackgroundControlPlane, tmp_path: Path) -> None:
    with config.new_client_from_config(cluster.kubeconfig) as api:
        custom: Any = client.CustomObjectsApi(api)
        core: Any = client.CoreV1Api(api)
        machines: dict[str, Any] = {
            "group": "kubevirt.io",
            "version": "v1",
            "namespace": "default",
            "plural": "virtualmachines",
        }
        peers = {"group": "kopf.dev", "version": "v1", "namespace": "default", "plural": "kopfpeerings"}
        definitions: Any = client.ApiextensionsV1Api(api)
        definitions.create_custom_resource_definition(peering())
        body = {"apiVersion": "kopf.dev/v1", "kind": "KopfPeering", "metadata": {"name": "default"}}

        def posted() -> bool:
            try:
                custom.create_namespaced_custom_object(**peers, body=body)
            except client.ApiException:
                return False  # the definition is not yet established
            return True

        until(posted)

        def handled(name: str) -> str:
            found = custom.get_namespaced_custom_object(**machines, name=name)
            # kopf takes its progress notes away when it is done.
            notes = found["metadata"].get("annotations", {})
            by: str = notes.get("example.com/handled-by", "")
            return by

        script = tmp_path / "operator.py"
        script.write_text(OPERATOR)
        with operator("low", 1, script, cluster.kubeconfig) as low:
            custom.create_namespaced_custom_object(**machines, body=machine("alone"))
            assert until(lambda: handled("alone")) == "low"
            with operator("high", 10, script, cluster.kubeconfig):
                until(lambda: "Pausing operations in favour of" in low.read_text())
                known = custom.get_namespaced_custom_object(**peers, name="default")["status"]
                assert sorted(peer["priority"] for peer in known.values()) == [1, 10]
                custom.create_namespaced_custom_object(**machines, body=machine("both"))
                assert until(lambda: handled("both")) == "high"
            until(lambda: "Resuming operations after the pause" in low.read_text())
            custom.create_namespaced_custom_object(**machines, body=machine("after"))
            assert until(lambda: handled("after")) == "low"
            selector = "involvedObject.name=after,reason=Handled"
            told = until(lambda: core.list_namespaced_event("default", field_selector=selector).items)[0]
            assert (told.source.component, told.message, told.type) == ("kopf", "by low", "Normal")
            # It sends times as Python writes them; Kubernetes keeps them as it writes them itself.
            raw = custom.get_namespaced_custom_object("events.k8s.io", "v1", "default", "events", told.metadata.name)
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", raw["eventTime"])
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", raw["deprecatedFirstTimestamp"])
            # Its finalizer holds a machine until its handler has run, then kopf takes it off.
            for name in ("alone", "both", "after"):
                custom.delete_namespaced_custom_object(**machines, name=name)
            until(lambda: not custom.list_namespaced_custom_object(**machines, label_selector="by=kopf")["items"])
        left = custom.get_namespaced_custom_object(**peers, name="default")["status"]
        assert left in ({}, None)
        assert "Traceback" not in low.read_text()
