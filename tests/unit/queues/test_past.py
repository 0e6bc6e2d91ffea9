"""What queues that are no more have counted."""

from __future__ import annotations

from broker.amqp.methods import (
    BasicNack,
    BasicReject,
    ExchangeDeclare,
    ExchangeDeclareOk,
    ExchangeDelete,
    ExchangeDeleteOk,
    QueueDelete,
    QueueDeleteOk,
)
from broker.commands import DeleteVhost
from broker.queues.past import COUNTED, deaths_of
from tests.support.builders import table
from tests.support.peer import Peer


def past(peer: Peer, kind: str = "classic") -> dict[str, int]:
    """Those that are not 0."""
    counts = peer.world.node.past.by_type.get(kind, ())
    return {name: count for name, count in zip(COUNTED, counts, strict=bool(counts)) if count}


def deletes(peer: Peer, queue: str) -> None:
    peer.sends(1, QueueDelete(queue=queue))
    peer.takes(1, QueueDeleteOk)


def test_a_queue_leaves_its_counts_by_its_type(peer: Peer) -> None:
    for kind in ("classic", "quorum"):
        peer.declares(1, kind, table(x_queue_type=kind), durable=True)
        peer.publishes(1, kind, *"abc")
        peer.gets(1, kind)
        peer.gets(1, kind, no_ack=False)
    assert past(peer) == {}
    deletes(peer, "classic")
    counts = {"published": 3, "delivered": 2, "got": 1, "got_no_ack": 1}
    assert (past(peer), past(peer, "quorum")) == (counts, {})
    deletes(peer, "quorum")
    assert past(peer, "quorum") == counts
    peer.declares(1, "classic")
    peer.publishes(1, "classic", "d")
    deletes(peer, "classic")
    assert past(peer) == counts | {"published": 4}


def test_a_vhost_leaves_what_its_queues_have_counted(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"ab")
    node = peer.world.node
    node.execute(DeleteVhost("/"))
    assert past(peer) == {"published": 2}
    assert node.past.routed == 2, "by the default exchange"
    assert node.queues_deleted == 1


def test_an_exchange_leaves_what_it_has_routed(peer: Peer) -> None:
    peer.sends(1, ExchangeDeclare(exchange="x", type="fanout"))
    peer.receives(1, ExchangeDeclareOk())
    for name in ("one", "two"):
        peer.declares(1, name)
        peer.binds(1, name, "x")
    peer.publishes(1, "", *"abc", exchange="x")
    assert peer.world.node.past.routed == 0
    peer.sends(1, ExchangeDelete(exchange="x"))
    peer.takes(1, ExchangeDeleteOk)
    assert peer.world.node.past.routed == 6


def test_what_died_is_counted_by_reason_and_strategy(peer: Peer) -> None:
    dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    peer.declares(1, "dead")
    peer.declares(1, "lost", table(x_max_length=1))
    peer.declares(1, "kept", table(x_max_length=1, **dead))
    peer.declares(1, "plain")
    for name in ("lost", "kept", "plain"):
        peer.publishes(1, name, *"abc")
        content = peer.gets(1, name, no_ack=False)
        assert content is not None
        peer.sends(1, BasicReject(content.method.delivery_tag, False))  # type: ignore[union-attr]
    assert dict(deaths_of(peer.world.queue("lost"))) == {
        ("classic", "disabled", "maxlen"): 2,
        ("classic", "disabled", "rejected"): 1,
    }
    expected = {
        ("classic", "at_most_once", "maxlen"): 2,
        ("classic", "at_most_once", "rejected"): 1,
    }
    assert dict(deaths_of(peer.world.queue("kept"))) == expected
    assert deaths_of(peer.world.queue("plain")) == [(("classic", "disabled", "rejected"), 1)]
    for name in ("kept", "plain"):
        deletes(peer, name)
    assert peer.world.node.past.deaths == expected | {("classic", "disabled", "rejected"): 1}


def test_dead_letters_that_arrived_are_counted_where_they_have_to(peer: Peer) -> None:
    arguments = {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "dead",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-delivery-limit": 1,
    }
    peer.declares(1, "q", table(**arguments), durable=True)
    peer.publishes(1, "q", "a")
    for _ in range(2):
        content = peer.gets(1, "q", no_ack=False)
        assert content is not None
        peer.sends(1, BasicNack(content.method.delivery_tag))  # type: ignore[union-attr]
    strategy = ("quorum", "at_least_once")
    queue = peer.world.queue("q")
    assert dict(deaths_of(queue)) == {(*strategy, "delivery_limit"): 1}
    peer.declares(1, "dead")
    peer.world.passes(1_000)
    assert dict(deaths_of(queue)) == {
        (*strategy, "delivery_limit"): 1,
        (*strategy, "confirmed"): 1,
    }
