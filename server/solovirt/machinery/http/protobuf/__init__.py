"""
Protobuf request bodies, read into the documents that JSON would have given.

Typed clients of built-in kinds send them (reference kubernetes-api.md 9). The decoder is driven by a table of field numbers that ships with
the package and is loaded with the first such body.
"""

from __future__ import annotations

from solovirt.machinery.http.protobuf.decoder import MAGIC, ProtobufError, decode

__all__ = ["MAGIC", "ProtobufError", "decode"]
