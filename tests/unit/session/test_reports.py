"""Events of connections, channels and consumers: in which order, and when none are made.

What their headers hold is compared with RabbitMQ's in tests/conformance (events.json).
"""

from __future__ import annotations

import pytest

from broker.amqp import legacy
from broker.amqp.frames import PROTOCOL_HEADER
from broker.amqp.methods import (
    BasicCancel,
    ChannelClose,
    ConnectionClose,
    ConnectionStart,
    QueueDeclare,
)
from broker.amqp.wire import table_of
from broker.session import reports
from broker.session.endpoint import Endpoint, Tls
from tests.support.hearing import HearingWorld
from tests.support.peer import Peer, World


@pytest.fixture
def world() -> HearingWorld:
    return HearingWorld()


def test_the_life_of_a_connection(world: HearingWorld) -> None:
    peer = world.peer()
    assert world.keys() == ["user.authentication.success", "connection.created"]
    peer.opens_channel(1, 2)
    peer.declares(1, "q", auto_delete=True)
    peer.consumes(1, "q")
    assert world.keys() == [
        "channel.created",
        "channel.created",
        "queue.created",
        "consumer.created",
    ]
    peer.sends(1, BasicCancel("tag"))
    assert world.keys() == ["consumer.deleted", "queue.deleted"]
    peer.sends(1, ChannelClose(200, "bye"))
    peer.sends(2, QueueDeclare(queue="nope", passive=True))
    assert world.keys() == ["channel.closed", "channel.closed"]
    peer.sends(0, ConnectionClose(200, "bye"))
    assert world.keys() == []
    peer.drops()
    assert world.keys() == ["connection.closed"]


def test_a_peer_that_is_lost_takes_everything_along(world: HearingWorld) -> None:
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q", exclusive=True)
    peer.consumes(1, "q")
    world.heard()
    peer.drops()
    told = [(key, facts.get("user_who_performed_action")) for key, facts in world.heard()]
    assert told == [
        ("consumer.deleted", "rmq-internal"),
        ("channel.closed", "guest"),
        ("queue.deleted", "rmq-internal"),
        ("connection.closed", None),
    ]


def test_channels_and_consumers_are_found_again_by_pid(world: HearingWorld) -> None:
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.consumes(1, "q")
    created = dict(world.heard())
    connection, channel = created["connection.created"], created["channel.created"]
    assert channel["connection"] == connection["pid"]
    assert created["consumer.created"]["channel"] == channel["pid"] != connection["pid"]
    assert channel["name"] == f"{connection['name']} (1)"
    peer.drops()
    closed = dict(world.heard())
    assert closed["channel.closed"]["pid"] == channel["pid"]
    assert closed["connection.closed"]["pid"] == connection["pid"]


def test_a_peer_that_never_said_a_word(world: HearingWorld) -> None:
    peer = Peer(world)
    peer.drops()
    ((key, facts),) = world.heard()
    assert key == "connection.closed"
    assert facts["client_properties"] == []


def test_a_login_that_fails(world: HearingWorld) -> None:
    peer = Peer(world)
    peer.sends_octets(PROTOCOL_HEADER)
    peer.takes(0, ConnectionStart)
    peer.sends(0, Peer.start_ok("nobody", "wrong"))
    ((key, facts),) = world.heard()
    assert key == "user.authentication.failure"
    assert facts["name"] == "nobody"
    assert bytes(facts["error"]).decode() == "user 'nobody' - invalid credentials"
    assert "user_who_performed_action" not in facts


def test_a_peer_of_the_old_protocol(world: HearingWorld) -> None:
    peer = world.peer()
    peer.connection.is_legacy = True
    reports.connection_opened(peer.connection)
    assert world.heard()[-1][1]["protocol"] == "{0,8,0}"
    assert legacy.VERSION == (8, 0)


@pytest.mark.parametrize(
    ("host", "printed"),
    [
        ("10.0.0.1", "{10,0,0,1}"),
        ("::1", "{0,0,0,0,0,0,0,1}"),
        ("fe80::1%eth0", "{65152,0,0,0,0,0,0,1}"),
        ("/run/leveret.sock", "/run/leveret.sock"),
        ("", ""),
    ],
)
def test_addresses_are_printed_as_erlang_does(world: HearingWorld, host: str, printed: str) -> None:
    peer = world.peer()
    peer.connection.describe = lambda _: Endpoint(host, 50000, host, 5672)
    world.heard()
    reports.connection_opened(peer.connection)
    ((_, facts),) = world.heard()
    assert facts["name"] == "127.0.0.1:50000 -> 127.0.0.1:5672"  # that does not change
    assert (facts["peer_host"], facts["host"]) == (printed, printed)
    assert (facts["peer_port"], facts["port"]) == (50000, 5672)
    assert (facts["ssl"], facts["ssl_cipher"], facts["peer_cert_subject"]) == (False, "", "")


def test_what_protects_a_connection(world: HearingWorld) -> None:
    tls = Tls("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", None, False)
    peer = Peer(world)
    peer.connection.describe = lambda _: Endpoint("127.0.0.1", 50000, "127.0.0.1", 5671, tls)
    peer.opens()
    (login, login_facts), (opened, facts) = world.heard()
    assert (login, opened) == ("user.authentication.success", "connection.created")
    for told in (login_facts, facts):
        assert told["ssl"] is True
        assert (told["ssl_protocol"], told["ssl_cipher"]) == ("tlsv1.2", "aes_256_gcm")
    assert (facts["ssl_key_exchange"], facts["ssl_hash"]) == ("ecdhe_rsa", "aead")
    assert "peer_cert_subject" not in login_facts
    assert facts["peer_cert_subject"] == ""


def test_the_name_that_a_client_gives_itself(world: HearingWorld) -> None:
    peer = world.peer()
    for given, shown in (("a name", "a name"), (5, None)):
        peer.connection.client_properties = table_of({"connection_name": given})
        world.heard()
        reports.connection_opened(peer.connection)
        assert world.heard()[0][1].get("user_provided_name") == shown


def test_direct_replies_have_no_consumer(world: HearingWorld) -> None:
    peer = world.peer()
    peer.opens_channel(1)
    world.heard()
    peer.consumes(1, "amq.rabbitmq.reply-to", no_ack=True)
    assert world.keys() == []


def test_alarms(world: HearingWorld) -> None:
    world.node.set_alarm("memory")
    world.node.set_alarm("memory", "another reason")
    world.node.clear_alarm("memory")
    facts = {"source": "memory", "node": "rabbit@localhost"}
    assert world.heard() == [("alarm.set", facts)]
    world.node.clear_alarm("memory", "another reason")
    assert world.heard() == [("alarm.cleared", facts)]


def test_nothing_is_put_together_when_nobody_hears(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({"event_exchange.enabled": True})
    world.node.tell(0)
    for name in ("arguments_of", "flat"):
        monkeypatch.setattr(reports, name, lambda *_: pytest.fail("put together"))
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.consumes(1, "q")
    peer.drops()
    assert not world.node.outlet.is_due
    assert world.node.bug_count == 0
