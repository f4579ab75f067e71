"""Bad input over TLS, with and without credentials (reference kubernetes-api.md 4, 6): who asks is looked at before what is asked."""

from __future__ import annotations

import ssl

import aiohttp
import pytest

from solovirt.control_plane import ControlPlane
from solovirt.settings import Settings
from tests import databases
from tests.conformance.conftest import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAPS = "/api/v1/namespaces/default/configmaps"


async def test_credentials_are_looked_at_before_the_body(tmp_path):
    control_plane = ControlPlane(Settings(data_dir=tmp_path, database_url=databases.url(), listen="127.0.0.1:0"))
    await control_plane.start()
    try:
        assert control_plane.authority_pem is not None
        context = ssl.create_default_context(cadata=control_plane.authority_pem.decode())
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            ask = Client(session, control_plane.url)
            admin = {"Authorization": f"Bearer {control_plane.admin_token}"}
            good = await ask("POST", MAPS, {"metadata": {"name": "a"}}, **admin)
            assert good.status == 201
            bad = await ask("POST", MAPS, b"{nope", **admin)
            assert (bad.status, bad.json["reason"]) == (400, "BadRequest")
            for method, path, verb in (("POST", MAPS, "create"), ("GET", f"{MAPS}?labelSelector=a%3D%3D%3D", "list")):
                unauthorised = await ask(method, path, b"{nope", Authorization="Bearer wrong")
                assert unauthorised.json == {
                    "kind": "Status",
                    "apiVersion": "v1",
                    "metadata": {},
                    "status": "Failure",
                    "message": "Unauthorized",
                    "reason": "Unauthorized",
                    "code": 401,
                }
                anonymous = await ask(method, path, b"{nope")
                why = f'User "system:anonymous" cannot {verb} resource "configmaps" in API group "" in the namespace "default"'
                assert anonymous.json == {
                    "kind": "Status",
                    "apiVersion": "v1",
                    "metadata": {},
                    "status": "Failure",
                    "message": f"configmaps is forbidden: {why}",
                    "reason": "Forbidden",
                    "details": {"kind": "configmaps"},
                    "code": 403,
                }
    finally:
        await control_plane.stop()
