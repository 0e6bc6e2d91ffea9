"""What keeps a node from starting: one line that says why, and RabbitMQ's exit code.

Each case starts a real process. Rights are tried as root without its privileges, too; what this
system does not let us try is skipped.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.integration.support import serves, wait_until
from tests.support.certificates import Authority
from tests.support.process import FREE_PORTS, BrokerProcess

ROOT = Path(__file__).parents[2]
WITHOUT_PRIVILEGES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--")
TIMEOUT_S = 20
PAGE = ROOT / "docs" / "troubleshooting.md"


class Case(NamedTuple):
    """flags: {d} stands for a directory of its own. expected: the line, likewise."""

    name: str
    flags: str
    expected: str
    prepare: Callable[[Path], object] = lambda directory: None
    is_restricted: bool = False  # root's privileges would let it through
    code: int = 1


def put(name: str, text: str | bytes, mode: int = 0o644) -> Callable[[Path], object]:
    def prepare(directory: Path) -> None:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(mode)

    return prepare


def make(name: str, mode: int = 0o755) -> Callable[[Path], object]:
    return lambda directory: (directory / name).mkdir(mode=mode, parents=True)


def identity(text: str) -> Callable[[Path], object]:
    return put("data/identity.json", text)


def newer_catalogue(directory: Path) -> None:
    (directory / "data").mkdir()
    with contextlib.closing(sqlite3.connect(directory / "data" / "catalogue.db")) as catalogue:
        catalogue.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value)")
        catalogue.execute("INSERT INTO meta VALUES ('format', 99)")
        catalogue.commit()


def certificate(wrong: bool) -> Callable[[Path], object]:
    def prepare(directory: Path) -> None:
        authority = Authority(directory)
        first, second = authority.issue("server"), authority.issue("other")
        (directory / "cert.pem").write_bytes(Path(first.cert).read_bytes())
        key = second if wrong else first
        (directory / "key.pem").write_bytes(Path(key.key).read_bytes())

    return prepare


DATA = "--data-dir {d}/data"
NONE = "--data-dir none"
TLS = (
    f"{NONE} --set listeners.ssl.default=0 --set ssl_options.certfile={{d}}/cert.pem"
    " --set ssl_options.keyfile={d}/key.pem"
)
UNIX = f"{NONE} --set listeners.unix.1="

CASES = [
    # settings
    Case("setting", f"{NONE} --set hartbeat=1", "unknown setting 'hartbeat'"),
    Case("value", f"{NONE} --set heartbeat=soon", "heartbeat"),
    Case("no value", f"{NONE} --set heartbeat", "--set takes key=value, not 'heartbeat'"),
    Case("no config", "--config {d}/no.yaml", "{d}/no.yaml"),
    Case("config is a directory", "--config {d}", "{d}"),
    Case(
        "config is locked",
        "--config {d}/c.yaml",
        "{d}/c.yaml",
        put("c.yaml", "heartbeat: 1\n", 0),
        is_restricted=True,
    ),
    Case("config is binary", "--config {d}/c.yaml", "{d}/c.yaml", put("c.yaml", bytes(range(256)))),
    Case("config is no YAML", "--config {d}/c.yaml", "{d}/c.yaml", put("c.yaml", "a: [1\nb: 2\n")),
    Case("flag", "--nonsense", "unrecognized arguments: --nonsense", code=2),
    # addresses
    Case(
        "address of another",
        f"{NONE} --bind 192.0.2.99",
        "cannot listen on 192.0.2.99:0: Cannot assign requested address",
    ),
    Case("no address", f"{NONE} --bind no.such.host.invalid", "cannot listen on no.such.host"),
    Case(
        "port of root",
        f"{NONE} --port 7",
        "cannot listen on 127.0.0.1:7: Permission denied",
        is_restricted=True,
    ),
    Case("port beyond", f"{NONE} --port 70000", "must be at most 65535"),
    Case("a file is at the path", UNIX + "{d}/mq", "cannot listen on {d}/mq", put("mq", "")),
    Case("no directory", UNIX + "{d}/no/mq", "cannot listen on {d}/no/mq: No such file"),
    Case("long path", UNIX + "{d}/" + "m" * 200, "cannot listen on {d}/mmm"),
    # certificates
    Case("no certificate", TLS, "ssl_options.certfile: {d}/cert.pem: No such file or directory"),
    Case(
        "no PEM",
        TLS,
        "ssl_options: {d}/cert.pem has no certificate in PEM",
        lambda d: (put("cert.pem", "words")(d), put("key.pem", "words")(d)),
    ),
    Case(
        "key of another",
        TLS,
        "the private key does not belong to the certificate in",
        certificate(wrong=True),
    ),
    Case(
        "locked key",
        TLS,
        "ssl_options.keyfile: {d}/key.pem: Permission denied",
        lambda d: (certificate(wrong=False)(d), (d / "key.pem").chmod(0)),
        is_restricted=True,
    ),
    # the data directory
    Case("data is a file", DATA, "the data directory {d}/data: Not a directory", put("data", "")),
    Case("below a file", "--data-dir {d}/f/data", "cannot use the data directory", put("f", "")),
    Case(
        "data is read-only",
        DATA,
        "cannot use the data directory {d}/data: Permission denied",
        make("data", 0o555),
        is_restricted=True,
    ),
    Case(
        "data of another node",
        f"{DATA} --node-name rabbit@here",
        "the data directory belongs to node rabbit@there, not to rabbit@here",
        identity('{"format": 1, "node": "rabbit@there"}'),
    ),
    Case(
        "newer data",
        DATA,
        "the data directory has format 9, this release knows 1",
        identity('{"format": 9, "node": "rabbit@there"}'),
    ),
    Case("damaged identity", DATA, "identity.json in the data directory is damaged", identity("x")),
    Case("binary identity", DATA, "identity.json", put("data/identity.json", b"\xff\xfe\0")),
    Case("identity is a directory", DATA, "identity.json", make("data/identity.json")),
    Case(
        "catalogue is nonsense", DATA, "catalogue.db", put("data/catalogue.db", b"nonsense" * 999)
    ),
    Case("newer catalogue", DATA, "was written by a later release (format 99", newer_catalogue),
    Case("catalogue is a directory", DATA, "catalogue.db", make("data/catalogue.db")),
    Case("log is a file", DATA, "{d}/data/log", put("data/log", "")),
    Case("lock is a directory", DATA, "cannot use the data directory", make("data/lock")),
    # the ready file
    Case(
        "no such place",
        f"{NONE} --ready-file {{d}}/no/ready",
        "{d}/no/ready: No such file or directory",
    ),
    Case("ready is a directory", f"{NONE} --ready-file {{d}}", "leveret: {d}: Is a directory"),
]


@cache
def documented() -> list[re.Pattern[str]]:
    """The lines of the page, where <…> stands for anything."""
    lines = re.findall(r"^\| `(.*?)` \| .", PAGE.read_text(), re.MULTILINE)
    return [re.compile(re.sub(r"<[^>]*>", ".+", re.escape(line))) for line in lines]


def start(*flags: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """A whole run. before: what the command is given to."""
    command = [*before, sys.executable, "-m", "broker", "--bind", "127.0.0.1", *FREE_PORTS]
    try:
        return subprocess.run(
            [*command, *flags],
            cwd=ROOT,
            env={**os.environ, "PYTHONWARNINGS": "default"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, -1, "", "it has started, and goes on")


def run_case(case: Case, directory: Path) -> subprocess.CompletedProcess[str] | None:
    """None: this system does not let us try."""
    directory.mkdir()
    try:
        case.prepare(directory)
    except pytest.skip.Exception:
        return None
    before: tuple[str, ...] = ()
    if case.is_restricted and os.geteuid() == 0:
        if shutil.which(WITHOUT_PRIVILEGES[0]) is None:
            return None
        before = WITHOUT_PRIVILEGES
    flags = case.flags.replace("{d}", str(directory)).split(" ")
    return start("--set", "log.level=error", *flags, before=before)


@pytest.fixture(scope="module")
def results(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, tuple[Path, subprocess.CompletedProcess[str] | None]]:
    """Of all cases, two at a time."""
    root = tmp_path_factory.mktemp("starts")
    directories = [root / str(number) for number in range(len(CASES))]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(run_case, CASES, directories))
    return {case.name: (d, r) for case, d, r in zip(CASES, directories, done, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_line_and_an_exit_code(
    case: Case, results: dict[str, tuple[Path, subprocess.CompletedProcess[str] | None]]
) -> None:
    directory, result = results[case.name]
    if result is None:
        pytest.skip("cannot be tried here: no openssl, or root's privileges cannot be dropped")
    assert result.returncode == case.code, result.stderr
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if line[:6] not in ("usage:", "      ")]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("leveret: ")
    assert case.expected.replace("{d}", str(directory)) in lines[0]
    line = lines[0].removeprefix("leveret: ")
    assert any(known.fullmatch(line) for known in documented()), f"not in {PAGE.name}: {line}"


def test_a_second_instance_and_a_busy_port() -> None:
    with BrokerProcess() as broker:
        result = start("--data-dir", str(broker.data_dir), "--set", "log.level=error")
        assert (result.returncode, result.stderr) == (
            1,
            f"leveret: the data directory {broker.data_dir} is in use by another process"
            f" (pid {broker.pid})\n",
        )
        for flag, port in (("--port", "amqp"), ("--management-port", "management")):
            number = str(broker.ports[port])
            flags = ("--data-dir", "none", "--set", "log.level=error", flag, number)
            result = start(*flags)
            assert (result.returncode, result.stderr) == (
                1,
                f"leveret: cannot listen on 127.0.0.1:{number}: Address already in use\n",
            )


@pytest.mark.parametrize("size", ["4k", "64k"])
def test_a_full_disk(tmp_path: Path, size: str) -> None:
    """A small one of its own, for that process alone."""
    mounted = f'mount -t tmpfs -o size={size} none "$0" && exec "$@"'
    before = ("unshare", "--mount", "--map-root-user", "sh", "-c")
    with contextlib.suppress(OSError):
        if not subprocess.run([*before, mounted, str(tmp_path), "true"], check=False).returncode:
            flags = ("--data-dir", str(tmp_path), "--set", "log.level=error")
            result = start(*flags, before=(*before, mounted, str(tmp_path)))
            assert result.returncode == 1
            assert len(result.stderr.splitlines()) == 1, result.stderr
            assert result.stderr.startswith("leveret: ")
            assert str(tmp_path) in result.stderr
            assert "No space left" in result.stderr or "disk is full" in result.stderr
            return
    pytest.skip("nothing can be mounted here")


class Odd(NamedTuple):
    """What a node starts with all the same. redirections: of the shell."""

    name: str
    redirections: str = ""
    environment: str = ""
    python: str = ""


ODD = [
    Odd("no input", "0<&-"),
    Odd("no error output", "2>&-"),
    Odd("no outputs at all", "0<&- 1>&- 2>&-"),
    Odd("full outputs", "1>/dev/full 2>/dev/full"),
    Odd("optimised", python="-O"),
    Odd("without docstrings", python="-OO"),
    Odd("isolated bytes", environment="LC_ALL=C PYTHONIOENCODING=ascii PYTHONUTF8=0"),
    Odd("no such locale", environment="LC_ALL=nonsense LANG=xx_YY.zz"),
    Odd("no home", environment="-u HOME -u XDG_STATE_HOME"),
    Odd("a home that cannot be", environment="HOME=/dev/null/home"),
    Odd("no path", environment="-u PATH"),
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_it_starts_all_the_same(odd: Odd, tmp_path: Path) -> None:
    ready, data = tmp_path / "ready", tmp_path / "data"
    command = (
        f"exec env {odd.environment} {sys.executable} {odd.python} -m broker --bind 127.0.0.1"
        f" {' '.join(FREE_PORTS)} --data-dir {data} --ready-file {ready} {odd.redirections}"
    )
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(["sh", "-c", command], cwd=ROOT, stdout=output, stderr=output)
        try:
            wait_until(lambda: ready.exists() or process.poll() is not None, "it is ready")
            assert process.poll() is None, log.read_text()
            serves(json.loads(ready.read_text())["ports"]["amqp"])
            files = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)]
            assert not any(str(data) in file or file.startswith("socket:") for file in files)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT_S) == 0
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("moment", ["at once", "listening"])
def test_a_signal_while_it_starts(tmp_path: Path, moment: str) -> None:
    """It ends, cleanly or as the signal says, and the next start finds nothing wrong."""
    with BrokerProcess(data_dir=tmp_path / "data") as broker:
        broker.stop()
        broker.log.write_text("")
        broker.launch()
        if moment == "listening":
            wait_until(lambda: "Limiting" in broker.log.read_text(), "it has begun")
        assert broker.stop() in (0, -signal.SIGTERM)
        assert "Traceback" not in broker.log.read_text()
        broker.start()
        serves(broker.port)
        assert "ERROR" not in broker.log.read_text()
