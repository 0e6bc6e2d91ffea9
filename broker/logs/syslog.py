"""Lines to a syslog server, by RFC 3164 or RFC 5424, over UDP, TCP, TLS, or /dev/log.

    a line ─ any thread → emit → at most LINES_MAX messages → one thread → the server

Names are looked up, connections made and written to in a thread, so a server that does not answer
holds nobody. A message that does not get away is tried again every second; what does not fit
meanwhile is counted. Over TCP and TLS each message goes behind its length (RFC 6587, 3.4.1), as
RabbitMQ sends it.
"""

from __future__ import annotations

import logging
import os
import queue
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from broker.log_lines import tell_stderr
from broker.log_settings import FACILITIES, Formatting, SyslogOutput
from broker.logs.formats import formatter_of

LINES_MAX = 1000
TIMEOUT_S = 1.0
END_S = 2.0  # for what waits, when the node ends
LOCAL = "/dev/log"
DATAGRAM_MAX = 8192  # octets of a message without a length
PORT, TLS_PORT = 514, 6514
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def severity_of(number: int) -> int:
    """Of syslog, by the number of logging."""
    steps = ((70, 0), (60, 1), (50, 2), (40, 3), (30, 4), (25, 5), (20, 6))
    return next((severity for least, severity in steps if number >= least), 7)


class Syslog(logging.Handler):
    """See the module. node_name: its first part is the identity, where the settings have none."""

    def __init__(
        self,
        settings: SyslogOutput,
        node_name: str,
        complain: Callable[[str], None] = tell_stderr,
        local: str = LOCAL,
    ):
        super().__init__()
        self.lost = 0
        self._settings = settings
        self._complain = complain
        self._is_tls = settings.transport in ("tls", "ssl")
        self._is_stream = self._is_tls or settings.transport == "tcp"
        self.host = settings.ip or settings.host
        is_here = not self.host and not self._is_stream and os.path.exists(local)
        self._local = local if is_here else ""
        self._is_5424 = (settings.protocol or ("rfc5424" if self._is_tls else "")) == "rfc5424"
        facility = "kern" if settings.facility == "kernel" else settings.facility
        self._facility = FACILITIES.index(facility) * 8
        identity = settings.identity or node_name.partition("@")[0]
        pid, machine = os.getpid(), os.uname().nodename
        where = "" if self._local else f"{machine} "
        self._sender = f"{machine} {identity} {pid} - -" if self._is_5424 else (
            f"{where}{identity}[{pid}]:"
        )  # fmt: skip
        is_usual = settings.formatting.plaintext == Formatting().plaintext
        self.setFormatter(formatter_of(settings, is_bare=is_usual))
        self._messages: queue.Queue[bytes | None] = queue.Queue(LINES_MAX)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leveret-syslog", daemon=True)
        self._socket: socket.socket | None = None
        self._is_told = False

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """What waits has some time to get away."""
        self._ending.set()
        if self._thread.is_alive():
            with suppress(queue.Full):
                self._messages.put_nowait(None)
            self._thread.join(END_S)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging, in any thread. Never raises, never waits."""
        try:
            for message in self._messages_of(record):
                self._messages.put_nowait(message)
        except Exception:  # there is no room, or arguments do not fit their sentence
            self.lost += 1

    def _messages_of(self, record: logging.LogRecord) -> list[bytes]:
        text = self.format(record).rstrip("\n")
        lines = [text] if self._settings.multiline_mode else text.split("\n")
        begins = f"<{self._facility + severity_of(record.levelno)}>{self._time(record.created)}"
        return [
            f"{begins} {self._sender} {line}".encode("utf-8", "backslashreplace") for line in lines
        ]

    def _time(self, created_s: float) -> str:
        local = datetime.fromtimestamp(created_s).astimezone()
        if self._is_5424:
            return f"1 {local.isoformat('T', 'microseconds')}"
        return f"{MONTHS[local.month - 1]} {local.day:2} {local:%H:%M:%S}"

    # in the thread

    def _run(self) -> None:
        while True:
            try:
                message = self._messages.get(timeout=TIMEOUT_S)
            except queue.Empty:
                if self._ending.is_set():
                    break
                continue
            if message is None:
                break
            while not self._sends(message):
                if self._ending.wait(TIMEOUT_S):
                    self._hang_up()
                    return
        self._hang_up()

    def _sends(self, message: bytes) -> bool:
        try:
            if self._socket is None:
                self._socket = self._connected()
            if self._is_stream:
                self._socket.sendall(b"%d %s" % (len(message), message))
            else:
                self._socket.send(message[:DATAGRAM_MAX])
        except (OSError, ValueError) as error:  # ValueError: a name that no host can have
            self._hang_up()
            if not self._is_told:
                place = self._local or self.host or "127.0.0.1"
                self._complain(f"syslog at {place} does not take lines: {error}")
            self._is_told = True
            return False
        self._is_told = False
        return True

    def _connected(self) -> socket.socket:
        """Raises: OSError."""
        if self._local:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            made.settimeout(TIMEOUT_S)
            made.connect(self._local)
            return made
        host = self.host or "127.0.0.1"
        address = (host, self._settings.port or (TLS_PORT if self._is_tls else PORT))
        if self._is_stream:
            plain = socket.create_connection(address, TIMEOUT_S)
            return self._secured(plain, host) if self._is_tls else plain
        family, kind, number, _, found = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)[0]
        made = socket.socket(family, kind, number)
        made.settimeout(TIMEOUT_S)
        made.connect(found)
        return made

    def _secured(self, plain: socket.socket, host: str) -> socket.socket:
        settings = self._settings
        try:
            context = ssl.create_default_context(cafile=settings.cacertfile or None)
            if settings.verify == "verify_none":
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if settings.certfile:
                # a password in any case: OpenSSL would ask for it at the terminal
                context.load_cert_chain(settings.certfile, settings.keyfile or None, lambda: "")
            return context.wrap_socket(plain, server_hostname=host)
        except (OSError, ValueError):
            plain.close()
            raise

    def _hang_up(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
            self._socket = None
