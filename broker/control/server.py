"""The control socket: the command line tools of this machine ask, the process of a node answers.

What is said is in `broker/control_socket.py`. A peer that has not proved that it knows the cookie
gets no further than a small frame and a few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import socket
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

from broker import control_socket
from broker.amqp.errors import AMQPException
from broker.control.actions import Asked, find
from broker.control.host import SOFTWARE, TEMPORARY, UNAVAILABLE, Failure, Host
from broker.control_socket import FRAME_MAX, GREETING_MAX, NODE, TOOL, frame, is_proof, proof
from broker.cookie import Cookie
from broker.management.lane import Lane
from broker.store.errors import StoreError
from broker.terms import as_json

log = logging.getLogger("broker.control")

GREETING_S = 10.0  # for a peer to prove that it knows the cookie
PEERS_MAX = 64
BACKLOG = 64
TIMEOUT_MAX_MS = 2**53  # what is longer is no number that a clock knows
ROWS_MAX, ROWS_OCTETS = 100, 64 * 1024  # in a frame, about
END_S = 1.0  # for answers that are under way when the node ends
KNOCK_S = 0.2  # for a node that may be there to let somebody wait
LOOK_S = 0.25  # how often it is looked whether who asked is still there


class ControlError(Exception):
    """There is no place for the socket. The text is one line."""


class _GoneError(Exception):
    """Who asked does not wait for the answer."""


class ControlServer:
    """Listens from `open` until `close`."""

    def __init__(self, host: Host, cookie: Cookie):
        self._host = host
        self._cookie = cookie
        self._lane = Lane()
        self._server: asyncio.AbstractServer | None = None
        self._peers: dict[asyncio.Task[Any], None] = {}
        self.path: Path | None = None
        self.is_hidden = False  # another node goes by this one's name
        self.is_second = False  # another node uses its data directory
        self._entries: list[Path] = []  # files that say where the socket is

    async def open(self, environment: Mapping[str, str], data_dir: str) -> None:
        """Raises: ControlError."""
        places = control_socket.directories(environment)
        directory = next((place for place in places if control_socket.usable(place)), None)
        if directory is None:
            raise ControlError("there is no directory for the control socket: set LEVERET_RUN_DIR")
        path = directory / f"{os.getpid()}-{secrets.token_hex(4)}.sock"
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            before = os.umask(0o177)
            try:
                listening.bind(str(path))
            finally:
                os.umask(before)
            self._server = await asyncio.start_unix_server(
                self._serve, sock=listening, backlog=BACKLOG, limit=1024 * 1024
            )
        except OSError as error:
            listening.close()
            path.unlink(missing_ok=True)
            raise ControlError(f"cannot listen on {path}: {error.strerror or error}") from None
        self.path = path
        facts = self.facts(data_dir)
        if data_dir:
            self.is_second = _is_taken(Path(data_dir, control_socket.ENTRY))
            self._enter(Path(data_dir, control_socket.ENTRY), facts)
        entry = control_socket.entry_of(directory, self._host.name)
        self.is_hidden = not self._enter(entry, facts)

    def _enter(self, entry: Path, facts: Mapping[str, Any]) -> bool:
        """Say there where the socket is. Returns: whether it is said; not if another node's is."""
        if _is_taken(entry):
            return False
        temporary = entry.with_name(f"{entry.name}.{os.getpid()}")
        try:
            temporary.write_text(json.dumps(facts) + "\n")
            temporary.replace(entry)
        except OSError as error:
            log.warning("cannot write %s: %s", entry, error.strerror)
            return False
        self._entries.append(entry)
        return True

    def facts(self, data_dir: str) -> dict[str, Any]:
        """What a tool has to know before it can ask."""
        return {
            "node": self._host.name,
            "pid": os.getpid(),
            "socket": str(self.path),
            "cookie_file": str(self._cookie.path) if self._cookie.path is not None else None,
            "data_dir": data_dir or None,
            "enabled_plugins_file": self._host.enabled_plugins_file or None,
            "enabled_plugins": sorted(self._host.enabled_plugins),  # as long as there is no file
        }

    async def close(self) -> None:
        """Nobody can ask any more; who waits for an answer has it, or never will."""
        while self._entries:
            self._entries.pop().unlink(missing_ok=True)
        if self._server is not None:
            self._server.close()
            for task in self._peers:
                task.cancel()
            await asyncio.gather(*self._peers, return_exceptions=True)
            with contextlib.suppress(TimeoutError):  # from 3.12 on it waits for who does not read
                async with asyncio.timeout(END_S):
                    await self._server.wait_closed()
            self._server = None
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._peers) >= PEERS_MAX:
            writer.close()
            return
        self._peers[task] = None
        try:
            if await self._greet(reader, writer):
                await self._answer_all(reader, writer)
        except (OSError, EOFError, ValueError, TimeoutError):
            pass  # it has gone, or speaks something else
        except asyncio.CancelledError:
            pass  # the process ends
        finally:
            del self._peers[task]
            writer.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        own = control_socket.nonce()
        writer.write(frame({"node": self._host.name, "nonce": own}))
        async with asyncio.timeout(GREETING_S):
            greeting = await _read(reader, GREETING_MAX)
        theirs = str(greeting.get("nonce", ""))
        secret = self._cookie.secret
        if not is_proof(greeting.get("proof"), proof(TOOL, secret, own, theirs)):
            log.warning("a tool was refused: its cookie is another one")
            writer.write(frame({"refused": "the cookie is another one"}))
            await writer.drain()
            return False
        writer.write(
            frame({"proof": proof(NODE, secret, own, theirs), "app": self._host.node is not None})
        )
        return True

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            asked = await _read(reader, FRAME_MAX)
            async with asyncio.TaskGroup() as group:
                work = group.create_task(self._answer(asked, writer))
                while not work.done():
                    await asyncio.wait((work,), timeout=LOOK_S)
                    if reader.at_eof():  # who does not wait for the answer need not be given one
                        work.cancel()

    async def _answer(self, asked: Mapping[str, Any], writer: asyncio.StreamWriter) -> None:
        timeout_ms = asked.get("timeout_ms")
        seconds = min(timeout_ms, TIMEOUT_MAX_MS) / 1000 if isinstance(timeout_ms, int) else None
        try:
            async with asyncio.timeout(seconds) as limit:
                answer = await self._act(asked, writer, limit)
        except _GoneError:
            return
        except TimeoutError:
            answer = {"failed": "timeout", "code": TEMPORARY, "kind": "timeout"}
        except Failure as failure:
            answer = {
                "failed": failure.text,
                "code": failure.code,
                "kind": failure.kind,
                "reason": as_json(failure.reason),
            }
        except (AMQPException, StoreError) as error:  # somebody was quicker, or the disk is full
            answer = {"failed": str(error), "code": UNAVAILABLE, "kind": "error"}
        except Exception:
            log.exception("bug: a tool could not be answered, do=%s", asked.get("do"))
            answer = {"failed": "an internal error, see the log", "code": SOFTWARE, "kind": "error"}
        with contextlib.suppress(ConnectionError):  # it has gone
            writer.write(frame(answer))
            await writer.drain()

    async def _act(
        self, asked: Mapping[str, Any], writer: asyncio.StreamWriter, limit: asyncio.Timeout
    ) -> dict[str, Any]:
        """Raises: Failure, and whatever is a bug."""
        given = asked.get("with")
        try:
            action = find(str(asked.get("do")))
        except LookupError:
            raise Failure(f"this node cannot do {asked.get('do')}", SOFTWARE) from None
        if not isinstance(given, dict):
            raise Failure("'with' is missing", SOFTWARE)
        if action.needs_app and self._host.node is None:
            raise Failure("the app is not running", kind="stopped")
        if not action.is_stream:
            return {"done": as_json(await action.function(Asked(self._host, self._lane), **given))}
        rows = action.function(Asked(self._host, self._lane), **given)
        await _send_rows(rows, writer, limit)
        return {"done": None}


async def _send_rows(
    rows: AsyncGenerator[Any], writer: asyncio.StreamWriter, limit: asyncio.Timeout
) -> None:
    """Many in a frame. None in place of a row: what has come so far is not to wait for more.

    Each row is written down by itself, so that it counts to the slice in which it came.
    """
    batch: list[bytes] = []
    octets = 0
    async with contextlib.aclosing(rows) as source:
        async for row in source:
            if row is not None:
                batch.append(json.dumps(as_json(row), separators=(",", ":")).encode())
                octets += len(batch[-1])
            if batch and (row is None or len(batch) == ROWS_MAX or octets >= ROWS_OCTETS):
                _write_rows(batch, writer)
                batch, octets = [], 0
                await _drained(writer, limit)
    if batch:
        _write_rows(batch, writer)


async def _drained(writer: asyncio.StreamWriter, limit: asyncio.Timeout) -> None:
    """Somebody may page through a list: for how long is not the node's time. Raises: _GoneError."""
    until, clock = limit.when(), asyncio.get_running_loop().time
    began = clock()
    limit.reschedule(None)
    try:
        await writer.drain()
    except ConnectionError as error:
        raise _GoneError from error
    if until is not None:
        limit.reschedule(until + clock() - began)


def _write_rows(batch: list[bytes], writer: asyncio.StreamWriter) -> None:
    """batch: as JSON."""
    payload = b'{"rows":[' + b",".join(batch) + b"]}"
    writer.write(len(payload).to_bytes(4, "big") + payload)


async def _read(reader: asyncio.StreamReader, most: int) -> dict[str, Any]:
    """Raises: EOFError, ValueError."""
    length = int.from_bytes(await reader.readexactly(4), "big")
    if length > most:
        raise ValueError("too long")
    return control_socket.document_of(await reader.readexactly(length))


def _is_taken(entry: Path) -> bool:
    """Whether the node that has entered itself there still runs."""
    try:
        path = json.loads(entry.read_text())["socket"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
        knocking.settimeout(KNOCK_S)
        try:
            knocking.connect(str(path))
        except (TimeoutError, BlockingIOError):
            return True  # it has no time, and no place for more who wait for it
        except (OSError, ValueError):
            return False
    return True
