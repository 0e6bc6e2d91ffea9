"""Connections, channels and consumers answer what their table says."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.support.peer import Peer
from tests.unit.management.openapi.conftest import Told


@pytest.fixture
def peer(told: Told) -> Peer:
    """Consumes from a queue."""
    peer = told.api.world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.consumes(1, "q")
    return peer


@pytest.mark.usefixtures("peer")
def test_what_a_client_has(told: Told) -> None:
    (connection,) = told.asks("GET", "/connections")
    (channel,) = told.asks("GET", "/channels")
    (consumer,) = told.asks("GET", "/consumers")
    assert consumer["channel_details"]["name"] == channel["name"]
    names = {
        "connection": quote(connection["name"], safe=""),
        "channel": quote(channel["name"], safe=""),
        "username": "guest",
        "vhost": "%2f",
    }
    for path in ("/connections/:connection", "/channels/:channel"):
        assert told.asks("GET", path, names)["vhost"] == "/"
    for path in (
        *("/connections/username/:username", "/connections/:connection/channels"),
        *("/vhosts/:vhost/connections", "/vhosts/:vhost/channels", "/consumers/:vhost"),
    ):
        assert len(told.asks("GET", path, names)) == 1
    told.asks("DELETE", "/connections/:connection", names, status=204)
    told.asks("DELETE", "/connections/username/:username", names, status=204)
