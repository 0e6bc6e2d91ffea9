"""A broker for the tests of the messaging commands, and a way to call these."""

from __future__ import annotations

import io
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from broker import Broker
from broker.cli.messaging.address import Address
from broker.cli.messaging.connection import Connection


class Said(NamedTuple):
    """What a command left behind."""

    code: int
    out: bytes
    err: str


class Caller:
    """Calls commands the way leveretctl does, with streams that are no files."""

    def __init__(self, broker: Broker):
        self.address = Address(host=broker.host, port=broker.port)
        self._options = {"host": broker.host, "port": broker.port}

    def __call__(
        self, command: ModuleType, *arguments: str, stdin: bytes = b"", **options: Any
    ) -> Said:
        out, err = io.BytesIO(), io.StringIO()
        given = self._options | options
        code = command.run(given, list(arguments), io.BytesIO(stdin), out, err)
        return Said(code, out.getvalue(), err.getvalue())

    def connect(self) -> Connection:
        return Connection(self.address)


@pytest.fixture(scope="package")
def broker() -> Iterator[Broker]:
    with Broker() as running:
        yield running


@pytest.fixture(scope="package")
def call(broker: Broker) -> Caller:
    return Caller(broker)
