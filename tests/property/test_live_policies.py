"""Policies set, changed and cleared over queues with content: every message is accounted for.

A queue of any kind whose messages lie in memory, on disk, with consumers or among what has come
back; policies and operator policies change between any two steps. What must be true all along: the
limits that count are kept once the node has come to rest, nothing is there twice, and nothing is
gone but what was acked, or died while there was no dead-letter exchange.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from broker.amqp.methods import BasicAck, BasicNack, BasicReject
from broker.amqp.wire import table_of
from broker.commands import ClearPolicy, SetPolicy
from broker.queues.features import DROP_HEAD, Features
from broker.queues.queue import Queue
from tests.property.conftest import examples
from tests.support.kept import KeptWorld
from tests.support.peer import Peer

KINDS: list[dict[str, object]] = [
    {},
    {},
    {"x-queue-mode": "lazy"},
    {"x-max-priority": 3},
    {"x-max-length": 9},
    {"x-queue-type": "quorum"},
    {"x-queue-type": "quorum", "x-delivery-limit": 2},
    {"x-queue-type": "quorum", "x-dead-letter-strategy": "at-least-once"},
]
FOR_ALL: dict[str, st.SearchStrategy[object]] = {
    "max-length": st.sampled_from([0, 1, 4, 20]),
    "max-length-bytes": st.sampled_from([0, 100, 1000]),
    "message-ttl": st.sampled_from([0, 500, 5000]),
    "expires": st.just(100_000_000),
    "overflow": st.sampled_from(["drop-head", "reject-publish", "reject-publish-dlx"]),
}
FOR_USERS = FOR_ALL | {
    "dead-letter-exchange": st.just(""),
    "dead-letter-routing-key": st.just("dead"),
    "queue-mode": st.sampled_from(["lazy", "default"]),
    "delivery-limit": st.sampled_from([0, 1]),
}


def definitions(settings: dict[str, st.SearchStrategy[object]]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional=settings).filter(bool)


class LivePolicies(RuleBasedStateMachine):
    @initialize(
        kind=st.sampled_from(KINDS), memory=st.sampled_from([400, 4000, 10**9]), dlx=st.booleans()
    )
    def declare(self, kind: dict[str, object], memory: int, dlx: bool) -> None:
        self.world = KeptWorld(queue_memory=memory)
        self.peer = Peer(self.world)
        self.peer.opens(heartbeat=0)
        self.peer.opens_channel(1)
        self.peer.opens_channel(2)  # for publishes alone
        arguments = dict(kind)
        if dlx:
            arguments |= {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
        self.peer.declares(1, "q", table_of(arguments), durable=True)
        self.peer.declares(1, "dead", durable=True)
        self.published = 0
        self.held: dict[int, int] = {}  # delivery tag → number
        self.acked: set[int] = set()
        self.mortal: set[int] = set()  # died, perhaps, while nobody wanted the dead
        self.note()

    @property
    def queue(self) -> Queue:
        return self.world.queue("q")

    @property
    def features(self) -> Features:
        return Features() if self.queue.extras is None else self.queue.extras.features

    def note(self) -> None:
        """Who may go without a trace, as things are."""
        features = self.features
        leads_nowhere = features.dead_letter_routing_key != "dead"  # round and round: dropped
        if features.dead_letter_exchange is None or leads_nowhere or features.overflow != DROP_HEAD:
            self.mortal |= set(range(1, self.published + 1))

    def rest(self) -> None:
        """Let the node come to rest, and look."""
        self.world.settle()
        self.note()
        queue, features = self.queue, self.features
        self.world.node.check_invariants()
        stuck = len(queue.extras.stuck or ()) if queue.extras is not None else 0
        there = queue.ready_count + stuck + len(self.held) + len(self.acked)
        there += self.world.queue("dead").ready_count
        assert there <= self.published
        assert there + len(self.mortal - self.acked - set(self.held.values())) >= self.published
        assert queue.unacked_count == len(self.held)
        if queue.extras is None or features.overflow != DROP_HEAD:
            return
        if features.max_length is not None:
            assert queue.ready_count <= features.max_length
        if features.max_length_bytes is not None:
            assert queue.extras.ready_bytes <= features.max_length_bytes

    # what happens

    @rule(count=st.integers(1, 12), size=st.sampled_from([1, 60, 300]), persistent=st.booleans())
    def publish(self, count: int, size: int, persistent: bool) -> None:
        self.note()
        first = self.published + 1
        self.published += count
        bodies = [f"{number}".ljust(size, ".") for number in range(first, first + count)]
        self.note()
        self.peer.publishes(2, "q", *bodies, delivery_mode=2 if persistent else 1)
        self.rest()

    @rule(count=st.integers(1, 5))
    def get(self, count: int) -> None:
        for _ in range(count):
            content = self.peer.gets(1, "q", no_ack=False)
            if content is None:
                break
            number = _number(content.body)
            assert number not in self.held.values()
            assert number not in self.acked
            self.held[content.method.delivery_tag] = number  # type: ignore[union-attr]
        self.rest()

    @precondition(lambda self: self.held)
    @rule(data=st.data(), how=st.sampled_from(["ack", "reject", "requeue", "requeue all"]))
    def settle(self, data: Any, how: str) -> None:
        tag = data.draw(st.sampled_from(sorted(self.held)))
        self.note()
        if how == "requeue all":
            self.peer.sends(1, BasicNack(0, multiple=True, requeue=True))
            self.held.clear()
        else:
            number = self.held.pop(tag)
            if how == "ack":
                self.acked.add(number)
                self.peer.sends(1, BasicAck(tag))
            else:
                self.peer.sends(1, BasicReject(tag, requeue=how == "requeue"))
        self.rest()

    @rule(definition=definitions(FOR_USERS), name=st.sampled_from("ab"), priority=st.integers(0, 1))
    def set_policy(self, definition: dict[str, object], name: str, priority: int) -> None:
        self._set(definition, name, priority, "policy")

    @rule(definition=definitions(FOR_ALL))
    def set_operator_policy(self, definition: dict[str, object]) -> None:
        self._set(definition, "o", 0, "operator_policy")

    def _set(self, definition: dict[str, object], name: str, priority: int, kind: str) -> None:
        text = json.dumps(definition)
        self.world.node.execute(SetPolicy("/", name, "^q$", text, priority, "queues", kind))
        self.note()
        self.world.node.request_turn()
        self.rest()

    @rule(name=st.sampled_from("abo"))
    def clear(self, name: str) -> None:
        kind = "operator_policy" if name == "o" else "policy"
        self.world.node.execute(ClearPolicy("/", name, kind))
        self.note()
        self.world.node.request_turn()
        self.rest()

    @rule()
    def commit(self) -> None:
        if self.world.log.has_news:
            self.world.commits()
        self.rest()

    @rule(keep=st.sampled_from([0, 500]))
    def page_out(self, keep: int) -> None:
        self.queue.page_out(keep)
        self.rest()

    @rule(milliseconds=st.sampled_from([500, 1000, 6000]))
    def pass_time(self, milliseconds: int) -> None:
        self.world.passes(milliseconds)
        self.rest()

    def teardown(self) -> None:
        """In the end everything is where it is said to be."""
        if not hasattr(self, "world"):
            return
        for name in "ab":
            self.world.node.execute(ClearPolicy("/", name))
        self.world.node.execute(ClearPolicy("/", "o", "operator_policy"))
        self.note()
        self.world.node.request_turn()
        self.rest()
        found: list[int] = [*self.acked, *self.held.values()]
        for queue in ("q", "dead"):
            while (content := self.peer.gets(1, queue)) is not None:
                found.append(_number(content.body))
        assert len(found) == len(set(found)), "something is there twice"
        missing = set(range(1, self.published + 1)) - set(found)
        assert missing <= self.mortal
        self.world.node.check_invariants()


def _number(body: bytes) -> int:
    return int(body.rstrip(b"."))


LivePolicies.TestCase.settings = examples(60)
test_policies_on_queues_with_content_lose_nothing = LivePolicies.TestCase
