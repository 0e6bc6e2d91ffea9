from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.amqp.erlang import Atom, CharList
from broker.configuration.external_terms import DEPTH_MAX, read_external, write_external

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


@pytest.mark.parametrize("term", [1.5, None, 2**40, object()])
def test_terms_that_there_are_not(term: object) -> None:
    with pytest.raises(ValueError, match="cannot be encrypted"):
        write_external(term)


@given(st.binary(max_size=60))
def test_any_octets_are_a_term_or_an_error(octets: bytes) -> None:
    with contextlib.suppress(ValueError):
        read_external(b"\x83" + octets)
