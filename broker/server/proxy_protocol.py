r"""The PROXY protocol: a load balancer says whom it speaks for, before TLS and AMQP begin.

    v1   PROXY TCP4 192.0.2.1 198.51.100.1 51234 5672\r\n             at most 107 octets
    v2   signature (12) | version, command | family, transport | length (2) | addresses, TLVs

Sans-IO: `parse` looks at what has come so far and says that it needs more, what it means, or
raises. What a header may have at most is known from its first octets on, so nothing piles up.
Spec: haproxy's proxy-protocol.txt, 2.1 and 2.2.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import NamedTuple

V1_MAX = 107  # octets with the line's end
V2_MAX = 4096  # octets of addresses and TLVs; balancers send some hundred
SIGNATURE_V2 = b"\r\n\r\n\0\r\nQUIT\n"
SIGNATURE_V1 = b"PROXY "

_LOCAL, _PROXY = 0x20, 0x21
_ADDRESSES = {0x10: (socket.AF_INET, 4), 0x20: (socket.AF_INET6, 16)}  # by family
_UNIX = 0x30
_UNIX_LENGTH = 216


class BadHeaderError(ValueError):
    """What came is not a PROXY header; the text says why."""


class Proxied(NamedTuple):
    """Whom the balancer speaks for. Empty hosts: for itself (LOCAL, UNKNOWN)."""

    peer_host: str = ""
    peer_port: int = 0
    host: str = ""
    port: int = 0
    is_unix: bool = False  # peer_host and host are paths, which may be empty

    @property
    def is_known(self) -> bool:
        return bool(self.peer_host) or self.is_unix


ITSELF = Proxied()


def parse(data: bytes) -> tuple[Proxied, int] | None:
    """The header that data begins with, and the offset behind it. None: more has to come.

    Raises: BadHeaderError, as early as it can be known.
    """
    if data.startswith(SIGNATURE_V2[: len(data)]):
        return _parse_v2(data)
    if data.startswith(SIGNATURE_V1[: len(data)]):
        return _parse_v1(data)
    raise BadHeaderError("no PROXY header")


def _parse_v1(data: bytes) -> tuple[Proxied, int] | None:
    end = data.find(b"\r\n", 0, V1_MAX)
    if end < 0:
        if len(data) >= V1_MAX:
            raise BadHeaderError("a line that does not end")
        return None
    parts = data[:end].split(b" ")
    if parts[1] == b"UNKNOWN":
        return ITSELF, end + 2
    if len(parts) != 6 or parts[1] not in (b"TCP4", b"TCP6"):
        raise BadHeaderError("not PROXY TCP4|TCP6 and four values")
    kind = ipaddress.IPv4Address if parts[1] == b"TCP4" else ipaddress.IPv6Address
    try:
        peer_host, host = (str(kind(part.decode("ascii"))) for part in parts[2:4])
    except ValueError:
        raise BadHeaderError("an address that is none") from None
    return Proxied(peer_host, _port(parts[4]), host, _port(parts[5])), end + 2


def _port(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 5 or int(digits) > 65535:
        raise BadHeaderError("a port that is none")
    return int(digits)


def _parse_v2(data: bytes) -> tuple[Proxied, int] | None:
    if len(data) >= 13 and data[12] not in (_LOCAL, _PROXY):
        raise BadHeaderError("an unknown version or command")
    if len(data) < 16:
        return None
    family, length = data[13], int.from_bytes(data[14:16], "big")
    if length > V2_MAX:
        raise BadHeaderError(f"{length} octets of it, more than {V2_MAX}")
    if data[12] == _PROXY:
        _check_length(family, length)
    end = 16 + length
    if len(data) < end:
        return None
    if data[12] == _LOCAL:
        return ITSELF, end
    return _addresses(family, data[16:end]), end


def _check_length(family: int, length: int) -> None:
    if family >> 4 > 3 or family & 15 > 2:
        raise BadHeaderError("an unknown family or transport")
    known = _ADDRESSES.get(family & 0xF0)
    needed = _UNIX_LENGTH if family & 0xF0 == _UNIX else 2 * known[1] + 4 if known else 0
    if length < needed:
        raise BadHeaderError("too short for its addresses")


def _addresses(family: int, data: bytes) -> Proxied:
    if family & 0xF0 == _UNIX:
        peer, own = (data[at : at + 108].split(b"\0", 1)[0] for at in (0, 108))
        text = (path.decode("utf-8", "backslashreplace") for path in (peer, own))
        return Proxied(next(text), 0, next(text), 0, is_unix=True)
    known = _ADDRESSES.get(family & 0xF0)
    if known is None or not family & 15:  # UNSPEC: the real addresses count
        return ITSELF
    number, size = known
    peer_port, port = struct.unpack_from(">HH", data, 2 * size)
    peer_host = socket.inet_ntop(number, data[:size])
    return Proxied(peer_host, peer_port, socket.inet_ntop(number, data[size : 2 * size]), port)
