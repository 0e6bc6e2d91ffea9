"""Confirms in any order."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from broker.amqp.frames import HEARTBEAT_FRAME, method_frame
from broker.amqp.methods import BasicAck, BasicNack
from broker.cli.messaging.confirms import ACK_SIZE, Confirms
from tests.property.conftest import examples


@examples(60)
@given(st.lists(st.tuples(st.integers(1, 30), st.booleans(), st.booleans()), max_size=40))
def test_it_counts_like_a_set(settlements: list[tuple[int, bool, bool]]) -> None:
    confirms, settled, nacked = Confirms(), set[int](), 0
    for tag, multiple, is_ack in settlements:
        new = (set(range(1, tag + 1)) if multiple else {tag}) - settled
        settled |= new
        nacked += 0 if is_ack else len(new)
        confirms.settle(tag, multiple, is_ack=is_ack)
        assert confirms.settled == len(settled)
        assert confirms.nacked == nacked
        assert all(one in settled for one in range(1, confirms.settled_to + 1))


def test_frames_are_counted_up_to_the_first_that_is_another() -> None:
    tags = list(range(1, 101))
    random.Random(5).shuffle(tags)
    octets = b"".join(method_frame(1, BasicAck(tag).encode()) for tag in tags)
    confirms = Confirms()
    assert confirms.take(octets) == 100 * ACK_SIZE
    assert confirms.settled_to == confirms.settled == 100
    nack = method_frame(1, BasicNack(103, multiple=True).encode())
    other = method_frame(2, BasicAck(200).encode())
    assert confirms.take(nack + nack[:9]) == ACK_SIZE
    assert (confirms.settled, confirms.nacked) == (103, 3)
    assert confirms.take(other) == confirms.take(HEARTBEAT_FRAME * 4) == confirms.take(b"") == 0
    assert confirms.settled == 103
