"""Accepting without a socket; with real ones in tests/integration/test_descriptors.py."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Generator
from typing import Any, cast

import pytest

from broker import descriptors
from broker.auth.usage import Usage
from broker.server import acceptor
from broker.server.acceptor import (
    BATCH,
    LOOK_S,
    RETRY_S,
    Accepted,
    Acceptor,
    Places,
    WebPlaces,
)

ALARM = "file descriptor limit alarm set"
ROOM = 1024  # descriptors, unless a test says otherwise


class Waiter:
    """What a loop waits for before it is done with a new transport."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[Any], object]] = []

    def __await__(self) -> Generator[Any, None, None]:
        yield self

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        self.callbacks.append(callback)

    def is_done(self) -> None:
        for callback in self.callbacks:
            callback(self)


class Timer:
    def __init__(self, delay_s: float, callback: Callable[[], None]):
        self.delay_s, self.callback = delay_s, callback
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Loop:
    def __init__(self) -> None:
        self.readers: dict[int, Callable[[], None]] = {}
        self.timers: list[Timer] = []
        self.served: list[Connected] = []
        self.waiters: list[Waiter] = []
        self.error: Exception | None = None

    def add_reader(self, number: int, callback: Callable[[], None]) -> None:
        self.readers[number] = callback

    def remove_reader(self, number: int) -> None:
        self.readers.pop(number, None)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        self.timers.append(Timer(delay_s, callback))
        return self.timers[-1]

    async def connect_accepted_socket(self, factory: Callable[[], Any], connected: Any) -> None:
        if self.error is not None:
            raise self.error
        factory()
        self.served.append(connected)
        self.waiters.append(Waiter())
        await self.waiters[-1]

    def passes(self) -> None:
        """The time of every timer is over."""
        timers, self.timers = self.timers, []
        for timer in timers:
            if not timer.is_cancelled:
                timer.callback()


class Connected:
    def __init__(self, family: int, kind: int, protocol: int, number: int):
        assert (family, kind, protocol) == (socket.AF_INET6, socket.SOCK_STREAM, 0)
        self.number = number
        self.is_closed = False

    def setblocking(self, flag: bool) -> None:
        assert not flag

    def close(self) -> None:
        self.is_closed = True


class Listening:
    """Those who come, in order: a client's number, or an error."""

    family = socket.AF_INET6

    def __init__(self) -> None:
        self.coming: list[int | OSError] = []
        self.is_closed = False

    def fileno(self) -> int:
        return 7

    def _accept(self) -> tuple[int, object]:
        if not self.coming:
            raise BlockingIOError
        first = self.coming.pop(0)
        if isinstance(first, OSError):
            raise first
        return first, ("127.0.0.1", 1)

    def getsockname(self) -> object:
        return ("::", 5672, 0, 0)

    def close(self) -> None:
        self.is_closed = True


class Port:
    """A listener, and what it needs."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, total: int = ROOM, kind: type[Places] = Places
    ):
        self.total, self.next = total, 10
        monkeypatch.setattr(descriptors, "file_limit", lambda: self.total)
        monkeypatch.setattr(acceptor, "Accepted", Connected)
        monkeypatch.setattr(descriptors, "next_descriptor", lambda: self.next)
        self.loop, self.listening, self.usage = Loop(), Listening(), Usage()
        self.bugs: list[object] = []
        loop = cast(asyncio.AbstractEventLoop, self.loop)
        self.places = kind(loop, self.usage)
        self.acceptor = Acceptor(
            loop,
            cast(socket.socket, self.listening),
            asyncio.Protocol,
            self.places,
            lambda *text: self.bugs.append(text),
        )

    def comes(self, *clients: int | OSError) -> None:
        self.listening.coming += clients
        self.turns()

    def turns(self) -> None:
        """The loop looks whether somebody is there, as long as it is asked to."""
        for _ in range(1000):
            if not self.listening.coming or 7 not in self.loop.readers:
                return
            self.loop.readers[7]()

    @property
    def accepts(self) -> bool:
        return 7 in self.loop.readers


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Port:
    return Port(monkeypatch)


def test_clients_are_let_in_and_counted(port: Port) -> None:
    port.comes(20, 21, 22)
    assert [one.number for one in port.loop.served] == [20, 21, 22]
    assert (port.usage.socket_count, port.accepts) == (3, True)
    port.places.leave()
    assert port.usage.socket_count == 2


def test_others_have_their_turn_between_many(port: Port) -> None:
    port.listening.coming = [20] * 200
    served = []
    for _ in range(9):
        port.loop.readers[7]()
        served.append(len(port.loop.served))
    assert served == [1, 3, 7, 15, 31, 63, 95, 127, 159]
    assert BATCH == 32
    port.turns()
    port.loop.readers[7]()  # nobody more
    port.listening.coming = [20] * 5
    port.loop.readers[7]()
    assert len(port.loop.served) == 201


def test_who_is_beyond_the_limit_waits(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = Port(monkeypatch, total=200)
    limit = descriptors.sockets_limit(200)
    port.comes(*[20] * (limit + 3))
    assert (len(port.loop.served), port.accepts) == (limit, False)
    assert port.usage.is_out_of_descriptors
    assert [ALARM in line for line in caplog.messages] == [True]
    assert f"sockets_used={limit} sockets_limit={limit}" in caplog.messages[0]
    for _ in range(3):  # each place is taken at once: there is nothing to say
        port.places.leave()
        port.turns()
        port.loop.passes()
    assert (port.usage.socket_count, len(port.loop.served)) == (limit, limit + 3)
    assert len(caplog.messages) == 1


def test_the_alarm_is_over_when_a_place_stays_free(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = Port(monkeypatch, total=200)
    limit = descriptors.sockets_limit(200)
    port.comes(*[20] * limit)
    assert not port.accepts
    port.places.leave()
    assert port.accepts
    port.loop.passes()
    assert port.usage.is_out_of_descriptors
    port.comes(20)
    port.loop.passes()
    assert port.usage.is_out_of_descriptors
    port.places.leave()
    port.loop.passes()
    port.loop.passes()
    assert not port.usage.is_out_of_descriptors
    assert caplog.messages[1:] == ["file descriptor limit alarm cleared"]
    assert port.loop.timers == []


def test_a_limit_that_is_raised_lets_them_in(monkeypatch: pytest.MonkeyPatch) -> None:
    port = Port(monkeypatch, total=200)
    limit = descriptors.sockets_limit(200)
    port.comes(*[20] * (limit + 3))
    port.total = 400
    port.loop.passes()
    port.turns()
    assert len(port.loop.served) == limit + 3


def test_the_last_descriptors_are_not_for_clients(port: Port) -> None:
    """However few clients there are: something else has taken the rest."""
    port.comes(ROOM - 64, 30, 31)
    assert (len(port.loop.served), port.accepts) == (1, False)
    port.next = ROOM - 64
    port.places.leave()
    assert not port.accepts
    port.next = 30
    port.loop.passes()
    port.turns()
    assert len(port.loop.served) == 3


def test_clients_of_http_may_come_longer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = Port(monkeypatch, kind=WebPlaces)
    port.comes(ROOM - 64, ROOM - 33)
    assert port.accepts
    port.comes(ROOM - 32, 40)
    assert not port.accepts
    assert (port.usage.socket_count, port.usage.is_out_of_descriptors) == (0, False)
    port.places.leave()
    port.turns()
    assert (len(port.loop.served), port.accepts) == (4, True)
    for _ in range(3):
        port.loop.passes()
    assert len(caplog.messages) == 2


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_what_cannot_be_accepted_is_said_once(
    port: Port, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    for _ in range(3):
        port.comes(OSError(number, "no more"))
        assert not port.accepts
        assert [timer.delay_s for timer in port.loop.timers] == [RETRY_S]
        port.loop.passes()
    assert caplog.messages == ["connections cannot be accepted: no more, listener=:::5672"]
    port.comes(20)
    assert caplog.messages[1:] == ["connections are accepted again, listener=:::5672"]
    assert port.accepts


def test_who_has_gone_before_does_not_count(port: Port, caplog: pytest.LogCaptureFixture) -> None:
    gone = OSError(errno.ECONNABORTED, "aborted")
    port.comes(gone, OSError(errno.EPROTO, "protocol"), 20, gone)
    assert (len(port.loop.served), port.accepts, caplog.messages) == (1, True, [])


@pytest.mark.parametrize("error", [OSError(errno.ENOMEM, "no memory"), RuntimeError("a bug")])
def test_a_client_without_a_transport_is_none(
    port: Port, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    port.loop.error = error
    port.comes(20)
    assert (port.usage.socket_count, port.accepts) == (0, True)
    assert (len(caplog.messages), len(port.bugs)) == (
        (1, 0) if isinstance(error, OSError) else (0, 1)
    )


@pytest.mark.parametrize("is_failing", [True, False])
def test_the_end(port: Port, is_failing: bool) -> None:
    if is_failing:
        port.comes(OSError(errno.EMFILE, "no more"))
    port.acceptor.stop()
    port.places.close()
    port.loop.passes()
    assert (port.accepts, port.listening.is_closed) == (False, True)
    asyncio.run(port.acceptor.wait())


def test_the_end_waits_for_those_who_were_accepted(port: Port) -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(port.loop.waiters[0].is_done)
        await port.acceptor.wait()

    port.comes(20)
    port.acceptor.stop()
    asyncio.run(main())
    assert not port.loop.served[0].is_closed


def test_the_end_while_they_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    port = Port(monkeypatch, total=200)
    limit = descriptors.sockets_limit(200)
    port.comes(*[20] * limit)
    assert [timer.delay_s for timer in port.loop.timers] == [LOOK_S]
    port.acceptor.stop()
    port.places.close()
    port.places.leave()
    port.loop.passes()
    assert (port.accepts, port.loop.timers) == (False, [])


def test_the_log_names_a_path(port: Port, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    port.listening.getsockname = lambda: "/run/mq.sock"  # type: ignore[method-assign]
    port.comes(OSError(errno.EMFILE, "no more"))
    assert caplog.messages == ["connections cannot be accepted: no more, listener=/run/mq.sock"]


def test_family_and_type_of_an_accepted_socket_are_numbers() -> None:
    """And it is a socket still."""
    accepted = Accepted(socket.AF_INET, socket.SOCK_STREAM)
    try:
        assert isinstance(accepted, socket.socket)
        assert (type(accepted.family), type(accepted.type)) == (int, int)
        assert (accepted.family, accepted.type) == (socket.AF_INET, socket.SOCK_STREAM)
    finally:
        accepted.close()


def test_nobody_is_let_in_while_it_is_suspended(port: Port) -> None:
    other = Listening()
    backlogs: list[int] = []
    other.listen = backlogs.append  # type: ignore[attr-defined]
    port.acceptor.suspend(lambda _: cast(socket.socket, other))
    assert not port.accepts
    port.comes(20)
    assert port.usage.socket_count == 0
    port.acceptor.listen(5)
    assert (port.accepts, backlogs) == (True, [5])
    port.acceptor.listen(5)
    assert backlogs == [5], "it listens by now"
    other.coming.append(21)
    port.loop.readers[7]()
    assert port.usage.socket_count == 1


def test_those_who_come_to_a_shared_socket_wait(port: Port) -> None:
    port.acceptor.suspend(None)
    port.comes(20)
    assert (port.accepts, port.usage.socket_count) == (False, 0)
    port.acceptor.listen(5)
    port.turns()
    assert port.usage.socket_count == 1


def test_a_place_may_be_lost_while_it_is_suspended(port: Port) -> None:
    def fail(listening: socket.socket) -> socket.socket:
        listening.close()
        port.listening.fileno = lambda: -1  # type: ignore[method-assign]
        raise OSError

    with pytest.raises(OSError, match=r"^$"):
        port.acceptor.suspend(fail)
    port.acceptor.stop()
    assert port.listening.is_closed
