"""The handshake: what is announced, who may come in, and what is negotiated."""

from __future__ import annotations

import logging

import pytest

from broker.amqp.frames import PROTOCOL_HEADER
from broker.amqp.methods import (
    ChannelClose,
    ChannelCloseOk,
    ChannelOpen,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
    Method,
)
from broker.amqp.wire import Field, encode_table, plain, table_of
from broker.auth.passwords import DEFAULT_ALGORITHM
from broker.commands import AddVhost, PutUser, SetParameter
from broker.session.connection_methods import CAPABILITIES
from broker.session.endpoint import Endpoint, Tls
from broker.session.states import State
from tests.support.peer import Peer, World
from tests.unit.auth.test_x509 import MULTI


def started(world: World | None = None, *, is_loopback: bool = True) -> Peer:
    peer = Peer(world or World(), is_loopback=is_loopback)
    peer.sends_octets(PROTOCOL_HEADER)
    peer.takes(0, ConnectionStart)
    return peer


def test_the_start_announces_rabbitmq_and_its_nine_capabilities() -> None:
    peer = Peer(World({"product_version": "3.9.9", "cluster_name": "home"}))
    peer.sends_octets(PROTOCOL_HEADER)
    start = peer.takes(0, ConnectionStart)
    announced = plain(Field("F", start.server_properties))
    assert isinstance(announced, dict)
    assert announced["product"] == "RabbitMQ"
    assert announced["version"] == "3.9.9"
    assert announced["cluster_name"] == "home"
    assert announced["capabilities"] == dict.fromkeys(CAPABILITIES, True)
    assert len(CAPABILITIES) == 9
    assert start.mechanisms == b"PLAIN AMQPLAIN"
    assert start.locales == b"en_US"
    assert (start.version_major, start.version_minor) == (0, 9)


def test_the_tune_offers_what_is_set() -> None:
    peer = started(World({"channel_max": 7, "frame_max": 8192, "heartbeat": 5}))
    peer.sends(0, Peer.start_ok())
    peer.receives(0, ConnectionTune(7, 8192, 5))


def test_amqplain_is_accepted() -> None:
    peer = started()
    response = encode_table(table_of({"LOGIN": "guest", "PASSWORD": "guest"}))[4:]
    peer.sends(0, ConnectionStartOk({}, "AMQPLAIN", response))
    peer.takes(0, ConnectionTune)
    assert peer.connection.mechanism == "AMQPLAIN"


@pytest.mark.parametrize(("user", "password"), [("guest", "wrong"), ("nobody", "guest")])
def test_a_failed_login_is_told_to_those_who_asked_to_be_told(user: str, password: str) -> None:
    peer = started()
    peer.sends(0, Peer.start_ok(user, password))
    peer.is_closed_with(
        0,
        403,
        "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. "
        "For details see the broker logfile.",
        (0, 0),
    )
    peer.sends(0, ConnectionCloseOk())
    assert peer.transport.is_closed


def test_a_failed_login_is_not_told_to_others() -> None:
    peer = started()
    peer.sends(0, Peer.start_ok("guest", "wrong", capabilities=()))
    peer.receives_nothing(0)
    assert peer.connection.state is State.CLOSING


def test_the_log_says_who_was_refused_but_no_password(caplog: pytest.LogCaptureFixture) -> None:
    peer = started()
    with caplog.at_level(logging.DEBUG):
        peer.sends(0, Peer.start_ok("guest", "hunter2"))
    assert "user 'guest' - invalid credentials" in caplog.text
    assert "hunter2" not in caplog.text


def test_guest_comes_from_this_machine_only() -> None:
    peer = started(is_loopback=False)
    peer.sends(0, Peer.start_ok())
    assert peer.takes(0, ConnectionClose).reply_code == 403
    peer = started(World({"loopback_users": "none"}), is_loopback=False)
    peer.sends(0, Peer.start_ok())
    peer.takes(0, ConnectionTune)


@pytest.mark.parametrize(
    "start_ok",
    [
        ConnectionStartOk({}, "EXTERNAL", b""),
        ConnectionStartOk({}, "PLAIN", b"no zeros"),
        ConnectionStartOk({}, "AMQPLAIN", b"\xff"),
        ConnectionTuneOk(0, 0, 0),
    ],
)
def test_nonsense_before_tuning_is_answered_by_silence(start_ok: Method) -> None:
    peer = started()
    peer.sends(0, start_ok)
    peer.receives_nothing(0)
    assert peer.is_hung_up or peer.connection.state is State.CLOSING


def tuned(channel_max: int, frame_max: int, heartbeat: int = 0) -> Peer:
    peer = started()
    peer.sends(0, Peer.start_ok())
    peer.takes(0, ConnectionTune)
    peer.sends(0, ConnectionTuneOk(channel_max, frame_max, heartbeat))
    return peer


@pytest.mark.parametrize(
    ("channel_max", "frame_max", "is_accepted"),
    [
        (2047, 131072, True),
        (1, 4096, True),
        (2048, 131072, False),
        (0, 131072, False),  # no limit, where we have one
        (2047, 131073, False),
        (2047, 0, False),
        (2047, 4095, False),
    ],
)
def test_what_may_be_negotiated(channel_max: int, frame_max: int, is_accepted: bool) -> None:
    peer = tuned(channel_max, frame_max)
    assert (peer.connection.state is State.OPENING) is is_accepted
    if is_accepted:
        assert peer.connection.frame_max == frame_max
        assert peer.connection.channel_max == channel_max


def test_without_a_limit_of_ours_theirs_may_be_any() -> None:
    peer = started(World({"channel_max": 0}))
    peer.sends(0, Peer.start_ok())
    peer.takes(0, ConnectionTune)
    peer.sends(0, ConnectionTuneOk(0, 131072, 0))
    assert peer.connection.state is State.OPENING


def test_the_heartbeat_is_the_peers_choice() -> None:
    assert tuned(2047, 131072, 7).connection.heartbeat_ms == 7000
    assert tuned(2047, 131072, 0).connection.heartbeat_ms == 0


@pytest.mark.parametrize(
    ("vhost", "text"),
    [
        ("nope", "NOT_ALLOWED - vhost nope not found"),
        ("closed", "NOT_ALLOWED - access to vhost 'closed' refused for user 'guest'"),
    ],
)
def test_a_vhost_that_cannot_be_opened(vhost: str, text: str) -> None:
    world = World()
    world.node.execute(AddVhost("closed"))
    peer = started(world)
    peer.sends(0, Peer.start_ok())
    peer.takes(0, ConnectionTune)
    peer.sends(0, ConnectionTuneOk(2047, 131072, 0), ConnectionOpen(vhost))
    peer.is_closed_with(0, 530, text, ConnectionOpen.ids)


def test_capabilities_of_another_type_are_ignored() -> None:
    peer = started()
    start_ok = ConnectionStartOk(
        {"capabilities": Field("S", "all of them")}, "PLAIN", b"\0guest\0guest"
    )
    peer.sends(0, start_ok)
    peer.takes(0, ConnectionTune)
    assert not peer.connection.wants_cancel_notify


def test_a_capability_counts_when_it_is_true() -> None:
    peer = started()
    capabilities = table_of(
        {"capabilities": {"consumer_cancel_notify": False, "connection.blocked": True}}
    )
    peer.sends(0, ConnectionStartOk(capabilities, "PLAIN", b"\0guest\0guest"))
    assert not peer.connection.wants_cancel_notify
    assert peer.connection.wants_blocked


def test_open_ok_ends_the_handshake() -> None:
    peer = tuned(2047, 131072)
    peer.sends(0, ConnectionOpen("/"))
    peer.receives(0, ConnectionOpenOk())
    assert peer.connection.state is State.RUNNING
    assert peer.connection.vhost is peer.world.vhost


def test_the_mechanisms_are_those_of_the_settings() -> None:
    peer = Peer(World({"auth_mechanisms": "ANONYMOUS,EXTERNAL"}))
    peer.sends_octets(PROTOCOL_HEADER)
    assert peer.takes(0, ConnectionStart).mechanisms == b"ANONYMOUS"  # it is not TLS
    peer.sends(0, ConnectionStartOk({}, "ANONYMOUS", b"trace"))
    peer.takes(0, ConnectionTune)
    assert peer.connection.user.name == "guest"


@pytest.mark.parametrize(
    ("mechanism", "problem"),
    [("EXTERNAL", "invalid"), ("PLAIN", "invalid"), ("MAGIC", "unknown")],
)
def test_a_mechanism_that_is_not_offered(
    mechanism: str, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    peer = started(World({"auth_mechanisms": "AMQPLAIN,EXTERNAL"}))
    peer.sends(0, ConnectionStartOk({}, mechanism, b"\0guest\0guest"))
    assert f"COMMAND_INVALID - {problem} authentication mechanism '{mechanism}'" in caplog.text
    assert peer.connection.state is State.CLOSING


def over_tls(certificate: bytes | None) -> Peer:
    world = World({"auth_mechanisms": "EXTERNAL", "ssl_cert_login_from": "common_name"})
    peer = Peer(world)
    tls = Tls("TLSv1.3", "TLS_AES_256_GCM_SHA384", certificate, True)
    peer.connection.describe = lambda transport: Endpoint("127.0.0.1", 1, "127.0.0.1", 2, tls)
    peer.sends_octets(PROTOCOL_HEADER)
    assert peer.takes(0, ConnectionStart).mechanisms == b"EXTERNAL"
    return peer


def test_a_certificate_is_enough(caplog: pytest.LogCaptureFixture) -> None:
    peer = over_tls(MULTI)
    peer.sends(0, ConnectionStartOk({}, "EXTERNAL", b""))
    assert "reason=user 'one,two' - invalid credentials" in caplog.text
    peer = over_tls(MULTI)
    peer.world.node.execute(PutUser("one,two", b"", DEFAULT_ALGORITHM, ()))
    peer.sends(0, ConnectionStartOk({}, "EXTERNAL", b""))
    peer.takes(0, ConnectionTune)
    assert peer.connection.user.name == "one,two"


def test_external_without_a_certificate_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    peer = over_tls(None)
    peer.sends(0, ConnectionStartOk({}, "EXTERNAL", b""))
    assert "reason=connection peer presented no TLS (x.509) certificate" in caplog.text
    assert peer.connection.state is State.CLOSING


# limits


def opening(world: World) -> Peer:
    """A peer that has asked for its connection to be opened, and its answer."""
    peer = started(world)
    peer.sends(0, Peer.start_ok())
    peer.takes(0, ConnectionTune)
    peer.sends(0, ConnectionTuneOk(2047, 131072, 0), ConnectionOpen("/"))
    return peer


def test_connections_count_until_they_are_gone(world: World) -> None:
    node = world.node
    node.execute(SetParameter("/", "vhost-limits", "limits", '{"max-connections":1}'))
    first, refused = opening(world), opening(world)
    first.receives(0, ConnectionOpenOk())
    text = "NOT_ALLOWED - access to vhost '/' refused for user 'guest': connection limit (1) is "
    refused.is_closed_with(0, 530, text + "reached", ConnectionOpen.ids)
    first.sends(0, ConnectionClose(200, "", 0, 0))
    opening(world).takes(0, ConnectionClose)  # it still has its socket
    first.drops()
    refused.drops()
    opening(world).receives(0, ConnectionOpenOk())
    assert node.usage.connections_of == {"guest": 1}


def test_a_node_has_room_for_so_many_connections() -> None:
    world = World({"connection_max": 2})
    first, _ = world.peer(), world.peer()
    refused = opening(world)
    text = "NOT_ALLOWED - connection refused: node connection limit (2) is reached"
    refused.is_closed_with(0, 530, text, ConnectionOpen.ids)
    refused.drops()
    first.drops()
    world.peer()


def test_a_node_has_room_for_so_many_channels() -> None:
    world = World({"channel_max_per_node": 2})
    one, other = world.peer(), world.peer()
    one.opens_channel(1)
    other.opens_channel(1)
    other.sends(2, ChannelOpen())
    text = "NOT_ALLOWED - number of channels opened on node 'rabbit@localhost' has reached the "
    other.is_closed_with(0, 530, text + "maximum allowed limit of (2)", (0, 0))
    one.sends(1, ChannelClose(200, "", 0, 0))
    one.receives(1, ChannelCloseOk())
    one.opens_channel(5)
