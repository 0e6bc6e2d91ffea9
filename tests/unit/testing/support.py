"""Brokers and clients for tests of broker/testing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPConnectionError


@contextmanager
def channel_to(url: str, name: str = "") -> Iterator[BlockingChannel]:
    """A channel of pika's. name: the connection's."""
    parameters: Any = pika.URLParameters(url)
    parameters.client_properties = {"connection_name": name} if name else None
    connection = pika.BlockingConnection(parameters)
    try:
        yield connection.channel()
    finally:
        if connection.is_open:
            with suppress(AMQPConnectionError):  # it has been cut, and nobody has looked since
                connection.close()
