"""Who watches the definitions of a node that is being started."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from broker import Broker
from broker.commands import AddVhost


def test_what_is_new_is_told_and_what_was_kept_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "broker")
    told = []
    for _ in range(2):
        caplog.clear()
        with Broker({"data_dir": str(tmp_path / "data"), "management.enabled": False}) as broker:
            told.append([text for text in caplog.messages if "'" in text])
            broker.call(lambda node: node.execute(AddVhost("later")))
            assert "'later'" in caplog.text or len(told) == 2
    assert told == [
        [
            "Adding vhost '/' (description: 'Default virtual host', tags: [])",
            "Created user 'guest'",
            "Successfully set user tags for user 'guest' to [administrator]",
            "Successfully set permissions for 'guest' in virtual host '/' to '.*', '.*', '.*'",
        ],
        [],
    ]
