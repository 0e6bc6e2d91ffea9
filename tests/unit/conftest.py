"""What conversations start with."""

from __future__ import annotations

import pytest

from tests.support.peer import Peer, World


@pytest.fixture
def world() -> World:
    """A node with its defaults: vhost "/", user guest."""
    return World()


@pytest.fixture
def peer(world: World) -> Peer:
    """A peer with an open connection and channel 1."""
    peer = world.peer()
    peer.opens_channel(1)
    return peer


@pytest.fixture
def other(world: World) -> Peer:
    """Another one, at the same node."""
    other = world.peer()
    other.opens_channel(1)
    return other
