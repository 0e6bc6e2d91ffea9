"""The control socket, and what peers may do there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from broker import control_socket
from broker.amqp.errors import no_vhost
from broker.cli.link import Link, place_in
from broker.control import server
from broker.control.actions import Action
from broker.control.server import ControlError, ControlServer
from broker.control_socket import ENTRY, FRAME_MAX, TOOL, frame, proof
from broker.cookie import Cookie
from broker.store.errors import StoreError
from tests.support.control import ControlledNode

PING = {"do": "nodes.ping", "with": {}, "timeout_ms": None}


class Peer:
    """A tool, byte by byte."""

    def __init__(self, node: ControlledNode):
        self._node = node
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(str(node.runtime._control.path))

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def sends(self, document: object) -> None:
        self.socket.sendall(frame(document))  # type: ignore[arg-type]

    def receives(self) -> Any:
        """None: the node has hung up."""
        try:
            head = self.socket.recv(4, socket.MSG_WAITALL)
            if len(head) < 4:
                return None
            count = int.from_bytes(head, "big")
            return json.loads(self.socket.recv(count, socket.MSG_WAITALL))
        except ConnectionResetError:
            return None

    def greets(self) -> Peer:
        theirs = self.receives()["nonce"]
        secret = self._node.runtime._cookie.secret
        self.sends({"nonce": "mine", "proof": proof(TOOL, secret, theirs, "mine")})
        assert "proof" in self.receives()
        return self

    def asks(self, what: str, timeout_ms: object = None, **given: object) -> Any:
        self.sends({"do": what, "with": given, "timeout_ms": timeout_ms})
        return self.receives()


def works(node: ControlledNode) -> None:
    assert node.tool("-q", "ping").code == 0


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x10\x01",
        b"\x00\x00\x00\x00",
        b"\x00\x00\x00\x02[]",
        b"\x00\x00\x0f\xa0" + b"[" * 4000,
        b"\x00\x00\x00\x05{",
        frame({"nonce": "\ud800", "proof": "\ud800"}),
    ],
    ids=lambda octets: repr(octets[:8]),
)
def test_garbage_is_hung_up_on(
    node: ControlledNode, octets: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with Peer(node) as peer:
        assert peer.receives()["node"] == "rabbit@here"
        peer.socket.sendall(octets)
        peer.socket.shutdown(socket.SHUT_WR)
        assert peer.receives() is None
    works(node)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("shown", [None, "", "0" * 64, 5, [], {"a": 1}])
def test_who_does_not_know_the_cookie_is_told(node: ControlledNode, shown: object) -> None:
    with Peer(node) as peer:
        peer.receives()
        peer.sends({"nonce": "n", "proof": shown})
        assert peer.receives() == {"refused": "the cookie is another one"}
        assert peer.receives() is None


def test_a_proof_counts_once(node: ControlledNode) -> None:
    """What another tool has shown is of no use."""
    with Peer(node) as first, Peer(node) as second:
        nonce = first.receives()["nonce"]
        assert second.receives()["nonce"] != nonce
        secret = node.runtime._cookie.secret
        second.sends({"nonce": "n", "proof": proof(TOOL, secret, nonce, "n")})
        assert "refused" in second.receives()


def test_who_says_nothing_does_not_stay(
    node: ControlledNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "GREETING_S", 0.02)
    with Peer(node) as peer:
        peer.receives()
        assert peer.receives() is None


def test_there_are_only_so_many(node: ControlledNode, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(server.PEERS_MAX):
            stack.enter_context(Peer(node)).greets()
        with Peer(node) as peer:
            assert peer.receives() is None
        assert node.tool("-q", "ping").code == 69
    _until_they_are_gone(node)
    works(node)


def _until_they_are_gone(node: ControlledNode) -> None:
    for _ in range(1000):
        if not node.runtime._control._peers:
            return
        threading.Event().wait(0.005)
    raise AssertionError("peers stay")


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({}, "this node cannot do None"),
        ({"do": "gone.x", "with": {}}, "this node cannot do gone.x"),
        ({"do": ["x"], "with": {}}, "this node cannot do ['x']"),
        ({"do": "nodes.ping"}, "'with' is missing"),
        ({"do": "nodes.ping", "with": []}, "'with' is missing"),
        ({"do": "nodes.ping", "with": {"bogus": 1}}, "an internal error, see the log"),
        ({"do": "nodes.ping", "with": {"asked": 1}}, "an internal error, see the log"),
        ({"do": "users.add_user", "with": {"name": 5, "password": []}}, "an internal error"),
    ],
)
def test_odd_questions_are_answered(node: ControlledNode, asked: object, text: str) -> None:
    with Peer(node).greets() as peer:
        peer.sends(asked)
        answer = peer.receives()
        assert answer["failed"].startswith(text)
        assert answer["code"] == 70
        assert peer.asks("nodes.ping") == {"done": None}


@pytest.mark.parametrize("error", [StoreError("the disk is full"), no_vhost("gone")])
def test_what_a_change_can_meet_with_is_no_bug(
    node: ControlledNode,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(server, "find", lambda _: Action(fail, needs_app=True, is_stream=False))
    with Peer(node).greets() as peer:
        answer = peer.asks("users.add_user")
    assert (answer["failed"], answer["code"]) == (str(error), 69)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("timeout", [float("nan"), float("inf"), 1e308, 10**400, "x", [], True])
def test_odd_timeouts(node: ControlledNode, timeout: object) -> None:
    with Peer(node).greets() as peer:
        assert peer.asks("nodes.ping", timeout) == {"done": None}
    works(node)


def test_what_takes_too_long(node: ControlledNode) -> None:
    with Peer(node).greets() as peer:
        node.tool("stop_app")
        try:
            node.runtime.is_starting = True
            answer = peer.asks("nodes.await_startup", 1)
        finally:
            node.runtime.is_starting = False
            assert node.tool("start_app").code == 0
        assert (answer["kind"], answer["code"]) == ("timeout", 75)
        assert peer.asks("nodes.ping", 1000) == {"done": None}


def test_a_question_that_is_too_long(node: ControlledNode) -> None:
    with Peer(node).greets() as peer:
        peer.socket.sendall((FRAME_MAX + 1).to_bytes(4, "big"))
        assert peer.receives() is None
    works(node)


def test_who_goes_in_the_midst_is_not_waited_for(node: ControlledNode) -> None:
    for octets in (frame(PING), frame(PING)[:10], frame({**PING, "do": "users.list_users"})):
        with Peer(node).greets() as peer:
            peer.socket.sendall(octets)
    node.tool("stop_app")
    node.runtime.is_starting = True
    with Peer(node).greets() as peer:
        peer.sends({**PING, "do": "nodes.await_startup"})
    _until_they_are_gone(node)
    node.runtime.is_starting = False
    assert node.tool("start_app").code == 0


@pytest.mark.parametrize("what", ["_stop_broker", "_start_broker"])
def test_a_change_of_the_app_is_not_left_half_done(
    node: ControlledNode, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Whoever asked for it has no time, or has gone."""
    change = getattr(node.runtime, what)
    done = []

    async def slowly() -> None:
        await asyncio.sleep(0.05)
        await change()
        done.append(what)

    if what == "_start_broker":
        assert node.tool("stop_app").code == 0
    with monkeypatch.context() as patch, Peer(node).greets() as peer:
        patch.setattr(node.runtime, what, slowly)
        answer = peer.asks(f"nodes.{'stop' if what == '_stop_broker' else 'start'}_app", 1)
        assert answer["kind"] == "timeout"
        assert node.tool("stop_app" if what == "_start_broker" else "start_app").code == 0
        assert done == [what]
    assert node.tool("start_app").code == 0
    assert node.tool("list_users").code == 0


def test_the_end_waits_for_nobody_who_does_not_read(
    node: ControlledNode, host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from Python 3.12 on, where a server is closed when its last peer has gone."""
    monkeypatch.setattr(server, "END_S", 0.01)
    made = opened(node, host, tmp_path / "other", tmp_path / "nowhere")
    assert made._server is not None
    monkeypatch.setattr(type(made._server), "wait_closed", lambda _: asyncio.Event().wait())
    closed(node, made)
    assert made._server is None


def test_rows_come_in_parts(node: ControlledNode) -> None:
    for number in range(server.ROWS_MAX + 5):
        node.tool("add_vhost", f"v{number}")
    with Peer(node).greets() as peer:
        peer.sends({**PING, "do": "vhosts.list_vhosts"})
        parts = [peer.receives() for _ in range(3)]
    assert [len(part.get("rows", [])) for part in parts] == [100, 6, 0]
    assert parts[-1] == {"done": None}


# where it is


@pytest.fixture
def host(node: ControlledNode) -> Any:
    return node.runtime


def opened(node: ControlledNode, host: Any, run: Path, data_dir: Path) -> ControlServer:
    """In the loop of the node."""
    made = ControlServer(host, Cookie("SECRET", None))
    environment = {"LEVERET_RUN_DIR": str(run)}
    asyncio.run_coroutine_threadsafe(
        made.open(environment, str(data_dir) if data_dir.name else ""), node._loop
    ).result(10)
    return made


def closed(node: ControlledNode, made: ControlServer) -> None:
    asyncio.run_coroutine_threadsafe(made.close(), node._loop).result(10)


def test_it_says_where_it_is_and_leaves_nothing(
    node: ControlledNode, host: Any, tmp_path: Path
) -> None:
    run, data = tmp_path / "run", tmp_path / "data"
    data.mkdir()
    made = opened(node, host, run, data)
    assert made.path is not None
    assert made.path.stat().st_mode & 0o777 == 0o600
    for entry in (data / ENTRY, run / "rabbit@here.json"):
        place = place_in(entry)
        assert place is not None
        assert place.socket == str(made.path)
        Link(place, "SECRET", {}).close()
    assert not made.is_second
    assert not made.is_hidden
    closed(node, made)
    assert list(run.iterdir()) == list(data.iterdir()) == []


def test_the_entries_of_one_that_lives_stay_its_own(
    node: ControlledNode, host: Any, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    first = opened(node, host, tmp_path / "run", data)
    before = (data / ENTRY).read_text()
    second = opened(node, host, tmp_path / "run", data)
    assert (second.is_second, second.is_hidden) == (True, True)
    closed(node, second)
    assert (data / ENTRY).read_text() == before
    closed(node, first)


@pytest.mark.parametrize(
    "left", ['{"socket": "/gone"}', "", "[]", '{"socket": 5}', '{"socket": "nul\\u0000"}', "{}"]
)
def test_what_one_that_died_has_left_is_written_over(
    node: ControlledNode, host: Any, tmp_path: Path, left: str
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / ENTRY).write_text(left)
    made = opened(node, host, tmp_path / "run", data)
    place = place_in(data / ENTRY)
    assert place is not None
    assert place.socket == str(made.path)
    closed(node, made)


def test_one_that_has_no_time_still_lives(
    node: ControlledNode, host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its backlog is full."""
    monkeypatch.setattr(server, "KNOCK_S", 0.01)
    with contextlib.ExitStack() as stack:
        busy = stack.enter_context(socket.socket(socket.AF_UNIX))
        busy.bind(str(tmp_path / "busy"))
        busy.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(str(tmp_path / "busy"))
        (tmp_path / "entry").write_text(json.dumps({"socket": str(tmp_path / "busy")}))
        assert server._is_taken(tmp_path / "entry")
    assert not server._is_taken(tmp_path / "entry")


def test_there_is_no_place_for_it(node: ControlledNode, host: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ControlError, match="there is no directory for the control socket"):
        opened(node, host, tmp_path / "file", Path())
    long = tmp_path / ("x" * 120)
    with pytest.raises(ControlError, match="cannot listen on"):
        opened(node, host, long, Path())
    assert list(long.iterdir()) == []


def test_an_entry_that_cannot_be_written_is_a_warning(
    node: ControlledNode, host: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = opened(node, host, tmp_path / "run", tmp_path / "gone")
    assert any("cannot write" in record.message for record in caplog.records)
    closed(node, made)
    assert control_socket.names_in(tmp_path / "run") == []
