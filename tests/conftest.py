"""
What holds of every test.

In CI generated examples are the same at every run: a change lands or fails by what it does, not by a seed. At a desk, and in `make soak`,
each run looks at others.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
