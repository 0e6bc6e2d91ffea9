"""Listening sockets."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from broker.server.protocol import AMQPProtocol

if TYPE_CHECKING:
    from broker.node import Node


class ListenError(OSError):
    """An address cannot be listened on; the text is one line for the user."""


def open_sockets(address: str, port: int, backlog: int) -> list[socket.socket]:
    """Listening sockets for an address. "": all addresses, IPv6 and IPv4 on one socket.

    port 0: a free one, the same for every socket. Raises: ListenError.
    """
    wanted = [(socket.AF_INET6, "::")] if address == "" else _resolve(address)
    if address == "" and not socket.has_dualstack_ipv6():
        wanted = [(socket.AF_INET, "0.0.0.0")]
    opened: list[socket.socket] = []
    try:
        for family, host in wanted:
            listening = socket.socket(family, socket.SOCK_STREAM)
            opened.append(listening)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(address != ""))
            listening.bind((host, port))
            port = listening.getsockname()[1]
            listening.listen(backlog)
            listening.setblocking(False)
    except OSError as error:
        for listening in opened:
            listening.close()
        place = f"{address or '*'}:{port}"
        raise ListenError(f"cannot listen on {place}: {error.strerror or error}") from None
    return opened


def _resolve(address: str) -> list[tuple[int, str]]:
    try:
        found = socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise ListenError(f"cannot listen on {address}: {error.strerror}") from None
    return list(dict.fromkeys((int(family), str(place[0])) for family, _, _, _, place in found))


async def listen(
    node: Node, address: str, port: int, backlog: int
) -> tuple[list[asyncio.Server], int]:
    """Accept AMQP connections for the node. Returns: the servers and the port."""
    loop = asyncio.get_running_loop()
    sockets = open_sockets(address, port, backlog)
    servers = [
        await loop.create_server(lambda: AMQPProtocol(node), sock=opened, backlog=backlog)
        for opened in sockets
    ]
    return servers, sockets[0].getsockname()[1]
