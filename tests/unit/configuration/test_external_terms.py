from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.amqp.erlang import Atom, CharList
from broker.configuration.external_terms import (
    DEPTH_MAX,
    deflated,
    read_external,
    write_external,
)

# As `term_to_binary` of Erlang/OTP 25 has them.
KNOWN = [
    (b"guest", "836d000000056775657374"),
    (CharList("guest"), "836b00056775657374"),
    (CharList("\u263a"), "836c00000001620000263a6a"),
    ([], "836a"),
    (255, "8361ff"),
    (256, "836200000100"),
    (-1, "8362ffffffff"),
    ((b"a", 1), "83680 26d00000001616101".replace(" ", "")),
    ([b"a"], "836c000000016d00000001616a"),
]


@pytest.mark.parametrize(("term", "octets"), KNOWN)
def test_terms_are_written_and_read_as_erlang_does(term: object, octets: str) -> None:
    assert write_external(term).hex() == octets
    assert read_external(bytes.fromhex(octets)) == term


@pytest.mark.parametrize("octets", ["83640002616f", "8377026161", "83730261 6f".replace(" ", "")])
def test_atoms_of_old_and_new(octets: str) -> None:
    assert isinstance(read_external(bytes.fromhex(octets)), Atom)
    assert write_external(Atom("ao")).hex() == "83640002616f"


def test_a_long_text_is_a_list() -> None:
    text = CharList("x" * 70_000)
    assert read_external(write_external(text)) == text


@pytest.mark.parametrize(
    "octets",
    ["", "6d", "83", "836d00000005677565", "8361ff00", "83ff", "836c0000000161016101", "8368"],
)
def test_what_is_no_term(octets: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_external(bytes.fromhex(octets))


def test_brackets_within_one_another_without_end() -> None:
    with pytest.raises(ValueError, match="too deep"):
        read_external(b"\x83" + b"h\x01" * (DEPTH_MAX + 2) + b"j")


@pytest.mark.parametrize("term", [None, object(), {1}])
def test_terms_that_there_are_not(term: object) -> None:
    with pytest.raises(ValueError, match="cannot be encrypted"):
        write_external(term)


@given(st.binary(max_size=60))
def test_any_octets_are_a_term_or_an_error(octets: bytes) -> None:
    with contextlib.suppress(ValueError):
        read_external(b"\x83" + octets)


@pytest.mark.parametrize(
    "term",
    [
        {Atom("a"): [b"x", {b"y": 1.5}], b"z": {}},
        -1.25,
        2**31,
        -(2**31) - 1,
        2**200,
        -(2**200),
    ],
)
def test_terms_of_definitions_come_back(term: object) -> None:
    octets = write_external(term)
    assert read_external(octets) == term
    small = deflated(octets)
    assert read_external(small, size_max=1000) == term


def test_booleans_are_atoms() -> None:
    assert read_external(write_external([True, False])) == [Atom("true"), Atom("false")]


def test_what_is_deflated_is_inflated_up_to_a_limit() -> None:
    small = deflated(write_external(b"x" * 100_000))
    with pytest.raises(ValueError, match="too large"):
        read_external(small, size_max=1000)
    with pytest.raises(ValueError, match="too large"):
        read_external(small)
    for damaged in (small[:-5], small[:6] + b"nonsense", small[:2] + b"\0\0\0\1" + small[6:]):
        with pytest.raises(ValueError, match="damaged"):
            read_external(damaged, size_max=1_000_000)


def test_a_number_may_be_too_large() -> None:
    with pytest.raises(ValueError, match="too large"):
        write_external(2**5000)


def test_a_key_is_a_plain_term() -> None:
    with pytest.raises(ValueError, match="plain term"):
        read_external(b"\x83t\0\0\0\1l\0\0\0\1d\0\1ajd\0\1a")
