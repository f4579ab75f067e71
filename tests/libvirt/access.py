"""How a user gets at a guest from afar: HTTP and websockets to the subresources, with the administrator's token."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

import websocket

from tests.libvirt.stage import PATIENCE, Stage, Terminal

_PROTOCOL = "plain.kubevirt.io"


class Access:
    """The subresources of one instance in the namespace `default`."""

    def __init__(self, stage: Stage, name: str) -> None:
        authority, token = stage.server.credentials()
        self._ssl = ssl.create_default_context(cadata=authority)
        self._headers = {"Authorization": f"Bearer {token}"}
        path = f"/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachineinstances/{name}"
        self._url = stage.server.url + path

    def get(self, what: str) -> bytes:
        return self._ask("GET", what, None)

    def tell(self, what: str) -> Any:
        """What a GET tells in JSON."""
        return json.loads(self.get(what))

    def put(self, what: str, **options: Any) -> bytes:
        return self._ask("PUT", what, json.dumps(options).encode() if options else None)

    def refusal(self, what: str) -> tuple[int, str]:
        """Code and text of a PUT that is refused."""
        try:
            self.put(what)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())["message"]
        raise AssertionError(f"{what} was not refused")

    def _ask(self, method: str, what: str, body: bytes | None) -> bytes:
        request = urllib.request.Request(f"{self._url}/{what}", body, self._headers, method=method)
        with urllib.request.urlopen(request, context=self._ssl, timeout=PATIENCE) as answer:
            got: bytes = answer.read()
            return got

    def open(self, what: str) -> Line:
        """A stream: a console, a display, a port."""
        return Line(
            websocket.create_connection(
                f"{self._url}/{what}".replace("https:", "wss:").replace("http:", "ws:"),
                header=self._headers,
                subprotocols=[_PROTOCOL],
                sslopt={"context": self._ssl},
                timeout=PATIENCE,
            )
        )


class Line(Terminal):
    """A stream over a websocket; a console is a terminal."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        super().__init__()
        self._socket = socket
        assert socket.getsubprotocol() == _PROTOCOL

    def receive(self, seconds: float) -> bytes:
        self._socket.settimeout(seconds)
        try:
            operation, data = self._socket.recv_data()
        except (websocket.WebSocketTimeoutException, websocket.WebSocketConnectionClosedException):
            return b""
        return data if operation == websocket.ABNF.OPCODE_BINARY else b""

    def send(self, text: str) -> None:
        self._socket.send_binary(text.encode())

    def close(self) -> None:
        self._socket.close()
