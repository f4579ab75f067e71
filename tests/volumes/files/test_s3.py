"""Objects in buckets, with signed requests (reference cdi.md 7.2; AWS's "Signature Version 4 signing process")."""

from __future__ import annotations

import hashlib
import hmac
import sys
from urllib.parse import quote, unquote

import pytest
from aiohttp import web

from solovirt.volumes.files import s3
from solovirt.volumes.files.failure import TransferFailed
from solovirt.volumes.protocol import TransferState
from tests.volumes.files.conftest import MIB, Engine, Site, image, random_disk

KEYS = {"accessKeyId": b"AKIAIOSFODNN7EXAMPLE", "secretKey": b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
EMPTY = hashlib.sha256(b"").hexdigest()


def signature(secret: str, *, path: str, headers: dict[str, str], signed: str, scope: str) -> str:
    """The signature of a GET without a query, written down from AWS's description."""
    lines = [f"{name}:{headers[name].strip()}" for name in signed.split(";")]
    request = "\n".join(
        ["GET", quote(unquote(path), safe="/~-._"), "", *lines, "", signed, headers["x-amz-content-sha256"]]
    )
    hashed = hashlib.sha256(request.encode()).hexdigest()
    to_sign = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashed])
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def test_the_judge_agrees_with_amazons_example() -> None:
    """From AWS's documentation, "Example: GET Object"."""
    headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "range": "bytes=0-9",
        "x-amz-content-sha256": EMPTY,
        "x-amz-date": "20130524T000000Z",
    }
    made = signature(
        KEYS["secretKey"].decode(),
        path="/test.txt",
        headers=headers,
        signed=";".join(headers),
        scope="20130524/us-east-1/s3/aws4_request",
    )
    assert made == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"


class Bucket:
    """Lets in who signed."""

    def __init__(self, site: Site) -> None:
        self.objects: dict[str, bytes] = {}
        self.needs_signature = True
        self.cut_once = False
        site.application.router.add_get("/bucket/{key:.+}", self._get)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        if self.needs_signature:
            scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
            if scheme != "AWS4-HMAC-SHA256":
                raise web.HTTPForbidden
            fields = dict(one.strip().split("=", 1) for one in rest.split(","))
            access, _, scope = fields["Credential"].partition("/")
            headers = {name.lower(): value for name, value in request.headers.items()}
            wanted = signature(
                KEYS["secretKey"].decode(),
                path=request.raw_path,
                headers=headers,
                signed=fields["SignedHeaders"],
                scope=scope,
            )
            assert scope.endswith("/us-east-1/s3/aws4_request")
            if access != KEYS["accessKeyId"].decode() or fields["Signature"] != wanted:
                raise web.HTTPForbidden
        content = self.objects.get(request.match_info["key"])
        if content is None:
            raise web.HTTPNotFound
        first = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        headers = {"ETag": '"e"', "Content-Length": str(len(content) - first)}
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        response = web.StreamResponse(status=206 if first else 200, headers=headers)
        await response.prepare(request)
        end = len(content)
        if self.cut_once:
            self.cut_once, end = False, len(content) // 2
        await response.write(content[first:end])
        if end < len(content):
            assert request.transport is not None
            request.transport.close()
        return response


@pytest.fixture
async def bucket(site: Site) -> Bucket:
    made = Bucket(site)
    await site.start()
    return made


@pytest.mark.parametrize("key", ["disk.img", "images/my disk+v1@a:b=ü.img"])
async def test_a_signed_request_brings_the_object(engine: Engine, site: Site, bucket: Bucket, key: str) -> None:
    content = random_disk()
    bucket.objects[key] = content
    engine.cluster.secrets["keys"] = KEYS
    source = {"s3": {"url": f"{site.url}/bucket/{key}", "secretRef": "keys"}}
    progress = await engine.finish(engine.request(source, size=2 * MIB))
    assert (progress.state, progress.message) == (TransferState.SUCCEEDED, "")
    assert engine.disk().read_bytes() == content


async def test_an_image_is_converted_and_a_cut_download_goes_on(
    engine: Engine, site: Site, bucket: Bucket, tmp_path
) -> None:
    content = random_disk(4 * MIB)
    bucket.objects["disk"] = image(tmp_path / "x", content, "qcow2").read_bytes()
    bucket.cut_once = True
    engine.cluster.secrets["keys"] = KEYS
    request = engine.request({"s3": {"url": f"{site.url}/bucket/disk", "secretRef": "keys"}})
    assert (await engine.finish(request)).state is TransferState.RETRYING
    assert (await engine.again(request)).state is TransferState.SUCCEEDED
    assert engine.disk().read_bytes() == content


async def test_a_public_object_needs_no_keys_and_another_one_does(engine: Engine, site: Site, bucket: Bucket) -> None:
    bucket.objects["disk"] = random_disk()
    request = engine.request({"s3": {"url": f"{site.url}/bucket/disk"}})
    progress = await engine.finish(request)
    message = "Unable to connect to s3 data source: expected status code 200, got 403. Status: 403 Forbidden"
    assert (progress.state, progress.message) == (TransferState.RETRYING, message)
    bucket.needs_signature = False
    assert (await engine.again(request)).state is TransferState.SUCCEEDED


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("bucket.s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ("s3.eu-central-1.amazonaws.com", "eu-central-1"),
        ("s3-us-west-2.amazonaws.com:443", "us-west-2"),
        ("bucket.s3.dualstack.ap-south-1.amazonaws.com", "ap-south-1"),
        ("bucket.s3.amazonaws.com", "us-east-1"),
        ("minio.example.org:9000", "us-east-1"),
    ],
)
def test_the_region_is_the_hosts(host: str, region: str) -> None:
    assert s3.region_of(host) == region


def test_an_address_names_an_object() -> None:
    assert s3.address("s3://b/a/c") == "https://b.s3.amazonaws.com/a/c"
    assert s3.address("http://h:9000/b/a%20c") == "http://h:9000/b/a%20c"
    with pytest.raises(TransferFailed, match="names no object"):
        s3.address("https://example.org/")


def test_without_the_signer_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.auth", None)
    with pytest.raises(TransferFailed, match=r"pip install 'solovirt\[s3\]'"):
        s3.signed_headers("http://h/b/k", ("a", "b"))
