"""`leveretctl sub QUEUE`: consume to the standard output, or run a command for each message.

A message is acknowledged once all of it was written and flushed, or its command ended well; what
was delivered beyond that goes back to its queue, whatever ends the command.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Any

from broker.cli.messaging import address, formats
from broker.cli.messaging.connection import Connection
from broker.cli.messaging.consuming import Subscription, Wanted, wanted_of
from broker.cli.messaging.exits import EX_OK, EX_TEMPFAIL, Failure
from broker.cli.messaging.options import CONNECTION, Given, Option
from broker.cli.messaging.running import DECLARE, on_blocked, runs, say
from broker.cli.messaging.signals import Stopping

USAGE = "sub [QUEUE]"
SUMMARY = "consume messages to standard output, or run a command for each"
OPTIONS: tuple[Option, ...] = (
    *CONNECTION,
    *formats.OPTIONS,
    DECLARE,
    Option("exchange", "text", "consume from a queue of one's own, bound to this exchange", "e"),
    Option("routing_key", "text", "bound with this routing key (#)", "r", repeats=True),
    Option("count", "integer", "end after so many messages"),
    Option("timeout", "text", "end after so many seconds"),
    Option("idle", "text", "end when no message has come for so many seconds"),
    Option("prefetch", "integer", "messages that may be unacknowledged at a time (100)"),
    Option("no_ack", "switch", "the broker forgets what it has sent: faster, and may lose some"),
    Option("requeue", "switch", "put all messages back at the end: only look"),
    Option("stream_offset", "text", "where in a stream to begin: first, last, next, a number, …"),
    Option("exec", "text", "run this command for each message, its body on standard input", "x"),
    Option("parallel", "integer", "so many commands at a time (1)"),
    Option("exec_timeout", "text", "end a command after so many seconds; it has failed then"),
    Option("dead_letter", "switch", "a message whose command failed is dead-lettered or dropped"),
    Option("retry", "switch", "connect again when the connection is lost"),
)
RETRY_MIN_S, RETRY_MAX_S = 0.5, 30.0


@runs(OPTIONS)
def run(
    given: Given, arguments: Sequence[str], stdin: IO[Any], stdout: IO[Any], stderr: IO[str]
) -> int:
    wanted = wanted_of(given, arguments)
    place = address.of_options(given)
    with Stopping() as stopping:
        subscription = Subscription(wanted, formats.rendering(given), stdout, stopping)
        try:
            _consume(subscription, place, given, stderr)
        except BaseException:
            subscription.kill()
            raise
    return _verdict(subscription, wanted, stopping, stderr)


def _consume(
    subscription: Subscription,
    place: address.Address,
    given: Given,
    stderr: IO[str],
) -> None:
    pause_s = RETRY_MIN_S
    while True:
        before = subscription.settled
        try:
            _one_connection(subscription, place, given, stderr)
            return
        except Failure as failure:
            if failure.is_lost:
                subscription.on_lost()
            if not (failure.is_lost and given.switch("retry")):
                raise
            if subscription.settled > before:
                pause_s = RETRY_MIN_S
            say(stderr, f"{failure}; again in {pause_s:g} s")
        if subscription.pause(pause_s):
            return
        pause_s = min(pause_s * 2, RETRY_MAX_S)


def _one_connection(
    subscription: Subscription, place: address.Address, given: Given, stderr: IO[str]
) -> None:
    """Raises: Failure; what was delivered and not settled goes back by the connection's end."""
    connection = Connection(place, on_blocked(stderr))
    try:
        subscription.begin(connection, given)
        subscription.consume()
    except Failure as failure:
        connection.drop() if failure.is_lost else connection.close()
        raise
    except BaseException:
        connection.drop()
        raise
    connection.close()


def _verdict(
    subscription: Subscription, wanted: Wanted, stopping: Stopping, stderr: IO[str]
) -> int:
    if subscription.commands is not None and subscription.commands.failed:
        ended = subscription.commands.failed + subscription.commands.succeeded
        say(stderr, f"Error: {subscription.commands.failed} of {ended} commands failed")
        return EX_TEMPFAIL
    is_short = wanted.count is not None and subscription.settled < wanted.count
    if is_short and not stopping.is_asked and not subscription.is_unread:
        say(stderr, f"Error: {subscription.settled} of {wanted.count} messages came in time")
        return EX_TEMPFAIL
    return EX_OK
