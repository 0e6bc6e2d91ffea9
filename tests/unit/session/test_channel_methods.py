"""flow, access, confirm and tx."""

from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.methods import (
    AccessRequest,
    AccessRequestOk,
    BasicAck,
    BasicGet,
    BasicGetEmpty,
    BasicNack,
    BasicReject,
    BasicReturn,
    ChannelClose,
    ChannelCloseOk,
    ChannelFlow,
    ChannelFlowOk,
    ConfirmSelect,
    Method,
    QueueDelete,
    QueueDeleteOk,
    TxCommit,
    TxCommitOk,
    TxRollback,
    TxRollbackOk,
    TxSelect,
    TxSelectOk,
)
from broker.amqp.wire import Field
from tests.support.peer import Peer


def counts(peer: Peer) -> tuple[int, int]:
    """Ready and unacked messages of q."""
    queue = peer.world.queue("q")
    return queue.ready_count, queue.unacked_count


@pytest.fixture
def tx(peer: Peer) -> Peer:
    """In tx mode, with a queue q."""
    peer.declares(1, "q")
    peer.sends(1, TxSelect())
    peer.receives(1, TxSelectOk())
    return peer


def commits(peer: Peer) -> None:
    peer.sends(1, TxCommit())
    peer.receives(1, TxCommitOk())


def rolls_back(peer: Peer) -> None:
    peer.sends(1, TxRollback())
    peer.receives(1, TxRollbackOk())


def test_flow(peer: Peer) -> None:
    peer.sends(1, ChannelFlow(active=True))
    peer.receives(1, ChannelFlowOk(active=True))
    peer.sends(1, ChannelFlow(active=False))
    peer.is_closed_with(0, 540, "NOT_IMPLEMENTED - active=false", ChannelFlow.ids)


def test_everybody_gets_ticket_1(peer: Peer) -> None:
    peer.sends(1, AccessRequest())
    peer.receives(1, AccessRequestOk(1))


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        (ConfirmSelect(), TxSelect(), "cannot switch from confirm to tx mode"),
        (TxSelect(), ConfirmSelect(), "cannot switch from tx to confirm mode"),
    ],
)
def test_confirms_and_transactions_exclude_each_other(
    peer: Peer, first: Method, second: Method, text: str
) -> None:
    peer.sends(1, first, second)
    peer.inbox(1).popleft()
    peer.is_closed_with(1, 406, f"PRECONDITION_FAILED - {text}", second.ids)


@pytest.mark.parametrize("command", [TxCommit(), TxRollback()])
def test_a_channel_without_transactions(peer: Peer, command: Method) -> None:
    peer.sends(1, command)
    text = "PRECONDITION_FAILED - channel is not transactional"
    peer.is_closed_with(1, 406, text, command.ids)


def test_publishes_wait_for_the_commit(tx: Peer) -> None:
    tx.publishes(1, "q", "a", "b", "c")
    assert counts(tx) == (0, 0)
    commits(tx)
    assert counts(tx) == (3, 0)
    commits(tx)
    assert counts(tx) == (3, 0)


def test_publishes_before_the_select_do_not_wait(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "a", "b")
    peer.sends(1, TxSelect())
    peer.publishes(1, "q", "c")
    assert counts(peer) == (2, 0)


def test_a_rollback_forgets_publishes(tx: Peer) -> None:
    tx.publishes(1, "q", "a")
    rolls_back(tx)
    commits(tx)
    assert counts(tx) == (0, 0)


def test_a_message_that_leads_nowhere_comes_back_at_the_commit(tx: Peer) -> None:
    tx.publishes(1, "nowhere", "x", mandatory=True)
    tx.receives_nothing()
    tx.sends(1, TxCommit())
    assert isinstance(tx.takes_content(1).method, BasicReturn)
    tx.receives(1, TxCommitOk())


@pytest.mark.parametrize("headers", [{}, {"CC": ["new"]}, {"BCC": ["new"]}])
def test_names_are_looked_up_at_the_commit(tx: Peer, other: Peer, headers: dict[str, Any]) -> None:
    table = {
        key: Field("A", [Field("S", name) for name in names]) for key, names in headers.items()
    }
    tx.publishes(1, "new" if not headers else "q", "x", headers=table, expiration="100")
    other.declares(1, "new")
    tx.sends(1, TxCommit())
    tx.receives(1, TxCommitOk())
    assert other.world.vhost.queues["new"].ready_count == 1
    other.world.passes(500)
    assert other.world.vhost.queues["new"].ready_count == 0


@pytest.mark.parametrize("is_declared_again", [False, True])
def test_a_queue_deleted_before_the_commit(tx: Peer, other: Peer, is_declared_again: bool) -> None:
    tx.publishes(1, "q", "x")
    other.sends(1, QueueDelete(queue="q"))
    other.receives(1, QueueDeleteOk(0))
    if is_declared_again:
        other.declares(1, "q")
    commits(tx)
    if is_declared_again:
        assert counts(tx) == (1, 0)  # RabbitMQ knows it by its name


def holds(peer: Peer, *bodies: str) -> None:
    """Publishes and fetches, each unacked."""
    other = peer.world.peer()
    other.opens_channel(1)
    other.publishes(1, "q", *bodies)
    for body in bodies:
        content = peer.gets(1, "q", no_ack=False)
        assert content is not None
        assert content.body == body.encode()


@pytest.mark.parametrize(
    ("command", "after"),
    [
        (BasicAck(2, multiple=True), (0, 1)),
        (BasicAck(2), (0, 2)),
        (BasicNack(2, multiple=True), (2, 1)),
        (BasicReject(1), (1, 2)),
        (BasicReject(1, requeue=False), (0, 2)),
        (BasicAck(0, multiple=True), (0, 0)),
    ],
    ids=repr,
)
def test_settlements_wait_for_the_commit(tx: Peer, command: Method, after: tuple[int, int]) -> None:
    holds(tx, "a", "b", "c")
    tx.sends(1, command)
    assert counts(tx) == (0, 3)
    commits(tx)
    assert counts(tx) == after


def test_a_rollback_makes_deliveries_unacked_again(tx: Peer) -> None:
    holds(tx, "a", "b", "c")
    tx.sends(1, BasicAck(2), BasicNack(1))
    rolls_back(tx)
    assert list(tx.connection.channels[1].unacked) == [1, 2, 3]
    tx.sends(1, BasicAck(3, multiple=True))
    commits(tx)
    assert counts(tx) == (0, 0)


def test_what_is_settled_in_a_transaction_cannot_be_settled_again(tx: Peer) -> None:
    holds(tx, "a")
    tx.sends(1, BasicAck(1), BasicAck(1))
    assert tx.takes(1, ChannelClose).reply_text.endswith("unknown delivery tag 1")


@pytest.mark.parametrize("end", ["close", "drop", "refusal"])
def test_a_transaction_that_is_not_committed_never_was(tx: Peer, end: str) -> None:
    holds(tx, "a", "b", "c")
    tx.publishes(1, "q", "d")
    tx.sends(1, BasicAck(1), BasicNack(2, requeue=False))
    if end == "close":
        tx.sends(1, ChannelClose())
        tx.receives(1, ChannelCloseOk())
    elif end == "drop":
        tx.drops()
    else:
        tx.sends(1, BasicGet(queue="nope"))
    assert counts(tx) == (3, 0)
    other = tx.world.peer()
    other.opens_channel(1)
    got = [other.gets(1, "q") for _ in range(3)]
    assert [c and (c.body, c.method.redelivered) for c in got] == [  # type: ignore[attr-defined]
        (b"a", True),
        (b"b", True),
        (b"c", True),
    ]
    other.sends(1, BasicGet(queue="q"))
    other.receives(1, BasicGetEmpty())


def test_repeated_publishes_in_transactions(tx: Peer) -> None:
    """What is remembered of a message does not bypass the transaction."""
    for number in range(3):
        tx.publishes(1, "q", "x", "x", "x")
        assert counts(tx)[0] == 3 * number
        commits(tx)
    tx.publishes(1, "q", "x", "x")
    rolls_back(tx)
    commits(tx)
    assert counts(tx) == (9, 0)
