"""Lines of the log as messages: like RabbitMQ's, bounded, and never in the way of whoever logs."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator

import pytest

from broker.amqp.content import Properties
from broker.amqp.methods import ExchangeDeclare, QueueBind
from broker.amqp.wire import Field
from broker.commands import DeleteVhost
from broker.hooks.log_exchange import LINES_MAX, LogExchange
from broker.log_settings import EXCHANGE
from broker.queues.queue import Queue
from tests.support.peer import Peer, World
from tests.support.wire import Content

log = logging.getLogger("broker.trial")
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d "
PID = f"<0.{os.getpid()}.0>"


@pytest.fixture
def world() -> Iterator[World]:
    """A node with the log exchange, in this thread."""
    before = logging.getLogger("broker").level
    world = World({"log.exchange": True, "log.exchange.level": "debug"})
    world.node.tell(threading.get_ident())
    world.settle()
    yield world
    world.node.tell_no_more()
    assert logging.getLogger("broker").level == before


@pytest.fixture
def reader(world: World) -> Peer:
    """A peer that gets every line on channel 1."""
    reader = world.peer()
    reader.opens_channel(1)
    reader.declares(1, "lines")
    reader.binds(1, "lines", EXCHANGE, "#")
    reader.consumes(1, "lines", no_ack=True)
    reader.takes_all(1)
    return reader


def lines(reader: Peer) -> list[tuple[str, str]]:
    """Routing keys and lines, without their times, that have arrived by now."""
    reader.world.settle()
    found = [one for one in reader.takes_all(1) if isinstance(one, Content)]
    return [(one.method.routing_key, re.sub(TIME, "", one.body.decode())) for one in found]


def handler_of(world: World) -> LogExchange:
    handler = world.node._log_exchange
    assert handler is not None
    return handler


def test_a_line_is_a_message_like_those_of_rabbitmq(world: World, reader: Peer) -> None:
    log.warning("something happened, name=%s", "q")
    world.settle()
    content = reader.takes_content(1)
    assert (content.method.exchange, content.method.routing_key) == (EXCHANGE, "warning")
    timestamp = content.properties.timestamp
    assert content.properties == Properties(
        content_type="text/plain",
        timestamp=timestamp,
        headers={"node": Field("S", "rabbit@localhost")},
    )
    wanted = rf"{TIME}\[warning\] {re.escape(PID)} something happened, name=q\n"
    assert re.fullmatch(wanted, content.body.decode())


def test_it_is_an_exchange_that_only_the_broker_publishes_to(reader: Peer) -> None:
    reader.sends(1, ExchangeDeclare(exchange=EXCHANGE, type="topic", durable=True, internal=True))
    assert reader.world.vhost.exchanges[EXCHANGE].durable
    assert reader.world.vhost.exchanges[EXCHANGE].internal
    reader.publishes(1, "info", "false news", exchange=EXCHANGE)
    texts = [str(one) for one in reader.takes_all(1)]
    assert any("cannot publish to internal exchange" in text for text in texts)


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_the_routing_key_is_the_level(reader: Peer, level: str) -> None:
    getattr(log, level)("a line")
    assert lines(reader) == [(level, f"[{level}] {PID} a line\n")]


def test_what_is_less_important_than_the_level_is_left_out() -> None:
    world = World({"log.exchange": True, "log.exchange.level": "error"})
    world.node.tell(threading.get_ident())
    reader = world.peer()
    reader.opens_channel(1)
    reader.declares(1, "lines")
    reader.binds(1, "lines", EXCHANGE, "#")
    reader.consumes(1, "lines", no_ack=True)
    log.warning("not this")
    log.error("but this")
    assert lines(reader) == [("error", f"[error] {PID} but this\n")]
    world.node.tell_no_more()


def test_a_line_of_a_peer_stays_one_line_and_a_traceback_has_a_beginning(reader: Peer) -> None:
    try:
        raise RuntimeError("a bug")
    except RuntimeError:
        log.exception("failed, name=%s", "a\nb")
    ((level, text),) = lines(reader)
    assert level == "error"
    first, *rest = text.splitlines()
    assert first == f"[error] {PID} failed, name=a\\nb"
    assert rest[-1] == f"[error] {PID} RuntimeError: a bug"
    assert all(line.startswith(f"[error] {PID} ") for line in rest)


def test_without_a_binding_nothing_is_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LogExchange, "format", lambda *_: pytest.fail("formatted"))
    log.error("nobody listens")
    assert not world.node.outlet.is_due


def test_a_record_that_cannot_be_formatted_is_dropped(world: World, reader: Peer) -> None:
    handler_of(world).handle(
        logging.LogRecord("broker.trial", logging.ERROR, "", 0, "%d of %d", ("one",), None)
    )
    assert lines(reader) == []
    assert handler_of(world).dropped == 1


def test_lines_are_bounded_the_newest_stay(world: World, reader: Peer) -> None:
    for number in range(LINES_MAX + 5):
        log.info("%s", number)
    found = lines(reader)
    assert len(found) == LINES_MAX
    assert found[-1][1].endswith(f" {LINES_MAX + 4}\n")
    assert handler_of(world).dropped == 5


def test_a_line_from_another_thread_goes_out_with_the_next_tick(world: World, reader: Peer) -> None:
    thread = threading.Thread(target=log.error, args=("from aside",))
    thread.start()
    thread.join()
    assert not world.clock.is_due
    world.passes(500)
    assert lines(reader) == [("error", f"[error] {PID} from aside\n")]


def test_what_is_logged_of_these_messages_is_left_out(
    world: World, reader: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each line would make the next one, for ever."""
    push = Queue.push

    def push_and_log(self: Queue, message: object) -> bool:
        log.warning("another message came")
        return push(self, message)  # type: ignore[arg-type]

    monkeypatch.setattr(Queue, "push", push_and_log)
    log.info("one")
    assert [text for _, text in lines(reader)] == [f"[info] {PID} one\n"]
    monkeypatch.undo()


def test_a_line_that_cannot_be_published_makes_no_others(
    world: World, reader: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Queue, "push", lambda *_: 1 / 0)
    log.info("one")
    world.settle()
    assert world.node.bug_count == 1
    monkeypatch.undo()
    assert lines(reader) == []


def test_lines_find_nobody_when_the_vhost_is_gone_meanwhile(world: World, reader: Peer) -> None:
    log.info("too late")
    world.node.execute(DeleteVhost("/"))
    world.settle()
    assert not world.node.outlet.is_due
    log.info("later still")
    assert not world.node.outlet.is_due


def test_it_is_declared_where_nobody_has_and_again_when_it_is_there(world: World) -> None:
    world.node.tell_no_more()
    world.node.tell(threading.get_ident())
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "lines")
    peer.sends(1, QueueBind(queue="lines", exchange=EXCHANGE, routing_key="#"))
    log.info("a line")
    world.settle()
    assert world.queue("lines").ready_count == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_several_nodes_leave_the_logger_as_it_was(order: tuple[int, int]) -> None:
    logger = logging.getLogger("broker")
    before = logger.level
    worlds = [
        World({"log.exchange": True, "log.exchange.level": level}) for level in ("info", "debug")
    ]
    levels = (logging.INFO, logging.DEBUG)
    for world in worlds:
        world.node.tell(threading.get_ident())
    assert logger.level == logging.DEBUG
    worlds[order[0]].node.tell_no_more()
    assert logger.getEffectiveLevel() <= levels[order[1]]
    worlds[order[1]].node.tell_no_more()
    assert logger.level == before
    assert not any(isinstance(one, LogExchange) for one in logger.handlers)
