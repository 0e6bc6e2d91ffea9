"""What `@method` makes of an entry; `tests/property/test_codec.py` tries random values."""

from __future__ import annotations

import struct
import traceback

import pytest

from broker.amqp.codec import METHODS, Bit, LongLong, Method, ShortStr, method
from broker.amqp.errors import FrameError, MalformedTable
from broker.amqp.methods import (
    BasicAck,
    BasicDeliver,
    BasicNack,
    BasicPublish,
    QueueBind,
    QueueDeclare,
    QueueDeclareOk,
)


def test_bits_beside_each_other_share_an_octet() -> None:
    declare = QueueDeclare(queue="q", durable=True, auto_delete=True)
    assert declare.encode() == b"\x00\x32\x00\x0a\x00\x00\x01q" + b"\x0a" + b"\x00\x00\x00\x00"
    assert BasicNack(1, multiple=True, requeue=False).encode()[-1:] == b"\x01"
    assert BasicNack(1, multiple=False, requeue=True).encode()[-1:] == b"\x02"


def test_a_bit_between_other_fields_has_an_octet_of_its_own() -> None:
    deliver = BasicDeliver("c", 7, True, "", "k")
    assert deliver.encode()[4:] == b"\x01c" + b"\x00" * 7 + b"\x07" + b"\x01" + b"\x00" + b"\x01k"


def test_fields_left_out_have_their_defaults() -> None:
    assert BasicAck(5) == BasicAck(delivery_tag=5, multiple=False)
    assert QueueDeclare() == QueueDeclare(0, "", False, False, False, False, False, {})


def test_methods_are_compared_by_their_fields() -> None:
    assert BasicAck(5) != BasicAck(6)
    assert BasicAck(5) != BasicNack(5)
    assert len({BasicAck(5), BasicAck(5), BasicAck(6)}) == 2
    assert repr(BasicAck(5)) == "BasicAck(delivery_tag=5, multiple=False)"


def test_names_are_those_of_the_wire() -> None:
    assert QueueDeclareOk.name == "queue.declare-ok"
    assert QueueDeclareOk.ids == (50, 11)
    assert METHODS[b"\x00\x32\x00\x0b"] is QueueDeclareOk


def test_too_short_or_too_long_is_a_frame_error_that_shows_the_octets() -> None:
    for octets in (BasicAck(5).encode()[:-1], BasicAck(5).encode() + b"\x00"):
        with pytest.raises(FrameError) as caught:
            BasicAck.decode(octets)
        assert caught.value.text.startswith("cannot decode <<0,0,0,0,0,0,0,5")


def test_a_short_string_must_be_utf8_except_in_methods_with_content() -> None:
    bind = QueueBind(queue="q").encode().replace(b"\x01q", b"\x01\xff")
    with pytest.raises(FrameError, match="Malformed UTF-8 in shortstr"):
        QueueBind.decode(bind)
    publish = BasicPublish(routing_key="q").encode().replace(b"\x01q", b"\x01\xff")
    assert BasicPublish.decode(publish).routing_key == "\udcff"


def test_a_table_that_is_damaged_inside_is_told_apart() -> None:
    bind = QueueBind(queue="q").encode()[:-4] + b"\x00\x00\x00\x02\x01n"
    with pytest.raises(MalformedTable):
        QueueBind.decode(bind)


def test_a_new_entry_works_and_its_source_is_in_tracebacks() -> None:
    try:

        @method(60, 999)
        class BasicTrial(Method):
            """A trial."""

            tag: LongLong = 0
            first: Bit = False
            second: Bit = True
            label: ShortStr = ""

        trial = BasicTrial(tag=1, label="n")
        assert trial.encode() == b"\x00\x3c\x03\xe7" + b"\x00" * 7 + b"\x01\x02\x01n"
        assert BasicTrial.decode(trial.encode()) == trial
        assert BasicTrial.__doc__ == "A trial."
        trial.tag = -1
        with pytest.raises(struct.error) as caught:
            trial.encode()
        assert "pack_LongLong(self.tag)" in "".join(traceback.format_exception(caught.value))
    finally:
        METHODS.pop(b"\x00\x3c\x03\xe7", None)


def test_a_method_without_fields_is_its_ids() -> None:
    class_ids = METHODS[b"\x00\x5a\x00\x0a"]
    assert class_ids().encode() == b"\x00\x5a\x00\x0a"
    assert class_ids.decode(b"\x00\x5a\x00\x0a") == class_ids()


def test_a_method_is_written_when_it_is_first_used() -> None:
    """By whatever is used first, and once."""

    @method(99, 7)
    class TestSomething(Method):
        number: LongLong = 3
        text: ShortStr = "x"

    try:
        assert not {"__init__", "encode", "decode"} & vars(TestSomething).keys()
        octets = b"\0\x63\0\x07" + b"\0" * 7 + b"\x05\x01y"
        assert TestSomething.decode(octets) == TestSomething(5, text="y")
        written = TestSomething.encode
        assert TestSomething(number=5, text="y").encode() == octets
        assert TestSomething.encode is written
    finally:
        del METHODS[b"\0\x63\0\x07"]
