"""The wheel and the Debian package, built from a clean copy and used."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from broker.version import __version__
from tests.integration.support import wait_until
from tests.support.process import BrokerProcess
from tools.deb import LIBRARIES, adjust_metadata, build_deb
from tools.man import as_is, commands, pages
from tools.runtime_lock import needed, runtime_names
from tools.wheel import ROOT, BuildError, run

CLEAN = ("broker", "config", "tools", "pyproject.toml", "README.md", "requirements.lock")
MADE = "1700000000"  # when, as far as the packages know
SYSTEM_PYTHON = "/usr/bin/python3"
USED = "import sys, h11, yaml, uvloop; sys.exit(sys.version_info < (3, 11))"

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="there is no dpkg-deb")


def without_pythonpath() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both are, made by what `make wheel` and `make deb` run, in a copy of the sources that
    has an old build beside it."""
    source = tmp_path_factory.mktemp("source")
    for name in CLEAN:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source / name)
    (source / "build/lib/broker").mkdir(parents=True)
    (source / "build/lib/broker/left_behind.py").touch()
    wanted = ["wheel", "deb"] if shutil.which("dpkg-deb") else ["wheel"]
    for kind in wanted:
        done = subprocess.run(
            [sys.executable, "-m", f"tools.{kind}", "dist"],
            cwd=source,
            env={**without_pythonpath(), "SOURCE_DATE_EPOCH": MADE},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert (source / done.stdout.strip()).is_file()
    return source / "dist"


@pytest.fixture(scope="module")
def unpacked(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    run("dpkg-deb", "-x", str(deb_in(packages)), str(root))
    return root


def deb_in(packages: Path) -> Path:
    return packages / f"leveret_{__version__}_all.deb"


def test_the_wheel_has_all_of_the_broker_and_nothing_else(packages: Path) -> None:
    (wheel,) = packages.glob("*.whl")
    assert wheel.name == f"leveret-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    known = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "broker").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == known


@needs_dpkg
def test_files_of_the_package(packages: Path, unpacked: Path) -> None:
    listed = run("dpkg-deb", "--contents", str(deb_in(packages)))
    assert "left_behind" not in listed
    assert all(" root/root " in line for line in listed.splitlines())
    for name in (
        "etc/leveret/leveret.yaml",
        "etc/default/leveret",
        "usr/lib/systemd/system/leveret.service",
        "usr/lib/systemd/system/leveret.socket",
        "usr/share/doc/leveret/copyright",
        "usr/share/man/man8/leveret.8.gz",
        "usr/share/man/man8/leveretctl.8.gz",
    ):
        assert (unpacked / name).is_file(), name
    assert (unpacked / "etc/leveret/conf.d").is_dir()
    assert b"Leon Sorokin" in (unpacked / "usr/share/doc/leveret/copyright").read_bytes()


@needs_dpkg
def test_what_dpkg_is_told(packages: Path, tmp_path: Path) -> None:
    run("dpkg-deb", "-e", str(deb_in(packages)), str(tmp_path / "control"))
    told = (tmp_path / "control/conffiles").read_text().splitlines()
    assert told == ["/etc/default/leveret", "/etc/leveret/leveret.yaml"]
    for script in ("postinst", "prerm", "postrm"):
        assert os.access(tmp_path / "control" / script, os.X_OK)
        assert (
            subprocess.run(["sh", "-n", str(tmp_path / "control" / script)], check=False).returncode
            == 0
        )

    def field(name: str) -> str:
        return run("dpkg-deb", "-f", str(deb_in(packages)), name).strip()

    assert (field("Version"), field("Architecture")) == (__version__, "all")
    for package, _ in LIBRARIES.values():
        assert package in field("Depends") + field("Recommends")


@pytest.mark.soak
@needs_dpkg
def test_the_same_sources_give_the_same_package(
    packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", MADE)
    assert build_deb(tmp_path).read_bytes() == deb_in(packages).read_bytes()


def test_every_dependency_has_a_package_of_debian() -> None:
    assert set(runtime_names()) == LIBRARIES.keys() == needed(runtime_names()).keys()


def test_a_dependency_that_is_unknown_to_debian_stops_the_build(tmp_path: Path) -> None:
    metadata = tmp_path / "METADATA"
    metadata.write_text("Name: leveret\nRequires-Dist: nonsense>=1\n\nText\n")
    with pytest.raises(BuildError, match="which package of Debian has nonsense"):
        adjust_metadata(metadata)


@needs_dpkg
def test_the_unpacked_package_runs_with_the_libraries_of_the_system(unpacked: Path) -> None:
    """Python and the libraries are Debian's: nothing of this environment is in reach."""
    python = Path(SYSTEM_PYTHON)
    if not python.exists() or subprocess.run([SYSTEM_PYTHON, "-c", USED], check=False).returncode:
        pytest.skip("no python3-h11, python3-yaml and python3-uvloop for /usr/bin/python3 >= 3.11")
    modules = unpacked / "usr/lib/python3/dist-packages"
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(modules), "HOME": str(unpacked)}

    def leveret(command: str, *flags: str) -> str:
        done = subprocess.run(
            [SYSTEM_PYTHON, str(unpacked / "usr/bin" / command), *flags],
            env=environment,
            cwd=unpacked,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert leveret("leveret", "--version") == f"leveret {__version__}\n"
    with Installed(unpacked, environment) as broker:
        converses(broker.port)
        answer = leveret("leveretctl", "-q", "--data-dir", str(broker.data_dir), "status")
        assert str(broker.pid) in answer
        assert broker.stop() == 0
        log = broker.log.read_text()
        assert "Traceback" not in log
        assert "Warning" not in log


class Installed(BrokerProcess):
    """The command of the package, with the settings that it brings."""

    def __init__(self, root: Path, environment: dict[str, str]):
        super().__init__("--config", str(root / "etc/leveret/leveret.yaml"), python=SYSTEM_PYTHON)
        self._root = root
        self._environment = environment

    def command(self) -> list[str]:
        python, _, _, *flags = super().command()
        return [python, str(self._root / "usr/bin/leveret"), *flags]

    def environment(self) -> dict[str, str]:
        return self._environment


def converses(port: int) -> None:
    """Publish and consume, by pika."""
    import pika

    parameters = pika.ConnectionParameters("127.0.0.1", port)
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("greetings", durable=True)
        kept = pika.BasicProperties(delivery_mode=2)
        channel.basic_publish("", "greetings", b"Hello, hare!", kept)
        method, _, body = next(channel.consume("greetings", inactivity_timeout=15))
        assert body == b"Hello, hare!"
        channel.basic_ack(method.delivery_tag)


def test_manual_pages() -> None:
    written = pages(__version__)
    assert set(written) == {f"{command}.8" for command in commands()}
    for name, page in written.items():
        assert page.startswith(f'.TH {name[:-2].upper()} 8 "')
        assert "@" not in page.replace("rabbit@", "")
        assert "\\-\\-help" in page or "help" in page


def test_lines_of_a_manual_page_are_no_requests() -> None:
    assert as_is(".x\n'y\na.b\\c -d\n") == "\\&.x\n\\&'y\na.b\\ec \\-d"


def test_manual_pages_have_nothing_that_only_a_terminal_understands() -> None:
    assert as_is("\x1b[1mUsage\x1b[0m:") == "\\fBUsage\\fR:"
    assert "\x1b" not in "".join(pages("1").values())


@pytest.mark.soak
def test_the_wheel_in_an_empty_environment(packages: Path, tmp_path: Path) -> None:
    """With the locked dependencies and nothing else."""
    (wheel,) = packages.glob("*.whl")
    place, lock = tmp_path / "venv", tmp_path / "lock"
    lock.write_text("".join(entry.text for entry in needed(runtime_names()).values()))
    run(sys.executable, "-m", "venv", str(place))
    python = str(place / "bin/python")
    pip = (python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, "--only-binary=:all:", "--require-hashes", "-r", str(lock), cwd=tmp_path)
    run(*pip, "--no-deps", "--no-index", str(wheel), cwd=tmp_path)
    run(python, "-m", "pip", "--disable-pip-version-check", "check", cwd=tmp_path)
    told = run(str(place / "bin/leveret"), "--version", cwd=tmp_path)
    assert told == f"leveret {__version__}\n"
    ready = tmp_path / "ready"
    flags = ["--port=0", "--management-port=0", "--prometheus-port=0", "--bind=127.0.0.1"]
    flags += ["--data-dir", str(tmp_path / "data"), "--ready-file", str(ready)]
    process = subprocess.Popen(
        [str(place / "bin/leveret"), *flags],
        cwd=tmp_path,
        env=without_pythonpath(),
        stderr=subprocess.PIPE,
    )
    try:
        wait_until(ready.exists, "it is ready")
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
