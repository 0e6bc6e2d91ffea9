"""The files that say who a node is."""

from __future__ import annotations

import json
import os
from pathlib import Path

from broker.boot import Broker
from broker.config import Config, override
from broker.ready_file import announcements, write_ready_file


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
