"""Lines of the log as messages to the topic exchange amq.rabbitmq.log, as rabbit_logger_exchange_h
makes them: the routing key is the level, the body the line.

A line comes from anywhere, from another thread too, and must never fail or slow down whoever logs
it. So it waits here, up to LINES_MAX of them, and goes out in the node's thread. What is logged
while that is under way is about these very messages, and is left out.
"""

from __future__ import annotations

import logging
from collections import deque
from datetime import UTC, datetime
from typing import NamedTuple

from broker.amqp.content import Properties
from broker.amqp.wire import Field
from broker.hooks.outlet import Outlet
from broker.log_lines import on_one_line

EXCHANGE = "amq.rabbitmq.log"
LOGGER = "broker"  # everything of the broker is logged below it
LINES_MAX = 1000


class Line(NamedTuple):
    level: str
    created_s: int
    text: str


class LineFormatter(logging.Formatter):
    """Lines like RabbitMQ's: time, level, who, what; each line of a traceback begins like that.

    What peers have called themselves cannot begin a line of its own.
    """

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(" ", "microseconds")
        begins = f"{when} [{record.levelname.lower()}] {record.name} "
        lines = [on_one_line(record.getMessage())]
        if record.exc_info:
            lines += self.formatException(record.exc_info).splitlines()
        return "".join(f"{begins}{line}\n" for line in lines)


class LogExchange(logging.Handler):
    """A handler for the broker's logger. vhost: where the exchange is. node: its name. thread: the
    identity of the node's thread. dropped: lines that came too fast."""

    def __init__(self, outlet: Outlet, vhost: str, node: str, thread: int, level: str):
        super().__init__(level.upper())
        self.setFormatter(LineFormatter())
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
        if self._logger.getEffectiveLevel() > self.level:
            self._logger.setLevel(self.level)

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging, in any thread. Never raises."""
        is_ours = record.thread == self._thread
        if is_ours and self._outlet.is_flushing:
            return
        try:
            if self._outlet.find(self._vhost, EXCHANGE) is None:
                return
            line = Line(record.levelname.lower(), int(record.created), self.format(record))
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
                    content_type="text/plain",
                    timestamp=line.created_s,
                    headers={"node": Field("S", self._node)},
                )
                body = line.text.encode("utf-8", "surrogateescape")
                self._outlet.put(*found, line.level, properties, body)
