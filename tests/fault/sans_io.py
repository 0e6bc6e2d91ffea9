"""A node without sockets for the fuzz: thousands of connections a second, all in one thread.

`run_case` plays one spoiled conversation against a new node and checks what must hold whatever a
peer says:

* `absorb`, `turn`, `tick` and `on_lost` never raise, and nothing is reported as a bug;
* what the broker writes are whole frames, within frame_max, of methods a broker may send, and a
  close bears a code and text RabbitMQ could have sent;
* the invariants of the queues hold after every turn;
* once the peers are gone nothing of them is left: no unacked message, consumer, exclusive queue,
  reply-to consumer, parked or pending work;
* an honest peer on the same node then has its conversation as if nothing had happened.
"""

from __future__ import annotations

import logging
import random
import struct
from collections import Counter
from dataclasses import dataclass, field

import broker.boot  # noqa: F401 - enters the handlers
from broker.config import Config
from broker.node import Node
from broker.session.connection import Connection
from tests.conformance import wire_codec as wire
from tests.fault import fuzzing
from tests.support.seams import FakeClock

SOFT_CODES = {311, 403, 404, 405, 406}
HARD_CODES = {320, 402, 501, 502, 503, 504, 505, 506, 530, 540, 541}
FROM_BROKER = {
    name
    for name in wire.METHODS
    if name.endswith("Ok") or name in {"Connection.Start", "Connection.Tune", "Basic.GetEmpty"}
} | {"Connection.Close", "Channel.Close", "Basic.Deliver", "Basic.Return", "Basic.Ack"}
FROM_BROKER |= {"Basic.Cancel", "Basic.Nack"}
CREDIT = {(60, 201), (60, 202)}  # basic.credit-ok and -drained, which the codec does not know
HANDSHAKE = fuzzing.handshake(random.Random(1))


class Transport:
    """Where a connection writes. Paused at random, as by a peer that does not read."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_closed = False
        self.is_reading = True

    def write(self, data: bytes) -> None:
        assert isinstance(data, bytes)
        self.written.append(data)

    def writelines(self, list_of_data: list[bytes]) -> None:
        self.written += list_of_data

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True


class BugTrap(logging.Handler):
    """Keeps what the broker logs as an error: there is to be none."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(logging.Formatter().format(record))


@dataclass
class Tally:
    """What a run of the fuzz has done."""

    cases: int = 0
    connections: int = 0
    frames: int = 0
    spoiled: int = 0
    octets_out: int = 0
    heard: Counter[str] = field(default_factory=Counter)  # methods of the broker
    closes: Counter[int] = field(default_factory=Counter)  # their codes


class Timed:
    """A node, and the time that it lives in."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.node = Node(Config(), clock=self.clock)
        self.node.make_defaults()

    def turn(self) -> None:
        self.node.turn(self.clock.time_ms)

    def pass_time(self, ms: int) -> None:
        """Some time later: whoever wanted to be woken is, and the node ticks."""
        self.clock.time_ms += ms
        for sleeper in self.clock.take_due():
            self.node.wake(sleeper)
        self.node.tick(self.clock.time_ms)


class FuzzedPeer:
    """One connection of the case."""

    def __init__(self, timed: Timed, rng: random.Random, *, fast_path: bool):
        self.transport = Transport()
        self.connection = Connection(timed.node)
        self.connection.fast_path = fast_path
        self.connection.attach(self.transport, "fuzz:1", is_loopback=True)
        self._rng = rng
        self._timed = timed
        self._looked_at = 0

    @property
    def is_over(self) -> bool:
        return self.transport.is_closed or self.connection.state.name in ("CLOSING", "CLOSED")

    def absorb(self, data: bytes) -> None:
        """In one piece, or in several with turns between them."""
        rng = self._rng
        if rng.random() < 0.1 and len(data) > 1:
            cut = rng.randrange(1, len(data))
            self.connection.absorb(data[:cut])
            if rng.random() < 0.5:
                self._timed.turn()
            if not self.transport.is_closed:
                self.connection.absorb(data[cut:])
        else:
            self.connection.absorb(data)

    def reopen_channels(self) -> None:
        """Answer every channel.close that has come, and open the channel again."""
        written = self.transport.written
        output = b"".join(written[self._looked_at :])
        if b"\0\x14\0\x28" in output:
            for frame in fuzzing.split_frames(output):
                if frame[:1] == b"\1" and frame[7:11] == b"\0\x14\0\x28":
                    number = int.from_bytes(frame[1:3], "big")
                    self.connection.absorb(wire.method_frame(number, "Channel.CloseOk"))
                    self.connection.absorb(wire.method_frame(number, "Channel.Open"))
        self._looked_at = len(written)

    def stumble(self) -> None:
        """Stop reading, or start again."""
        if self.connection.is_paused:
            self.connection.on_transport_resumed()
        else:
            self.connection.on_transport_paused()

    def lose(self) -> None:
        self.transport.is_closed = True
        self.connection.on_lost()


def log_in(peer: FuzzedPeer, timed: Timed) -> None:
    for piece in HANDSHAKE:
        peer.connection.absorb(piece)
    timed.turn()


def run_case(seed: str, trap: BugTrap, tally: Tally, *, commands: int = 40) -> bytes:
    """One case; seed: "run:number". Returns: all the broker wrote. Raises: AssertionError."""
    rng = random.Random(seed)
    timed = Timed()
    node = timed.node
    written = _play(timed, rng, tally, commands)
    assert not node.peers
    _check_nothing_left(node)
    assert node.bug_count == 0, "\n".join(trap.lines[-3:])
    assert not trap.lines, trap.lines[-1]
    _honest_conversation(timed)
    assert node.bug_count == 0
    tally.cases += 1
    return written


def _play(timed: Timed, rng: random.Random, tally: Tally, commands: int) -> bytes:
    written = []
    share = rng.choice([0.05, 0.1, 0.3, 0.5])
    spoils_handshake = rng.random() < 0.05
    pieces = fuzzing.spoiled(rng, fuzzing.conversation(rng, commands), share)
    if spoils_handshake:
        pieces = fuzzing.spoiled(rng, fuzzing.handshake(rng), 0.5) + pieces
    fast_path = rng.random() < 0.8
    peer: FuzzedPeer | None = None
    reopen = [wire.method_frame(channel, "Channel.Open") for channel in fuzzing.CHANNELS]
    for piece, is_spoiled in pieces:
        if peer is None or peer.is_over:
            if peer is not None:
                if piece[:1] in (b"\2", b"\3"):  # of a message that began on the old connection
                    continue
                if piece in reopen:
                    continue
                written.append(_finish(peer, timed, rng, tally))
                spoils_handshake = False
            peer = FuzzedPeer(timed, rng, fast_path=fast_path)
            tally.connections += 1
            if not spoils_handshake:
                log_in(peer, timed)
                if written:
                    peer.connection.absorb(b"".join(reopen))
        peer.absorb(piece)
        tally.frames += 1
        tally.spoiled += is_spoiled
        chance = rng.random()
        if chance < 0.4:
            timed.turn()
            timed.node.check_invariants()
            peer.reopen_channels()
        elif chance < 0.42:
            peer.stumble()
        elif chance < 0.46:
            timed.pass_time(rng.choice([1, 100, 600]))
    if peer is not None:
        written.append(_finish(peer, timed, rng, tally))
    return b"".join(written)


def _finish(peer: FuzzedPeer, timed: Timed, rng: random.Random, tally: Tally) -> bytes:
    """The peer goes, by close-ok or without a word; what it was sent is checked."""
    timed.turn()
    timed.node.check_invariants()
    if not peer.transport.is_closed and rng.random() < 0.5:
        peer.connection.absorb(wire.method_frame(0, "Connection.CloseOk"))
    if peer.connection.is_paused and not peer.transport.is_closed and rng.random() < 0.5:
        peer.connection.on_transport_resumed()
    frame_max = peer.connection.frame_max
    peer.lose()
    for _ in range(3):
        timed.turn()
    timed.node.check_invariants()
    output = b"".join(peer.transport.written)
    tally.octets_out += len(output)
    check_output(output, frame_max, tally)
    return output


def check_output(output: bytes, frame_max: int, tally: Tally) -> None:
    """Assert that these are whole frames a broker may send."""
    at = 0
    while at < len(output):
        if output[at : at + 4] == b"AMQP":  # the refusal of a protocol header
            assert output[at:] == wire.PROTOCOL_HEADER
            return
        assert len(output) - at >= 8, "half a frame was written"
        kind, channel, size = struct.unpack_from(">BHI", output, at)
        assert kind in (1, 2, 3, 8), kind
        end = at + 8 + size
        assert end <= len(output), "half a frame was written"
        assert output[end - 1] == 0xCE
        assert size + 8 <= frame_max or kind == 2, f"a frame of {size + 8} octets"
        if kind == 1:
            _check_method(channel, output[at + 7 : end - 1], tally)
        at = end


def _check_method(channel: int, payload: bytes, tally: Tally) -> None:
    if struct.unpack_from(">HH", payload) in CREDIT:
        return
    name, fields = wire.decode_method(payload)
    assert name in FROM_BROKER, f"{name} {fields}"
    assert "trailing" not in fields, f"{name} {fields}"
    tally.heard[name] += 1
    if name == "Channel.Close":
        assert fields["reply_code"] in SOFT_CODES, fields
    elif name == "Connection.Close":
        assert fields["reply_code"] in HARD_CODES | SOFT_CODES, fields
    else:
        return
    code = fields["reply_code"]
    tally.closes[code] += 1


def _check_nothing_left(node: Node) -> None:
    assert not node.peers_with_output
    assert not node.reply_consumers
    for vhost in node.vhosts.values():
        for queue in vhost.queues.values():
            assert queue.unacked_count == 0, (queue.name, queue.unacked_count)
            assert not queue.consumers, queue.name
            assert not queue.ring, queue.name
            assert queue.exclusive_consumer is None
            assert queue.owner == 0, f"exclusive queue '{queue.name}' has outlived its owner"


def _honest_conversation(timed: Timed) -> None:
    """Declare, publish with a confirm, get, ack, delete: nothing is to stand in the way of it."""
    transport = Transport()
    connection = Connection(timed.node)
    connection.attach(transport, "honest:1", is_loopback=True)
    for piece in HANDSHAKE:
        connection.absorb(piece)
    said = [
        wire.method_frame(1, "Channel.Open"),
        wire.method_frame(1, "Confirm.Select"),
        wire.method_frame(1, "Queue.Declare", queue="honest", exclusive=True),
        wire.method_frame(1, "Basic.Publish", routing_key="honest"),
        wire.content_frames(1, b"body", {"delivery_mode": 2}, 4096),
        wire.method_frame(1, "Basic.Get", queue="honest"),
        wire.method_frame(1, "Basic.Ack", delivery_tag=1),
        wire.method_frame(1, "Queue.Delete", queue="honest"),
        wire.method_frame(0, "Connection.Close", reply_code=200),
    ]
    for frame in said:
        connection.absorb(frame)
        timed.turn()
    heard = [
        wire.decode_method(frame[7:-1])[0]
        for frame in fuzzing.split_frames(b"".join(transport.written))
        if frame[0] == 1
    ]
    assert heard == [
        "Connection.Start",
        "Connection.Tune",
        "Connection.OpenOk",
        "Channel.OpenOk",
        "Confirm.SelectOk",
        "Queue.DeclareOk",
        "Basic.Ack",
        "Basic.GetOk",
        "Queue.DeleteOk",
        "Connection.CloseOk",
    ], heard
    connection.on_lost()
    timed.turn()
    assert "honest" not in timed.node.vhosts["/"].queues
