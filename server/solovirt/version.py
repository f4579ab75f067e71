"""Which Kubernetes this is, to those who ask."""

from __future__ import annotations

import platform

import solovirt

KUBERNETES_VERSION = "v1.36.2"
"""The Kubernetes whose behaviour is served; clients compare it with their own version."""


def version_info() -> dict[str, str]:
    """The body of /version: the Kubernetes whose API this is, and, in gitTreeState's place for build facts, ourselves."""
    major, minor, _ = KUBERNETES_VERSION[1:].split(".")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": f"{KUBERNETES_VERSION}+solovirt.{solovirt.__version__}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"python{platform.python_version()}",
        "compiler": platform.python_implementation(),
        "platform": f"linux/{machine}",
    }
