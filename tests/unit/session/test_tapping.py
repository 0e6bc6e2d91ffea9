"""Messages of a vhost with interceptors, as conversations. The firehose: unit/hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from broker.amqp.content import Properties
from broker.amqp.methods import (
    BasicAck,
    BasicGetOk,
    BasicNack,
    BasicReturn,
    ChannelClose,
    ChannelCloseOk,
    ConfirmSelect,
    ConfirmSelectOk,
    ExchangeDeclare,
    ExchangeDeclareOk,
    TxCommit,
    TxCommitOk,
    TxSelect,
    TxSelectOk,
)
from broker.commands import SetTracing
from broker.config import ConfigError
from broker.hooks import (
    DROP,
    AccessRefused,
    InterceptedMessage,
    Interceptor,
    PreconditionFailed,
)
from broker.hooks.interceptor import Verdict
from tests.support.builders import table
from tests.support.peer import Peer, World
from tests.support.wire import Content

Answer = Callable[[InterceptedMessage], Any]


class AtPublish(Interceptor):
    def __init__(self, answer: Answer):
        self._answer = answer
        self.seen: list[InterceptedMessage] = []

    def on_publish(self, message: InterceptedMessage) -> Verdict:
        self.seen.append(message)
        return self._answer(message)  # type: ignore[no-any-return]


class AtDeliver(Interceptor):
    def __init__(self, answer: Answer):
        self._answer = answer
        self.seen: list[InterceptedMessage] = []

    def on_deliver(self, message: InterceptedMessage) -> InterceptedMessage | None:
        self.seen.append(message)
        return self._answer(message)  # type: ignore[no-any-return]


def publishing(peer: Peer, answer: Answer) -> AtPublish:
    """What is published from now on is intercepted; there are queues q and r."""
    peer.declares(1, "q")
    peer.declares(1, "r")
    interceptor = AtPublish(answer)
    peer.world.node.taps.use([interceptor])
    return interceptor


def delivering(peer: Peer, answer: Answer) -> AtDeliver:
    peer.declares(1, "q")
    interceptor = AtDeliver(answer)
    peer.world.node.taps.use([interceptor])
    return interceptor


def made(**rest: Any) -> Answer:
    """A message that was put together, not changed."""

    def make(came: InterceptedMessage) -> InterceptedMessage:
        values = {name: getattr(came, name) for name in ("exchange", "routing_key", "header")}
        return InterceptedMessage(**values | {"body": came.body} | rest)

    return make


RUBBISH = {
    "not for its header": made(body=b"longer than that"),
    "a body of text": made(body="1"),
    "a body that may change": made(body=bytearray(b"1")),
    "no body": made(body=None),
    "no header": made(header=b"junk"),
    "a header of text": made(header="x" * 14),
    "a header with a rest": lambda m: made(header=m.header + b"x")(m),
    "a number for a key": made(routing_key=5),
    "another exchange": made(exchange="amq.topic"),
}


def bodies(world: World, queue: str) -> list[bytes]:
    return [message.body for message in world.queue(queue).ready]


# publish


def test_an_interceptor_sees_what_there_is_to_know(peer: Peer) -> None:
    interceptor = publishing(peer, lambda _: None)
    peer.publishes(1, "q", "body", priority=3, headers=table(a=1))
    (message,) = interceptor.seen
    assert (message.exchange, message.routing_key, message.body) == ("", "q", b"body")
    assert (message.vhost, message.user, message.node) == ("/", "guest", "rabbit@localhost")
    assert message.connection == "127.0.0.1:50000 -> 127.0.0.1:5672"
    assert message.now_ms == peer.world.clock.epoch_ms()
    assert (message.queue, message.redelivered) == ("", False)
    assert message.properties == Properties(priority=3, headers=table(a=1))
    assert bodies(peer.world, "q") == [b"body"]


def test_every_message_of_a_run_is_seen(peer: Peer) -> None:
    """Messages alike, in one read of the socket, also after some that were remembered."""
    peer.declares(1, "q")
    peer.publishes(1, "q", *"123")
    assert peer.connection.memo is not None
    interceptor = publishing(peer, lambda _: None)
    peer.publishes(1, "q", *"456")
    assert [message.body for message in interceptor.seen] == [b"4", b"5", b"6"]
    assert peer.connection.memo is None
    peer.world.node.taps.use([])
    peer.publishes(1, "q", *"789")
    assert peer.connection.memo is not None
    assert bodies(peer.world, "q") == [b"%d" % number for number in range(1, 10)]


def test_what_it_changes_is_what_is_published(peer: Peer) -> None:
    publishing(
        peer, lambda m: m.changed(routing_key="r", body=b"a longer one", headers={"by": "us"})
    )
    peer.publishes(1, "q", "body", priority=3)
    content = peer.gets(1, "r")
    assert content is not None
    assert isinstance(content.method, BasicGetOk)
    assert (content.method.routing_key, content.body) == ("r", b"a longer one")
    assert content.properties == Properties(priority=3, headers=table(by="us"))
    assert bodies(peer.world, "q") == []


def test_it_may_add_routing_keys(peer: Peer) -> None:
    """CC is read in what comes out of it; BCC is not shown to anybody."""
    publishing(peer, lambda m: m.changed(headers={"BCC": ["r"]}))
    peer.publishes(1, "q", "body", headers=table(CC=["q"]))
    assert bodies(peer.world, "q") == [b"body"]
    content = peer.gets(1, "r")
    assert content is not None
    assert content.properties.headers == table(CC=["q"])


def test_it_sees_bcc_and_keeps_it_when_it_changes_something_else(peer: Peer) -> None:
    interceptor = publishing(peer, lambda m: m.changed(app_id="us"))
    peer.publishes(1, "q", "body", headers=table(BCC=["r"]))
    assert interceptor.seen[0].headers == {"BCC": ["r"]}
    assert bodies(peer.world, "r") == [b"body"]


def test_what_it_makes_unroutable_is_returned_as_it_is_by_then(peer: Peer) -> None:
    publishing(peer, lambda m: m.changed(routing_key="nowhere"))
    peer.publishes(1, "q", "body", mandatory=True)
    content = peer.takes_content(1)
    assert isinstance(content.method, BasicReturn)
    assert content.method.routing_key == "nowhere"


@pytest.mark.parametrize(
    "answer",
    [
        lambda m: m.changed(expiration="soon"),
        lambda m: m.changed(delivery_mode=9),
        lambda m: m.changed(user_id="somebody"),
        lambda m: m.changed(routing_key="k" * 300),
        lambda m: m.changed(headers={"CC": "no list"}),
        lambda _: 1 / 0,
        *RUBBISH.values(),
    ],
    ids=["expiration", "delivery mode", "user-id", "routing key", "CC", "raises", *RUBBISH],
)
def test_what_it_makes_unusable_goes_on_as_it_was(peer: Peer, answer: Answer) -> None:
    publishing(peer, answer)
    peer.publishes(1, "q", "1", "2")
    peer.receives_nothing()
    assert bodies(peer.world, "q") == [b"1", b"2"]
    assert peer.world.node.taps.errors == {"AtPublish": 2}


@pytest.mark.parametrize(
    ("refusal", "code", "text"),
    [
        (AccessRefused, 403, "ACCESS_REFUSED - no such thing"),
        (PreconditionFailed, 406, "PRECONDITION_FAILED - no such thing"),
    ],
)
def test_a_refusal_closes_the_channel_with_its_text(
    peer: Peer, refusal: type[Exception], code: int, text: str
) -> None:
    def refuse(message: InterceptedMessage) -> None:
        if message.body == b"bad":
            raise refusal("no such thing")

    publishing(peer, refuse)
    peer.publishes(1, "q", "good", "bad", "ignored")
    peer.receives(1, ChannelClose(code, text, 60, 40))
    peer.sends(1, ChannelCloseOk())
    peer.opens_channel(1)
    peer.publishes(1, "q", "good again")
    assert bodies(peer.world, "q") == [b"good", b"good again"]


def test_what_may_not_be_published_is_not_shown(peer: Peer) -> None:
    interceptor = publishing(peer, lambda _: DROP)
    peer.publishes(1, "q", "body", exchange="nope")
    assert isinstance(peer.takes(1, ChannelClose), ChannelClose)
    peer.reopens(1)
    peer.publishes(1, "q", "body", expiration="soon")
    peer.takes(1, ChannelClose)
    assert interceptor.seen == []


def test_what_is_dropped_is_confirmed_and_not_returned(peer: Peer) -> None:
    publishing(peer, lambda m: DROP if m.body == b"2" else None)
    peer.sends(1, ConfirmSelect())
    peer.receives(1, ConfirmSelectOk())
    peer.publishes(1, "q", *"123", mandatory=True)
    peer.receives(1, BasicAck(3, multiple=True))
    peer.publishes(1, "nowhere", "2", mandatory=True)
    peer.receives(1, BasicAck(4, multiple=False))
    assert bodies(peer.world, "q") == [b"1", b"3"]


def test_what_is_dropped_is_no_direct_reply(peer: Peer, other: Peer) -> None:
    peer.consumes(1, "amq.rabbitmq.reply-to", no_ack=True)
    publishing(peer, lambda m: DROP if m.body == b"reply" else None)
    peer.publishes(1, "q", "request", reply_to="amq.rabbitmq.reply-to")
    request = other.gets(1, "q")
    assert request is not None
    for body in ("reply", "another"):
        other.publishes(1, str(request.properties.reply_to), body)
    peer.receives_bodies(1, "another")


def test_a_direct_reply_may_be_asked_for_with_something_changed(peer: Peer, other: Peer) -> None:
    peer.consumes(1, "amq.rabbitmq.reply-to", no_ack=True)
    publishing(peer, lambda m: m.changed(app_id="us"))
    peer.publishes(1, "q", "request", reply_to="amq.rabbitmq.reply-to")
    request = other.gets(1, "q")
    assert request is not None
    assert request.properties.app_id == "us"
    other.publishes(1, str(request.properties.reply_to), "reply")
    peer.receives_bodies(1, "reply")


def test_in_a_transaction_it_is_asked_when_a_message_is_published(peer: Peer) -> None:
    interceptor = publishing(
        peer, lambda m: DROP if m.body == b"2" else m.changed(body=m.body + b"!")
    )
    peer.sends(1, TxSelect())
    peer.receives(1, TxSelectOk())
    peer.publishes(1, "q", *"123")
    assert len(interceptor.seen) == 3
    assert bodies(peer.world, "q") == []
    peer.sends(1, TxCommit())
    peer.receives(1, TxCommitOk())
    assert bodies(peer.world, "q") == [b"1!", b"3!"]


def test_the_firehose_shows_what_interceptors_have_left(peer: Peer) -> None:
    peer.declares(1, "traces")
    peer.binds(1, "traces", "amq.rabbitmq.trace", "#")
    publishing(peer, lambda m: DROP if m.body == b"2" else m.changed(body=m.body + b"!"))
    peer.world.node.execute(SetTracing("/", is_on=True))
    peer.publishes(1, "q", *"123")
    assert bodies(peer.world, "traces") == [b"1!", b"3!"]


def test_bodies_of_several_frames_and_none(peer: Peer) -> None:
    publishing(peer, lambda m: m.changed(body=b"" if m.body else b"x" * 300_000))
    peer.publishes(1, "q", "", "y" * 200_000)
    first, second = peer.gets(1, "q"), peer.gets(1, "q")
    assert first is not None
    assert second is not None
    assert (len(first.body), len(second.body)) == (300_000, 0)


def test_a_changed_body_may_not_be_too_large() -> None:
    peer = World({"max_message_size": 1000}).peer()
    peer.opens_channel(1)
    publishing(peer, lambda m: m.changed(body=b"x" * 1001))
    peer.publishes(1, "q", "body")
    assert bodies(peer.world, "q") == [b"body"]
    assert peer.world.node.taps.errors == {"AtPublish": 1}


def test_publishers_are_still_blocked_by_an_alarm(peer: Peer) -> None:
    publishing(peer, lambda _: DROP)
    peer.world.node.set_alarm("memory")
    peer.publishes(1, "q", "body")
    assert not peer.transport.is_reading


# deliver


def test_a_consumer_sees_what_is_made_of_a_message(peer: Peer) -> None:
    interceptor = delivering(
        peer, lambda m: m.changed(routing_key="shown", headers={"n": m.queue}, body=b"shown")
    )
    peer.publishes(1, "q", "body", priority=3)
    peer.consumes(1, "q")
    content = peer.takes_content(1)
    assert (content.method.routing_key, content.body) == ("shown", b"shown")
    assert content.properties == Properties(priority=3, headers=table(n="q"))
    (message,) = interceptor.seen
    assert (message.queue, message.redelivered, message.body) == ("q", False, b"body")


def test_what_comes_back_is_what_the_queue_had(peer: Peer) -> None:
    interceptor = delivering(peer, lambda m: m.changed(body=b"<" + m.body + b">"))
    peer.publishes(1, "q", "1", "2", "3")
    peer.consumes(1, "q")
    tags = peer.receives_bodies(1, "<1>", "<2>", "<3>", redelivered=False)
    peer.sends(1, BasicAck(tags[1]))
    peer.sends(1, BasicNack(tags[2], multiple=True, requeue=True))
    peer.receives_bodies(1, "<1>", "<3>", redelivered=True)
    assert [message.redelivered for message in interceptor.seen] == [False] * 3 + [True] * 2
    peer.drops()
    assert [message.body for _, message, _ in sorted(peer.world.queue("q").returned)] == [
        b"1",
        b"3",
    ]


def test_consumers_without_acks_and_several_of_them(peer: Peer, other: Peer) -> None:
    delivering(peer, lambda m: m.changed(body=b"<" + m.body + b">") if m.body == b"2" else None)
    peer.consumes(1, "q", no_ack=True)
    other.consumes(1, "q", no_ack=True)
    peer.publishes(1, "q", *"1234")
    got = [content.body for who in (peer, other) for content in who.takes_all(1)]  # type: ignore[union-attr]
    assert sorted(got) == [b"1", b"3", b"4", b"<2>"]
    assert peer.connection.vhost.tap is not None


def test_basic_get_shows_it_too(peer: Peer) -> None:
    delivering(peer, lambda m: m.changed(body=b"shown"))
    peer.publishes(1, "q", "body")
    content = peer.gets(1, "q", no_ack=False)
    assert content is not None
    assert content.body == b"shown"
    peer.drops()
    assert [message.body for _, message, _ in peer.world.queue("q").returned] == [b"body"]


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: 1 / 0,
        lambda _: DROP,
        lambda m: m.changed(routing_key="k" * 300),
        *RUBBISH.values(),
    ],
    ids=["raises", "drops", "routing key", *RUBBISH],
)
def test_a_delivery_goes_on_whatever_an_interceptor_does(peer: Peer, answer: Answer) -> None:
    delivering(peer, answer)
    peer.consumes(1, "q")
    peer.publishes(1, "q", "body")
    peer.receives_bodies(1, "body")
    assert peer.world.node.taps.errors == {"AtDeliver": 1}
    assert peer.world.node.bug_count == 0


def test_a_consumer_is_not_given_more_than_it_has_room_for() -> None:
    """A delivery that did not fit is shown again when it goes out at last."""
    peer = World().peer()
    peer.opens_channel(1)
    delivering(peer, lambda m: m.changed(app_id="us"))
    peer.connection.outbox_limit = 2000
    peer.publishes(1, "q", *("x" * 500 for _ in range(20)))
    peer.consumes(1, "q")
    contents = [one for one in peer.takes_all(1) if isinstance(one, Content)]
    assert len(contents) == 20
    assert [content.method.delivery_tag for content in contents] == list(range(1, 21))
    assert {content.properties.app_id for content in contents} == {"us"}


def test_a_setting_that_names_nobody_is_an_error() -> None:
    with pytest.raises(ConfigError):
        World({"interceptors": "nobody-has-this"})


def test_an_exchange_sees_a_message_once_and_as_interceptors_have_left_it(peer: Peer) -> None:
    """One that keeps what it has seen; what is dropped or refused it has not seen."""
    peer.sends(1, ExchangeDeclare(exchange="x", type="x-recent-history"))
    peer.takes(1, ExchangeDeclareOk)

    def answer(message: InterceptedMessage) -> Any:
        if message.body == b"refused":
            raise AccessRefused("no")
        if message.body == b"kept":
            return None
        return DROP if message.body == b"dropped" else message.changed(body=message.body + b"!")

    publishing(peer, answer)
    peer.publishes(1, "k", "1", "2", "dropped", "kept", "refused", exchange="x")
    peer.takes(1, ChannelClose)
    peer.reopens(1)
    peer.binds(1, "q", "x")
    assert bodies(peer.world, "q") == [b"1!", b"2!", b"kept"]
