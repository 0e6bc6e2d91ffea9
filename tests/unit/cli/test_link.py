"""The way to a node, and nodes that are none."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from broker import control_socket
from broker.cli.errors import EX_SOFTWARE, NodeDownError, ToolError
from broker.cli.link import Link, Place, TimeIsUp, Unreachable, find, place_in
from broker.control_socket import NODE, frame, proof
from tests.support.control import ControlledNode

Talk = Callable[[socket.socket], None]


@pytest.fixture
def pretended(tmp_path: Path) -> Iterator[Callable[[Talk], Place]]:
    """Something that listens where a node should be."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "sock"))
    listening.listen()
    threads = []

    def begin(talk: Talk) -> Place:
        def serve() -> None:
            with listening.accept()[0] as peer:
                talk(peer)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return Place("rabbit@here", str(tmp_path / "sock"), "", 1)

    yield begin
    for thread in threads:
        thread.join()
    listening.close()


def linked(place: Place) -> Link:
    return Link(place, "SECRET", {})


@pytest.mark.parametrize(
    ("octets", "problem"),
    [
        (b"", "it hung up"),
        (b"HTTP/1.1 400 Bad", "it says too much"),
        (b"\xff\xff\xff\xff", "it says too much"),
        (b"\x00\x00\x00\x05ab", "it hung up"),
        (b"\x00\x00\x00\x02[]", "not an object"),
        (frame({}), "nonce"),
        (frame({"nonce": 5, "node": None}), "does not answer"),
    ],
)
def test_one_that_is_none(pretended: Callable[[Talk], Place], octets: bytes, problem: str) -> None:
    with pytest.raises(Unreachable, match=problem):
        linked(pretended(lambda peer: peer.sendall(octets)))


def greeted(peer: socket.socket, secret: str = "SECRET") -> None:
    """As a node that knows a cookie."""
    own = control_socket.nonce()
    peer.sendall(frame({"node": "rabbit@here", "nonce": own}))
    length = int.from_bytes(peer.recv(4), "big")
    theirs = json.loads(peer.recv(length))["nonce"]
    peer.sendall(frame({"proof": proof(NODE, secret, own, theirs), "app": True}))


def test_one_that_does_not_know_the_cookie(pretended: Callable[[Talk], Place]) -> None:
    with pytest.raises(Unreachable, match="it does not know the cookie"):
        linked(pretended(lambda peer: greeted(peer, "OTHER")))


def test_one_that_goes_in_the_midst(pretended: Callable[[Talk], Place]) -> None:
    def talk(peer: socket.socket) -> None:
        greeted(peer)
        peer.recv(1000)
        peer.sendall(frame({"rows": [1, 2]}))

    link = linked(pretended(talk))
    rows = link.rows("x.y", None)
    assert [next(rows), next(rows)] == [1, 2]
    with pytest.raises(NodeDownError, match="the node has gone: it hung up"):
        next(rows)
    link.close()


def test_rows_where_none_belong(pretended: Callable[[Talk], Place]) -> None:
    def talk(peer: socket.socket) -> None:
        greeted(peer)
        peer.recv(1000)
        peer.sendall(frame({"rows": [1]}) + frame({"done": None}))

    link = linked(pretended(talk))
    with pytest.raises(ToolError, match="unexpected rows") as caught:
        link.ask("x.y", None)
    assert caught.value.code == EX_SOFTWARE
    link.close()


def test_nobody_there(tmp_path: Path) -> None:
    for path in (str(tmp_path / "gone"), "", "x" * 300, "nul\0"):
        with pytest.raises(Unreachable, match="its control socket does not answer"):
            linked(Place("a@b", path, "", 0))


def test_no_time_is_no_answer(pretended: Callable[[Talk], Place]) -> None:
    link = linked(pretended(greeted))
    with pytest.raises(TimeIsUp):
        link.ask("nodes.ping", 0)
    link.close()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "nonsense", '{"node": "a", "pid": "x"}', "5", '{"pid": 5}', "\udcff"]
)
def test_an_entry_that_makes_no_sense(tmp_path: Path, text: str) -> None:
    path = tmp_path / "control.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert place_in(path) is None
    assert place_in(tmp_path) is None
    assert place_in(tmp_path / "gone") is None


def test_a_node_is_found_by_its_name(node: ControlledNode) -> None:
    place = find("rabbit@here", node.environment)
    assert place is not None
    assert (place.node, place.pid) == ("rabbit@here", node.runtime._control.facts("")["pid"])
    assert find("other@here", node.environment) is None
    run = Path(node.environment["LEVERET_RUN_DIR"])
    run.chmod(0o777)  # anybody could have entered it
    assert find("rabbit@here", node.environment) is None
    run.chmod(0o700)


def test_the_cookie_of_the_tool_counts_where_that_of_the_node_cannot_be_read(
    node: ControlledNode, tmp_path: Path
) -> None:
    place = find("rabbit@here", node.environment)
    assert place is not None
    unread = place._replace(cookie_file=str(tmp_path / "gone"))
    Link(unread, None, node.environment).close()
    with pytest.raises(Unreachable, match="there is no cookie: give --erlang-cookie"):
        Link(unread, None, {"HOME": str(tmp_path)})
    with pytest.raises(Unreachable, match="its cookie is another one"):
        Link(place, "WRONG", node.environment)
    with pytest.raises(Unreachable, match="the cookie in the options is empty"):
        Link(place, "", node.environment)
