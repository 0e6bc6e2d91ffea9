from __future__ import annotations

from collections.abc import Iterator

import pytest

from broker.amqp.methods import QueueDeclare
from broker.commands import DeleteVhost
from tests.support.api import Api
from tests.support.peer import Peer, World

NO_OBJECT = ("not_authorised", "User not authorised to access object")


@pytest.fixture
def api(world: World) -> Api:
    """With a vhost v, a monitor, and anna who may enter both vhosts, bob who may enter none."""
    api = Api(world)
    api.has_vhost("v")
    api.has_user("monitor", "monitoring", vhosts=())
    api.has_user("anna", "management", vhosts=("/", "v"))
    api.has_user("bob", "management", vhosts=())
    return api


@pytest.fixture
def annas(api: Api, world: World) -> Peer:
    """A connection of anna's, with channel 1."""
    peer = world.peer(user="anna", password="anna", vhost="v")
    peer.opens_channel(1)
    return peer


def entries(api: Api, path: str, user: str) -> Iterator[tuple[str, str]]:
    for entry in api.gets(path, user=user):
        yield entry["vhost"], entry["name"]


def test_queues_are_those_of_vhosts_that_somebody_may_enter(
    api: Api, peer: Peer, annas: Peer
) -> None:
    peer.declares(1, "q")
    annas.declares(1, "in v")
    assert list(entries(api, "/queues", "anna")) == [("/", "q"), ("v", "in v")]
    everything = [("/", "q"), ("v", "in v")]  # an administrator need not enter himself
    assert list(entries(api, "/queues", "guest")) == everything
    for user in ("bob", "monitor"):
        assert list(entries(api, "/queues", user)) == []
    assert api.names("/queues/v", user="anna") == ["in v"]


def test_connections_and_channels_are_ones_own_or_a_monitor_sees_all(
    api: Api, peer: Peer, annas: Peer
) -> None:
    for path in ("/connections", "/channels"):
        users = [entry["user"] for entry in api.gets(path, user="monitor")]
        assert sorted(users) == ["anna", "guest"]
        assert [entry["user"] for entry in api.gets(path, user="anna")] == ["anna"]
        assert api.gets(path, user="bob") == []


def test_of_a_vhost_somebody_sees_his_own(api: Api, peer: Peer, annas: Peer) -> None:
    for what in ("connections", "channels"):
        for user, path, count in (
            ("anna", f"/vhosts/v/{what}", 1),
            ("anna", f"/vhosts/%2f/{what}", 0),
            ("guest", f"/vhosts/%2f/{what}", 1),
        ):
            assert len(api.gets(path, user=user)) == count, (user, path)
        refused = api.asks("GET", f"/vhosts/v/{what}", user="monitor")  # RabbitMQ asks for access
        refused.is_refused(401, "not_authorised", "User not authorised to access virtual host")


def test_those_of_others_are_refused(api: Api, peer: Peer) -> None:
    name = "127.0.0.1:50000 -> 127.0.0.1:5672".replace(" ", "%20").replace(">", "%3E")
    for path in (
        f"/connections/{name}",
        f"/channels/{name}%20(1)",
        f"/connections/{name}/channels",
    ):
        assert api.asks("GET", path, user="monitor").status == 200
        api.asks("GET", path, user="anna").is_refused(401, *NO_OBJECT)
    for user in ("anna", "monitor"):  # who sees it may not yet close it
        api.asks("DELETE", f"/connections/{name}", user=user).is_refused(401, *NO_OBJECT)
    assert peer.world.node.usage.connections_of["guest"] == 1
    peer.receives_nothing()


def test_what_is_not_there_is_not_found(api: Api, peer: Peer) -> None:
    for path in ("/connections/x", "/channels/x", "/connections/x/channels"):
        api.asks("GET", path).is_refused(404, "Object Not Found", "Not Found")
    name = "127.0.0.1:50000%20-%3E%20127.0.0.1:5672"
    api.asks("GET", f"/channels/{name}%20(2)").is_refused(404, "Object Not Found", "Not Found")


def test_a_connection_that_has_hung_up_is_not_shown(api: Api, peer: Peer, other: Peer) -> None:
    other.connection.drop()  # its transport is not lost yet
    assert len(api.gets("/connections")) == 1
    assert len(api.gets("/channels")) == 1


def test_a_connection_before_its_open_is_not_shown(api: Api, world: World) -> None:
    Peer(world).sends_octets(b"AMQP\x00\x00\x09\x01")
    assert api.gets("/connections") == []


def test_a_vhost_that_goes_meanwhile_is_not_missed(api: Api, annas: Peer) -> None:
    annas.sends(1, QueueDeclare(queue="q"))
    api.node.execute(DeleteVhost("v"))
    assert api.gets("/queues", user="anna") == []
    api.asks("GET", "/queues/v").is_refused(404, "Object Not Found", "Not Found")


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/overview", "bad_request"),
        ("/nodes", "bad_request"),
        ("/exchanges/%2f/amq.topic", "bad_request"),
        ("/queues", "invalid_range_parameters"),
        ("/exchanges", "invalid_range_parameters"),
        ("/connections", "bad_request"),
        ("/channels", "bad_request"),
        ("/vhosts", "invalid_range_parameters"),
    ],
)
def test_a_range_that_is_none_is_refused_in_two_ways(api: Api, path: str, error: str) -> None:
    answer = api.asks("GET", f"{path}?lengths_age=60&lengths_incr=0")
    answer.is_refused(400, error, "Invalid range parameters: age 60, incr 0")
