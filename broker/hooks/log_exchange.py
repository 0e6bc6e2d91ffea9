"""Lines of the log as messages to the topic exchange amq.rabbitmq.log, as rabbit_logger_exchange_h
makes them: the routing key is the level, the body the line.

A line comes from anywhere, from another thread too, and must never fail or slow down whoever logs
it. So it waits here, up to LINES_MAX of them, and goes out in the node's thread. What is logged
while that is under way is about these very messages, and is left out.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import NamedTuple

from broker.amqp.content import Properties
from broker.amqp.wire import Field
from broker.hooks.outlet import Outlet
from broker.log_settings import EXCHANGE, Log
from broker.logs.formats import formatter_of
from broker.logs.levels import LOGGER, name_of, threshold_of

LINES_MAX = 1000


class Line(NamedTuple):
    level: str
    created_s: int
    text: str


class LogExchange(logging.Handler):
    """A handler for the broker's logger. vhost: where the exchange is. node: its name. thread: the
    identity of the node's thread. dropped: lines that came too fast."""

    def __init__(self, outlet: Outlet, vhost: str, node: str, thread: int, settings: Log):
        super().__init__()
        output = settings.exchange_output
        self.setFormatter(formatter_of(output))
        self.threshold = threshold_of(settings, output.level)
        self.addFilter(self.threshold)
        is_json = output.formatter == "json"
        self._content_type = "application/json" if is_json else "text/plain"
        self.dropped = 0
        self._outlet = outlet
        self._vhost = vhost
        self._node = node
        self._thread = thread
        self._lines: deque[Line] = deque(maxlen=LINES_MAX)
        self._logger = logging.getLogger(LOGGER)
        self._level_before = self._logger.level

    def open(self) -> None:
        """Hear of every line from now on; also of less important ones than the log shows."""
        self._outlet.feeders.append(self._feed)
        for other in self._others():  # of another node in this process: it has seen the level first
            self._level_before = other._level_before
        self._logger.addHandler(self)
        self._lower_level()

    def close(self) -> None:
        """Hear of nothing any more."""
        if self in self._logger.handlers:
            self._logger.removeHandler(self)
            self._logger.setLevel(self._level_before)
            for other in self._others():
                other._lower_level()
            self._outlet.feeders.remove(self._feed)
        super().close()

    def _others(self) -> list[LogExchange]:
        handlers = self._logger.handlers
        return [one for one in handlers if isinstance(one, LogExchange) and one is not self]

    def _lower_level(self) -> None:
        if self._logger.getEffectiveLevel() > self.threshold.least:
            self._logger.setLevel(self.threshold.least)

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging, in any thread. Never raises."""
        is_ours = record.thread == self._thread
        if is_ours and self._outlet.is_flushing:
            return
        try:
            if self._outlet.find(self._vhost, EXCHANGE) is None:
                return
            line = Line(name_of(record.levelno), int(record.created), self.format(record))
        except Exception:  # a record whose arguments do not fit its sentence
            self.dropped += 1
            return
        if len(self._lines) == LINES_MAX:
            self.dropped += 1
        self._lines.append(line)
        if not self._outlet.is_due:
            self._outlet.is_due = True
            if is_ours:  # else the next turn or tick finds it
                self._outlet.request_turn()

    def _feed(self) -> None:
        """Called by the outlet, in the node's thread."""
        found = self._outlet.find(self._vhost, EXCHANGE)
        for _ in range(len(self._lines)):
            line = self._lines.popleft()
            if found is not None:
                properties = Properties(
                    content_type=self._content_type,
                    timestamp=line.created_s,
                    headers={"node": Field("S", self._node)},
                )
                body = line.text.encode("utf-8", "surrogateescape")
                self._outlet.put(*found, line.level, properties, body)
