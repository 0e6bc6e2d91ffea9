"""A data directory that forgets."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.boot import Broker
from broker.store.errors import StoreError, StoreInUse
from broker.store.store import IDENTITY, claim
from broker.store.wiping import wipe
from tests.integration.support import WirePeer


def test_everything_but_whose_it_is_has_gone(tmp_path: Path) -> None:
    settings = {"data_dir": str(tmp_path), "node_name": "rabbit@here"}
    with Broker(settings) as broker:
        assert broker.node is not None
        with WirePeer(broker.port) as peer:
            peer.login()
            peer.call(1, "Queue.Declare", queue="kept", durable=True)
    (tmp_path / "control.json").write_text("{}")
    identity = (tmp_path / IDENTITY).read_text()
    wipe(tmp_path)
    assert (tmp_path / IDENTITY).read_text() == identity
    assert (tmp_path / "control.json").exists()
    with Broker({"data_dir": str(tmp_path)}) as broker:
        assert broker.node is not None
        assert broker.node.name == "rabbit@here"
        assert not broker.node.vhosts["/"].queues
        assert list(broker.node.users) == ["guest"]


def test_one_that_is_in_use_stays(tmp_path: Path) -> None:
    with Broker({"data_dir": str(tmp_path)}), pytest.raises(StoreInUse, match="in use"):
        wipe(tmp_path)


def test_an_empty_one_is_none_the_worse(tmp_path: Path) -> None:
    wipe(tmp_path)
    wipe(tmp_path)
    claim(tmp_path).unlock()  # nobody holds it


def test_what_cannot_be_deleted_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    with Broker({"data_dir": str(tmp_path / "data")}):
        pass
    names = {path.name for path in (tmp_path / "data").iterdir() if path.is_dir()}
    for name in names:
        messages = tmp_path / "data" / name
        messages.rename(tmp_path / "elsewhere" / name)
        messages.symlink_to(tmp_path / "elsewhere" / name)
    with pytest.raises(StoreError, match=r"cannot empty the data directory .*: .*symbolic link"):
        wipe(tmp_path / "data")
    claim(tmp_path / "data").unlock()
