"""Messages through queues: the steady flow from publisher to consumer."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Any

from . import wire
from .flow import Consumer, Flow, Publisher, warm_up
from .peer import Peer
from .scenario import SCENARIOS, Meter, Metrics, Run, Scenario, flow_metrics, scenario
from .source import Distinct, Repeated, Source, distinct_block, varied_block
from .stage import assert_empty, stage

BODY = b"0123456789abcdef"
PREFETCH = 1000
ACK_EVERY = 100
WINDOW = 1000
IN_FLIGHT_MAX = 20_000  # messages a publisher may be ahead of its consumer
IN_FLIGHT_MAX_BYTES = 32 << 20
DISTINCT_COUNT = 1000  # messages of one block
PAIR_COUNT = 10


def make_pair(
    publisher_peer: Peer,
    consumer_peer: Peer,
    source: Source,
    queue: str,
    acks: bool = False,
    confirms: bool = False,
    checked: bool = True,
    ordered: bool = True,
) -> tuple[Publisher, Consumer]:
    """A publisher and a consumer of its queue, which exists; checked with a first few messages.

    ordered: see `warm_up`.
    """
    tag = "consumer-1"
    consumer_peer.consume(queue, tag, no_ack=not acks, prefetch_count=PREFETCH if acks else 0)
    if confirms:
        publisher_peer.confirm_select()
    consumer = Consumer(consumer_peer, source, tag, ack_every=ACK_EVERY if acks else 0)
    ahead = max(64, min(IN_FLIGHT_MAX, IN_FLIGHT_MAX_BYTES // source.size))
    publisher = Publisher(publisher_peer, source, ahead, consumer, WINDOW if confirms else 0)
    if checked:
        warm_up(publisher, consumer, ordered)
    return publisher, consumer


def measure_flow(run: Run, flow: Flow) -> Metrics:
    meter = Meter(run.target)
    if run.messages is not None:
        result = flow.run(messages=run.messages // len(flow.publishers))
    else:
        result = flow.run(seconds=run.seconds)
    return flow_metrics(result, meter)


def one_queue(
    run: Run,
    body: bytes = BODY,
    properties: bytes = wire.NO_PROPERTIES,
    acks: bool = False,
    confirms: bool = False,
    durable: bool = False,
    arguments: dict[str, Any] | None = None,
) -> Metrics:
    queue = "bench.flow"
    features = {queue: arguments or {}}
    with (
        stage(run.target, [queue], durable=durable, arguments=features) as owner,
        run.target.connect() as sender,
        run.target.connect() as receiver,
    ):
        source = Repeated(wire.publish("", queue, body, properties))
        publisher, consumer = make_pair(sender, receiver, source, queue, acks, confirms)
        metrics = measure_flow(run, Flow([publisher], [consumer]))
        assert_empty(owner, [queue])
    return metrics


def _register(name: str, says: str, **options: Any) -> None:
    SCENARIOS[name] = Scenario(name, says, partial(one_queue, **options))


_register("auto-ack", "one publisher, one consumer, auto-ack, 16 bytes")
_register("ack", "prefetch 1000, an ack for every 100", acks=True)
_register("confirm", "confirms in a window of 1000, an ack for every 100", acks=True, confirms=True)
_DURABLE: dict[str, Any] = {"acks": True, "durable": True, "properties": wire.PERSISTENT}
_register("persistent", "an ack for every 100, persistent messages, durable queue", **_DURABLE)
_register("persistent-confirm", "the same, confirms in a window of 1000", confirms=True, **_DURABLE)
_register("1-kib", "auto-ack, bodies of 1 KiB", body=bytes(1024))
_register("64-kib", "auto-ack, bodies of 64 KiB", body=bytes(65536))


@scenario("distinct", "auto-ack through a topic exchange; routing key, properties, body all differ")
def distinct(run: Run) -> Metrics:
    queue = exchange = "bench.distinct"
    block = distinct_block(exchange, DISTINCT_COUNT)
    with (
        stage(run.target, [queue], exchange=exchange, exchange_type="topic") as owner,
        run.target.connect() as sender,
        run.target.connect() as receiver,
    ):
        owner.bind(exchange, [(queue, "device.*.reading.*")])
        publisher, consumer = make_pair(sender, receiver, Distinct([block]), queue)
        metrics = measure_flow(run, Flow([publisher], [consumer]))
        assert_empty(owner, [queue])
    return metrics


@scenario("varied", "auto-ack, one routing key; message-id differs, bodies of 50 to 400 bytes")
def varied(run: Run) -> Metrics:
    """Between auto-ack, where every frame but the body repeats, and distinct, where none does."""
    return _varied(run, persistent=False)


@scenario("persistent-varied", "varied, but persistent, in a durable queue, an ack for every 100")
def persistent_varied(run: Run) -> Metrics:
    return _varied(run, persistent=True)


def _varied(run: Run, persistent: bool) -> Metrics:
    queue = "bench.varied"
    source = Distinct([varied_block(queue, DISTINCT_COUNT, 50, 400, persistent)])
    with (
        stage(run.target, [queue], durable=persistent) as owner,
        run.target.connect() as sender,
        run.target.connect() as receiver,
    ):
        publisher, consumer = make_pair(sender, receiver, source, queue, acks=persistent)
        metrics = measure_flow(run, Flow([publisher], [consumer]))
        assert_empty(owner, [queue])
    return metrics


@scenario("ten-queues", "ten publishers and ten consumers on ten queues, auto-ack")
def ten_queues(run: Run) -> Metrics:
    queues = [f"bench.pair-{number}" for number in range(PAIR_COUNT)]
    with stage(run.target, queues) as owner, ExitStack() as stack:
        pairs = [
            make_pair(
                stack.enter_context(run.target.connect()),
                stack.enter_context(run.target.connect()),
                Repeated(wire.publish("", queue, BODY)),
                queue,
            )
            for queue in queues
        ]
        publishers, consumers = zip(*pairs, strict=True)
        for publisher in publishers:
            publisher.in_flight_max //= PAIR_COUNT
        metrics = measure_flow(run, Flow(publishers, consumers))
        assert_empty(owner, queues)
    return metrics
