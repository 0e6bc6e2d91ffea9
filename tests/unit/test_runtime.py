"""The process of a node, and the files that say who it is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from broker.boot import Broker, default_node_name
from broker.config import Config, override
from broker.runtime import announcements, name_of, write_ready_file
from broker.store.errors import StoreInUse
from broker.store.store import IDENTITY
from tests.support.control import ControlledNode


def test_where_a_node_says_who_it_is() -> None:
    config = override(Config(), "data_dir", "/d")
    assert announcements(config, Path("/r")) == [Path("/r"), Path("/d/node.json")]
    assert announcements(Config(), None) == []


def test_the_ready_file_appears_whole(tmp_path: Path) -> None:
    with Broker() as broker:
        path = tmp_path / "ready.json"
        write_ready_file(path, broker)
        ready = json.loads(path.read_text())
        assert ready["pid"] == os.getpid()
        assert ready["ports"]["amqp"] == broker.port != 0
        assert broker.node is not None
        assert ready["node"] == broker.node.name
    assert [entry.name for entry in tmp_path.iterdir()] == ["ready.json"]


def test_one_that_is_stopped_while_its_app_is(tmp_path: Path) -> None:
    with ControlledNode(tmp_path) as node:
        assert node.tool("stop_app").code == 0
        assert not (node.data_dir / "node.json").exists()
        assert (node.root / "pid").read_text() == f"{os.getpid()}\n"
        assert node.tool("stop").code == 0
        node.wait_for_the_end()
    assert not (tmp_path / "pid").exists()
    assert not (tmp_path / "data" / "control.json").exists()
    assert not (tmp_path / "ready.json").exists()


def test_a_second_one_leaves_the_files_of_the_first(tmp_path: Path) -> None:
    with ControlledNode(tmp_path) as first:
        files = [first.root / "pid", first.data_dir / "control.json", first.root / "ready.json"]
        before = [path.read_text() for path in files]
        with pytest.raises(StoreInUse, match="in use"), ControlledNode(tmp_path):
            pass
        assert [path.read_text() for path in files] == before
        assert first.tool("-q", "ping").code == 0


def test_the_name_that_a_data_directory_has(tmp_path: Path) -> None:
    config = override(Config(), "data_dir", str(tmp_path))
    for text in ("", "[]", "{}", "nonsense"):
        (tmp_path / IDENTITY).write_text(text)
        assert name_of(config) == default_node_name()
    (tmp_path / IDENTITY).write_text('{"node": "kept@here"}')
    assert name_of(config) == "kept@here"
    assert name_of(override(config, "node_name", "given@here")) == "given@here"
