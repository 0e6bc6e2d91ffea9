"""Runs of deliveries are what they are, however the octets are cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from broker.amqp import frames
from broker.amqp.content import Properties
from broker.amqp.methods import BasicCancel, BasicDeliver
from broker.cli.messaging.deliveries import Deliveries
from tests.property.conftest import examples

CANCEL = frames.method_frame(1, BasicCancel("c").encode())


def delivered(tag: int, size: int, key: str = "key", frame_max: int = 4096) -> bytes:
    body = (tag * 1000).to_bytes(8, "big").ljust(size, b"\0")[:size]
    deliver = frames.method_frame(1, BasicDeliver("c", tag, False, "", key).encode())
    content = frames.content_frames(1, Properties().encode(size), body, frame_max)
    return b"".join((deliver, *content))


Part = tuple[int, str, bytes]  # size of the body, routing key, frames between it and the next
parts = st.lists(
    st.tuples(
        st.sampled_from([16, 16, 16, 0, 7, 8, 9000]),
        st.sampled_from(["key", "key", "key", "longer", "yek"]),
        st.sampled_from([b"", b"", b"", frames.HEARTBEAT_FRAME, CANCEL]),
    ),
    max_size=30,
)


@examples(60)
@given(parts, st.lists(st.integers(1, 3000), max_size=20))
def test_every_delivery_is_counted_once(parts: list[Part], cuts: list[int]) -> None:
    octets = b"".join(
        delivered(tag, size, key) + between for tag, (size, key, between) in enumerate(parts, 1)
    )
    others: list[bytes] = []
    deliveries = Deliveries(others.append)
    count, last, stamps, at = 0, 0, list[int](), 0
    for cut in [*cuts, len(octets)]:
        run = deliveries.take(octets[at : at + cut])
        at += cut
        count, last, stamps = count + run.messages, run.last_tag or last, stamps + run.stamps
    assert count == last == len(parts)
    assert stamps == [tag * 1000 for tag, (size, *_) in enumerate(parts, 1) if size >= 8]
    assert others == [between for *_, between in parts if between]


def test_a_whole_run_goes_without_a_look_at_its_frames(monkeypatch: object) -> None:
    deliveries = Deliveries(lambda frame: None)
    looked: list[int] = []
    one = deliveries._one

    def counting(data: bytes, at: int, stamps: list[int]) -> tuple[int, int]:
        looked.append(at)
        return one(data, at, stamps)

    deliveries._one = counting  # type: ignore[method-assign]
    octets = b"".join(delivered(tag, 16) for tag in range(1, 1001))
    assert deliveries.take(octets[:-1]).messages == 999
    assert deliveries.take(octets[-1:]).last_tag == 1000
    assert len(looked) == 2  # the first, and the one that was not whole


def test_a_large_body_is_put_together_once() -> None:
    deliveries = Deliveries(lambda frame: None)
    octets = delivered(1, 5_000_000, frame_max=131072)
    runs = [deliveries.take(octets[at : at + 100_000]) for at in range(0, len(octets), 100_000)]
    assert [run.messages for run in runs[:-1]] == [0] * (len(runs) - 1)
    assert runs[-1].messages == 1
    assert runs[-1].stamps == [1000]
