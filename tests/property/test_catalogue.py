"""A node, its catalogue, commits that fail and crashes, in any order.

What was on the disk with the last commit is what a crash leaves, no more and no less; whatever was
answered is part of it; and no queue ever has the id of another.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from broker.amqp.wire import Table, decode_table
from broker.commands import (
    AddVhost,
    Bind,
    ClearPermissions,
    Command,
    DeclareExchange,
    DeclareQueue,
    DeleteExchange,
    DeleteQueue,
    DeleteUser,
    DeleteVhost,
    PutUser,
    SetPermissions,
    Unbind,
)
from broker.seams import VOLATILE_ID
from broker.store.errors import StoreUnavailable
from tests.property.conftest import examples
from tests.property.strategies import tables
from tests.support.builders import table
from tests.support.durable import DurableWorld, durable_definitions

ODD = b"\xff\x00".decode("utf-8", "surrogateescape")
vhosts = st.sampled_from(["/", "/", "/", ODD])
users = st.sampled_from(["guest", ODD])
queues = st.sampled_from(["q", ODD])
exchanges = st.sampled_from(["e", "f", ODD])
sources = st.sampled_from(["e", "f", ODD, "amq.direct", "amq.fanout"])
keys = st.sampled_from(["", ODD])
patterns = st.sampled_from([".*", "", ODD])
tags = st.sampled_from([(), ("a", ODD)])
few_tables: st.SearchStrategy[Table] = st.sampled_from([{}, table(n=1), table(n=2, x_match="any")])
destinations = st.one_of(
    st.tuples(st.just("queue"), queues), st.tuples(st.just("exchange"), sources)
)
types = st.sampled_from(["direct", "fanout", "headers"])
mostly = st.sampled_from([True, True, True, False])


def change(kind: type[Bind] | type[Unbind]) -> st.SearchStrategy[Command]:
    return st.builds(
        lambda vhost, source, to, key, arguments: kind(vhost, source, to[0], to[1], key, arguments),
        vhosts,
        sources,
        destinations,
        keys,
        few_tables,
    )


declarations: st.SearchStrategy[Command] = st.one_of(
    st.builds(DeclareQueue, vhosts, queues, mostly, st.booleans(), st.just(0), tables),
    st.builds(DeclareExchange, vhosts, exchanges, types, mostly, st.booleans(), st.booleans()),
    st.builds(AddVhost, vhosts, keys, tags),
    st.builds(PutUser, users, st.binary(max_size=4), keys, tags),
    st.builds(SetPermissions, users, vhosts, patterns, patterns, patterns),
)
removals: st.SearchStrategy[Command] = st.one_of(
    change(Unbind),
    st.builds(DeleteQueue, vhosts, queues),
    st.builds(DeleteExchange, vhosts, exchanges, st.booleans()),
    st.builds(DeleteVhost, vhosts),
    st.builds(DeleteUser, users),
    st.builds(ClearPermissions, users, vhosts),
)


class CatalogueMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.world = DurableWorld(Path(self.directory.name))
        self.on_disk = durable_definitions(self.world.node)
        self.is_committing = self.is_failing = False
        self.unanswered: list[int] = []  # proposals, by number
        self.proposed = self.committed = self.answered = 0
        self.ids: set[int] = set()  # of the durable queues on the disk
        self.past_ids: set[int] = set()

    def _answer(self, number: int) -> Callable[[object], None]:
        def answered(_result: object) -> None:
            self.unanswered.remove(number)

        return answered

    def propose(self, command: Command) -> None:
        before = durable_definitions(self.world.node)
        self.proposed += 1
        self.unanswered.append(self.proposed)
        self.world.node.execute(command, self._answer(self.proposed))
        is_answered = self.proposed not in self.unanswered
        changed = durable_definitions(self.world.node) != before
        assert not (changed and is_answered), command

    @rule(some=st.lists(declarations, min_size=1, max_size=8))
    def declare(self, some: list[Command]) -> None:
        for command in some:
            self.propose(command)

    @rule(some=st.lists(change(Bind), min_size=1, max_size=8))
    def bind(self, some: list[Command]) -> None:
        for command in some:
            self.propose(command)

    @rule(command=removals)
    def remove(self, command: Command) -> None:
        self.propose(command)

    @rule(data=st.data())
    def unbind_one_that_is_there(self, data: Any) -> None:
        bindings = durable_definitions(self.world.node)["bindings"]
        if bindings:
            binding = data.draw(st.sampled_from(sorted(bindings)))
            vhost, source, kind, name, key, _ = binding
            arguments, _ = decode_table(bindings[binding], 0)
            self.propose(Unbind(vhost, source, kind, name, key, arguments))

    @rule()
    def begin(self) -> None:
        if not self.is_committing:
            self.is_committing = True
            self.world.begin()
            self.committed = self.proposed
            self.on_disk = durable_definitions(self.world.node)
            rows = len(list(self.world.catalogue.load()))
            assert rows == sum(map(len, self.on_disk.values())), "something is left behind"

    @rule()
    def begin_in_vain(self) -> None:
        if not self.is_committing:
            self.is_committing = self.is_failing = True
            self.world.replicator.begin()

    @rule()
    def finish(self) -> None:
        if self.is_failing:
            unanswered = list(self.unanswered)
            self.world.replicator.finish(StoreUnavailable("no room"))
            assert self.unanswered == unanswered
        elif self.is_committing:
            self.world.finish()
            assert all(number > self.committed for number in self.unanswered)
        self.is_committing = self.is_failing = False

    @rule()
    def crash(self) -> None:
        self.world = self.world.crashes()
        self.is_committing = self.is_failing = False
        self.unanswered.clear()
        if not self.on_disk["vhosts"] and not self.on_disk["users"]:  # as good as a first start
            self.on_disk = durable_definitions(self.world.node)
            assert list(self.on_disk["users"]) == ["guest"]
        assert durable_definitions(self.world.node) == self.on_disk

    @rule()
    def restart(self) -> None:
        """After a clean stop: nothing is lost."""
        self.finish()
        self.world.commit()
        self.on_disk = durable_definitions(self.world.node)
        assert not self.unanswered
        self.crash()

    @invariant()
    def with_nothing_pending_everybody_is_answered(self) -> None:
        if not self.is_committing and not self.world.replicator.is_dirty:
            assert not self.unanswered

    @invariant()
    def ids_are_never_those_of_another(self) -> None:
        committed = self.on_disk["queues"]
        for vhost in self.world.node.vhosts.values():
            for queue in vhost.queues.values():
                assert (queue.queue_id > VOLATILE_ID) == (not queue.durable)
        ids = {queue_id for queue_id, *_rest in committed.values()}
        assert len(ids) == len(committed)
        assert all(0 < queue_id < VOLATILE_ID for queue_id in ids)
        self.past_ids |= self.ids - ids
        self.ids = ids
        assert not self.ids & self.past_ids

    def teardown(self) -> None:
        self.world.catalogue.close()
        self.directory.cleanup()


CatalogueMachine.TestCase.settings = settings(examples(200), stateful_step_count=40)
test_a_node_and_its_catalogue = CatalogueMachine.TestCase
