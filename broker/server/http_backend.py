"""Who may do what, asked of an HTTP service: rabbitmq_auth_backend_http, octet for octet.

user_path      username, password                                  allow [tags] | deny
vhost_path     username, vhost, ip, tags                           allow | deny
resource_path  username, vhost, resource, name, permission, tags   allow | deny
topic_path     the same, routing_key, variable_map.username, variable_map.vhost
"""

from __future__ import annotations

import asyncio
import ssl
import string
from typing import TYPE_CHECKING

from broker.amqp.erlang import Atom, CharList
from broker.auth.backends import (
    Answer,
    Done,
    NewSecret,
    Question,
    ResourceAccess,
    TopicAccess,
    VhostAccess,
)
from broker.auth.mechanisms import Credentials
from broker.server.asking import Asking
from broker.server.http_client import HttpClient, HttpError, Response

if TYPE_CHECKING:
    from broker.auth_settings import HttpService

NAME = "rabbit_auth_backend_http"
_SAFE = frozenset((string.ascii_letters + string.digits + "~-_.").encode())


class HttpBackend(Asking):
    """Seam `Backend`."""

    takes_secrets = False

    def __init__(self, settings: HttpService, tls: ssl.SSLContext | None = None):
        super().__init__(NAME, settings.request_timeout_ms / 1000)
        self._settings = settings
        self._client = HttpClient(tls, settings.connection_timeout_ms / 1000)

    def ask(self, question: Question, done: Done) -> None:
        self.answer_by(self._judge(question), done)

    async def _judge(self, question: Question) -> Answer:
        try:
            response = await self._send(*self._request_for(question))
        except (OSError, HttpError, asyncio.IncompleteReadError) as error:
            if isinstance(error, TimeoutError):
                return Answer(False, error=Atom("timeout"))
            return Answer(False, error=(Atom("failed_connect"), CharList(_described(error))))
        text = response.body.decode("latin-1")
        if response.status not in (200, 201):
            return Answer(False, error=(response.status, CharList(text)))
        verdict = text.strip(" ").lower()
        if verdict == "deny":
            return Answer(False, reason="Denied by the backing HTTP service")
        if isinstance(question, Credentials) and verdict.startswith("allow"):
            return Answer(True, tuple(verdict.removeprefix("allow").split()))
        if verdict == "allow":
            return Answer(True)
        return Answer(False, error=(Atom("bad_response"), CharList(verdict)))

    async def _send(self, url: str, query: str) -> Response:
        if self._settings.method == "get":
            return await self._client.request("GET", f"{url}?{query}", {})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self._client.request("POST", url, headers, query.encode())

    def _request_for(self, question: Question) -> tuple[str, str]:
        """The URL and its parameters, in RabbitMQ's order."""
        settings = self._settings
        match question:
            case Credentials(username, password):
                parameters = [("username", username)]
                if password is not None:
                    parameters.append(("password", password.decode("utf-8", "surrogateescape")))
                url = settings.user_path
            case VhostAccess(username, tags, vhost, address):
                parameters = [("username", username), ("vhost", vhost), ("ip", address)]
                parameters.append(("tags", " ".join(tags)))
                url = settings.vhost_path
            case ResourceAccess(username, tags, vhost, kind, name, permission):
                parameters = _resource(username, tags, vhost, kind, name, permission)
                url = settings.resource_path
            case TopicAccess(username, tags, vhost, name, permission, routing_key):
                parameters = _resource(username, tags, vhost, "topic", name, permission)
                parameters += [
                    ("routing_key", routing_key),
                    ("variable_map.username", username),
                    ("variable_map.vhost", vhost),
                ]
                url = settings.topic_path
            case NewSecret():
                raise AssertionError("it takes no secrets")
        return url, "&".join(f"{name}={quoted(value)}" for name, value in parameters)

    async def close(self) -> None:
        await super().close()
        await self._client.close()


def _resource(
    username: str, tags: tuple[str, ...], vhost: str, kind: str, name: str, permission: str
) -> list[tuple[str, str]]:
    return [
        ("username", username),
        ("vhost", vhost),
        ("resource", kind),
        ("name", name),
        ("permission", permission),
        ("tags", " ".join(tags)),
    ]


def quoted(text: str) -> str:
    """As in a form: RabbitMQ's rabbit_http_util:quote_plus."""
    return "".join(
        chr(octet) if octet in _SAFE else "+" if octet == 0x20 else f"%{octet:02X}"
        for octet in text.encode("utf-8", "surrogateescape")
    )


def _described(error: Exception) -> str:
    return str(error) or type(error).__name__
