"""What a cluster is called, and what it is told apart by."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.amqp.frames import PROTOCOL_HEADER
from broker.amqp.methods import ConnectionStart
from broker.commands import ClearGlobalParameter, SetGlobalParameter
from broker.identity import ID, NAME, make_id
from tests.support.durable import DurableWorld
from tests.support.peer import Peer, World


@pytest.mark.parametrize("value", ["5", "null", '""', "[]"])
def test_a_name_that_is_none(value: str) -> None:
    node = World({"cluster_name": "mine"}).node
    node.execute(SetGlobalParameter(NAME, value))
    assert node.cluster_name == "mine"


def test_the_name_may_be_changed() -> None:
    node = World({"cluster_name": "mine"}).node
    node.execute(SetGlobalParameter("other", '"x"'))
    assert node.cluster_name == "mine"
    node.execute(SetGlobalParameter(NAME, '"yours"'))
    assert node.cluster_name == "yours"
    node.execute(ClearGlobalParameter(NAME))
    assert node.cluster_name == "mine"


def test_clients_are_told() -> None:
    world = World()
    world.node.execute(SetGlobalParameter(NAME, '"yours"'))
    peer = Peer(world)
    peer.sends_octets(PROTOCOL_HEADER)
    start = peer.takes(0, ConnectionStart)
    assert start.server_properties["cluster_name"].value == "yours"


def test_both_survive(tmp_path: Path) -> None:
    world = DurableWorld(tmp_path)
    make_id(world.node)
    found = world.node.global_parameters[ID]
    assert str(found).startswith("rabbitmq-cluster-id-")
    world.node.execute(SetGlobalParameter(NAME, '"yours"'))
    world.commit()
    again = world.crashes()
    make_id(again.node)
    assert again.node.global_parameters[ID] == found
    assert again.node.cluster_name == "yours"
    again.catalogue.close()


def test_no_two_are_alike() -> None:
    nodes = [World().node for _ in range(2)]
    for node in nodes:
        make_id(node)
    first, second = (node.global_parameters[ID] for node in nodes)
    assert first != second
