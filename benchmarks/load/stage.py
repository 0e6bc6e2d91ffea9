"""The queues and exchanges of a run: empty at its start, gone at its end, even after errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from .peer import Peer
from .target import Target


@contextmanager
def stage(
    target: Target,
    queues: Iterable[str],
    durable: bool = False,
    exchange: str = "",
    exchange_type: str = "",
    arguments: Mapping[str, dict[str, Any]] | None = None,
) -> Iterator[Peer]:
    """Yields a connection for setting up more. What an interrupted run left is deleted first.

    arguments: by the name of the queue, of those that have some.
    """
    names = list(queues)
    _clear(target, names, exchange)
    try:
        with target.connect() as peer:
            peer.declare_queues(names, durable=durable, arguments=arguments)
            if exchange:
                peer.declare_exchange(exchange, exchange_type)
            yield peer
    finally:
        _clear(target, names, exchange)


def _clear(target: Target, names: Sequence[str], exchange: str) -> None:
    # On a connection of its own: the one that failed is closed.
    with target.connect() as peer:
        peer.delete_queues(names)
        if exchange:
            peer.delete_exchange(exchange)


def assert_empty(peer: Peer, queues: Iterable[str]) -> None:
    left = sum(peer.message_counts(queues))
    assert left == 0, f"{left} messages were left in the queues"
