"""Too much of everything, while a well-behaved client goes about its business.

Memory bounds are generous: several times what is measured, a fraction of what an unbounded queue
of replies would take. Peers that do not read are made with small socket buffers, and whatever they
send is sent until TCP says no or a fixed amount is out.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest

from tests.conformance import wire_codec as wire
from tests.fault.victim import MB, Victim
from tests.integration.support import (
    WAIT_S,
    UnexpectedCloseError,
    WirePeer,
    publish_frames,
    wait_until,
)

QUIET_S = 0.5  # a socket that takes nothing for so long is full


def method(name: str, **fields: object) -> bytes:
    return wire.method_frame(1, name, **fields)


def send_until_full(peer: WirePeer, burst: bytes, most: int) -> int:
    """Send a burst again and again. Returns: octets sent when the socket filled up, or `most`."""
    sent = 0
    view = memoryview(burst)
    peer.socket.settimeout(QUIET_S)
    try:
        while sent < most:
            at = 0
            while at < len(view):
                at += peer.socket.send(view[at:])
            sent += len(view)
    except TimeoutError:
        pass
    finally:
        peer.socket.settimeout(WAIT_S)
    return sent


@pytest.fixture
def deaf(victim: Victim) -> Iterator[WirePeer]:
    """A peer with an open channel that does not read, and with little room in the kernel."""
    with WirePeer(victim.port, receive_buffer=4096) as peer:
        yield peer.login()


# --- requests whose replies nobody reads

LONG = "q" * 200  # in the replies too: so fewer of them fill what the kernel holds
PIPELINED = {
    "queue.declare": method("Queue.Declare", queue=LONG, exclusive=True),
    "queue.declare, new ones": b"",
    "exchange.declare": method("Exchange.Declare", exchange="amq.fanout", passive=True),
    "basic.get, empty": method("Basic.Get"),  # the queue declared last
    "basic.recover": method("Basic.Recover", requeue=True),
    "tx.select and commit": method("Tx.Select") + method("Tx.Commit"),
    "consume and cancel": method("Basic.Consume", queue=LONG, consumer_tag=LONG)
    + method("Basic.Cancel", consumer_tag=LONG),
    "channel.open and close": wire.method_frame(2, "Channel.Open")
    + wire.method_frame(2, "Channel.Close", reply_code=200),
    "channel errors": wire.method_frame(2, "Channel.Open")
    + wire.method_frame(2, "Basic.Get", queue=f"none {LONG}")
    + wire.method_frame(2, "Channel.CloseOk"),
    "mandatory publishes": publish_frames(1, b"", routing_key="nowhere", mandatory=True),
    "large mandatory publishes": publish_frames(
        1, bytes(100_000), routing_key="nowhere", mandatory=True
    ),
    "confirmed publishes": publish_frames(1, b"", routing_key="nowhere"),
}


@pytest.mark.parametrize("what", PIPELINED)
def test_a_million_requests_whose_replies_are_not_read(
    victim: Victim, deaf: WirePeer, what: str
) -> None:
    """The broker stops reading from such a peer; it does not collect replies for it."""
    base = victim.rss_mb
    deaf.call(1, "Queue.Declare", queue=LONG, exclusive=True)
    request = PIPELINED[what]
    if what == "queue.declare, new ones":
        request = b"".join(
            method("Queue.Declare", queue=f"{what} {number}", exclusive=True)
            for number in range(3000)
        )
    if what == "confirmed publishes":
        deaf.call(1, "Confirm.Select")
    most = 300 * MB if len(request) > 10_000 else 30 * MB
    if what == "confirmed publishes":  # confirms are few: one for many publishes
        most = 10 * MB
    sent = send_until_full(deaf, request * max(1, 50_000 // len(request)), most)
    victim.canary.sings()
    assert victim.peak_mb < base + 40
    if what != "confirmed publishes":
        assert sent < most, "it reads on although its replies pile up"


def test_replies_come_when_they_are_read_at_last(victim: Victim, deaf: WirePeer) -> None:
    """Nothing was lost or mixed up while the broker did not read."""
    tags = [method("Basic.Consume", queue="q", consumer_tag=f"{tag}{LONG}") for tag in range(10)]
    tags += [method("Basic.Cancel", consumer_tag=f"{tag}{LONG}") for tag in range(10)]
    deaf.call(1, "Queue.Declare", queue="q", exclusive=True)
    burst = b"".join(tags) * 50
    sent = send_until_full(deaf, burst, 50 * MB)
    for number in range(sent // len(burst) * 50 * 20):
        name, fields = deaf.hear("Basic.ConsumeOk", "Basic.CancelOk")
        assert name == ("Basic.ConsumeOk" if number % 20 < 10 else "Basic.CancelOk")
        assert fields["consumer_tag"] == f"{number % 10}{LONG}"


def test_one_message_asked_for_a_thousand_times(victim: Victim, deaf: WirePeer) -> None:
    """46 kB of basic.get and basic.reject ask for 8 GB."""
    base = victim.rss_mb
    deaf.call(1, "Queue.Declare", queue="q", exclusive=True)
    deaf.publish(1, bytes(8 * MB), routing_key="q")
    deaf.send(
        b"".join(
            method("Basic.Get", queue="q")
            + method("Basic.Reject", delivery_tag=number + 1, requeue=True)
            for number in range(1000)
        )
    )
    victim.canary.sings()
    assert victim.peak_mb < base + 100


def test_one_message_in_many_queues_asked_for_at_once(victim: Victim, deaf: WirePeer) -> None:
    base = victim.rss_mb
    for number in range(200):
        deaf.call(1, "Queue.Declare", queue=f"fan {number}", exclusive=True)
        deaf.call(1, "Queue.Bind", queue=f"fan {number}", exchange="amq.fanout")
    deaf.publish(1, bytes(4 * MB), exchange="amq.fanout")
    deaf.send(b"".join(method("Basic.Get", queue=f"fan {number}") for number in range(200)))
    victim.canary.sings()
    assert victim.peak_mb < base + 100


def test_one_message_asked_for_a_thousand_times_by_who_reads(victim: Victim) -> None:
    """The same from a peer that takes it all: it gets everything, in order, in bounded memory."""
    base = victim.rss_mb
    with WirePeer(victim.port) as peer:
        peer.login()
        peer.call(1, "Queue.Declare", queue="q", exclusive=True)
        peer.publish(1, bytes(2 * MB), routing_key="q")
        peer.send(
            b"".join(
                method("Basic.Get", queue="q")
                + method("Basic.Reject", delivery_tag=number + 1, requeue=True)
                for number in range(200)
            )
        )
        for number in range(200):
            assert peer.hear("Basic.GetOk")[1]["delivery_tag"] == number + 1
            assert len(peer.read_content()) == 2 * MB
        victim.canary.sings()
        assert victim.peak_mb < base + 100


# --- deliveries nobody reads


@pytest.mark.parametrize("body_size", [100, 10_000, 1 * MB])
@pytest.mark.parametrize("no_ack", [False, True], ids=["acks", "no acks"])
def test_deliveries_stop_for_who_does_not_read(
    victim: Victim, deaf: WirePeer, body_size: int, no_ack: bool
) -> None:
    """100 MB wait for a consumer. They are in memory once, in their queue; not again on the way."""
    total = 100 * MB
    count = min(total // (body_size + 400), 60_000)
    with WirePeer(victim.port) as publisher:
        publisher.login()
        publisher.call(1, "Queue.Declare", queue="slow", exclusive=False)
        publisher.call(1, "Confirm.Select")
        left = count
        burst = publish_frames(1, bytes(body_size), routing_key="slow")
        while left:
            size = min(left, 1000, max(1, MB // body_size))
            publisher.send(burst * size)
            left -= size
            while True:
                tag = publisher.hear("Basic.Ack")[1]["delivery_tag"]
                if tag >= count - left:
                    break
        full = victim.rss_mb
        victim.forget_peak()
        for tag in range(4):
            deaf.say(1, "Basic.Consume", queue="slow", consumer_tag=f"{tag}", no_ack=no_ack)
        victim.canary.sings()
        time.sleep(0.3)
        victim.canary.sings()
        assert victim.peak_mb < full + 30
        left = publisher.call(1, "Queue.Declare", queue="slow", passive=True)["message_count"]
        assert left > count // 2, "deliveries have gone on"
        deaf.reset()
        if not no_ack:

            def all_are_back() -> bool:
                asked = publisher.call(1, "Queue.Declare", queue="slow", passive=True)
                return bool(asked["message_count"] == count)

            wait_until(all_are_back, "what was not acknowledged is back in the queue")
        publisher.call(1, "Queue.Delete", queue="slow")


def test_a_slow_reader_gets_everything(victim: Victim) -> None:
    """It reads a little at a time; all of it comes, in order, and memory stays."""
    count = 3000
    with WirePeer(victim.port, receive_buffer=4096) as slow, WirePeer(victim.port) as publisher:
        slow.login()
        publisher.login()
        publisher.call(1, "Queue.Declare", queue="slow", auto_delete=True)
        publisher.call(1, "Confirm.Select")
        for number in range(count):
            publisher.publish(1, b"%d" % number + bytes(5000), routing_key="slow")
        confirmed = 0
        while confirmed < count:
            confirmed = publisher.hear("Basic.Ack")[1]["delivery_tag"]
        full = victim.rss_mb
        victim.forget_peak()
        slow.say(1, "Basic.Consume", queue="slow", consumer_tag="c", no_ack=True)
        slow.hear("Basic.ConsumeOk")
        for number in range(count):
            if number % 300 == 0:
                time.sleep(0.02)
            slow.hear("Basic.Deliver")
            assert slow.read_content().rstrip(b"\0") == b"%d" % number
        assert victim.peak_mb < full + 30


def test_a_hundred_peers_that_do_not_read(victim: Victim) -> None:
    """Each may be behind by its buffer; the bodies are the same octets."""
    base = victim.rss_mb
    with contextlib.ExitStack() as stack:
        for number in range(100):
            peer = stack.enter_context(WirePeer(victim.port, receive_buffer=4096)).login()
            queue = peer.call(1, "Queue.Declare", exclusive=True)["queue"]
            peer.call(1, "Queue.Bind", queue=queue, exchange="amq.fanout")
            peer.say(1, "Basic.Consume", queue=queue, consumer_tag="c", no_ack=bool(number % 2))
        publisher = stack.enter_context(WirePeer(victim.port)).login()
        publisher.call(1, "Confirm.Select")
        for _ in range(50):
            publisher.publish(1, bytes(200_000), exchange="amq.fanout")
            publisher.hear("Basic.Ack")
        victim.canary.sings()
        assert (
            victim.peak_mb < base + 300
        )  # 100 times 1.5 MB of output and more, where all has 1 GB


# --- many things


def test_ten_thousand_channels(victim: Victim) -> None:
    base = victim.rss_mb
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(WirePeer(victim.port)).login(channels=2000) for _ in range(5)]
        assert victim.rss_mb < base + 100
        victim.canary.sings()
        for peer in peers:
            peer.say(2000, "Queue.Declare", exclusive=True)
            peer.hear("Queue.DeclareOk")


def test_beyond_channel_max(victim: Victim) -> None:
    with WirePeer(victim.port) as peer:
        peer.login(channels=2047)
        peer.say(2048, "Channel.Open")
        close = peer.how_it_ends()
        assert (close.code, close.text) == (
            530,
            "NOT_ALLOWED - number of channels opened (2047) has reached the negotiated "
            "channel_max (2047)",
        )
    with WirePeer(victim.port) as peer:  # numbers are free, their count is not
        peer.login(channels=0, channel_max=10)
        for number in range(100, 110):
            peer.say(number, "Channel.Open")
            peer.hear("Channel.OpenOk")
        peer.say(65535, "Channel.Open")
        assert peer.how_it_ends().code == 530


def test_two_thousand_connections(victim: Victim) -> None:
    base = victim.rss_mb
    peers: list[WirePeer] = []
    try:
        peers.extend(WirePeer(victim.port).login() for _ in range(2000))
        victim.canary.sings()
        assert victim.rss_mb < base + 100
        peers[0].call(1, "Basic.Qos")
        peers[-1].call(1, "Basic.Qos")
    finally:
        for number, peer in enumerate(peers):
            peer.reset() if number % 2 else peer.drop()


def test_two_thousand_connections_without_a_word(victim: Victim) -> None:
    base = victim.rss_mb
    sockets = []
    try:
        for number in range(2000):
            client = socket.create_connection(("127.0.0.1", victim.port), WAIT_S)
            sockets.append(client)
            client.send(wire.PROTOCOL_HEADER[: number % 9])
        victim.canary.sings()
        assert victim.rss_mb < base + 100
    finally:
        for client in sockets:
            client.close()


def test_ten_thousand_queues(victim: Victim) -> None:
    base = victim.rss_mb
    with WirePeer(victim.port) as peer:
        peer.login()
        peer.send(
            b"".join(
                method("Queue.Declare", queue=f"many {number}", exclusive=True, nowait=True)
                + method(
                    "Queue.Bind",
                    queue=f"many {number}",
                    exchange=("amq.direct", "amq.fanout", "amq.topic", "amq.headers")[number % 4],
                    routing_key=f"{number}.#",
                    arguments={"number": number},
                    nowait=True,
                )
                for number in range(10_000)
            )
        )
        peer.call(1, "Basic.Qos")
        victim.canary.sings()
        assert victim.peak_mb < base + 100
        peer.publish(1, b"to many", exchange="amq.fanout")
        assert peer.get(1, "many 9997") == b"to many"
        peer.reset()
    victim.canary.sings()
    with WirePeer(victim.port) as peer:
        peer.login()
        peer.publish(1, b"to nobody", exchange="amq.fanout", mandatory=True)
        peer.hear("Basic.Return")


def test_many_consumers_of_one_queue(victim: Victim) -> None:
    """Each message costs what a message costs, not what the number of consumers is."""
    with WirePeer(victim.port) as peer:
        peer.login()
        peer.call(1, "Queue.Declare", queue="crowd", exclusive=True)
        peer.call(1, "Basic.Qos", prefetch_count=1)
        peer.send(
            b"".join(
                method("Basic.Consume", queue="crowd", consumer_tag=f"{number}", nowait=True)
                for number in range(20_000)
            )
        )
        peer.call(1, "Basic.Qos", prefetch_count=1)
        peer.send(publish_frames(1, b"x", routing_key="crowd") * 20_000)
        victim.canary.sings()
        for _ in range(20_000):
            peer.hear("Basic.Deliver")
        victim.canary.sings()
        peer.say(1, "Basic.Ack", delivery_tag=0, multiple=True)
        peer.send(publish_frames(1, b"x", routing_key="crowd") * 1000)
        for _ in range(1000):
            peer.hear("Basic.Deliver")
        peer.reset()
    victim.canary.sings()


def test_consumer_churn(victim: Victim) -> None:
    """Consumers that come and go while messages flow: each is delivered once, to somebody."""
    count = 3000
    with WirePeer(victim.port) as peer, WirePeer(victim.port) as churner:
        peer.login()
        churner.login(channels=5)
        peer.call(1, "Queue.Declare", queue="churn", auto_delete=False)
        for number in range(count):
            peer.publish(1, b"%d" % number, routing_key="churn")
            channel = 1 + number % 5
            churner.send(
                wire.method_frame(
                    channel,
                    "Basic.Consume",
                    queue="churn",
                    consumer_tag=f"{number}",
                    no_ack=True,
                    nowait=True,
                )
                + wire.method_frame(channel, "Basic.Cancel", consumer_tag=f"{number}", nowait=True)
            )
        for channel in range(1, 6):
            churner.say(channel, "Basic.Consume", queue="churn", no_ack=True, nowait=True)
        seen = set()
        while len(seen) < count:
            churner.hear("Basic.Deliver")
            seen.add(int(churner.read_content()))
        assert seen == set(range(count))
        peer.call(1, "Queue.Delete", queue="churn")


# --- coming and going


def test_exclusive_queues_of_peers_that_vanish(victim: Victim) -> None:
    """500 times: declare, bind, consume, publish, reset. No queue stays."""
    base = victim.rss_mb
    for number in range(500):
        with WirePeer(victim.port) as peer:
            peer.send(_whole_login())
            peer.send(
                method("Channel.Open")
                + method("Queue.Declare", queue=f"mine {number % 10}", exclusive=True)
                + method("Queue.Bind", queue=f"mine {number % 10}", exchange="amq.fanout")
                + method("Basic.Consume", queue=f"mine {number % 10}", nowait=True)
                + publish_frames(1, b"x", exchange="amq.fanout") * 5
            )
            if number % 3:
                while True:
                    name, _ = peer.hear(
                        "Connection.Start",
                        "Connection.Tune",
                        "Connection.OpenOk",
                        "Channel.OpenOk",
                        "Queue.DeclareOk",
                        "Queue.BindOk",
                    )
                    if name == "Queue.BindOk":
                        break
            peer.reset()
            if number % 3:
                with WirePeer(victim.port) as other:
                    other.login()
                    wait_until(lambda other=other, n=number: _is_gone(other, n), "it is gone")
    assert victim.rss_mb < base + 30
    with WirePeer(victim.port) as peer:
        peer.login()
        for number in range(10):
            wait_until(lambda n=number: _is_gone(peer, n), "no queue has stayed")


def _whole_login() -> bytes:
    """The client's side of a login, said without listening."""
    return b"".join(
        (
            wire.PROTOCOL_HEADER,
            wire.method_frame(
                0, "Connection.StartOk", mechanism="PLAIN", response="\0guest\0guest"
            ),
            wire.method_frame(0, "Connection.TuneOk", channel_max=2047, frame_max=131072),
            wire.method_frame(0, "Connection.Open", virtual_host="/"),
        )
    )


def _is_gone(peer: WirePeer, number: int) -> bool:
    try:
        peer.call(1, "Queue.Declare", queue=f"mine {number % 10}", passive=True)
    except UnexpectedCloseError as error:
        peer.say(1, "Channel.CloseOk")
        peer.call(1, "Channel.Open")
        if error.close.code in (404, 405):
            return error.close.code == 404
        raise
    raise AssertionError("an exclusive queue was shown to another connection")


def test_connection_churn(victim: Victim) -> None:
    """1 500 whole lives, ended in every way."""
    base = victim.rss_mb
    for number in range(1500):
        peer = WirePeer(victim.port)
        match number % 5:
            case 0:
                peer.login()
                peer.close()
            case 1:
                peer.login()
                peer.reset()
            case 2:
                peer.send(_whole_login() + method("Channel.Open") + bytes(8))
                peer.drop()
            case 3:
                peer.send(_whole_login() + b"\x01\x00\x01\x00")
                peer.reset()
            case 4:
                peer.send(wire.PROTOCOL_HEADER)
                peer.drop()
    assert victim.rss_mb < base + 30


def test_peers_that_vanish_in_the_middle_of_everything(victim: Victim) -> None:
    """A reset at any moment of a conversation leaves the queue whole."""
    conversation = (
        method("Basic.Qos", prefetch_count=3)
        + method("Basic.Consume", queue="whole", consumer_tag="c", nowait=True)
        + method("Basic.Get", queue="whole")
        + method("Tx.Select")
        + publish_frames(1, b"never committed", routing_key="whole")
        + method("Basic.Ack", delivery_tag=1, multiple=True)
    )
    with WirePeer(victim.port) as owner:
        owner.login()
        owner.call(1, "Queue.Declare", queue="whole")
        for number in range(10):
            owner.publish(1, b"%d" % number, routing_key="whole")
        for end in range(0, len(conversation), 7):
            with WirePeer(victim.port) as peer:
                peer.login()
                peer.send(conversation[:end])
                peer.reset()

        def is_whole() -> bool:
            answer = owner.call(1, "Queue.Declare", queue="whole", passive=True)
            return bool(answer["message_count"] == 10 and answer["consumer_count"] == 0)

        wait_until(is_whole, "ten messages and no consumer")
        assert [owner.get(1, "whole") for _ in range(10)] == [b"%d" % n for n in range(10)]
        owner.call(1, "Queue.Delete", queue="whole")


# --- frames without end


def test_heartbeats_without_end(victim: Victim) -> None:
    base = victim.rss_mb
    with WirePeer(victim.port) as peer:
        peer.login()
        for _ in range(50):
            peer.send(wire.frame(8, 0, b"") * 20_000)
        peer.call(1, "Basic.Qos")
        assert victim.peak_mb < base + 20


def test_empty_body_frames_without_end(victim: Victim) -> None:
    """They bring a message no further, and must not be collected."""
    base = victim.rss_mb
    with WirePeer(victim.port) as peer:
        peer.login(channels=2)
        peer.send(method("Basic.Publish", routing_key="nowhere", mandatory=True))
        peer.send(wire.frame(2, 1, wire.encode_header(1, {})))
        for _ in range(50):
            peer.send(wire.frame(3, 1, b"") * 40_000)
        peer.call(2, "Basic.Qos")
        peer.send(wire.frame(3, 1, b"x"))
        peer.hear("Basic.Return")
        assert peer.read_content() == b"x"
        assert victim.peak_mb < base + 15


def test_a_body_in_tiny_pieces(victim: Victim) -> None:
    """A message of 1 MB in half a million pieces is one message of 1 MB."""
    base = victim.rss_mb
    with WirePeer(victim.port) as peer:
        peer.login()
        peer.send(method("Basic.Publish", routing_key="nowhere", mandatory=True))
        peer.send(wire.frame(2, 1, wire.encode_header(1_000_000, {})))
        peer.send(wire.frame(3, 1, b"xy") * 500_000)
        peer.hear("Basic.Return")
        assert peer.read_content() == b"xy" * 500_000
        assert victim.peak_mb < base + 30


def test_frames_in_pieces_of_one_octet(victim: Victim) -> None:
    """A large frame that drips must not cost its length for every octet."""
    frames = publish_frames(1, bytes(100_000), routing_key="nowhere", mandatory=True)
    with WirePeer(victim.port) as peer:
        peer.login()
        for at in range(0, len(frames), 10):
            peer.send(frames[at : at + 10])
        peer.hear("Basic.Return")


def test_frames_for_a_connection_that_is_closing(victim: Victim) -> None:
    """After connection.close everything is ignored but close-ok; it is not kept either."""
    base = victim.rss_mb
    with WirePeer(victim.port) as peer:
        peer.login()
        peer.send(wire.frame(1, 1, b""))
        assert peer.how_it_ends().code == 501
        with contextlib.suppress(OSError):
            for _ in range(100):
                peer.send(publish_frames(1, bytes(100_000), routing_key="q") * 5)
        victim.canary.sings()
        assert victim.peak_mb < base + 30


def test_frames_for_a_channel_that_is_closing(victim: Victim) -> None:
    base = victim.rss_mb
    with WirePeer(victim.port) as peer:
        peer.login(channels=2)
        peer.say(1, "Basic.Get", queue="none such")
        assert peer.how_it_ends().code == 404
        for _ in range(100):
            peer.send(publish_frames(1, bytes(100_000), routing_key="q") * 5)
        peer.call(2, "Basic.Qos")
        assert victim.peak_mb < base + 30


def test_large_headers_of_messages_nobody_keeps(victim: Victim) -> None:
    """Publishes to nowhere leave nothing behind: 500 headers of 120 kB on each of 4 connections."""
    base = victim.rss_mb
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            peer = stack.enter_context(WirePeer(victim.port)).login()
            for number in range(500):
                header = {"headers": {"a": bytes(120_000)}}
                peer.publish(1, b"x", header, routing_key=f"nowhere {number}")
            peer.call(1, "Basic.Qos")
        assert victim.rss_mb < base + 60


# --- publishers


def test_publishers_that_outrun_their_consumer(victim: Victim) -> None:
    """Everything is delivered and confirmed in the end; who publishes is slowed down by TCP."""
    count = 20_000
    with WirePeer(victim.port) as publisher, WirePeer(victim.port) as consumer:
        publisher.login()
        consumer.login()
        consumer.call(1, "Queue.Declare", queue="outrun", exclusive=False, auto_delete=True)
        consumer.call(1, "Basic.Qos", prefetch_count=100)
        consumer.call(1, "Basic.Consume", queue="outrun")
        publisher.call(1, "Confirm.Select")
        burst = publish_frames(1, bytes(1000), routing_key="outrun") * 500
        for _ in range(count // 500):
            publisher.send(burst)
        victim.canary.sings()
        for number in range(count):
            consumer.hear("Basic.Deliver")
            if number % 50 == 49:
                consumer.say(1, "Basic.Ack", delivery_tag=number + 1, multiple=True)
        confirmed = 0
        while confirmed < count:
            confirmed = publisher.hear("Basic.Ack")[1]["delivery_tag"]


def test_twenty_publishers_at_full_speed(victim: Victim) -> None:
    """To nowhere, from peers that never stop: everybody has a share of the broker."""
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(WirePeer(victim.port)).login() for _ in range(20)]
        burst = publish_frames(1, bytes(500), routing_key="nowhere") * 200
        for peer in peers:
            peer.socket.setblocking(False)
        before = victim.canary.sings()
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            for peer in peers:
                with contextlib.suppress(BlockingIOError):
                    peer.socket.send(burst)  # cut anywhere: what follows may be rubbish
        assert victim.canary.sings() > before


def test_a_transaction_of_many_publishes(victim: Victim) -> None:
    with WirePeer(victim.port) as peer:
        peer.login()
        queue = peer.call(1, "Queue.Declare", exclusive=True)["queue"]
        peer.call(1, "Tx.Select")
        peer.send(publish_frames(1, b"x", routing_key=queue) * 50_000)
        victim.canary.sings()
        peer.call(1, "Tx.Commit")
        asked = peer.call(1, "Queue.Declare", queue=queue, passive=True)
        assert asked["message_count"] == 50_000
        peer.send(publish_frames(1, b"x", routing_key=queue) * 50_000)
        peer.call(1, "Tx.Rollback")
        asked = peer.call(1, "Queue.Declare", queue=queue, passive=True)
        assert asked["message_count"] == 50_000


def test_requeueing_in_a_circle(victim: Victim) -> None:
    """A consumer that gives everything back at once gets it again, and others get their turn."""
    with WirePeer(victim.port) as peer:
        peer.login()
        queue = peer.call(1, "Queue.Declare", exclusive=True)["queue"]
        peer.send(publish_frames(1, b"x", routing_key=queue) * 1000)
        peer.call(1, "Basic.Consume", queue=queue)
        tag = 0
        for _ in range(20):
            for _ in range(1000):
                tag = peer.hear("Basic.Deliver")[1]["delivery_tag"]
            peer.say(1, "Basic.Nack", delivery_tag=tag, multiple=True, requeue=True)
        victim.canary.sings()
        peer.close()


def test_topic_patterns_made_to_be_slow(victim: Victim) -> None:
    """127 words of `#` and a key of 127 words must not take a power of anything."""
    with WirePeer(victim.port) as peer:
        peer.login()
        queue = peer.call(1, "Queue.Declare", exclusive=True)["queue"]
        for pattern in ("#." * 60 + "#", "#.a." * 60 + "#", "*.#." * 60 + "b", "#.*." * 60 + "a"):
            peer.call(1, "Queue.Bind", queue=queue, exchange="amq.topic", routing_key=pattern)
        for _ in range(20):
            peer.publish(1, b"x", exchange="amq.topic", routing_key="a." * 120 + "a")
        peer.call(1, "Basic.Qos")
        victim.canary.sings()
        asked = peer.call(1, "Queue.Declare", queue=queue, passive=True)
        assert asked["message_count"] == 20


def test_bindings_in_a_circle(victim: Victim) -> None:
    """Exchanges bound to each other in every direction route a message once."""
    names = [f"ring {number}" for number in range(30)]
    with WirePeer(victim.port) as peer:
        peer.login()
        queue = peer.call(1, "Queue.Declare", exclusive=True)["queue"]
        for name in names:
            peer.call(1, "Exchange.Declare", exchange=name, type="fanout", auto_delete=False)
            peer.call(1, "Queue.Bind", queue=queue, exchange=name)
        for source in names:
            for destination in names:
                peer.say(1, "Exchange.Bind", source=source, destination=destination, nowait=True)
        for _ in range(10):
            peer.publish(1, b"once", exchange=names[0])
        asked = peer.call(1, "Queue.Declare", queue=queue, passive=True)
        assert asked["message_count"] == 10
        for name in names:
            peer.call(1, "Exchange.Delete", exchange=name)
