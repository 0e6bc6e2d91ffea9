"""A gateway for protocols that are tested without an event loop, and a transport for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from broker.config import Config
from broker.node import Node
from broker.server.gateway import Gateway
from tests.support.transport import FakeTransport


class FakeTimer:
    def __init__(self, callback: Callable[[], None]):
        self.callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class FakeLoop:
    """Keeps the timers that were asked for."""

    def __init__(self) -> None:
        self.timers: list[FakeTimer] = []

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> FakeTimer:
        self.timers.append(FakeTimer(callback))
        return self.timers[-1]


def gateway_of(node: Node, config: Config | None = None) -> tuple[Gateway, FakeLoop]:
    loop = FakeLoop()
    return Gateway(node, config or node.config, cast(asyncio.AbstractEventLoop, loop)), loop


class AsyncioTransport(FakeTransport):
    """The rest of what asyncio's transports have and the protocols ask for."""

    def __init__(self, peername: object = ("192.0.2.1", 1), sockname: object = ("192.0.2.2", 2)):
        super().__init__()
        self.extra = {"peername": peername, "sockname": sockname}
        self.high: int | None = None
        self.protocol: Any = None

    def set_write_buffer_limits(self, high: int) -> None:
        self.high = high

    def get_extra_info(self, name: str) -> object:
        return self.extra.get(name)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.is_closed or self.is_aborted

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol
