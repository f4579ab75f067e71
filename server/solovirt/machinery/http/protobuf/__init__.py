"""Protobuf bodies."""


class ProtobufError(ValueError):
    """x"""


def decode(body: bytes) -> object:
    raise ProtobufError("x")
