"""Management of a node: what the HTTP API, the page and the metrics share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.management.request import Request, Response, not_found

if TYPE_CHECKING:
    from broker.node import Node


class Management:
    """Made by `boot` once the node is there; `start` and `stop` its timers."""

    def __init__(self, node: Node):
        self.node = node

    async def page(self, request: Request) -> Response:
        """The web page's files."""
        raise not_found()
