"""The firehose, as a conversation; recorded ones of RabbitMQ are in tests/conformance."""

from __future__ import annotations

import pytest

from broker.amqp.content import Properties
from broker.amqp.methods import (
    ChannelCloseOk,
    ConfirmSelect,
    ExchangeDeclare,
    ExchangeDeclareOk,
    TxCommit,
    TxRollback,
    TxSelect,
)
from broker.amqp.wire import Field, plain
from broker.commands import AddVhost, SetTracing
from broker.hooks.firehose import as_table
from tests.support.builders import table
from tests.support.peer import Peer
from tests.support.wire import Content

NAME = "127.0.0.1:50000 -> 127.0.0.1:5672"


def text(value: str) -> Field:
    return Field("S", value)


@pytest.fixture
def monitor(peer: Peer) -> Peer:
    """A peer on whose channel 9 everything arrives that is traced in vhost "/", from now on."""
    monitor = peer.world.peer()
    monitor.opens_channel(9)
    monitor.declares(9, "traces")
    monitor.binds(9, "traces", "amq.rabbitmq.trace", "#")
    monitor.consumes(9, "traces", no_ack=True)
    peer.world.node.execute(SetTracing("/", is_on=True))
    peer.declares(1, "q")
    return monitor


def copies(monitor: Peer) -> list[tuple[str, bytes]]:
    """Routing keys and bodies of what has arrived by now."""
    monitor.world.settle()
    found = [one for one in monitor.takes_all(9) if isinstance(one, Content)]
    return [(one.method.routing_key, one.body) for one in found]


def test_a_copy_tells_everything_of_a_publish(peer: Peer, monitor: Peer) -> None:
    peer.publishes(1, "q", "body", priority=3, headers=table(CC=["q", "no"], BCC=["b"], a=1))
    copy = monitor.takes_content(9)
    headers = {"CC": Field("A", [text("q"), text("no")]), "a": Field("I", 1)}
    assert (copy.method.exchange, copy.method.routing_key) == ("amq.rabbitmq.trace", "publish.")
    assert copy.body == b"body"
    assert copy.properties == Properties(
        headers={
            "exchange_name": text(""),
            "routing_keys": Field("A", [text("q"), text("q"), text("no"), text("b")]),
            "properties": Field("F", {"priority": Field("I", 3), "headers": Field("F", headers)}),
            "node": text("rabbit@localhost"),
            "vhost": text("/"),
            "connection": text(NAME),
            "channel": Field("I", 1),
            "user": text("guest"),
            "routed_queues": Field("A", [text("q")]),
        }
    )


def test_a_copy_tells_everything_of_a_delivery(peer: Peer, monitor: Peer) -> None:
    peer.publishes(1, "q", "body")
    peer.consumes(1, "q")
    monitor.takes_content(9)
    copy = monitor.takes_content(9)
    assert copy.method.routing_key == "deliver.q"
    assert {name: plain(field) for name, field in copy.properties.header_table.items()} == {
        "exchange_name": "",
        "routing_keys": ["q"],
        "properties": {},
        "node": "rabbit@localhost",
        "redelivered": 0,
        "vhost": "/",
        "connection": NAME,
        "channel": 1,
        "user": "guest",
    }
    assert copy.properties.header_table["redelivered"] == Field("I", 0)


def test_every_message_of_a_run_is_copied_in_order(peer: Peer, monitor: Peer) -> None:
    """Messages alike, which are remembered elsewhere."""
    bodies = [f"{number}" for number in range(40)]
    peer.publishes(1, "q", *bodies)
    assert copies(monitor) == [("publish.", body.encode()) for body in bodies]
    assert peer.connection.memo is None
    peer.consumes(1, "q")
    peer.receives_bodies(1, *bodies)
    assert copies(monitor) == [("deliver.q", body.encode()) for body in bodies]


def test_switching_takes_effect_on_the_next_message(peer: Peer, monitor: Peer) -> None:
    """In the middle of a run of messages alike."""
    execute = peer.world.node.execute
    peer.publishes(1, "q", "1", "2")
    execute(SetTracing("/", is_on=False))
    peer.publishes(1, "q", "3", "4")
    assert peer.connection.memo is not None
    execute(SetTracing("/", is_on=True))
    peer.publishes(1, "q", "5", "6")
    assert [body for _, body in copies(monitor)] == [b"1", b"2", b"5", b"6"]
    assert peer.world.queue("q").ready_count == 6


def test_basic_get_counts_as_a_delivery(peer: Peer, monitor: Peer) -> None:
    peer.publishes(1, "q", "body")
    peer.gets(1, "q", no_ack=False)
    peer.drops()
    other = peer.world.peer()
    other.opens_channel(1)
    other.gets(1, "q")
    other.gets(1, "q")
    assert copies(monitor) == [
        ("publish.", b"body"),
        ("deliver.q", b"body"),
        ("deliver.q", b"body"),
    ]


def test_copies_are_not_copied(peer: Peer, monitor: Peer) -> None:
    """The monitor's own deliveries, and a queue that gets copies by another exchange."""
    peer.declares(1, "second")
    peer.binds(1, "second", "amq.rabbitmq.trace", "publish.#")
    peer.publishes(1, "nowhere", "body")
    assert copies(monitor) == [("publish.", b"body")]
    assert peer.gets(1, "second") is not None
    assert copies(monitor) == []


def test_a_queue_of_copies_may_be_traced_itself(peer: Peer, monitor: Peer) -> None:
    """A message in it that is no copy makes one for it, while it is pumped."""
    peer.consumes(1, "traces", "another")
    peer.publishes(1, "traces", "body")
    monitor.world.settle()
    received = [*peer.takes_all(1), *monitor.takes_all(9)]
    keys = [one.method.routing_key for one in received if isinstance(one, Content)]
    assert sorted(keys) == ["deliver.traces", "publish.", "traces"]


def test_in_a_transaction_when_it_is_published(peer: Peer, monitor: Peer) -> None:
    peer.sends(1, TxSelect())
    peer.publishes(1, "q", "1")
    assert copies(monitor) == [("publish.", b"1")]
    peer.sends(1, TxRollback())
    peer.publishes(1, "q", "2")
    peer.sends(1, TxCommit())
    assert copies(monitor) == [("publish.", b"2")]
    assert peer.world.queue("q").ready_count == 1


def test_a_publish_that_is_refused_is_not_copied(peer: Peer, monitor: Peer) -> None:
    peer.publishes(1, "q", "body", exchange="nope")
    peer.sends(1, ChannelCloseOk())
    assert copies(monitor) == []


def test_confirms_are_not_for_copies(peer: Peer, monitor: Peer) -> None:
    peer.sends(1, ConfirmSelect())
    peer.takes_all(1)
    peer.publishes(1, "q", "1", "2")
    (ack,) = peer.takes_all(1)
    assert (ack.delivery_tag, ack.multiple) == (2, True)  # type: ignore[union-attr]


def test_what_nobody_is_bound_for_is_not_made(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    peer.world.node.execute(SetTracing("/", is_on=True))
    peer.declares(1, "q")
    monkeypatch.setattr(Properties, "decode", lambda _: pytest.fail("decoded"))
    peer.publishes(1, "q", "body")
    assert peer.world.queue("q").ready_count == 1
    assert not peer.world.node.outlet.is_due


def test_other_vhosts_are_not_traced(peer: Peer) -> None:
    node = peer.world.node
    node.execute(AddVhost("other"))
    node.execute(SetTracing("other", is_on=True))
    assert node.vhosts["/"].tap is None
    assert node.vhosts["other"].tap is not None


def test_the_longest_exchange_name_makes_a_key_that_is_cut(peer: Peer, monitor: Peer) -> None:
    name = "x" * 255
    peer.sends(1, ExchangeDeclare(exchange=name, type="fanout"))
    peer.receives(1, ExchangeDeclareOk())
    peer.publishes(1, "", "body", exchange=name)
    assert copies(monitor) == [("publish." + "x" * 247, b"body")]


def test_numbers_have_32_bits_and_the_last_property_comes_first() -> None:
    made = as_table(Properties(timestamp=2**32 + 5, priority=255, app_id="a", headers={}))
    assert list(made.items()) == [
        ("app_id", text("a")),
        ("timestamp", Field("I", 5)),
        ("priority", Field("I", 255)),
        ("headers", Field("F", {})),
    ]
    assert as_table(Properties(timestamp=2**31)) == {"timestamp": Field("I", -(2**31))}


def test_an_empty_queue_gives_no_copy(peer: Peer, monitor: Peer) -> None:
    assert peer.gets(1, "q") is None
    peer.receives_nothing(1)
    assert copies(monitor) == []
