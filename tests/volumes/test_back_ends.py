"""Back ends of volumes, by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from solovirt.machinery.clock import ManualClock
from solovirt.volumes.protocol import VolumesUnavailable
from solovirt.volumes.registry import VolumesContext, load_volumes
from tests.volumes.files.conftest import Cluster


@pytest.mark.parametrize(("quota", "why"), [("much", "no quantity"), ("0", "more than nothing"), ("-1Gi", "more than")])
def test_a_quota_that_is_none_is_refused(tmp_path: Path, quota: str, why: str) -> None:
    context = VolumesContext(ManualClock(), Cluster(), tmp_path, quota=quota)
    with pytest.raises(VolumesUnavailable, match=why):
        load_volumes("files", context)


def test_an_unknown_back_end_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(VolumesUnavailable, match="'tape'; installed: files, simulated"):
        load_volumes("tape", VolumesContext(ManualClock(), Cluster(), tmp_path))
