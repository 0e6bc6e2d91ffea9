"""Lines to a syslog server: what it hears, and what becomes of lines it does not take."""

from __future__ import annotations

import logging
import os
import queue
import re
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from broker.config import Config, override
from broker.logs import syslog
from broker.logs.syslog import LINES_MAX, Syslog, severity_of
from tests.support.certificates import Authority

PID, MACHINE = os.getpid(), re.escape(os.uname().nodename)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    monkeypatch.setattr(syslog, "TIMEOUT_S", 0.02)
    with ExitStack() as stack:
        yield stack


def listening(stack: ExitStack, kind: int) -> tuple[socket.socket, int]:
    server = stack.enter_context(socket.socket(socket.AF_INET, kind))
    server.settimeout(10)
    server.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        server.listen()
    return server, server.getsockname()[1]


def opened(stack: ExitStack, settings: dict[str, Any], **more: Any) -> Syslog:
    config = Config()
    for key, value in settings.items():
        config = override(config, f"log.syslog.{key}", value)
    handler = Syslog(config.log.syslog_output, "rabbit@host", **more)
    handler.open()
    stack.callback(handler.close)
    return handler


def record(text: str, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("broker.trial", level, "", 0, text, (), None)


def failed() -> logging.LogRecord:
    one = record("failed", logging.ERROR)
    try:
        raise RuntimeError("bug")
    except RuntimeError:
        one.exc_info = sys.exc_info()
    return one


def test_levels_are_severities() -> None:
    assert [severity_of(n) for n in (10, 20, 25, 30, 40, 50, 60, 70)] == [7, 6, 5, 4, 3, 2, 1, 0]


def test_a_line_is_a_datagram(stack: ExitStack) -> None:
    server, port = listening(stack, socket.SOCK_DGRAM)
    handler = opened(stack, {"host": "127.0.0.1", "port": port})
    handler.handle(record("a line"))
    text = server.recv(9000).decode()
    wanted = rf"<30>[A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d {MACHINE} rabbit\[{PID}\]: a line"
    assert re.fullmatch(wanted, text)


def test_identity_facility_and_the_other_protocol(stack: ExitStack) -> None:
    server, port = listening(stack, socket.SOCK_DGRAM)
    settings = {"ip": "127.0.0.1", "port": port, "protocol": "rfc5424", "identity": "hare"}
    handler = opened(stack, {**settings, "facility": "local7", "formatter": "json"})
    handler.handle(record("a line", logging.WARNING))
    text = server.recv(9000).decode()
    when = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d"
    assert re.fullmatch(rf'<188>1 {when} {MACHINE} hare {PID} - - \{{"time":.*"a line".*}}', text)


def test_a_traceback_is_a_message_a_line_or_one(stack: ExitStack) -> None:
    server, port = listening(stack, socket.SOCK_DGRAM)
    settings = {"host": "127.0.0.1", "port": port}
    opened(stack, settings).handle(failed())
    assert server.recv(9000).decode().endswith(": failed")
    assert server.recv(9000).decode().endswith(": Traceback (most recent call last):")
    while not server.recv(9000).decode().endswith(": RuntimeError: bug"):
        pass
    opened(stack, {**settings, "multiline_mode": True}).handle(failed())
    text = server.recv(9000).decode()
    assert ": failed\nTraceback" in text
    assert text.endswith("RuntimeError: bug")


def test_over_tcp_messages_stand_behind_their_lengths_and_survive_a_server(
    stack: ExitStack,
) -> None:
    server, port = listening(stack, socket.SOCK_STREAM)
    handler = opened(stack, {"host": "127.0.0.1", "port": port, "transport": "tcp"})
    handler.handle(record("a line"))
    peer, _ = server.accept()
    with peer:
        length, _, message = peer.recv(9000).partition(b" ")
    assert int(length) == len(message)
    assert message.endswith(b": a line")
    while True:  # what the first peer has not taken any more is lost; what follows is not
        handler.handle(record("another line"))
        try:
            server.settimeout(0.05)
            peer, _ = server.accept()
            break
        except TimeoutError:
            continue
    with peer:
        assert peer.recv(9000).endswith(b": another line")


def test_what_is_sent_to_nobody_waits_is_told_once_and_bounded(stack: ExitStack) -> None:
    server, port = listening(stack, socket.SOCK_STREAM)
    server.close()
    complaints: list[str] = []
    settings = {"ip": "127.0.0.1", "port": port, "transport": "tcp"}
    handler = opened(stack, settings, complain=complaints.append)
    for number in range(LINES_MAX + 10):
        handler.handle(record(str(number)))
    assert handler.lost >= 9  # one may be under way
    handler.close()
    assert [one.partition(":")[0] for one in complaints] == [
        "syslog at 127.0.0.1 does not take lines"
    ]


def test_it_comes_through_once_there_is_a_server(stack: ExitStack) -> None:
    server, port = listening(stack, socket.SOCK_STREAM)
    server.close()
    settings = {"ip": "127.0.0.1", "port": port, "transport": "tcp"}
    handler = opened(stack, settings, complain=lambda _: None)
    handler.handle(record("early"))
    late = stack.enter_context(socket.create_server(("127.0.0.1", port)))
    late.settimeout(10)
    peer, _ = late.accept()
    with peer:
        assert peer.recv(9000).endswith(b": early")


@pytest.mark.parametrize("is_known", [True, False])
def test_over_tls_the_server_is_looked_at(
    stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    monkeypatch.setattr(syslog, "TIMEOUT_S", 5.0)
    authority = Authority(tmp_path / "ca")
    identity = authority.issue("server")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity.cert, identity.key)
    plain, port = listening(stack, socket.SOCK_STREAM)
    complaints: list[str] = []
    settings = {"host": "localhost", "port": port, "transport": "tls"}
    settings["ssl_options.cacertfile"] = authority.ca if is_known else ""
    opened(stack, settings, complain=complaints.append).handle(record("a line"))
    server = stack.enter_context(context.wrap_socket(plain, server_side=True))
    server.settimeout(10)
    if is_known:
        peer, _ = server.accept()
        with peer:
            text = peer.recv(9000).decode()
        assert re.fullmatch(rf"\d+ <30>1 \d{{4}}-.* {MACHINE} rabbit {PID} - - a line", text)
    else:
        with pytest.raises(ssl.SSLError, match="alert unknown ca"):
            server.accept()


def test_on_this_machine_there_is_a_socket(stack: ExitStack, tmp_path: Path) -> None:
    path = tmp_path / "log"
    server = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    server.settimeout(10)
    server.bind(str(path))
    handler = opened(stack, {}, local=str(path))
    handler.handle(record("a line"))
    wanted = rf"<30>[A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d rabbit\[{PID}\]: a line"
    assert re.fullmatch(wanted, server.recv(9000).decode())


def test_a_record_that_cannot_be_formatted_is_left_out(stack: ExitStack) -> None:
    server, port = listening(stack, socket.SOCK_DGRAM)
    handler = opened(stack, {"host": "127.0.0.1", "port": port})
    handler.handle(logging.LogRecord("x", 20, "", 0, "%d of %d", ("one",), None))
    handler.handle(record("a line"))
    assert server.recv(9000).endswith(b": a line")
    assert handler.lost == 1


def test_a_name_that_no_host_can_have_is_complained_of_and_tried_again(stack: ExitStack) -> None:
    told: queue.Queue[str] = queue.Queue()
    handler = opened(stack, {"host": "a..b", "transport": "tcp"}, complain=told.put)
    handler.handle(logging.makeLogRecord({"msg": "lost", "levelno": logging.INFO}))
    assert told.get(timeout=10).startswith("syslog at a..b does not take lines: ")
    assert handler._thread.is_alive()
