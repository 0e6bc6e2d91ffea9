"""Pages of messages, and where they end. tests/property/test_browsing.py has what is in them."""

from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.methods import BasicGet
from broker.management.lane import Breath
from broker.management.operations import browsing
from broker.management.operations.browsing import READY, UNACKED, Wanted, age_of, browse
from broker.management.operations.searching import PLACES, Search
from broker.management.operations.walking import Walk
from broker.management.request import Refusal, parsed
from tests.support.api import Api
from tests.support.peer import Peer


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def peer(api: Api) -> Peer:
    peer = api.world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abcdefgh")
    return peer


def page(api: Api, state: str = READY, **wanted: Any) -> dict[str, Any]:
    breath = Breath(api.management.lane)
    queue = api.world.queue("q")
    found = api.runs(browse(queue, api.node, state, Wanted(**wanted), breath))
    found["items"] = [parsed(item) for item in found["items"]]
    found["bodies"] = "".join(item["payload"] for item in found["items"])
    return found


@pytest.mark.parametrize("state", [READY, UNACKED])
def test_pages_by_offsets_and_by_cursors(api: Api, peer: Peer, state: str) -> None:
    if state == UNACKED:
        peer.sends(1, *[BasicGet(queue="q")] * 8)
    first = page(api, state, limit=3)
    assert (first["bodies"], first["total"], first["scanned"]) == ("abc", 8, 3)
    assert first["next_offset"] == 3
    by_offset = page(api, state, limit=3, offset=3)
    by_cursor = page(api, state, limit=3, offset=3, after=first["next"])
    assert by_offset == by_cursor
    assert [item["position"] for item in by_offset["items"]] == [3, 4, 5]
    last = page(api, state, limit=3, offset=6)
    assert (last["bodies"], last["next"], last["next_offset"]) == ("gh", None, None)
    for offset in (8, 10**17):
        beyond = page(api, state, offset=offset)
        assert (beyond["items"], beyond["total"], beyond["next"]) == ([], 8, None)
    assert page(api, state, limit=8)["next"] is None


def test_a_cursor_goes_on_where_it_was_whatever_has_gone(api: Api, peer: Peer) -> None:
    cursor = page(api, limit=2)["next"]
    for _ in range(4):
        peer.gets(1, "q")
    assert page(api, after=cursor)["bodies"] == "efgh"


@pytest.mark.parametrize(
    ("bound", "most"), [("SCAN_MAX", 3), ("SCAN_OCTETS", 3), ("ANSWER_OCTETS", 700)]
)
def test_a_request_does_not_go_on_for_ever(
    api: Api, peer: Peer, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    monkeypatch.setattr(browsing, bound, most)
    bodies, offset = "", 0
    while True:
        found = page(api, offset=offset)
        assert 0 < found["scanned"] < 8
        bodies += found["bodies"]
        if found["next_offset"] is None:
            break
        offset = found["next_offset"]
    assert bodies == "abcdefgh"


def test_a_search_says_how_far_it_got(
    api: Api, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Search("g", frozenset(PLACES))
    monkeypatch.setattr(browsing, "SCAN_MAX", 4)
    found = page(api, search=search)
    assert (found["items"], found["scanned"], found["next_offset"]) == ([], 4, 4)
    found = page(api, search=search, offset=4)
    assert (found["bodies"], found["scanned"], found["next_offset"]) == ("g", 4, None)
    assert found["items"][0]["position"] == 6


def test_it_says_when_the_queue_has_moved(
    api: Api, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert page(api)["changed"] is False
    whole = Walk.next

    async def slowly(self: Walk, most: int, breath: Breath) -> Any:
        found = await whole(self, 2, breath)
        peer.gets(1, "q")
        return found

    monkeypatch.setattr(Walk, "next", slowly)
    found = page(api)
    assert (found["changed"], found["bodies"], found["total"]) == (True, "abcdefgh", 3)


@pytest.mark.parametrize(
    ("state", "cursor"), [(READY, "x"), (READY, "1.2.3"), (UNACKED, "5"), (UNACKED, "1.2.x")]
)
def test_a_cursor_that_is_none(api: Api, peer: Peer, state: str, cursor: str) -> None:
    with pytest.raises(Refusal) as refused:
        page(api, state, after=cursor)
    assert refused.value.status == 400


def test_what_is_damaged_is_counted(api: Api, peer: Peer) -> None:
    message = api.world.queue("q").ready[1]
    message.envelope.header = message.envelope.header[:-1] + b"\xff"
    found = page(api)
    assert (found["unreadable"], found["scanned"]) == (8, 8)  # they share it
    assert found["items"] == []


def test_an_age_is_known_where_somebody_keeps_it(api: Api, peer: Peer) -> None:
    class Ages:
        numbers = (3,)

        def entered_ms(self, number: int) -> float:
            return 1000.0 * number

    class Queue:
        ages: Any = None

    queue: Any = Queue()
    assert age_of(queue, 3, 10_000) is None
    queue.ages = Ages()
    assert (age_of(queue, 2, 10_000), age_of(queue, 3, 10_000)) == (None, 7.0)
    assert age_of(queue, 20, 10_000) == 0.0
