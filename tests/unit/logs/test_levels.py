"""Categories and thresholds, as RabbitMQ filters its log."""

from __future__ import annotations

import logging

import pytest

from broker.config import Config, override
from broker.logs.levels import (
    NONE,
    Threshold,
    category_of,
    domain_of,
    name_of,
    number_of,
    threshold_of,
)


def passes(threshold: Threshold, name: str, level: int) -> bool:
    return threshold.filter(logging.LogRecord(name, level, "", 0, "", (), None))


@pytest.mark.parametrize(
    ("logger", "category", "domain"),
    [
        ("broker", "default", "rabbitmq"),
        ("broker.node", "default", "rabbitmq"),
        ("broker.connection", "connection", "rabbitmq.connection"),
        ("broker.tls", "connection", "rabbitmq.connection"),
        ("broker.channel", "channel", "rabbitmq.channel"),
        ("broker.queue.quorum", "queue", "rabbitmq.queue"),
        ("broker.federation", "federation", "rabbitmq.federation"),
        ("broker.store", "default", "rabbitmq.store"),
        ("brokerage.connection", "default", "brokerage.connection"),
        ("asyncio", "default", "asyncio"),
    ],
)
def test_a_logger_has_a_category_and_a_domain(logger: str, category: str, domain: str) -> None:
    assert (category_of(logger), domain_of(logger)) == (category, domain)


def test_levels_have_numbers_and_numbers_levels() -> None:
    assert number_of("warning") == logging.WARNING
    assert [name_of(number) for number in (5, 10, 24, 30, 41, 99)] == [
        "debug",
        "debug",
        "info",
        "warning",
        "error",
        "emergency",
    ]


def test_an_unknown_level_is_refused_in_rabbitmqs_words() -> None:
    with pytest.raises(ValueError, match=r"^level loud is not supported\. Try one of debug"):
        number_of("loud")


def test_a_category_has_its_own_level_above_or_below_the_others() -> None:
    threshold = Threshold(20, {"connection": 10, "channel": 40})
    assert passes(threshold, "broker.connection", 10)
    assert not passes(threshold, "broker.channel", 30)
    assert not passes(threshold, "broker.node", 10)
    assert passes(threshold, "broker.node", 20)
    assert threshold.least == 10


def test_a_level_for_all_leaves_out_what_goes_nowhere() -> None:
    threshold = Threshold(20, {"connection": NONE, "channel": 40})
    assert not passes(threshold, "broker.connection", 50)
    threshold.set(10)
    assert passes(threshold, "broker.channel", 10)
    assert not passes(threshold, "broker.connection", 50)
    assert passes(threshold, "broker.node", 10)


def test_after_nothing_there_may_be_something_again() -> None:
    threshold = Threshold(20, {"channel": 40})
    threshold.set(NONE)
    threshold.set(30)
    assert passes(threshold, "broker.channel", 30)
    assert passes(threshold, "broker.node", 30)


def test_the_file_of_a_category_has_nothing_else() -> None:
    threshold = Threshold(None, {"channel": 40})
    threshold.set(10)
    assert passes(threshold, "broker.channel", 10)
    assert not passes(threshold, "broker.node", 70)
    other = Threshold(20)
    other.become(threshold)
    other.set(20)
    assert not passes(other, "broker.node", 70)


def test_a_category_changes_by_itself() -> None:
    threshold = Threshold(20)
    assert not passes(threshold, "broker.queue", 10)
    threshold.set_category("queue", 10)
    assert passes(threshold, "broker.queue", 10)
    assert not passes(threshold, "broker.node", 10)
    threshold.set_category("default", 40)
    assert not passes(threshold, "broker.node", 30)


def test_thresholds_come_from_settings() -> None:
    config = Config()
    for key, value in {
        "log.level": "warning",
        "log.channel.level": "debug",
        "log.queue.file": "queues.log",
    }.items():
        config = override(config, key, value)
    threshold = threshold_of(config.log, "")
    assert (threshold.level, threshold.categories) == (30, {"channel": 10, "queue": NONE})
    assert threshold_of(config.log, "error").level == 40
