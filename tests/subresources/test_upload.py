"""Uploads as virtctl does them: a token, a probe, a POST, and waiting for the claim (reference cdi.md 8)."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from solovirt.control_plane import ControlPlane
from solovirt.machinery.clock import ManualClock
from solovirt.machinery.resource import ObjectKey
from solovirt.settings import Settings
from solovirt.subresources.upload_token import BadUploadToken, ExpiredUploadToken, UploadTokens
from tests.volumes.files.conftest import MIB, random_disk

A = "cdi.kubevirt.io/"
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
DATA_VOLUMES = "/apis/cdi.kubevirt.io/v1beta1/namespaces/default/datavolumes"
TOKENS = "/apis/upload.cdi.kubevirt.io/v1beta1/namespaces/default/uploadtokenrequests"
pytestmark = pytest.mark.asyncio(loop_scope="module")


class Client:
    """A client of a control plane on files."""

    def __init__(self, plane: ControlPlane, session: aiohttp.ClientSession) -> None:
        self.root = plane.settings.data_dir / "volumes"
        self.url = plane.url
        self.session = session

    async def get(self, path: str) -> dict[str, Any]:
        async with self.session.get(path) as answer:
            document: dict[str, Any] = await answer.json()
            return document

    async def data_volume(self, name: str, *, content_type: str = "kubevirt") -> None:
        storage = {"resources": {"requests": {"storage": "4Mi"}}}
        document = {
            "apiVersion": "cdi.kubevirt.io/v1beta1",
            "kind": "DataVolume",
            "metadata": {"name": name},
            "spec": {"source": {"upload": {}}, "storage": storage, "contentType": content_type},
        }
        async with self.session.post(DATA_VOLUMES, json=document) as answer:
            assert answer.status == 201, await answer.text()
        await self.until(f"{DATA_VOLUMES}/{name}", lambda one: (one.get("status") or {}).get("phase") == "UploadReady")

    async def until(self, path: str, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while not reached(found := await self.get(path)):
                await asyncio.sleep(0.02)
        return found

    async def token(self, claim: str) -> str:
        request = {
            "apiVersion": "upload.cdi.kubevirt.io/v1beta1",
            "kind": "UploadTokenRequest",
            "metadata": {"generateName": "token-for-virtctl-"},
            "spec": {"pvcName": claim},
        }
        async with self.session.post(TOKENS, json=request) as answer:
            assert answer.status == 200, await answer.text()
            document = await answer.json()
        token: str = document["status"]["token"]
        return token

    async def send(
        self, claim: str, body: Any, path: str = "upload-async", *, method: str = "POST", token: str | None = None
    ) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token or await self.token(claim)}"}
        if isinstance(body, bytes):
            body = io.BytesIO(body)
        async with self.session.request(method, f"/v1beta1/{path}", data=body, headers=headers) as answer:
            return answer.status, await answer.text()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    directory = tmp_path_factory.mktemp("plane")
    plane = ControlPlane(Settings(data_dir=directory, listen="127.0.0.1:0", insecure_http=True, volumes="files"))
    await plane.start()
    async with aiohttp.ClientSession(plane.url) as session:
        yield Client(plane, session)
    await plane.stop()


async def test_an_upload_goes_as_virtctl_does_it(client: Client) -> None:
    content = random_disk()
    await client.data_volume("disk")
    config = await client.get("/apis/cdi.kubevirt.io/v1beta1/cdiconfigs/config")
    assert config["status"]["uploadProxyURL"] == client.url
    assert (await client.send("disk", None, method="HEAD"))[0] == 200
    assert await client.send("disk", content) == (200, "")

    def is_done(claim: dict[str, Any]) -> bool:
        return bool(claim["metadata"]["annotations"].get("cdi.kubevirt.io/storage.pod.phase") == "Succeeded")

    claim = await client.until(f"{CLAIMS}/disk", is_done)
    disk = client.root / claim["spec"]["volumeName"] / "data" / "disk.img"
    assert disk.read_bytes() == content + bytes(2 * MIB)
    volume = await client.until(f"{DATA_VOLUMES}/disk", lambda one: one["status"]["phase"] == "Succeeded")
    assert volume["status"]["progress"] == "N/A"
    status, text = await client.send("disk", content)
    assert (status, text) == (503, "rejecting Upload Request for PVC disk that already finished uploading")


async def test_a_claim_without_a_data_volume_is_uploaded_into_as_virtctl_does_it(client: Client) -> None:
    """The requests of `virtctl image-upload pvc`, in its order (reference 8.1)."""
    content = random_disk(seed=9)
    path = f"{CLAIMS}/claim"
    async with client.session.get(path) as answer:
        assert answer.status == 404
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "claim",
            "annotations": {f"{A}storage.upload.target": "", f"{A}storage.contentType": "kubevirt"},
            "labels": {f"{A}applyStorageProfile": "true"},
        },
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Mi"}}},
    }
    async with client.session.post(CLAIMS, json=claim) as answer:
        assert answer.status == 201
    await client.until(path, lambda one: one["metadata"]["annotations"].get(f"{A}storage.pod.ready") == "true")
    # It looks for reasons to give up, too.
    async with client.session.get("/api/v1/namespaces/default/events") as answer:
        assert answer.status == 200
    config = await client.get("/apis/cdi.kubevirt.io/v1beta1/cdiconfigs/config")
    assert config["status"]["uploadProxyURL"] == client.url
    token = await client.token("claim")
    assert (await client.send("claim", None, method="HEAD", token=token))[0] == 200
    assert await client.send("claim", content, token=token) == (200, "")
    found = await client.until(path, lambda one: one["metadata"]["annotations"][f"{A}storage.pod.phase"] == "Succeeded")
    assert (client.root / found["spec"]["volumeName"] / "data" / "disk.img").read_bytes()[: len(content)] == content


async def test_forms_and_the_answer_after_conversion(client: Client) -> None:
    for name, path in (("form", "upload-form"), ("form-async", "upload-form-async"), ("sync", "upload")):
        await client.data_volume(name)
        body: Any = random_disk()
        if "form" in path:
            body = aiohttp.FormData()
            body.add_field("note", "hello")
            body.add_field("file", io.BytesIO(random_disk()), filename="disk.img")
        assert await client.send(name, body, path) == (200, "")
        await client.until(f"{DATA_VOLUMES}/{name}", lambda one: one["status"]["phase"] == "Succeeded")


async def test_what_is_too_large_is_a_bad_request_and_can_be_followed_by_something_smaller(client: Client) -> None:
    await client.data_volume("large")
    status, text = await client.send("large", random_disk(8 * MIB))
    assert status == 400
    assert text.startswith("Saving stream failed: ")
    assert (await client.send("large", random_disk()))[0] == 200


async def test_an_archive_has_no_probe(client: Client) -> None:
    await client.data_volume("archive", content_type="archive")
    assert (await client.send("archive", None, method="HEAD"))[0] == 404
    status, text = await client.send("archive", bytes(4096))
    assert (status, text) == (500, "Saving stream failed: Unable to process data: the content is no tar archive")


async def test_claims_that_are_no_target_are_refused(client: Client) -> None:
    status, text = await client.send("missing", b"x")
    assert (status, text) == (503, "rejecting Upload Request for PVC missing that doesn't exist")
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "plain"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    async with client.session.post(CLAIMS, json=claim) as answer:
        assert answer.status == 201
    assert await client.send("plain", b"x") == (503, "PVC plain is not an upload target")


async def test_only_a_token_lets_in(client: Client) -> None:
    async with client.session.post("/v1beta1/upload", data=b"x") as answer:
        assert answer.status == 400
    assert (await client.send("disk", b"x", token="rubbish"))[0] == 400
    token = await client.token("disk")
    signed, _, signature = token.rpartition(".")
    assert (await client.send("disk", b"x", token=f"{signed}.{signature[::-1]}"))[0] == 401
    assert (await client.send("disk", b"x", method="PUT"))[0] in (404, 503)


async def test_a_browser_may_ask_from_anywhere(client: Client) -> None:
    async with client.session.options("/v1beta1/upload") as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")


class Facts:
    """Remembers in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}

    async def get(self, scope: str, key: str) -> bytes | None:
        return self.kept.get((scope, key))

    async def put(self, scope: str, key: str, value: bytes) -> None:
        self.kept[scope, key] = value

    async def put_new(self, scope: str, key: str, value: bytes) -> bytes:
        return self.kept.setdefault((scope, key), value)

    async def delete(self, scope: str, key: str) -> None:
        del self.kept[scope, key]

    async def all(self, scope: str) -> dict[str, bytes]:
        return {}


async def test_tokens_live_for_five_minutes_and_ten_seconds_of_leeway() -> None:
    clock, facts = ManualClock(), Facts()
    tokens = UploadTokens(facts, clock)
    token = await tokens.issue(ObjectKey("default", "disk"))
    await clock.advance(timedelta(minutes=5, seconds=10))
    # Another process with the same database knows it.
    assert await UploadTokens(facts, clock).check(token) == ObjectKey("default", "disk")
    await clock.advance(1)
    with pytest.raises(ExpiredUploadToken):
        await tokens.check(token)
    with pytest.raises(ExpiredUploadToken):
        await UploadTokens(Facts(), clock).check(await tokens.issue(ObjectKey("default", "disk")))
    with pytest.raises(BadUploadToken):
        await tokens.check("a.b.c")


async def test_metrics_show_what_volumes_take_up(client: Client) -> None:
    await client.data_volume("measured")
    assert (await client.send("measured", random_disk(), "upload"))[0] == 200
    async with client.session.get("/metrics") as answer:
        lines = (await answer.text()).splitlines()
    of_claim = '{namespace="default",persistentvolumeclaim="measured"}'
    values = {line.split(" ")[0]: float(line.split(" ")[1]) for line in lines if not line.startswith("#")}
    # 4Mi and 6 % of overhead (reference 6.1); half of the content is a hole.
    assert values[f"kubelet_volume_stats_capacity_bytes{of_claim}"] == 4445963
    assert MIB <= values[f"kubelet_volume_stats_used_bytes{of_claim}"] < 2 * MIB
    assert values["solovirt_volumes_total_bytes"] > values["solovirt_volumes_free_bytes"] > 0
    assert values["solovirt_volumes_promised_bytes"] >= 4445963
