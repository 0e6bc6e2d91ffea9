"""The states of a connection, and which method leads from one to the next.

What is absent from the table is refused, in one place (`connection_methods.dispatch`).
"""

from __future__ import annotations

from enum import Enum

from broker.amqp.methods import (
    ConnectionClose,
    ConnectionOpen,
    ConnectionStartOk,
    ConnectionTuneOk,
    ConnectionUpdateSecret,
    Method,
)


class State(Enum):
    """Values are RabbitMQ's names: they occur in its texts."""

    HEADER = "pre_init"
    STARTING = "starting"
    SECURING = "securing"
    TUNING = "tuning"
    OPENING = "opening"
    RUNNING = "running"
    CLOSING = "closing"
    CLOSED = "closed"


HANDSHAKE: dict[tuple[State, type[Method]], State] = {
    (State.STARTING, ConnectionStartOk): State.TUNING,
    (State.SECURING, ConnectionStartOk): State.TUNING,  # the same, when a backend has answered
    (State.TUNING, ConnectionTuneOk): State.OPENING,
    (State.OPENING, ConnectionOpen): State.RUNNING,
    (State.RUNNING, ConnectionUpdateSecret): State.RUNNING,
    (State.RUNNING, ConnectionClose): State.CLOSING,
}
