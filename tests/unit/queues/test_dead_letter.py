"""What a dead message carries and where it goes: the header first, then whole conversations."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from broker.amqp.content import Properties
from broker.amqp.methods import (
    BasicAck,
    BasicNack,
    BasicReject,
    ExchangeDeclare,
    ExchangeDeclareOk,
    ExchangeDelete,
    ExchangeDeleteOk,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
    QueuePurgeOk,
    TxCommit,
    TxCommitOk,
    TxRollback,
    TxRollbackOk,
    TxSelect,
    TxSelectOk,
)
from broker.amqp.wire import Field, Table
from broker.message import Envelope
from broker.queues.dead_letter import (
    DELIVERY_LIMIT,
    EXPIRED,
    MAXLEN,
    REJECTED,
    died,
    is_cycle,
    with_delivery_count,
)
from tests.support.builders import header, table
from tests.support.peer import Content, Peer

NOW_S = 1_700_000_000  # of the fake clock while no time passes


def envelope(exchange: str = "x", routing_key: str = "key", **properties: Any) -> Envelope:
    return Envelope(exchange, routing_key, header(5, **properties))


def death(queue: str, reason: str, count: int = 1, **more: Field) -> Field:
    """An entry of x-death, as far as it is compared."""
    entry = {"count": Field("l", count), "queue": Field("S", queue), "reason": Field("S", reason)}
    return Field("F", entry | more)


def deaths(*entries: Field) -> Table:
    return {"x-death": Field("A", list(entries))}


def entries_of(headers: Table) -> list[Table]:
    field = headers["x-death"]
    assert field.tag == "A"
    assert isinstance(field.value, list)
    assert all(item.tag == "F" for item in field.value)
    return [item.value for item in field.value]


def story(headers: Table) -> list[tuple[object, object, object]]:
    """Queue, reason and count of each entry, in order."""
    return [
        (entry["queue"].value, entry["reason"].value, entry["count"].value)
        for entry in entries_of(headers)
    ]


def headers_of(content: Content | None) -> Table:
    assert content is not None
    return content.properties.header_table


# the header


def test_the_first_death_is_written_down_whole() -> None:
    dead, keys = died(envelope(headers=table(mine=1)), "q", REJECTED, "dlx", None, 123)
    assert keys == ["key"]
    assert (dead.exchange, dead.routing_key, dead.body_size) == ("dlx", "key", 5)
    assert Properties.decode(dead.header) == Properties(
        headers={
            "mine": Field("I", 1),
            "x-first-death-reason": Field("S", "rejected"),
            "x-first-death-queue": Field("S", "q"),
            "x-first-death-exchange": Field("S", "x"),
            "x-death": Field(
                "A",
                [
                    Field(
                        "F",
                        {
                            "count": Field("l", 1),
                            "reason": Field("S", "rejected"),
                            "queue": Field("S", "q"),
                            "time": Field("T", 123),
                            "exchange": Field("S", "x"),
                            "routing-keys": Field("A", [Field("S", "key")]),
                        },
                    )
                ],
            ),
        }
    )
    assert dead.properties == Properties.decode(dead.header)


def test_the_message_it_was_is_not_touched() -> None:
    """Other queues hold the same envelope."""
    original = envelope(expiration="50", headers=table(CC=["c"]) | deaths(death("p", EXPIRED)))
    before = original.header, Properties.decode(original.header)
    kept = original.properties
    died(original, "q", REJECTED, "dlx", "other", 1)
    assert (original.header, original.properties) == before
    assert kept.expiration == "50"


def test_the_time_to_live_is_kept_for_the_record_only() -> None:
    dead, _ = died(envelope(expiration="50"), "q", EXPIRED, "dlx", None, 1)
    assert dead.ttl_ms is None
    assert dead.properties.expiration is None
    (entry,) = entries_of(dead.properties.header_table)
    assert entry["original-expiration"] == Field("S", "50")


def test_other_properties_are_kept() -> None:
    properties = {"content_type": "a/b", "delivery_mode": 2, "priority": 7, "timestamp": 9}
    dead, _ = died(envelope(**properties), "q", MAXLEN, "dlx", None, 1)
    kept = dead.properties
    assert (kept.content_type, kept.delivery_mode, kept.priority, kept.timestamp) == (
        "a/b",
        2,
        7,
        9,
    )
    assert dead.is_persistent
    assert dead.priority == 7


def test_copies_are_keys_too() -> None:
    dead, keys = died(envelope(headers=table(CC=["c1", "c2"])), "q", REJECTED, "dlx", None, 1)
    assert keys == ["key", "c1", "c2"]
    headers = dead.properties.header_table
    assert headers["CC"] == Field("A", [Field("S", "c1"), Field("S", "c2")])
    (entry,) = entries_of(headers)
    assert entry["routing-keys"] == Field("A", [Field("S", key) for key in keys])


def test_a_routing_key_of_the_queue_replaces_all_of_them() -> None:
    dead, keys = died(envelope(headers=table(CC=["c1"])), "q", REJECTED, "dlx", "dead", 1)
    assert keys == ["dead"]
    assert dead.routing_key == "dead"
    headers = dead.properties.header_table
    assert "CC" not in headers
    (entry,) = entries_of(headers)  # which remembers what they were
    assert entry["routing-keys"] == Field("A", [Field("S", "key"), Field("S", "c1")])


def test_an_empty_routing_key_of_the_queue_is_one() -> None:
    dead, keys = died(envelope(), "q", REJECTED, "dlx", "", 1)
    assert (dead.routing_key, keys) == ("", [""])


def test_another_death_comes_before_the_earlier_one() -> None:
    first, _ = died(envelope(), "q", REJECTED, "dlx", "r", 1)
    second, _ = died(first, "r", EXPIRED, "dly", None, 2)
    headers = second.properties.header_table
    assert story(headers) == [("r", "expired", 1), ("q", "rejected", 1)]
    assert entries_of(headers)[0]["exchange"] == Field("S", "dlx")
    assert entries_of(headers)[0]["routing-keys"] == Field("A", [Field("S", "r")])
    assert entries_of(headers)[1]["exchange"] == Field("S", "x")
    assert headers["x-first-death-queue"] == Field("S", "q")  # stays what it was
    assert headers["x-first-death-reason"] == Field("S", "rejected")
    assert headers["x-first-death-exchange"] == Field("S", "x")


def test_the_same_queue_and_reason_are_counted() -> None:
    dead = envelope()
    for now_s in (1, 2, 3):
        dead, _ = died(dead, "q", REJECTED, "dlx", None, now_s)
    headers = dead.properties.header_table
    assert story(headers) == [("q", "rejected", 3)]
    assert entries_of(headers)[0]["time"] == Field("T", 1)  # all but the count is the first's
    assert entries_of(headers)[0]["exchange"] == Field("S", "x")


def test_the_same_queue_for_another_reason_is_another_death() -> None:
    first, _ = died(envelope(), "q", REJECTED, "dlx", None, 1)
    second, _ = died(first, "q", MAXLEN, "dlx", None, 1)
    assert story(second.properties.header_table) == [("q", "maxlen", 1), ("q", "rejected", 1)]


def test_what_is_counted_moves_to_the_front() -> None:
    history = deaths(death("elsewhere", EXPIRED), death("q", REJECTED, 4))
    dead, _ = died(envelope(headers=history), "q", REJECTED, "dlx", None, 1)
    assert story(dead.properties.header_table) == [
        ("q", "rejected", 5),
        ("elsewhere", "expired", 1),
    ]
    assert "x-first-death-queue" not in dead.properties.header_table  # it is not its first


def test_an_entry_without_a_count_has_none_so_far() -> None:
    entry = Field("F", {"queue": Field("S", "q"), "reason": Field("S", REJECTED)})
    dead, _ = died(envelope(headers=deaths(entry)), "q", REJECTED, "dlx", None, 1)
    assert story(dead.properties.header_table) == [("q", "rejected", 1)]


@pytest.mark.parametrize(("count", "following"), [(2**63 - 1, -(2**63)), (-5, -4)])
def test_a_count_that_a_client_made_up_is_counted_up(count: int, following: int) -> None:
    """In 64 bits: the largest there is once lost its message."""
    history = deaths(death("q", REJECTED, count))
    dead, _ = died(envelope(headers=history), "q", REJECTED, "dlx", None, 1)
    assert story(dead.properties.header_table) == [("q", "rejected", following)]


def test_a_history_that_is_no_array_begins_anew() -> None:
    dead, _ = died(envelope(headers=table(x_death="text")), "q", REJECTED, "dlx", None, 1)
    assert story(dead.properties.header_table) == [("q", "rejected", 1)]
    assert "x-first-death-queue" not in dead.properties.header_table


def test_an_empty_history_is_one() -> None:
    dead, _ = died(envelope(headers=deaths()), "q", REJECTED, "dlx", None, 1)
    assert story(dead.properties.header_table) == [("q", "rejected", 1)]
    assert "x-first-death-queue" not in dead.properties.header_table


def test_a_long_history_is_in_the_order_of_rabbitmq() -> None:
    dead, orders = envelope(), []
    for queue in "0123":
        dead, _ = died(dead, queue, EXPIRED, "", None, 1)
        orders.append("".join(str(name) for name, _, _ in story(dead.properties.header_table)))
    assert orders == ["0", "10", "201", "3102"]


def test_entries_alike_become_one() -> None:
    history = deaths(death("q", REJECTED, 1), death("q", REJECTED, 5))
    dead, _ = died(envelope(headers=history), "q", REJECTED, "dlx", None, 1)
    assert story(dead.properties.header_table) == [("q", "rejected", 2)]


def test_headers_are_sorted() -> None:
    dead, _ = died(envelope(headers=table(z=1, a=2)), "q", REJECTED, "dlx", None, 1)
    names = list(dead.properties.header_table)
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("headers", "is_one"),
    [
        ({}, False),
        (table(x_death="text"), False),
        (deaths(), False),
        (deaths(death("q", EXPIRED)), True),
        (deaths(death("q", MAXLEN)), True),
        (deaths(death("q", DELIVERY_LIMIT)), True),
        (deaths(death("q", REJECTED)), False),
        (deaths(death("r", EXPIRED)), False),
        (deaths(death("r", EXPIRED), death("q", EXPIRED)), True),
        (deaths(death("r", REJECTED), death("q", EXPIRED)), False),
        (deaths(death("q", EXPIRED), death("r", REJECTED)), True),  # rejected before the circle
        (deaths(Field("S", "?"), death("q", EXPIRED)), False),  # a client was here
        (deaths(death("q", EXPIRED), Field("S", "?")), True),
        (deaths(Field("F", {})), False),
    ],
)
def test_what_is_a_cycle_without_a_decision(headers: Table, is_one: bool) -> None:
    assert is_cycle(headers, "q") is is_one


def test_the_delivery_count_is_a_header() -> None:
    original = envelope(headers=table(a=1), content_type="t")
    shown = with_delivery_count(original, 3)
    assert shown.properties.header_table == {"a": Field("I", 1), "x-delivery-count": Field("l", 3)}
    assert shown.properties.content_type == "t"
    assert (shown.exchange, shown.routing_key, shown.body_size) == ("x", "key", 5)
    assert "x-delivery-count" not in original.properties.header_table


# conversations


@pytest.fixture
def mourner(peer: Peer) -> Peer:
    """A peer with a queue "dead" that the exchange "amq.fanout" leads to."""
    peer.declares(1, "dead")
    peer.binds(1, "dead", "amq.fanout")
    return peer


DLX = table(x_dead_letter_exchange="amq.fanout")


def buried(peer: Peer, queue: str = "dead") -> list[tuple[str, list[tuple[object, ...]]]]:
    """What is in a queue of dead letters: bodies and stories."""
    found = []
    while (content := peer.gets(1, queue)) is not None:
        found.append((content.body.decode(), [*story(headers_of(content))]))
    return found


def takes_out(peer: Peer, queue: str, count: int) -> list[int]:
    """basic.get that many. Returns: their delivery tags."""
    tags = []
    for _ in range(count):
        content = peer.gets(1, queue, no_ack=False)
        assert content is not None
        tags.append(content.method.delivery_tag)  # type: ignore[attr-defined]
    return tags


def to(queue: str, **more: object) -> Table:
    """Arguments for dead letters straight to a queue."""
    return table(x_dead_letter_exchange="", x_dead_letter_routing_key=queue, **more)


def test_a_rejected_message_arrives_as_rabbitmq_sends_it(mourner: Peer) -> None:
    peer = mourner
    peer.declares(1, "q", DLX)
    peer.publishes(1, "q", "m", content_type="t", headers=table(a=1))
    takes_out(peer, "q", 1)
    peer.sends(1, BasicReject(1, requeue=False))
    content = peer.gets(1, "dead")
    assert content is not None
    method: Any = content.method
    assert (method.exchange, method.routing_key, method.redelivered) == ("amq.fanout", "q", False)
    assert content.body == b"m"
    assert content.properties == Properties(
        content_type="t",
        headers={
            "a": Field("I", 1),
            "x-first-death-reason": Field("S", "rejected"),
            "x-first-death-queue": Field("S", "q"),
            "x-first-death-exchange": Field("S", ""),
            "x-death": Field(
                "A",
                [
                    Field(
                        "F",
                        {
                            "count": Field("l", 1),
                            "reason": Field("S", "rejected"),
                            "queue": Field("S", "q"),
                            "time": Field("T", NOW_S),
                            "exchange": Field("S", ""),
                            "routing-keys": Field("A", [Field("S", "q")]),
                        },
                    )
                ],
            ),
        },
    )


def test_rejected_messages_go_in_the_order_of_their_rejection(mourner: Peer) -> None:
    peer = mourner
    peer.declares(1, "q", DLX)
    peer.publishes(1, "q", *"12345")
    takes_out(peer, "q", 5)
    peer.sends(1, BasicReject(3, requeue=False))
    peer.sends(1, BasicNack(2, multiple=True, requeue=False), BasicNack(4, requeue=True))
    peer.sends(1, BasicAck(5))
    rejected = [("q", "rejected", 1)]
    assert buried(peer) == [("3", rejected), ("1", rejected), ("2", rejected)]
    back = peer.gets(1, "q")
    assert back is not None
    assert (back.body, "x-death" in headers_of(back)) == (b"4", False)


def test_expired_messages_go_when_their_time_comes(mourner: Peer) -> None:
    peer, world = mourner, mourner.world
    peer.declares(1, "q", DLX | table(x_message_ttl=1000))
    peer.publishes(1, "q", "1", "2")
    peer.publishes(1, "q", "3", expiration="400")
    world.passes(999, step_ms=333)
    assert world.queue("dead").ready_count == 0
    world.passes(1, step_ms=1)
    assert world.queue("q").ready_count == 0
    content = peer.gets(1, "dead")
    (entry,) = entries_of(headers_of(content))
    assert entry["time"] == Field("T", NOW_S + 1)
    assert "original-expiration" not in entry
    assert buried(peer) == [("2", [("q", "expired", 1)]), ("3", [("q", "expired", 1)])]


def test_the_expiration_is_taken_off(mourner: Peer) -> None:
    """Or it would die again where dead letters are kept."""
    peer = mourner
    peer.declares(1, "q", DLX)
    peer.publishes(1, "q", "m", expiration="100")
    peer.world.passes(5000, step_ms=100)
    content = peer.gets(1, "dead")
    assert content is not None
    assert content.properties.expiration is None
    (entry,) = entries_of(headers_of(content))
    assert entry["original-expiration"] == Field("S", "100")


def test_what_a_length_limit_drops_is_dead(mourner: Peer) -> None:
    peer = mourner
    peer.declares(1, "q", DLX | table(x_max_length=1))
    peer.publishes(1, "q", "1", "2", "3")
    assert buried(peer) == [("1", [("q", "maxlen", 1)]), ("2", [("q", "maxlen", 1)])]
    assert peer.world.queue("q").ready_count == 1


def test_what_is_refused_is_dead_only_if_asked_for(mourner: Peer) -> None:
    peer = mourner
    peer.declares(1, "one", DLX | table(x_max_length=1, x_overflow="reject-publish"))
    peer.declares(1, "two", DLX | table(x_max_length=1, x_overflow="reject-publish-dlx"))
    peer.publishes(1, "one", "1", "2")
    peer.publishes(1, "two", "3", "4", expiration="60000")
    assert buried(peer) == [("4", [("two", "maxlen", 1)])]


def test_what_is_delivered_too_often_is_dead(mourner: Peer) -> None:
    peer = mourner
    arguments = DLX | table(x_queue_type="quorum", x_delivery_limit=1)
    peer.declares(1, "q", arguments, durable=True)
    peer.publishes(1, "q", "m")
    for tag in (1, 2):
        takes_out(peer, "q", 1)
        peer.sends(1, BasicNack(tag, requeue=True))
    content = peer.gets(1, "dead")
    assert story(headers_of(content)) == [("q", "delivery_limit", 1)]
    assert "x-delivery-count" not in headers_of(content)
    assert peer.gets(1, "q") is None


def test_purged_and_deleted_messages_are_not_dead(mourner: Peer) -> None:
    peer = mourner
    peer.declares(1, "q", DLX)
    peer.publishes(1, "q", "1", "2")
    peer.sends(1, QueuePurge(queue="q"))
    peer.receives(1, QueuePurgeOk(2))
    peer.publishes(1, "q", "3")
    peer.sends(1, QueueDelete(queue="q"))
    peer.receives(1, QueueDeleteOk(1))
    assert buried(peer) == []


def test_what_died_before_the_queue_was_deleted_goes_its_way(mourner: Peer) -> None:
    peer = mourner
    peer.declares(1, "q", DLX)
    peer.publishes(1, "q", "1")
    takes_out(peer, "q", 1)
    peer.sends(1, BasicReject(1, requeue=False), QueueDelete(queue="q"))
    peer.receives(1, QueueDeleteOk(0))
    assert buried(peer) == [("1", [("q", "rejected", 1)])]


def test_what_is_unacked_when_the_queue_goes_is_not_dead(mourner: Peer) -> None:
    peer = mourner
    peer.declares(1, "q", DLX)
    peer.publishes(1, "q", "1")
    takes_out(peer, "q", 1)
    peer.sends(1, QueueDelete(queue="q"))
    peer.receives(1, QueueDeleteOk(0))
    peer.sends(1, BasicReject(1, requeue=False))
    assert buried(peer) == []
    peer.receives_nothing()


def test_without_an_exchange_dead_messages_are_gone(peer: Peer) -> None:
    peer.declares(1, "q", table(x_message_ttl=100, x_max_length=2))
    peer.publishes(1, "q", "1", "2", "3")
    takes_out(peer, "q", 1)
    peer.sends(1, BasicReject(1, requeue=False))
    peer.world.passes(100, step_ms=100)
    queue = peer.world.queue("q")
    assert (queue.ready_count, queue.unacked_count) == (0, 0)
    assert queue.extras.dead == deque()


def test_an_exchange_that_is_missing_takes_nothing(peer: Peer) -> None:
    peer.declares(1, "q", table(x_dead_letter_exchange="nope"))
    peer.publishes(1, "q", "1", "2")
    takes_out(peer, "q", 2)
    peer.sends(1, BasicReject(1, requeue=False))
    peer.receives_nothing()
    exchange = ExchangeDeclare(exchange="nope", type="fanout")
    peer.sends(1, exchange)
    peer.receives(1, ExchangeDeclareOk())
    peer.declares(1, "dead")
    peer.binds(1, "dead", "nope")
    peer.sends(1, BasicReject(2, requeue=False))  # from now on it does
    assert buried(peer) == [("2", [("q", "rejected", 1)])]
    peer.sends(1, ExchangeDelete(exchange="nope"))
    peer.receives(1, ExchangeDeleteOk())


def test_an_exchange_without_a_way_on_drops_them(peer: Peer) -> None:
    peer.declares(1, "q", DLX)
    peer.publishes(1, "q", "1")
    takes_out(peer, "q", 1)
    peer.sends(1, BasicReject(1, requeue=False))
    peer.receives_nothing()


def test_the_alternate_exchange_is_a_way_on(mourner: Peer) -> None:
    peer = mourner
    alternate = table(alternate_exchange="amq.fanout")
    peer.sends(1, ExchangeDeclare(exchange="x", type="direct", arguments=alternate))
    peer.receives(1, ExchangeDeclareOk())
    peer.declares(1, "q", table(x_dead_letter_exchange="x"))
    peer.publishes(1, "q", "1")
    takes_out(peer, "q", 1)
    peer.sends(1, BasicReject(1, requeue=False))
    assert buried(peer) == [("1", [("q", "rejected", 1)])]


def test_a_headers_exchange_reads_the_dead_letters_headers(peer: Peer) -> None:
    peer.declares(1, "dead")
    arguments = table(x_first_death_reason="rejected", x_match="all-with-x")
    peer.binds(1, "dead", "amq.match", arguments=arguments)
    peer.declares(1, "q", table(x_dead_letter_exchange="amq.match", x_max_length=1))
    peer.publishes(1, "q", "1", "2")  # drops the first
    takes_out(peer, "q", 1)
    peer.sends(1, BasicReject(1, requeue=False))
    bodies = [body for body, _ in buried(peer)]
    assert bodies in ([], ["2"])  # all-with-x came with RabbitMQ 3.10: see test_headers.py
    assert "1" not in bodies


def test_without_a_key_of_the_queue_the_messages_keys_lead_on(peer: Peer) -> None:
    for queue in ("d1", "d2", "d3"):
        peer.declares(1, queue)
        peer.binds(1, queue, "amq.direct", f"key {queue}")
    peer.declares(1, "q", table(x_dead_letter_exchange="amq.direct"))
    peer.binds(1, "q", "amq.fanout")
    peer.publishes(1, "key d1", "m", exchange="amq.fanout", headers=table(CC=["key d2"]))
    takes_out(peer, "q", 1)
    peer.sends(1, BasicReject(1, requeue=False))
    for queue in ("d1", "d2"):
        content = peer.gets(1, queue)
        assert content is not None
        assert content.method.routing_key == "key d1"  # type: ignore[attr-defined]
        (entry,) = entries_of(headers_of(content))
        assert entry["exchange"] == Field("S", "amq.fanout")
        assert entry["routing-keys"] == Field("A", [Field("S", "key d1"), Field("S", "key d2")])
        assert "CC" in headers_of(content)
    assert peer.gets(1, "d3") is None


def test_blind_copies_lead_on_too(peer: Peer) -> None:
    """RabbitMQ takes BCC out of the headers, but the message keeps its keys."""
    peer.declares(1, "dead")
    peer.binds(1, "dead", "amq.direct", "blind")
    peer.declares(1, "q", table(x_dead_letter_exchange="amq.direct"))
    peer.publishes(1, "q", "m", headers=table(BCC=["blind"]))
    takes_out(peer, "q", 1)
    peer.sends(1, BasicReject(1, requeue=False))
    content = peer.gets(1, "dead")
    (entry,) = entries_of(headers_of(content))
    assert entry["routing-keys"] == Field("A", [Field("S", "q")])
    assert "BCC" not in headers_of(content)


def test_a_key_of_the_queue_leads_on_alone(peer: Peer) -> None:
    for queue in ("dead", "copy"):
        peer.declares(1, queue)
    peer.declares(1, "q", to("dead"))
    peer.publishes(1, "q", "m", headers=table(CC=["copy"]))
    assert peer.gets(1, "copy") is not None  # of the publish itself
    takes_out(peer, "q", 1)
    peer.sends(1, BasicReject(2, requeue=False))
    content = peer.gets(1, "dead")
    assert "CC" not in headers_of(content)
    assert peer.gets(1, "copy") is None


def test_in_a_transaction_they_die_at_the_commit(mourner: Peer) -> None:
    peer = mourner
    peer.declares(1, "q", DLX)
    peer.publishes(1, "q", "1", "2")
    takes_out(peer, "q", 2)
    peer.sends(1, TxSelect(), BasicReject(1, requeue=False))
    peer.receives(1, TxSelectOk())
    assert peer.world.queue("dead").ready_count == 0
    peer.sends(1, TxRollback())
    peer.receives(1, TxRollbackOk())
    peer.sends(1, BasicReject(2, requeue=False), TxCommit())
    peer.receives(1, TxCommitOk())
    assert buried(peer) == [("2", [("q", "rejected", 1)])]
    assert peer.world.queue("q").unacked_count == 1


def test_an_expired_message_does_not_come_back_to_its_queue(peer: Peer) -> None:
    peer.declares(1, "q", to("q", x_message_ttl=100))
    peer.publishes(1, "q", "round")
    peer.world.passes(1000, step_ms=100)
    assert peer.world.queue("q").ready_count == 0


def test_a_dropped_message_does_not_come_back_to_its_queue(peer: Peer) -> None:
    peer.declares(1, "q", to("q", x_max_length=1))
    peer.publishes(1, "q", "1", "2")
    assert [body for body, _ in buried_without_story(peer, "q")] == ["2"]
    peer.declares(1, "r", to("r", x_max_length=0, x_overflow="reject-publish-dlx"))
    peer.publishes(1, "r", "1")
    assert peer.gets(1, "r") is None


def buried_without_story(peer: Peer, queue: str) -> list[tuple[str, Table]]:
    found = []
    while (content := peer.gets(1, queue)) is not None:
        found.append((content.body.decode(), headers_of(content)))
    return found


def test_a_rejected_message_comes_back_to_its_queue_and_is_counted(peer: Peer) -> None:
    peer.declares(1, "q", to("q"))
    peer.consumes(1, "q")
    peer.publishes(1, "q", "round")
    for tag in (1, 2, 3):
        content = peer.takes_content(1)
        assert content.method.redelivered is False  # type: ignore[attr-defined]
        if tag > 1:
            assert story(headers_of(content)) == [("q", "rejected", tag - 1)]
        peer.sends(1, BasicReject(tag, requeue=False))


def test_a_cycle_of_several_queues_ends_where_it_began(peer: Peer) -> None:
    for queue, following in (("a", "b"), ("b", "c"), ("c", "a")):
        peer.declares(1, queue, to(following, x_message_ttl=100))
    peer.publishes(1, "a", "round")
    counts = []
    for _ in range(5):
        counts.append([peer.world.queue(name).ready_count for name in "abc"])
        peer.world.passes(100, step_ms=100)
    assert counts == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_a_cycle_with_a_decision_in_it_goes_on(peer: Peer) -> None:
    """The usual way to try again later: reject to a queue where it waits."""
    peer.declares(1, "work", to("wait"))
    peer.declares(1, "wait", to("work", x_message_ttl=1000))
    peer.publishes(1, "work", "job", expiration="600000")
    for attempt in (1, 2, 3):
        content = peer.gets(1, "work", no_ack=False)
        assert content is not None
        if attempt > 1:
            assert story(headers_of(content)) == [
                ("wait", "expired", attempt - 1),
                ("work", "rejected", attempt - 1),
            ]
            first = entries_of(headers_of(content))[1]
            assert first["original-expiration"] == Field("S", "600000")
            assert headers_of(content)["x-first-death-queue"] == Field("S", "work")
        peer.sends(1, BasicReject(attempt, requeue=False))
        peer.world.passes(1000, step_ms=500)
    assert peer.world.queue("work").ready_count == 1


def test_several_queues_in_one_go(peer: Peer) -> None:
    """Each passes it on at once: nothing waits for time to pass."""
    for queue, following in ("ab", "bc", "cd"):
        peer.declares(1, queue, to(following, x_message_ttl=0))
    peer.declares(1, "d")
    peer.publishes(1, "a", "1", "2")
    assert peer.world.queue("d").ready_count == 2
    first = peer.gets(1, "d")
    assert {entry[0] for entry in story(headers_of(first))} == {"a", "b", "c"}
    assert headers_of(first)["x-first-death-queue"] == Field("S", "a")
    (second,) = [body for body, _ in buried(peer, "d")]
    assert second == "2"


def test_a_dead_letter_finds_the_features_of_where_it_goes(peer: Peer) -> None:
    """Limits, TTL and priorities hold for dead letters as for publishes."""
    peer.declares(1, "last")
    peer.declares(1, "short", to("last", x_max_length=1, x_max_priority=5, x_message_ttl=1000))
    peer.declares(1, "q", to("short"))
    peer.publishes(1, "q", "low", priority=1)
    peer.publishes(1, "q", "high", priority=5)
    takes_out(peer, "q", 2)
    peer.sends(1, BasicNack(0, multiple=True, requeue=False))
    dropped = [("short", "maxlen", 1), ("q", "rejected", 1)]
    assert buried(peer, "last") == [("high", dropped)]  # the head of a priority queue
    peer.world.passes(1000, step_ms=1000)
    expired = [("short", "expired", 1), ("q", "rejected", 1)]
    assert buried(peer, "last") == [("low", expired)]


def test_a_dead_letter_that_is_refused_is_gone(peer: Peer) -> None:
    peer.declares(1, "full", table(x_max_length=0, x_overflow="reject-publish"))
    peer.declares(1, "q", to("full"))
    peer.publishes(1, "q", "m")
    takes_out(peer, "q", 1)
    peer.sends(1, BasicReject(1, requeue=False))
    peer.receives_nothing()
    assert [peer.world.queue(name).ready_count for name in ("q", "full")] == [0, 0]


def test_a_waiting_consumer_gets_dead_letters_in_the_same_conversation(mourner: Peer) -> None:
    peer = mourner
    peer.consumes(1, "dead", "mourner", no_ack=True)
    peer.declares(1, "q", DLX)
    peer.consumes(1, "q", "worker")
    peer.publishes(1, "q", "1", "2")
    peer.receives_bodies(1, "1", "2", consumer_tag="worker")
    peer.sends(1, BasicNack(2, multiple=True, requeue=False))
    peer.receives_bodies(1, "1", "2", consumer_tag="mourner", redelivered=False)
    peer.receives_nothing()
