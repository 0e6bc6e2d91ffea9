"""A broker with what a section needs: its vhost, the users, AMQP connections with names."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from tests.conformance.http.cases import ABSENT, PASSWORD, PREFIX, USERS, Case, at
from tests.conformance.http.client import Answer, Client
from tests.conformance.http.normalise import Normaliser, Recorded
from tests.conformance.wire_client import CAPABILITIES, Channel, Connection, Play, Target

WAIT_S = 10.0  # RabbitMQ's lists are up to 5 s late
FAILURES = 15  # logins that may fail before the next come from another address
ADDRESSES = itertools.count()
HASHES = frozenset({"", "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"})  # set as such


class Broker:
    """Where to find it. settle_s: how long its statistics have to stay the same to be final; they
    are waited for three times as long."""

    def __init__(self, port: int, api_port: int, settle_s: float):
        self.target = Target(port, api_port=api_port)
        self.api_port = api_port
        self.settle_s = settle_s
        client = Client(api_port)
        overview = json.loads(client.ask("GET", "/api/overview", credentials="guest:guest").body)
        client.close()
        self.node = overview["node"]


class Stage:
    """What one section is played on."""

    def __init__(self, broker: Broker, vhost: str):
        self.broker = broker
        self.vhost = vhost
        self.connections: dict[str, Connection] = {}
        self._names: dict[str, str] = {}
        self._play = Play(broker.target, vhost)
        self._client = Client(broker.api_port)
        self._stranger = Client(broker.api_port)
        self._stranger_asked = 0
        self._normaliser = Normaliser({broker.node: "<node>"}, HASHES)

    # --- HTTP

    def ask(self, case: Case) -> Recorded:
        return self._normaliser.recorded(case, self.send(case))

    def send(self, case: Case) -> Answer:
        """One request, and the answer as it came."""
        credentials = case.user
        if credentials and ":" not in credentials:
            credentials += ":guest" if credentials == "guest" else f":{PASSWORD}"
        path = case.path.replace("<node>", quote(self.broker.node, safe=""))
        for name in self.connections:
            path = path.replace(f"<{name}>", quote(self.name_of(name), safe=""))
        client = self._stranger_client() if _is_stranger(case) else self._client
        return client.ask(
            case.method,
            path[1:] if path.startswith("//") else f"/api{path}",
            credentials=credentials,
            body=_encoded(case.body),
            headers=case.headers,
        )

    def _stranger_client(self) -> Client:
        """For a login that may fail: from an address with few of them."""
        if self._stranger_asked % FAILURES == 0:
            self._stranger.close()
            number = next(ADDRESSES)
            source = f"127.0.{1 + number // 250 % 250}.{1 + number % 250}"
            self._stranger = Client(self.broker.api_port, source=source)
        self._stranger_asked += 1
        return self._stranger

    def wait(self, path: str, is_so: Any) -> None:
        """Until the JSON at the path is as wanted: for what comes true a moment later."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            answer = self.send(Case("GET", path))
            if answer.status == 200 and is_so(json.loads(answer.body)):
                return
            time.sleep(0.05)

    # --- AMQP

    def connect(
        self, name: str, user: str = "guest", vhost: str = "", **properties: Any
    ) -> Connection:
        """Open a connection with the client property connection_name, and wait until it is seen."""
        password = "guest" if user == "guest" else PASSWORD
        connection = self._play.socket()
        with self._play.unrecorded():
            connection.handshake(
                user=user,
                password=password,
                vhost=vhost or self.vhost,
                capabilities=CAPABILITIES,
                client_properties={"connection_name": name, "product": "walk", **properties},
            )
        self.connections[name] = connection
        host, port = connection.socket.getsockname()[:2]
        target = self.broker.target
        self._names[name] = f"{host}:{port} -> {target.host}:{target.port}"
        self._normaliser.names[self._names[name]] = f"<{name}>"
        return connection

    def channel(self, name: str, number: int = 1) -> Channel:
        """A channel of a connection opened before, opened when it is not yet."""
        connection = self.connections[name]
        known = connection._channels.get(number)
        return connection.channel(number) if known is None else known

    def name_of(self, name: str) -> str:
        """What brokers call that connection."""
        return self._names[name]

    def close(self) -> None:
        for connection in self.connections.values():
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
            connection.socket.close()
        self._client.close()
        self._stranger.close()


def _is_stranger(case: Case) -> bool:
    return (
        ":" in case.user
        or case.user in ("hw-none", "hw-other", "hw-self")
        or any(name == "Authorization" for name, _ in case.headers)
        or case.path.startswith(("/login", "/definitions?auth"))
    )


def _encoded(body: Any) -> bytes | None:
    if body is ABSENT or isinstance(body, bytes):
        return None if body is ABSENT else body
    return (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode()


def ask_guest(client: Client, method: str, path: str, body: Any = None) -> Any:
    """One request as guest. Returns: the JSON, None without any."""
    data = None if body is None else json.dumps(body).encode()
    answer = client.ask(method, f"/api{path}", credentials="guest:guest", body=data)
    return json.loads(answer.body) if answer.body and answer.status < 400 else None


def sweep(broker: Broker) -> None:
    """Remove everything with our prefix."""
    client = Client(broker.api_port)
    for path in ("/vhosts", "/users", "/global-parameters"):
        for item in ask_guest(client, "GET", path) or []:
            if item["name"].startswith(PREFIX):
                ask_guest(client, "DELETE", path + at(item["name"]))
    client.close()


@contextlib.contextmanager
def users(broker: Broker) -> Iterator[None]:
    """The users, with anything that an earlier run left behind gone; nothing is left afterwards."""
    sweep(broker)
    client = Client(broker.api_port)
    try:
        for name, (tags, _) in USERS.items():
            ask_guest(client, "PUT", at("users", name), {"password": PASSWORD, "tags": tags})
        yield
    finally:
        client.close()
        sweep(broker)


@contextlib.contextmanager
def stage_of(broker: Broker, vhost: str) -> Iterator[Stage]:
    """A section's stage, with its vhost, which goes when it ends."""
    client = Client(broker.api_port)
    stage = Stage(broker, vhost)
    try:
        ask_guest(client, "PUT", at("vhosts", vhost))
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        ask_guest(client, "PUT", at("permissions", vhost, "guest"), everything)
        for name, (_, permissions) in USERS.items():
            if permissions is not None:
                granted = dict(zip(("configure", "write", "read"), permissions, strict=True))
                ask_guest(client, "PUT", at("permissions", vhost, name), granted)
        yield stage
    finally:
        stage.close()
        ask_guest(client, "DELETE", at("vhosts", vhost))
        client.close()
