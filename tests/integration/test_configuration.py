"""A node that has its settings from RabbitMQ's files, and takes up others while it runs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.conformance import wire_codec as wire
from tests.integration.support import WirePeer, serves, start_ok, wait_until
from tests.support.process import FREE_PORTS, BrokerProcess

ROOT = Path(__file__).parents[2]


def heartbeat_offered(port: int) -> int:
    """What connection.tune says."""
    with WirePeer(port) as peer:
        peer.send(wire.PROTOCOL_HEADER)
        peer.hear("Connection.Start")
        peer.say(0, "Connection.StartOk", **start_ok("guest", "guest"))
        heartbeat: int = peer.hear("Connection.Tune")[1]["heartbeat"]
        return heartbeat


def says(broker: BrokerProcess, line: str) -> None:
    wait_until(lambda: line in broker.log.read_text(), f"a line of the log: {line}")


def test_a_node_with_rabbitmqs_files_takes_up_other_settings(tmp_path: Path) -> None:
    definitions = tmp_path / "definitions.json"
    user = {"name": "guest", "password": "guest", "tags": "administrator"}
    rights = {"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}
    definitions.write_text(
        json.dumps({"users": [user], "vhosts": [{"name": "/"}], "permissions": [rights]})
    )
    conf = tmp_path / "rabbitmq.conf"
    conf.write_text(f"heartbeat = 33\nload_definitions = {definitions}\nnet_ticktime = 60\n")
    with BrokerProcess("--config", str(conf)) as broker:
        serves(broker.port, "127.0.0.1")
        assert heartbeat_offered(broker.port) == 33
        assert "'net_ticktime' is accepted without effect" in broker.log.read_text()
        conf.write_text("heartbeat = 44\nchannel_max = x\n")
        broker.signal(signal.SIGHUP)
        says(broker, "settings stay as they are")
        assert heartbeat_offered(broker.port) == 33
        conf.write_text(f"heartbeat = 44\nload_definitions = {definitions}\ndata_dir = /x\n")
        broker.signal(signal.SIGHUP)
        says(broker, "setting changed, heartbeat: 33 -> 44")
        assert heartbeat_offered(broker.port) == 44
        assert "Traceback" not in broker.log.read_text()


def test_definitions_that_cannot_be_imported_are_one_line(tmp_path: Path) -> None:
    conf = tmp_path / "rabbitmq.conf"
    (tmp_path / "bad.json").write_text("{")
    conf.write_text(f"load_definitions = {tmp_path}/bad.json\n")
    flags = ("--config", str(conf), "--data-dir", "none", "--bind", "127.0.0.1", *FREE_PORTS)
    done = subprocess.run(
        [sys.executable, "-m", "broker", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"leveret: definitions in {tmp_path}/bad.json are no JSON object\n"
