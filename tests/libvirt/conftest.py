"""Journeys with real guests want libvirt's binding, as the driver's tests do."""

import os
from importlib.util import find_spec

if find_spec("libvirt") is None and not os.environ.get("CI"):
    collect_ignore_glob = ["*"]
else:
    from tests.libvirt.stage import images, libvirtd, shared_stage, stage

    __all__ = ["images", "libvirtd", "shared_stage", "stage"]
