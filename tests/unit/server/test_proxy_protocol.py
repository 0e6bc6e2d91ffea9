"""PROXY headers: what they mean, in any split, and what is none."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.server.proxy_protocol import (
    ITSELF,
    SIGNATURE_V2,
    V1_MAX,
    V2_MAX,
    BadHeaderError,
    Proxied,
    parse,
)


def v2(command: int, family: int, payload: bytes) -> bytes:
    return SIGNATURE_V2 + struct.pack(">BBH", command, family, len(payload)) + payload


IPV4 = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + struct.pack(">HH", 1000, 5672)
IPV6 = (
    ipaddress.ip_address("2001:db8::1").packed
    + ipaddress.ip_address("::1").packed
    + struct.pack(">HH", 1000, 5671)
)
UNIX = b"/run/a".ljust(108, b"\0") + b"/run/b".ljust(108, b"\0")
TLV = b"\x04\x00\x03abc"

HEADERS = [
    (b"PROXY TCP4 192.0.2.1 198.51.100.9 51234 5672\r\n",
     Proxied("192.0.2.1", 51234, "198.51.100.9", 5672)),
    (b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", Proxied("2001:db8::1", 1, "::1", 2)),
    (b"PROXY UNKNOWN\r\n", ITSELF),
    (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", ITSELF),
    (v2(0x21, 0x11, IPV4), Proxied("10.0.0.1", 1000, "10.0.0.2", 5672)),
    (v2(0x21, 0x11, IPV4 + TLV), Proxied("10.0.0.1", 1000, "10.0.0.2", 5672)),
    (v2(0x21, 0x21, IPV6), Proxied("2001:db8::1", 1000, "::1", 5671)),
    (v2(0x21, 0x31, UNIX), Proxied("/run/a", 0, "/run/b", 0, True)),
    (v2(0x21, 0x31, bytes(216)), Proxied("", 0, "", 0, True)),
    (v2(0x21, 0x12, IPV4), Proxied("10.0.0.1", 1000, "10.0.0.2", 5672)),
    (v2(0x21, 0x10, IPV4), ITSELF),
    (v2(0x21, 0x00, b""), ITSELF),
    (v2(0x21, 0x00, TLV), ITSELF),
    (v2(0x20, 0x00, b""), ITSELF),
    (v2(0x20, 0x11, IPV4), ITSELF),
    (v2(0x20, 0xFF, b"xyz"), ITSELF),  # of LOCAL nothing but the length is read
]  # fmt: skip


@pytest.mark.parametrize(("header", "meaning"), HEADERS)
def test_what_a_header_means(header: bytes, meaning: Proxied) -> None:
    assert parse(header) == (meaning, len(header))
    assert parse(header + b"AMQP\0\0\x09\x01") == (meaning, len(header))
    assert meaning.is_known is (meaning != ITSELF)


@pytest.mark.parametrize(("header", "meaning"), HEADERS)
def test_every_part_of_a_header_wants_more(header: bytes, meaning: Proxied) -> None:
    for size in range(len(header)):
        assert parse(header[:size]) is None


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"AMQP\0\0\x09\x01", "no PROXY header"),
        (b"\x16\x03\x01", "no PROXY header"),
        (b"PROXY\r\n", "no PROXY header"),
        (b"\r\n\r\n\0\r\nQUIZ", "no PROXY header"),
        (b"PROXY \r\n", "not PROXY TCP4|TCP6"),
        (b"PROXY TCP4\r\n", "not PROXY TCP4|TCP6"),
        (b"PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n", "not PROXY TCP4|TCP6"),
        (b"PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n", "not PROXY TCP4|TCP6"),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", "not PROXY TCP4|TCP6"),
        (b"PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", "an address"),
        (b"PROXY TCP4 ::1 ::1 1 2\r\n", "an address"),
        (b"PROXY TCP6 1.2.3.4 ::1 1 2\r\n", "an address"),
        (b"PROXY TCP4 \xff.2.3.4 1.2.3.4 1 2\r\n", "an address"),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n", "a port"),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n", "a port"),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 000000000002\r\n", "a port"),
        (b"PROXY UNKNOWN ".ljust(V1_MAX, b"x"), "does not end"),
        (v2(0x11, 0x11, IPV4), "version or command"),
        (v2(0x22, 0x11, IPV4), "version or command"),
        (SIGNATURE_V2 + b"\x31", "version or command"),
        (v2(0x21, 0x41, IPV4), "family or transport"),
        (v2(0x21, 0x13, IPV4), "family or transport"),
        (v2(0x21, 0x11, IPV4[:-1]), "too short"),
        (v2(0x21, 0x21, IPV6[:-1]), "too short"),
        (v2(0x21, 0x31, UNIX[:-1]), "too short"),
        (SIGNATURE_V2 + struct.pack(">BBH", 0x21, 0x11, V2_MAX + 1), "more than"),
        (SIGNATURE_V2 + struct.pack(">BBH", 0x20, 0x00, 65535), "more than"),
    ],
)
def test_what_is_no_header(data: bytes, problem: str) -> None:
    with pytest.raises(BadHeaderError, match=problem.replace("|", r"\|")):
        parse(data)


ADDRESSES = st.one_of(
    st.tuples(st.just(4), st.ip_addresses(v=4), st.ip_addresses(v=4)),
    st.tuples(st.just(6), st.ip_addresses(v=6), st.ip_addresses(v=6)),
)
PORTS = st.integers(0, 65535)


@given(ADDRESSES, PORTS, PORTS, st.binary(max_size=200), st.binary(max_size=50))
def test_both_versions_mean_the_same(
    addresses: tuple[int, ipaddress.IPv4Address, ipaddress.IPv4Address],
    peer_port: int,
    port: int,
    tlvs: bytes,
    rest: bytes,
) -> None:
    version, peer, own = addresses
    line = f"PROXY TCP{version} {peer} {own} {peer_port} {port}\r\n".encode()
    payload = peer.packed + own.packed + struct.pack(">HH", peer_port, port)
    binary = v2(0x21, 0x11 if version == 4 else 0x21, payload + tlvs)
    one, other = parse(line + rest), parse(binary + rest)
    assert one is not None
    assert other is not None
    assert (one[1], other[1]) == (len(line), len(binary))
    for proxied in (one[0], other[0]):
        assert ipaddress.ip_address(proxied.peer_host) == peer
        assert ipaddress.ip_address(proxied.host) == own
        assert (proxied.peer_port, proxied.port) == (peer_port, port)


@given(
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=300).map(lambda rest: b"PROXY " + rest),
        st.binary(max_size=300).map(lambda rest: SIGNATURE_V2 + rest),
        st.tuples(st.sampled_from(HEADERS), st.integers(0, 300), st.binary(max_size=3)).map(
            lambda t: t[0][0][: t[1]] + t[2] + t[0][0][t[1] + len(t[2]) :]
        ),
    )
)
def test_anything_is_judged_the_same_in_one_piece_and_octet_by_octet(data: bytes) -> None:
    def judged(data: bytes) -> object:
        try:
            return parse(data)
        except BadHeaderError:
            return "bad"

    found: object = None
    for size in range(len(data) + 1):
        found = judged(data[:size])
        if found is not None:
            break
    whole = judged(data)
    assert whole == found
    if whole is None:  # it still wants more: never more than a header may have
        assert len(data) < max(V1_MAX, 16 + V2_MAX)
