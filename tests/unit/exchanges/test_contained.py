"""What goes wrong in an installed type stays there; `test_registry.py` has the installing."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from broker.amqp.errors import InternalError, PreconditionFailed
from broker.amqp.methods import (
    ExchangeDeclare,
    ExchangeDeclareOk,
    QueueBind,
    QueueUnbind,
    QueueUnbindOk,
)
from broker.amqp.wire import Table
from broker.exchanges import registry
from broker.exchanges.contained import contained
from broker.exchanges.direct import DirectExchange
from broker.exchanges.exchange import Binding, Replayed
from broker.queues.queue import Queue
from tests.support.builders import message, table
from tests.support.peer import Peer, World


class Moody(DirectExchange):
    """A direct exchange that fails where it is told to; `fails` has the names of methods."""

    type_name = "x-moody"
    fails: set[str] = set()
    answers: Any = None

    def _may_fail(self, method: str) -> None:
        if method in self.fails:
            raise ZeroDivisionError(method)

    def __init__(self, *args: Any, **kwargs: Any):
        self._may_fail("__init__")
        super().__init__(*args, **kwargs)

    @classmethod
    def validate(cls, arguments: Table) -> None:
        if "refused" in arguments:
            raise PreconditionFailed("not that")
        if "validate" in cls.fails:
            raise ZeroDivisionError

    def configure(self, definition: Mapping[str, object]) -> None:
        super().configure(definition)
        self._may_fail("configure")

    def validate_binding(self, binding: Binding) -> None:
        self._may_fail("validate_binding")

    def bind(self, binding: Binding) -> None:
        self._may_fail("bind")
        super().bind(binding)

    def unbind(self, binding: Binding) -> None:
        self._may_fail("unbind")
        super().unbind(binding)

    def replay(self) -> Any:
        self._may_fail("replay")
        return ()

    def route(self, routing_key: str, headers: Table) -> Iterator[Any]:
        yield from super().route(routing_key, headers) if self.answers is None else self.answers
        self._may_fail("route")


@pytest.fixture
def moody(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The contained type, declared as x-moody."""
    registry.find_type("x-moody")
    monkeypatch.setattr(Moody, "fails", set())
    monkeypatch.setattr(Moody, "answers", None)
    fenced: Any = contained(Moody, "x-other-name")
    monkeypatch.setitem(registry._types, "x-moody", fenced)
    return fenced


@pytest.fixture
def peer(moody: Any) -> Peer:
    """Exchange "m" with the queue "q" bound by "k"."""
    peer = World().peer()
    peer.opens_channel(1)
    peer.sends(1, ExchangeDeclare(exchange="m", type="x-moody"))
    peer.receives(1, ExchangeDeclareOk())
    for name in ("q", "p"):
        peer.declares(1, name)
    peer.binds(1, "q", "m", "k")
    return peer


def test_what_works_works(moody: Any, peer: Peer) -> None:
    peer.publishes(1, "k", "a", "a", "b", exchange="m")
    assert peer.world.queue("q").ready_count == 3
    assert (moody.failures.count, moody.__name__, moody.type_name) == (0, "Moody", "x-moody")


def test_an_error_in_routing_makes_the_message_unroutable(
    moody: Any, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    moody.fails.add("route")
    with caplog.at_level(logging.ERROR):
        for number in range(5):
            peer.publishes(1, "k", str(number), exchange="m", message_id=str(number))
        peer.publishes(1, "q", "others go on")
    assert peer.world.queue("q").ready_count == 1
    assert moody.failures.count == 5
    assert caplog.text.count("an installed exchange type failed, type=x-moody method=route") == 1
    assert caplog.text.count("ZeroDivisionError: route") == 1
    moody.fails.clear()
    peer.publishes(1, "k", "now it works", exchange="m")
    assert peer.world.queue("q").ready_count == 2
    peer.receives_nothing()
    assert peer.world.node.bug_count == 0


@pytest.mark.parametrize("answer", ["a name", None, 7])
def test_so_does_an_answer_that_is_no_destination(moody: Any, peer: Peer, answer: object) -> None:
    moody.answers = [answer]
    peer.publishes(1, "k", "x", exchange="m", mandatory=True)
    assert peer.takes_content(1).body == b"x"
    assert moody.failures.count == 1


def test_and_a_queue_that_is_not_bound_to_it(moody: Any, peer: Peer) -> None:
    moody.answers = [peer.world.queue("p")]
    peer.publishes(1, "k", "x", exchange="m", mandatory=True)
    assert peer.takes_content(1).body == b"x"
    assert peer.world.queue("p").ready_count == 0


@pytest.mark.parametrize("method", ["validate", "__init__", "configure"])
def test_an_error_in_making_it_refuses_the_declaration(moody: Any, method: str) -> None:
    moody.fails.add(method)
    peer = World().peer()
    peer.opens_channel(1)
    peer.sends(1, ExchangeDeclare(exchange="new", type="x-moody"))
    peer.is_closed_with(0, 541, "INTERNAL_ERROR", ExchangeDeclare.ids)
    assert "new" not in peer.world.vhost.exchanges
    assert moody.failures.count >= 1
    assert peer.world.node.bug_count == 0


def test_a_type_may_refuse(moody: Any, peer: Peer) -> None:
    declare = ExchangeDeclare(exchange="new", type="x-moody", arguments=table(refused=1))
    peer.sends(1, declare)
    peer.is_closed_with(1, 406, "PRECONDITION_FAILED - not that", ExchangeDeclare.ids)
    assert moody.failures.count == 0


@pytest.mark.parametrize("method", ["validate_binding", "bind"])
def test_an_error_in_binding_refuses_it(moody: Any, peer: Peer, method: str) -> None:
    moody.fails.add(method)
    peer.sends(1, QueueBind(queue="p", exchange="m", routing_key="k"))
    peer.is_closed_with(0, 541, "INTERNAL_ERROR", QueueBind.ids)
    world = peer.world
    assert len(world.vhost.exchanges["m"].bindings) == 1
    assert not world.queue("p").incoming
    moody.fails.clear()
    again = world.peer()
    again.opens_channel(1)
    again.binds(1, "p", "m", "k")
    again.publishes(1, "k", "x", exchange="m")
    assert world.queue("p").ready_count == 1


@pytest.mark.parametrize("method", ["unbind", "replay", "configure"])
def test_other_errors_hold_nobody_up(moody: Any, peer: Peer, method: str) -> None:
    moody.fails.add(method)
    peer.binds(1, "p", "m", "l")
    peer.sends(1, QueueUnbind(queue="q", exchange="m", routing_key="k"))
    peer.receives(1, QueueUnbindOk())
    peer.world.vhost.exchanges["m"].configure({"alternate-exchange": "amq.fanout"})
    peer.publishes(1, "k", "x", exchange="m")
    peer.publishes(1, "l", "x", exchange="m")
    assert (peer.world.queue("q").ready_count, peer.world.queue("p").ready_count) == (0, 1)
    assert moody.failures.count >= 1


def test_what_it_replays_has_to_be_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Replayed(("k",), message("x"))
    monkeypatch.setattr(Moody, "replay", lambda self: [kept, "a string"])
    assert list(contained(Moody, "m")("m", "/").replay()) == []
    monkeypatch.setattr(Moody, "replay", lambda self: [kept])
    assert list(contained(Moody, "m")("m", "/").replay()) == [kept]


def test_a_type_without_a_name_has_that_of_its_entry_point(moody: Any) -> None:
    class Nameless(Moody):
        type_name = ""

    assert contained(Nameless, "x-entry").type_name == "x-entry"


def test_a_definition_that_fails_is_not_half_made(moody: Any) -> None:
    exchange = moody("m", "/")
    moody.fails.add("bind")
    with pytest.raises(InternalError):
        exchange.bind(Binding(Queue("q", "/", []), "k", {}))
    assert list(exchange.route("k", {})) == []
