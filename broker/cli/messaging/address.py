"""Which broker, as whom: from --uri and the options beside it, which count more.

Spec of the URI: RabbitMQ's; user, password and vhost are percent-encoded, and a URI that names no
vhost means "/".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from broker.cli.messaging.exits import Failure, usage
from broker.cli.messaging.options import Given

PORT, TLS_PORT = 5672, 5671


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """heartbeat_s: asked for; 0: none. What is empty was not given."""

    host: str = "127.0.0.1"
    port: int = 0  # 0: the usual one
    user: str = "guest"
    password: str = field(default="guest", repr=False)
    vhost: str = "/"
    is_tls: bool = False
    cacert: str = ""
    cert: str = ""
    key: str = ""
    is_insecure: bool = False
    heartbeat_s: int = 30
    connect_timeout_s: float = 10.0

    @property
    def place(self) -> tuple[str, int]:
        return self.host, self.port or (TLS_PORT if self.is_tls else PORT)

    def __str__(self) -> str:
        host, port = self.place
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def of_options(given: Given) -> Address:
    """Raises: Failure."""
    address = of_uri(given.text("uri")) if given.has("uri") else Address()
    texts = {name: given.text(name) for name in ("host", "vhost", "user", "cacert", "cert", "key")}
    given.at_most_one("password", "password_file")
    if given.has("password"):
        texts["password"] = given.text("password")
    elif given.has("password_file"):
        texts["password"] = _first_line(given.text("password_file"))
    address = replace(
        address,
        **{name: text for name, text in texts.items() if text},
        port=given.integer("port", address.port, 1, 65535),
        is_tls=address.is_tls or given.switch("tls"),
        is_insecure=address.is_insecure or given.switch("insecure"),
        heartbeat_s=given.integer("heartbeat", address.heartbeat_s, 0, 65535),
        connect_timeout_s=given.number("connect_timeout") or address.connect_timeout_s,
    )
    if (address.cacert or address.cert or address.key or address.is_insecure) and (
        not address.is_tls
    ):
        raise usage("options for TLS need --tls or an amqps:// URI")
    if address.key and not address.cert:
        raise usage("--key needs --cert")
    return address


def of_uri(uri: str) -> Address:
    """Raises: Failure; its text does not show the URI, which may hold a password."""
    from urllib.parse import parse_qsl, unquote, urlsplit

    try:
        parts = urlsplit(uri)
        port = parts.port or 0
    except ValueError as error:
        raise usage(f"--uri: {error}") from None
    if parts.scheme not in ("amqp", "amqps"):
        raise usage("--uri begins with amqp:// or amqps://")
    if "/" in parts.path[1:]:
        raise usage("--uri: a slash in the name of a vhost is written %2F")
    address = Address(
        host=unquote(parts.hostname or "127.0.0.1"),
        port=port,
        user=unquote(parts.username) if parts.username is not None else "guest",
        password=unquote(parts.password) if parts.password is not None else "guest",
        vhost=unquote(parts.path[1:]) or "/",
        is_tls=parts.scheme == "amqps",
    )
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        address = _with_parameter(address, name, value)
    return address


_FILES = {"cacertfile": "cacert", "certfile": "cert", "keyfile": "key"}


def _with_parameter(address: Address, name: str, value: str) -> Address:
    """Those that RabbitMQ's clients know and that mean something here."""
    if name in _FILES:
        return replace(address, **{_FILES[name]: value})  # type: ignore[arg-type]
    if name == "verify" and value in ("verify_none", "verify_peer"):
        return replace(address, is_insecure=value == "verify_none")
    if name == "heartbeat" and value.isascii() and value.isdigit() and int(value) < 65536:
        return replace(address, heartbeat_s=int(value))
    if name == "connection_timeout" and value.isascii() and value.isdigit() and int(value):
        return replace(address, connect_timeout_s=int(value) / 1000)
    raise usage(f"--uri: '{name}' is no parameter that means something here, or its value is wrong")


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{path}: {getattr(error, 'strerror', None) or 'is no text'}", 66) from None
