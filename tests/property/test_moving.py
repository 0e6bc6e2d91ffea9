"""Messages are moved from one queue to another while it is used, and the node dies now and then.

What was moved is in the one queue and not in the other, in order, wherever it waited; after a crash
each message is where it was at the last commit.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from broker.amqp.methods import BasicAck, BasicGet, BasicNack, QueueDeclare
from broker.management.lane import Breath
from broker.management.operations.moving import Mover, to_queue
from tests.property.conftest import examples
from tests.property.test_browsing import MEMORY
from tests.support.api import Api
from tests.support.builders import table
from tests.support.kept import KeptWorld
from tests.support.peer import World

KINDS: dict[str, dict[str, object]] = {
    "plain": {},
    "in memory": {},
    "ttl": {"x_message_ttl": 1_000_000},
    "limited": {"x_max_length_bytes": 100_000},
    "priority": {"x_max_priority": 3},
    "quorum": {"x_queue_type": "quorum"},
    "quorum with a limit": {"x_queue_type": "quorum", "x_delivery_limit": 20},
}
SOURCE, TARGET = "source", "target"
Entry = tuple[int, str]  # sequence number, body


class Moving(RuleBasedStateMachine):
    @initialize(kind=st.sampled_from(sorted(KINDS)))
    def begins(self, kind: str) -> None:
        self.kind = kind
        self.world: World = World() if kind == "in memory" else KeptWorld(queue_memory=MEMORY)
        self.connects()
        arguments = table(**KINDS[kind])
        self.peer.sends(1, QueueDeclare(queue=SOURCE, durable=True, arguments=arguments))
        self.peer.sends(1, QueueDeclare(queue=TARGET, durable=True))
        self.count = 0
        self.commit()

    def connects(self) -> None:
        self.peer = self.world.peer()
        self.peer.opens_channel(1)
        self.api = Api(self.world)

    def commit(self) -> None:
        if isinstance(self.world, KeptWorld):
            self.world.commits()
        self.committed = [
            sorted(body for name in names for body in self.everything(name))
            for names in ([SOURCE], [TARGET])
        ]

    def everything(self, name: str) -> list[str]:
        """Ready or not."""
        return [body for state in ("ready", "unacked") for _, body in self.shown(name, state)]

    def shown(self, name: str, state: str = "ready") -> list[Entry]:
        found = self.api.gets(f"/queues/%2f/{name}/messages?limit=500&state={state}")
        assert found["next"] is None
        return [(one["sequence"], one["payload"]) for one in found["items"]]

    @precondition(lambda self: self.count < 450)  # what fits into one answer
    @rule(count=st.integers(1, 20), priority=st.sampled_from([None, 1, 3]))
    def publish(self, count: int, priority: int | None) -> None:
        bodies = [f"{self.count + number:07}" for number in range(count)]
        self.count += count
        self.peer.publishes(1, SOURCE, *bodies, delivery_mode=2, priority=priority)

    @rule(count=st.integers(1, 8))
    def get(self, count: int) -> None:
        self.peer.sends(1, *[BasicGet(queue=SOURCE)] * count)

    @precondition(lambda self: self.peer.connection.channels[1].unacked)
    @rule(data=st.data(), multiple=st.booleans(), is_acked=st.booleans())
    def settle(self, data: Any, multiple: bool, is_acked: bool) -> None:
        tag = data.draw(st.sampled_from(list(self.peer.connection.channels[1].unacked)))
        method: Any = BasicAck(tag, multiple) if is_acked else BasicNack(tag, multiple=multiple)
        self.peer.sends(1, method)

    @rule(limit=st.integers(1, 40))
    def move(self, limit: int) -> None:
        before, target = self.shown(SOURCE), self.shown(TARGET)
        body = {"destination": TARGET, "limit": limit}
        answer = self.asks(f"/queues/%2f/{SOURCE}/move", body)
        moved = min(limit, len(before))
        assert answer["moved"] == moved
        assert answer["failed"] == []
        assert answer["left"] == min(limit, len(before)) - moved
        assert self.shown(SOURCE) == before[moved:]
        assert bodies(self.shown(TARGET)) == bodies(target) + bodies(before[:moved])

    @rule(data=st.data())
    def move_some(self, data: Any) -> None:
        before, target = self.shown(SOURCE), self.shown(TARGET)
        known = [sequence for sequence, _ in before]
        chosen = data.draw(st.lists(st.sampled_from([*known, 10**6]), unique=True, max_size=9))
        queue, node = self.world.queue(SOURCE), self.world.node
        breath = Breath(self.api.management.lane)
        mover = Mover(queue, node, to_queue(self.world.queue(TARGET)), breath)
        assert self.api.runs(mover.move_some(chosen)) == len(chosen)
        moved = [sequence for sequence in chosen if sequence in known]
        assert [one["sequence"] for one in mover.failed] == [10**6] * (10**6 in chosen)
        assert mover.moved == len(moved)
        assert self.shown(SOURCE) == [entry for entry in before if entry[0] not in moved]
        assert bodies(self.shown(TARGET)) == bodies(target) + [dict(before)[one] for one in moved]

    def asks(self, path: str, body: object) -> Any:
        """The answer, for which something may have to be committed."""
        if not isinstance(self.world, KeptWorld):
            return self.api.asks("POST", path, body).json
        world = self.world
        settle = world.settle

        def settle_and_commit() -> None:
            settle()
            if world.log.is_urgent:
                self.is_committed = True
                world.commits()

        world.settle = settle_and_commit  # type: ignore[method-assign]
        try:
            answer = self.api.asks("POST", path, body)
        finally:
            world.settle = settle  # type: ignore[method-assign]
        assert answer.status == 200, answer.body
        self.commit()
        return answer.json

    @precondition(lambda self: self.kind != "in memory")
    @rule(commits=st.booleans())
    def crash(self, commits: bool) -> None:
        assert isinstance(self.world, KeptWorld)
        if commits:
            self.commit()
        self.world = self.world.crashes()
        self.connects()
        for name, expected in zip((SOURCE, TARGET), self.committed, strict=True):
            assert sorted(self.everything(name)) == expected
        self.commit()

    def teardown(self) -> None:
        """What is shown can be consumed."""
        if not hasattr(self, "world"):
            return
        self.peer.takes_all(1)
        for name in (SOURCE, TARGET):
            shown = bodies(self.shown(name))
            taken = []
            while (content := self.peer.gets(1, name)) is not None:
                taken.append(content.body.decode())
            assert taken == shown


def bodies(entries: list[Entry]) -> list[str]:
    return [body for _, body in entries]


Moving.TestCase.settings = examples(60)
test_moving_loses_and_doubles_nothing = Moving.TestCase
