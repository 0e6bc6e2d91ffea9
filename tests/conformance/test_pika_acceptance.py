"""pika's own acceptance tests, from pika's repository, run against our broker.

They come from the tag of the pika we have installed (its packages contain no tests), cloned to a
temporary folder; offline the module is skipped. LEVERET_PIKA_REPOSITORY names another repository to
clone, a path for instance. Only the port is changed, in the copy: pika's tests say 5672.

What RabbitMQ 3.10.8 was seen to pass is what we must pass. The tests of gevent and tornado run
where these are installed. Left out are the tests that talk to no broker: io_services_tests.py,
twisted_adapter_tests.py and enforce_one_basicget_test.py.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest

from tests.conformance.programs.running import Program, broker_port

REPOSITORY = "https://github.com/pika/pika"
VERSION = "1.4.4"
COMMIT = "60fee4203a30d5dfa0500857cea6a65ef571d46c"
CLONE_TIMEOUT_S = 60
RUN_TIMEOUT_S = 150

# RabbitMQ 3.10 closes the connection with 503 here, as we do; the test knows later versions only.
NOT_OF_3_10 = "TestInvalidExchangeTypeRaisesConnectionClosed"
SETTINGS = """\
[pytest]
pythonpath = .
python_files = *_test.py *_tests.py
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with broker_port() as port:
        yield port


@pytest.fixture(scope="module")
def suite(port: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pika's tests, which find our broker."""
    if pika.__version__ != VERSION:
        pytest.skip(f"the tests are those of pika {VERSION}; installed is {pika.__version__}")
    repository = os.environ.get("LEVERET_PIKA_REPOSITORY", REPOSITORY)
    if Path(repository).is_dir():
        repository = Path(repository).absolute().as_uri()
    clone, folder = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("pika")
    quiet = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    command = ["git", "clone", "--quiet", "--depth=1", f"--branch={VERSION}", repository, clone]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=CLONE_TIMEOUT_S, env=quiet)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"pika's repository could not be cloned: {error}")
    commit = subprocess.check_output(["git", "-C", clone, "rev-parse", "HEAD"], text=True).strip()
    assert commit == COMMIT, f"the tag {VERSION} has moved"
    # Away from the clone: it also has a package pika, and the installed one is to be used.
    (clone / "tests").rename(folder / "tests")
    for name in ("base/async_test_base.py", "acceptance/blocking_adapter_test.py"):
        path = folder / "tests" / name
        text = path.read_text()
        assert text.count("5672") == 1
        path.write_text(text.replace("5672", str(port)))
    (folder / "pytest.ini").write_text(SETTINGS)
    return folder


def run(suite: Path, file: str, select: str) -> tuple[list[str], list[str]]:
    """Run one file of pika's tests. Returns: the tests that passed, and that failed."""
    report = suite / f"{file}.xml"
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider"]
    command += ["--maxfail=12", f"--junitxml={report}", "-k", select]
    with Program([*command, f"tests/acceptance/{file}"], cwd=suite) as program:
        program.ends(exit_code=None, timeout_s=RUN_TIMEOUT_S)
        if program.exit_code != 0:
            print(program.text)  # noqa: T201 (pytest shows it with the failure)
    passed, failed = [], []
    for case in ET.parse(report).iter("testcase"):
        name = f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(name)
        elif case.find("skipped") is None:
            passed.append(name)
    return passed, failed


def test_the_blocking_adapter(suite: Path) -> None:
    passed, failed = run(suite, "blocking_adapter_test.py", f"not {NOT_OF_3_10}")
    assert failed == []
    assert len(passed) == 81


def test_the_asynchronous_adapters(suite: Path) -> None:
    """The same 40 conversations over each adapter and kind of event loop."""
    optional = ["gevent", "tornado"]
    absent = [name for name in optional if importlib.util.find_spec(name) is None]
    select = " and ".join(f"not with_{name}" for name in [*absent, "select_kqueue"])
    passed, failed = run(suite, "async_adapter_tests.py", select)
    assert failed == []
    assert len(passed) == 40 * (5 + len(optional) - len(absent))
