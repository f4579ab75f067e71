"""How an attempt fails: in CDI's words, because the DataVolume's conditions and events repeat them (reference cdi.md 4.6)."""

from __future__ import annotations

CHECKSUM_ERROR = "ChecksumError"
IMAGE_PULL_FAILED = "ImagePullFailed"


class TransferFailed(Exception):
    """An attempt failed. *reason* is that of the condition Running; one that is *final* is not repeated."""

    is_too_large = False
    """It would have succeeded with a larger claim."""

    def __init__(self, message: str, *, reason: str = "Error", final: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.final = final


def unusable(why: object) -> TransferFailed:
    """What was fetched can't be made a disk of."""
    return TransferFailed(f"Unable to process data: {why}")


def unreachable(kind: str, why: object) -> TransferFailed:
    """The source of a *kind* (`http`, `registry`) can't be read."""
    return TransferFailed(f"Unable to connect to {kind} data source: {why}")


def too_large(size: int, available: int) -> TransferFailed:
    """The disk does not fit into its claim."""
    failure = unusable(
        f"virtual image size {size} is larger than the reported available storage {available}. A larger PVC is required"
    )
    failure.is_too_large = True
    return failure
