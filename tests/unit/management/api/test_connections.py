from __future__ import annotations

import pytest

from broker.amqp.methods import ConnectionClose, ConnectionCloseOk
from tests.support.api import Api
from tests.support.peer import Peer, World

NAME = "127.0.0.1:50000%20-%3E%20127.0.0.1:5672"


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


def test_connections_and_channels_are_listed(api: Api, peer: Peer) -> None:
    peer.opens_channel(2)
    (connection,) = api.gets("/connections")
    assert connection["channels"] == 2
    for path in ("/channels", f"/connections/{NAME}/channels", "/vhosts/%2f/channels"):
        assert [one["number"] for one in api.gets(path)] == [1, 2], path
    assert api.gets("/vhosts/%2f/connections") == [connection]
    assert api.gets(f"/connections/{NAME}")["name"] == connection["name"]
    assert api.gets(f"/channels/{NAME}%20(2)")["number"] == 2


def test_a_channel_that_was_refused_something_is_not_there(api: Api, peer: Peer) -> None:
    peer.publishes(1, "x", "body", exchange="nope")
    assert api.gets("/channels") == []


def test_connections_of_a_user(api: Api, peer: Peer, other: Peer) -> None:
    api.has_user("anna")
    api.world.peer(user="anna", password="anna")
    found = api.gets("/connections/username/guest")
    assert [(one["user"], one["vhost"], one["node"]) for one in found] == [
        ("guest", "/", api.node.name)
    ] * 2
    assert api.gets("/connections/username/nobody") == []


def test_closing_a_connection(api: Api, peer: Peer) -> None:
    api.asks("DELETE", f"/connections/{NAME}").is_empty()
    text = "CONNECTION_FORCED - Closed via management plugin"
    peer.is_closed_with(0, 320, text, (0, 0))
    peer.sends(0, ConnectionCloseOk())
    assert api.gets("/connections") == []


def test_closing_a_connection_with_a_reason(api: Api, peer: Peer) -> None:
    api.asks("DELETE", f"/connections/{NAME}", x_reason="too slow").is_empty()
    peer.is_closed_with(0, 320, "CONNECTION_FORCED - too slow", (0, 0))


@pytest.mark.parametrize(
    ("octets", "shown"),
    [("señor, 兎".encode(), "señor, 兎"), (b"se\xf1or", "se\ufffdor")],
)
def test_a_reason_is_utf8(api: Api, peer: Peer, octets: bytes, shown: str) -> None:
    sent = octets.decode("latin-1")  # as the HTTP listener has it
    api.asks("DELETE", f"/connections/{NAME}", x_reason=sent).is_empty()
    peer.is_closed_with(0, 320, f"CONNECTION_FORCED - {shown}", (0, 0))


@pytest.mark.parametrize("reason", ["x" * 1000, "größe".encode().decode("latin-1") * 100, ""])
def test_a_reason_may_be_longer_than_there_is_room(api: Api, peer: Peer, reason: str) -> None:
    api.asks("DELETE", f"/connections/{NAME}", x_reason=reason).is_empty()
    close = peer.takes(0, ConnectionClose)
    assert close.reply_code == 320
    assert len(close.reply_text.encode()) <= 255
    reason = reason.encode("latin-1").decode("utf-8", "replace")
    whole = f"CONNECTION_FORCED - {reason}"
    assert close.reply_text == whole or whole.startswith(close.reply_text.removesuffix("..."))


def test_closing_all_connections_of_a_user(api: Api, peer: Peer) -> None:
    api.has_user("anna")
    annas = [api.world.peer(user="anna", password="anna") for _ in range(2)]
    api.asks("DELETE", "/connections/username/anna").is_empty()
    for one in annas:
        assert one.takes(0, ConnectionClose).reply_code == 320
    peer.receives_nothing()


def test_consumers_of_all_and_of_a_vhost(api: Api, peer: Peer) -> None:
    for queue in ("b", "a"):
        peer.declares(1, queue)
        for tag in ("2", "1"):
            peer.consumes(1, queue, f"{queue}{tag}")
    for path in ("/consumers", "/consumers/%2f"):
        assert [one["consumer_tag"] for one in api.gets(path)] == ["a1", "a2", "b1", "b2"]
    api.has_vhost("v")
    assert api.gets("/consumers/v") == []
    api.has_user("anna", "management")
    assert api.gets("/consumers", user="anna") == []
    api.has_user("monitor", "monitoring")
    assert len(api.gets("/consumers", user="monitor")) == 4


def test_of_one_there_are_no_columns(api: Api, peer: Peer) -> None:
    """And what is wrong with a range is said before the client has been asked what it takes."""
    for path in (f"/connections/{NAME}", f"/channels/{NAME}%20(1)"):
        assert api.gets(f"{path}?columns=node").keys() >= {"name", "vhost", "reductions_details"}
        answer = api.asks("GET", f"{path}?lengths_age=5&lengths_incr=0")
        answer.is_refused(400, "bad_request", "Invalid range parameters: age 5, incr 0")
        assert ("vary", "origin") in answer.response.headers


def test_lists_without_statistics_have_none_by_columns_either(api: Api, peer: Peer) -> None:
    columns = "columns=user,state,channels,recv_oct,prefetch_count"
    for path in ("/connections", "/channels"):
        assert api.gets(f"{path}?disable_stats=true&{columns}") == [{"user": "guest"}]
        assert api.gets(f"{path}?{columns}")[0]["state"] == "running"
