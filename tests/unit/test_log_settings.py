"""The settings of the log: RabbitMQ's keys, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.config import Config, ConfigError, override
from broker.log_settings import (
    DateSpec,
    is_on,
    parse_date_spec,
    parse_field_map,
    parse_verbosity_map,
)
from tests.support.configuring import built


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("$D0", DateSpec("day", 0, 0, 0)),
        ("$D23", DateSpec("day", 23, 0, 0)),
        ("$D7H30", DateSpec("day", 7, 30, 0)),
        ("$W0D23", DateSpec("week", 23, 0, 0)),
        ("$W5D16", DateSpec("week", 16, 0, 5)),
        ("$W5", DateSpec("week", 0, 0, 5)),
        ("$M1D0", DateSpec("month", 0, 0, 1)),
        ("$M31D6", DateSpec("month", 6, 0, 31)),
        ("$ML", DateSpec("month", 0, 0, 0)),
        ("$H0", DateSpec("hour", 0, 0, 0)),
        ("$H59", DateSpec("hour", 0, 59, 0)),
    ],
)
def test_when_a_file_is_put_aside_is_written_as_for_rabbitmq(text: str, spec: DateSpec) -> None:
    assert parse_date_spec(text) == spec


@pytest.mark.parametrize(
    "text", ["", "$", "D0", "$D24", "$D", "$W7", "$M0", "$M32", "$H60", "$D0 ", "$D0\n", "$D1H60"]
)
def test_other_dates_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be like"):
        parse_date_spec(text)


def test_a_map_of_fields() -> None:
    kept, left_out = parse_field_map("time:ts level pid:- *:-")
    assert kept == [("time", "ts"), ("level", "level")]
    assert left_out == {"pid", "*"}


@pytest.mark.parametrize("text", ["*:all", "time:", ":ts"])
def test_a_map_of_fields_that_means_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="must be like"):
        parse_field_map(text)


def test_a_map_of_verbosity() -> None:
    assert parse_verbosity_map("") == {}
    assert parse_verbosity_map("debug:2 info:1") == {"debug": 2, "info": 1}
    found = parse_verbosity_map("debug:2 *:0")
    assert (found["debug"], found["error"]) == (2, 0)
    with pytest.raises(ValueError, match="must be like"):
        parse_verbosity_map("loud:1")


@pytest.mark.parametrize(
    ("given", "level", "result"),
    [
        (True, "", True),
        (False, "debug", False),
        (None, "debug", True),
        (None, "none", False),
        (None, "", False),
    ],
)
def test_an_output_is_on_by_name_or_by_level(given: bool | None, level: str, result: bool) -> None:
    assert is_on(given, level) is result


def test_a_file_of_settings_may_nest_what_is_on_and_what_it_is_like(tmp_path: Path) -> None:
    text = (
        "log:\n  level: warning\n  console: true\n  file: a.log\n"
        "log.console:\n  level: error\n"
        "log.file:\n  rotation: {size: 10MB, count: 5}\n  formatter.time_format: epoch_secs\n"
        "log.connection.level: debug\n"
    )
    building = built(tmp_path, text, "leveret.yaml")
    assert building.problems == []
    log = building.config.log
    assert (log.level, log.least, log.console, log.file) == ("warning", "warning", True, "a.log")
    assert log.console_output.level == "error"
    assert (log.file_output.rotation.size, log.file_output.rotation.count) == (10_000_000, 5)
    assert log.file_output.formatting.time_format == "epoch_secs"
    assert log.connection.level == "debug"


def test_the_default_category_has_the_last_word_on_the_level() -> None:
    config = override(override(Config(), "log.level", "error"), "log.default.level", "debug")
    assert config.log.least == "debug"


def test_the_exchange_is_on_by_its_level_too() -> None:
    assert not Config().log.has_exchange
    assert override(Config(), "log.exchange.level", "error").log.has_exchange


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("log.file.level", "loud", "'log.file.level' must be one of debug, info, notice"),
        ("log.file.rotation.date", "daily", "must be like [$]D0, [$]W5D16"),
        ("log.file.rotation.size", "big", "must be a size"),
        ("log.file.rotation.count", -1, "must be at least 0"),
        ("log.console.stdio", "tty", "must be one of stdout, stderr"),
        ("log.syslog.protocol", "rfc1", "must be one of rfc3164, rfc5424"),
        ("log.syslog.facility", "x", "must be one of kernel, kern"),
        ("log.console.formatter.json.field_map", "*:x", "must be like"),
        ("log.channels.level", "info", "did you mean 'log.channel.level'"),
    ],
)
def test_what_cannot_be_used_is_named(key: str, value: object, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        override(Config(), key, value)
