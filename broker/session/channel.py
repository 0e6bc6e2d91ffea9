"""A channel: publishing, delivering, settling, confirming. The hot file of the way in.

`publish` is called for every message, with the payload of its basic.publish, its content header
and its body. What a publisher repeats is remembered: the `Route` of a publish payload, in it the
last `Envelope`, and at the connection the whole prefix of the last message (`Memo`), so that a run
of alike messages costs a comparison and a slice each. `resolve` and `open_envelope` define what a
message means; everything else only remembers what they answered.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from broker.amqp.content import (
    HAS_EXPIRATION,
    HAS_HEADERS,
    HAS_REPLY_TO,
    HAS_USER_ID,
    Properties,
    check_properties,
)
from broker.amqp.errors import (
    NO_ROUTE,
    AMQPException,
    InternalError,
    MalformedSyntax,
    NotImplementedByBroker,
    internal_exchange_publish,
    invalid_expiration,
    locked_queue,
    message_too_large,
    no_previous_queue,
    no_reply_consumer,
    unknown_delivery_mode,
    user_id_mismatch,
)
from broker.amqp.frames import (
    BODY,
    END_OCTET,
    HEADER,
    METHOD,
    OVERHEAD,
    content_frames,
    pack_frame_header,
)
from broker.amqp.methods import (
    BasicDeliver,
    BasicPublish,
    BasicReturn,
    ChannelClose,
    Method,
)
from broker.auth.permissions import WRITE
from broker.commands import Command, DeleteQueue
from broker.exchanges.exchange import Exchange
from broker.marks import hot
from broker.message import PERSISTENT, TRANSIENT, Envelope, Message
from broker.queues.extended import takes_runs
from broker.queues.queue import Queue
from broker.session import reports
from broker.session.ack_timeouts import AckTimeouts
from broker.session.confirming import Confirming
from broker.session.publish_properties import expiration_problem, routing_headers
from broker.session.routes import Memo, Route
from broker.session.tapping import publish_tapped

if TYPE_CHECKING:
    from broker.session.connection import Connection
    from broker.session.consumer import ChannelConsumer

log = logging.getLogger("broker.channel")

REPLY_TO = "amq.rabbitmq.reply-to"
READ_FIRST = HAS_USER_ID | HAS_EXPIRATION | HAS_REPLY_TO
REMEMBERED_MAX = 4096  # octets of a content header that is worth remembering
DIRECT_REPLIES_MAX = 16 * 1024 * 1024  # octets kept for a requester that does not read
ROUTES_MAX = 2048  # remembered publish payloads per connection

# What is counted of a channel, in RabbitMQ's words.
COUNTED = (
    "publish",
    "confirm",
    "return_unroutable",
    "drop_unroutable",
    "ack",
    "deliver",
    "deliver_no_ack",
    "get",
    "get_no_ack",
    "get_empty",
    "redeliver",
)


class Channel(Confirming):
    """One channel of a connection. number: its wire number."""

    __slots__ = (
        "ack_timeouts",
        "consumers",
        "drawn_name",
        "dropped",
        "is_closing",
        "last_queue",
        "method_ids",
        "prefetch",
        "published",
        "reply_tag",
        "reply_token",
        "returned",
        "samples",
        "waiting",
    )

    def __init__(self, connection: Connection, number: int):
        super().__init__(connection, number)
        self.is_closing = False  # we sent channel.close and wait for its close-ok
        self.consumers: dict[str, ChannelConsumer] = {}
        self.prefetch = 0
        self.last_queue = ""  # the queue this channel declared last: what an empty name means
        self.drawn_name = ""  # for the queue that is being declared without one
        self.published = self.returned = self.dropped = 0  # messages, see `counts`
        self.samples: Any = None  # see `broker.management.statistics`
        self.method_ids = (0, 0)  # of the method at hand, for refusals that come later
        self.reply_tag: str | None = None  # consumer tag of the direct reply-to consumer
        self.reply_token = ""
        self.waiting: deque[tuple[Callable[[], None], int]] | None = None  # see `Waiting`
        self.ack_timeouts: AckTimeouts | None = None  # where there are timeouts

    # out

    def send_content(self, method: Method, header: bytes, body: bytes) -> None:
        self.connection.send(self.number, method)
        self.connection.send_raw(
            content_frames(self.number, header, body, self.connection.frame_max)
        )

    # definitions

    def execute(self, command: Command, reply: Callable[[Any], Method | None]) -> None:
        """Propose a change and reply when it is done; until then the channel's frames wait.

        reply: makes the answer from the result. A refusal closes the channel as if raised here.
        """
        command.actor = self.connection.user.name
        replicator = self.connection.node.replicator
        self._await(lambda done: replicator.propose(command, done), reply)

    def answer_when_durable(self, existing: object, reply: Callable[[Any], Method | None]) -> None:
        """Reply about something that is as it was asked for, once what made it so is durable.

        It may have been somebody else's request, which waits for the disk.
        """
        replicator = self.connection.node.replicator
        self._await(lambda done: replicator.barrier(lambda: done(existing)), reply)

    def _await(
        self,
        ask: Callable[[Callable[[object], None]], None],
        reply: Callable[[Any], Method | None],
    ) -> None:
        answered = False
        ids = self.method_ids

        def done(result: object) -> None:
            nonlocal answered
            answered = True
            self.connection.finish(self, lambda: self._answer(result, reply), ids, resume=waited)

        waited = False
        ask(done)
        if not answered:
            waited = True
            self.wait()

    def wait(self) -> None:
        """Put off the channel's frames until `Connection.finish`."""
        self.waiting = deque()
        self.connection.forget_memos()

    def commit(self, reply: Method) -> None:
        """The transaction is carried out: say so when what it published is safe."""
        log = self.connection.node.log
        if log.has_news:  # acks among it, perhaps ours
            self._last_position = log.number
        if self._last_position <= log.synced:
            self.send(reply)
            return
        log.is_urgent = True
        self._commit = (self._last_position, reply)
        self.connection.node.unsynced_channels[self] = None
        self.wait()

    def _answer(self, result: object, reply: Callable[[Any], Method | None]) -> None:
        try:
            if isinstance(result, Exception):
                raise result
            answer = reply(result)
        except AMQPException:
            if self.is_open:
                raise
            return
        if answer is not None and self.is_open:
            self.send(answer)

    # checks the handlers share

    def require(self, permission: str, kind: str, name: str) -> None:
        """What the user may do with a queue or an exchange (kind). Raises: AccessRefused;
        Suspended: the caller, who has done nothing yet, is called again."""
        self.connection.access.require(permission, kind, name)

    def queue_name(self, name: str) -> str:
        """What a queue name in a method means: empty is the last declared. Raises: NotFound."""
        if name:
            return name
        if not self.last_queue:
            raise no_previous_queue()
        return self.last_queue

    def check_owner(self, queue: Queue) -> None:
        """Raises: ResourceLocked if the queue is exclusive to another connection."""
        if queue.owner and queue.owner != self.connection.connection_id:
            raise locked_queue(queue.resource)

    # publish

    def publish(self, payload: bytes, header: bytes, body: bytes) -> None:
        """One complete message. payload: of the basic.publish method; header: from class-id on.

        Raises: whatever a publish may be refused with. Spec: basic.publish.
        """
        connection = self.connection
        tap = connection.vhost.tap
        if tap is not None:
            publish_tapped(self, tap, payload, header, body)
            return
        route = connection.routes.get(payload)
        if route is None or connection.routes_version != connection.version.number:
            route = self.resolve(payload, header)
        envelope = route.envelope
        if envelope is None or envelope.header != header:
            self.open_envelope(route, header, body)
            envelope = route.envelope
            assert envelope is not None
        elif route.is_memorable and self.tx is None:
            self._memorise(payload, route, envelope)
        queues = route.queues
        self.distribute(Message(envelope, body), queues, route.mandatory)
        exchange = route.exchange
        exchange.published += 1
        exchange.routed += len(queues)
        if self.pairs is not None:
            self.pairs.publish(exchange, queues, 1)
        if not route.is_memorable:
            route.envelope = None
        if not connection.has_published:
            connection.has_published = True
            connection.on_alarms_changed()

    def resolve(self, payload: bytes, header: bytes) -> Route:
        """Read a basic.publish and check what it asks for. Raises: AMQPException.

        What the exchange alone decides is remembered under its name's octets, so that publishers
        whose routing keys all differ pay for little more than the key.
        """
        connection = self.connection
        if connection.routes_version != connection.version.number:
            connection.routes.clear()
            connection.exchanges.clear()
            connection.routes_version = connection.version.number
        elif len(connection.routes) >= ROUTES_MAX:
            connection.routes.clear()
        bits_at = len(payload) - 1
        key_at = 7 + payload[6] if bits_at > 7 else bits_at
        exchange = connection.exchanges.get(payload[6:key_at])
        if (
            exchange is None
            or key_at >= bits_at
            or payload[key_at] + key_at + 1 != bits_at
            or payload[bits_at] > 1
        ):
            command = BasicPublish.decode(payload)
            if command.immediate:
                raise NotImplementedByBroker("immediate=true")
            self.check_size(header)  # RabbitMQ complains of that first
            exchange = self._open_exchange(command.exchange)
            connection.access.require_topic(WRITE, exchange, command.routing_key)
            if len(connection.exchanges) >= ROUTES_MAX:
                connection.exchanges.clear()
            if not connection.access.asks_for_keys(exchange):
                connection.exchanges[payload[6:key_at]] = exchange
        routing_key = payload[key_at + 1 : bits_at].decode("utf-8", "surrogateescape")
        route = Route(exchange, routing_key, payload[bits_at] & 1 == 1, payload[6:bits_at])
        connection.routes[payload] = route
        return route

    def _open_exchange(self, name: str) -> Exchange:
        """The exchange, for a user that may publish to it. Raises: AccessRefused, NotFound."""
        vhost = self.connection.vhost
        self.require(WRITE, "exchange", name)
        exchange = vhost.find_exchange(name)
        if exchange.internal:
            raise internal_exchange_publish(exchange.resource)
        return exchange

    def check_size(self, header: bytes) -> None:
        """Raises: PreconditionFailed when the content header announces too large a body."""
        size = int.from_bytes(header[4:12], "big")
        limit = self.connection.message_size_max
        if size > limit:
            raise message_too_large(size, limit)

    @hot(bench="distinct")
    def open_envelope(self, route: Route, header: bytes, body: bytes) -> None:
        """Check a content header's properties and find the queues; both stay with the route.

        Raises: AMQPException.
        """
        exchange = route.exchange
        if header != self.connection.plain_header:  # else only the routing key is new
            self.check_size(header)
            try:
                flags = header[12] << 8 | header[13]
                delivery_mode = check_properties(header, flags)
            except (MalformedSyntax, IndexError):
                raise InternalError(ids=(0, 0)) from None
            if flags & READ_FIRST or (flags & HAS_HEADERS and b"CC" in header):
                self._open_with_properties(route, header, body, delivery_mode)
                return
            if delivery_mode is not None and delivery_mode not in (TRANSIENT, PERSISTENT):
                raise unknown_delivery_mode(delivery_mode)
            if len(header) <= REMEMBERED_MAX:
                self.connection.plain_header = header
        envelope = Envelope(exchange.name, route.routing_key, header, None, route.address)
        route.envelope = envelope
        if route.depends_on_key_only:  # and that has not changed
            route.is_memorable = len(header) <= REMEMBERED_MAX
        else:
            self._find_queues(route, envelope, body, [route.routing_key])

    def _open_with_properties(
        self, route: Route, header: bytes, body: bytes, delivery_mode: int | None
    ) -> None:
        """The same where properties have to be read: they may refuse, rewrite or route."""
        connection = self.connection
        properties = Properties.decode(header)
        is_memorable = True
        blind: tuple[str, ...] = ()
        routing_keys = [route.routing_key]
        if properties.reply_to == REPLY_TO:
            if self.reply_tag is None:
                raise no_reply_consumer()
            properties.reply_to = f"{REPLY_TO}.{self.reply_token}"
            header = properties.encode(int.from_bytes(header[4:12], "big"))
            is_memorable = False
        user_id = properties.user_id
        user = connection.user
        if user_id not in (None, user.name) and "impersonator" not in user.tags:
            raise user_id_mismatch(str(user_id), user.name)
        if properties.expiration is not None:
            problem = expiration_problem(properties.expiration)
            if problem is not None:
                raise invalid_expiration(properties.expiration, problem)
        if properties.headers:
            routing_keys += routing_headers(properties.headers)
            if "BCC" in properties.headers:
                blind = tuple(routing_headers(properties.headers, "BCC"))
                properties.headers = {
                    name: field for name, field in properties.headers.items() if name != "BCC"
                }
                header = properties.encode(int.from_bytes(header[4:12], "big"))
                is_memorable = False
        if delivery_mode is not None and delivery_mode not in (TRANSIENT, PERSISTENT):
            raise unknown_delivery_mode(delivery_mode)
        envelope = Envelope(
            route.exchange.name, route.routing_key, header, properties, route.address
        )
        envelope.blind_keys = blind
        route.envelope = envelope
        self._find_queues(route, envelope, body, routing_keys)
        envelope.forget_properties()
        route.is_memorable = route.is_memorable and is_memorable

    def _find_queues(
        self, route: Route, envelope: Envelope, body: bytes, routing_keys: list[str]
    ) -> None:
        exchange = route.exchange
        vhost = self.connection.vhost
        if len(routing_keys) == 1 and not exchange.alternate and not exchange.reads_message:
            queues = vhost.route_simply(exchange, route.routing_key)
            if queues is not None:
                route.queues = queues
                route.depends_on_key_only = exchange.is_stable
                route.is_memorable = exchange.is_stable and len(envelope.header) <= REMEMBERED_MAX
                return
        route.depends_on_key_only = False
        route.queues, is_stable = vhost.route(exchange, routing_keys, Message(envelope, body))
        envelope.forget_properties()
        is_reply = exchange.name == "" and route.routing_key.startswith(f"{REPLY_TO}.")
        is_small = len(envelope.header) <= REMEMBERED_MAX
        route.is_memorable = is_stable and is_small and not is_reply

    def distribute(self, message: Message, queues: list[Queue], mandatory: bool) -> None:
        """Put a checked message where it goes; return it if it must and cannot; count it.

        In tx mode all of that waits for the commit.
        """
        if self.tx is not None:
            self.tx.publishes.append((message, queues, mandatory))
            return
        is_rejected = False
        log = self.connection.node.log
        kept_count = log.kept_count
        self.published += 1
        if queues:
            if message.envelope.ttl_ms is not None:
                for queue in queues:
                    if queue.extras is None:
                        self.connection.node.extend_queue(queue)
            for queue in queues:
                if not queue.push(message):
                    is_rejected = True
        else:
            self._reply_directly(message)
            if not mandatory:
                self.dropped += 1
            else:  # even of what was delivered directly: RabbitMQ says so
                self.returned += 1
                envelope = message.envelope
                method = BasicReturn(*NO_ROUTE, envelope.exchange, envelope.routing_key)
                self.send_content(method, envelope.header, message.body)
        if is_rejected:
            self.has_rejected = True
        if self.confirms:
            self.publish_seqno += 1
            if is_rejected:
                self._rejected.append(self.publish_seqno)
            if log.kept_count != kept_count:
                self._await_commit(log, self.publish_seqno)
            if not self.has_confirms_due:
                self.connection.mark_confirms(self)
        elif log.kept_count != kept_count:
            self._last_position = log.number

    def _reply_directly(self, message: Message) -> None:
        """Direct reply-to: a publish to the default exchange straight to a consumer's channel."""
        envelope = message.envelope
        if envelope.exchange or not envelope.routing_key.startswith(f"{REPLY_TO}."):
            return
        token = envelope.routing_key[len(REPLY_TO) + 1 :]
        channel: Channel | None = self.connection.node.reply_consumers.get(token)
        if channel is None or channel.reply_tag is None:
            return
        if channel.connection.outbox_octets > DIRECT_REPLIES_MAX:
            log.warning(
                "direct reply dropped, its requester does not read, peer=%s",
                channel.connection.peer_name,
            )
            return
        method = BasicDeliver(
            channel.reply_tag,
            channel.last_delivery_tag + 1,  # RabbitMQ shows the next tag and does not use it up
            False,
            envelope.exchange,
            envelope.routing_key,
        )
        channel.send_content(method, envelope.header, message.body)

    def _memorise(self, payload: bytes, route: Route, envelope: Envelope) -> None:
        """The same message again: let the connection recognise its frames at a glance."""
        connection = self.connection
        body_size = envelope.body_size
        if not body_size or not connection.fast_path:
            return
        if body_size > connection.frame_max - OVERHEAD > 0:  # it has several frames
            return
        if not route.queues and route.mandatory:
            return
        if not takes_runs(route.queues, envelope):
            return
        if envelope.ttl_ms is not None and any(queue.extras is None for queue in route.queues):
            return  # they are about to be extended
        number = self.number
        prefix = b"".join(
            (
                pack_frame_header(METHOD, number, len(payload)),
                payload,
                END_OCTET,
                pack_frame_header(HEADER, number, len(envelope.header)),
                envelope.header,
                END_OCTET,
                pack_frame_header(BODY, number, body_size),
            )
        )
        version = connection.version.number
        connection.remember(
            Memo(prefix, body_size, envelope, route.queues, self, route.exchange, version)
        )

    @hot(bench="auto-ack")
    def publish_run(self, memo: Memo, messages: list[Message]) -> None:
        """A run of messages alike: what `distribute` does, once for all of them."""
        log = self.connection.node.log
        kept_count = log.kept_count
        rejected: Sequence[int] = ()
        for queue in memo.queues:
            rejected = queue.push_many(messages)
        count = len(messages)
        exchange = memo.exchange
        exchange.published += count
        exchange.routed += count * len(memo.queues)
        if self.pairs is not None:
            self.pairs.publish(exchange, memo.queues, count)
        self.published += count
        if not memo.queues:
            self.dropped += count
        first = 1  # of those that were let in
        if rejected:  # then there is one queue only, see `takes_runs`
            self.has_rejected = True
            if self.confirms:
                self._rejected += [self.publish_seqno + 1 + place for place in rejected]
                first += next((n for n, at in enumerate(rejected) if n != at), len(rejected))
        if self.confirms:
            if log.kept_count != kept_count:
                self._await_commit(log, self.publish_seqno + first)
            self.publish_seqno += count
            if not self.has_confirms_due:
                self.connection.mark_confirms(self)

    @property
    def counts(self) -> tuple[int, ...]:
        """What it has done since it was opened, in the order of `COUNTED`.

        What is acked need not be counted: what was delivered and is neither unacked nor was
        settled in another way.
        """
        delivered = self.last_delivery_tag - self.delivered_no_ack - self.got - self.got_no_ack
        held = len(self.unacked) + self.put_back
        if self.tx is not None:
            held += sum(len(taken) for _, taken in self.tx.settlements)
        return (
            self.published,
            self.confirmed_count,
            self.returned,
            self.dropped,
            delivered + self.got - held,
            delivered,
            self.delivered_no_ack,
            self.got,
            self.got_no_ack,
            self.get_empty,
            self.redelivered,
        )

    # end

    def cancel(self, tag: str) -> None:
        """Forget a consumer; its queue goes if it was auto-delete and this the last one."""
        consumer = self.consumers.pop(tag, None)
        if consumer is None:
            return
        self.forget(consumer)
        queue = consumer.queue
        if self.connection.node.events is not None:
            reports.consumer_deleted(consumer)
        if queue.remove_consumer(consumer) and not queue.is_deleted:
            self.connection.node.execute(DeleteQueue(queue.vhost, queue.name, queue.queue_id))

    def close(self) -> None:
        """The channel is over: whatever it held goes back, its consumers are gone."""
        was_open = self.is_open
        if was_open:
            self.is_open = False
            self.connection.node.usage.remove_channel(self.connection.user.name)
        if self.tx is not None:  # what it put off is undone
            self.restore_unacked([entry for _, taken in self.tx.settlements for entry in taken])
            self.tx = None
        self.connection.node.unsynced_channels.pop(self, None)
        self.connection.forget_memos()
        if self.reply_tag is not None:
            self.connection.node.reply_consumers.pop(self.reply_token, None)
            self.reply_tag = None
        for consumer in self.consumers.values():
            consumer.queue.take_back(consumer)
        for tag in list(self.consumers):  # with the last one a queue may go, and what comes back
            self.cancel(tag)
        unacked = list(self.unacked.items())
        self.unacked.clear()
        self.settle_all(unacked, "requeue")
        if was_open:
            self.connection.vhost.retire(self.counts)
            self.connection.node.usage.confirmable += self.publish_seqno
        if self.connection.node.events is not None:
            reports.channel_closed(self)

    def refuse(self, close: ChannelClose) -> None:
        """Close the channel with a reply; everything but close-ok is ignored from here."""
        self.close()
        self.is_closing = True
        self.send(close)
