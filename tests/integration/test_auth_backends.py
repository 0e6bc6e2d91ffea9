"""Whole brokers whose users are somebody else's: an HTTP service, a package's backend."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pika
import pytest
from pika.exceptions import (
    AMQPConnectionError,
    ChannelClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from broker import Broker
from broker.auth.custom import AuthBackend
from broker.config import ConfigError
from broker.server import auth_plugins
from tests.integration.support import WAIT_S
from tests.support.auth_service import AuthService, Fields


def connect(broker: Broker, username: str, password: str = "pw") -> pika.BlockingConnection:
    return pika.BlockingConnection(
        pika.ConnectionParameters(
            "127.0.0.1",
            broker.port,
            "/",
            pika.PlainCredentials(username, password),
            socket_timeout=WAIT_S,
        )
    )


def answer(path: str, fields: Fields) -> tuple[int, str] | bytes:
    """Of a service with a user, some refusals, and some moods."""
    if path == "/user":
        return 200, "allow Management" if fields.get("password") == "pw" else "deny"
    match fields.get("name"), fields.get("routing_key"):
        case "denied", _:
            return 200, "deny"
        case "error", _:
            return 500, "oops"
        case "rubbish", _:
            return b"\x00\x01\x02rubbish"
        case _, "denied":
            return 200, "deny"
    return (200, "deny") if fields["username"] == "outsider" else (200, "allow")


@pytest.fixture(scope="module")
def service() -> Iterator[AuthService]:
    with AuthService(answer) as service:
        yield service


@pytest.fixture(scope="module")
def broker(service: AuthService) -> Iterator[Broker]:
    settings = service.settings(**{"auth_backends.2": "internal"})
    with Broker(settings) as broker:
        yield broker


def test_a_user_of_the_service(broker: Broker, service: AuthService) -> None:
    with connect(broker, "zoe") as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, "amq.topic", "#")
        for number in range(200):
            channel.basic_publish("amq.topic", f"k.{number % 3}", str(number).encode())
        bodies = [channel.basic_get(queue, auto_ack=True)[2] for _ in range(200)]
        assert bodies == [str(number).encode() for number in range(200)]
        assert broker.call(lambda node: "zoe" in node.users) is False
    asked = [asked.path for asked in service.asked if asked.fields["username"] == "zoe"]
    assert asked.count("/topic") == 4  # each routing key once
    assert asked.count("/resource") == 5


def test_a_user_of_the_node_comes_second(broker: Broker) -> None:
    with connect(broker, "guest", "guest") as connection:
        connection.channel().queue_declare("denied", exclusive=True)


def test_who_is_refused(broker: Broker) -> None:
    with pytest.raises(ProbableAuthenticationError):
        connect(broker, "zoe", "wrong")
    with pytest.raises(ProbableAccessDeniedError, match="access to vhost '/' refused for user"):
        connect(broker, "outsider")


@pytest.mark.parametrize(
    ("queue", "text"),
    [
        ("denied", "ACCESS_REFUSED - access to queue 'denied' in vhost '/' refused for user 'z'"),
        (
            # as RabbitMQ breaks the line
            "error",
            "ACCESS_REFUSED - access to queue 'error' in vhost '/' refused for user 'z', backend "
            f'rabbit_auth_backend_http returned an error: {{500,\n{" " * 112}"oops"}}',
        ),
        (
            "rubbish",
            "ACCESS_REFUSED - access to queue 'rubbish' in vhost '/' refused for user 'z', backend "
            "rabbit_auth_backend_http returned an error: {failed_connect,",
        ),
    ],
)
def test_what_is_refused(broker: Broker, queue: str, text: str) -> None:
    with connect(broker, "z") as connection:
        channel = connection.channel()
        with pytest.raises(ChannelClosedByBroker) as refusal:
            channel.queue_declare(queue)
        assert refusal.value.reply_code == 403
        assert refusal.value.reply_text.startswith(text)
        connection.channel().queue_declare("", exclusive=True)


def test_a_service_that_comes_and_goes(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is allowed without it; who was let in is let do what was asked for before."""
    with contextlib.ExitStack() as running:
        service = running.enter_context(AuthService(answer))
        with Broker(service.settings()) as broker:
            connection = connect(broker, "zoe")
            channel = connection.channel()
            channel.queue_declare("known", exclusive=True)
            running.close()
            channel.queue_declare("known", exclusive=True)
            with pytest.raises(ChannelClosedByBroker, match="failed_connect"):
                channel.queue_declare("other")
            with caplog.at_level(logging.ERROR), pytest.raises(AMQPConnectionError):
                connect(broker, "zoe")
            connection.close()
            assert broker.call(lambda node: node.backends.error_count) == 2
    assert "an auth backend failed, backend=rabbit_auth_backend_http" in caplog.text


def test_a_service_that_hangs_holds_up_nobody_else() -> None:
    hanging, released = threading.Event(), threading.Event()

    def slow(path: str, fields: Fields) -> tuple[int, str]:
        if fields.get("name") == "slow":
            hanging.set()
            released.wait(WAIT_S)
        return 200, "allow"

    with AuthService(slow) as service, Broker(service.settings()) as broker:
        slow_one = pika.BlockingConnection(
            pika.ConnectionParameters(
                "127.0.0.1", broker.port, "/", pika.PlainCredentials("zoe", "pw")
            )
        )
        channel = slow_one.channel()
        worker = threading.Thread(target=channel.queue_declare, args=("slow",))
        worker.start()
        assert hanging.wait(WAIT_S)
        with connect(broker, "bob") as other:
            other.channel().queue_declare("quick")
        assert worker.is_alive()
        released.set()
        worker.join(WAIT_S)
        assert broker.call(lambda node: set(node.vhosts["/"].queues)) == {"slow", "quick"}
        slow_one.close()


def test_a_broker_stops_while_a_service_hangs() -> None:
    hanging, released = threading.Event(), threading.Event()

    def hang(path: str, fields: Fields) -> tuple[int, str]:
        hanging.set()
        released.wait(WAIT_S)
        return 200, "allow"

    def login(broker: Broker) -> None:
        with pytest.raises(AMQPConnectionError):
            connect(broker, "zoe")

    with AuthService(hang) as service:
        with Broker(service.settings()) as broker:
            worker = threading.Thread(target=login, args=(broker,))
            worker.start()
            assert hanging.wait(WAIT_S)
        worker.join(WAIT_S)
        assert not worker.is_alive()
        released.set()


# a package's backend


class Directory(AuthBackend):
    """Knows anna, and lets her use queues that begin with her name."""

    async def login(self, username: str, password: str | None) -> list[str] | None:
        await asyncio.sleep(0)
        return ["management"] if (username, password) == ("anna", "pw") else None

    async def resource(self, username: str, tags: Any, *what: Any) -> bool:
        _, _, name, _ = what
        await asyncio.sleep(0)
        return name == "amq.default" or str(name).startswith(username)

    def new_secret(self, username: str, tags: Any, secret: str) -> bool:
        return secret == "good"


def test_a_packages_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("directory", f"{__name__}:Directory", auth_plugins.ENTRY_POINT_GROUP)
    monkeypatch.setattr(auth_plugins, "entry_points", lambda **_: [entry])
    with Broker({"auth_backends": ["internal", "directory"]}) as broker:
        with connect(broker, "anna") as connection:
            channel = connection.channel()
            channel.queue_declare("anna.q")
            channel.basic_publish("", "anna.q", b"x")
            assert channel.basic_get("anna.q", auto_ack=True)[2] == b"x"
            connection.update_secret("good", "it was time")
            with pytest.raises(ChannelClosedByBroker, match="access to queue 'q'"):
                channel.queue_declare("q")
        with pytest.raises(ProbableAuthenticationError):
            connect(broker, "anna", "wrong")


def test_a_backend_that_is_not_there_stops_the_start() -> None:
    with pytest.raises(ConfigError, match="there is no auth backend 'ldap'"):
        Broker({"auth_backends": "ldap"}).__enter__()
