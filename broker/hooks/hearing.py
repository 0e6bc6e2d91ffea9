"""Who hears of a node's events: the exchange that they are published to, and listeners.

Where nobody does, they are not even put together: `node.events` is None then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from broker.config import Config
from broker.definitions import Definitions
from broker.hooks.events import EXCHANGE, Events, Listener
from broker.hooks.outlet import Outlet
from broker.seams import Clock

if TYPE_CHECKING:
    from broker.hooks.definition_events import DefinitionEvents


class Teller(Protocol):
    """A node, as far as it is needed here."""

    name: str
    config: Config
    clock: Clock
    outlet: Outlet
    events: Events | None


class Hearing:
    """Of one node. is_published: there is the exchange, which the node has declared."""

    exchange = EXCHANGE

    def __init__(self, node: Teller, definitions: Definitions):
        """definitions: the node's, which it is itself."""
        self._node = node
        self._definitions = definitions
        self._definition_events: DefinitionEvents | None = None

    @property
    def vhost(self) -> str:
        """Where the exchange is."""
        config = self._node.config
        return config.hooks.events_vhost or config.defaults.vhost

    @property
    def is_published(self) -> bool:
        events = self._node.events
        return events is not None and events.is_published

    def publish(self) -> None:
        """From now on."""
        self._events().is_published = True

    def publish_no_more(self) -> None:
        """The exchange stays, with what is bound to it."""
        if self._node.events is not None:
            self._node.events.is_published = False
            self._rest()

    def begin(self, listener: Listener) -> None:
        self._events().listeners.append(listener)

    def end(self, listener: Listener) -> None:
        if self._node.events is not None:
            self._node.events.listeners.remove(listener)
            self._rest()

    def _events(self) -> Events:
        node = self._node
        if node.events is None:
            from broker.hooks.definition_events import DefinitionEvents

            node.events = Events(node.outlet, node.clock, vhost=self.vhost, node=node.name)
            self._definition_events = DefinitionEvents(node.events, self._definitions)
            self._definition_events.watch()
        return node.events

    def _rest(self) -> None:
        """Unless somebody still hears."""
        events = self._node.events
        if events is None or events.is_published or events.listeners:
            return
        if self._definition_events is not None:
            self._definition_events.watch_no_more()
            self._definition_events = None
        self._node.events = None
