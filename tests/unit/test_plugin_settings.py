"""Settings and the file of enabled plugins: who says which optional parts are on."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import plugins
from broker.config import Config, override
from broker.plugin_settings import Chosen, applied, by_settings, refused_types, running
from broker.plugins import ONLY_IMPLICIT, PLUGINS, PluginsError

SELECTABLE = sorted(PLUGINS.keys() - ONLY_IMPLICIT)


def kept_in(directory: Path | str) -> Config:
    return override(Config(), "data_dir", str(directory))


def test_what_is_on_by_default() -> None:
    assert by_settings(Config()) == PLUGINS.keys() - ONLY_IMPLICIT - {"rabbitmq_event_exchange"}
    assert running(Config()) == by_settings(Config()) | ONLY_IMPLICIT


def test_every_switch_is_a_setting_that_is_looked_at() -> None:
    for plugin in PLUGINS.values():
        if plugin.setting:
            for is_on in (False, True):
                config = override(Config(), plugin.setting, is_on)
                assert (plugin.name in by_settings(config)) == is_on


@given(st.frozensets(st.sampled_from(SELECTABLE)))
def test_settings_say_what_was_applied(explicit: frozenset[str]) -> None:
    config = applied(Config(), explicit)
    assert by_settings(config) == explicit
    assert applied(config, explicit) == config
    kinds = {kind for name in PLUGINS.keys() - explicit for kind in PLUGINS[name].exchange_types}
    assert refused_types(config) == kinds


def test_names_of_nothing_refuse_nothing() -> None:
    config = override(Config(), "plugins.disabled", ("bogus", "rabbitmq_sharding"))
    assert refused_types(config) == {"x-modulus-hash"}


def test_without_a_file_the_settings_count(tmp_path: Path) -> None:
    config = override(kept_in(tmp_path), "prometheus.enabled", False)
    chosen = Chosen(config, None)
    assert chosen.file == tmp_path / "enabled_plugins"
    assert chosen.explicit is None
    assert chosen.enabled == by_settings(config)
    assert chosen.config(config) is config
    assert not chosen.file.exists()


def test_a_node_in_memory_keeps_it_nowhere() -> None:
    chosen = Chosen(kept_in("none"), None)
    assert chosen.file is None
    chosen.choose(frozenset({"rabbitmq_sharding"}))
    chosen.look()
    assert chosen.running == {"rabbitmq_sharding"}


def test_a_file_says_it_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "some"
    file.write_text("[rabbitmq_prometheus,rabbitmq_shovel].")
    with caplog.at_level(logging.WARNING, "broker.plugins"):
        chosen = Chosen(kept_in(tmp_path), file)
    assert caplog.messages == ["plugins currently enabled but missing: rabbitmq_shovel"]
    assert chosen.running == {"rabbitmq_prometheus", *ONLY_IMPLICIT}
    config = chosen.config(Config())
    assert (config.management.enabled, config.prometheus.enabled) == (False, True)
    file.write_text("[rabbitmq_management].")
    chosen.look()
    assert chosen.enabled == {"rabbitmq_management"}
    file.unlink()
    chosen.look()  # somebody replaces it
    assert chosen.enabled == {"rabbitmq_management"}


def test_the_variable_is_written_down(tmp_path: Path) -> None:
    file = tmp_path / "enabled_plugins"
    file.write_text("[rabbitmq_management].")
    chosen = Chosen(kept_in(tmp_path), None, ["rabbitmq_sharding", "bogus"])
    assert plugins.read(file) == chosen.enabled == {"rabbitmq_sharding", "bogus"}
    assert Chosen(kept_in(tmp_path / "new"), None, []).running == frozenset()


def test_what_cannot_be_kept_is_not_chosen(tmp_path: Path) -> None:
    chosen = Chosen(Config(), tmp_path / "none" / "file")
    with pytest.raises(PluginsError):
        chosen.choose(frozenset())
    assert chosen.explicit is None
    with pytest.raises(PluginsError):
        Chosen(Config(), tmp_path)


def test_going_back_to_no_file(tmp_path: Path) -> None:
    chosen = Chosen(Config(), tmp_path / "file")
    chosen.choose(frozenset())
    assert chosen.running == frozenset()
    chosen.choose(None)
    assert not (tmp_path / "file").exists()
    assert chosen.enabled == by_settings(Config())
