"""Which lines an output takes: its own level, and the levels of categories, which count instead.

A logger is of a category by its name: what is logged to "broker.connection" is of `connection`.
What is of none of RabbitMQ's categories is of `default`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from broker.log_settings import CATEGORIES, LEVELS, Log

LOGGER = "broker"  # everything of the broker is logged below it
DEFAULT = "default"
NONE = LEVELS["none"]
OF_CONNECTIONS = {"tls", "http", "auth"}  # what peers do before, or in place of, AMQP


def category_of(name: str) -> str:
    """Of a logger."""
    own, _, rest = name.partition(".")
    if own != LOGGER:
        return DEFAULT
    part = rest.partition(".")[0]
    if part in OF_CONNECTIONS:
        return "connection"
    return part if part in CATEGORIES else DEFAULT


def domain_of(name: str) -> str:
    """RabbitMQ's `domain` of a line: rabbitmq, or rabbitmq.<category>; where there is no category,
    the part of the broker."""
    own, _, rest = name.partition(".")
    if own != LOGGER:
        return name
    category = category_of(name)
    part = category if category != DEFAULT else rest.partition(".")[0]
    return f"rabbitmq.{part}" if part and part != "node" else "rabbitmq"


def number_of(level: str) -> int:
    """Raises: ValueError, with RabbitMQ's words for whoever asked for that level."""
    number = LEVELS.get(level)
    if number is None:
        raise ValueError(
            f"level {level} is not supported. Try one of debug, info, warning, error, critical,"
            " none"
        )
    return number


def name_of(number: int) -> str:
    """A level of logging by RabbitMQ's name; what lies between two is the lower one."""
    return next((name for name, least in reversed(_BY_NUMBER) if number >= least), "debug")


class Threshold:
    """A filter of logging. level: what counts for categories without one of their own; None: they
    are not wanted, and never will be: it is of the file of a category.

    A category that the settings have at `none` stays there whatever is set for all, as with
    RabbitMQ: its lines have an output of their own, or nobody wants them.
    """

    def __init__(self, level: int | None, categories: Mapping[str, int] | None = None):
        self.is_for_all = level is not None
        self.level = NONE if level is None else level
        self.categories = dict(categories or {})
        self._silent = {name for name, least in self.categories.items() if least == NONE}
        self._of_logger: dict[str, int] = {}

    @property
    def least(self) -> int:
        """What is below it goes nowhere."""
        return min(self.level, *self.categories.values(), NONE)

    def set(self, level: int) -> None:
        """One level for everything."""
        if self.is_for_all:
            self.level = level
        for name in self.categories.keys() - self._silent:
            self.categories[name] = level
        self._of_logger.clear()

    def set_category(self, category: str, level: int) -> None:
        if category == DEFAULT:
            self.level = level
        else:
            self.categories[category] = level
            self._silent.discard(category)
        self._of_logger.clear()

    def become(self, other: Threshold) -> None:
        """Take over its levels."""
        self.is_for_all, self.level = other.is_for_all, other.level
        self.categories, self._silent = dict(other.categories), set(other._silent)
        self._of_logger.clear()

    def filter(self, record: logging.LogRecord) -> bool:
        """Called by logging, in any thread, for each line."""
        least = self._of_logger.get(record.name)
        if least is None:
            least = self.categories.get(category_of(record.name), self.level)
            self._of_logger[record.name] = least
        return record.levelno >= least


def threshold_of(settings: Log, level: str) -> Threshold:
    """Of an output for all but the categories that have a file. level: its own, or empty."""
    levels: dict[str, int] = {}
    for name in CATEGORIES:
        category = getattr(settings, name)
        if category.file:
            levels[name] = NONE
        elif category.level:
            levels[name] = LEVELS[category.level]
    return Threshold(LEVELS[level or settings.least], levels)


_BY_NUMBER = sorted(
    ((name, number) for name, number in LEVELS.items() if name != "none"), key=lambda pair: pair[1]
)
