"""Random conversations with a node: what its runs are fed, and the topology they start from."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from broker.amqp.frames import METHOD
from broker.amqp.methods import (
    BasicAck,
    BasicCancel,
    BasicConsume,
    BasicGet,
    BasicNack,
    BasicQos,
    BasicQosOk,
    BasicRecover,
    BasicReject,
    ChannelClose,
    ChannelFlow,
    ConfirmSelect,
    ExchangeBind,
    ExchangeDeclare,
    ExchangeDeclareOk,
    ExchangeDelete,
    ExchangeUnbind,
    Method,
    QueueBind,
    QueueDeclare,
    QueueDelete,
    QueuePurge,
    QueueUnbind,
    TxCommit,
    TxRollback,
    TxSelect,
)
from broker.amqp.wire import EMPTY_TABLE, Table
from tests.support.builders import frame, header, publish_frames, table
from tests.support.peer import Peer

FRAME_MAX = 4096
CHANNELS = (1, 2, 3)
QUEUES = ("q1", "q2", "q3")
EXCHANGE_TYPES = {
    "ed": "direct",
    "et": "topic",
    "ef": "fanout",
    "eh": "headers",
    "ea": "direct",  # with an alternate
    "xc": "x-consistent-hash",  # by the header "a"
    "xm": "x-modulus-hash",
    "xr": "x-recent-history",  # of three messages
}
EXCHANGE_ARGUMENTS = {
    "ea": table(alternate_exchange="ef"),
    "xc": table(hash_header="a"),
    "xr": table(x_recent_history_length=3),
}
KEYS = ("q1", "q2", "a", "a.b", "")
PATTERNS = ("q1", "a", "a.*", "#", "*.b", "")

queues = st.sampled_from(QUEUES)
exchanges = st.sampled_from(("", "", *EXCHANGE_TYPES))
named_exchanges = st.sampled_from(tuple(EXCHANGE_TYPES))
keys = st.sampled_from(KEYS)
tags = st.sampled_from([f"c{number}" for number in range(12)])
channels = st.sampled_from(CHANNELS)

# Sizes of bodies: none, small ones that repeat, one that fills its frame, several frames.
body_sizes = st.sampled_from([0, 1, 7, 7, 7, 300, FRAME_MAX - 8, FRAME_MAX - 7, 9000])

GOOD_PROPERTIES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"content_type": "text/plain", "delivery_mode": 1},
    {"delivery_mode": 2},
    {"priority": 3},
    {"expiration": "60000"},
    {"user_id": "guest", "reply_to": "somebody"},
    {"headers": table(a=1)},
    {"headers": table(a=2, b="x")},
    {"headers": table(CC=["q2", "a.b"])},
    {"headers": table(BCC=["q3"], a=1)},
)
BAD_PROPERTIES: tuple[dict[str, Any], ...] = (
    {"delivery_mode": 3},
    {"expiration": "soon"},
    {"user_id": "somebody"},
    {"headers": table(CC="q2")},
    {"reply_to": "amq.rabbitmq.reply-to"},
    {"raw_header": header(3)[:13]},  # half a flag word
    {"raw_header": header(3, content_type="x")[:-1]},
    {"raw_header": b"\x00\x3c\x00\x01" + header(3)[4:]},  # a weight
    {"raw_header": b"\x00\x32" + header(3)[2:]},  # another class
    {"raw_header": header(2)},  # a body size that is not the body's
)


def prepare(peer: Peer, *, durable: bool = False, arguments: Table = EMPTY_TABLE) -> None:
    """The topology all conversations start with.

    durable, arguments: of q1 and q2.
    """
    peer.opens_channel(*CHANNELS)
    for name, type_name in EXCHANGE_TYPES.items():
        arguments = EXCHANGE_ARGUMENTS.get(name, {})
        peer.sends(1, ExchangeDeclare(exchange=name, type=type_name, arguments=arguments))
        peer.receives(1, ExchangeDeclareOk())
    for queue in QUEUES:
        is_third = queue == "q3"
        queue_arguments = EMPTY_TABLE if is_third else arguments
        peer.declares(1, queue, queue_arguments, durable=durable and not is_third)
    peer.binds(1, "q1", "ed", "q1")
    peer.binds(1, "q2", "et", "a.*")
    peer.binds(1, "q2", "ef")
    peer.binds(1, "q3", "ef")
    peer.binds(1, "q1", "eh", "", table(a=1, x_match="any"))
    for queue, weight in (("q1", "1"), ("q2", "2"), ("q3", "1")):
        peer.binds(1, queue, "xc", weight)
        peer.binds(1, queue, "xm", weight)


def start_consumers(peer: Peer, prefetch_count: int) -> None:
    """On q1 twice, with credit that runs out; on q2; on q3 without acks."""
    peer.sends(1, BasicQos(prefetch_count=prefetch_count))
    peer.receives(1, BasicQosOk())
    for channel, queue, tag in ((1, "q1", "first"), (2, "q1", "second"), (2, "q2", "third")):
        peer.consumes(channel, queue, tag)
    peer.consumes(3, "q3", "fourth", no_ack=True)


def bodies(size: int, count: int) -> list[bytes]:
    return [(b"%d:" % number * size)[:size] for number in range(count)]


@st.composite
def publish_runs(draw: Any) -> bytes:
    """One message, several times over, as publishers do."""
    channel = draw(channels)
    properties = dict(draw(st.sampled_from((*GOOD_PROPERTIES * 6, *BAD_PROPERTIES))))
    size = 3 if "raw_header" in properties else draw(body_sizes)
    exchange, key, mandatory = draw(exchanges), draw(keys), draw(st.booleans())
    return b"".join(
        publish_frames(
            channel, exchange, key, body, mandatory=mandatory, frame_max=FRAME_MAX, **properties
        )
        for body in bodies(size, draw(st.sampled_from([1, 1, 2, 3, 6])))
    )


# What is published all the time, so that it is known: where to, delivery mode, size of the body.
USUAL = (
    ((1, "", "q1"), 2, 7),
    ((2, "", "q1"), 1, 7),
    ((2, "", "q2"), 2, 7),
    ((3, "", "q2"), 1, 300),
    ((3, "ef", "q3"), 2, 7),
    ((1, "ed", "q1"), 1, 1),
)


@st.composite
def publish_turns(draw: Any) -> bytes:
    """Messages that take turns, as those of a publisher to many queues do; most of them usual."""
    kinds = []
    is_usual = draw(st.sampled_from([True, True, False]))
    for _ in range(draw(st.integers(2, 4))):
        if is_usual:
            place, delivery_mode, size = draw(st.sampled_from(USUAL))
            properties: dict[str, Any] = {"delivery_mode": delivery_mode}
        else:
            place = draw(channels), draw(exchanges), draw(keys)
            properties = draw(st.sampled_from((*GOOD_PROPERTIES * 8, *BAD_PROPERTIES)))
            size = 3 if "raw_header" in properties else draw(body_sizes)
        mandatory = not is_usual and draw(st.booleans())
        kinds.append((place, mandatory, properties, size, draw(st.integers(1, 2))))
    return b"".join(
        publish_frames(
            channel, exchange, key, body, mandatory=mandatory, frame_max=FRAME_MAX, **properties
        )
        for number in range(draw(st.integers(2, 6)))
        for (channel, exchange, key), mandatory, properties, size, count in kinds
        for body in bodies(size, number + count)[number:]
    )


nowaits = st.sampled_from([False, False, True])
multiples = st.booleans()
delivery_tags = st.integers(0, 6)

# Commands that change something or ask for something; some of them are refused.
commands: st.SearchStrategy[Method] = st.one_of(
    st.builds(QueueDeclare, queue=queues, nowait=nowaits),
    st.builds(QueueDelete, queue=queues, nowait=nowaits),
    st.builds(QueuePurge, queue=queues, nowait=nowaits),
    st.builds(QueueBind, queue=queues, exchange=named_exchanges, routing_key=keys),
    st.builds(
        QueueBind,
        queue=queues,
        exchange=st.just("et"),
        routing_key=st.sampled_from(PATTERNS),
        nowait=nowaits,
    ),
    st.builds(QueueUnbind, queue=queues, exchange=named_exchanges, routing_key=keys),
    st.builds(ExchangeBind, destination=named_exchanges, source=named_exchanges, routing_key=keys),
    st.builds(
        ExchangeUnbind, destination=named_exchanges, source=named_exchanges, routing_key=keys
    ),
    st.builds(ExchangeDelete, exchange=named_exchanges),
    st.builds(ExchangeDeclare, exchange=st.just("et"), type=st.just("topic")),
    st.builds(ExchangeDeclare, exchange=st.just("ed"), type=st.just("direct")),
    st.builds(ChannelFlow, active=st.just(True)),
)
consuming: st.SearchStrategy[Method] = st.one_of(
    st.builds(BasicConsume, queue=queues, consumer_tag=tags, no_ack=st.booleans(), nowait=nowaits),
    st.builds(BasicCancel, consumer_tag=tags, nowait=nowaits),
    st.builds(BasicGet, queue=queues, no_ack=st.booleans()),
    st.builds(BasicQos, prefetch_count=st.integers(0, 3)),
    st.builds(BasicRecover, requeue=st.just(True)),
)
settling: st.SearchStrategy[Method] = st.one_of(
    st.builds(BasicAck, delivery_tag=delivery_tags, multiple=multiples),
    st.builds(BasicNack, delivery_tag=delivery_tags, multiple=multiples, requeue=st.booleans()),
    st.builds(BasicReject, delivery_tag=delivery_tags, requeue=st.booleans()),
)
modes: st.SearchStrategy[Method] = st.one_of(
    st.builds(ConfirmSelect, nowait=nowaits),
    st.builds(TxSelect),
    st.builds(TxCommit),
    st.builds(TxRollback),
    st.builds(ChannelClose),
    st.builds(BasicQos, prefetch_count=st.integers(0, 3), is_global=st.booleans()),
)


def method_octets(channel: int, command: Method) -> bytes:
    return frame(METHOD, channel, command.encode())


def said_by(*strategies: st.SearchStrategy[Method]) -> st.SearchStrategy[bytes]:
    return st.builds(method_octets, channels, st.one_of(*strategies))


def read_at_once(*strategies: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """What arrives in one read of the socket."""
    return st.lists(st.one_of(*strategies), min_size=1, max_size=5).map(b"".join)


method_frames = said_by(commands, consuming, consuming, settling, settling, modes)
reads = read_at_once(publish_runs(), publish_runs(), publish_turns(), method_frames)

# The same of queues that may be durable; less of what changes the topology.
durable_commands: st.SearchStrategy[Method] = st.one_of(
    st.builds(QueueDeclare, queue=queues, durable=st.booleans()),
    st.builds(QueueDelete, queue=queues),
    st.builds(QueuePurge, queue=queues),
    st.builds(QueueBind, queue=queues, exchange=st.just("ef")),
)
durable_reads = read_at_once(
    publish_runs(),
    publish_turns(),
    publish_turns(),
    said_by(consuming, consuming, settling, settling, modes, durable_commands),
)
