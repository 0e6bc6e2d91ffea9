"""A node that tells events, and somebody who hears them."""

from __future__ import annotations

from typing import Any

from broker.amqp.wire import plain
from broker.hooks.events import EXCHANGE
from tests.support.peer import Peer, World
from tests.support.wire import Content

Heard = tuple[str, dict[str, Any]]  # routing key, headers as plain values
TIME = "timestamp_in_ms"


class HearingWorld(World):
    """Events are heard from the moment on that everything is there: `heard` takes them."""

    def __init__(self, settings: dict[str, object] | None = None, **how: Any):
        super().__init__({"event_exchange.enabled": True, **(settings or {})}, **how)
        self.node.tell(0)
        self._ear = Peer(self)
        self._ear.opens()
        self._ear.opens_channel(1)
        self._ear.declares(1, "events")
        self._ear.consumes(1, "events", no_ack=True)
        self._ear.binds(1, "events", EXCHANGE, "#")
        self.heard()

    def heard(self) -> list[Heard]:
        """What has happened since the last time, without the times."""
        self.settle()
        found = []
        for content in self._ear.takes_all(1):
            if isinstance(content, Content):
                headers = content.properties.header_table
                facts = {name: plain(field) for name, field in headers.items() if name != TIME}
                found.append((content.method.routing_key, facts))  # type: ignore[attr-defined]
        return found

    def keys(self) -> list[str]:
        return [key for key, _ in self.heard()]
