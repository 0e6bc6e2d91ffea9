"""Publisher confirms: which publishes a channel owes an answer for, and when it may give it.

A publish is confirmed when its queues have it; one that has to survive when the commit that it is
part of is synced. What a queue rejected is nacked. Both are told at the flush, as few acks as there
can be.
"""

from __future__ import annotations

from collections import deque
from struct import Struct
from typing import TYPE_CHECKING

from broker.amqp.frames import METHOD
from broker.amqp.methods import BasicAck, BasicNack, Method
from broker.seams import MessageLog
from broker.session.settling import Settling

if TYPE_CHECKING:
    from broker.session.connection import Connection

_pack_ack = Struct(">BHIHHQBB").pack


class Confirming(Settling):
    """The part of a `Channel` that confirms. number: its wire number."""

    __slots__ = (
        "_commit",
        "_confirmed_seqno",
        "_last_position",
        "_rejected",
        "_unsynced",
        "confirms",
        "has_confirms_due",
        "has_rejected",
        "nacked",
        "number",
        "publish_seqno",
    )

    def __init__(self, connection: Connection, number: int):
        super().__init__(connection)
        self.number = number
        self.confirms = False
        self.publish_seqno = 0
        self.nacked = 0  # publishes
        self._confirmed_seqno = 0
        # publishes that wait for a commit: the seqno of the first, and the commit's number
        self._unsynced: deque[tuple[int, int]] = deque()
        self._rejected: list[int] = []  # publish seqnos to be nacked
        self.has_rejected = False  # a queue was full: fails the transaction that caused it
        self._last_position = 0  # the commit that the last message published is part of
        self._commit: tuple[int, Method] | None = None  # the commit to wait for, reply
        self.has_confirms_due = False

    def send(self, method: Method) -> None:
        self.connection.send(self.number, method)

    @property
    def unconfirmed_count(self) -> int:
        return self.publish_seqno - self._confirmed_seqno

    @property
    def confirmed_count(self) -> int:
        """Publishes that were confirmed, and not nacked."""
        return self._confirmed_seqno - self.nacked

    def _await_commit(self, log: MessageLog, publish_seqno: int) -> None:
        """Confirms from a publish on wait for the commit to come, which should come soon."""
        number = self._last_position = log.number
        if not self._unsynced or self._unsynced[-1][1] != number:
            self._unsynced.append((publish_seqno, number))
            self.connection.node.unsynced_channels[self] = None
        log.is_urgent = True

    def confirm(self) -> None:
        """Confirm every publish that is safe. Called at the flush, and before a close-ok."""
        self.has_confirms_due = False
        synced = self.connection.node.log.synced
        unsynced = self._unsynced
        while unsynced and unsynced[0][1] <= synced:
            unsynced.popleft()
        if not unsynced and self._commit is None:
            self.connection.node.unsynced_channels.pop(self, None)
        if self._commit is not None and self._commit[0] <= synced:
            reply, self._commit = self._commit[1], None
            finish = self.connection.finish
            finish(self, lambda: self.send(reply), reply.ids, resume=True)  # type: ignore[arg-type] # a Channel
        upto = unsynced[0][0] - 1 if unsynced else self.publish_seqno
        if self._rejected:
            self._nack(upto)
        count = upto - self._confirmed_seqno
        if count > 0:
            self._confirmed_seqno = upto
            multiple = 1 if count > 1 else 0
            self.connection.send_raw(
                (_pack_ack(METHOD, self.number, 13, 60, 80, upto, multiple, 0xCE),)
            )

    def _nack(self, upto: int) -> None:
        """Tell of rejected publishes up to a seqno, of the accepted ones before each first."""
        due = [seqno for seqno in self._rejected if seqno <= upto]
        first = 0  # of those in a row, which one nack tells of
        for seqno, other in zip(due, [*due[1:], 0], strict=False):
            first = first or seqno
            if other == seqno + 1:
                continue
            before = first - 1 - self._confirmed_seqno
            if before > 0:
                self.send(BasicAck(first - 1, before > 1))
            self.send(BasicNack(seqno, multiple=True))  # RabbitMQ leaves requeue set
            self.nacked += seqno - first + 1
            self._confirmed_seqno = seqno
            first = 0
        self._rejected = [seqno for seqno in self._rejected if seqno > upto]
