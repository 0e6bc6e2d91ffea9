"""What somebody writes who wants a say in messages: a subclass of `Interceptor`.

    publish ─checks─▶ on_publish, on_publish ─routing─▶ queue ─▶ on_deliver, on_deliver ─▶ peer

They are called in the order in which the setting `interceptors` names them, each with what the one
before it made of the message. What one raises, or returns that is no message, is logged and counted
under its name, and the message goes on as that one found it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from broker.amqp.content import Properties, check_properties
from broker.amqp.wire import field_of, plain


class Drop:
    """See `DROP`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "DROP"


DROP: Final = Drop()  # the message goes nowhere; its publisher is told nothing but a confirm


class InterceptedMessage:
    """One message on its way; never changed, `changed` gives another one.

    vhost, user, connection: where it is, of whom, over which connection (its name). exchange: where
    it was published to. node: name of this node. now_ms: since the epoch. queue, redelivered: of a
    delivery; "" and False when it is published.
    """

    __slots__ = (
        "_properties",
        "body",
        "connection",
        "exchange",
        "header",
        "node",
        "now_ms",
        "queue",
        "redelivered",
        "routing_key",
        "user",
        "vhost",
    )

    def __init__(self, *, exchange: str, routing_key: str, header: bytes, body: bytes, **rest: Any):
        self.exchange = exchange
        self.routing_key = routing_key
        self.header = header  # the content header's payload, from class-id on
        self.body = body
        self.vhost: str = rest.get("vhost", "")
        self.user: str = rest.get("user", "")
        self.connection: str = rest.get("connection", "")
        self.node: str = rest.get("node", "")
        self.now_ms: int = rest.get("now_ms", 0)
        self.queue: str = rest.get("queue", "")
        self.redelivered: bool = rest.get("redelivered", False)
        self._properties: Properties | None = None

    @property
    def properties(self) -> Properties:
        """Decoded when somebody first asks. To be read only."""
        if self._properties is None:
            self._properties = Properties.decode(self.header)
        return self._properties

    @property
    def headers(self) -> dict[str, object]:
        """The property `headers` as plain Python values: a copy."""
        return {name: plain(field) for name, field in self.properties.header_table.items()}

    def check(self, came: InterceptedMessage) -> None:
        """Whether peers can read this one, made of another: somebody may have put it together
        himself. Raises: TypeError, ValueError, IndexError, MalformedSyntax."""
        if type(self.body) is not bytes or type(self.header) is not bytes:
            raise TypeError("header and body are bytes")
        if self.exchange != came.exchange:
            raise ValueError("a message stays with its exchange")
        header = self.header
        if header[:2] != came.header[:2] or int.from_bytes(header[4:12], "big") != len(self.body):
            raise ValueError("a header that does not belong to the body")
        check_properties(header, header[12] << 8 | header[13])

    def changed(
        self,
        *,
        routing_key: str | None = None,
        body: bytes | None = None,
        headers: Mapping[str, object] | None = None,
        **properties: object,
    ) -> InterceptedMessage:
        """The same message with something else in it; what is not given stays.

        headers: added to those that are there; one that is None goes. A value may be a
        `broker.amqp.wire.Field` where its type on the wire matters. properties: by their names in
        AMQP (`priority=5`); None takes one away. Raises: TypeError, ValueError.
        """
        made = InterceptedMessage.__new__(InterceptedMessage)
        for name in self.__slots__:
            setattr(made, name, getattr(self, name))
        if routing_key is not None:
            made.routing_key = routing_key
        if body is not None:
            if not isinstance(body, bytes):
                raise TypeError(f"a body is bytes, not {type(body).__name__}")
            made.body = body
        wanted = Properties.decode(self.header)
        for name, value in properties.items():
            if name not in Properties.__slots__:
                raise TypeError(f"there is no property {name}")
            setattr(wanted, name, value)
        if headers is not None:
            fields = {name: field_of(value) for name, value in headers.items() if value is not None}
            kept = {n: f for n, f in wanted.header_table.items() if headers.get(n, n) is not None}
            wanted.headers = kept | fields
        made.header = wanted.encode(len(made.body))
        made._properties = None
        return made


Verdict = InterceptedMessage | Drop | None


class Interceptor:
    """Base of all interceptors; override what you want a say in.

    An installed package names its subclass in the entry-point group `leveret.interceptors`; it is
    made without arguments when a node starts whose setting `interceptors` has the entry's name.
    Both methods run in the node's only thread: what waits there makes everybody wait.
    """

    name = ""  # for logs and counters; the entry point's, when it is made by one

    def on_publish(self, message: InterceptedMessage) -> Verdict:
        """A message that its publisher may publish, before it is routed.

        Returns: None to let it pass, `message.changed(…)`, or `DROP`. Raises:
        `AccessRefused(text)` (403) or `PreconditionFailed(text)` (406) to refuse it, which closes
        the publisher's channel with that text.
        """
        return None

    def on_deliver(self, message: InterceptedMessage) -> InterceptedMessage | None:
        """A message that a consumer, or basic.get, is about to get.

        Returns: None, or `message.changed(…)`: what this delivery shows; the message in the queue
        stays as it is. It cannot be dropped any more. May be called again for the same message,
        when the peer had no room for it after all.
        """
        return None
