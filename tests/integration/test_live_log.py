"""The log, watched by real clients of the HTTP API."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import logging
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from broker.boot import Broker
from broker.management.live_log import LOGGER, LiveLog
from tests.integration.support import (
    WAIT_S,
    UnexpectedCloseError,
    WirePeer,
    holdings,
    serves,
    wait_until,
)

SECRET = "not to be seen by anybody"
HEADERS = {"authorization": "Basic " + base64.b64encode(b"guest:guest").decode()}


@pytest.fixture(autouse=True)
def _at_info() -> Iterator[None]:
    logger = logging.getLogger(LOGGER)
    before = logger.level
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(before)


class Watching:
    """A client that reads the stream."""

    def __init__(self, broker: Broker, query: str = ""):
        self._client = http.client.HTTPConnection(
            "127.0.0.1", broker.management_port, timeout=WAIT_S
        )
        self._client.connect()
        linger = struct.pack("ii", 1, 0)  # a reset: somebody who only stops sending may still read
        self._client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._client.request("GET", f"/api/livelog{query}", headers=HEADERS)
        self.response = self._client.getresponse()
        assert self.response.status == 200
        assert self.response.readline() == b": keep-alive\n"

    def __enter__(self) -> Watching:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self.response.close()

    def lines(self) -> Iterator[dict[str, Any]]:
        while line := self.response.readline():
            if line.startswith(b"data: "):
                yield json.loads(line[6:])

    def sees(self, text: str) -> list[dict[str, Any]]:
        """All lines up to one with a text in it."""
        found = []
        for line in self.lines():
            found.append(line)
            if text in line["message"]:
                return found
        raise AssertionError(f"{text!r} is not in {found}")

    def ends(self) -> None:
        """It does, whole or not."""
        with contextlib.suppress(http.client.HTTPException, ConnectionError):
            self.response.read()


def handlers() -> list[logging.Handler]:
    return [one for one in logging.getLogger(LOGGER).handlers if isinstance(one, LiveLog)]


def test_what_happens_is_seen_and_no_password() -> None:
    with Broker({"management.enabled": True}) as broker:
        serves(broker.port)
        with Watching(broker) as one, Watching(broker, "?level=warning") as other:
            with pytest.raises(UnexpectedCloseError), WirePeer(broker.port) as peer:
                peer.login("guest", SECRET)
            seen = one.sees("refused")
            assert "connection" in {line["category"] for line in seen}
            assert SECRET not in json.dumps(seen)
            assert {line["level"] for line in other.sees("refused")} == {"warning"}


def test_nothing_is_left_of_those_who_have_gone_or_of_the_node() -> None:
    before = holdings()
    with Broker({"management.enabled": True}) as broker:
        wait_until(lambda: broker.management is not None, "it is loaded")
        management = broker.management
        assert management is not None
        assert len(handlers()) == 1
        with Watching(broker):
            wait_until(lambda: management.live_log.watcher_count == 1, "he watches")
        wait_until(lambda: management.live_log.watcher_count == 0, "he has gone")
        watching = Watching(broker)
    with watching:
        watching.ends()
    assert handlers() == []
    assert holdings() == before
