"""What died in a queue goes on to its dead-letter exchange.

`_letter` defines what becomes of a message: `died` writes its header, the exchange finds where to.
Much of that is the same for the next one, so a queue remembers it (`Letters`): messages that died
alike — in one envelope, for one reason, in one second — share one `Letter`; where only their
properties differ, they share what is written on them and their way.

A queue that dead-letters at least once (`x-dead-letter-strategy`) does not let go of a message
before every queue it goes to has taken it. What no queue takes waits in `Extras.stuck`, and the
node tries it again (`retry`); RabbitMQ does so every three minutes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from broker.amqp.content import HAS_EXPIRATION, HAS_HEADERS, with_table
from broker.amqp.wire import encode_table
from broker.exchanges.exchange import Exchange
from broker.marks import hot
from broker.message import Envelope, Message
from broker.queues.dead_letter import CONFIRMED, REJECTED, died, is_cycle
from broker.queues.extended import takes_runs
from broker.queues.queue import Queue
from broker.vhost import VHost

DEAD_MAX = 500  # dead letters of one queue that are sent on in one turn,
DEAD_SHARE = 8  # or so much of them, that those who bring them cannot outrun us
_REWRITTEN = HAS_HEADERS | HAS_EXPIRATION | 3  # flags of what `died` does not just add to


class Letter:
    """How messages in an envelope are sent on.

    died_as: the envelope and reason, second and version of the topology that it is good for.
    """

    __slots__ = ("died_as", "envelope", "is_stable", "targets")

    def __init__(
        self,
        died_as: tuple[Envelope, str, int, int],
        envelope: Envelope,
        targets: list[Queue],
        is_stable: bool,
    ):
        self.died_as = died_as
        self.envelope = envelope
        self.targets = targets
        self.is_stable = is_stable


class Letters:
    """What a queue remembers of its last dead letter, each with what it depends on."""

    __slots__ = ("address", "inscribed_as", "inscription", "last", "routed_as", "targets")

    def __init__(self) -> None:
        self.last: Letter | None = None
        self.inscribed_as: tuple[str, str, str, int] | None = None
        self.inscription = b""  # the header table of a first death
        self.address = b""  # and where it goes
        self.routed_as: tuple[Exchange, list[str], int] | None = None
        self.targets: list[Queue] = []


@hot(bench="dead-letter")
def send_on(queue: Queue, vhost: VHost | None, now_s: int, version: int) -> None:
    """Send on what died in a queue in this turn, up to a ceiling.

    now_s: since the epoch. version: of the topology.
    """
    extras = queue.extras
    dead = extras.dead
    count = min(len(dead), max(DEAD_MAX, len(dead) // DEAD_SHARE))
    batch = [dead.popleft() for _ in range(count)]
    queue.mark_changed()  # if there are more
    exchange = _exchange(queue, vhost)
    if extras.features.at_least_once:
        waiting = (Stuck(message, reason, seq, None, None) for message, reason, seq in batch)
        extras.stuck = _stuck(queue, vhost, extras.stuck or deque(), waiting, now_s, version)
        return
    if vhost is not None and exchange is not None:  # else they are dropped without a word
        run: list[Message] = []
        letter: Letter | None = None
        for message, reason, _ in batch:
            if (
                letter is None
                or message.envelope is not letter.died_as[0]
                or reason is not letter.died_as[1]
                or not letter.is_stable
            ):
                if letter is not None:
                    _push(letter, run)
                    run = []
                died_as = message.envelope, reason, now_s, version
                letter = _letter(queue, vhost, exchange, died_as, message.body)
            run.append(Message(letter.envelope, message.body))
        if letter is not None:
            _push(letter, run)
    if queue.log is not None:  # not before: a crash may repeat them, but must not lose them
        queue.log.settle_all([seq for _, _, seq in batch if seq is not None])


class Stuck(NamedTuple):
    """A dead message that not every queue has taken.

    seq: None: it never was in the queue. letter: what it goes on as, with the queues that have yet
    to take it; None: nobody knows where to.
    """

    message: Message
    reason: str
    seq: int | None
    letter: Message | None
    targets: list[Queue] | None


def retry(queue: Queue, vhost: VHost | None, now_s: int, version: int) -> None:
    """Try again what no queue has taken, up to a ceiling."""
    stuck: deque[Stuck] = queue.extras.stuck
    first = [stuck.popleft() for _ in range(min(len(stuck), DEAD_MAX))]
    queue.extras.stuck_octets -= sum(len(letter.message.body) for letter in first)
    queue.extras.stuck = _stuck(queue, vhost, stuck, iter(first), now_s, version) or None


def _stuck(
    queue: Queue,
    vhost: VHost | None,
    stuck: deque[Stuck],
    waiting: Iterator[Stuck],
    now_s: int,
    version: int,
) -> deque[Stuck]:
    """Send on messages one by one; the log hears of those that are safe. Returns: with what is
    stuck now."""
    exchange = _exchange(queue, vhost)
    for message, reason, seq, letter, targets in waiting:
        if targets is None and vhost is not None and exchange is not None:
            died_as = message.envelope, reason, now_s, version
            found = _letter(queue, vhost, exchange, died_as, message.body)
            letter, targets = Message(found.envelope, message.body), found.targets
        left: list[Queue] | None = None
        if targets and letter is not None:
            live = [target for target in targets if not target.is_deleted]
            left = [target for target in live if not target.push(letter)] if live else None
        if left is None or left:
            stuck.append(Stuck(message, reason, seq, letter if left else None, left))
            queue.extras.stuck_octets += len(message.body)
        else:
            died = queue.extras.died
            died[CONFIRMED] = died.get(CONFIRMED, 0) + 1
            if seq is not None and queue.log is not None:
                queue.log.settle(seq)
    return stuck


def _exchange(queue: Queue, vhost: VHost | None) -> Exchange | None:
    """Where the dead letters of a queue go; None: there is none."""
    name = queue.extras.features.dead_letter_exchange
    return vhost.exchanges.get(name) if vhost is not None and name is not None else None


def _letter(
    queue: Queue,
    vhost: VHost,
    exchange: Exchange,
    died_as: tuple[Envelope, str, int, int],
    body: bytes,
) -> Letter:
    """How to send on what died like this; where it would go round by itself it is dropped."""
    letters: Letters = queue.extras.letters
    if letters is None:
        letters = queue.extras.letters = Letters()
    known = letters.last
    if known is not None and known.died_as == died_as:
        return known
    _, reason, _, version = died_as
    dead, keys, is_first = _written(queue, letters, exchange, died_as)
    targets, is_stable = letters.targets, True
    if letters.routed_as != (exchange, keys, version):
        targets, is_stable = _route(vhost, exchange, keys, Message(dead, body), letters, version)
    if reason != REJECTED and is_first:
        targets = [target for target in targets if target is not queue]
    elif reason != REJECTED:
        headers = dead.properties.header_table
        targets = [target for target in targets if not is_cycle(headers, target.name)]
    dead.forget_properties()
    letter = Letter(died_as, dead, targets, is_stable)
    letters.last = letter if is_stable else None
    return letter


def _route(
    vhost: VHost,
    exchange: Exchange,
    keys: list[str],
    message: Message,
    letters: Letters,
    version: int,
) -> tuple[list[Queue], bool]:
    """`VHost.route`; what depends on the routing key only is remembered for those that follow."""
    if len(keys) == 1 and not exchange.alternate and not exchange.reads_message:
        queues = vhost.route_simply(exchange, keys[0])
        if queues is not None and exchange.is_stable:
            letters.routed_as, letters.targets = (exchange, keys, version), queues
        if queues is not None:
            return queues, exchange.is_stable
    return vhost.route(exchange, keys, message)


@hot(bench="dead-letter-varied")
def _written(
    queue: Queue, letters: Letters, exchange: Exchange, died_as: tuple[Envelope, str, int, int]
) -> tuple[Envelope, list[str], bool]:
    """What `died` makes of an envelope; the header table of a first death is the same for all that
    die together, and only put in (1 µs instead of 17).

    Returns: the envelope, its routing keys, and whether it is known to have died here only.
    """
    envelope, reason, now_s, _ = died_as
    header = envelope.header
    routing_key = queue.extras.features.dead_letter_routing_key
    is_added = not (header[12] << 8 | header[13]) & _REWRITTEN and not envelope.blind_keys
    inscribed_as = reason, envelope.exchange, envelope.routing_key, now_s
    if is_added and letters.inscribed_as == inscribed_as:
        key = envelope.routing_key if routing_key is None else routing_key
        header = with_table(header, letters.inscription)
        return envelope.redirected(exchange.name, key, letters.address, header), [key], True
    dead, keys = died(envelope, queue.name, reason, exchange.name, routing_key, now_s)
    if is_added:
        letters.inscribed_as = inscribed_as
        letters.inscription = encode_table(dead.properties.header_table)
        letters.address = dead.address
    return dead, keys, is_added


def _push(letter: Letter, run: list[Message]) -> None:
    """Put letters where they go; what is refused there is gone, as with RabbitMQ."""
    if takes_runs(letter.targets, letter.envelope):
        for target in letter.targets:
            target.push_many(run)
    else:
        for message in run:
            for target in letter.targets:
                target.push(message)
