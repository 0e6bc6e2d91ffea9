"""From the protocol header to connection.open-ok and, at the other end, connection.close."""

from __future__ import annotations

from typing import Any

from tests.conformance import wire_codec as wire
from tests.conformance.registry import scenario
from tests.conformance.wire_client import CAPABILITIES, SLOW_WAIT_S, Connection, Play
from tests.conformance.wire_codec import Tagged


def _started(play: Play) -> Connection:
    """A connection that has read connection.start, unrecorded."""
    connection = play.socket()
    with play.unrecorded():
        connection.header()
        connection.zero.reply("Connection.Start")
    return connection


def _start_ok(
    connection: Connection,
    mechanism: str = "PLAIN",
    response: str | bytes = "\0guest\0guest",
    client_properties: Any = None,
    locale: str = "en_US",
) -> None:
    connection.zero.send(
        "Connection.StartOk",
        client_properties={"capabilities": CAPABILITIES}
        if client_properties is None
        else client_properties,
        mechanism=mechanism,
        response=response,
        locale=locale,
    )


def _tuning(play: Play) -> Connection:
    """A connection that has read connection.tune, unrecorded."""
    connection = _started(play)
    with play.unrecorded():
        _start_ok(connection)
        connection.zero.reply("Connection.Tune")
    return connection


def _opening(play: Play, *, channel_max: int = 2047, frame_max: int = 131072) -> Connection:
    """A connection that has sent connection.tune-ok, unrecorded."""
    connection = _tuning(play)
    with play.unrecorded():
        connection.zero.send("Connection.TuneOk", channel_max=channel_max, frame_max=frame_max)
    return connection


# --- the protocol header


@scenario
def header_then_whole_handshake(play: Play) -> None:
    connection = play.socket()
    connection.header()
    connection.zero.reply()
    _start_ok(connection)
    connection.zero.reply()
    connection.zero.send("Connection.TuneOk", channel_max=2047, frame_max=131072, heartbeat=0)
    connection.zero.call("Connection.Open", virtual_host="/")
    channel = connection.raw_channel(1)
    channel.call("Channel.Open")
    channel.call("Channel.Close", reply_code=200, reply_text="bye")
    connection.close()


@scenario
def header_0_9(play: Play) -> None:
    connection = play.socket()
    connection.send_bytes(b"AMQP\x01\x01\x00\x09")
    connection.zero.reply()
    _start_ok(connection)
    connection.zero.reply()
    connection.zero.send("Connection.TuneOk", channel_max=2047, frame_max=131072)
    connection.zero.call("Connection.Open", virtual_host="/")
    connection.close()


@scenario(stage="features")
def header_0_8(play: Play) -> None:
    connection = play.socket()
    connection.send_bytes(b"AMQP\x01\x01\x08\x00")
    connection.zero.reply()


@scenario(stage="features")
def header_0_8_as_on_the_amqp_site(play: Play) -> None:
    connection = play.socket()
    connection.send_bytes(b"AMQP\x01\x01\x09\x01")
    connection.zero.reply()


def _register_refused_headers() -> None:
    """Eight wrong bytes are answered with the header the broker does speak, and the end."""
    headers = {
        "0_9_1_with_other_id": b"AMQP\x01\x00\x09\x01",
        "1_0": b"AMQP\x00\x01\x00\x00",
        "1_0_sasl": b"AMQP\x03\x01\x00\x00",
        "0_10": b"AMQP\x01\x01\x00\x0a",
        "future": b"AMQP\x00\x00\x09\x02",
        "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "tls_hello": bytes.fromhex("16030100750100007103031b"),
        "lower_case": b"amqp\x00\x00\x09\x01",
        "garbage": b"\xff" * 8,
        "frame_without_header": wire.method_frame(0, "Connection.Close"),
    }
    for label, data in headers.items():

        def body(play: Play, data: bytes = data) -> None:
            connection = play.socket()
            connection.send_bytes(data)
            connection.closed(SLOW_WAIT_S)

        body.__name__ = f"header_refused_{label}"
        scenario(body)


_register_refused_headers()


@scenario
def header_in_pieces(play: Play) -> None:
    connection = play.socket()
    for byte in wire.PROTOCOL_HEADER:
        connection.send_bytes(bytes([byte]))
    connection.zero.reply()


@scenario
def header_with_everything_behind_it(play: Play) -> None:
    """A client that does not wait for any answer."""
    connection = play.socket()
    start_ok = wire.method_frame(
        0,
        "Connection.StartOk",
        mechanism="PLAIN",
        response="\0guest\0guest",
        locale="en_US",
        client_properties={},
    )
    tune_ok = wire.method_frame(0, "Connection.TuneOk", channel_max=2047, frame_max=131072)
    open_ = wire.method_frame(0, "Connection.Open", virtual_host="/")
    channel_open = wire.method_frame(1, "Channel.Open")
    connection.send_bytes(
        wire.PROTOCOL_HEADER + start_ok + tune_ok + open_ + channel_open, "the whole handshake"
    )
    for _ in range(3):
        connection.zero.reply()
    connection.raw_channel(1).reply()


@scenario
def header_nothing_sent_then_closed(play: Play) -> None:
    play.socket().drop()
    play.channel().call("Basic.Qos")


# --- login


@scenario
def login_plain(play: Play) -> None:
    connection = _started(play)
    _start_ok(connection)
    connection.zero.reply()


@scenario(slow=True)
def login_plain_with_authorization_id(play: Play) -> None:
    connection = _started(play)
    _start_ok(connection, response="somebody\0guest\0guest")
    connection.closed(SLOW_WAIT_S)


@scenario
def login_plain_wrong_password(play: Play) -> None:
    connection = _started(play)
    _start_ok(connection, response="\0guest\0wrong")
    connection.zero.reply()


@scenario
def login_plain_unknown_user(play: Play) -> None:
    connection = _started(play)
    _start_ok(connection, response="\0nobody\0x")
    connection.zero.reply()


@scenario
def login_plain_empty_password(play: Play) -> None:
    connection = _started(play)
    _start_ok(connection, response="\0guest\0")
    connection.zero.reply()


@scenario(slow=True)
def login_wrong_password_without_capability(play: Play) -> None:
    connection = _started(play)
    _start_ok(connection, response="\0guest\0wrong", client_properties={})
    connection.closed(SLOW_WAIT_S)


@scenario(slow=True)
def login_wrong_password_capability_false(play: Play) -> None:
    connection = _started(play)
    capabilities = {"capabilities": {"authentication_failure_close": False}}
    _start_ok(connection, response="\0guest\0wrong", client_properties=capabilities)
    connection.closed(SLOW_WAIT_S)


@scenario(slow=True)
def login_wrong_password_close_then_end(play: Play) -> None:
    connection = _started(play)
    _start_ok(connection, response="\0guest\0wrong")
    connection.zero.reply()
    connection.closed(SLOW_WAIT_S)


@scenario(slow=True)
def login_plain_malformed(play: Play) -> None:
    connections = []
    for response in ("", "guest", "\0guest", "guest\0guest", "\0guest\0guest\0more"):
        connections.append(_started(play))
        _start_ok(connections[-1], response=response)
    for connection in connections:
        connection.closed(SLOW_WAIT_S)


@scenario(slow=True)
def login_unknown_mechanism(play: Play) -> None:
    connection = _started(play)
    _start_ok(connection, mechanism="TELEPATHY")
    connection.closed(SLOW_WAIT_S)


@scenario(slow=True)
def login_mechanism_in_lower_case(play: Play) -> None:
    connection = _started(play)
    _start_ok(connection, mechanism="plain")
    connection.closed(SLOW_WAIT_S)


@scenario(slow=True)
def login_mechanism_not_offered(play: Play) -> None:
    connection = _started(play)
    _start_ok(connection, mechanism="EXTERNAL", response="")
    connection.closed(SLOW_WAIT_S)


def _amqplain(login: str, password: str) -> bytes:
    return wire.encode_table({"LOGIN": login, "PASSWORD": password})[4:]


@scenario
def login_amqplain(play: Play) -> None:
    connection = _started(play)
    _start_ok(connection, mechanism="AMQPLAIN", response=_amqplain("guest", "guest"))
    connection.zero.reply()


@scenario
def login_amqplain_wrong_password(play: Play) -> None:
    connection = _started(play)
    _start_ok(connection, mechanism="AMQPLAIN", response=_amqplain("guest", "wrong"))
    connection.zero.reply()


@scenario(slow=True)
def login_amqplain_malformed(play: Play) -> None:
    connections = []
    for response in (b"", wire.encode_table({"LOGIN": "guest"})[4:], b"\x05LOGINS"):
        connections.append(_started(play))
        _start_ok(connections[-1], mechanism="AMQPLAIN", response=response)
    for connection in connections:
        connection.closed(SLOW_WAIT_S)


@scenario
def login_locale_is_ignored(play: Play) -> None:
    connection = _started(play)
    _start_ok(connection, locale="xx_XX")
    connection.zero.reply()


@scenario
def login_client_properties_of_every_type(play: Play) -> None:
    connection = _started(play)
    properties = {
        "t": True,
        "b": Tagged("b", -1),
        "B": Tagged("B", 255),
        "s": Tagged("s", -1),
        "u": Tagged("u", 1),
        "I": -1,
        "i": Tagged("i", 1),
        "l": Tagged("l", 1),
        "f": Tagged("f", 1.5),
        "d": Tagged("d", 1.5),
        "D": Tagged("D", (1, 15)),
        "S": "text",
        "x": b"\x00\xff",
        "T": Tagged("T", 1),
        "V": None,
        "F": {"nested": {}},
        "A": [1, "two"],
        "connection_name": "conformance",
    }
    _start_ok(connection, client_properties=properties)
    connection.zero.reply()


@scenario
def login_capabilities_of_the_wrong_type(play: Play) -> None:
    connection = _started(play)
    _start_ok(connection, client_properties={"capabilities": "all of them"})
    connection.zero.reply()


@scenario(slow=True)
def login_start_ok_larger_than_the_first_frame_max(play: Play) -> None:
    connection = _started(play)
    _start_ok(connection, client_properties={"long": "x" * 5000})
    connection.closed(SLOW_WAIT_S)


# --- tuning


@scenario(slow=True)
def tune_frame_max_higher(play: Play) -> None:
    connection = _tuning(play)
    connection.zero.send("Connection.TuneOk", channel_max=2047, frame_max=131073)
    connection.closed(SLOW_WAIT_S)


@scenario(slow=True)
def tune_frame_max_unlimited(play: Play) -> None:
    connection = _tuning(play)
    connection.zero.send("Connection.TuneOk", channel_max=2047, frame_max=0)
    connection.closed(SLOW_WAIT_S)


@scenario(slow=True)
def tune_frame_max_too_small(play: Play) -> None:
    connection = _tuning(play)
    connection.zero.send("Connection.TuneOk", channel_max=2047, frame_max=4095)
    connection.closed(SLOW_WAIT_S)


@scenario
def tune_frame_max_smallest(play: Play) -> None:
    connection = _tuning(play)
    connection.zero.send("Connection.TuneOk", channel_max=2047, frame_max=4096)
    connection.zero.call("Connection.Open", virtual_host="/")


@scenario(slow=True)
def tune_channel_max_higher(play: Play) -> None:
    connection = _tuning(play)
    connection.zero.send("Connection.TuneOk", channel_max=2048, frame_max=131072)
    connection.closed(SLOW_WAIT_S)


@scenario(slow=True)
def tune_channel_max_unlimited(play: Play) -> None:
    connection = _tuning(play)
    connection.zero.send("Connection.TuneOk", channel_max=0, frame_max=131072)
    connection.closed(SLOW_WAIT_S)


@scenario
def tune_channel_max_one(play: Play) -> None:
    connection = _tuning(play)
    connection.zero.send("Connection.TuneOk", channel_max=1, frame_max=131072)
    connection.zero.call("Connection.Open", virtual_host="/")
    connection.raw_channel(1).call("Channel.Open")
    connection.raw_channel(2).call("Channel.Open")


@scenario(slow=True)
def tune_frame_max_checked_first(play: Play) -> None:
    connection = _tuning(play)
    connection.zero.send("Connection.TuneOk", channel_max=0, frame_max=0)
    connection.closed(SLOW_WAIT_S)


@scenario(slow=True)
def tune_heartbeat_of_one_second(play: Play) -> None:
    """The broker sends heartbeats, and gives up on a silent peer after two of them."""
    connection = _tuning(play)
    connection.zero.send("Connection.TuneOk", channel_max=2047, frame_max=131072, heartbeat=1)
    connection.zero.call("Connection.Open", virtual_host="/")
    connection.closed(SLOW_WAIT_S)
    play.note("heartbeats", some=connection.heartbeats > 0)


@scenario(slow=True)
def tune_heartbeats_keep_it_open(play: Play) -> None:
    connection = _tuning(play)
    connection.zero.send("Connection.TuneOk", channel_max=2047, frame_max=131072, heartbeat=1)
    connection.zero.call("Connection.Open", virtual_host="/")
    with play.unrecorded():
        for _ in range(8):
            connection.zero.send_payload(8, b"")
            connection.wait(lambda: None, 0.5)
    channel = connection.raw_channel(1)
    channel.call("Channel.Open")


# --- opening


@scenario
def open_unknown_vhost(play: Play) -> None:
    connection = _opening(play)
    connection.zero.call("Connection.Open", virtual_host="nowhere")
    connection.closed()


@scenario
def open_vhost_of_255_bytes(play: Play) -> None:
    connection = _opening(play)
    connection.zero.call("Connection.Open", virtual_host="v" * 255)


@scenario
def open_empty_vhost(play: Play) -> None:
    connection = _opening(play)
    connection.zero.call("Connection.Open", virtual_host="")


@scenario
def open_vhost_with_odd_characters(play: Play) -> None:
    connection = _opening(play)
    connection.zero.call("Connection.Open", virtual_host="/a'b %~ ü")


@scenario
def open_with_reserved_fields_filled(play: Play) -> None:
    connection = _opening(play)
    connection.zero.call(
        "Connection.Open", virtual_host="/", _capabilities="whatever", _insist=True
    )


@scenario
def open_then_pipelined_channels(play: Play) -> None:
    connection = _opening(play)
    connection.zero.send("Connection.Open", virtual_host="/")
    first, second = connection.raw_channel(1), connection.raw_channel(2)
    first.send("Channel.Open")
    second.send("Channel.Open")
    connection.zero.reply()
    first.reply()
    second.reply()


# --- methods in the wrong state


@scenario(slow=True)
def state_open_instead_of_start_ok(play: Play) -> None:
    connection = _started(play)
    connection.zero.send("Connection.Open", virtual_host="/")
    connection.closed(SLOW_WAIT_S)


@scenario(slow=True)
def state_tune_ok_instead_of_start_ok(play: Play) -> None:
    connection = _started(play)
    connection.zero.send("Connection.TuneOk", frame_max=131072)
    connection.closed(SLOW_WAIT_S)


@scenario(slow=True)
def state_secure_ok_without_secure(play: Play) -> None:
    connection = _started(play)
    connection.zero.send("Connection.SecureOk", response="x")
    connection.closed(SLOW_WAIT_S)


@scenario(slow=True)
def state_channel_open_instead_of_start_ok(play: Play) -> None:
    connection = _started(play)
    connection.raw_channel(1).send("Channel.Open")
    connection.closed(SLOW_WAIT_S)


@scenario(slow=True)
def state_start_ok_instead_of_tune_ok(play: Play) -> None:
    connection = _tuning(play)
    _start_ok(connection)
    connection.closed(SLOW_WAIT_S)


@scenario(slow=True)
def state_open_instead_of_tune_ok(play: Play) -> None:
    connection = _tuning(play)
    connection.zero.send("Connection.Open", virtual_host="/")
    connection.closed(SLOW_WAIT_S)


@scenario(slow=True)
def state_close_before_open(play: Play) -> None:
    connections = []
    for stage in (_started, _tuning, _opening):
        connections.append(stage(play))
        connections[-1].zero.send("Connection.Close", reply_code=200)
    for connection in connections:
        connection.closed(SLOW_WAIT_S)


@scenario
def state_tune_ok_twice(play: Play) -> None:
    connection = _opening(play)
    connection.zero.send("Connection.TuneOk", frame_max=131072, channel_max=2047)
    connection.zero.reply()


@scenario
def state_channel_open_before_open(play: Play) -> None:
    connection = _opening(play)
    connection.raw_channel(1).send("Channel.Open")
    connection.zero.reply()


@scenario(slow=True)
def state_heartbeat_during_handshake(play: Play) -> None:
    connection = _started(play)
    connection.zero.send_payload(8, b"")
    _start_ok(connection)
    connection.zero.reply()


@scenario
def state_handshake_methods_when_running(play: Play) -> None:
    for method, fields in (
        ("Connection.StartOk", {"mechanism": "PLAIN", "response": "\0guest\0guest"}),
        ("Connection.SecureOk", {"response": "x"}),
        ("Connection.TuneOk", {"frame_max": 131072}),
        ("Connection.Open", {"virtual_host": "/"}),
        ("Connection.CloseOk", {}),
        ("Connection.Start", {}),
        ("Connection.OpenOk", {}),
        ("Connection.Blocked", {"reason": "me"}),
    ):
        connection = play.connection()
        connection.zero.send(method, **fields)
        connection.zero.reply()


# --- closing


@scenario
def close(play: Play) -> None:
    """RabbitMQ then leaves the TCP connection to the client for up to 30 s; not compared."""
    play.connection().close()


@scenario
def close_with_open_channels(play: Play) -> None:
    connection = play.connection()
    for _ in range(3):
        connection.channel()
    connection.close()


@scenario
def close_twice(play: Play) -> None:
    connection = play.connection()
    connection.zero.send("Connection.Close", reply_code=200)
    connection.zero.send("Connection.Close", reply_code=200)
    connection.zero.reply()
    connection.zero.quiet()


@scenario
def close_then_other_methods(play: Play) -> None:
    connection = play.connection()
    connection.zero.send("Connection.Close", reply_code=200)
    connection.raw_channel(1).send("Channel.Open")
    connection.zero.reply()
    connection.zero.quiet()


@scenario
def close_publishes_before_it_count(play: Play) -> None:
    connection = play.connection()
    channel = connection.channel()
    queue = channel.queue(play.name("q"))
    for n in range(50):
        channel.publish(queue, str(n))
    connection.close()
    play.channel().wait_count(queue, 50)


@scenario
def close_from_the_broker_then_close_ok_then_end(play: Play) -> None:
    connection = play.connection()
    connection.channel().call("Basic.Recover", requeue=False)
    connection.closed()


@scenario
def close_from_the_broker_then_frames_are_ignored(play: Play) -> None:
    connection = play.connection(auto_close_ok=False)
    channel = connection.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Basic.Recover", requeue=False)
    channel.publish(queue, "too late")
    connection.raw_channel(2).send("Channel.Open")
    connection.zero.send("Connection.Close", reply_code=200)
    connection.zero.reply()
    connection.zero.send("Connection.CloseOk")
    connection.closed()
    play.channel().count(queue)


# --- connection.update-secret and blocked


@scenario
def update_secret(play: Play) -> None:
    connection = play.connection()
    connection.zero.call("Connection.UpdateSecret", new_secret="guest", reason="renewed")
    connection.channel().call("Basic.Qos")


@scenario
def update_secret_to_a_wrong_one(play: Play) -> None:
    connection = play.connection()
    connection.zero.call("Connection.UpdateSecret", new_secret="nonsense", reason="")
    connection.channel().call("Basic.Qos")


@scenario
def update_secret_in_another_state(play: Play) -> None:
    connection = _opening(play)
    connection.zero.send("Connection.UpdateSecret", new_secret="x", reason="")
    connection.zero.reply()


@scenario
def open_twice(play: Play) -> None:
    connection = _opening(play)
    connection.zero.call("Connection.Open", virtual_host="/")
    connection.zero.call("Connection.Open", virtual_host="/")


@scenario
def capabilities_decide_what_is_sent(play: Play) -> None:
    """nack, confirms and exchange bindings work whether or not the client announced them."""
    channel = play.channel(capabilities={})
    source, target = channel.exchange(play.name("s")), channel.exchange(play.name("t"))
    channel.call("Exchange.Bind", destination=target, source=source, routing_key="k")
    channel.call("Confirm.Select")
    queue = channel.queue(play.name("q"))
    channel.publish(queue, "x")
    channel.arrivals(1)
    channel.get(queue, no_ack=False)
    channel.send("Basic.Nack", delivery_tag=1, requeue=True)
    channel.count(queue)
