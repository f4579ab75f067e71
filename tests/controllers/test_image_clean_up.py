"""Container images that no instance has any more."""

from __future__ import annotations

from collections.abc import Collection

from solovirt.controllers.image_clean_up import ImageCleanUp
from solovirt.kinds.kubevirt import names
from solovirt.volumes.protocol import ContainerDisk
from tests.controllers.conftest import World


class Images:
    """Volumes that remember what they were told."""

    def __init__(self) -> None:
        self.told: list[set[str]] = []

    async def container_disk(
        self,
        image: str,
        *,
        namespace: str,
        pull_secret: str = "",
        pull_policy: str = "",
        path: str = "",
        architecture: str = "amd64",
    ) -> ContainerDisk:
        raise AssertionError("nobody asks for a disk")

    async def forget_images(self, in_use: Collection[str]) -> None:
        self.told.append(set(in_use))


async def test_what_instances_have_is_in_use(world: World) -> None:
    images = Images()
    cleaner = ImageCleanUp(images, store=world.store, registry=world.registry, clock=world.clock)
    instance = {
        "metadata": {"name": "one", "namespace": "default"},
        "spec": {
            "domain": {
                "devices": {"disks": [{"name": "root", "disk": {}}]},
                "resources": {"requests": {"memory": "64Mi"}},
                "firmware": {"kernelBoot": {"container": {"image": "kernel:v1", "kernelPath": "/boot/vmlinuz"}}},
            },
            "volumes": [{"name": "root", "containerDisk": {"image": "fedora:v1"}}],
        },
    }
    await world.create(names.VIRTUAL_MACHINE_INSTANCES, instance)
    await cleaner.clean_up()
    assert images.told == [{"fedora:v1", "kernel:v1"}]
