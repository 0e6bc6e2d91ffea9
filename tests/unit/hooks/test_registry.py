"""Interceptors of installed packages: a package made on the fly."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from broker.config import ConfigError
from broker.hooks import Interceptor, registry
from broker.hooks.registry import ENTRY_POINT_GROUP, load
from broker.node import Node
from tests.support.peer import World

PLUGIN = """
from broker.hooks import DROP, AccessRefused, Interceptor


class Stamp(Interceptor):
    def on_publish(self, message):
        return message.changed(headers={"stamped": message.routing_key})


class Rename(Interceptor):
    def on_publish(self, message):
        return message.changed(routing_key="q")


class Broken(Interceptor):
    def __init__(self):
        raise RuntimeError("no licence")


def stranger():
    return object()
"""
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a package with these entry points where Python finds it."""
    monkeypatch.delitem(sys.modules, "leveret_trial_hooks", raising=False)

    def install(**entry_points: str) -> None:
        (tmp_path / "leveret_trial_hooks.py").write_text(PLUGIN)
        metadata = tmp_path / "leveret_trial_hooks-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: leveret-trial-hooks\nVersion: 1.0\n"
        )
        lines = [f"{name} = leveret_trial_hooks:{value}" for name, value in entry_points.items()]
        text = "\n".join([f"[{ENTRY_POINT_GROUP}]", *lines])
        (metadata / "entry_points.txt").write_text(f"{text}\n")
        monkeypatch.syspath_prepend(tmp_path)

    return install


def test_they_come_in_the_order_of_the_setting_under_their_names(install: Install) -> None:
    install(stamp="Stamp", rename="Rename")
    found = load(("rename", "stamp"))
    assert [one.name for one in found] == ["rename", "stamp"]
    assert all(isinstance(one, Interceptor) for one in found)


@pytest.mark.parametrize(("order", "stamped"), [("stamp, rename", "k"), ("rename,stamp", "q")])
def test_a_message_goes_through_all_of_them_in_order(
    install: Install, order: str, stamped: str
) -> None:
    install(stamp="Stamp", rename="Rename")
    peer = World({"interceptors": order}).peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "k", "body")
    content = peer.gets(1, "q")
    assert content is not None
    assert content.properties.headers["stamped"].value == stamped
    assert content.method.routing_key == "q"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nobody", "'interceptors': no installed package has one called 'nobody'"),
        ("broken", "'interceptors': 'broken' cannot be used: RuntimeError: no licence"),
        ("missing", "'interceptors': 'missing' cannot be used: AttributeError: "),
        ("stranger", "'stranger' cannot be used: TypeError: leveret_trial_hooks:stranger is not a"),
    ],
)
def test_one_that_cannot_be_used_stops_the_start(install: Install, name: str, text: str) -> None:
    install(broken="Broken", missing="Nothing", stranger="stranger")
    with pytest.raises(ConfigError) as refusal:
        World({"interceptors": name})
    assert text in str(refusal.value)


def test_without_names_no_package_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda **_: pytest.fail("looked up"))
    assert Node().vhosts == {}
