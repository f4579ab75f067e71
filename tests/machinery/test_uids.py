"""Random UUIDs are what RFC 9562 calls version 4, and no two are the same."""

from __future__ import annotations

import uuid

from solovirt.machinery.uids import random_uid


def test_a_uid_is_a_random_uuid_of_version_4():
    for text in (random_uid() for _ in range(100)):
        parsed = uuid.UUID(text)
        assert (str(parsed), parsed.version, parsed.variant) == (text, 4, uuid.RFC_4122)


def test_uids_differ():
    assert len({random_uid() for _ in range(1000)}) == 1000
