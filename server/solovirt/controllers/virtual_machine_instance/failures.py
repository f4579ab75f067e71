"""How it is told that a guest can't be made: the condition Synchronized, and an event."""

from __future__ import annotations

from dataclasses import dataclass

from solovirt.controllers.virtual_machine_instance import status
from solovirt.controllers.virtual_machine_instance.status import Trouble
from solovirt.machinery.resource import Document
from solovirt.runtime.protocol import GuestError
from solovirt.volumes.protocol import ContainerDiskFailed

_SYNC_FAILED = "Synchronizing with the Domain failed."
_PULLING, _BACKING_OFF = "ErrImagePull", "ImagePullBackOff"
"""The kubelet's words: an attempt has failed; it has, and the next one waits."""


class ImageMissing(GuestError):
    """The *image* of a volume can't be had."""

    def __init__(self, image: str, failure: ContainerDiskFailed) -> None:
        super().__init__(str(failure))
        self.image = image
        self.reason = failure.reason


@dataclass(frozen=True, slots=True)
class Told:
    """What the instance's owner sees."""

    trouble: Trouble
    type: str
    reason: str
    message: str


def told(instance: Document, error: GuestError) -> Told:
    """
    What is said of *error*, which kept the guest of *instance* from being made.

    For images it is what virt-controller copies from the pod's containers (reference kubevirt-vm.md 3.1): first that pulling failed, and when it fails
    again that it is backed off from.
    """
    text = str(error)
    if not isinstance(error, ImageMissing):
        return Told(Trouble(_SYNC_FAILED, text), "Warning", "SyncFailed", text)
    before = (status.condition(instance, "Synchronized") or {}).get("reason")
    if error.reason == _PULLING and before in (_PULLING, _BACKING_OFF):
        back_off = f'Back-off pulling image "{error.image}"'
        return Told(Trouble(_BACKING_OFF, f"{back_off}: {_PULLING}: {text}"), "Normal", "BackOff", back_off)
    return Told(Trouble(error.reason, text), "Warning", "Failed", text[:1].upper() + text[1:])
