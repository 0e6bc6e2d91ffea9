"""Publishing and confirming: what a channel promises. tests/conformance has the texts."""

from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.content import Properties
from broker.amqp.frames import METHOD
from broker.amqp.methods import (
    BasicAck,
    BasicPublish,
    BasicReturn,
    ChannelClose,
    ChannelCloseOk,
    ConfirmSelect,
    ConnectionClose,
    ExchangeDeclare,
    ExchangeDeclareOk,
)
from broker.commands import ClearTopicPermissions, SetPermissions, SetTopicPermissions
from broker.session.channel import REPLY_TO, ROUTES_MAX
from tests.support.builders import frame, header, publish_frames, table
from tests.support.peer import Peer, World

# publish


def test_a_message_travels_as_it_came(peer: Peer) -> None:
    peer.declares(1, "q")
    properties: dict[str, Any] = {
        "content_type": "a/b",
        "headers": table(n=1, t=True),
        "timestamp": 5,
    }
    peer.publishes(1, "q", "hello", **properties)
    content = peer.gets(1, "q")
    assert content is not None
    assert content.header == header(5, **properties)
    assert content.body == b"hello"
    assert content.method.routing_key == "q"  # type: ignore[attr-defined]


def test_repeated_publishes_follow_the_topology(peer: Peer) -> None:
    """What is remembered of a route does not outlive a change."""
    for queue in ("q", "r"):
        peer.declares(1, queue)
    peer.binds(1, "q", "amq.fanout")
    peer.publishes(1, "x", "1", "2", exchange="amq.fanout")
    peer.binds(1, "r", "amq.fanout")
    peer.publishes(1, "x", "3", "4", exchange="amq.fanout")
    peer.world.vhost.delete_queue("q")
    peer.publishes(1, "x", "5", "6", exchange="amq.fanout")
    assert peer.world.queue("r").ready_count == 4
    assert peer.world.vhost.exchanges["amq.fanout"].published == 6


def test_repeated_publishes_follow_the_permissions(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "1", "2", "3")
    peer.world.node.execute(SetPermissions("guest", "/", ".*", "^$", ".*"))
    peer.publishes(1, "q", "4")
    text = "access to exchange 'amq.default' in vhost '/' refused for user 'guest'"
    assert peer.takes(1, ChannelClose).reply_text.endswith(text)
    assert peer.world.queue("q").ready_count == 3


def test_many_routing_keys_are_not_all_remembered(peer: Peer) -> None:
    peer.declares(1, "q")
    for number in range(ROUTES_MAX + 10):
        peer.publishes(1, f"key{number}", "x")
    peer.publishes(1, "q", "x")
    assert peer.world.queue("q").ready_count == 1
    assert len(peer.connection.routes) <= ROUTES_MAX


@pytest.mark.parametrize(
    ("exchange", "code", "text"),
    [
        ("nope", 404, "NOT_FOUND - no exchange 'nope' in vhost '/'"),
        (
            "amq.rabbitmq.trace",
            403,
            "ACCESS_REFUSED - cannot publish to internal exchange 'amq.rabbitmq.trace' "
            "in vhost '/'",
        ),
    ],
)
def test_exchanges_that_cannot_be_published_to(
    peer: Peer, exchange: str, code: int, text: str
) -> None:
    peer.publishes(1, "q", "x", exchange=exchange)
    peer.is_closed_with(1, code, text, BasicPublish.ids)


def test_immediate_is_not_implemented(peer: Peer) -> None:
    octets = frame(METHOD, 1, BasicPublish(immediate=True).encode()) + frame(2, 1, header(0))
    peer.sends_octets(octets)
    peer.is_closed_with(0, 540, "NOT_IMPLEMENTED - immediate=true", BasicPublish.ids)


@pytest.mark.parametrize("sizes", [(101,), (10, 101), (100, 101), (10, 10, 101)])
def test_a_message_that_is_too_large(sizes: tuple[int, ...]) -> None:
    peer = World({"max_message_size": 100}).peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    for size in sizes:
        peer.publishes(1, "q", b"x" * size)
    text = "PRECONDITION_FAILED - message size 101 is larger than configured max size 100"
    peer.is_closed_with(1, 406, text, BasicPublish.ids)
    assert peer.world.queue("q").ready_count == len(sizes) - 1


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({"delivery_mode": 3}, "invalid message: {delivery_mode_unknown,3}"),
        ({"expiration": "soon"}, "invalid expiration 'soon': no_integer"),
        ({"expiration": "5s"}, "invalid expiration '5s': {leftover_string,\"s\"}"),
        ({"expiration": "-1"}, "invalid expiration '-1': {value_negative,-1}"),
        (
            {"user_id": "alice"},
            "user_id property set to 'alice' but authenticated user was 'guest'",
        ),
        ({"reply_to": REPLY_TO}, "fast reply consumer does not exist"),
        (
            {"headers": table(CC="q")},
            'invalid message: {unacceptable_type_in_header,"CC",longstr}',
        ),
    ],
)
def test_properties_that_are_refused(peer: Peer, properties: dict[str, Any], text: str) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "x", **properties)
    assert peer.takes(1, ChannelClose).reply_text == f"PRECONDITION_FAILED - {text}"
    assert peer.world.queue("q").ready_count == 0


def test_an_impersonator_may_say_who_published() -> None:
    world = World({"default_user_tags": "impersonator"})
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", "x", user_id="alice")
    content = peer.gets(1, "q")
    assert content is not None
    assert content.properties.user_id == "alice"


@pytest.mark.parametrize("raw_header", [header(1, content_type="abc")[:-1], header(1)[:13]])
def test_a_malformed_property_list_is_an_internal_error(peer: Peer, raw_header: bytes) -> None:
    peer.sends_octets(publish_frames(1, "", "q", b"x", raw_header=raw_header))
    assert peer.takes(0, ConnectionClose).reply_code == 541
    assert peer.world.node.bug_count == 0


def test_cc_adds_routing_keys_and_bcc_hides_its_own(peer: Peer) -> None:
    for queue in ("q", "c", "b"):
        peer.declares(1, queue)
    headers = table(CC=["c", "q", "nowhere"], BCC=["b"], n=1)
    peer.publishes(1, "q", "x", "y", headers=headers)
    for queue in ("q", "c", "b"):
        assert peer.world.queue(queue).ready_count == 2
        content = peer.gets(1, queue)
        assert content is not None
        assert set(content.properties.header_table) == {"CC", "n"}
        assert content.body == b"x"


def test_headers_are_routed_by_each_message_anew(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.binds(1, "q", "amq.headers", "", table(n=1))
    for number in (1, 2, 1, 1, 2):
        peer.publishes(1, "k", "x", exchange="amq.headers", headers=table(n=number))
    assert peer.world.queue("q").ready_count == 3


# mandatory


@pytest.mark.parametrize("body", ["", "x", "y" * 5000])
def test_a_mandatory_message_that_leads_nowhere_comes_back(body: str) -> None:
    peer = World().peer(frame_max=4096)
    peer.opens_channel(1)
    peer.publishes(1, "nowhere", body, body, mandatory=True, priority=3)
    for _ in range(2):
        content = peer.takes_content(1)
        assert content.method == BasicReturn(312, "NO_ROUTE", "", "nowhere")
        assert content.body == body.encode()
        assert content.properties == Properties(priority=3)
    peer.publishes(1, "nowhere", body)
    peer.receives_nothing()


# confirms


def test_a_channel_opened_again_knows_nothing_of_its_former_life(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.sends(1, ConfirmSelect(nowait=True))
    peer.publishes(1, "q", "1", "2")
    peer.receives(1, BasicAck(2, multiple=True))
    peer.gets(1, "q", no_ack=False)
    peer.sends(1, ChannelClose())
    peer.receives(1, ChannelCloseOk())
    peer.opens_channel(1)
    peer.publishes(1, "q", "3")
    peer.receives_nothing()
    peer.wants_confirms(1)
    peer.publishes(1, "q", "4")
    peer.receives(1, BasicAck(1))
    content = peer.gets(1, "q", no_ack=False)
    assert content is not None
    assert content.method.delivery_tag == 1  # type: ignore[attr-defined]


def test_an_alternate_exchange_gets_what_leads_nowhere(peer: Peer) -> None:
    arguments = table(alternate_exchange="amq.fanout")
    peer.sends(1, ExchangeDeclare(exchange="e", type="direct", arguments=arguments))
    peer.receives(1, ExchangeDeclareOk())
    peer.declares(1, "q")
    peer.binds(1, "q", "amq.fanout")
    peer.publishes(1, "k", "x", "y", exchange="e", mandatory=True)
    peer.receives_nothing()
    assert peer.world.queue("q").ready_count == 2


def test_copies_of_one_message_do_not_stick_to_the_next(peer: Peer) -> None:
    """What is remembered of a routing key is forgotten when a message brings further ones."""
    peer.declares(1, "a")
    peer.declares(1, "b")
    peer.publishes(1, "a", "1", message_id="1")
    peer.publishes(1, "a", "2", headers=table(CC=["b"]))
    peer.publishes(1, "a", "3", message_id="3")
    assert [peer.world.queue(name).ready_count for name in "ab"] == [3, 1]


def test_topic_permissions_are_about_each_routing_key(peer: Peer) -> None:
    """Also of one that was published before, and of many that are published once."""
    node = peer.world.node
    peer.declares(1, "q")
    peer.binds(1, "q", "amq.topic", "#")
    peer.publishes(1, "r.before", "1", "2", exchange="amq.topic")
    node.execute(SetTopicPermissions("guest", "/", "amq.topic", "^w", ".*"))
    for number in range(3):
        peer.publishes(1, f"w.{number}", "3", "4", "5", exchange="amq.topic")
    assert peer.world.queue("q").ready_count == 11
    peer.publishes(1, "r.before", "6", exchange="amq.topic")
    text = (
        "ACCESS_REFUSED - access to topic 'r.before' in exchange 'amq.topic' in vhost '/' refused "
        "for user 'guest'"
    )
    peer.is_closed_with(1, 403, text, BasicPublish.ids)
    peer.reopens(1)
    node.execute(ClearTopicPermissions("guest", "/"))
    peer.publishes(1, "r.before", "6", exchange="amq.topic")
    assert peer.world.queue("q").ready_count == 12


def test_topic_permissions_are_about_topic_exchanges_of_that_name(peer: Peer) -> None:
    node = peer.world.node
    peer.sends(1, ExchangeDeclare(exchange="mine", type="topic"))
    peer.receives(1, ExchangeDeclareOk())
    for exchange in ("amq.direct", "amq.topic"):
        node.execute(SetTopicPermissions("guest", "/", exchange, "^$", "^$"))
    for exchange in ("amq.direct", "mine"):
        peer.publishes(1, "k", "x", exchange=exchange)
        peer.receives_nothing()
    peer.publishes(1, "k", "x", exchange="amq.topic")
    assert peer.takes(1, ChannelClose).reply_code == 403


# what is counted


def test_channels_are_counted_until_they_are_closed(peer: Peer) -> None:
    usage = peer.world.node.usage
    peer.opens_channel(2, 3, 4)
    assert (usage.channel_count, usage.channels_of["guest"]) == (4, 4)
    peer.sends(2, ChannelClose(200, "", 0, 0))
    peer.receives(2, ChannelCloseOk())
    peer.publishes(3, "k", "x", exchange="nope")
    peer.takes(3, ChannelClose)
    assert usage.channel_count == 2
    peer.sends(3, ChannelCloseOk())
    assert usage.channel_count == 2
    peer.drops()
    assert usage.channel_count == 0
