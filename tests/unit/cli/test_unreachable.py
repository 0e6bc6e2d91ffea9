"""What is said about a node that cannot be reached."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from broker.cli.link import Place
from broker.cli.node_names import short_host
from broker.cli.unreachable import explain, hash_of


def explained(node: str, root: Path, place: Place | None = None, reason: str = "") -> str:
    return explain(node, place, reason, {"LEVERET_RUN_DIR": str(root), "HOME": str(root)}, {})


def test_a_node_that_does_not_run(tmp_path: Path) -> None:
    text = explained("rabbit@localhost", tmp_path)
    assert text.startswith("Error: unable to perform an operation on node 'rabbit@localhost'. ")
    assert "attempted to contact: [rabbit@localhost]" in text
    assert "  * node rabbit not running at all\n" in text
    assert "no other nodes on localhost\n  * suggestion: start the node" in text
    assert f" * effective user's home directory: {tmp_path}\n" in text
    assert " * Erlang cookie hash: (none)\n" in text


def test_odd_names_are_quoted(tmp_path: Path) -> None:
    assert "contact: ['a-b@localhost']" in explained("a-b@localhost", tmp_path)


def test_other_nodes_are_named_if_they_live(tmp_path: Path) -> None:
    for name, pid in (("alive@x", os.getpid()), ("dead@x", 2**22 + 1)):
        entry = {"node": name, "socket": "/none", "pid": pid}
        (tmp_path / f"{name}.json").write_text(json.dumps(entry))
    text = explained(f"rabbit@{short_host()}", tmp_path)
    assert f"other nodes on {short_host()}: [alive]\n" in text


def test_another_machine(tmp_path: Path) -> None:
    assert "host far is another machine" in explained("rabbit@far", tmp_path)


def test_one_that_has_ended_without_a_word(tmp_path: Path) -> None:
    place = Place("rabbit@here", "/run/x.sock", "", 2**22 + 1)
    text = explained("rabbit@here", tmp_path, place, "Connection refused")
    assert "  * /run/x.sock: Connection refused\n  * its process has ended without a word" in text


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_place_of_another_user_is_named(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    text = explained("rabbit@localhost", tmp_path)
    said = "belongs to another user: call this tool as that user, or as root with --data-dir"
    assert f"  * {tmp_path} {said}\n" in text


def test_the_hash_of_a_cookie_is_erlangs() -> None:
    assert hash_of("SECRET") == "RMe+SCJuutXcqCFmdMrWKw=="


def test_a_bad_cookie_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / ".erlang.cookie").touch(mode=0o400)
    text = explained("rabbit@localhost", tmp_path)
    assert f"Erlang cookie hash: (the cookie in {tmp_path / '.erlang.cookie'} is empty)" in text
