"""The wheel, from a copy of what belongs to it: what an earlier build left behind stays out.

python -m tools.wheel [DIRECTORY]; it needs no network, setuptools is locked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ("pyproject.toml", "README.md")


class BuildError(Exception):
    """The text is for whoever builds."""


def build_wheel(directory: Path) -> Path:
    """Returns: the wheel, in the directory. Raises: BuildError."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="leveret-wheel-") as scratch:
        source, made = Path(scratch, "source"), Path(scratch, "made")
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "broker", source / "broker", ignore=ignored)
        for name in SOURCES:
            shutil.copy2(ROOT / name, source / name)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]
        run(
            *(*pip, "--no-deps", "--no-index", "--no-build-isolation"),
            *("--wheel-dir", str(made), str(source)),
            cwd=Path(scratch),
        )
        (wheel,) = made.glob("*.whl")
        return Path(shutil.copy(wheel, directory / wheel.name))


def unpack(wheel: Path, directory: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(directory)


def run(*command: str, cwd: Path = ROOT) -> str:
    """Returns: what it says. Raises: BuildError."""
    environment = {"SOURCE_DATE_EPOCH": str(changed_s()), **os.environ}
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise BuildError(f"{command[0]} is needed and not installed") from None
    if done.returncode:
        raise BuildError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def changed_s() -> int:
    """When the sources were changed, in seconds: the same sources give the same package.

    SOURCE_DATE_EPOCH in the environment comes first.
    """
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    git = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    try:
        told = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        told = ""
    return int(told or (ROOT / "pyproject.toml").stat().st_mtime)


def main(argv: list[str]) -> int:
    try:
        print(build_wheel(Path(argv[0] if argv else "dist")))
    except BuildError as error:
        print(f"wheel: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
