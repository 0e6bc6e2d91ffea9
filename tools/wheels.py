"""Which wheels of what we depend on there are, for machines that have no compiler.

python -m tools.wheels: asks the package index, and writes tests/deployment/wheels.json, which says
for each locked version, machine and Python the file that pip takes, and its hash. CI compares it
with the lock, so it has to be written again with every change of the latter.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.runtime_lock import ROOT, needed, runtime_names

RECORD = ROOT / "tests" / "deployment" / "wheels.json"
PYTHONS = ("3.11", "3.12", "3.13")
# glibc's from 2.17 and 2.28 on: Debian 10 and later, Raspberry Pi OS likewise.
PLATFORMS = {
    "aarch64": ("manylinux2014_aarch64", "manylinux_2_17_aarch64", "manylinux_2_28_aarch64"),
    "x86_64": ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64"),
}


def wheels_for(machine: str, python: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Name of a package, its wheel and the hash of that.

    Raises: CalledProcessError, if one has none.
    """
    platforms = [f"--platform={platform}" for platform in PLATFORMS[machine]]
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder, "lock")
        chosen = needed(runtime_names())
        lock.write_text("".join(entry.text for entry in chosen.values()))
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "--disable-pip-version-check", "download"),
                *("--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"),
                *(f"--python-version={python}", "--implementation=cp", *platforms),
                *("--dest", folder, "-r", str(lock)),
            ],
            check=True,
        )
        for wheel in sorted(Path(folder).glob("*.whl")):
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            name = wheel.name.partition("-")[0].lower().replace("_", "-")
            yield name, {"file": wheel.name, "sha256": digest}


def record() -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    """Machine → Python → package → its wheel."""
    return {
        machine: {python: dict(wheels_for(machine, python)) for python in PYTHONS}
        for machine in PLATFORMS
    }


if __name__ == "__main__":
    RECORD.write_text(json.dumps(record(), indent=1) + "\n")
