"""What a load test is made of: exchange, queues, and what each process has to do."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from typing import Any

from broker.amqp import methods as m
from broker.amqp.wire import table_of
from broker.cli.messaging.address import Address
from broker.cli.messaging.connection import Connection
from broker.cli.messaging.exits import Failure, usage
from broker.cli.messaging.options import Given, Option
from broker.cli.messaging.running import short_name

OPTIONS: tuple[Option, ...] = (
    Option("producers", "integer", "connections that publish (1)", "x"),
    Option("consumers", "integer", "connections that consume (1)", "y"),
    Option("size", "integer", "octets of a body (16)", "s"),
    Option("rate", "text", "messages a second that each producer publishes at most", "r"),
    Option("confirm", "integer", "wait for confirms; so many messages may be without one", "c"),
    Option("autoack", "switch", "consumers need not acknowledge", "a"),
    Option("multi_ack_every", "integer", "acknowledge so many messages at a time (100)", "A"),
    Option("prefetch", "integer", "deliveries that a consumer may have unacknowledged (1000)"),
    Option("persistent", "switch", "persistent messages, durable queues"),
    Option("mandatory", "switch", "have messages returned that no queue takes"),
    Option("queue_type", "text", "classic, quorum or stream (classic)"),
    Option("queue_count", "integer", "queues, shared out among producers and consumers (1)"),
    Option("queue", "text", "use this queue, which is there already, and leave it there"),
    Option("exchange_type", "text", "publish through an exchange of this type (none: by default)"),
    Option("seconds", "text", "how long (10, unless --messages says how many)", "z"),
    Option("messages", "integer", "how many messages each producer publishes", "C"),
    Option("processes", "integer", "processes for producers, and as many for consumers"),
)
_TOLD = (
    *("size", "rate", "confirm", "auto_ack", "ack_every", "prefetch", "persistent"),
    *("mandatory", "exchange", "messages"),
)  # of the plan, to each process
QUEUE_TYPES = ("classic", "quorum", "stream")
TO_ALL = ("fanout", "headers")  # types whose messages go to every queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """seconds: None: until `messages` were sent by each producer."""

    producers: int
    consumers: int
    size: int
    rate: float | None
    confirm: int  # window; 0: no confirms
    auto_ack: bool
    ack_every: int
    prefetch: int
    persistent: bool
    mandatory: bool
    queue_type: str
    queues: tuple[str, ...]
    is_own: bool  # queues are declared, and deleted
    exchange: str
    exchange_type: str
    seconds: float | None
    messages: int | None
    processes: int

    def queue_of(self, index: int) -> str:
        return self.queues[index % len(self.queues)]

    def expected(self, sent: int) -> int:
        """Deliveries that come of so many messages, shared out evenly."""
        served = [self.queue_of(index) for index in range(self.consumers)]
        total = 0
        for index in range(self.producers):
            share = sent // self.producers
            targets = self.queues if self.exchange_type in TO_ALL else (self.queue_of(index),)
            for queue in targets:
                readers = served.count(queue)
                total += share * (readers if self.queue_type == "stream" else min(readers, 1))
        return total


def plan_of(given: Given) -> Plan:
    """Raises: Failure."""
    count = given.integer("queue_count", 1, 1, 9999)
    own = f"leveretctl-bench-{os.getpid()}"
    queues = tuple(f"{own}-{index:04d}" for index in range(count))
    if given.has("queue"):
        if given.has("queue_count") or given.has("exchange_type") or given.has("queue_type"):
            raise usage("--queue is used as it is: by the default exchange, and alone")
        queues = (short_name(given.text("queue"), "a queue"),)
    exchange_type = short_name(given.text("exchange_type"), "a type")
    prefetch = given.integer("prefetch", 1000, 1, 65535)
    messages = given.integer("messages", 0, 1) if given.has("messages") else None
    processes = given.integer("processes", os.cpu_count() or 1, 1, 64)
    return Plan(
        producers=given.integer("producers", 1, 0, 1000),
        consumers=given.integer("consumers", 1, 0, 1000),
        size=given.integer("size", 16, 0, 512 << 20),
        rate=given.number("rate"),
        confirm=given.integer("confirm", 0, 1),
        auto_ack=given.switch("autoack"),
        ack_every=min(given.integer("multi_ack_every", 100, 1), prefetch),
        prefetch=prefetch,
        persistent=given.switch("persistent"),
        mandatory=given.switch("mandatory"),
        queue_type=given.choice("queue_type", QUEUE_TYPES, "classic"),
        queues=queues,
        is_own=not given.has("queue"),
        exchange=own if exchange_type else "",
        exchange_type=exchange_type,
        seconds=given.number("seconds", None if messages else 10.0),
        messages=messages,
        processes=processes,
    )


def shares(plan: Plan, address: Address) -> list[dict[str, Any]]:
    """What each process is told: producers and consumers are in processes of their own."""
    common = {
        "address": asdict(replace(address, heartbeat_s=0)),
        "consume_arguments": {"x-stream-offset": "first"} if plan.queue_type == "stream" else {},
        "producers": [],
        "consumers": [],
    }
    common |= {name: getattr(plan, name) for name in _TOLD}
    told = []
    for kind, total in (("consumers", plan.consumers), ("producers", plan.producers)):
        places = [plan.queue_of(index) for index in range(total)]
        count = min(plan.processes, total)
        told += [common | {kind: places[index::count]} for index in range(count)]
    return told


class Stage:
    """The exchange and the queues of a test: declared before, deleted after."""

    def __init__(self, connection: Connection, plan: Plan):
        self._connection = connection
        self._plan = plan
        self._declared: list[m.Method] = []  # what undoes it

    def set_up(self) -> None:
        """Raises: Failure."""
        plan, call = self._plan, self._connection.call
        if not plan.is_own:
            call(m.QueueDeclare(queue=plan.queues[0], passive=True), m.QueueDeclareOk)
            return
        if plan.exchange:
            kind = plan.exchange_type
            call(m.ExchangeDeclare(exchange=plan.exchange, type=kind), m.ExchangeDeclareOk)
            self._declared.append(m.ExchangeDelete(exchange=plan.exchange))
        arguments = {} if plan.queue_type == "classic" else {"x-queue-type": plan.queue_type}
        for queue in plan.queues:
            declare = m.QueueDeclare(queue=queue, arguments=table_of(dict(arguments)))
            declare.durable = plan.persistent or bool(arguments)
            call(declare, m.QueueDeclareOk)
            self._declared.append(m.QueueDelete(queue=queue))
            if plan.exchange:
                bind = m.QueueBind(queue=queue, exchange=plan.exchange)
                bind.routing_key = self.key_of(queue)
                call(bind, m.QueueBindOk)

    def key_of(self, queue: str) -> str:
        """Of its binding. Hashing types take it for a weight."""
        return "1" if self._plan.exchange_type.startswith("x-") else queue

    @property
    def left(self) -> list[str]:
        """What is declared and not deleted yet."""
        return [
            f"queue '{undo.queue}'"
            if isinstance(undo, m.QueueDelete)
            else f"exchange '{self._plan.exchange}'"
            for undo in self._declared
        ]

    def clear(self, connection: Connection) -> None:
        """Delete what was declared. connection: need not be the first one. Raises: Failure."""
        while self._declared:
            undo = self._declared[-1]
            if isinstance(undo, m.QueueDelete):
                connection.call(undo, m.QueueDeleteOk)
            else:
                connection.call(undo, m.ExchangeDeleteOk)
            self._declared.pop()


def check(plan: Plan) -> None:
    """Raises: Failure if there is nothing to do."""
    if not plan.producers and not plan.consumers:
        raise Failure("neither producers nor consumers: there is nothing to do", 64)
    if plan.messages is not None and not plan.producers:
        raise usage("--messages counts what producers publish, and there are none")
