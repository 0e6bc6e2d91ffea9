"""What the node does for `rabbitmq-plugins`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from broker.config import Config
from broker.control.actions import Asked
from broker.control.host import SOFTWARE, Failure
from broker.control.plugins import change, directories, state
from broker.plugins import ONLY_IMPLICIT, PLUGINS, with_dependencies


class FakeHost:
    """Does at once what it is told to; its app runs, or does not."""

    def __init__(self, *enabled: str, is_running: bool = True):
        self.enabled_plugins = frozenset(enabled)
        self.config = Config()
        self.enabled_plugins_file = "/f"
        self.node = object() if is_running else None

    @property
    def active_plugins(self) -> list[str]:
        return sorted(with_dependencies(self.enabled_plugins)) if self.node is not None else []

    async def change_plugins(self, how: Callable[[frozenset[str]], frozenset[str]]) -> None:
        self.enabled_plugins = how(self.enabled_plugins)


def asked_of(host: FakeHost, action: Callable[..., Any], **given: Any) -> Any:
    return asyncio.run(action(Asked(host), **given))  # type: ignore[arg-type]


def test_what_is_enabled_and_what_is_on() -> None:
    host = FakeHost("rabbitmq_prometheus", "bogus", is_running=False)
    found = asked_of(host, state)
    assert found == {
        "enabled": ["bogus", "rabbitmq_prometheus"],
        "running": [],
        "version": host.config.identity.product_version,
    }
    assert asked_of(host, directories)["enabled_plugins_file"] == "/f"


@pytest.mark.parametrize("is_running", [True, False])
def test_a_change_tells_what_it_did(is_running: bool) -> None:
    host = FakeHost("rabbitmq_sharding", is_running=is_running)
    names = ["rabbitmq_prometheus"]
    found = asked_of(host, change, how="set", names=names)
    there = sorted({*names, *ONLY_IMPLICIT})
    assert found == {
        "before": ["rabbitmq_sharding"],
        "set": there,
        "started": there if is_running else [],
        "stopped": ["rabbitmq_sharding"] if is_running else [],
        "is_online": is_running,
    }


def test_all_of_them() -> None:
    host = FakeHost()
    assert asked_of(host, change, how="enable", names=None)["set"] == sorted(PLUGINS)
    assert asked_of(host, change, how="disable", names=None)["set"] == []


def test_names_of_nothing_are_told_as_a_term() -> None:
    host = FakeHost("rabbitmq_sharding")
    with pytest.raises(Failure) as caught:
        asked_of(host, change, how="enable", names=["b", "a", "rabbitmq_management"])
    assert (caught.value.kind, caught.value.code) == ("reason", SOFTWARE)
    assert caught.value.reason == ("plugins_not_found", ["a", "b"])
    assert host.enabled_plugins == {"rabbitmq_sharding"}
