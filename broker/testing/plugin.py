"""The plugin: fixtures, the marker and the settings. pytest is imported here and nowhere else.

Brokers are made when a test wants one, and kept by their settings until the session ends. The
marker `amqp` gives a test other settings by a parameter of the fixture `amqp_broker`, which is of
the session: so what users build on that fixture, in whatever scope, is built anew for a broker with
other settings, and pytest runs the tests of one broker together.

With pytest-xdist each worker is a session with brokers of its own, on free ports.
"""

from __future__ import annotations

import gc
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from broker.testing.amqp_broker import AmqpBroker
    from broker.testing.amqp_clock import AmqpClock

FIXTURE = "amqp_broker"
MARKER = "amqp(settings): settings of the broker that the test gets, by their keys"
NAME_MAX = 60


class Wanted(dict[str, object]):
    """Settings that a marker asks for: the same object for the same settings."""


class Pool:
    """The brokers of a session, by their settings."""

    def __init__(self, common: dict[str, object]):
        self.common = common  # of the ini file
        self._brokers: dict[str, AmqpBroker] = {}
        self._wanted: dict[str, Wanted] = {}

    def wanted(self, marks: Iterable[pytest.Mark]) -> Wanted | None:
        """What markers ask for, the closest one first; None: there are none."""
        settings: dict[str, object] | None = None
        for mark in marks:
            given: dict[str, object] = {}
            for argument in mark.args:
                if not isinstance(argument, dict):
                    raise pytest.UsageError(f"pytest.mark.amqp takes settings, not {argument!r}")
                given.update(argument)
            given.update(mark.kwargs)
            settings = given | (settings or {})
        return (
            None if settings is None else self._wanted.setdefault(_key(settings), Wanted(settings))
        )

    def broker(self, wanted: Wanted | None) -> AmqpBroker:
        """Started, if it does not run yet. Raises: ConfigError, OSError."""
        from broker.testing.amqp_broker import AmqpBroker

        settings = self.common | (wanted or {})
        key = _key(settings)
        if key not in self._brokers:
            broker = AmqpBroker(settings)
            broker.start()
            self._brokers[key] = broker
        return self._brokers[key]

    def clear_faults(self) -> None:
        for broker in self._brokers.values():
            broker.clear_faults()

    def stop(self) -> None:
        while self._brokers:
            self._brokers.popitem()[1].stop()


_POOL = pytest.StashKey[Pool]()


def _key(settings: dict[str, object]) -> str:
    return repr(sorted(settings.items()))


@contextmanager
def modules_as_they_are() -> Iterator[None]:
    """What is imported here keeps its asserts, and its bytecode from when it was installed.

    And the collector does not look for garbage meanwhile, of which there is none: 5 ms of 50.

    pytest rewrites the asserts of all modules of a package that has a plugin. Those of a broker are
    some 140: 0.4 s, and again in each run where no bytecode may be written.
    """
    finders = list(sys.meta_path)
    sys.meta_path[:] = [one for one in finders if not type(one).__module__.startswith("_pytest.")]
    is_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_collecting:
            gc.enable()
        sys.meta_path[:] = [*finders, *(one for one in sys.meta_path if one not in finders)]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "amqp_settings",
        "Settings of Leveret's broker in tests, one `key = value` per line.",
        type="linelist",
        default=[],
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


def pytest_unconfigure(config: pytest.Config) -> None:
    pool = config.stash.get(_POOL, None)
    if pool is not None:
        pool.stop()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with the marker gets `amqp_broker` with its settings as the parameter."""
    if FIXTURE not in metafunc.fixturenames:
        return
    wanted = pool_of(metafunc.config).wanted(metafunc.definition.iter_markers("amqp"))
    if wanted is not None:
        hidden: Any = getattr(
            pytest, "HIDDEN_PARAM", "amqp"
        )  # the names of tests stay, if they can
        metafunc.parametrize(FIXTURE, [wanted], indirect=True, scope="session", ids=[hidden])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Say so where a marker came too late to have an effect."""
    if item.get_closest_marker("amqp") is None or FIXTURE not in getattr(item, "fixturenames", ()):
        return
    wanted = pool_of(item.config).wanted(item.iter_markers("amqp"))
    callspec = getattr(item, "callspec", None)
    if callspec is None or callspec.params.get(FIXTURE) is not wanted:
        pytest.fail(
            "pytest.mark.amqp works on test functions, their classes and modules, but neither on"
            " unittest.TestCase nor on single parameters",
            pytrace=False,
        )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Before fixtures end: a client that is blocked could not even close its connection."""
    pool = item.config.stash.get(_POOL, None)
    if pool is not None:
        pool.clear_faults()


def pool_of(config: pytest.Config) -> Pool:
    """The session's brokers. Raises: UsageError, what the ini file says is no setting."""
    pool = config.stash.get(_POOL, None)
    if pool is None:
        common: dict[str, object] = {}
        for line in config.getini("amqp_settings"):
            key, equals, value = line.partition("=")
            if not equals:
                raise pytest.UsageError(f"amqp_settings takes key = value, not '{line}'")
            common[key.strip()] = value.strip()
        pool = config.stash[_POOL] = Pool(common)
    return pool


@pytest.fixture(scope="session")
def amqp_broker(request: pytest.FixtureRequest) -> AmqpBroker:
    """A broker in memory, in a thread of its own, on a free port: one for the whole session, or for
    all tests whose marker `amqp` gives the same settings."""
    with modules_as_they_are():
        from broker.settings import ConfigError

        try:
            return pool_of(request.config).broker(getattr(request, "param", None))
        except (ConfigError, OSError) as error:
            pytest.fail(f"the broker cannot be started: {error}", pytrace=False)


@pytest.fixture
def amqp_vhost(amqp_broker: AmqpBroker, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a fresh vhost, in which the default user may do everything; dropped after the
    test. A test that leaves connections to it open is warned (`LeftOpenWarning`)."""
    name = re.sub(r"[^A-Za-z0-9_]+", "-", request.node.name)[:NAME_MAX].strip("-")
    with amqp_broker.vhost(name) as vhost:
        yield vhost
        left = [one.client_name or one.name for one in amqp_broker.connections(vhost)]
    if left:
        from broker.testing import LeftOpenWarning

        names = ", ".join(left)
        text = f"the test left {len(left)} connection(s) open, which are closed now: {names}"
        warnings.warn(LeftOpenWarning(text), stacklevel=1)


@pytest.fixture
def amqp_url(amqp_broker: AmqpBroker, amqp_vhost: str) -> str:
    """For clients: amqp://guest:guest@127.0.0.1:port/vhost, of the test's own vhost."""
    return amqp_broker.url_of(amqp_vhost)


@pytest.fixture
def amqp_clock(amqp_broker: AmqpBroker) -> Iterator[AmqpClock]:
    """The broker's clock: `amqp_clock.advance(60)`. Of a broker that other tests use, too: what
    they keep in it grows older with the rest."""
    yield amqp_broker.clock
    amqp_broker.clock.put_right()
