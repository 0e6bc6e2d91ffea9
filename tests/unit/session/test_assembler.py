from __future__ import annotations

import pytest

from broker.amqp.errors import UnexpectedFrame
from broker.amqp.frames import BODY, HEADER, METHOD
from broker.amqp.methods import BasicAck, BasicPublish
from broker.session.assembler import Assembler, Awaits
from tests.support.builders import header

PUBLISH = BasicPublish(routing_key="k").encode()


@pytest.fixture
def assembler() -> Assembler:
    assembler = Assembler()
    assembler.begin(PUBLISH)
    return assembler


def test_an_empty_body_is_complete_with_its_header(assembler: Assembler) -> None:
    assert assembler.add(HEADER, header(0)) == (PUBLISH, header(0), b"")
    assert assembler.awaits is Awaits.METHOD


def test_a_body_comes_in_any_number_of_frames(assembler: Assembler) -> None:
    assert assembler.add(HEADER, header(6)) is None
    assert assembler.awaits is Awaits.BODY
    assert assembler.add(BODY, b"abc") is None
    assert assembler.add(BODY, b"") is None
    assert assembler.add(BODY, b"def") == (PUBLISH, header(6), b"abcdef")


def test_it_can_be_used_again(assembler: Assembler) -> None:
    assembler.add(HEADER, header(1))
    assembler.add(BODY, b"x")
    assembler.begin(PUBLISH)
    assembler.add(HEADER, header(1))
    assert assembler.add(BODY, b"y") == (PUBLISH, header(1), b"y")


def test_more_body_than_announced_is_never_complete(assembler: Assembler) -> None:
    """RabbitMQ goes on collecting, without keeping it; so do we."""
    assembler.add(HEADER, header(3))
    assert assembler.add(BODY, b"abcd") is None
    assert assembler.add(BODY, b"x" * 100) is None
    assert assembler.parts == []


def test_a_body_that_is_too_large_is_counted_not_kept(assembler: Assembler) -> None:
    assembler.add(HEADER, header(6))
    assembler.is_discarding = True
    assert assembler.add(BODY, b"abc") is None
    assert assembler.parts == []
    assert assembler.add(BODY, b"def") == (PUBLISH, header(6), b"")


def test_frames_out_of_place_before_a_method() -> None:
    for frame_type in (HEADER, BODY):
        with pytest.raises(UnexpectedFrame) as caught:
            Assembler().expects_method(frame_type)
        assert caught.value.text == "expected method frame, got non method frame instead"
        assert caught.value.ids == (0, 0)
    Assembler().expects_method(METHOD)


@pytest.mark.parametrize("frame_type", [METHOD, BODY])
def test_frames_out_of_place_before_a_header(assembler: Assembler, frame_type: int) -> None:
    with pytest.raises(UnexpectedFrame) as caught:
        assembler.add(frame_type, BasicAck().encode())
    assert caught.value.text == (
        "expected content header for class 60, got non content header frame instead"
    )
    assert caught.value.ids == BasicPublish.ids


@pytest.mark.parametrize("frame_type", [METHOD, HEADER])
def test_frames_out_of_place_in_a_body(assembler: Assembler, frame_type: int) -> None:
    assembler.add(HEADER, header(5))
    with pytest.raises(UnexpectedFrame) as caught:
        assembler.add(frame_type, header(5))
    assert caught.value.text == ("expected content body, got non content body frame instead")


def test_a_header_of_another_class(assembler: Assembler) -> None:
    with pytest.raises(UnexpectedFrame, match="got one for class 50 instead"):
        assembler.add(HEADER, b"\x00\x32" + header(0)[2:])


def test_a_header_with_a_weight(assembler: Assembler) -> None:
    with pytest.raises(UnexpectedFrame, match="got non content header frame instead"):
        assembler.add(HEADER, b"\x00\x3c\x00\x01" + header(0)[4:])
