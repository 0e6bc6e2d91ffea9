"""Two worlds in which the same happens, but that in one of them somebody browses the queues.

Everything that peers see is the same in both, and what browsing shows is what consuming gives.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from broker.amqp.methods import (
    BasicAck,
    BasicCancel,
    BasicConsume,
    BasicGet,
    BasicNack,
    BasicQos,
    QueueDeclare,
    QueuePurge,
)
from tests.property.conftest import examples
from tests.support.api import Api
from tests.support.builders import table
from tests.support.kept import KeptWorld
from tests.support.peer import Content, Peer, World

KINDS: dict[str, dict[str, object]] = {
    "plain": {},
    "in memory": {},
    "lazy": {"x_queue_mode": "lazy"},
    "ttl": {"x_message_ttl": 5_000},
    "limited": {"x_max_length_bytes": 400},
    "priority": {"x_max_priority": 3},
    "quorum": {"x_queue_type": "quorum"},
    "quorum with a limit": {"x_queue_type": "quorum", "x_delivery_limit": 2},
}
MEMORY = 700  # octets that a queue holds: a few messages
NAME = "q"


class Side:
    """A world with a peer that has channels 1 and 2. Channel 2 publishes."""

    def __init__(self, kind: str):
        self.world: World = World() if kind == "in memory" else KeptWorld(queue_memory=MEMORY)
        self.seen: list[object] = []
        self.connects()
        self.does(QueueDeclare(queue=NAME, durable=True, arguments=table(**KINDS[kind])))

    def connects(self) -> None:
        self.peer = self.world.peer()
        self.peer.opens_channel(1, 2)

    def does(self, *commands: Any) -> None:
        self.peer.sends(1, *commands)
        self.look()

    def look(self) -> None:
        self.seen += [_comparable(one) for one in self.peer.takes_all(1)]

    def tags(self) -> list[int]:
        return list(self.peer.connection.channels[1].unacked)


def _comparable(one: object) -> object:
    if isinstance(one, Content):
        return one.method, one.header, one.body
    return one


class Browsing(RuleBasedStateMachine):
    @initialize(kind=st.sampled_from(sorted(KINDS)))
    def begins(self, kind: str) -> None:
        self.kind = kind
        self.browsed, self.other = self.sides = Side(kind), Side(kind)
        self.api = Api(self.browsed.world)
        self.count = 0
        self.tag: str | None = None

    def both_do(self, *commands: Any) -> None:
        for side in self.sides:
            side.does(*commands)
        assert self.browsed.seen == self.other.seen

    @rule(
        count=st.integers(1, 20),
        mode=st.sampled_from([1, 2]),
        properties=st.sampled_from(
            [
                {},
                {},
                {},
                {"priority": 1},
                {"priority": 3},
                {"expiration": "1500"},
                {"message_id": "m"},
            ]
        ),
    )
    def publish(self, count: int, mode: int, properties: dict[str, Any]) -> None:
        bodies = [f"{self.count + number:07}" for number in range(count)]
        self.count += count
        for side in self.sides:
            side.peer.publishes(2, NAME, *bodies, delivery_mode=mode, **properties)
            side.look()

    @rule(no_ack=st.booleans(), count=st.integers(1, 8))
    def get(self, no_ack: bool, count: int) -> None:
        self.both_do(*[BasicGet(queue=NAME, no_ack=no_ack)] * count)

    @precondition(lambda self: self.tag is None)
    @rule(prefetch=st.integers(1, 5))
    def consume(self, prefetch: int) -> None:
        self.tag = "c"
        self.both_do(
            BasicQos(prefetch_count=prefetch), BasicConsume(queue=NAME, consumer_tag=self.tag)
        )

    @precondition(lambda self: self.tag is not None)
    @rule()
    def cancel(self) -> None:
        self.both_do(BasicCancel(consumer_tag=str(self.tag)))
        self.tag = None

    @precondition(lambda self: self.other.tags())
    @rule(data=st.data(), multiple=st.booleans(), outcome=st.sampled_from(["ack", "back", "gone"]))
    def settle(self, data: Any, multiple: bool, outcome: str) -> None:
        tag = data.draw(st.sampled_from(self.other.tags()))
        if outcome == "ack":
            self.both_do(BasicAck(tag, multiple))
        else:
            self.both_do(BasicNack(tag, multiple=multiple, requeue=outcome == "back"))

    @rule(milliseconds=st.sampled_from([500, 2000, 6000]))
    def time_passes(self, milliseconds: int) -> None:
        for side in self.sides:
            side.world.passes(milliseconds)
            side.look()

    @rule()
    def purge(self) -> None:
        self.both_do(QueuePurge(queue=NAME))

    @precondition(lambda self: self.kind != "in memory")
    @rule()
    def commit(self) -> None:
        for side in self.sides:
            assert isinstance(side.world, KeptWorld)
            side.world.commits()

    @precondition(lambda self: self.kind != "in memory")
    @rule(commits=st.booleans())
    def crash(self, commits: bool) -> None:
        for side in self.sides:
            assert isinstance(side.world, KeptWorld)
            if commits:
                side.world.commits()
            side.world = side.world.crashes()
            side.connects()
        self.api = Api(self.browsed.world)
        self.tag = None

    @rule(
        offset=st.integers(0, 30),
        limit=st.integers(1, 30),
        search=st.sampled_from(["", "", "3", "M"]),
        state=st.sampled_from(["ready", "ready", "unacked"]),
    )
    def browse(self, offset: int, limit: int, search: str, state: str) -> None:
        query = f"offset={offset}&limit={limit}&search={search}&state={state}"
        page = self.page(query)
        whole = self.whole(state)
        if not search:
            assert page["items"] == whole[offset : offset + limit]
        wanted = [one for one in whole[offset:] if matches(one, search)][:limit]
        assert page["items"] == wanted

    def page(self, query: str) -> Any:
        found = self.api.gets(f"/queues/%2f/{NAME}/messages?{query}")
        queue = self.other.world.queue(NAME)
        state = "unacked" if "state=unacked" in query else "ready"
        assert found["total"] == (queue.ready_count if state == "ready" else queue.unacked_count)
        assert not found["changed"]
        assert not found["unreadable"]
        return found

    def whole(self, state: str) -> list[dict[str, Any]]:
        """Everything, page by page, by cursors."""
        items: list[dict[str, Any]] = []
        after = ""
        while True:
            query = f"offset={len(items)}&limit=7&state={state}&after={after}"
            found = self.page(query)
            items += found["items"]
            if found["next"] is None:
                assert found["next_offset"] is None
                assert len(items) == found["total"]
                assert [one["position"] for one in items] == list(range(len(items)))
                return items
            assert found["next_offset"] == len(items)
            after = found["next"]

    def teardown(self) -> None:
        """What browsing shows is what consuming gives."""
        if not hasattr(self, "sides"):
            return
        if self.tag is not None:
            self.cancel()
        shown = self.whole("ready")
        assert len({one["sequence"] for one in shown}) == len(shown)
        taken = taken_from(self.other.peer)
        assert taken == taken_from(self.browsed.peer)
        for one in shown:
            is_next = taken and (one["payload"], one["redelivered"]) == taken[0]
            if is_next:
                del taken[0]
            else:  # behind others that live longer, it is there until they have gone
                assert self.kind == "ttl" or "expiration" in one["properties"]
        assert not taken


def matches(one: dict[str, Any], text: str) -> bool:
    properties = one["properties"]
    return text in one["payload"] or text.lower() in properties.get("message_id", "")


def taken_from(peer: Peer) -> list[tuple[str, bool]]:
    found = []
    while (content := peer.gets(2, NAME)) is not None:
        method: Any = content.method
        found.append((content.body.decode(), method.redelivered))
    return found


Browsing.TestCase.settings = examples(60)
test_browsing_leaves_no_trace = Browsing.TestCase
