"""
Objects in S3 buckets, at Amazon or any endpoint that speaks its protocol (reference cdi.md 7.2).

An address is `http(s)://endpoint/bucket/key`, or `https://bucket.s3.region.amazonaws.com/key`. With a Secret requests are signed (AWS
Signature Version 4) by botocore, the extra `s3`; without one the object must be public.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit

from solovirt.volumes.files.failure import unreachable

_AMAZON = re.compile(r"(?:^|\.)s3[.-](?:dualstack\.)?(?P<region>[a-z0-9-]+)\.amazonaws\.com$")
_DEFAULT_REGION = "us-east-1"
_UNESCAPED = "/~-._"


def address(url: str) -> str:
    """The object's URL with its key escaped as signatures want it, `s3://` being Amazon's. Raises TransferFailed."""
    parts = urlsplit(url)
    if parts.scheme == "s3":
        url = f"https://{parts.netloc}.s3.amazonaws.com{parts.path}"
        parts = urlsplit(url)
    if not parts.netloc or not parts.path.strip("/"):
        raise unreachable("s3", f"{url} names no object")
    return f"{parts.scheme}://{parts.netloc}{quote(unquote(parts.path), safe=_UNESCAPED)}"


def region_of(host: str) -> str:
    """The region that a request to *host* is signed for; other endpoints than Amazon's take Amazon's default for their only one."""
    found = _AMAZON.search(host.partition(":")[0])
    region = found["region"] if found is not None else _DEFAULT_REGION
    return region if region != "amazonaws" else _DEFAULT_REGION


def signed_headers(url: str, credentials: tuple[str, str] | None) -> Mapping[str, str]:
    """
    The headers that let a GET of *url* (as `address` gives it) in, for about fifteen minutes. Raises TransferFailed.

    They are made for one attempt: a download that is gone on with later is signed anew.
    """
    if credentials is None:
        return {}
    try:
        # Loaded with the first signature: it takes a third of a second.
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
    except ImportError as error:
        text = "signing requests needs botocore, which is not installed: pip install 'solovirt[s3]'"
        raise unreachable("s3", text) from error
    request = AWSRequest(method="GET", url=url)
    S3SigV4Auth(Credentials(*credentials), "s3", region_of(urlsplit(url).netloc)).add_auth(request)
    return dict(request.headers.items())
