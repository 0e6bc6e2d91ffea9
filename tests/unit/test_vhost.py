"""Changes and routing one by one; `tests/property/test_topology.py` holds them against a model."""

from __future__ import annotations

import pytest

from broker.amqp.errors import (
    CommandInvalid,
    InternalError,
    MalformedSyntax,
    NotFound,
    PreconditionFailed,
)
from broker.amqp.wire import Field, Table
from broker.changes import Changes
from broker.commands import Bind, DeclareExchange, DeclareQueue, Unbind
from broker.exchanges.exchange import Binding, Exchange
from broker.exchanges.fanout import FanoutExchange
from broker.message import Envelope, Message
from broker.queues.queue import Queue
from broker.vhost import PREDECLARED, Version, VHost
from tests.support.builders import message, table


@pytest.fixture
def vhost() -> VHost:
    vhost = VHost("/", [], Version())
    for name in ("q1", "q2", "q3"):
        vhost.declare_queue(DeclareQueue("/", name))
    return vhost


def bind(vhost: VHost, source: str, destination: str, key: str = "", **arguments: object) -> None:
    kind = "queue" if destination.startswith("q") else "exchange"
    vhost.bind(Bind("/", source, kind, destination, key, table(**arguments)))


def routed(vhost: VHost, exchange: str, *keys: str, headers: Table | None = None) -> list[str]:
    queues, _ = vhost.route(vhost.exchanges[exchange], keys, message(headers=headers))
    return [queue.name for queue in queues]


def test_the_exchanges_that_are_always_there(vhost: VHost) -> None:
    assert set(vhost.exchanges) == {"", *(name for name, _, _ in PREDECLARED)}
    for name, type_name, internal in PREDECLARED:
        exchange = vhost.exchanges[name]
        assert (exchange.type_name, exchange.internal, exchange.durable) == (
            type_name,
            internal,
            True,
        )


def test_looking_up_what_is_not_there(vhost: VHost) -> None:
    with pytest.raises(NotFound, match="no queue 'nope' in vhost '/'"):
        vhost.find_queue("nope")
    with pytest.raises(NotFound, match="no exchange 'nope' in vhost '/'"):
        vhost.find_exchange("nope")
    assert vhost.find_destination("queue", "q1") is vhost.queues["q1"]
    assert vhost.find_destination("exchange", "amq.fanout") is vhost.exchanges["amq.fanout"]


def test_declaring_again_gives_what_is_there(vhost: VHost) -> None:
    queue = vhost.queues["q1"]
    version = vhost.version.number
    assert vhost.declare_queue(DeclareQueue("/", "q1", durable=True)) is queue
    exchange = vhost.exchanges["amq.topic"]
    assert vhost.declare_exchange(DeclareExchange("/", "amq.topic", "fanout")) is exchange
    assert vhost.version.number == version


def test_the_default_exchange_routes_to_the_queue_of_that_name(vhost: VHost) -> None:
    assert routed(vhost, "", "q2") == ["q2"]
    assert routed(vhost, "", "nope") == []
    vhost.delete_queue("q2")
    assert routed(vhost, "", "q2") == []


def test_a_queue_reached_along_several_ways_gets_a_message_once(vhost: VHost) -> None:
    bind(vhost, "amq.topic", "q1", "a.*")
    bind(vhost, "amq.topic", "q1", "#")
    bind(vhost, "amq.topic", "q2", "a.b")
    assert sorted(routed(vhost, "amq.topic", "a.b")) == ["q1", "q2"]
    assert sorted(routed(vhost, "amq.topic", "a.b", "a.c", "a.b")) == ["q1", "q2"]


def test_exchanges_bound_to_exchanges_are_followed_even_in_circles(vhost: VHost) -> None:
    bind(vhost, "amq.direct", "amq.fanout", "k")
    bind(vhost, "amq.fanout", "amq.topic")
    bind(vhost, "amq.topic", "amq.direct", "#")
    bind(vhost, "amq.topic", "q1", "k")
    bind(vhost, "amq.fanout", "q2")
    assert sorted(routed(vhost, "amq.direct", "k")) == ["q1", "q2"]
    assert routed(vhost, "amq.direct", "other") == []


def test_the_alternate_exchange_gets_what_leads_nowhere(vhost: VHost) -> None:
    arguments = {"alternate-exchange": Field("S", "amq.fanout")}
    vhost.declare_exchange(DeclareExchange("/", "e", "direct", arguments=arguments))
    bind(vhost, "e", "q1", "k")
    bind(vhost, "amq.fanout", "q2")
    assert routed(vhost, "e", "k") == ["q1"]
    assert routed(vhost, "e", "other") == ["q2"]
    vhost.delete_exchange("amq.fanout")
    assert routed(vhost, "e", "other") == []


def test_properties_are_decoded_only_where_they_are_read(vhost: VHost) -> None:
    bind(vhost, "amq.headers", "q1", a=1)
    bind(vhost, "amq.fanout", "q2")
    unreadable = Message(Envelope("", "", b"\0" * 20), b"")
    assert routed(vhost, "amq.headers", "", headers=table(a=1)) == ["q1"]
    queues, is_stable = vhost.route(vhost.exchanges["amq.fanout"], [""], unreadable)
    assert (queues, is_stable) == ([vhost.queues["q2"]], True)
    with pytest.raises(MalformedSyntax):
        vhost.route(vhost.exchanges["amq.headers"], [""], unreadable)
    bind(vhost, "amq.fanout", "amq.headers")
    assert routed(vhost, "amq.fanout", "", headers=table(a=1)) == ["q2", "q1"]


def test_an_answer_is_as_stable_as_the_exchanges_on_the_way(vhost: VHost) -> None:
    vhost.declare_exchange(DeclareExchange("/", "r", "x-random"))
    bind(vhost, "amq.fanout", "q1")
    assert vhost.route(vhost.exchanges["amq.fanout"], ["k"], message()) == (
        [vhost.queues["q1"]],
        True,
    )
    bind(vhost, "amq.fanout", "r")
    assert vhost.route(vhost.exchanges["amq.fanout"], ["k"], message()) == (
        [vhost.queues["q1"]],
        False,
    )


def test_the_short_way_gives_up_where_exchanges_follow(vhost: VHost) -> None:
    bind(vhost, "amq.fanout", "q1")
    fanout = vhost.exchanges["amq.fanout"]
    assert vhost.route_simply(fanout, "x") == [vhost.queues["q1"]]
    assert vhost.route_simply(vhost.exchanges[""], "q3") == [vhost.queues["q3"]]
    bind(vhost, "amq.fanout", "amq.topic")
    assert vhost.route_simply(fanout, "x") is None


def test_binding_twice_is_binding_once(vhost: VHost) -> None:
    bind(vhost, "amq.direct", "q1", "k")
    version = vhost.version.number
    bind(vhost, "amq.direct", "q1", "k")
    assert vhost.version.number == version
    vhost.unbind(Unbind("/", "amq.direct", "queue", "q1", "k"))
    assert routed(vhost, "amq.direct", "k") == []


def test_bindings_with_other_arguments_are_other_bindings(vhost: VHost) -> None:
    bind(vhost, "amq.direct", "q1", "k")
    bind(vhost, "amq.direct", "q1", "k", note=1)
    assert len(vhost.exchanges["amq.direct"].bindings) == 2
    vhost.unbind(Unbind("/", "amq.direct", "queue", "q1", "k", table(note=1)))
    assert routed(vhost, "amq.direct", "k") == ["q1"]


def test_binding_what_is_not_there_is_refused_and_changes_nothing(vhost: VHost) -> None:
    version = vhost.version.number
    for source, destination in (("nope", "q1"), ("amq.direct", "q9"), ("amq.direct", "nope")):
        with pytest.raises(NotFound):
            bind(vhost, source, destination)
    with pytest.raises(PreconditionFailed):
        bind(vhost, "amq.headers", "q1", x_match="perhaps")
    assert vhost.version.number == version
    assert not vhost.exchanges["amq.headers"].bindings


def test_unbinding_what_is_not_bound_is_not_missed(vhost: VHost) -> None:
    version = vhost.version.number
    for source, destination in (("nope", "q1"), ("amq.direct", "q9"), ("amq.direct", "q1")):
        vhost.unbind(Unbind("/", source, "queue", destination, "k"))
    assert vhost.version.number == version


def test_deleting_a_queue_removes_its_bindings(vhost: VHost) -> None:
    bind(vhost, "amq.direct", "q1", "k")
    bind(vhost, "amq.fanout", "q1")
    assert vhost.delete_queue("q1") == 0
    assert vhost.delete_queue("q1") == 0  # again
    assert not vhost.exchanges["amq.direct"].bindings
    assert not vhost.exchanges["amq.fanout"].bindings


def test_an_auto_delete_exchange_goes_with_its_last_binding(vhost: VHost) -> None:
    vhost.declare_exchange(DeclareExchange("/", "auto", "fanout", auto_delete=True))
    bind(vhost, "auto", "q1")
    bind(vhost, "auto", "q2")
    vhost.unbind(Unbind("/", "auto", "queue", "q1", ""))
    assert "auto" in vhost.exchanges
    vhost.delete_queue("q2")
    assert "auto" not in vhost.exchanges


def test_auto_delete_exchanges_take_each_other_along(vhost: VHost) -> None:
    for name in ("auto1", "auto2", "auto3"):
        vhost.declare_exchange(DeclareExchange("/", name, "fanout", auto_delete=True))
    bind(vhost, "auto1", "auto2")
    bind(vhost, "auto2", "auto3")
    bind(vhost, "auto3", "q1")
    vhost.delete_queue("q1")
    assert not {"auto1", "auto2", "auto3"} & set(vhost.exchanges)


def test_an_exchange_bound_to_itself_can_be_deleted(vhost: VHost) -> None:
    vhost.declare_exchange(DeclareExchange("/", "self", "fanout", auto_delete=True))
    bind(vhost, "self", "self")
    assert routed(vhost, "self", "x") == []
    vhost.delete_exchange("self")
    assert "self" not in vhost.exchanges


def test_an_exchange_that_was_never_bound_is_not_auto_deleted(vhost: VHost) -> None:
    vhost.declare_exchange(DeclareExchange("/", "auto", "fanout", auto_delete=True))
    vhost.unbind(Unbind("/", "auto", "queue", "q1", ""))
    assert "auto" in vhost.exchanges


def test_a_binding_is_found_by_the_command_that_names_it(vhost: VHost) -> None:
    bind(vhost, "amq.direct", "q1", "k")
    found = vhost.find_binding(Unbind("/", "amq.direct", "queue", "q1", "k"))
    assert found is not None
    assert found[0] is vhost.exchanges["amq.direct"]
    assert isinstance(found[1].destination, Queue)
    assert vhost.find_binding(Unbind("/", "amq.direct", "queue", "q1", "other")) is None
    assert vhost.find_binding(Unbind("/", "amq.direct", "exchange", "q1", "k")) is None


def test_an_exchange_may_be_deleted_only_while_it_is_unused(vhost: VHost) -> None:
    bind(vhost, "amq.topic", "q1")
    with pytest.raises(PreconditionFailed, match="in use"):
        vhost.delete_exchange("amq.topic", if_unused=True)
    vhost.unbind(Unbind("/", "amq.topic", "queue", "q1", ""))
    vhost.delete_exchange("amq.topic", if_unused=True)
    vhost.delete_exchange("amq.topic", if_unused=True)
    assert "amq.topic" not in vhost.exchanges


def test_a_deletion_may_mean_one_queue_whatever_else_has_its_name(vhost: VHost) -> None:
    queue = vhost.declare_queue(DeclareQueue("/", "q4"), 4)
    assert queue.queue_id == 4
    vhost.delete_queue("q4", 3)
    assert vhost.queues["q4"] is queue
    vhost.delete_queue("q4", 4)
    vhost.delete_queue("q4", 4)
    assert "q4" not in vhost.queues


def test_an_exchange_type_that_is_not_installed_is_refused(vhost: VHost) -> None:
    with pytest.raises(CommandInvalid, match="unknown exchange type 'x-nope'"):
        vhost.declare_exchange(DeclareExchange("/", "e", "x-nope"))
    assert "e" not in vhost.exchanges


def test_of_a_vhost_that_is_deleted_only_what_is_built_in_stays(vhost: VHost) -> None:
    vhost.declare_exchange(DeclareExchange("/", "e", "fanout"))
    bind(vhost, "e", "q1")
    bind(vhost, "amq.topic", "e")
    bind(vhost, "amq.topic", "amq.topic")
    queue = vhost.queues["q1"]
    vhost.delete_everything()
    assert queue.is_deleted
    assert not vhost.queues
    assert set(vhost.exchanges) == {"", *(name for name, _, _ in PREDECLARED)}
    assert not any(exchange.bindings for exchange in vhost.exchanges.values())


def test_a_new_destination_gets_what_the_source_has_kept(vhost: VHost) -> None:
    vhost.declare_exchange(DeclareExchange("/", "h", "x-recent-history"))
    kept = [message(body) for body in "ab"]
    for one in kept:
        vhost.route(vhost.exchanges["h"], ["k"], one)
    q1, q2 = vhost.queues["q1"], vhost.queues["q2"]
    to_q1 = Bind("/", "h", "queue", "q1", "")
    assert vhost.bind(to_q1) == [(q1, kept[0]), (q1, kept[1])]
    assert vhost.bind(to_q1) == []  # there already
    bind(vhost, "amq.direct", "q1", "k")
    bind(vhost, "amq.direct", "q2", "k")
    assert vhost.bind(Bind("/", "h", "exchange", "amq.direct", "")) == [
        *((q1, kept[1]), (q2, kept[1])),
        *((q1, kept[0]), (q2, kept[0])),
    ]


def test_an_exchange_that_leads_nowhere_is_not_bound_to_a_history(vhost: VHost) -> None:
    vhost.declare_exchange(DeclareExchange("/", "h", "x-recent-history"))
    vhost.route(vhost.exchanges["h"], ["k"], message("x"))
    version = vhost.version.number
    with pytest.raises(InternalError):
        vhost.bind(Bind("/", "h", "exchange", "amq.direct", ""))
    assert not vhost.exchanges["h"].bindings
    assert vhost.version.number == version


def test_a_binding_that_its_type_fails_on_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changes = Changes(is_recording=True)
    vhost = VHost("/", [], Version(), changes)
    vhost.declare_queue(DeclareQueue("/", "q1", durable=True))

    def fails(self: Exchange, binding: Binding) -> None:
        raise InternalError

    changes.take()
    monkeypatch.setattr(FanoutExchange, "bind", fails)
    with pytest.raises(InternalError):
        bind(vhost, "amq.fanout", "q1")
    assert not vhost.exchanges["amq.fanout"].bindings
    assert [change.values for change in changes.take()[0]][-1] is None


def test_arguments_are_validated_when_an_exchange_is_made(vhost: VHost) -> None:
    arguments = table(hash_property="nonsense")
    with pytest.raises(PreconditionFailed, match="Unsupported property"):
        vhost.declare_exchange(DeclareExchange("/", "c", "x-consistent-hash", arguments=arguments))
    assert "c" not in vhost.exchanges
