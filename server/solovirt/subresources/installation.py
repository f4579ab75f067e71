"""What the installation says of itself: version, guestfs and healthz of subresources.kubevirt.io (reference kubevirt-subresources.md 6)."""

from __future__ import annotations

import platform
from collections.abc import Awaitable, Callable

from solovirt.kinds.kubevirt import names
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource
from solovirt.machinery.verbs.protocol import SubresourceRequest
from solovirt.subresources.instances import GROUP

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def install(
    registry: Registry, objects: Callable[[], Objects], cluster: Callable[[], Cluster], kubernetes_version: Document
) -> None:
    """Answer all three from now on; *kubernetes_version* is the body of /version."""

    def version() -> Document:
        return _version(cluster())

    def guestfs() -> Document:
        image, _, tag = cluster().launcher_image.rpartition(":")
        return {"registry": image.rpartition("/")[0], "tag": tag, "digest": "", "imagePrefix": "", "gsImage": ""}

    def healthz() -> Document:
        found = next(iter(objects().list(names.KUBEVIRTS)), None)
        return {
            "apiserver": {"connectivity": "ok", "version": kubernetes_version},
            "config-resource-version": found["metadata"]["resourceVersion"] if found is not None else "",
        }

    for name, tell in (("version", version), ("guestfs", guestfs), ("healthz", healthz)):
        registry.handle(GroupResource(GROUP, name), "", _answering(tell))


def _answering(tell: Callable[[], Document]) -> Callable[[SubresourceRequest], Awaitable[Document]]:
    async def answer(_: SubresourceRequest) -> Document:
        return tell()

    return answer


def _version(cluster: Cluster) -> Document:
    """KubeVirt's version, as far as there is one: build facts that nobody has are left at Go's usual placeholders."""
    machine = platform.machine()
    return {
        "gitVersion": cluster.launcher_image.rpartition(":")[2],
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": f"linux/{_ARCHITECTURES.get(machine, machine)}",
    }
