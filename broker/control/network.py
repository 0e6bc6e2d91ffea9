"""What the machine of a node knows of networks: names of hosts, interfaces."""

from __future__ import annotations

import array
import asyncio
import ipaddress
import socket
import struct
from pathlib import Path

from broker.amqp.erlang import Atom
from broker.control.actions import Asked, action
from broker.control.host import DATA_ERROR, Failure, refused

Pairs = list[tuple[Atom, str]]
UNRESOLVED = "Hostname does not resolve (resolution failed with an nxdomain)"
# Of Linux: netdevice(7)
_SIOCGIFCONF, _SIOCGIFFLAGS, _SIOCGIFHWADDR = 0x8912, 0x8913, 0x8927
_SIOCGIFNETMASK, _SIOCGIFBRDADDR = 0x891B, 0x8919
_FLAGS = ((1, "up"), (2, "broadcast"), (8, "loopback"), (16, "pointtopoint"), (64, "running"))
_MULTICAST = (0x1000, "multicast")
_BROADCAST = 2
_IFREQ = 40  # octets of an entry
_INET6 = Path("/proc/net/if_inet6")


@action(needs_app=False)
async def resolve(asked: Asked, hostname: str, is_ipv6: bool) -> list[str]:
    """Its addresses, in a thread: it may take as long as it likes. Raises: Failure."""
    return await asyncio.to_thread(addresses_of, hostname, is_ipv6=is_ipv6)


def addresses_of(hostname: str, *, is_ipv6: bool) -> list[str]:
    """Raises: Failure."""
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    try:
        found = socket.getaddrinfo(hostname, None, family, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Failure(UNRESOLVED, DATA_ERROR) from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@action(needs_app=False)
async def resolver(asked: Asked) -> dict[str, str]:
    """The system's is asked, always: files of Erlang's own do not count."""
    return {"lookup": "native", "hosts_file": "/etc/hosts", "resolv_conf": "/etc/resolv.conf"}


@action(needs_app=False)
async def interfaces(asked: Asked) -> list[tuple[str, Pairs]]:
    """Names, and what they have, as RabbitMQ orders it: hardware first, flags last.

    Raises: Failure: the system does not tell.
    """
    return await asyncio.to_thread(_interfaces)


def _interfaces() -> list[tuple[str, Pairs]]:
    """Raises: Failure."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            names = sorted(name for _, name in socket.if_nameindex())
            addresses, inet6 = _ipv4_addresses(asking), _ipv6_addresses()
            return [
                (name, _facts(asking, name, addresses.get(name, []), inet6.get(name, [])))
                for name in names
            ]
    except (OSError, ImportError):  # another system
        raise refused("enotsup") from None


def _facts(asking: socket.socket, name: str, ipv4: list[str], ipv6: list[str]) -> Pairs:
    (flags,) = struct.unpack_from("H", _asked(asking, _SIOCGIFFLAGS, name), 16)
    facts: Pairs = []
    hardware = _asked(asking, _SIOCGIFHWADDR, name)[18:24]
    facts.append((Atom("hwaddr"), ":".join(f"{octet:X}" for octet in hardware)))
    for text in ipv6:
        address = ipaddress.IPv6Interface(text)
        facts.append((Atom("netmask"), str(address.netmask)))
        facts.append((Atom("addr"), str(address.ip)))
    for text in ipv4:
        if flags & _BROADCAST:
            facts.append((Atom("broadaddr"), _address(asking, _SIOCGIFBRDADDR, name)))
        facts.append((Atom("netmask"), _address(asking, _SIOCGIFNETMASK, name)))
        facts.append((Atom("addr"), text))
    shown = [word for bit, word in (*_FLAGS, _MULTICAST) if flags & bit]
    facts.append((Atom("flags"), ", ".join(shown)))
    return facts


def _asked(asking: socket.socket, what: int, name: str) -> bytes:
    from fcntl import ioctl

    return ioctl(asking.fileno(), what, struct.pack("256s", name.encode()[:15]))


def _address(asking: socket.socket, what: int, name: str) -> str:
    return socket.inet_ntoa(_asked(asking, what, name)[20:24])


def _ipv4_addresses(asking: socket.socket) -> dict[str, list[str]]:
    """By interface: the kernel fills a buffer with entries of name and address."""
    from fcntl import ioctl

    room = array.array("B", bytes(_IFREQ * 256))
    given = struct.pack("iL", len(room), room.buffer_info()[0])
    (used,) = struct.unpack_from("i", ioctl(asking.fileno(), _SIOCGIFCONF, given))
    found: dict[str, list[str]] = {}
    octets = room.tobytes()
    for at in range(0, used, _IFREQ):
        label = octets[at : at + 16].split(b"\0", 1)[0].decode()
        text = socket.inet_ntoa(octets[at + 20 : at + 24])
        found.setdefault(label.partition(":")[0], []).append(text)
    return found


def _ipv6_addresses() -> dict[str, list[str]]:
    """By interface, with their prefixes."""
    found: dict[str, list[str]] = {}
    try:
        lines = _INET6.read_text().splitlines()
    except OSError:  # without IPv6
        return found
    for line in lines:
        digits, _, prefix, _, _, name = line.split()
        address = ipaddress.IPv6Address(int(digits, 16))
        found.setdefault(name, []).append(f"{address}/{int(prefix, 16)}")
    return found
