"""What every messaging command does around its work: say what went wrong in one line, and declare
the queue if asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from broker.amqp import methods as m
from broker.amqp.wire import table_of
from broker.cli.messaging.connection import Connection
from broker.cli.messaging.exits import EX_INTERRUPTED, Failure, usage
from broker.cli.messaging.options import Given, Option

QUEUE_TYPES = ("classic", "quorum", "stream", "transient")
DECLARE = Option(
    "declare", "text", f"declare the queue first: {', '.join(QUEUE_TYPES)} (not durable)"
)


Work = Callable[[Given, Sequence[str], IO[Any], IO[Any], IO[str]], int]
Run = Callable[[Mapping[str, Any], Sequence[str], IO[Any], IO[Any], IO[str]], int]


def runs(table: Sequence[Option]) -> Callable[[Work], Run]:
    """Makes the `run` of a messaging command out of its work: it takes the options as they were
    given, and tells failures. table: the options that there are."""

    def run_of(work: Work) -> Run:
        def run(
            options: Mapping[str, Any],
            arguments: Sequence[str],
            stdin: IO[Any],
            stdout: IO[Any],
            stderr: IO[str],
        ) -> int:
            return told(
                stderr, lambda: work(Given(options, table), arguments, stdin, stdout, stderr)
            )

        return run

    return run_of


def told(stderr: IO[str], work: Callable[[], int]) -> int:
    """Do it. Returns: the exit code; of a failure after a line on stderr."""
    try:
        return work()
    except Failure as failure:
        say(stderr, f"Error: {failure}")
        return failure.code
    except KeyboardInterrupt:  # asked a second time
        say(stderr, "interrupted")
        return EX_INTERRUPTED


def say(stderr: IO[str] | None, text: str) -> None:
    """One line for the user, whatever a broker or a file wrote into it."""
    if stderr is None:
        return
    line = "".join(letter if letter.isprintable() else "?" for letter in text)
    try:
        stderr.write(line.encode("utf-8", "replace").decode() + "\n")
        stderr.flush()
    except (OSError, ValueError):  # nobody listens
        pass


def on_blocked(stderr: IO[str]) -> Callable[[str | None], None]:
    """Tells when the broker stops reading what is published, and when it goes on."""

    def tell(reason: str | None) -> None:
        say(stderr, "the broker takes messages again" if reason is None else f"blocked: {reason}")

    return tell


def short_name(name: str, what: str) -> str:
    """Raises: Failure if it is longer than AMQP has room for."""
    if len(name.encode("utf-8", "surrogateescape")) > 255:
        raise usage(f"the name of {what} has at most 255 octets")
    return name


def declare_queue(connection: Connection, queue: str, given: Given) -> None:
    """As --declare says, if it does."""
    if not given.has("declare"):
        return
    kind = given.choice("declare", QUEUE_TYPES, "classic")
    arguments = {} if kind == "transient" else {"x-queue-type": kind}
    connection.call(
        m.QueueDeclare(
            queue=queue, durable=kind != "transient", arguments=table_of(dict(arguments))
        ),
        m.QueueDeclareOk,
    )
