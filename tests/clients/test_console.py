"""A guest's console with the Python Kubernetes client's own websocket, over TLS and with a token."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.stream import ws_client

from solovirt.testing import BackgroundControlPlane

INSTANCES: dict[str, Any] = {
    "group": "kubevirt.io",
    "version": "v1",
    "namespace": "default",
    "plural": "virtualmachineinstances",
}


def read_until(socket: Any, mark: bytes) -> bytes:
    found = b""
    while mark not in found:
        opcode, data = socket.recv_data()
        assert opcode == 2, "KubeVirt's streams are binary frames without a channel"
        found += data
    return found


@pytest.fixture
def socket(cluster: BackgroundControlPlane) -> Any:
    with config.new_client_from_config(cluster.kubeconfig) as api:
        document = {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachineInstance",
            "metadata": {"name": "console"},
            "spec": {"domain": {"memory": {"guest": "64Mi"}, "devices": {}}},
        }
        client.CustomObjectsApi(api).create_namespaced_custom_object(**INSTANCES, body=document)
        cluster.settle()
        path = "/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachineinstances/console/console"
        headers = {"sec-websocket-protocol": "plain.kubevirt.io", "authorization": f"Bearer {cluster.token}"}
        url = ws_client.get_websocket_url(api.configuration.host + path, {})
        socket = ws_client.create_websocket(api.configuration, url, headers)
        yield socket
        socket.close()


def test_a_user_logs_in(socket: Any):
    assert socket.getheaders()["sec-websocket-protocol"] == "plain.kubevirt.io"
    read_until(socket, b"console login: ")
    socket.send_binary(b"root\r")
    read_until(socket, b"Password: ")
    socket.send_binary(b"\r")
    read_until(socket, b"# ")
    socket.send_binary(b"uname -n\r")
    assert read_until(socket, b"# ").decode().splitlines()[1] == "console"
