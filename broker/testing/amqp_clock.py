"""The broker's clock, put forward: what would take minutes happens now.

What is put forward is the broker's own time. So messages and queues expire, deliveries time out,
retries and caches are due, and dead letters, events and timestamps bear the later time of day. What
a peer has to do in time is not: heartbeats, handshakes and closes have as long as they had, or each
jump would cut every connection of the test. Neither are clients: their timers, and those of
asyncio, run as ever.

A jump stops at every time at which something is due: a message that expires after ten seconds in
one queue and after five more in the next has passed both in a jump of fifteen. Meanwhile nothing is
read: what clients do about it they do when the jump is over.

The clock of a node is this one from the first jump on, by a change of its class: one that is never
put forward costs what it always did.
"""

from __future__ import annotations

from heapq import heappop
from math import inf
from typing import TYPE_CHECKING

from broker.seams import Clock
from broker.server.timers import LoopClock, monotonic_ms
from broker.session.connection import Connection

if TYPE_CHECKING:
    from broker.testing.amqp_broker import AmqpBroker

STEP_MS = 250  # the longest stretch without a tick, in which deliveries are looked at …
TICKS_MAX = 400  # … unless that would be more than so many
TURNS_MAX = 1000  # for what is due at one time to come to rest
WAKES_MAX = 1000  # without getting on: somebody asks again and again for a time that is over


class JumpingClock(LoopClock):
    """A `LoopClock` that was put forward. ahead_ms: by how much, altogether."""

    ahead_ms = 0
    epoch_ahead_ms = 0  # of the time of day, which may be put right again

    def now_ms(self) -> int:
        return monotonic_ms() + self.ahead_ms

    def epoch_ms(self) -> int:
        return super().epoch_ms() + self.epoch_ahead_ms

    def jump(self, by_ms: int) -> None:
        """Put the clock forward, and do on the way what is due. Between two turns."""
        node = self._node
        assert node is not None
        node.tick(self.now_ms())  # what is unacked is noted as of now
        end_ms = self.now_ms() + by_ms
        tick_ms = max(STEP_MS, by_ms // TICKS_MAX)
        next_tick_ms = self.now_ms() + tick_ms
        wakes = 0
        while (stop_ms := min(self._next_due_ms(), next_tick_ms)) < end_ms:
            wakes = 0 if self._go_to(stop_ms) else wakes + 1
            if wakes > WAKES_MAX:
                break
            self._do_what_is_due()
            if stop_ms == next_tick_ms:
                node.tick(self.now_ms())
                next_tick_ms = self.now_ms() + tick_ms
        self._go_to(end_ms)
        self._do_what_is_due()
        node.tick(self.now_ms())
        self._rest()
        if self._due:
            self._set_timer()

    def _next_due_ms(self) -> float:
        """When somebody asked to be woken; for ever, if nobody did."""
        while self._due and self._asked.get(self._due[0][2]) != self._due[0][1]:
            heappop(self._due)  # it is void
        return self._due[0][0] if self._due else inf

    def _go_to(self, when_ms: float) -> bool:
        """Returns: whether that lay ahead."""
        assert self._node is not None
        by_ms = int(when_ms) - self.now_ms()
        if by_ms <= 0:
            return False
        self.ahead_ms += by_ms
        self.epoch_ahead_ms += by_ms
        self._node.now_ms = self.now_ms()
        for peer in self._node.peers.values():
            if isinstance(peer, Connection):
                peer.postpone(by_ms)
        return True

    def _do_what_is_due(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._wake()
        self._rest()

    def _rest(self) -> None:
        """Have turns for as long as the node asks for more."""
        assert self._node is not None
        for _ in range(TURNS_MAX):
            self._turn()
            if not self._node.turn_requested:
                break


def put_forward(clock: Clock, by_ms: int) -> None:
    """The clock of a node that runs. In the broker's thread."""
    if not isinstance(clock, JumpingClock):
        assert isinstance(clock, LoopClock)
        clock.__class__ = JumpingClock
    assert isinstance(clock, JumpingClock)
    clock.jump(by_ms)


def put_right(clock: Clock) -> None:
    """The time of day is the true one again; the time that passes cannot go back."""
    if isinstance(clock, JumpingClock):
        clock.epoch_ahead_ms = 0


class AmqpClock:
    """The fixture `amqp_clock`: the clock of the test's broker."""

    def __init__(self, broker: AmqpBroker):
        self._broker = broker

    def advance(self, seconds: float) -> None:
        """Let time pass at once, for the whole broker: whatever would have happened in it has
        happened when this returns, but for what clients do about it.

        Expired are then messages (x-message-ttl, expiration, by arguments or policies) and queues
        (x-expires), dead letters are where they go to, and channels whose consumers have not acked
        within the consumer_timeout are closed. Heartbeats and handshakes have as long as they had.
        """
        if not seconds >= 0:
            raise ValueError(f"a clock cannot go back, or by {seconds} seconds")
        by_ms = round(seconds * 1000)
        self._broker.settle()  # what was sent before has come before
        self._broker.call(lambda node: put_forward(node.clock, by_ms))

    def put_right(self) -> None:
        """Have the broker's time of day be the true one again. Called when a test is over."""
        self._broker.call(lambda node: put_right(node.clock))
