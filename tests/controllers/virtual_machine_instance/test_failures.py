"""What is told of guests that can't be made (reference kubevirt-vm.md 3.1 and 9, Synchronized)."""

from __future__ import annotations

from typing import Any

from solovirt.controllers.virtual_machine_instance import failures
from solovirt.controllers.virtual_machine_instance.failures import ImageMissing
from solovirt.runtime.protocol import GuestError
from solovirt.volumes.protocol import ContainerDiskFailed


def instance(reason: str = "") -> dict[str, Any]:
    conditions = [{"type": "Synchronized", "status": "False", "reason": reason}] if reason else []
    return {"status": {"conditions": conditions}}


def test_what_the_hypervisor_refuses_is_no_trouble_of_images():
    told = failures.told(instance("ErrImagePull"), GuestError("no such machine"))
    assert (told.trouble.reason, told.trouble.message) == ("Synchronizing with the Domain failed.", "no such machine")
    assert (told.type, told.reason, told.message) == ("Warning", "SyncFailed", "no such machine")


def test_an_image_that_can_not_be_pulled_is_backed_off_from():
    error = ImageMissing("example.com/disk", ContainerDiskFailed('failed to pull image "example.com/disk": not found'))
    told = failures.told(instance(), error)
    assert (told.trouble.reason, told.trouble.message) == (
        "ErrImagePull",
        'failed to pull image "example.com/disk": not found',
    )
    assert (told.type, told.reason) == ("Warning", "Failed")
    assert told.message == 'Failed to pull image "example.com/disk": not found'
    for before in ("ErrImagePull", "ImagePullBackOff"):
        told = failures.told(instance(before), error)
        assert told.trouble.reason == "ImagePullBackOff"
        assert told.trouble.message.startswith(
            'Back-off pulling image "example.com/disk": ErrImagePull: failed to pull'
        )
        assert (told.type, told.reason, told.message) == (
            "Normal",
            "BackOff",
            'Back-off pulling image "example.com/disk"',
        )


def test_an_image_that_is_never_to_be_pulled_stays_that():
    never = ContainerDiskFailed("is not present with pull policy of Never", reason="ErrImageNeverPull")
    for before in ("", "ErrImageNeverPull"):
        assert failures.told(instance(before), ImageMissing("x", never)).trouble.reason == "ErrImageNeverPull"
