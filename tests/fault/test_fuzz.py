"""The fuzz: spoiled conversations by the thousand, without sockets for volume, with for realism.

A run prints its seed. `LEVERET_SEED=<seed>` repeats it; `LEVERET_SEED=<seed>:<number>` plays the
one case that failed. LEVERET_FUZZ_FRAMES sets how many spoiled frames the soak makes.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import random
import re
import socket
import time
from collections.abc import Iterator

import pytest

from broker.session.connection import Connection
from tests.conformance import wire_codec as wire
from tests.fault import fuzzing, sans_io
from tests.fault.sans_io import BugTrap, Tally, Transport
from tests.fault.victim import Victim
from tests.integration.support import WirePeer

SPOILED_IN_TEST = 20_000
REACHED = ["Basic.Deliver", "Basic.GetOk", "Basic.Ack", "Basic.Return", "Tx.CommitOk"]
REACHED += ["Tx.RollbackOk", "Queue.BindOk", "Queue.DeleteOk", "Basic.CancelOk", "Channel.Close"]
SPOILED_IN_SOAK = int(os.environ.get("LEVERET_FUZZ_FRAMES", "1000000"))


@pytest.fixture
def trap() -> Iterator[BugTrap]:
    """What the broker logs as an error; everything below is switched off, for speed."""
    logger = logging.getLogger("broker")
    before = logger.level, logger.propagate
    trap = BugTrap()
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    logger.addHandler(trap)
    yield trap
    logger.removeHandler(trap)
    logger.setLevel(before[0])
    logger.propagate = before[1]


def memory_mb() -> float:
    gc.collect()
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


def fuzz(trap: BugTrap, spoiled: int) -> Tally:
    """Play cases until so many spoiled frames were absorbed."""
    seed, colon, only = fuzzing.seed_of_run().partition(":")
    tally = Tally()
    number = int(only) if colon else 0
    warm_mb = 0.0
    while tally.spoiled < spoiled:
        case = f"{seed}:{number}"
        try:
            sans_io.run_case(case, trap, tally)
        except Exception as error:
            raise AssertionError(f"replay with LEVERET_SEED={case}") from error
        if colon:
            break
        number += 1
        if not warm_mb and tally.spoiled > spoiled // 10:
            warm_mb = memory_mb()
    if not colon:
        grown_mb = memory_mb() - warm_mb
        assert grown_mb < 30, f"{grown_mb:.0f} MB more than after a tenth; LEVERET_SEED={seed}"
    print(f"LEVERET_SEED={seed} {tally}")  # noqa: T201 - pytest shows it with a failure
    return tally


def test_spoiled_frames_without_sockets(trap: BugTrap) -> None:
    tally = fuzz(trap, SPOILED_IN_TEST)
    if ":" not in os.environ.get("LEVERET_SEED", ""):
        assert {403, 404, 405, 406, 501, 503, 504, 505, 540, 541} <= set(tally.closes)
        for name in REACHED:
            assert tally.heard[name] > 50, f"{name} is hardly ever reached: {tally.heard}"


@pytest.mark.soak
def test_a_million_spoiled_frames_without_sockets(
    trap: BugTrap, capsys: pytest.CaptureFixture[str]
) -> None:
    start = time.monotonic()
    tally = fuzz(trap, SPOILED_IN_SOAK)
    with capsys.disabled():
        print(f"\n{tally} in {time.monotonic() - start:.0f} s")  # noqa: T201


# --- what the fast path does is what the general path does

_INVENTED = re.compile(rb"amq\.(gen|ctag)-[A-Za-z0-9_-]{22}|reply-to\.[A-Za-z0-9+/=_.-]{32}")


def test_the_fast_path_answers_spoiled_frames_as_the_general_one_does(trap: BugTrap) -> None:
    """The same octets, in the same pieces, with the same turns: the same output."""
    seed = fuzzing.seed_of_run().partition(":")[0]
    for number in range(300):
        case = f"{seed}:same:{number}"
        fast, general = (_output(case, fast_path=fast_path) for fast_path in (True, False))
        assert fast == general, f"LEVERET_SEED={seed}, case {number}"
    assert not trap.lines, trap.lines[-1]


def _output(case: str, *, fast_path: bool) -> bytes:
    rng = random.Random(case)
    frames = fuzzing.conversation(rng, 30)
    pieces = fuzzing.spoiled(rng, frames, rng.choice([0.01, 0.05, 0.2]))
    timed = sans_io.Timed()
    transport = Transport()
    connection = Connection(timed.node)
    connection.fast_path = fast_path
    connection.attach(transport, "same:1", is_loopback=True)
    for piece in sans_io.HANDSHAKE:
        connection.absorb(piece)
    waiting = b""
    for piece, _ in pieces:
        waiting += piece
        if rng.random() < 0.4:
            if not transport.is_closed:
                connection.absorb(waiting)
            waiting = b""
            timed.turn()
            if rng.random() < 0.2:
                timed.pass_time(rng.choice([1, 600]))
    timed.turn()
    connection.on_lost()
    return _INVENTED.sub(b"invented", b"".join(transport.written))


# --- with sockets


def _spoiled_peers(victim: Victim, spoiled: int) -> None:
    """Peers of a real broker, each saying a spoiled conversation, and going in its own way."""
    seed = fuzzing.seed_of_run().partition(":")[0]
    made = number = 0
    while made < spoiled:
        rng = random.Random(f"{seed}:socket:{number}")
        pieces = fuzzing.spoiled(rng, fuzzing.conversation(rng, 40), rng.choice([0.05, 0.3]))
        if rng.random() < 0.2:
            pieces = fuzzing.spoiled(rng, fuzzing.handshake(rng), 0.3) + pieces
        else:
            pieces = [(piece, False) for piece in sans_io.HANDSHAKE] + pieces
        with WirePeer(victim.port) as peer, contextlib.suppress(ConnectionError):
            at = 0
            while at < len(pieces):
                step = rng.choice([1, 3, len(pieces)])
                peer.send(b"".join(piece for piece, _ in pieces[at : at + step]))
                at += step
            if rng.random() < 0.3:
                _says_no_more(peer)
            elif rng.random() < 0.5:
                peer.reset()
        made += sum(is_spoiled for _, is_spoiled in pieces)
        number += 1
        if number % 200 == 0:
            _clean_up(victim)
            victim.canary.sings()
    _clean_up(victim)


def _says_no_more(peer: WirePeer) -> None:
    """Close one direction; the broker is to close the other. Raises: TimeoutError."""
    with contextlib.suppress(OSError):  # not connected any more
        peer.socket.shutdown(socket.SHUT_WR)
    while peer.socket.recv(1 << 16):
        pass


def _clean_up(victim: Victim) -> None:
    """Delete what honest parts of the conversations have left, so that memory can be compared."""
    with WirePeer(victim.port) as peer:
        peer.login()
        for queue in fuzzing.QUEUES[:-1]:
            peer.say(1, "Queue.Delete", queue=queue, nowait=True)
        for exchange in fuzzing.EXCHANGES[-3:]:
            peer.say(1, "Exchange.Delete", exchange=exchange, nowait=True)
        with contextlib.suppress(OSError, AssertionError):
            peer.call(1, "Basic.Qos")


def test_spoiled_frames_over_sockets(victim: Victim) -> None:
    base_mb = victim.rss_mb
    _spoiled_peers(victim, 3000)
    assert victim.rss_mb < base_mb + 60


@pytest.mark.soak
def test_a_hundred_thousand_spoiled_frames_over_sockets(victim: Victim) -> None:
    _spoiled_peers(victim, 10_000)
    base_mb = victim.rss_mb
    _spoiled_peers(victim, 100_000)
    assert victim.rss_mb < base_mb + 60


def test_noise(victim: Victim) -> None:
    """Random octets with a bit of sense: as a first word, and after the handshake."""
    rng = random.Random(fuzzing.seed_of_run())
    for number in range(300):
        with WirePeer(victim.port) as peer, contextlib.suppress(ConnectionError):
            if number % 2:
                peer.send(b"".join(sans_io.HANDSHAKE) + wire.method_frame(1, "Channel.Open"))
            peer.send(rng.randbytes(rng.choice([1, 7, 8, 9, 100, 10_000])))
            if number % 3 == 0:
                _says_no_more(peer)


# --- found by the fuzz


def test_overflow_by_what_has_expired(trap: BugTrap) -> None:
    """A requeued message that is one too many, and too old as well, just goes."""
    timed = sans_io.Timed()
    peer = sans_io.FuzzedPeer(timed, random.Random(0), fast_path=True)
    sans_io.log_in(peer, timed)
    arguments = {"x-message-ttl": 50, "x-max-length": 0}
    for frame in (
        wire.method_frame(1, "Channel.Open"),
        wire.method_frame(1, "Queue.Declare", queue="q", arguments=arguments),
        wire.method_frame(1, "Basic.Consume", queue="q", consumer_tag="c"),
        wire.method_frame(1, "Basic.Publish", routing_key="q"),
        wire.content_frames(1, b"x", {}, 4096),
    ):
        peer.connection.absorb(frame)
    timed.turn()
    timed.pass_time(100)
    peer.connection.absorb(wire.method_frame(1, "Basic.Recover", requeue=True))
    timed.turn()
    frames = fuzzing.split_frames(b"".join(peer.transport.written))
    heard = [wire.decode_method(frame[7:-1])[0] for frame in frames if frame[:1] == b"\1"]
    assert heard[-2:] == ["Basic.Deliver", "Basic.RecoverOk"], heard
    assert not trap.lines, trap.lines[-1]
    peer.lose()
