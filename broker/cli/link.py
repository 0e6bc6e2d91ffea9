"""The way from a tool to a node: its control socket (see `broker/control_socket.py`)."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from broker import control_socket, cookie
from broker.cli.errors import (
    APP_RUNNING,
    APP_STOPPED,
    EX_SOFTWARE,
    CheckError,
    FailedError,
    NodeDownError,
    ReasonError,
    StateError,
    ToolError,
)
from broker.control_socket import GREETING_MAX, NODE, TOOL, frame, is_proof, proof
from broker.processes import is_alive
from broker.terms import from_json

CONNECT_S = 5.0
GRACE_S = 5.0  # what an answer may take beyond the time that the node has for it


class Place(NamedTuple):
    """Where a node is, as it says itself. socket and the files: "": it says none.

    plugins: what is explicitly enabled when no file says so; None: it says nothing.
    """

    node: str
    socket: str
    cookie_file: str
    pid: int
    plugins_file: str = ""
    plugins: frozenset[str] | None = None


class Unreachable(Exception):  # noqa: N818 - becomes `NodeDownError`, which knows what to suggest
    """Why a node cannot be reached, in a line."""


class TimeIsUp(Exception):  # noqa: N818 - becomes `TimedOutError`, which knows the command
    """The node has not answered in time."""


def place_in(path: Path) -> Place | None:
    """What a node has left there; None: nothing that makes sense."""
    try:
        found = json.loads(path.read_text())
        return Place(
            str(found["node"]),
            str(found.get("socket") or ""),
            str(found.get("cookie_file") or ""),
            int(found.get("pid") or 0),
            str(found.get("enabled_plugins_file") or ""),
            frozenset(map(str, found["enabled_plugins"])) if "enabled_plugins" in found else None,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def find(node: str, environment: Mapping[str, str]) -> Place | None:
    """Where the node of that name is; None: it has not entered itself."""
    for directory in control_socket.directories(environment):
        if control_socket.trusted(directory):
            found = place_in(control_socket.entry_of(directory, node))
            if found is not None:
                return found
    return None


def all_names(environment: Mapping[str, str]) -> list[str]:
    """Of the nodes that run on this machine, as far as its user can tell."""
    names: list[str] = []
    for directory in control_socket.directories(environment):
        if control_socket.trusted(directory):
            for name in control_socket.names_in(directory):
                place = place_in(control_socket.entry_of(directory, name))
                if place is not None and is_alive(place.pid):
                    names.append(place.node)
    return names


class Link:
    """A connection to a node that has proved who it is. is_app_running: when it was made."""

    def __init__(self, place: Place, given_cookie: str | None, environment: Mapping[str, str]):
        """given_cookie: instead of that in a file. Raises: Unreachable."""
        self.node = place.node
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(CONNECT_S)
        try:
            self._socket.connect(place.socket)
            self._greet(_secret(place, given_cookie, environment))
        except (OSError, ValueError, EOFError, LookupError) as error:
            self._socket.close()
            reason = getattr(error, "strerror", None) or error
            raise Unreachable(f"its control socket does not answer: {reason}") from None
        except BaseException:
            self._socket.close()
            raise

    def _greet(self, secret: str) -> None:
        greeting = self._receive(GREETING_MAX)
        own, theirs = control_socket.nonce(), str(greeting["nonce"])
        self.node = str(greeting.get("node", self.node))
        self._send({"nonce": own, "proof": proof(TOOL, secret, theirs, own)})
        answer = self._receive(GREETING_MAX)
        if "refused" in answer:
            raise Unreachable("its cookie is another one")
        if not is_proof(answer.get("proof"), proof(NODE, secret, theirs, own)):
            raise Unreachable("it does not know the cookie")
        self.is_app_running = bool(answer.get("app"))

    def ask(self, what: str, timeout_ms: int | None, **given: Any) -> Any:
        """Have something done. Returns: a term. Raises: ToolError, TimeIsUp."""
        for _ in self.rows(what, timeout_ms, **given):
            raise ToolError(f"unexpected rows for {what}", EX_SOFTWARE)
        return self.answer

    def rows(self, what: str, timeout_ms: int | None, **given: Any) -> Iterator[Any]:
        """Likewise of what comes in rows, each a list of pairs; `answer` is what came last."""
        self.answer: Any = None
        if timeout_ms == 0:
            raise TimeIsUp
        try:
            self._socket.settimeout(timeout_ms / 1000 + GRACE_S if timeout_ms is not None else None)
            self._send({"do": what, "with": given, "timeout_ms": timeout_ms})
            while True:
                document = self._receive()
                if "rows" not in document:
                    break
                for row in document["rows"]:
                    yield from_json(row)
        except TimeoutError:
            raise TimeIsUp from None
        except (OSError, ValueError, EOFError) as error:
            raise NodeDownError(f"Error: the node has gone: {error}") from None
        if "failed" in document:
            raise _failure(document)
        self.answer = from_json(document.get("done"))

    def wait_for_the_end(self, timeout_s: float | None) -> bool:
        """Whether the process has closed its socket, which is the last thing that it does."""
        self._socket.settimeout(timeout_s)
        try:
            return self._socket.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    def fileno(self) -> int:
        """For who waits for other things as well."""
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def _send(self, document: Mapping[str, Any]) -> None:
        self._socket.sendall(frame(document))

    def _receive(self, most: int | None = None) -> dict[str, Any]:
        """most: octets of who has proved nothing. Raises: OSError, EOFError, ValueError."""
        length = int.from_bytes(self._exactly(4), "big")
        if most is not None and length > most:
            raise ValueError("it says too much")
        return control_socket.document_of(self._exactly(length))

    def _exactly(self, count: int) -> bytes:
        pieces = []
        while count:
            piece = self._socket.recv(min(count, 1 << 20))
            if not piece:
                raise EOFError("it hung up")
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)


def _secret(place: Place, given: str | None, environment: Mapping[str, str]) -> str:
    """Raises: Unreachable. The user's own cookie first; the node's, if we may read that."""
    home = cookie.home_directory(environment)
    node = Path(place.cookie_file) if place.cookie_file else None
    try:
        if given is None and node is not None and os.access(node, os.R_OK):
            home, node = None, node  # the very one
        found = cookie.of_tool(given, home, node)
    except cookie.CookieError as error:
        raise Unreachable(str(error)) from None
    if found is None:
        raise Unreachable("there is no cookie: give --erlang-cookie")
    return found.secret


def _failure(document: Mapping[str, Any]) -> Exception:
    text, code, kind = str(document["failed"]), int(document["code"]), document.get("kind")
    if kind == "timeout":
        return TimeIsUp()
    if kind == "stopped":
        return StateError(APP_STOPPED)
    if kind == "running":
        return StateError(APP_RUNNING)
    if kind == "check":
        return CheckError(text or None)
    if kind == "reason":
        return ReasonError(from_json(document.get("reason")))
    if kind == "plain":
        return ToolError(text, code)
    return FailedError(text, code)
