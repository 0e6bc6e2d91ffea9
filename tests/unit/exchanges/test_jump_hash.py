"""Against values that `erl` gave; see `tests/support/erlang_values.py`."""

from __future__ import annotations

from broker.exchanges.jump_hash import jump_hash
from tests.support.erlang_values import jump, recorded


def test_buckets_are_those_of_rabbitmq() -> None:
    values = recorded()["jumps"]
    assert [jump_hash(*jump(number)) for number in range(len(values))] == values


def test_one_bucket_has_everything() -> None:
    assert {jump_hash(key, 1) for key in range(50)} == {0}


def test_only_21_bits_of_the_key_count() -> None:
    assert [jump_hash(key, 1000) for key in range(50)] == [
        jump_hash(key + 2**21, 1000) for key in range(50)
    ]


def test_a_bucket_more_takes_keys_only_to_itself() -> None:
    for count in range(1, 30):
        for key in range(300):
            before, after = jump_hash(key, count), jump_hash(key, count + 1)
            assert after in (before, count)


def test_more_buckets_than_anybody_can_count() -> None:
    assert 0 <= jump_hash(12345, 10**255) < 10**255
