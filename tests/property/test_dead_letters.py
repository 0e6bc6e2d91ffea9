"""Dead letters sent on in runs are those that are written and routed one by one."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from broker.amqp.methods import ExchangeDeclare, ExchangeDeclareOk
from broker.dead_letters import send_on
from broker.message import Envelope, Message
from broker.queues.dead_letter import EXPIRED, MAXLEN, REJECTED, died, is_cycle
from broker.queues.extended import ExtendedQueue
from tests.property.conftest import examples
from tests.support.builders import header, table
from tests.support.peer import Peer, World

texts = st.sampled_from(["", "a", "application/json", "é", "x" * 255])
properties = st.fixed_dictionaries(
    {},
    optional={
        "content_type": texts,
        "content_encoding": texts,
        "delivery_mode": st.sampled_from([1, 2]),
        "priority": st.integers(0, 255),
        "correlation_id": texts,
        "message_id": texts,
        "timestamp": st.just(1_700_000_000),
        "expiration": st.sampled_from(["1000", "5"]),
        "headers": st.sampled_from(
            [
                table(),
                table(a=1),
                table(CC=["q", "second"]),
                table(x_death=5),
            ]
        ),
    },
)
bare = st.fixed_dictionaries({}, optional={"message_id": texts, "content_type": texts})
envelopes = st.builds(
    lambda exchange, key, blind, known: (exchange, key, blind, known),
    st.sampled_from(["", "", "ex"]),
    st.sampled_from(["q", "q", "other"]),
    st.sampled_from([(), (), (), ("second",)]),
    st.one_of(properties, bare, bare),
)
reasons = st.sampled_from([REJECTED, EXPIRED, MAXLEN])
arguments = st.fixed_dictionaries(
    {"x_dead_letter_exchange": st.sampled_from(["", "fan", "heads", "nowhere"])},
    optional={"x_dead_letter_routing_key": st.sampled_from(["q", "second"])},
)
seconds = st.sampled_from([0, 0, 0, 1])


class Shown:
    """A node with a queue in which messages die, and what reaches the queues around it."""

    def __init__(self, arguments: dict[str, str]):
        self.world = World()
        self.peer: Peer = self.world.peer()
        self.peer.opens_channel(1)
        for name, kind in (("fan", "fanout"), ("heads", "headers")):
            self.peer.sends(1, ExchangeDeclare(exchange=name, type=kind))
            self.peer.receives(1, ExchangeDeclareOk())
        self.peer.declares(1, "q", table(**arguments))
        self.peer.declares(1, "second")
        self.peer.declares(1, "third", table(x_max_length=3))
        for queue in ("q", "third"):
            self.peer.binds(1, queue, "fan")
        self.peer.binds(1, "second", "heads", "", table(a=1))
        queue = self.world.queue("q")
        assert isinstance(queue, ExtendedQueue)
        self.queue = queue

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        return {
            name: [
                (m.body, m.envelope.address, m.envelope.header, m.envelope.blind_keys)
                for m in queue.ready
            ]
            for name, queue in self.world.vhost.queues.items()
        }

    def sends_on_one_by_one(self, now_s: int) -> None:
        vhost, features = self.world.vhost, self.queue.extras.features
        exchange = vhost.exchanges.get(features.dead_letter_exchange or "")
        dead = list(self.queue.extras.dead)
        self.queue.extras.dead.clear()
        for message, reason, _ in dead if exchange is not None else ():
            assert exchange is not None
            key = features.dead_letter_routing_key
            envelope, keys = died(message.envelope, "q", reason, exchange.name, key, now_s)
            headers = envelope.properties.header_table
            targets, _ = vhost.route(exchange, keys, Message(envelope, message.body))
            for target in targets:
                if reason == REJECTED or not is_cycle(headers, target.name):
                    target.push(Message(envelope, message.body))


@examples(300)
@given(
    deaths=st.lists(
        st.tuples(st.integers(0, 3), reasons, st.integers(1, 3), seconds), min_size=1, max_size=8
    ),
    kinds=st.lists(envelopes, min_size=4, max_size=4),
    wanted=arguments,
)
def test_runs_of_dead_letters_are_dead_letters_one_by_one(
    deaths: list[tuple[int, str, int, int]],
    kinds: list[tuple[str, str, tuple[str, ...], dict[str, Any]]],
    wanted: dict[str, str],
) -> None:
    shown = [Shown(wanted), Shown(wanted)]
    known = [_envelope(*kind) for kind in kinds]
    now_s = 1_700_000_000
    for number, (kind, reason, count, later_s) in enumerate(deaths):
        now_s += later_s
        for one in shown:
            one.queue.extras.dead.extend(
                (Message(known[kind], b"%d" % number), reason, None) for _ in range(count)
            )
            if number % 2:
                vhost, version = one.world.vhost, one.world.node.version.number
                if one is shown[0]:
                    send_on(one.queue, vhost, now_s, version)
                else:
                    one.sends_on_one_by_one(now_s)
        assert shown[0].contents() == shown[1].contents()


def _envelope(exchange: str, key: str, blind: tuple[str, ...], known: dict[str, Any]) -> Envelope:
    envelope = Envelope(exchange, key, header(1, **known))
    envelope.blind_keys = blind
    return envelope
