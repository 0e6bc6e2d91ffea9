"""The image, built by buildah upon a Debian with Python, and its first process."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment.machine import bootstrap, needs
from tests.integration.support import wait_until

ROOT = Path(__file__).parents[2]
CERTIFICATES = Path("/etc/ssl/certs")
BASE = "FROM scratch\nADD base.tar /\n"
ENTER = """
mount --bind "$0" "$0"
mount -t proc proc "$0/proc"
mount --rbind /dev "$0/dev"
ip link set lo up
cd "$0"
exec env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/bin chroot . tini -- docker-entrypoint.sh "$@"
"""
WAIT_S = 400


class Builder:
    """buildah with a store of its own."""

    def __init__(self, folder: Path):
        self._command = ["buildah", "--root", str(folder / "s"), "--runroot", str(folder / "r")]

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._command, *arguments],
            env={**os.environ, "STORAGE_DRIVER": "vfs"},
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout.strip()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The files of it."""
    needs("mmdebstrap", "buildah", "unshare", "nsenter", "ip")
    folder = tmp_path_factory.mktemp("image")
    bootstrap(folder / "base.tar", "python3,python3-venv,ca-certificates")
    (folder / "Base").write_text(BASE)
    buildah = Builder(folder)
    build = ("build", "--isolation", "chroot", "--network", "host", "--format", "docker")
    buildah(*build, "-t", "localhost/python:base", "-f", str(folder / "Base"), str(folder))
    buildah(
        *(*build, "--build-arg", "PYTHON=localhost/python:base"),
        *("-v", f"{CERTIFICATES}:{CERTIFICATES}:ro", "-t", "leveret"),
        *("-f", str(ROOT / "config/docker/Dockerfile"), str(ROOT)),
    )
    container = buildah("from", "localhost/leveret")
    try:
        yield Path(buildah("mount", container))
    finally:
        buildah("umount", container)
        buildah("rm", container)
        shutil.rmtree(folder, ignore_errors=True)  # a gigabyte


@contextlib.contextmanager
def running(image: Path, *command: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A container of a kind: namespaces and a root directory. Gives its first process."""
    spaces = ("--pid", "--fork", "--mount", "--net", "--uts", "--kill-child")
    process = subprocess.Popen(
        ["unshare", *spaces, "sh", "-ec", ENTER, str(image), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        wait_until(lambda: children.read_text().split(), "it runs")
        yield int(children.read_text().split()[0]), process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=20)


def inside(first: int, *command: str) -> subprocess.CompletedProcess[str]:
    """As `docker exec` does."""
    entered = ["nsenter", "-t", str(first), "-m", "-p", "-n", "-u", "-r", "-w"]
    clean = ["env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin"]
    return subprocess.run(
        [*entered, *clean, *command], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.soak
def test_a_container_with_the_broker(image: Path) -> None:
    with running(image) as (first, process):
        wait_until(lambda: inside(first, "rabbitmqctl", "-q", "ping").returncode == 0, "it is up")
        assert inside(first, "readlink", "/proc/1/exe").stdout.strip() == "/usr/bin/tini"
        owner = inside(first, "stat", "-c", "%U:%a", "/var/lib/leveret/identity.json")
        assert owner.stdout == "leveret:640\n"
        # An orphan of "docker exec" goes to the first process, which must not leave it a zombie.
        inside(first, "sh", "-c", "(sleep 0.1 &)")
        listing = ("sh", "-c", "grep -l sleep /proc/[0-9]*/comm")
        wait_until(lambda: not inside(first, *listing).stdout, "it is buried")
        os.kill(first, signal.SIGTERM)
        said, _ = process.communicate(timeout=30)
        assert process.returncode == 0, said
        assert "ready, " in said
        assert "stopping" in said


@pytest.mark.soak
def test_other_commands_by_their_names(image: Path) -> None:
    for command in (["rabbitmqctl", "version"], ["rabbitmq-server", "--version"]):
        with running(image, *command) as (_, process):
            said, _ = process.communicate(timeout=30)
        assert process.returncode == 0, said
