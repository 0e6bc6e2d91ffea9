"""The examples for test suites, run as their readers would, and what the fixtures cost."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "testing"
# by its name, whether the entry point is installed or not
PLUGIN = ("-p", "no:leveret", "-p", "broker.testing.plugin", "-p", "no:cacheprovider")
UNUSED = ("-p", "no:schemathesis", "-p", "no:hypothesispytest")  # a second to import

# What a plain broker does not need: its imports would be most of the time to the first test.
LATE = {
    *("h11", "sqlite3", "yaml", "ctypes", "encodings.idna", "broker.server.http"),
    *("broker.store.format", "broker.management", "broker.reconfiguring", "broker.vhost_defaults"),
    *("broker.hooks.log_exchange", "broker.hooks.definition_events"),
}


def python(*arguments: str | Path, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=directory,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("flags", [(), ("-n", "2")], ids=["alone", "parallel"])
def test_the_examples_pass(flags: tuple[str, ...]) -> None:
    done = python("-m", "pytest", "-q", *PLUGIN, *UNUSED, *flags, directory=EXAMPLES)
    assert done.returncode == 0, done.stdout + done.stderr
    texts = "".join(path.read_text() for path in EXAMPLES.glob("test_*.py"))
    count = len(re.findall(r"^(?:async )?def test_", texts, re.MULTILINE))
    assert f"{count} passed" in done.stdout


def test_each_worker_has_a_broker_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "test_many.py").write_text(
        "import pathlib, pytest\n"
        "@pytest.mark.parametrize('n', range(20))\n"
        "def test_it(amqp_broker, worker_id, n):\n"
        "    file = pathlib.Path(__file__).with_name(worker_id)\n"
        "    with file.open('a') as text: print(amqp_broker.port, file=text)\n"
    )
    flags = ("-q", *PLUGIN, *UNUSED, "-n", "2", "--dist", "each")
    done = python("-m", "pytest", *flags, directory=tmp_path)
    assert "40 passed" in done.stdout, done.stdout + done.stderr
    ports = {name: (tmp_path / name).read_text().split() for name in ("gw0", "gw1")}
    assert [len(found) for found in ports.values()] == [20, 20]
    assert [len(set(found)) for found in ports.values()] == [1, 1]
    assert ports["gw0"] != ports["gw1"]


def test_the_first_program_of_the_page_passes(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "testing.md").read_text()
    found = re.search(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    (tmp_path / "test_page.py").write_text(found[1])
    flags = ("-q", "-W", "error", *PLUGIN, *UNUSED, "-p", "no:asyncio")
    done = python("-m", "pytest", *flags, directory=tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_run_that_does_not_use_them_does_not_import_the_broker(tmp_path: Path) -> None:
    """Every run of pytest loads the plugin, wherever Leveret is installed."""
    program = """
        import sys
        import pytest
        before = set(sys.modules)
        import broker.testing.plugin
        print(*sorted(set(sys.modules) - before))
    """
    done = python("-c", re.sub(r"^ +", "", program, flags=re.M), directory=tmp_path)
    assert done.stdout.split() == [
        "broker",
        "broker.testing",
        "broker.testing.plugin",
        "broker.version",
    ], done.stderr


def test_a_plain_broker_imports_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    program = """
        import sys
        from broker.testing import AmqpBroker
        with AmqpBroker() as broker:
            print(*sys.modules)
    """
    done = python("-c", re.sub(r"^ {8}", "", program, flags=re.M), directory=tmp_path)
    assert "broker.testing.amqp_broker" in done.stdout, done.stderr
    assert not set(done.stdout.split()) & LATE
