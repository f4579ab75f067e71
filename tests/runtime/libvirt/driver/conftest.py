"""The driver's tests want libvirt's binding, which needs a compiler to install: without it they are left out, but in CI."""

import os
from importlib.util import find_spec

if find_spec("libvirt") is None and not os.environ.get("CI"):
    collect_ignore_glob = ["*"]
else:
    from tests.runtime.libvirt.driver.benches import libvirtd, mock, mock_bench, qemu_bench

    __all__ = ["libvirtd", "mock", "mock_bench", "qemu_bench"]
