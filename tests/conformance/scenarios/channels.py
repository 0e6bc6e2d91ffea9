"""Channels: opening, closing, flow, and methods where they do not belong."""

from __future__ import annotations

from tests.conformance import wire_codec as wire
from tests.conformance.registry import scenario
from tests.conformance.wire_client import Play


@scenario
def channel_open_and_close(play: Play) -> None:
    channel = play.connection().raw_channel()
    for _ in range(2):
        channel.call("Channel.Open")
        channel.call("Channel.Close", reply_code=200, reply_text="bye")


@scenario
def channel_open_twice(play: Play) -> None:
    channel = play.channel()
    channel.call("Channel.Open")


@scenario
def channel_open_any_number(play: Play) -> None:
    connection = play.connection()
    for number in (65535, 2047, 2048, 1):
        connection.raw_channel(number).call("Channel.Open")


@scenario
def channel_open_more_than_channel_max(play: Play) -> None:
    connection = play.connection(channel_max=3)
    for number in (7, 8, 9, 10):
        connection.raw_channel(number).call("Channel.Open")


@scenario
def channel_open_again_after_close_at_the_limit(play: Play) -> None:
    connection = play.connection(channel_max=1)
    connection.channel(5).call("Channel.Close")
    connection.raw_channel(6).call("Channel.Open")


@scenario
def channel_open_on_channel_zero(play: Play) -> None:
    play.connection().zero.call("Channel.Open")


@scenario
def channel_methods_on_channel_zero(play: Play) -> None:
    for method in ("Channel.Close", "Queue.Declare", "Basic.Qos", "Tx.Select", "Confirm.Select"):
        play.connection().zero.call(method)


@scenario
def channel_not_open(play: Play) -> None:
    for method in ("Queue.Declare", "Basic.Qos", "Channel.Close", "Basic.Ack", "Channel.CloseOk"):
        connection = play.connection()
        connection.raw_channel(1).send(method)
        connection.zero.reply()


@scenario
def channel_not_open_publish(play: Play) -> None:
    connection = play.connection()
    connection.raw_channel(1).publish("k", "x")
    connection.zero.reply()


@scenario
def channel_closed_then_used(play: Play) -> None:
    channel = play.channel()
    channel.call("Channel.Close")
    channel.call("Basic.Qos")


@scenario
def channel_closed_then_publish(play: Play) -> None:
    channel = play.channel()
    channel.call("Channel.Close")
    channel.publish("k", "x")
    channel.reply()


@scenario
def channel_closed_by_the_broker_then_used(play: Play) -> None:
    channel = play.channel()
    channel.call("Queue.Declare", queue=play.name("nope"), passive=True)
    channel.call("Basic.Qos")


@scenario
def channel_closed_twice(play: Play) -> None:
    channel = play.channel()
    channel.call("Channel.Close")
    channel.call("Channel.Close")


@scenario
def channel_closing_answers_close_and_ignores_the_rest(play: Play) -> None:
    connection = play.connection(auto_close_ok=False)
    channel = connection.channel()
    channel.call("Queue.Declare", queue=play.name("nope"), passive=True)
    channel.send("Basic.Qos")
    channel.publish("k", "x", mandatory=True)
    channel.call("Channel.Close")
    channel.send("Channel.CloseOk")
    channel.call("Channel.Open")
    channel.nothing_more()


@scenario
def channel_closing_does_not_ignore_open(play: Play) -> None:
    connection = play.connection(auto_close_ok=False)
    channel = connection.channel()
    channel.call("Queue.Declare", queue=play.name("nope"), passive=True)
    channel.call("Channel.Open")


@scenario
def channel_errors_leave_other_channels_alone(play: Play) -> None:
    connection = play.connection()
    first, second = connection.channel(), connection.channel()
    first.call("Queue.Declare", queue=play.name("nope"), passive=True)
    second.call("Basic.Qos")
    first.reopen()
    first.call("Basic.Qos")


@scenario
def channel_error_keeps_what_was_done_before(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    for n in range(10):
        channel.publish(queue, str(n))
    channel.publish("k", "refused", play.name("nope"))
    channel.reply()
    channel.reopen()
    channel.wait_count(queue, 10)


@scenario
def channel_close_ok_unasked(play: Play) -> None:
    connection = play.connection()
    connection.channel().send("Channel.CloseOk")
    connection.zero.reply()


@scenario
def channel_flow_off(play: Play) -> None:
    play.channel().call("Channel.Flow", active=False)


@scenario
def channel_flow_on(play: Play) -> None:
    play.channel().call("Channel.Flow", active=True)


@scenario
def channel_flow_ok_unasked(play: Play) -> None:
    channel = play.channel()
    channel.send("Channel.FlowOk", active=True)
    channel.reply()


@scenario
def channel_connection_methods_on_a_channel(play: Play) -> None:
    for method, fields in (
        ("Connection.Close", {"reply_code": 200}),
        ("Connection.Open", {"virtual_host": "/"}),
        ("Connection.TuneOk", {"frame_max": 131072}),
        ("Connection.UpdateSecret", {"new_secret": "x"}),
    ):
        channel = play.channel()
        channel.send(method, **fields)
        channel.reply()


@scenario
def channel_server_methods_from_the_client(play: Play) -> None:
    for method in (
        "Channel.OpenOk",
        "Queue.DeclareOk",
        "Exchange.DeclareOk",
        "Basic.ConsumeOk",
        "Basic.CancelOk",
        "Basic.QosOk",
        "Basic.GetEmpty",
        "Tx.SelectOk",
        "Confirm.SelectOk",
    ):
        channel = play.channel()
        channel.send(method)
        channel.reply()


@scenario
def channel_server_methods_with_content(play: Play) -> None:
    for method in ("Basic.Deliver", "Basic.Return", "Basic.GetOk"):
        channel = play.channel()
        channel.send(method)
        channel.send_payload(wire.FRAME_HEADER, wire.encode_header(1, {}))
        channel.send_payload(wire.FRAME_BODY, b"x")
        channel.reply()


@scenario
def channel_access_request(play: Play) -> None:
    play.channel().call("Access.Request", realm="/data", active=True, read=True)


@scenario
def channel_many_at_once(play: Play) -> None:
    connection = play.connection()
    channels = [connection.raw_channel(number) for number in range(1, 41)]
    with play.unrecorded():
        for channel in channels:
            channel.send("Channel.Open")
        for channel in channels:
            channel.reply("Channel.OpenOk")
    channels[-1].call("Basic.Qos")


@scenario
def channel_replies_in_order_of_requests(play: Play) -> None:
    channel = play.channel()
    queue = play.name("q")
    channel.send("Queue.Declare", queue=queue)
    channel.send("Basic.Qos", prefetch_count=1)
    channel.send("Queue.Bind", queue=queue, exchange="amq.direct", routing_key="k")
    channel.send("Tx.Select")
    channel.send("Tx.Commit")
    channel.send("Queue.Purge", queue=queue)
    channel.send("Queue.Delete", queue=queue)
    channel.arrivals(7)


@scenario
def channel_pipelined_after_an_error(play: Play) -> None:
    """What was sent behind the refused method is not carried out."""
    channel = play.channel()
    first, second = play.name("first"), play.name("second")
    channel.send("Queue.Declare", queue=first, passive=True)
    channel.send("Queue.Declare", queue=second)
    channel.reply()
    channel.reopen()
    channel.call("Queue.Declare", queue=second, passive=True)
