"""The fixtures, in runs of pytest within this one; see also tests/integration/test_fixtures.py."""

from __future__ import annotations

import gc
import textwrap
import tomllib
from pathlib import Path

import pytest

import broker.testing
from broker.testing import plugin

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[3]
LEFT_OPEN = "broker.testing.LeftOpenWarning"
CLIENT = """
import pika, pytest, threading

def connect(url):
    return pika.BlockingConnection(pika.URLParameters(url))
"""


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A directory for tests; no plugin is loaded but ours."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return pytester


def run(inner: pytest.Pytester, text: str, *flags: str, **outcomes: int) -> list[str]:
    """Returns: what was printed."""
    inner.makepyfile(CLIENT + textwrap.dedent(text))
    flags = ("--strict-markers", "-p", "no:cacheprovider", *flags)
    result = inner.runpytest_inprocess(*flags, plugins=[plugin])
    result.assert_outcomes(**outcomes)
    return list(result.outlines)


def test_the_distribution_announces_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"leveret": plugin.__name__}


def test_the_names_for_annotations_are_there() -> None:
    for name in broker.testing.__all__:
        assert getattr(broker.testing, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'AmqpServer'"):
        _ = broker.testing.AmqpServer


def test_each_test_has_a_vhost_of_its_own_in_one_broker(inner: pytest.Pytester) -> None:
    run(
        inner,
        """
        brokers, vhosts = set(), []

        @pytest.mark.parametrize("name", ["a", "b/ü"])
        def test_publish(amqp_url, amqp_vhost, amqp_broker, name):
            assert amqp_url.endswith("/" + amqp_vhost)
            brokers.add(amqp_broker)
            vhosts.append(amqp_vhost)
            connection = connect(amqp_url)
            channel = connection.channel()
            channel.queue_declare("q", durable=True)
            channel.basic_publish("", "q", b"1")
            assert [message.body for message in amqp_broker.messages("q")] == [b"1"]
            connection.close()

        def test_after(amqp_broker):
            assert brokers == {amqp_broker}
            assert len(set(vhosts)) == 2
            assert amqp_broker.call(lambda node: list(node.vhosts)) == ["/"]
        """,
        "-W",
        "error",
        passed=3,
    )


def test_the_session_leaves_no_thread(inner: pytest.Pytester) -> None:
    text = """
def test_one(amqp_broker): assert any(t.name == "leveret" for t in threading.enumerate())
def test_two(amqp_url): pass
"""
    import threading

    before = threading.active_count()
    run(inner, text, passed=2)
    assert threading.active_count() == before


def test_connections_that_are_left_open_are_told_of_and_closed(inner: pytest.Pytester) -> None:
    text = """
def test_leak(amqp_url):
    global left
    left = connect(amqp_url)

def test_after(amqp_broker):
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="CONNECTION_FORCED"):
        left.process_data_events(1)
    assert amqp_broker.connections() == []
    assert amqp_broker.call(lambda node: list(node.vhosts)) == ["/"]
"""
    said = "\n".join(run(inner, text, "-W", f"always::{LEFT_OPEN}", passed=2, warnings=1))
    assert "LeftOpenWarning: the test left 1 connection(s) open" in said
    run(inner, text, "-W", f"error::{LEFT_OPEN}", passed=2, errors=1)


def test_markers_give_other_settings(inner: pytest.Pytester) -> None:
    text = """
import asyncio
seen = {}

def settings(broker):
    return broker.broker.config.limits.heartbeat_s, broker.broker.config.limits.channel_max

@pytest.fixture(scope="session")
def built_on_it(amqp_broker):
    return amqp_broker.port

def test_plain(amqp_broker, built_on_it):
    assert settings(amqp_broker) == (60, 2047)
    assert built_on_it == amqp_broker.port

@pytest.mark.amqp({"heartbeat": 7}, channel_max=9)
def test_marked(amqp_url, amqp_broker, built_on_it):
    assert settings(amqp_broker) == (7, 9)
    assert built_on_it == amqp_broker.port
    seen["marked"] = amqp_broker
    connection = connect(amqp_url)
    assert connection._impl.params.channel_max and connection._impl._channels is not None
    connection.close()

@pytest.mark.amqp(heartbeat=7)
class TestMarked:
    def test_class(self, amqp_broker):
        assert settings(amqp_broker) == (7, 2047)

    @pytest.mark.amqp(channel_max=9)
    def test_both(self, amqp_broker):
        assert settings(amqp_broker) == (7, 9)
        assert seen["marked"] is amqp_broker

    @pytest.mark.amqp(heartbeat=8)
    @pytest.mark.parametrize("n", [1, 2])
    def test_closest(self, n, amqp_broker):
        assert settings(amqp_broker) == (8, 2047)

    def test_without(self):
        pass
"""
    run(inner, text, passed=7)


@pytest.mark.skipif(not hasattr(pytest, "HIDDEN_PARAM"), reason="pytest before 8.4")
def test_a_marker_does_not_rename_a_test(inner: pytest.Pytester) -> None:
    text = "@pytest.mark.amqp(heartbeat=7)\ndef test_it(amqp_broker): pass\n"
    assert any(line.endswith("::test_it PASSED") or "::test_it " in line
               for line in run(inner, text, "-v", passed=1))  # fmt: skip


def test_the_ini_file_has_settings_for_all(inner: pytest.Pytester) -> None:
    inner.makeini("[pytest]\namqp_settings =\n  heartbeat = 5\n  management.enabled = true\n")
    text = """
def test_ini(amqp_broker):
    assert amqp_broker.broker.config.limits.heartbeat_s == 5
    assert amqp_broker.management_url.startswith("http://127.0.0.1:")

@pytest.mark.amqp(heartbeat=6)
def test_both(amqp_broker):
    assert amqp_broker.broker.config.limits.heartbeat_s == 6
    assert amqp_broker.management_url
"""
    run(inner, text, passed=2)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("hartbeat = 5", "unknown setting 'hartbeat'; did you mean 'heartbeat'?"),
        ("heartbeat", "amqp_settings takes key = value, not 'heartbeat'"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(inner: pytest.Pytester, line: str, said: str) -> None:
    inner.makeini(f"[pytest]\namqp_settings = {line}\n")
    lines = run(inner, "def test_it(amqp_broker): pass\n", errors=1)
    assert any(said in found for found in lines)
    assert not any(found.startswith("Traceback") for found in lines)


@pytest.mark.parametrize(
    "text",
    [
        "@pytest.mark.parametrize('n', [pytest.param(1, marks=pytest.mark.amqp(heartbeat=7))])\n"
        "def test_it(amqp_broker, n): pass\n",
        "import unittest\n"
        "@pytest.mark.amqp(heartbeat=7)\n"
        "@pytest.mark.usefixtures('amqp_broker')\n"
        "class TestIt(unittest.TestCase):\n"
        "    def test_it(self): pass\n",
    ],
)
def test_a_marker_that_cannot_work_says_so(inner: pytest.Pytester, text: str) -> None:
    lines = run(inner, text, errors=1)
    assert any("neither on unittest.TestCase nor on single parameters" in line for line in lines)


def test_a_marker_takes_settings_only(inner: pytest.Pytester) -> None:
    lines = run(inner, "@pytest.mark.amqp(7)\ndef test_it(amqp_broker): pass\n", errors=1)
    assert any("pytest.mark.amqp takes settings, not 7" in line for line in lines)


def test_faults_and_the_time_of_day_end_with_the_test(inner: pytest.Pytester) -> None:
    text = """
import time

@pytest.fixture
def channel(amqp_url):
    connection = connect(amqp_url)
    yield connection.channel()
    connection.close()

def test_first(channel, amqp_broker, amqp_clock):
    amqp_broker.refuse_connections()
    amqp_clock.advance(3600)
    channel.basic_publish("", "q", b"1")
    amqp_broker.block_publishers()  # to close it would wait for the end of that

def test_second(amqp_broker, amqp_url):
    assert amqp_broker.call(lambda node: node.alarms) == {}
    assert abs(amqp_broker.call(lambda node: node.clock.epoch_ms()) / 1000 - time.time()) < 600
    connect(amqp_url).close()
"""
    run(inner, text, passed=2)


@pytest.mark.parametrize("is_on", [True, False])
def test_nothing_is_collected_while_the_broker_is_imported(is_on: bool) -> None:
    def fail() -> None:
        with plugin.modules_as_they_are():
            assert not gc.isenabled()
            raise ImportError

    before = gc.isenabled()
    (gc.enable if is_on else gc.disable)()
    try:
        with pytest.raises(ImportError):
            fail()
        assert gc.isenabled() is is_on
    finally:
        (gc.enable if before else gc.disable)()


def test_the_modules_of_the_broker_are_not_rewritten(inner: pytest.Pytester) -> None:
    """As pytest marks them that an installed package with a plugin has."""
    inner.makeconftest("import pytest\npytest.register_assert_rewrite('broker')")
    inner.makepyfile(
        """
        import sys

        def test_them(amqp_url):
            ours = {name: vars(module) for name, module in sys.modules.items()
                    if name.startswith("broker.")}
            assert "broker.boot" in ours
            rewritten = [name for name, names in ours.items() if "@pytest_ar" in names]
            assert rewritten == ["broker.testing.plugin"]
            import broker.cli.units
            assert "@pytest_ar" in vars(broker.cli.units)  # they would be
        """
    )
    flags = ("-p", plugin.__name__, "-p", "no:cacheprovider")
    inner.runpytest_subprocess(*flags).assert_outcomes(passed=1)
