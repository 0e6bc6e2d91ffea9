"""Frames that have to wait: for a decision about definitions, a commit, an answer about the user.

A channel that waits has its frames put off, in order, until `finish`; the others go on. What
channel 0 waits for (a login, the vhost, a new secret) holds back everything before the connection
is open, and channel 0 alone after that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from broker.amqp.errors import AMQPException
from broker.session.access import Pending, Suspended
from broker.session.scanner import Scanner
from broker.session.states import State

if TYPE_CHECKING:
    from broker.session.channel import Channel

WAITING_MAX = 1024 * 1024  # octets of frames that wait before reading stops
FRAME_COST = 300  # octets that a frame takes besides what is in it
PUBLISH_IDS = (60, 40)

Frame = Callable[[], None]
Held = tuple[Frame, int]  # a frame that has to wait, and the octets that it takes


class Waiting(Scanner):
    """The part of a `Connection` that puts frames off. waiting: those that channel 0 holds back."""

    __slots__ = ("_pendings", "_waiting_octets", "waiting")

    def __init__(self, connection_id: int, *, fast_path: bool, frame_max: int):
        super().__init__(connection_id, fast_path=fast_path, frame_max=frame_max)
        self.waiting: deque[Held] | None = None
        self._waiting_octets = 0
        self._pendings: list[Pending] = []  # what frames wait for, and some that were answered

    # what a connection adds

    def _run_frame(self, frame_type: int, number: int, payload: bytes) -> None:
        raise NotImplementedError

    def _delete_exclusive_queues(self) -> None:
        raise NotImplementedError

    def _read_on(self) -> None:
        raise NotImplementedError

    # putting off

    def put_off(
        self, pending: Pending, channel: Channel | None, frame: Frame, size: int = 0
    ) -> None:
        """Run a frame again when a question is answered; those behind it wait too.

        channel: None: channel 0. While the connection is not open it stands for all. size: octets
        in the frame.
        """
        self._pendings = [one for one in self._pendings if one.waiting] + [pending]
        if channel is None:
            self.waiting = deque()
            pending.waiting.append(self._resume)
            self._hold_back(self.waiting, frame, size)
            return
        channel.wait()
        assert channel.waiting is not None
        self._hold_back(channel.waiting, frame, size)
        go_on = partial(self.finish, channel, lambda: None, (0, 0), resume=True)
        pending.waiting.append(go_on)

    def _publish(self, channel: Channel, payload: bytes, header: bytes, body: bytes) -> None:
        """A complete message, the general path; also for one that had to wait."""
        if not channel.is_open:
            return  # it was closed meanwhile
        try:
            channel.publish(payload, header, body)
        except AMQPException as refusal:
            refusal.ids = refusal.ids or PUBLISH_IDS
            self._refuse(refusal, channel.number)
        except Suspended as suspended:
            self._put_off_publish(suspended, channel, payload, header, body)

    def _put_off_publish(
        self, suspended: Suspended, channel: Channel, payload: bytes, header: bytes, body: bytes
    ) -> None:
        message = partial(self._publish, channel, payload, header, body)
        self.put_off(suspended.pending, channel, message, len(header) + len(body))

    def _hold_back(self, waiting: deque[Held], frame: Frame, size: int) -> None:
        """A frame has to wait: a peer is not read that sends too much meanwhile."""
        octets = size + FRAME_COST
        waiting.append((frame, octets))
        self._waiting_octets += octets
        if self.has_many_waiting:
            self.transport.pause_reading()  # _run_waiting reads on

    def _hold_frame_back(
        self, waiting: deque[Held], frame_type: int, number: int, payload: bytes
    ) -> None:
        frame = partial(self._run_frame, frame_type, number, payload)
        self._hold_back(waiting, frame, len(payload))

    @property
    def has_many_waiting(self) -> bool:
        """Whether as many frames wait as may."""
        return self._waiting_octets > WAITING_MAX

    def _forget_waiting(self) -> None:
        """The connection closes: what waits is not run any more, what follows is read."""
        self.waiting = None
        self._waiting_octets = 0
        if self.is_stalled:
            self.mark_output()

    def _abandon(self) -> None:
        """The peer is gone: answers that are still to come need not keep it in memory."""
        for pending in self._pendings:
            pending.waiting.clear()
        self._pendings = []

    # going on

    def _resume(self) -> None:
        """What channel 0 waited for has come."""
        waiting, self.waiting = self.waiting, None
        if self.state in (State.CLOSING, State.CLOSED):
            return
        self._run_waiting(self, waiting)
        self.node.request_turn()

    def _run_waiting(self, owner: Waiting | Channel, waiting: deque[Held] | None) -> None:
        """Run frames that had to wait, until one of them has to wait again."""
        for frame, octets in waiting or ():
            if owner.waiting is not None:
                owner.waiting.append((frame, octets))
                continue
            self._waiting_octets -= octets
            try:
                frame()
            except Exception:
                self._on_bug()
        if owner.waiting is None:
            self._read_on()
            if self.is_stalled:
                self.mark_output()  # the flush goes on with what was read already

    def finish(
        self, channel: Channel, answer: Callable[[], None], ids: tuple[int, int], *, resume: bool
    ) -> None:
        """What a channel waited for is decided: answer, then run the frames that waited too.

        ids: of the method that is answered. resume: the decision came in a later turn.
        """
        if not resume:
            answer()
            return
        waiting, channel.waiting = channel.waiting, None
        try:
            answer()
        except AMQPException as refusal:
            refusal.ids = refusal.ids or ids
            self._refuse(refusal, channel.number)
        except Exception:
            self._on_bug()
        if self.state is not State.RUNNING:
            self._delete_exclusive_queues()  # the answer came after we had gone
            return
        self._run_waiting(channel, waiting)
        self.node.request_turn()
