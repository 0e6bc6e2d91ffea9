"""Many queues at once, each by its own rights."""

from __future__ import annotations

from typing import Any

import pytest

from broker.commands import SetPermissions
from broker.management.operations import bulk
from tests.support.api import Api
from tests.support.builders import table
from tests.support.peer import Peer


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def peer(api: Api) -> Peer:
    peer = api.world.peer()
    peer.opens_channel(1)
    for name in ("a.1", "a.2", "a.3", "b.1"):
        peer.declares(1, name)
    return peer


def asks(api: Api, pattern: str, action: str, *, user: str = "guest", **more: Any) -> Any:
    body = {"pattern": pattern, "action": action, **more}
    answer = api.asks("POST", "/queues-bulk/%2f", body, user=user)
    assert answer.status == 200, answer.body
    return answer.json


def names(api: Api) -> list[str]:
    return sorted(api.world.vhost.queues)


def test_what_would_be_done(api: Api, peer: Peer) -> None:
    found = asks(api, "^a", "delete", dry_run=True)
    expected = {"matched": ["a.1", "a.2", "a.3"], "done": 0, "failed": [], "left": 0, "next": None}
    assert found == expected
    assert len(names(api)) == 4


def test_all_that_match_are_deleted(api: Api, peer: Peer) -> None:
    found = asks(api, "a", "delete")
    assert (found["done"], found["failed"]) == (3, [])
    assert names(api) == ["b.1"]
    assert asks(api, "a", "delete")["matched"] == []


def test_all_that_match_are_purged(api: Api, peer: Peer) -> None:
    peer.publishes(1, "a.1", "x", "y")
    peer.publishes(1, "b.1", "z")
    assert asks(api, r"\.1$", "purge")["done"] == 2
    assert [api.world.queue(name).ready_count for name in ("a.1", "b.1")] == [0, 0]


def test_conditions_and_owners_are_those_of_amqp(api: Api, peer: Peer) -> None:
    peer.publishes(1, "a.1", "x")
    peer.consumes(1, "a.2")
    peer.declares(1, "a.4", exclusive=True)
    peer.declares(1, "a.5", table(x_queue_type="quorum"), durable=True)
    found = asks(api, "a", "delete", if_empty=True, if_unused=True)
    assert found["done"] == 1
    reasons = {one["name"]: one["reason"] for one in found["failed"]}
    assert reasons == {
        "a.1": "queue 'a.1' in vhost '/' not empty",
        "a.2": "queue 'a.2' in vhost '/' in use",
        "a.4": reasons["a.4"],
        "a.5": reasons["a.5"],
    }
    assert "cannot obtain exclusive access to locked queue 'a.4'" in reasons["a.4"]
    assert "if-unused" in reasons["a.5"]
    assert names(api) == ["a.1", "a.2", "a.4", "a.5", "b.1"]
    assert "locked" in asks(api, "a.4", "purge")["failed"][0]["reason"]


def test_each_needs_its_permission(api: Api, peer: Peer) -> None:
    api.has_user("u", "management")
    api.node.execute(SetPermissions("u", "/", r"a\.[12]", "", r"a\.2"))
    found = asks(api, "a", "delete", user="u", dry_run=True)
    assert found["matched"] == ["a.1", "a.2", "a.3"]
    purged = asks(api, "a", "purge", user="u")
    assert purged["done"] == 1
    assert [one["name"] for one in purged["failed"]] == ["a.1", "a.3"]
    deleted = asks(api, "a", "delete", user="u")
    assert deleted["done"] == 2
    assert "access to queue 'a.3' in vhost '/' refused" in deleted["failed"][0]["reason"]
    assert names(api) == ["a.3", "b.1"]


def test_some_hundred_at_a_time(api: Api, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "QUEUES_MAX", 2)
    monkeypatch.setattr(bulk, "CHUNK", 1)
    peer.consumes(1, "a.1")
    first = asks(api, "a", "delete", if_unused=True)
    assert (first["matched"], first["done"], first["left"]) == (["a.1", "a.2"], 1, 1)
    assert first["next"] == "a.2"
    last = asks(api, "a", "delete", if_unused=True, after=first["next"])
    assert (last["matched"], last["left"], last["next"]) == (["a.3"], 0, None)


def test_purging_comes_to_an_end(api: Api, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "QUEUES_MAX", 1)
    for name in ("a.1", "a.3"):
        peer.publishes(1, name, "x")
    first = asks(api, "a", "purge")
    assert (first["matched"], first["left"], first["next"]) == (["a.1"], 1, None)
    second = asks(api, "a", "purge")
    assert (second["matched"], second["left"]) == (["a.3"], 0)
    begun = asks(api, "a", "purge", after="")
    assert (begun["matched"], begun["left"], begun["next"]) == (["a.1"], 2, "a.1")
    by_name = asks(api, "a", "purge", after="a.1")
    assert (by_name["matched"], by_name["left"], by_name["next"]) == (["a.2"], 1, "a.2")


def test_names_that_would_take_long_are_left_alone(api: Api, peer: Peer) -> None:
    peer.declares(1, "a" * 200)
    found = asks(api, ".*.*.*=", "delete")
    assert found["matched"] == []
    assert [one["name"] for one in found["failed"]] == ["a" * 200]


def test_one_that_goes_meanwhile(api: Api, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bulk.require

    async def require(access: Any, permission: str, kind: str, name: str) -> None:
        await whole(access, permission, kind, name)
        api.world.vhost.delete_queue("a.2")

    monkeypatch.setattr(bulk, "require", require)
    found = asks(api, "a", "delete")
    assert found["failed"] == [{"name": "a.2", "reason": "it is gone"}]
    assert found["done"] == 2
