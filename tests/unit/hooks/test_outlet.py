"""What the broker itself publishes: when, to whom, and what happens if it cannot be."""

from __future__ import annotations

import pytest

from broker.amqp.content import Properties
from broker.commands import Bind, DeclareExchange, DeclareQueue
from broker.hooks.outlet import Outlet
from broker.queues.queue import Queue
from tests.support.peer import World
from tests.support.wire import Content


@pytest.fixture
def outlet(world: World) -> Outlet:
    """An exchange x of type topic, to which the queue q is bound."""
    for command in (
        DeclareExchange("/", "x", "topic"),
        DeclareQueue("/", "q"),
        Bind("/", "x", "queue", "q", "a.#"),
    ):
        world.node.execute(command)
    world.settle()
    return world.node.outlet


def put(world: World, key: str, body: bytes = b"") -> None:
    found = world.node.outlet.find("/", "x")
    assert found is not None
    world.node.outlet.put(*found, key, Properties(app_id="us"), body)


def bodies(queue: Queue) -> list[bytes]:
    return [message.body for message in queue.ready]


def test_what_is_put_down_is_published_in_the_next_turn(world: World, outlet: Outlet) -> None:
    put(world, "a.b", b"1")
    put(world, "b.a", b"2")
    assert bodies(world.queue("q")) == []
    assert world.clock.is_due
    world.settle()
    assert bodies(world.queue("q")) == [b"1"]
    assert world.vhost.exchanges["x"].published == 2
    assert not outlet.is_due


def test_a_consumer_gets_it_in_the_same_turn(world: World, outlet: Outlet) -> None:
    peer = world.peer()
    peer.opens_channel(1)
    peer.consumes(1, "q", no_ack=True)
    put(world, "a", b"body")
    world.settle()
    content = peer.takes_content(1)
    assert isinstance(content, Content)
    assert (content.body, content.properties) == (b"body", Properties(app_id="us"))
    assert (content.method.exchange, content.method.routing_key) == ("x", "a")


def test_nobody_is_found_where_nobody_is_bound(world: World, outlet: Outlet) -> None:
    assert outlet.find("/", "amq.topic") is None
    assert outlet.find("/", "nope") is None
    assert outlet.find("nope", "x") is None


def test_a_key_that_is_too_long_is_cut(world: World, outlet: Outlet) -> None:
    put(world, "a." + "ä" * 200)
    world.settle()
    (message,) = world.queue("q").ready
    assert len(message.envelope.routing_key.encode("utf-8", "surrogateescape")) == 255


def test_what_cannot_be_published_is_a_bug_and_takes_nothing_along(
    world: World, outlet: Outlet, caplog: pytest.LogCaptureFixture
) -> None:
    found = outlet.find("/", "x")
    assert found is not None
    outlet.put(*found, "a", Properties(message_id="m" * 300), b"")
    put(world, "a", b"next")
    world.settle()
    assert bodies(world.queue("q")) == [b"next"]
    assert world.node.bug_count == 1
    assert "not published, exchange=x" in caplog.text
    assert not outlet.is_flushing


def test_what_comes_of_it_waits_for_the_next_turn(
    world: World, outlet: Outlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue that causes a message with each that it gets must not hold the node."""
    queue = world.queue("q")
    left = [b"2", b"3"]
    push = Queue.push

    def push_and_put(self: Queue, message: object) -> bool:
        if left:
            put(world, "a", left.pop(0))
        return push(self, message)  # type: ignore[arg-type]

    monkeypatch.setattr(Queue, "push", push_and_put)
    put(world, "a", b"1")
    outlet.flush()
    assert bodies(queue) == [b"1"]
    assert outlet.is_due
    outlet.flush()
    assert bodies(queue) == [b"1", b"2"]
    world.settle()
    assert bodies(queue) == [b"1", b"2", b"3"]


def test_feeders_go_first(world: World, outlet: Outlet) -> None:
    put(world, "a", b"put")
    outlet.feeders.append(lambda: put(world, "a", b"fed") if outlet.is_flushing else None)
    outlet.flush()
    assert bodies(world.queue("q")) == [b"put", b"fed"]
    assert not outlet.is_due
    outlet.feeders.clear()
