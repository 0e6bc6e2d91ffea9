"""A package a stranger can install: `pip install .` into a new environment, and the commands."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.support import serves, wait_until
from tests.support.process import FREE_PORTS

ROOT = Path(__file__).parents[2]


@pytest.mark.soak
def test_pip_install_gives_the_commands(tmp_path: Path) -> None:
    """From a copy of the sources, with nothing of this checkout in reach."""
    source, place = tmp_path / "source", tmp_path / "venv"
    source.mkdir()
    shutil.copytree(ROOT / "broker", source / "broker")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source / name)

    def run(*command: str) -> str:
        result = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        assert result.returncode == 0, f"{command}\n{result.stdout[-2000:]}{result.stderr[-2000:]}"
        return result.stdout

    run(sys.executable, "-m", "venv", str(place))
    python = str(place / "bin" / "python")
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(source))
    shutil.rmtree(source)

    version = run(str(place / "bin" / "leveret"), "--version")
    assert version.startswith("leveret ")
    assert run(python, "-m", "broker", "--version") == version
    assert run(python, "-c", "import broker; print(broker.__version__)").strip() in version
    assert "usage" in run(str(place / "bin" / "leveretctl"), "--help").lower()

    for command in ([str(place / "bin" / "leveret")], [python, "-m", "broker"]):
        ready = tmp_path / "ready"
        flags = [*FREE_PORTS, "--bind", "127.0.0.1", "--data-dir", str(tmp_path / "data")]
        process = subprocess.Popen(
            [*command, *flags, "--ready-file", str(ready)],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(ready.exists, "it is ready")
            serves(json.loads(ready.read_text())["ports"]["amqp"])
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
