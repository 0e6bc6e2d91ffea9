"""Files of settings: whatever is in them, it is a config or a list of mistakes; and what is written
is read back as it was."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.config import Config, ConfigError, override
from broker.config import settings as all_settings
from broker.configuration.building import Building
from broker.configuration.erlang_terms import read_terms
from broker.configuration.loading import read_files
from broker.configuration.rabbitmq_keys import all_keys
from broker.configuration.rendering import as_conf, as_yaml, changed
from broker.settings import is_numbered, value_of

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
KEYS = [key for key, _, _ in all_settings()] + [known.pattern for known in all_keys()]
VALUES = st.one_of(
    st.sampled_from(
        [
            "none",
            "true",
            "false",
            "infinity",
            "on",
            "1GB",
            "30s",
            "0.4",
            "debug",
            "[]",
            "$(heartbeat)",
        ]
    ),
    st.integers(-2, 70_000).map(str),
    st.text(max_size=12),
    st.text("ab '\\#$()\"", max_size=8).map(lambda text: f"'{text}'"),
)
LINES = st.tuples(st.sampled_from(KEYS), st.sampled_from(["1", "a\\.b", "x"]), VALUES)


def built(text: str | bytes, name: str) -> Building:
    building = Building()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, name)
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "replace"))
        read_files([path], building)
    return building


def conf_of(lines: list[tuple[str, str, str]]) -> str:
    filled = (
        (re.sub(r"\$\w+", lambda _, name=name: name, key), value) for key, name, value in lines
    )  # type: ignore[misc]
    return "".join(f"{key} = {value}\n" for key, value in filled)


@quick
@given(st.lists(LINES, max_size=12))
def test_a_rabbitmq_conf_goes_through_both_formats(lines: list[tuple[str, str, str]]) -> None:
    config = built(conf_of(lines), "x.conf").config
    shown = changed(config)
    again = built(as_yaml(shown), "x.yaml")
    assert again.problems == []
    assert again.config == config
    lost: list[str] = []
    once_more = built(as_conf(shown, lost), "y.conf")
    assert once_more.problems == []
    assert lost or names_of(once_more.config) == names_of(config)


def names_of(config: Config) -> list[object]:
    """All values, of numbered settings without their names: a list has names in a rabbitmq.conf."""
    return [
        [text for _, text in value_of(config, path)]
        if is_numbered(entry)
        else value_of(config, path)
        for _, path, entry in all_settings()
    ]


@quick
@given(st.one_of(st.text(max_size=80), st.binary(max_size=80)))
def test_any_file_is_a_config_or_a_list_of_mistakes(content: str | bytes) -> None:
    for name in ("x.conf", "x.yaml", "x.config", "x"):
        building = built(content, name)
        assert isinstance(building.config, Config)
        assert all("\n" not in line for line in building.problems), building.problems


@quick
@given(st.lists(st.sampled_from([*"[]{},.#=<>:/$'\"\\% a1\n", "<<", ">>", "=>", "{rabbit,", "[{"])))
def test_any_terms_are_read_or_refused(parts: list[str]) -> None:
    try:
        read_terms("".join(parts))
    except ValueError as error:
        assert str(error)  # noqa: PT017 - most of them are none
    built("".join(parts), "x.config")


@quick
@given(st.sampled_from(list(all_settings())), VALUES)
def test_any_setting_that_can_be_is_written_as_yaml(setting: tuple, value: str) -> None:  # type: ignore[type-arg]
    key, _, _ = setting
    try:
        config = override(Config(), key, value)
    except ConfigError:
        return
    assert built(as_yaml(changed(config)), "x.yaml").finished() == config
