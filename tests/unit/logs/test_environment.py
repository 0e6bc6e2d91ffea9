"""RabbitMQ's variables about the log."""

from __future__ import annotations

import pytest

from broker.config import Config, override
from broker.log_output import wanted
from broker.log_settings import Log
from broker.logs.environment import from_environment


def settings_of(settings: dict[str, object] | None = None, **environment: str) -> Log:
    config = Config()
    for key, value in [*(settings or {}).items(), *from_environment(environment)]:
        config = override(config, key, value)
    return config.log


def test_without_them_nothing_is_set() -> None:
    assert list(from_environment({"PATH": "/bin", "RABBITMQ_LOGS": "", "RABBITMQ_LOG": ""})) == []


@pytest.mark.parametrize(
    ("place", "outputs"),
    [
        ("-", {"console"}),
        ("-stderr", {"console"}),
        ("/tmp/my.log", {"file"}),
        ("syslog:", {"syslog"}),
        ("exchange:", set()),
    ],
)
def test_one_place_takes_that_of_all_others(place: str, outputs: set[str]) -> None:
    before: dict[str, object] = {"log.file": "a.log", "log.console": True, "log.syslog": True}
    settings = settings_of(before, RABBITMQ_LOGS=place)
    assert wanted(settings) == outputs
    assert settings.has_exchange == (place == "exchange:")


def test_the_places() -> None:
    assert settings_of(RABBITMQ_LOGS="-").console_output.stdio == "stdout"
    assert settings_of(RABBITMQ_LOGS="-stderr").console_output.stdio == "stderr"
    settings = settings_of(RABBITMQ_LOGS="my.log", RABBITMQ_LOG_BASE="/logs")
    assert (settings.dir, settings.file) == ("/logs", "my.log")


def test_levels_and_looks() -> None:
    settings = settings_of(
        RABBITMQ_LOG="debug,connection=error, channel,+json,+single_line,-color,queue=loud,odd=1,"
    )
    assert settings.least == "debug"
    assert (settings.connection.level, settings.channel.level) == ("error", "info")
    assert settings.queue.level == ""
    assert settings.file_output.formatter == settings.console_output.formatter == "json"
    assert settings.exchange_output.formatting.single_line
    assert not settings.console_output.use_colors
    settings = settings_of({"log.file.formatter": "json"}, RABBITMQ_LOG="-json")
    assert settings.file_output.formatter == "plaintext"
