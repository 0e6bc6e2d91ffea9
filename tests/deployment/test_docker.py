"""The image: what can be known of it without building one, and its entrypoint."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "config" / "docker"
ENTRYPOINT = FOLDER / "docker-entrypoint.sh"


def instructions() -> Iterator[tuple[str, str]]:
    """Instruction and its text, continuation lines joined."""
    text = (FOLDER / "Dockerfile").read_text()
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            yield name, " ".join(rest.split())


def of(name: str) -> list[str]:
    return [text for one, text in instructions() if one == name]


def test_the_ports_of_the_official_image_are_there() -> None:
    (ports,) = of("EXPOSE")
    assert {"5671", "5672", "15671", "15672", "15691", "15692", "25672"} <= set(ports.split())


def test_shell_commands_can_be_read_and_fail_as_a_whole() -> None:
    for text in of("RUN"):
        assert subprocess.run(["sh", "-n", "-c", text], check=False).returncode == 0
        assert ";" not in re.sub(r"for .* done", "", text), "what fails would be passed over"


def test_what_is_copied_reaches_the_build() -> None:
    """.dockerignore lets nothing through but what it names."""
    first, *rest = (ROOT / ".dockerignore").read_text().splitlines()
    assert first == "*"
    let_through = {line[1:] for line in rest if line.startswith("!")}
    for text in of("COPY"):
        flags = [word for word in text.split() if word.startswith("--")]
        if any(flag.startswith("--from") for flag in flags):
            continue
        for source in [word for word in text.split() if not word.startswith("--")][:-1]:
            assert (ROOT / source).exists(), source
            assert any(source == one or source.startswith(f"{one}/") for one in let_through)


def test_nothing_is_installed_that_is_not_locked() -> None:
    for text in of("RUN"):
        for command in re.findall(r"pip install[^&]*", text):
            assert "--require-hashes" in command or "--no-index" in command, command


def test_signals_reach_the_broker_and_orphans_are_buried() -> None:
    (entrypoint,) = of("ENTRYPOINT")
    assert entrypoint == '["tini", "--", "docker-entrypoint.sh"]'
    assert of("CMD")[-1] == '["leveret"]'
    assert "leveretctl" in of("HEALTHCHECK")[0]


def test_the_example_for_compose() -> None:
    service = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]["broker"]
    build = service["build"]
    assert ((FOLDER / build["context"]).resolve(), ROOT / build["dockerfile"]) == (
        ROOT,
        FOLDER / "Dockerfile",
    )
    (volume,) = of("VOLUME")
    assert service["volumes"] == [f"data:{volume}"]


# --- the entrypoint


class Image:
    """The entrypoint in a place of its own, with commands that only tell how they were called."""

    def __init__(self, root: Path):
        self.root, self.bin = root, root / "bin"
        self.bin.mkdir()
        for place in ("var/lib/leveret", "run/leveret", "etc"):
            (root / place).mkdir(parents=True)
        shutil.copy(ENTRYPOINT, self.bin / "docker-entrypoint.sh")
        (self.bin / "rabbitmq-server").symlink_to("docker-entrypoint.sh")
        self.has("leveret", 'printf "%s\\n" leveret "$@"; umask')
        self.has("rabbitmqctl", 'printf "%s\\n" rabbitmqctl "$@"')
        self.has("mountpoint", "exit 1")
        self.is_user(1000)

    def has(self, name: str, script: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def is_user(self, number: int) -> None:
        self.has("id", f"echo {number}")

    def runs(self, *command: str, program: str = "docker-entrypoint.sh") -> list[str]:
        done = subprocess.run(
            ["sh", str(self.bin / program), *command],
            env={"PATH": f"{self.bin}:{os.environ['PATH']}", "LEVERET_ROOT": str(self.root)},
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        return done.stdout.replace(str(self.root), "").splitlines()


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path)


SERVER = ["leveret", "--data-dir", "/var/lib/leveret"]


@pytest.mark.parametrize("command", [(), ("leveret",), ("rabbitmq-server",)])
def test_the_broker_by_any_of_its_names(image: Image, command: tuple[str, ...]) -> None:
    assert image.runs(*command) == [*SERVER, "0027"]


def test_flags_are_the_brokers(image: Image) -> None:
    flags = ["--set", "heartbeat=10 s"]
    assert image.runs(*flags) == [*SERVER, *flags, "0027"]
    assert image.runs(*flags, program="rabbitmq-server") == [*SERVER, *flags, "0027"]


def test_what_is_not_the_broker_is_run_as_it_is(image: Image) -> None:
    assert image.runs("rabbitmqctl", "list_queues", "-p", "a b") == [
        *("rabbitmqctl", "list_queues", "-p", "a b")
    ]
    assert image.runs("leveret", "store", "verify") == ["leveret", "store", "verify", "0027"]


def test_a_volume_where_rabbitmq_has_its_data(image: Image) -> None:
    (image.root / "var/lib/rabbitmq").mkdir()
    assert image.runs() == [*SERVER, "0027"], "a directory that is not mounted would be lost"
    image.has("mountpoint", f'[ "$2" = {shlex.quote(str(image.root))}/var/lib/rabbitmq ]')
    assert image.runs() == ["leveret", "--data-dir", "/var/lib/rabbitmq/leveret", "0027"]


def test_settings_that_are_mounted(image: Image) -> None:
    (image.root / "etc/rabbitmq").mkdir()
    (image.root / "etc/rabbitmq/rabbitmq.conf").touch()
    config = ["leveret", "--config", "/etc/rabbitmq/rabbitmq.conf"]
    assert image.runs() == [*config, *SERVER[1:], "0027"]
    (image.root / "etc/leveret").mkdir()
    (image.root / "etc/leveret/leveret.yaml").touch()
    assert image.runs()[:3] == ["leveret", "--config", "/etc/leveret/leveret.yaml"]


def test_root_owns_what_is_mounted_and_steps_down(image: Image) -> None:
    image.is_user(0)
    image.has("find", 'echo find "$@"')
    image.has("setpriv", 'echo setpriv "$1" "$2"; shift 4; exec "$@"')
    found, stepped, *server = image.runs()
    assert found.startswith("find /var/lib/leveret /run/leveret ! -user leveret -exec chown")
    assert stepped == "setpriv --reuid=leveret --regid=leveret"
    assert server == [*SERVER, "0027"]
