"""Built-in types, and those of an installed package: a real dist-info directory on sys.path."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from broker.amqp.methods import ChannelClose, ExchangeDeclare, ExchangeDeclareOk
from broker.exchanges import registry
from broker.exchanges.direct import DirectExchange
from broker.exchanges.registry import ENTRY_POINT_GROUP, find_type, type_names
from tests.support.peer import World

PLUGIN = '''
from broker.exchanges.exchange import Exchange

class ReverseExchange(Exchange):
    """Routes to the destination whose key is the message's, backwards."""

    type_name = "x-reverse"

    def bind(self, binding):
        self.arguments.setdefault(binding.routing_key[::-1], binding.destination)

    def unbind(self, binding):
        del self.arguments[binding.routing_key[::-1]]

    def route(self, routing_key, headers):
        found = self.arguments.get(routing_key)
        return () if found is None else (found,)

class Impostor:
    pass

class NewDirect(Exchange):
    type_name = "direct"
'''

Install = Callable[..., None]
BUILT_IN = (
    *("direct", "fanout", "headers", "topic", "x-consistent-hash"),
    *("x-local-random", "x-modulus-hash", "x-random", "x-recent-history"),
)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a package with these entry points where Python finds it."""
    for name in BUILT_IN:  # a module is imported, and its type entered, only once
        find_type(name)
    monkeypatch.setattr(registry, "_types", dict(registry._types))
    monkeypatch.setattr(registry, "_looked_outside", False)
    monkeypatch.delitem(sys.modules, "leveret_trial_plugin", raising=False)

    def install(**entry_points: str) -> None:
        (tmp_path / "leveret_trial_plugin.py").write_text(PLUGIN)
        metadata = tmp_path / "leveret_trial_plugin-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: leveret-trial-plugin\nVersion: 1.0\n"
        )
        lines = [f"{name.replace('_', '-')} = {value}" for name, value in entry_points.items()]
        text = "\n".join([f"[{ENTRY_POINT_GROUP}]", *lines])
        (metadata / "entry_points.txt").write_text(f"{text}\n")
        monkeypatch.syspath_prepend(tmp_path)

    return install


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_types_are_found(name: str) -> None:
    found = find_type(name)
    assert found is not None
    assert found.type_name == name


def test_a_start_imports_the_four_standard_types_only() -> None:
    program = (
        "import sys; from broker.node import Node; Node().make_defaults();"
        "print(sorted(n for n in sys.modules if n.startswith('broker.exchanges.x_')))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"


def test_a_name_nobody_knows_is_not_found() -> None:
    assert find_type("x-nobody-has-this") is None


def test_the_type_of_an_installed_package_is_found(install: Install) -> None:
    install(x_reverse="leveret_trial_plugin:ReverseExchange")
    found = find_type("x-reverse")
    assert found is not None
    assert found.__name__ == "ReverseExchange"
    assert set(type_names()) >= {*BUILT_IN, "x-reverse"}


def test_it_can_be_declared_bound_and_published_to(install: Install) -> None:
    install(x_reverse="leveret_trial_plugin:ReverseExchange")
    peer = World().peer()
    peer.opens_channel(1)
    peer.sends(1, ExchangeDeclare(exchange="r", type="x-reverse"))
    peer.receives(1, ExchangeDeclareOk())
    peer.declares(1, "q")
    peer.binds(1, "q", "r", "abc")
    peer.publishes(1, "cba", "x", exchange="r")
    peer.publishes(1, "abc", "y", exchange="r")
    assert peer.world.queue("q").ready_count == 1


def test_what_is_not_an_exchange_is_logged_and_left_out(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install(
        x_impostor="leveret_trial_plugin:Impostor",
        x_missing="leveret_trial_plugin:Missing",
        x_reverse="leveret_trial_plugin:ReverseExchange",
    )
    with caplog.at_level(logging.ERROR):
        assert find_type("x-impostor") is None
    assert caplog.text.count("an exchange type could not be loaded") == 2
    assert find_type("x-reverse") is not None


def test_a_package_cannot_replace_a_built_in_type(install: Install) -> None:
    install(direct="leveret_trial_plugin:NewDirect")
    assert find_type("x-look-outside") is None
    assert find_type("direct") is DirectExchange


def test_installed_packages_are_read_once(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install()
    find_type("x-unknown")
    monkeypatch.setattr(registry, "entry_points", lambda **_: pytest.fail("read again"))
    find_type("x-unknown")


def test_an_unknown_type_is_refused_with_503() -> None:
    peer = World().peer()
    peer.opens_channel(1)
    peer.sends(1, ExchangeDeclare(exchange="e", type="x-unknown"))
    peer.is_closed_with(
        0, 503, "COMMAND_INVALID - unknown exchange type 'x-unknown'", ExchangeDeclare.ids
    )
    assert not any(isinstance(command, ChannelClose) for command in peer.takes_all(1))
