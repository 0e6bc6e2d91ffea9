"""What is done between the calls of a walk, over AMQP or with files; the same on either broker."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel

from tests.conformance.cli.brokers import Broker
from tests.conformance.cli.steps import Act

WAIT_S = 10.0
POLL_S = 0.05


class Stage:
    """A broker, the connections to it by their names, and a directory for files."""

    def __init__(self, broker: Broker, scratch: Path):
        self.broker = broker
        self.scratch = scratch
        self.connections: dict[str, pika.BlockingConnection] = {}
        self._channels: dict[str, BlockingChannel] = {}
        self._ports: dict[str, int] = {}

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for connection in self.connections.values():
            with contextlib.suppress(pika.exceptions.AMQPError, OSError):
                connection.close()

    def filled(self, word: str) -> str:
        """A word of a walk with what stands for its placeholders here."""
        word = word.replace("<node>", self.broker.node).replace("<dir>", str(self.scratch))
        word = word.replace("<amqp>", str(self.broker.port))
        word = word.replace("<http>", str(self.broker.api_port))
        for name in self.connections:
            if f"<{name}>" in word:
                word = word.replace(f"<{name}>", self._process_of(name))
        return word

    def placeholders(self) -> dict[str, str]:
        """What is another one on each broker, and what stands for it in a recording."""
        found = {socket.gethostname().partition(".")[0]: "<machine>"}
        found |= {self.broker.node: "<node>", str(self.scratch): "<dir>"}
        found[self.broker.node.partition("@")[2]] = "<host>"
        for name, port in self._ports.items():
            found[str(port)] = f"<port of {name}>"
        found[str(self.broker.port)] = "<amqp>"
        found[str(self.broker.api_port)] = "<http>"
        return found

    def _process_of(self, name: str) -> str:
        for port, process in self.peers():
            if port == str(self._ports[name]):
                return process
        return f"<{name}>"

    def peers(self) -> list[list[str]]:
        """Port of the peer and process id of each connection there is."""
        words = ("list_connections", "peer_port", "pid", "--silent")
        answer = self.broker.run("rabbitmqctl", words, None)
        rows = [line.split("\t") for line in answer.stdout.splitlines()]
        return [row for row in rows if len(row) == 2]

    def answer(self) -> None:
        """Let the clients answer what a broker has said: one that is told to close has to agree."""
        for connection in self.connections.values():
            # A ValueError is raised by pika when the connection goes meanwhile.
            with contextlib.suppress(pika.exceptions.AMQPError, OSError, ValueError):
                connection.process_data_events(0)

    def wait_peer(self, name: str, *, is_there: bool) -> None:
        """Until a connection is in the lists, or no longer."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            self.answer()
            if (str(self._ports.get(name)) in [port for port, _ in self.peers()]) is is_there:
                return
            time.sleep(POLL_S)

    def connect(self, name: str, user: str, password: str, vhost: str) -> None:
        connection = pika.BlockingConnection(
            pika.ConnectionParameters(
                "127.0.0.1",
                self.broker.port,
                vhost,
                pika.PlainCredentials(user, password),
                client_properties={"connection_name": name, "product": "walk"},
                heartbeat=600,
            )
        )
        self.connections[name] = connection
        self._ports[name] = connection._impl._transport._sock.getsockname()[1]

    def channel(self, name: str) -> BlockingChannel:
        """The first channel of a connection; of the walk's own one, when it is not yet there."""
        if name not in self._channels:
            self._channels[name] = self.connections[name].channel()
        return self._channels[name]

    def once(self, vhost: str, do: Callable[[BlockingChannel], object]) -> None:
        """Something on a channel of a connection that is closed again."""
        parameters = pika.ConnectionParameters("127.0.0.1", self.broker.port, vhost)
        connection = pika.BlockingConnection(parameters)
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            do(channel)
        finally:
            connection.close()


def run(stage: Stage, act: Act) -> str:
    """Returns: what the broker had against it, empty when it was done."""
    try:
        ACTS[act.name](stage, *(stage.filled(word) for word in act.words))
    except (pika.exceptions.AMQPError, KeyError) as error:  # a key: of a connection not made
        return str(error) or type(error).__name__
    return ""


def _connect(
    stage: Stage, name: str, user: str = "guest", password: str = "guest", vhost: str = "/"
) -> None:
    stage.connect(name, user, password, vhost)
    stage.wait_peer(name, is_there=True)


def _closed(stage: Stage, name: str) -> None:
    """Wait until a connection that was closed by a call has gone."""
    stage.wait_peer(name, is_there=False)


def _channel(stage: Stage, name: str) -> None:
    stage.channel(name)


def _close(stage: Stage, name: str) -> None:
    """Close a connection, if it is not closed yet."""
    with contextlib.suppress(pika.exceptions.AMQPError, OSError):
        stage.connections[name].close()


def _queue(
    stage: Stage, name: str, vhost: str = "/", arguments: str = "{}", flags: str = "durable"
) -> None:
    def declare(channel: BlockingChannel) -> None:
        channel.queue_declare(
            name,
            durable="durable" in flags,
            auto_delete="auto" in flags,
            arguments=json.loads(arguments),
        )

    stage.once(vhost, declare)


def _exclusive(stage: Stage, connection: str, name: str) -> None:
    stage.channel(connection).queue_declare(name, exclusive=True)


def _exchange(
    stage: Stage,
    name: str,
    kind: str,
    vhost: str = "/",
    arguments: str = "{}",
    flags: str = "durable",
) -> None:
    def declare(channel: BlockingChannel) -> None:
        channel.exchange_declare(
            name,
            kind,
            durable="durable" in flags,
            auto_delete="auto" in flags,
            internal="internal" in flags,
            arguments=json.loads(arguments),
        )

    stage.once(vhost, declare)


def _bind(
    stage: Stage, exchange: str, queue: str, key: str, vhost: str = "/", arguments: str = "{}"
) -> None:
    more = json.loads(arguments)
    stage.once(vhost, lambda channel: channel.queue_bind(queue, exchange, key, more))


def _bind_exchange(stage: Stage, source: str, target: str, key: str, vhost: str = "/") -> None:
    stage.once(vhost, lambda channel: channel.exchange_bind(target, source, key))


def _publish(stage: Stage, queue: str, count: str, body: str, vhost: str = "/") -> None:
    def publish(channel: BlockingChannel) -> None:
        persistent = pika.BasicProperties(delivery_mode=2, headers={"number": 1})
        for _ in range(int(count)):
            channel.basic_publish("", queue, body.encode(), persistent)

    stage.once(vhost, publish)


def _consume(stage: Stage, connection: str, queue: str, tag: str, prefetch: str = "1") -> None:
    """A consumer that acknowledges nothing."""
    channel = stage.channel(connection)
    channel.basic_qos(prefetch_count=int(prefetch))
    channel.basic_consume(queue, lambda *_: None, consumer_tag=tag)
    stage.connections[connection].process_data_events(0.1)


def _file(stage: Stage, name: str, text: str) -> None:
    (stage.scratch / name).write_text(text.encode().decode("unicode_escape"), "utf-8")


def _wait(stage: Stage, line: str, *words: str) -> None:
    """Until a call of rabbitmqctl prints such a line, when that takes a moment."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        answer = stage.broker.run("rabbitmqctl", words, None)
        if line.replace("\\t", "\t") in answer.stdout.splitlines():
            return
        time.sleep(POLL_S)


def _lines(stage: Stage, count: str, *words: str) -> None:
    """Until a call of rabbitmqctl prints that many lines."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        stage.answer()
        if len(stage.broker.run("rabbitmqctl", words, None).stdout.splitlines()) == int(count):
            return
        time.sleep(POLL_S)


ACTS: dict[str, Callable[..., Any]] = {
    "connect": _connect,
    "channel": _channel,
    "close": _close,
    "closed": _closed,
    "queue": _queue,
    "exclusive": _exclusive,
    "exchange": _exchange,
    "bind": _bind,
    "bind-exchange": _bind_exchange,
    "publish": _publish,
    "consume": _consume,
    "file": _file,
    "wait": _wait,
    "lines": _lines,
}
