"""Bindings come, go, and take exchanges with them: a vhost against a model that only knows sets."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from broker.amqp.wire import Field, Table
from broker.commands import Bind, DeclareExchange, DeclareQueue, Unbind
from broker.exchanges.exchange import Exchange
from broker.queues.queue import Queue
from broker.vhost import PREDECLARED, Version, VHost
from tests.property.conftest import examples
from tests.property.test_headers_exchange import naive as headers_match
from tests.property.test_topic import matches as topic_matches
from tests.support.builders import message

QUEUES = ("q1", "q2", "q3")
EXCHANGES = {"d": "direct", "t": "topic", "f": "fanout", "h": "headers", "d2": "direct"}
AUTO_DELETE = ("t", "d2")
ALTERNATES = {"d": "f", "h": "d2"}

queues = st.sampled_from(QUEUES)
exchanges = st.sampled_from(tuple(EXCHANGES))
keys = st.sampled_from(["a", "b", "a.b", "", "q1"])
patterns = st.sampled_from(["a", "a.*", "#", "*", "b", "#.b", ""])
tables: st.SearchStrategy[Table] = st.sampled_from(
    [
        {},
        {"n": Field("I", 1)},
        {"n": Field("I", 1), "x-match": Field("S", "any")},
        {"n": Field("I", 2), "m": Field("S", "x"), "x-match": Field("S", "any")},
    ]
)
message_headers: st.SearchStrategy[Table] = st.sampled_from(
    [{}, {"n": Field("l", 1)}, {"m": Field("S", "x"), "n": Field("I", 3)}]
)
destinations = st.one_of(
    st.tuples(st.just("queue"), queues), st.tuples(st.just("exchange"), exchanges)
)

# source, destination kind, destination, routing key, arguments as sorted text
ModelBinding = tuple[str, str, str, str, str]


def _as_text(arguments: Table) -> str:
    return repr(sorted(arguments.items()))


class Model:
    """Names and bindings, with RabbitMQ's rules for auto-delete exchanges."""

    def __init__(self) -> None:
        self.queues: set[str] = set()
        self.exchanges: set[str] = set()
        self.bindings: dict[ModelBinding, Table] = {}

    def drop(self, bindings: list[ModelBinding]) -> None:
        """Bindings go, then the auto-delete exchanges whose last one that was."""
        for binding in bindings:
            self.bindings.pop(binding, None)
        for source in {binding[0] for binding in bindings} & set(AUTO_DELETE) & self.exchanges:
            if not any(binding[0] == source for binding in self.bindings):
                self.delete_exchange(source)

    def delete_exchange(self, name: str) -> None:
        self.exchanges.discard(name)
        for binding in [b for b in self.bindings if b[0] == name]:
            del self.bindings[binding]
        self.drop([b for b in self.bindings if b[1:3] == ("exchange", name)])

    def delete_queue(self, name: str) -> None:
        self.queues.discard(name)
        self.drop([b for b in self.bindings if b[1:3] == ("queue", name)])

    def route(self, exchange: str, key: str, headers: Table) -> set[str]:
        found: set[str] = set()
        pending, visited = [exchange], {exchange}
        while pending:
            current = pending.pop()
            if current == "":
                found |= {key} & self.queues
                continue
            reached = [
                binding
                for binding, arguments in self.bindings.items()
                if binding[0] == current
                and self._matches(EXCHANGES[current], binding[3], arguments, key, headers)
            ]
            found |= {binding[2] for binding in reached if binding[1] == "queue"}
            following = [binding[2] for binding in reached if binding[1] == "exchange"]
            alternate = ALTERNATES.get(current)
            if not reached and alternate in self.exchanges:
                following.append(alternate)
            for name in following:
                if name not in visited:
                    visited.add(name)
                    pending.append(name)
        return found

    @staticmethod
    def _matches(kind: str, pattern: str, arguments: Table, key: str, headers: Table) -> bool:
        if kind == "headers":
            wanted = {name: field for name, field in arguments.items() if name != "x-match"}
            mode = arguments.get("x-match")
            return headers_match(wanted, None if mode is None else str(mode.value), headers)
        if kind == "topic":
            return topic_matches(pattern, key)
        return kind == "fanout" or pattern == key


class TopologyMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.vhost = VHost("/", [], Version())
        self.model = Model()
        for name in EXCHANGES:
            self.declare_exchange(name)
        for name in QUEUES:
            self.declare_queue(name)

    @rule(name=exchanges)
    def declare_exchange(self, name: str) -> None:
        arguments: Table = {}
        if name in ALTERNATES:
            arguments = {"alternate-exchange": Field("S", ALTERNATES[name])}
        self.vhost.declare_exchange(
            DeclareExchange(
                "/", name, EXCHANGES[name], False, name in AUTO_DELETE, False, arguments
            )
        )
        self.model.exchanges.add(name)

    @rule(name=queues)
    def declare_queue(self, name: str) -> None:
        self.vhost.declare_queue(DeclareQueue("/", name))
        self.model.queues.add(name)

    @rule(name=exchanges)
    def delete_exchange(self, name: str) -> None:
        self.vhost.delete_exchange(name)
        if name in self.model.exchanges:
            self.model.delete_exchange(name)

    @rule(name=queues)
    def delete_queue(self, name: str) -> None:
        self.vhost.delete_queue(name)
        if name in self.model.queues:
            self.model.delete_queue(name)

    def _exists(self, source: str, destination: tuple[str, str]) -> bool:
        kind, name = destination
        names = self.model.queues if kind == "queue" else self.model.exchanges
        return source in self.model.exchanges and name in names

    @rule(source=exchanges, destination=destinations, key=patterns, arguments=tables)
    def bind(self, source: str, destination: tuple[str, str], key: str, arguments: Table) -> None:
        if self._exists(source, destination):
            self.vhost.bind(Bind("/", source, *destination, key, arguments))
            self.model.bindings[(source, *destination, key, _as_text(arguments))] = arguments

    @rule(source=exchanges, destination=destinations, key=patterns, arguments=tables)
    def unbind(self, source: str, destination: tuple[str, str], key: str, arguments: Table) -> None:
        self.vhost.unbind(Unbind("/", source, *destination, key, arguments))
        binding = (source, *destination, key, _as_text(arguments))
        if binding in self.model.bindings:
            self.model.drop([binding])

    @rule(data=st.data())
    def unbind_one_that_is_there(self, data: Any) -> None:
        if self.model.bindings:
            source, kind, name, key, text = data.draw(st.sampled_from(sorted(self.model.bindings)))
            arguments = self.model.bindings[source, kind, name, key, text]
            self.unbind(source=source, destination=(kind, name), key=key, arguments=arguments)

    @rule(exchange=st.one_of(exchanges, st.just("")), key=keys, headers=message_headers)
    def route(self, exchange: str, key: str, headers: Table) -> None:
        found = self.vhost.exchanges.get(exchange)
        if found is None:
            assert exchange not in self.model.exchanges
            return
        routed, _ = self.vhost.route(found, [key], message(headers=headers))
        assert len(routed) == len(set(routed))
        assert {queue.name for queue in routed} == self.model.route(exchange, key, headers)

    @rule(exchange=st.one_of(exchanges, st.just("")), key=keys)
    def route_simply(self, exchange: str, key: str) -> None:
        """The short cut gives the same queues in the same order, or none at all."""
        found = self.vhost.exchanges.get(exchange)
        if found is None or found.alternate or found.reads_message:
            return
        queues = self.vhost.route_simply(found, key)
        if queues is not None:
            assert queues == self.vhost.route(found, [key], message())[0]

    @rule(exchange=exchanges, some=st.lists(keys, min_size=2, max_size=3))
    def route_with_copies(self, exchange: str, some: list[str]) -> None:
        """CC: the union over all keys, as far as no alternate decides otherwise."""
        found = self.vhost.exchanges.get(exchange)
        if found is None or EXCHANGES[exchange] == "headers" or ALTERNATES.keys() & {exchange}:
            return
        if any(binding[1] == "exchange" for binding in self.model.bindings):
            return
        expected = set().union(*(self.model.route(exchange, key, {}) for key in some))
        assert {queue.name for queue in self.vhost.route(found, some, message())[0]} == expected

    @invariant()
    def the_names_agree(self) -> None:
        predeclared = {name for name, _, _ in PREDECLARED} | {""}
        assert set(self.vhost.exchanges) - predeclared == self.model.exchanges
        assert set(self.vhost.queues) == self.model.queues

    @invariant()
    def the_bindings_agree(self) -> None:
        bound: set[ModelBinding] = set()
        incoming: set[ModelBinding] = set()
        for exchange in self.vhost.exchanges.values():
            bound |= {_named(exchange, binding) for binding in exchange.bindings.values()}
        for destination in (*self.vhost.queues.values(), *self.vhost.exchanges.values()):
            for source, bindings in (destination.incoming or {}).items():
                assert bindings, "an empty entry is left behind"
                incoming |= {_named(source, binding) for binding in bindings.values()}
        assert bound == incoming == set(self.model.bindings)

    def teardown(self) -> None:
        """With everything unbound, no index remembers anything."""
        for source, kind, name, key, text in list(self.model.bindings):
            arguments = self.model.bindings.get((source, kind, name, key, text))
            if arguments is not None:
                self.unbind(source=source, destination=(kind, name), key=key, arguments=arguments)
        for name, exchange in self.vhost.exchanges.items():
            assert not exchange.bindings
            for slot in {s for c in type(exchange).__mro__ for s in getattr(c, "__slots__", ())}:
                if slot in ("_by_key", "_destinations", "_patterns"):
                    assert not getattr(exchange, slot), name
                if slot == "_trie":
                    assert list(exchange.route("a.b", {})) == []


def _named(source: Exchange, binding: Any) -> ModelBinding:
    destination: Queue | Exchange = binding.destination
    text = _as_text(binding.arguments)
    return (source.name, destination.kind, destination.name, binding.routing_key, text)


TopologyMachine.TestCase.settings = examples(120)
test_a_topology_against_sets = TopologyMachine.TestCase


@examples(60)
@given(changes=st.lists(st.integers(0, 5), max_size=30))
def test_the_version_grows_with_every_change_that_may_change_a_route(changes: list[int]) -> None:
    version = Version()
    vhost = VHost("/", [], version)
    vhost.declare_queue(DeclareQueue("/", "kept"))
    for change in changes:
        before = (version.number, _answers(vhost))
        if change == 0:
            vhost.declare_queue(DeclareQueue("/", "q"))
        elif change == 1:
            vhost.delete_queue("q")
        elif change == 2:
            vhost.bind(Bind("/", "amq.fanout", "queue", "kept", "", {}))
        elif change == 3:
            vhost.unbind(Unbind("/", "amq.fanout", "queue", "kept", "", {}))
        elif change == 4:
            vhost.bind(Bind("/", "amq.direct", "exchange", "amq.fanout", "q", {}))
        else:
            vhost.unbind(Unbind("/", "amq.direct", "exchange", "amq.fanout", "q", {}))
        if _answers(vhost) != before[1]:
            assert version.number > before[0]


def _answers(vhost: VHost) -> list[list[Queue]]:
    return [
        vhost.route(vhost.exchanges[exchange], ["q"], message())[0]
        for exchange in ("", "amq.direct", "amq.fanout")
    ]
