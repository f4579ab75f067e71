"""docs/kinds.md says what is served."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "kinds.py"


@pytest.mark.slow
async def test_the_page_of_kinds_is_fresh():
    spec = importlib.util.spec_from_file_location("kinds_page", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    kinds = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kinds)
    assert kinds.PAGE.read_text() == await kinds.page(), "run make docs"
