from __future__ import annotations

import pytest

from broker.config import Config
from broker.configuration.building import (
    Building,
    ConfigurationError,
    Entry,
    Place,
    entries_by_key,
    is_secret,
    setting_keys,
)


def test_of_the_same_key_the_last_value_counts_and_its_place_is_known() -> None:
    building = Building()
    building.put("heartbeat", 1, Place("a.conf", 3))
    building.put("heartbeat", 2, Place("b.yaml"))
    building.put("listeners.tcp.1", "5673", "--set")
    assert building.finished().limits.heartbeat_s == 2
    assert building.sources == {"heartbeat": "b.yaml", "listeners.tcp": "--set"}


def test_all_mistakes_are_told_together() -> None:
    building = Building()
    building.put("heartbeat", "often", Place("a", 1))
    building.put("hartbeat", 1, Place("a", 2))
    building.put("channel_max", 5, Place("a", 3))
    building.refuse("", "and another")
    with pytest.raises(ConfigurationError) as caught:
        building.finished()
    assert caught.value.problems == (
        "a:1: 'heartbeat' must be a number, not 'often'",
        "a:2: unknown setting 'hartbeat'; did you mean 'heartbeat'?",
        "and another",
    )
    assert building.config.limits.channel_max == 5
    assert "heartbeat" not in building.sources


def test_a_warning_is_given_once() -> None:
    building = Building()
    for _ in range(2):
        building.warn("a:1", "no effect")
    building.warn("a:2", "no effect")
    assert building.warnings == ["a:1: no effect", "a:2: no effect"]


def test_secrets_are_known_as_such() -> None:
    assert {key for key in setting_keys() if is_secret(key)} == {
        "default_pass",
        "default_users",
        "ssl_options.password",
        "anonymous_login_pass",
        "management.ssl.password",
        "prometheus.ssl.password",
    }
    assert is_secret("default_users.alice.password")
    assert not is_secret("nobody.knows")
    assert Building().finished() == Config()


def test_the_last_entry_of_a_key() -> None:
    first, last = Entry("a", "1", Place("x")), Entry("a", "2", Place("y"))
    assert entries_by_key([first, last]) == {"a": last}
