"""File descriptors: how many the process may have and has, and how they are shared out.

    0 ............ sockets_limit ...................... total
    | clients of AMQP |   files of the store, HTTP, the rest |

RabbitMQ keeps 103 for itself and gives nine tenths of what is left to clients. So do we, except
where that would leave nobody anything. But others take descriptors too, and a limit may be lowered
while we run. The system gives out the lowest number that is free: so the number that it gives says
whether all below it are taken, without counting. From `guard` on clients of AMQP wait, from
`web_guard` on those of HTTP as well; the store has what is left.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import resource
import sys

log = logging.getLogger("broker")

RESERVED = 103  # RabbitMQ's, for other things than clients and queues
RESERVE_MAX = 64  # what is never left to clients, however many files there are
FEW = 1024  # below this an operator should know
UNLIMITED = 2**31 - 1
_OPEN_FILES = "/proc/self/fd"


def file_limit() -> int:
    """Descriptors that the process may have. Asked each time: it may be changed from outside."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else UNLIMITED


def handles_limit(total: int) -> int:
    """RabbitMQ: what it tells queues and clients that there is."""
    return max(2, total - RESERVED)


def sockets_limit(total: int) -> int:
    """What of all descriptors may be clients of AMQP: as RabbitMQ, and a quarter at the least."""
    return max(int(handles_limit(total) * 0.9 - 2), total // 4)


def web_limit(total: int) -> int:
    """What of them may be clients of one HTTP listener. There are up to four of those: a flood of
    requests must not take the places of AMQP."""
    return max(4, total // 16)


def guard(total: int) -> int:
    """The number from which on a descriptor is not for clients of AMQP."""
    return total - min(RESERVE_MAX, total // 4)


def web_guard(total: int) -> int:
    """The same for clients of HTTP: who looks what is wrong gets in a little longer."""
    return total - min(RESERVE_MAX, total // 4) // 2


def next_descriptor() -> int:
    """The number that the next file gets; `UNLIMITED` if there is none left."""
    try:
        number = os.dup(0)
    except OSError as error:
        if error.errno != errno.EBADF:  # else the input is closed
            return UNLIMITED
        try:
            number = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return UNLIMITED
    os.close(number)
    return number


def used() -> int:
    """Descriptors that the process has. 0: this system does not say."""
    try:
        count = os.stat(_OPEN_FILES).st_size  # Linux 6.2 and later: no list of a million names
        return count or len(os.listdir(_OPEN_FILES)) - 1  # without the one that is looked with
    except OSError as error:
        return file_limit() if error.errno in (errno.EMFILE, errno.ENFILE) else 0


def raise_limit() -> None:
    """As many descriptors as the system lets us have: a connection takes one, a segment too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # some systems name a limit and refuse it
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def tell_limit() -> None:
    """Log how many there are: in RabbitMQ's words, which people look for."""
    total = file_limit()
    sockets = sockets_limit(total)
    log.info("Limiting to approx %s file handles (%s sockets)", handles_limit(total), sockets)
    if total < FEW:
        log.warning(
            "few file descriptors: raise the limit (ulimit -n, or LimitNOFILE of systemd),"
            " limit=%s sockets=%s",
            total,
            sockets,
        )


def open_standard() -> None:
    """Have an input, an output and an error output, where whoever started us has closed them.

    Else the next file that is opened becomes one of them, and a library that complains on
    descriptor 2 writes into a segment or to a client.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number: this one
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - as long as the process
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - as above
