"""Where clients come in: they are accepted as long as there is room for them.

    listening socket ─readable→ Acceptor ─accept→ transport of the loop, and its protocol
                                   │ no room: not read; the kernel's queue holds those who come
                                   └─ Places: how many there may be; who waits for one

Of our own rather than the loop's servers. Out of descriptors, asyncio logs a traceback a second and
uvloop hangs up on everybody who waits, or closes the listener for good, without a word; neither can
be told to wait. It costs 8 µs a connection on uvloop and nothing on asyncio.

As with RabbitMQ a client beyond the limit is connected (by the kernel) and hears nothing until
another one goes. Here it takes no descriptor meanwhile.
"""

from __future__ import annotations

import _socket
import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from broker import descriptors
from broker.auth.usage import Usage

log = logging.getLogger("broker.listener")

BATCH = 32  # clients accepted in a row at the most, before others have their turn
LOOK_S = 1.0  # between two looks whether there is room again
RETRY_S = 1.0  # after an error that is not the client's
# What Linux says of a connection that is over before it was accepted, see accept(2).
_GONE = {
    errno.ECONNABORTED,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.ENOPROTOOPT,
    errno.EOPNOTSUPP,
    errno.EPERM,  # a firewall
    errno.EPROTO,
    getattr(errno, "ENONET", errno.ENETDOWN),
}


class Places:
    """For clients of AMQP: so many, and only while there are descriptors."""

    def __init__(self, loop: asyncio.AbstractEventLoop, usage: Usage):
        self.usage = usage
        self._loop = loop
        self._waiting: dict[Acceptor, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._was_free = False  # at the last look

    def room(self, total: int) -> int:
        """For how many there is room now, as far as their number goes. total: descriptors."""
        return descriptors.sockets_limit(total) - self.usage.socket_count

    def guard(self, total: int) -> int:
        """The first number that a descriptor of a client must not have."""
        return descriptors.guard(total)

    def enter(self) -> None:
        """Somebody was accepted; `leave` when his transport is lost."""
        self.usage.socket_count += 1

    def leave(self) -> None:
        self.usage.socket_count -= 1
        if self._waiting:
            self._let_in()

    def wait(self, acceptor: Acceptor) -> None:
        """Have it resumed when there is room."""
        self._waiting[acceptor] = None
        self._was_free = False
        if self._timer is None:
            self._timer = self._loop.call_later(LOOK_S, self._look)
            self._tell_full()

    def forget(self, acceptor: Acceptor) -> None:
        """It is closed."""
        self._waiting.pop(acceptor, None)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def has_room(self) -> bool:
        total = descriptors.file_limit()
        return self.room(total) > 0 and descriptors.next_descriptor() < self.guard(total)

    def _let_in(self) -> None:
        if self.has_room:
            waiting, self._waiting = self._waiting, {}
            for acceptor in waiting:
                acceptor.resume()

    def _look(self) -> None:
        """The alarm is over when a place stays free from one look to the next: while there are
        clients that wait, each place is taken at once, and nothing need be said."""
        if self._was_free and not self._waiting:
            self._timer = None
            self._tell_free()
            return
        self._timer = self._loop.call_later(LOOK_S, self._look)
        self._was_free = self.has_room
        self._let_in()  # a limit was raised, or files were closed

    def _tell_full(self) -> None:
        self.usage.is_out_of_descriptors = True
        total = descriptors.file_limit()
        log.warning(
            "file descriptor limit alarm set. New connections will not be accepted until this"
            " alarm clears, sockets_used=%s sockets_limit=%s fd_used=%s fd_limit=%s",
            self.usage.socket_count,
            descriptors.sockets_limit(total),
            descriptors.used(),
            total,
        )

    def _tell_free(self) -> None:
        self.usage.is_out_of_descriptors = False
        log.warning("file descriptor limit alarm cleared")


class WebPlaces(Places):
    """For clients of HTTP. How many there may be is their server's business; here they only wait
    while files run out, later than those of AMQP, and do not count among them."""

    def room(self, total: int) -> int:
        return BATCH

    def guard(self, total: int) -> int:
        return descriptors.web_guard(total)

    def enter(self) -> None:
        """See `HttpServer.enter`."""

    def leave(self) -> None:
        if self._waiting:
            self._let_in()

    def _tell_full(self) -> None:
        log.warning("HTTP clients have to wait: there are hardly any file descriptors left")

    def _tell_free(self) -> None:
        log.warning("HTTP clients are accepted again")


class Accepted(socket.socket):
    """Its family and type are numbers: to make enums of them, as loops ask for, costs 5 µs."""

    __slots__ = ()
    family = vars(_socket.socket)["family"]
    type = vars(_socket.socket)["type"]


class Acceptor:
    """One listening socket, which is its own from now on."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listening: socket.socket,
        factory: Callable[[], asyncio.Protocol],
        places: Places,
        on_bug: Callable[..., None],
    ):
        """on_bug: called while an exception is handled that cannot be."""
        self.listening = listening
        self._family = int(listening.family)
        self._loop = loop
        self._factory = factory
        self._places = places
        self._on_bug = on_bug
        self._arriving: dict[Coroutine[Any, Any, object], socket.socket] = {}
        self._retry: asyncio.TimerHandle | None = None
        self._is_failing = False
        self._is_swapped = False  # for a socket that does not listen
        self._batch = 1  # grows while many come: one more try than there are clients costs 3 µs
        self.resume()

    def resume(self) -> None:
        """Accept."""
        self._loop.add_reader(self.listening.fileno(), self._on_readable)

    def stop(self) -> None:
        """Accept no more. Who has been accepted gets his transport: `wait`."""
        self._let_nobody_in()
        self.listening.close()

    def suspend(self, swap: Callable[[socket.socket], socket.socket] | None) -> None:
        """Accept nobody until `listen`. swap: puts a socket that does not listen in place of ours,
        so that clients are refused; None: they wait. Raises: what it raises; then we are closed.
        """
        self._let_nobody_in()
        if swap is not None:
            self.listening = swap(self.listening)
            self._is_swapped = True

    def listen(self, backlog: int) -> None:
        """After `suspend`; otherwise nothing changes. Raises: OSError."""
        if self._is_swapped:
            self.listening.listen(backlog)
            self._is_swapped = False
        self.resume()

    def _let_nobody_in(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
        if self.listening.fileno() >= 0:  # it is closed when a swap has failed
            self._loop.remove_reader(self.listening.fileno())
        self._places.forget(self)

    async def wait(self) -> None:
        """Until everybody who was accepted has his transport."""
        while self._arriving:  # noqa: ASYNC110 - a turn or two of the loop
            await asyncio.sleep(0)

    def _on_readable(self) -> None:
        places = self._places
        total = descriptors.file_limit()
        guard = places.guard(total)
        for _ in range(min(self._batch, places.room(total))):
            try:
                # accept() makes a socket with enums: see Accepted
                number, _address = self.listening._accept()  # type: ignore[attr-defined]
            except (BlockingIOError, InterruptedError):
                self._batch = 1
                return
            except OSError as error:
                if error.errno in _GONE:
                    continue
                self._fail(error)
                return
            if self._is_failing:
                self._is_failing = False
                log.warning("connections are accepted again, listener=%s", self._name)
            places.enter()
            connected = Accepted(self._family, socket.SOCK_STREAM, 0, number)
            connected.setblocking(False)
            self._serve(connected)
            if number >= guard:
                break
        else:
            if places.room(total) > 0:
                self._batch = min(BATCH, 2 * self._batch)
                return
        self._loop.remove_reader(self.listening.fileno())
        places.wait(self)

    def _serve(self, connected: socket.socket) -> None:
        """From here on the protocol has it, and tells `Places` when it is lost.

        The loop makes the transport in a coroutine that waits once, until the protocol knows of it.
        A task for that would cost 15 µs: it is run by hand.
        """
        arriving = self._loop.connect_accepted_socket(self._factory, connected)
        self._arriving[arriving] = connected
        self._go_on(arriving)

    def _go_on(self, arriving: Coroutine[Any, Any, object], _done: object = None) -> None:
        try:
            awaited = arriving.send(None)
        except StopIteration:
            del self._arriving[arriving]
        except Exception as error:
            self._arriving.pop(arriving).close()
            self._places.leave()
            if isinstance(error, OSError):
                log.warning("a client could not be served: %s", error.strerror or error)
            else:
                self._on_bug("a client could not be served, listener=%s", self._name)
        else:
            awaited.add_done_callback(partial(self._go_on, arriving))

    def _fail(self, error: OSError) -> None:
        """No memory, no descriptor: those who come wait, and we are not asked again and again."""
        self._loop.remove_reader(self.listening.fileno())
        self._retry = self._loop.call_later(RETRY_S, self.resume)
        if not self._is_failing:
            self._is_failing = True
            reason = error.strerror or error
            log.warning("connections cannot be accepted: %s, listener=%s", reason, self._name)

    @property
    def _name(self) -> str:
        name = self.listening.getsockname()
        return "{}:{}".format(*name) if isinstance(name, tuple) else str(name)
